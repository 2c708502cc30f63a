"""Servers that are killed while a client pushes: with two replicas nothing that was answered is lost, or happens twice.

usage: replicas_test.py PROGRAM. NGD_KILLS sets the number of kills (default 3).
"""

import ctypes
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else None
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "bindings", "python", "ngd"))
import _raw  # noqa: E402

KILLS = int(os.environ.get("NGD_KILLS", "3"))
SIZE = 1000


def library():
    lines = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout.splitlines()
    return next(line.split("=>")[1].split()[0] for line in lines if "libngd" in line)


class Client:
    """Model "w" of two shards, to which 1 is added."""

    def __init__(self, addresses):
        self.raw = ctypes.CDLL(library())
        _raw.declare(self.raw)
        self.error, self.handle = _raw.ngd_error(), ctypes.c_void_p()
        self.array = (ctypes.c_float * SIZE)()
        self.tensors = (ctypes.c_void_p * 1)(ctypes.addressof(self.array))
        self.call("create", b"client:model=w,shards=2", ctypes.byref(self.handle), ctypes.byref(self.error))
        self.call("add_f32", self.handle, b"w", (ctypes.c_int64 * 1)(SIZE), 1, ctypes.byref(self.error))
        self.call("connect", self.handle, ",".join(addresses).encode(), 20000, ctypes.byref(self.error))
        self.call("init_f32", self.handle, self.tensors, 1, 20000, None, None, ctypes.byref(self.error))

    def call(self, name, *arguments):
        if getattr(self.raw, "ngd_client_" + name)(*arguments) != 0:
            raise AssertionError(f"{name}: {self.error.message.decode()}")

    def push(self):
        self.array[:] = [1] * SIZE
        self.call("push_f32", self.handle, _raw.NGD_PUSH_DELTA, self.tensors, 1, 20000, None, ctypes.byref(self.error))

    def pull(self):
        self.call("pull_f32", self.handle, 0, self.tensors, 1, 20000, None, ctypes.byref(self.error))
        return set(self.array)


class Replicas(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ngd-replicas-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.servers = {}

    def start(self, node):
        server = subprocess.Popen(
            [PROGRAM, "server", "-o", "plain", "--listen", "ipc://" + os.path.join(self.folder, f"s{node}"), "--node", str(node),
             "--coordinator", "local:" + os.path.join(self.folder, "coordinator"), "--replicas", "2"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        line = server.stdout.readline()
        self.assertTrue(line.startswith("listening\t"), line or server.stderr.read())
        self.servers[node] = server
        return line.split("\t")[1].strip()

    def storm(self, how):
        addresses = [self.start(node) for node in (1, 2, 3)]
        client = Client(addresses)
        self.addCleanup(client.raw.ngd_client_destroy, client.handle)
        pushed, waits, draws = 0, [], random.Random(7)
        for _ in range(KILLS):
            until = time.monotonic() + 6  # both replicas are there again
            while time.monotonic() < until:
                client.push()
                pushed += 1
            node = draws.choice(sorted(self.servers))
            self.servers[node].send_signal(how)
            before = time.monotonic()
            for _ in range(20):
                client.push()
                pushed += 1
            waits.append(time.monotonic() - before)
            self.assertEqual(client.pull(), {pushed})
            if how == signal.SIGKILL:
                self.servers[node].wait()
                self.start(node)
            else:
                self.servers[node].send_signal(signal.SIGCONT)
        self.assertEqual(client.pull(), {pushed})
        waits.sort()
        print(f"{KILLS} times {how.name}: {pushed} updates, each there once; pushes went on after "
              f"{waits[len(waits) // 2]:.2f} s (median), {waits[-1]:.2f} s (most)")

    def test_killed(self):
        self.storm(signal.SIGKILL)

    def test_stopped(self):
        self.storm(signal.SIGSTOP)


if __name__ == "__main__":
    unittest.main()
