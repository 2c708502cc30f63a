"""Two servers that agree through a real etcd of three members: a model over both, etcd's leader killed, a server killed.

usage: servers_test.py PROGRAM. Exit code 77 with a message where there is no etcd, or the module was not built.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else None
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "cluster"))
from adding_client import AddingClient, _raw, library  # noqa: E402
from etcd_members import Etcd  # noqa: E402


class Servers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ngd-etcd-")
        self.addCleanup(shutil.rmtree, self.folder)

    def etcd(self):
        etcd = Etcd(self.folder)
        self.addCleanup(etcd.end)
        return etcd

    def server(self, node, coordinator):
        server = subprocess.Popen([PROGRAM, "server", "-o", "plain", "--listen", "tcp://127.0.0.1:*", "--node", str(node),
                                   "--coordinator", coordinator], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        line = server.stdout.readline()
        self.assertTrue(line.startswith("listening\t"), line or server.stderr.read())
        return server, line.split("\t")[1].strip()

    def client(self, name, addresses):
        client = AddingClient(PROGRAM, name, addresses)
        self.addCleanup(client.end)
        return client

    def test_a_model_lives_on_while_etcds_leader_and_a_server_die(self):
        etcd = self.etcd()
        (_, first), (second, second_address) = self.server(1, etcd.address()), self.server(2, etcd.address())
        self.assertEqual(etcd.keys("/ngd/ngd/alive/"), ["/ngd/ngd/alive/1", "/ngd/ngd/alive/2"])
        client = self.client("m", [first, second_address])
        for _ in range(20):
            client.push()
        etcd.kill(etcd.leader())
        killed, longest = time.monotonic(), 0.0
        for _ in range(20):  # nothing of this needs etcd
            before = time.monotonic()
            client.push()
            longest = max(longest, time.monotonic() - before)
        self.assertLess(longest, 1)
        self.assertEqual(client.pull(), {40})
        # A new model does; it comes once etcd has a leader again.
        other = self.client("other", [first, second_address])
        waited = time.monotonic() - killed
        other.push()
        self.assertEqual(other.pull(), {1})
        self.assertLess(waited, 12)
        print(f"longest push with etcd's leader dead: {longest * 1000:.1f} ms; a new model {waited:.2f} s after its death")

        # Both models are on both servers; what is made after the second has died and been missed is on the first alone.
        second.kill()
        second.wait()
        killed = time.monotonic()
        while etcd.keys("/ngd/ngd/alive/") != ["/ngd/ngd/alive/1"]:
            self.assertLess(time.monotonic() - killed, 20)
            time.sleep(0.2)
        print(f"the server that was killed is missed after {time.monotonic() - killed:.1f} s")
        with self.assertRaises(AssertionError):
            client.array[:] = [1] * AddingClient.SIZE
            client.call("push_f32", client.handle, _raw.NGD_PUSH_DELTA, client.tensors, 1, 1000, None, ctypes.byref(client.error))
        late = self.client("late", [first])
        late.push()
        self.assertEqual(late.pull(), {1})

    def test_servers_end_in_order_and_leave_at_once(self):
        etcd = self.etcd()
        server, _ = self.server(1, etcd.address())
        self.assertEqual(etcd.keys("/ngd/ngd/"), ["/ngd/ngd/alive/1", "/ngd/ngd/node/1"])
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(timeout=10), 0)
        self.assertEqual(etcd.keys("/ngd/ngd/"), ["/ngd/ngd/node/1"])

    def fails(self, coordinator, *expected, **environment):
        done = subprocess.run([PROGRAM, "server", "--listen", "tcp://127.0.0.1:*", "--coordinator", coordinator],
                              capture_output=True, text=True, timeout=60, env={**os.environ, **environment})
        self.assertNotEqual(done.returncode, 0)
        for text in expected:
            self.assertIn(text, done.stderr)

    def test_what_cannot_be_is_told(self):
        self.fails("etcd://127.0.0.1:1,127.0.0.1:2", "names 2 members of etcd", "?single_member=1")
        self.fails("etcd://127.0.0.1:1,127.0.0.1:2,127.0.0.1:3", "did not answer within 10000 ms", "http://127.0.0.1:")
        # libngd without its module beside it.
        alone = os.path.join(self.folder, "libngd.so.0")
        shutil.copy(library(PROGRAM), alone)
        self.fails("etcd://127.0.0.1:1,127.0.0.1:2,127.0.0.1:3", "the module of this coordinator cannot be opened",
                   f"{self.folder}/ngd/libngd_coord_etcd.so", "install the component coordinator_etcd",
                   LD_LIBRARY_PATH=self.folder)


if __name__ == "__main__":
    if PROGRAM is None:
        sys.exit("usage: servers_test.py PROGRAM")
    if not Etcd.installed():
        print("skipped: there is no program etcd (Debian: etcd-server)")
        sys.exit(77)
    if not os.path.exists(os.path.join(os.path.dirname(library(PROGRAM)), "ngd", "libngd_coord_etcd.so")):
        print("skipped: the module libngd_coord_etcd.so was not built, for want of libcurl")
        sys.exit(77)
    unittest.main()
