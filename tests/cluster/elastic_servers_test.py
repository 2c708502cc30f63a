"""Shards of real servers that move, servers that are drained and switched off, while a client pushes.

usage: elastic_servers_test.py PROGRAM
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else None
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from adding_client import AddingClient  # noqa: E402


class Elastic(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ngd-elastic-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.servers, self.addresses = {}, {}

    def start(self, node, replicas=1, zone=""):
        server = subprocess.Popen(
            [PROGRAM, "server", "-o", "plain", "--listen", "ipc://" + os.path.join(self.folder, f"s{node}"), "--node", str(node),
             "--coordinator", "local:" + os.path.join(self.folder, "coordinator"), "--replicas", str(replicas), "--zone", zone],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        line = server.stdout.readline()
        self.assertTrue(line.startswith("listening\t"), line or server.stderr.read())
        self.servers[node], self.addresses[node] = server, line.split("\t")[1].strip()

    def cluster(self, *words, fails=False):
        done = subprocess.run([PROGRAM, "cluster", *words, "--servers", ",".join(self.addresses.values()), "--model", "w", "-o", "json"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1 if fails else 0, done.stderr)
        return done.stderr if fails else json.loads(done.stdout)

    def push_on(self):
        """Pushes until told to stop; returns what to call then, which gives the number of pushes and the longest wait."""
        client = AddingClient(PROGRAM, "w", list(self.addresses.values()), connect_ms=20000, wait_ms=20000)
        stop, counts = threading.Event(), [0, 0.0]

        def work():
            while not stop.is_set():
                before = time.monotonic()
                client.push()
                counts[0] += 1
                counts[1] = max(counts[1], time.monotonic() - before)

        thread = threading.Thread(target=work)
        thread.start()

        def finish():
            stop.set()
            thread.join(30)
            self.assertEqual(client.pull(), {counts[0]})
            client.end()
            return counts

        return finish

    def wanted(self):
        return [shard["wanted"] for shard in self.cluster("show")["models"][0]["shards"]]

    def test_grows_and_shrinks_under_load(self):
        self.start(1)
        finish = self.push_on()
        time.sleep(0.3)
        for node in (2, 3):
            self.start(node)
        waits = []
        for words in (("replicas", "2"), ("balance",), ("drain", "1"), ("undrain", "1"), ("replicas", "3"), ("move", "0", "1"),
                      ("move", "1", "3", "2"), ("replicas", "2")):
            before = time.monotonic()
            done = self.cluster(*words)
            waits.append(time.monotonic() - before)
            self.assertEqual(done["in_place"], done["shards"], words)
            if words[0] == "drain":
                self.assertTrue(all(1 not in nodes for nodes in self.wanted()))
                # It has nothing and can go; what it is asked for is elsewhere.
                self.servers[1].terminate()
                self.assertEqual(self.servers[1].wait(20), 0)
                del self.addresses[1]
                self.start(1)
        pushes, longest = finish()
        self.assertGreater(pushes, 100)
        print(f"{len(waits)} arrangements in {sum(waits):.1f} s, {pushes} updates meanwhile, each there once; "
              f"the longest push took {longest:.2f} s")

    def test_zones_and_refusals(self):
        for node in (1, 2, 3, 4):
            self.start(node, replicas=2, zone="ab"[(node - 1) // 2])
        time.sleep(0.5)
        finish = self.push_on()
        for nodes in self.wanted():
            self.assertEqual({(node - 1) // 2 for node in nodes}, {0, 1}, "copies are in both zones")
        self.assertIn("5 replicas need", self.cluster("replicas", "5", fails=True))
        self.assertIn("has no shard 7", self.cluster("move", "7", "1", fails=True))
        self.assertIn("knows no server 9", self.cluster("drain", "9", fails=True))
        finish()

    def test_page_and_metrics(self):
        for node in (1, 2):
            self.start(node, replicas=2)
        time.sleep(0.5)
        finish = self.push_on()
        page = subprocess.Popen([PROGRAM, "cluster", "page", "--page", "127.0.0.1:0", "--servers", ",".join(self.addresses.values()),
                                 "--model", "w"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(page.communicate)
        self.addCleanup(page.kill)
        line = page.stdout.readline()
        if "without cpp-httplib" in (line or page.stderr.read()):
            finish()
            self.skipTest("the program was built without cpp-httplib")
        url = line.split("\t")[1].strip()

        def get(path):
            with urllib.request.urlopen(url + path, timeout=10) as answer:
                return answer.read().decode()

        until = time.monotonic() + 20
        while (state := json.loads(get("state")))["version"] < 2 or len(state["history"]) < 2:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)
        self.assertEqual([one["node"] for one in state["servers"]], [1, 2])
        leader = state["models"][0]["shards"][0]["leader"]
        self.servers[leader].kill()
        while not (state := json.loads(get("state")))["takeovers"]:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)
        self.assertIn(f"leads in place of {leader}", " ".join(one["text"] for one in state["events"]))
        metrics = get("metrics")
        # What the alerts and the manual look at is there.
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
        named = set()
        for name, pattern in (("packaging/prometheus/ngd-alerts.yaml", r"\b(ngd_\w+)"), ("docs/deployment.md", r"`(ngd_\w+)`")):
            with open(os.path.join(root, name), encoding="utf-8") as file:
                named |= set(re.findall(pattern, file.read()))
        self.assertGreater(len(named), 8)
        told = set(re.findall(r"^# TYPE (\w+)", metrics, re.M))
        self.assertEqual(named - told, set())
        self.assertRegex(metrics, r'ngd_model_version\{model="w"\} [0-9]+\n')
        self.assertRegex(metrics, r'ngd_shard_wanted\{model="w",shard="1"\} 2\n')
        self.assertIn("<title>ngd cluster</title>", get(""))
        finish()
        page.send_signal(signal.SIGINT)
        self.assertEqual(page.wait(20), 0)


if __name__ == "__main__":
    unittest.main()
