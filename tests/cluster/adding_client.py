"""A client of real servers, through the library that a program is linked with, for tests that kill servers."""

import ctypes
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "bindings", "python", "ngd"))
import _raw  # noqa: E402


def library(program):
    lines = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines()
    return next(line.split("=>")[1].split()[0] for line in lines if "libngd" in line)


class AddingClient:
    """A model "w" of 1000 elements in two shards."""

    SIZE = 1000

    def __init__(self, program, name, addresses, connect_ms=15000, wait_ms=10000, more=""):
        self.wait_ms = wait_ms
        self.raw = ctypes.CDLL(library(program))
        _raw.declare(self.raw)
        self.error, self.handle = _raw.ngd_error(), ctypes.c_void_p()
        self.array = (ctypes.c_float * self.SIZE)()
        self.tensors = (ctypes.c_void_p * 1)(ctypes.addressof(self.array))
        self.version = ctypes.c_uint64()
        self.call("create", f"client:model={name},shards=2{more}".encode(), ctypes.byref(self.handle), ctypes.byref(self.error))
        self.call("add_f32", self.handle, b"w", (ctypes.c_int64 * 1)(self.SIZE), 1, ctypes.byref(self.error))
        self.call("connect", self.handle, ",".join(addresses).encode(), connect_ms, ctypes.byref(self.error))
        self.call("init_f32", self.handle, self.tensors, 1, connect_ms, None, None, ctypes.byref(self.error))

    def call(self, name, *arguments):
        if getattr(self.raw, "ngd_client_" + name)(*arguments) != 0:
            raise AssertionError(f"{name}: {self.error.message.decode()}")

    def push(self):
        self.array[:] = [1] * self.SIZE
        self.call("push_f32", self.handle, _raw.NGD_PUSH_DELTA, self.tensors, 1, self.wait_ms, None, ctypes.byref(self.error))

    def pull(self):
        self.call("pull_f32", self.handle, 0, self.tensors, 1, self.wait_ms, None, ctypes.byref(self.error))
        return set(self.array)

    def end(self):
        self.raw.ngd_client_destroy(self.handle)
