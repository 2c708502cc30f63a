"""ngd server, client, status and keygen: a server as a process, spoken to from the shell."""
import json
import os
import signal
import subprocess
import sys

from program import PROGRAM, ProgramTest, environment, main


class ServerTest(ProgramTest):
    def start(self, *arguments):
        os.chmod(self.directory, 0o700)
        server = subprocess.Popen([PROGRAM, "server", "-o", "plain", *arguments], cwd=self.directory, env=environment(),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, server)
        line = server.stdout.readline()
        self.assertTrue(line.startswith("listening\t"), line or server.stderr.read())
        return server, line.split("\t")[1].strip()

    def end(self, server):
        if server.poll() is None:
            server.kill()
        server.communicate()

    def stop(self, server):
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=60)
        self.assertEqual(server.returncode, 0, err)
        self.assertEqual(out, "stopped\n")

    def train(self, address):
        """A model of one tensor, made by a client of the library: the program makes none."""
        code = ("import ctypes, sys; sys.path.insert(0, sys.argv[2]); import _raw\n"
                "l = ctypes.CDLL(sys.argv[3]); _raw.declare(l); e = _raw.ngd_error(); c = ctypes.c_void_p()\n"
                "def ok(s):\n    assert s == 0, e.message\n"
                "ok(l.ngd_client_create(b'client:model=m', ctypes.byref(c), ctypes.byref(e)))\n"
                "shape = (ctypes.c_int64 * 1)(3); ok(l.ngd_client_add_f32(c, b'w', shape, 1, ctypes.byref(e)))\n"
                "ok(l.ngd_client_connect(c, sys.argv[1].encode(), 10000, ctypes.byref(e)))\n"
                "w = (ctypes.c_float * 3)(1, 2, 3); t = (ctypes.c_void_p * 1)(ctypes.addressof(w))\n"
                "ok(l.ngd_client_init_f32(c, t, 1, 10000, None, None, ctypes.byref(e)))\nl.ngd_client_destroy(c)\n")
        library = next(line.split("=>")[1].split()[0] for line in
                       subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout.splitlines()
                       if "libngd" in line)
        bindings = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bindings", "python", "ngd")
        subprocess.run([sys.executable, "-B", "-c", code, address, bindings, library], check=True, timeout=60)

    def test_a_model_is_pulled_pushed_and_kept_over_a_restart(self):
        server, address = self.start("--listen", f"ipc://{self.path('socket')}", "--data-dir", "data")
        self.train(address)
        to = ("--servers", address, "--model", "m")
        self.assertEqual(self.ngd("client", "pull", *to, "-o", "plain").stdout, "1\n2\n3\n")
        self.assertEqual(self.ngd("client", "push", *to, "--kind", "delta", "-o", "plain", stdin="1 1\n1").stdout, "version\t2\n")
        self.assertEqual(self.json("client", "pull", *to, "--tensor", "w"), {"tensor": "w", "version": 2, "values": [2, 3, 4]})
        status = self.json("status", *to)
        self.assertEqual((status["version"], status["shards"], status["parameters"]), (2, 1, 3))
        self.stop(server)
        server, address = self.start("--listen", f"ipc://{self.path('socket')}", "--data-dir", "data")
        self.assertEqual(self.ngd("client", "pull", *to, "-o", "plain").stdout, "2\n3\n4\n")
        self.stop(server)

    def test_with_ack_disk_a_killed_server_comes_back_with_all_that_it_answered(self):
        where = ("--listen", f"ipc://{self.path('socket')}", "--data-dir", "data", "--ack", "disk")
        server, address = self.start(*where)
        self.train(address)
        to = ("--servers", address, "--model", "m")
        for k in range(2, 7):
            self.assertEqual(self.ngd("client", "push", *to, "--kind", "delta", "-o", "plain", stdin="1 1\n1").stdout,
                             f"version\t{k}\n")
            server.kill()
            server.wait()
            server, address = self.start(*where)
        self.assertEqual(self.json("client", "pull", *to, "--tensor", "w"), {"tensor": "w", "version": 6, "values": [6, 7, 8]})
        self.stop(server)
        self.fails(1, "ngd: error: option ack=disk needs a directory for the log; set data_dir\n", "server", "--ack", "disk")

    def test_values_and_locks(self):
        server, address = self.start("--listen", "tcp://127.0.0.1:*")
        self.train(address)
        to = ("--servers", address, "--model", "m")
        self.assertEqual(self.ngd("client", "set", *to, "learning_rate", "0.5", "-o", "plain").stdout, "from_version\t2\n")
        self.assertEqual(self.ngd("client", "set", *to, "colour", "red", "-o", "plain").stdout, "version\t1\n")
        self.assertEqual(self.ngd("client", "get", *to, "optimizer.changes").stdout, "2 learning_rate=0.5\n\n")
        self.assertEqual(self.ngd("client", "get", *to, "learning_rate").stdout, "0.5\n")
        # Under the global lock what a command sets goes through, and what another sets waits.
        change = (PROGRAM, "client", "set", *to, "learning_rate", "0.25", "optimizer.weight_decay", "0.1", "-o", "plain")
        self.assertEqual(self.ngd("client", "lock", *to, "model", "--", *change).stdout, "from_version\t2\n")
        self.assertEqual(self.ngd("client", "get", *to, "optimizer.changes").stdout, "2 learning_rate=0.25,weight_decay=0.1\n\n")
        late = self.ngd("client", "lock", *to, "model", "--", "env", "-u", "NGD_LOCK", *change, "--timeout", "1", expect=1)
        self.assertIn('somebody else holds the lock "model"', late.stderr)
        self.assertIn("give pairs: NAME VALUE", self.ngd("client", "set", *to, "learning_rate", expect=2).stderr)
        told = self.ngd("client", "lock", *to, "night", "--", "sh", "-c", "echo $NGD_LOCK_TOKEN; exit 3", expect=3).stdout
        self.assertGreater(int(told), 0)
        self.stop(server)

    def test_keys(self):
        os.mkdir(self.path("authorized"))
        self.ngd("keygen", "server", "--role", "server")
        self.assertEqual(self.ngd("keygen", "alice", "-o", "plain").stdout, "public\talice.key\nsecret\talice.key_secret\n")
        self.assertEqual(os.stat(self.path("alice.key_secret")).st_mode & 0o777, 0o600)
        self.fails(1, "ngd: error: alice.key_secret exists already: keys are never overwritten; remove it, or take another name\n",
                   "keygen", "alice")
        self.fails(1, 'ngd: error: unknown role "king"; known: reader, worker, admin, server\n', "keygen", "bob", "--role", "king")
        os.rename(self.path("alice.key"), self.path("authorized/alice.key"))
        server, address = self.start("--listen", "tcp://127.0.0.1:*", "--key", "server", "--authorized", "authorized")
        to = ("--servers", address, "--timeout", "2", "--model", "m")
        # Let in, the server says that there is no model; without a key it says nothing.
        known = self.ngd("status", *to, "--key", "alice", "--server-key", "server.key", expect=1).stderr
        self.assertEqual(known, 'ngd: error: the servers have no model "m"; they have none yet: ngd train --connect makes one\n')
        self.assertIn("it may want keys", self.ngd("status", *to, expect=1).stderr)
        self.stop(server)

    def test_what_cannot_be_is_told(self):
        self.fails(1, "ngd: error: address tcp://0.0.0.0:7070 leaves this host unencrypted: set the option key (ngd keygen "
                      "makes one), or trusted_network=1 where nobody else can reach the network\n",
                   "server", "--listen", "tcp://0.0.0.0:7070")
        self.fails(1, 'ngd: error: address "udp://127.0.0.1:1": it begins with none of tcp://, ipc:// and inproc://\n',
                   "server", "--listen", "udp://127.0.0.1:1")
        failed = self.ngd("status", "--servers", "tcp://127.0.0.1:1", "--timeout", "0.3", expect=1)
        self.assertIn("nobody listens on tcp://127.0.0.1:1; is the port right", failed.stderr)

    def test_json(self):
        server, address = self.start("--listen", "tcp://127.0.0.1:*")
        self.train(address)
        self.assertIn("version", json.loads(self.ngd("status", "--servers", address, "--model", "m", "-o", "json").stdout))
        self.stop(server)


if __name__ == "__main__":
    main()
