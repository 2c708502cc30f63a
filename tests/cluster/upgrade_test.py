"""Servers that are replaced one by one by another build, forth and back, while clients of each build push.

usage: upgrade_test.py PROGRAM OTHER_PROGRAM. ./dev upgrade builds the other from the commit before, or from the one it is given.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

OTHER = os.path.abspath(sys.argv.pop(2)) if len(sys.argv) > 2 else None
PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else None
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class Pusher:
    """A process that pushes to the model, with the library of one build, until its stdin ends; then it tells how often."""

    CODE = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from adding_client import AddingClient
client = AddingClient(sys.argv[2], "w", sys.argv[3].split(","), connect_ms=30000, wait_ms=30000, **({"more": sys.argv[4]} if sys.argv[4] else {}))
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
count = 0
while not stop.is_set():
    client.push()
    count += 1
    if count == 1: print("on", flush=True)
print(count, flush=True)
"""

    def __init__(self, program, addresses, more=""):
        # Declarations of its own build go with each library.
        folder = os.path.dirname(os.path.abspath(__file__))
        own = os.path.join(os.path.dirname(program), "..", "..", "..", "..", "tests", "cluster")
        self.process = subprocess.Popen([sys.executable, "-B", "-c", self.CODE, own if os.path.isdir(own) else folder, program,
                                         ",".join(addresses), more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "on\n"

    def end(self):
        self.process.stdin.close()
        count = int(self.process.stdout.readline())
        self.process.stdout.close()
        self.process.wait(30)
        return count


class Upgrade(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ngd-upgrade-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.servers = {}

    def start(self, node, program):
        server = subprocess.Popen(
            [program, "server", "-o", "plain", "--listen", "ipc://" + os.path.join(self.folder, f"s{node}"), "--node", str(node),
             "--coordinator", "local:" + os.path.join(self.folder, "coordinator"), "--replicas", "2"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        line = server.stdout.readline()
        self.assertTrue(line.startswith("listening\t"), line or server.stderr.read())
        self.servers[node] = server
        return line.split("\t")[1].strip()

    def test_both_live_together(self):
        addresses = [self.start(node, OTHER) for node in (1, 2, 3)]
        time.sleep(1)
        # The last one's updates travel in 16 bits whenever all servers read that; they are the same updates.
        pushers = [Pusher(OTHER, addresses), Pusher(PROGRAM, addresses), Pusher(PROGRAM, addresses, ",compress=bf16")]
        rounds = 0
        for program in (PROGRAM, OTHER, PROGRAM):
            for node in (1, 2, 3):
                time.sleep(4)  # the last one is in sync again
                self.servers[node].send_signal(signal.SIGTERM if node != 2 else signal.SIGKILL)
                self.servers[node].wait(30)
                self.start(node, program)
                rounds += 1
        time.sleep(1)
        counts = [pusher.end() for pusher in pushers]
        from adding_client import AddingClient
        self.assertEqual(AddingClient(PROGRAM, "w", addresses).pull(), {sum(counts)})
        print(f"{rounds} servers replaced, {sum(counts)} updates of clients of both builds, each there once")


if __name__ == "__main__":
    if OTHER is None:
        print("needs a build to upgrade from: ./dev upgrade")
        sys.exit(77)
    unittest.main()
