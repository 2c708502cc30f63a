"""Servers in this process: where they listen, what they keep, keys, several of them, a forked child."""

import json
import os
import signal
import tempfile
import time
import unittest

import numpy as np

import ngd
from cluster import vector


class Servers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # with mode 0700, as ipc wants it
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def test_a_server_starts_stops_and_tells_where_it_listens(self):
        ipc = f"ipc://{self.path('socket')}"
        server = ngd.Server(listen=f"tcp://127.0.0.1:*,{ipc}", node=7)
        self.assertFalse(server.running)
        for call in (server.stop, server.checkpoint, server.status, lambda: server.endpoints):
            with self.assertRaises(ngd.StateError):
                call()
        with server:
            self.assertTrue(server.running)
            self.assertRegex(server.endpoints[0], r"^tcp://127\.0\.0\.1:[1-9]\d*$")
            self.assertEqual(server.endpoints[1:], [ipc])
            for endpoint in server.endpoints:
                with ngd.Client(model=endpoint[:3]) as client:
                    client.add("w", (2,))
                    self.assertEqual(client.connect(endpoint).version(), 0)
            with self.assertRaises(ngd.StateError):
                server.start()
            with self.assertRaises(ngd.StateError):
                server["listen"] = "inproc://other"
            with self.assertRaises(ngd.StateError):  # without data_dir there is no place for one
                server.checkpoint()
            status = server.status()
            self.assertEqual((status["node"], status["endpoints"]), (7, " ".join(server.endpoints)))
            self.assertGreater(status["received"], 0)
            self.assertEqual(len(status["shards"]), 2)
            server.stop()
            self.assertFalse(server.running)
            self.assertEqual(server.start().endpoints[1], ipc)
        self.assertTrue(server.closed)
        with self.assertRaisesRegex(ngd.ClosedError, "this Server is closed"):
            server.start()

    def test_what_is_wrong_has_its_own_exception(self):
        with self.assertRaisesRegex(ngd.OptionError, 'did you mean "listen"'):
            ngd.Server(listn="inproc://a")
        with self.assertRaises(ngd.AccessError) as caught:
            ngd.Server(listen="tcp://0.0.0.0:*").start()  # plain, beyond this host
        self.assertIsInstance(caught.exception, PermissionError)
        with ngd.Server(listen="inproc://taken"):
            with self.assertRaises(ngd.ConflictError):
                ngd.Server(listen="inproc://taken").start()
        with open(self.path("file"), "w"), self.assertRaises(ngd.FileError):
            ngd.Server(listen="inproc://a", data_dir=self.path("file")).start()
        with self.assertRaises(ngd.RangeError):
            ngd.Server(listen="inproc://a").start(timeout=-1)

    def model(self, address):
        client = ngd.Client()
        self.addCleanup(client.close)
        client.add("w", (2,))
        return client.connect(address)

    def value(self, client):
        w = np.empty(2, np.float32)
        client.pull([w])
        return w.tolist()

    def test_a_stopped_server_goes_on_from_its_checkpoint(self):
        options = dict(listen="inproc://durable", data_dir=self.path("data"))
        with ngd.Server(**options):
            client = self.model("inproc://durable")
            client.init([vector(1, 2)])
            self.assertEqual(client.push([vector(1, 1)], "delta"), 2)
            client.disconnect()
        with ngd.Server("server", **options):
            self.assertGreaterEqual(client.connect("inproc://durable").version(), 2)  # never back
            self.assertEqual(self.value(client), [2, 3])

    def test_a_killed_server_goes_back_to_its_checkpoint_and_says_so(self):
        address = f"ipc://{self.path('socket')}"  # over inproc a client does not find a server that comes back
        options = dict(listen=address, data_dir=self.path("data"))
        server = ngd.Server(**options).start()
        client = self.model(address)
        client.init([vector(1, 2)])
        server.checkpoint()
        client.push([vector(1, 1)], "delta")
        server.close()  # as if it were killed
        with ngd.Server(**options):
            with self.assertRaises(ngd.LineageError):
                client.push([vector(1, 1)], "delta", timeout=20)
            self.assertEqual(self.value(client), [1, 2])  # it is said once
            self.assertEqual(client.info().lineage, 2)

    def test_two_servers_share_the_shards_of_a_model(self):
        servers = [ngd.Server(listen=f"ipc://{self.path(f'socket{node}')}", node=node, heartbeat_ms=100,
                              coordinator=f"local:{self.path('cluster')}") for node in (1, 2)]
        for server in servers:
            self.addCleanup(server.close)
            server.start()
        addresses = [server.endpoints[0] for server in servers]
        with ngd.Client(model="shared", shards=2) as client:
            client.add("w", (64,))
            client.connect(addresses)
            w = np.arange(64, dtype=np.float32)
            client.init([w])
            self.assertEqual(client.info().shards, 2)
            places = client.places()
            self.assertEqual([server["node"] for server in places["servers"]], [1, 2])
            leaders = {shard["leader"] for shard in places["models"][0]["shards"]}
            self.assertEqual(leaders, {1, 2})
            client.arrange("move:shard=0,nodes=2")
            client.arrange("move:shard=1,nodes=2")
            deadline = time.monotonic() + 30
            while {shard["leader"] for shard in client.places()["models"][0]["shards"]} != {2}:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            out = np.zeros(64, np.float32)
            client.pull([out])
            self.assertEqual(out.tolist(), w.tolist())
            with self.assertRaisesRegex(ngd.OptionError, "arrangement"):
                client.arrange("shuffle")
            with self.assertRaises(ngd.NotFoundError):
                client.arrange("drain:node=9")
        with ngd.Client(model="").connect(addresses) as looker:  # of no model, to tell where shards are
            self.assertEqual(looker.places()["models"][0]["name"], "shared")

    def test_keys_let_in_and_say_what_their_owners_may(self):
        authorized = self.path("authorized")
        os.mkdir(authorized, 0o700)
        ngd.generate_key(self.path("server"), "server")
        for name, role in (("worker", "worker"), ("reader", "reader"), ("stranger", "worker")):
            ngd.generate_key(self.path(name), role)
            if name != "stranger":
                os.rename(self.path(name + ".key"), os.path.join(authorized, name + ".key"))
        with self.assertRaises(ngd.ConflictError):
            ngd.generate_key(self.path("server"), "server")
        with self.assertRaises(ngd.OptionError):
            ngd.generate_key(self.path("other"), "king")

        def client(name):
            made = ngd.Client(key=self.path(name), server_key=self.path("server.key"))
            self.addCleanup(made.close)
            return made

        with ngd.Server(listen="tcp://127.0.0.1:*", key=self.path("server"), authorized=authorized) as server:
            self.assertTrue(server.status()["encrypted"])
            worker = client("worker")
            worker.add("w", (2,))
            worker.connect(server.endpoints)
            worker.init([vector(1, 2)])
            with self.assertRaises(ngd.AccessError):
                client("reader").connect(server.endpoints)  # to be a worker
            reader = client("reader")
            reader["worker"] = False
            self.assertEqual(self.value(reader.connect(server.endpoints)), [1, 2])
            with self.assertRaises(ngd.AccessError):
                reader.push([vector(1, 1)])
            with self.assertRaises(ngd.AccessError):
                worker.arrange("drain:node=1")
            with self.assertRaises(ngd.DeadlineError):
                client("stranger").connect(server.endpoints, timeout=0.5)
            self.assertEqual(self.value(worker), [1, 2])
            os.chmod(self.path("worker.key_secret"), 0o644)
            with self.assertRaises(ngd.AccessError):
                client("worker").connect(server.endpoints)

    def test_a_forked_child_is_told(self):
        with ngd.Server(listen="inproc://forked") as server:
            client = self.model("inproc://forked")
            client.init([vector(1, 2)])
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                said = []
                for call in (client.disconnect, lambda: client.connect("inproc://forked"), server.status):
                    try:
                        call()
                    except ngd.ForkedError:
                        said.append("forked")
                os.write(write, json.dumps(said).encode())
                os._exit(0)
            os.close(write)
            with os.fdopen(read) as pipe:
                self.assertEqual(json.load(pipe), ["forked"] * 3)
            self.assertEqual(os.waitpid(child, 0)[1], 0)
            self.assertEqual(client.version(), 1)


if __name__ == "__main__":
    unittest.main()
