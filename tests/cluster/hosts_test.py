"""Training over hosts: two with servers, two with workers, one that looks on; each a network namespace, over real tcp. And what
users are told who get something wrong.

usage: hosts_test.py PROGRAM
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else None
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "faults"), os.path.join(HERE, "..", "coordinator")]
import network  # noqa: E402
from etcd_members import Etcd  # noqa: E402

SERVERS, WORKERS = (1, 2), (3, 4)
ROWS = 1500


def flowers(path, rows=ROWS):
    state, lines = 12345, ["kind,length,width"]
    for row in range(rows):
        noise = []
        for _ in range(2):
            state = (state * 1103515245 + 12345) % 2**31
            noise.append(state / 2**31 - 0.5)
        lines.append(f"{'red green blue'.split()[row % 3]},{3 * (row % 3) + noise[0]:.4f},{5 - 2 * (row % 3) + noise[1]:.4f}")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


class Hosts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        why = network.why_not()
        if why:
            raise unittest.SkipTest(why)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ngd-hosts-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.network = network.Network(len(SERVERS) + len(WORKERS))
        self.addCleanup(self.network.close)
        self.keys, self.servers = {}, {}
        module = os.path.join(os.path.dirname(PROGRAM), "..", "..", "ngd", "libngd_coord_etcd.so")
        if Etcd.installed() and os.path.exists(module):
            os.mkdir(self.path("etcd"))
            etcd = Etcd(self.path("etcd"), host=self.network.ETCD)
            self.addCleanup(etcd.end)
            self.coordinator = etcd.address()
        else:
            self.coordinator = "local:" + self.path("coordinator")
        flowers(self.path("flowers.csv"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_keys(self):
        """Of the servers, a user, and somebody whom the servers do not know."""
        os.mkdir(self.path("authorized"), 0o700)
        for name, role in (("server", "server"), ("alice", "worker"), ("mallory", "worker")):
            self.ngd("keygen", self.path(name), "--role", role, plain=True)
        for name in ("server", "alice"):
            shutil.copy(self.path(name + ".key"), self.path("authorized"))
        self.keys = {"--key": self.path("alice"), "--server-key": self.path("server.key")}

    def address(self, node):
        return f"tcp://{self.network.host(node)}:7070"

    @property
    def addresses(self):
        return ",".join(self.address(node) for node in SERVERS)

    def spawn(self, *words, on=None, **more):
        where = self.network.inside(on) if on else []
        process = subprocess.Popen([*where, PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder,
                                   **more)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def start_server(self, node):
        access = (["--key", self.path("server"), "--authorized", self.path("authorized")] if self.keys else ["--trusted-network"])
        server = self.spawn("server", "-o", "plain", "--listen", "tcp://*:7070", "--advertise", self.address(node), "--node", str(node),
                            "--coordinator", self.coordinator, "--replicas", "2", "--data-dir", self.path(f"data{node}"),
                            "--checkpoint-every", "1", "--zone", f"host{node}", *access, on=node)
        self.servers[node] = server
        line = server.stdout.readline()
        self.assertTrue(line.startswith("listening\t"), line or server.stderr.read())

    def access(self):
        return [word for pair in self.keys.items() for word in pair] if self.keys else ["--trusted-network"]

    def ngd(self, *words, on=None, plain=False, fails=False, timeout=120):
        """To its end; what it said on stdout, or of a failure on stderr."""
        process = self.spawn(*words, *([] if plain else self.access()), on=on)
        out, err = process.communicate(timeout=timeout)
        self.assertEqual(process.returncode, 1 if fails else 0, f"{words}\n{out}\n{err}")
        return err if fails else out

    def train(self, run, *more, name="flowers"):
        client = "client:" + (f"key={self.path('alice')},server_key={self.path('server.key')}" if self.keys else "trusted_network=1")
        return self.spawn("train", "--data", "flowers.csv", "--format", "csv:label=kind", "--model", "mlp:hidden=8", "--optimizer",
                          "ngd:learning_rate=0.01", "--held-out", "0.2", "--run", run, "--workers", "0", "--connect", self.addresses,
                          "--model-name", name, "--client", client, "--shards", "2", "--lease", "1.5", "-o", "json", *more)

    def worker(self, on, *more, data="flowers.csv", servers=None):
        shutil.copy(self.path("flowers.csv"), self.path(f"host{on}.csv"))  # each host has its own
        return self.spawn("worker", "--servers", servers or self.addresses, "--data", f"host{on}.csv" if data == "flowers.csv" else data,
                          *self.access(), *more, on=on)

    def log(self, run):
        with open(self.path(run + "/log.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def wait_for(self, what, condition, seconds=60):
        until = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), until, what)
            time.sleep(0.05)

    def rows_so_far(self, run):
        try:
            return max((line.get("rows", 0) for line in self.log(run)), default=0)
        except (OSError, ValueError):
            return 0

    def ends_well(self, process, seconds=120):
        out, err = process.communicate(timeout=seconds)
        self.assertEqual(process.returncode, 0, out + err)
        return out, err

    def trains_over_hosts(self):
        """Workers of two hosts; one came before the training; the leader's host dies on the way; settings change."""
        for node in SERVERS:
            self.start_server(node)
        early = self.worker(WORKERS[0])
        line = early.stderr.readline()
        self.assertIn("ngd: waiting for ngd train --connect to begin: the servers have no model yet", line)
        training = self.train("run", "--trainer", "trainer:epochs=60,batch_size=16,partitions=2")
        self.wait_for("the first worker trains", lambda: self.rows_so_far("run") > 2000)
        late = self.worker(WORKERS[1])
        from_version = int(self.ngd("client", "set", "learning_rate", "0.005", "optimizer.weight_decay", "0.001", "--servers",
                                    self.addresses, "-o", "plain", on=WORKERS[0]).split()[1])
        self.wait_for("both train", lambda: self.rows_so_far("run") > 10000)
        places = json.loads(self.ngd("cluster", "show", "--servers", self.addresses, "-o", "json", on=WORKERS[1]))
        self.assertEqual([server["zone"] for server in places["servers"]], ["host1", "host2"])
        leader = places["models"][0]["shards"][0]["leader"]
        self.servers[leader].send_signal(signal.SIGKILL)
        self.servers[leader].wait()
        rows = self.rows_so_far("run")
        self.wait_for("it goes on without that host", lambda: self.rows_so_far("run") > rows + 2000)
        self.start_server(leader)
        out, _ = self.ends_well(training)
        self.ends_well(early)
        self.ends_well(late)
        events = [json.loads(line) for line in out.splitlines()]
        self.assertGreater(events[-1]["held_out_accuracy"], 0.97)
        end = [line for line in self.log("run") if line["event"] == "end"][-1]
        self.assertEqual((end["reason"], end["epoch"]), ("epochs", 60))
        self.assertEqual(end["rows"] % 60, 0)
        told = [line for line in self.log("run") if line["event"] == "settings"]
        self.assertEqual([(one["version"], one["settings"]) for one in told],
                         [(from_version, "learning_rate=0.005,weight_decay=0.001")])
        self.assertEqual([one["learning_rate"] for one in events if one["event"] == "end"], [0.005])
        status = json.loads(self.ngd("status", "--servers", self.addresses, "-o", "json"))
        self.assertEqual(status["settings"], {"from_version": from_version, "settings": "learning_rate=0.005,weight_decay=0.001"})
        self.assertEqual(status["lineage"], 1)
        self.assertIn(f"server\t{leader}", self.ngd("cluster", "ready", str(leader), "--servers", self.address(leader), "-o", "plain"))

    def test_training_over_trusted_hosts(self):
        self.trains_over_hosts()

    def test_training_over_hosts_with_keys(self):
        self.make_keys()
        self.trains_over_hosts()

    def test_what_users_are_told(self):
        for node in SERVERS:
            self.start_server(node)
        here, nobody = self.address(SERVERS[0]), f"tcp://{self.network.host(WORKERS[1])}:7070"
        # Nobody listens there; there is no such host; the address is none.
        for servers, words in ((nobody, "nobody listens on"), ("tcp://10.77.0.99:7070", "is not reached"), ("10.77.0.11:7070", "begins with none of"),
                               ("tcp://no-such-host.invalid:7070", "is the name right")):
            said = self.ngd("status", "--servers", servers, "--timeout", "2", fails=True)
            self.assertIn(words, said)
            self.assertIn(servers, said)
        self.assertIn("leaves this host unencrypted", self.ngd("status", "--servers", here, plain=True, fails=True))
        self.assertIn("the servers have no model yet", self.ngd("status", "--servers", here, fails=True))
        # Nobody begins to train.
        self.assertIn("waited 1 s for ngd train --connect", self.ngd("worker", "--servers", here, "--data", "flowers.csv", "--patience",
                                                                   "1", fails=True))
        training = self.train("run", "--trainer", "trainer:epochs=400,batch_size=16,partitions=2")
        worker = self.worker(WORKERS[0])
        self.wait_for("it trains", lambda: self.rows_so_far("run") > 1000)
        # Other data; another name; the run once more; the same name for something else.
        flowers(self.path("other.csv"), ROWS - 30)
        other = self.worker(WORKERS[1], data="other.csv")
        said = other.communicate(timeout=60)[1]
        self.assertEqual(other.returncode, 1)
        self.assertIn("the training on the servers is another: its rows is", said)
        self.assertIn('the servers have no model "flower"; they have: flowers',
                      self.ngd("worker", "--servers", here, "--model", "flower", "--data", "flowers.csv", "--patience", "0", fails=True))
        again = self.train("run")
        self.assertIn("another ngd train is at work in the run directory", again.communicate(timeout=60)[1])
        another = self.train("run2", "--trainer", "trainer:epochs=7,batch_size=16,partitions=2")
        said = another.communicate(timeout=60)[1]
        self.assertEqual(another.returncode, 1)
        self.assertIn('the servers have begun to train a model "flowers" already; take another --model-name', said)
        # Settings that the optimizer refuses.
        self.assertIn('option "beta1" of rule "ngd" is 1, outside its range',
                      self.ngd("client", "set", "optimizer.beta1", "1", "learning_rate", "0.1", "--servers", here, fails=True))
        self.assertIn("a name, but no text", self.ngd_usage("client", "set", "learning_rate", "--servers", here))
        training.send_signal(signal.SIGINT)
        training.communicate(timeout=60)
        worker.send_signal(signal.SIGINT)
        worker.communicate(timeout=60)

    def ngd_usage(self, *words):
        process = self.spawn(*words, *self.access())
        err = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 2, err)
        return err

    def test_wrong_keys(self):
        self.make_keys()
        self.start_server(SERVERS[0])
        here = ["--servers", self.address(SERVERS[0]), "--timeout", "2"]
        unknown = self.ngd("status", *here, "--key", self.path("mallory"), "--server-key", self.path("server.key"), plain=True, fails=True)
        self.assertIn("does not talk to this key", unknown)
        impostor = self.ngd("status", *here, "--key", self.path("alice"), "--server-key", self.path("mallory.key"), plain=True, fails=True)
        self.assertIn("is the server's key the right one", impostor)
        plain = self.ngd("status", *here, "--trusted-network", plain=True, fails=True)
        self.assertIn("it may want keys", plain)
        # A worker's key may not say where shards are.
        self.assertIn("only a key with the role admin", self.ngd("cluster", "drain", "1", *here, fails=True))
        drained = self.ngd("cluster", "drain", "1", *here, "--key", self.path("server"), "--server-key", self.path("server.key"), "--no-wait",
                           plain=True)
        self.assertIn("in_place", drained)


if __name__ == "__main__":
    if PROGRAM is None:
        sys.exit("usage: hosts_test.py PROGRAM [unittest options]")
    unittest.main()
