"""A client whose updates can be told apart: update j of worker w adds 1 in cell (w, j), once on every shard."""

import ctypes
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
from adding_client import _raw, library  # noqa: E402

WIDTH = 64  # cells of a row
ROWS_OF_WORKER = 1 << 13
WORKERS = 16
BALLAST = 1 << 20  # elements of a dense tensor beside the cells, where a model is to be heavy

CODES = {value: name for name, value in vars(_raw).items() if name.startswith("NGD_E_")}


class Failed(Exception):
    """A call that did not succeed: code by name, and the library's message."""

    def __init__(self, call, error):
        self.code = CODES.get(error.code, str(error.code))
        self.text = error.message.decode(errors="replace")
        super().__init__(f"{call}: {self.code}: {self.text}")


class Cells:
    """A handle with a table "cells" of shards * WORKERS * ROWS_OF_WORKER rows; shard s has the rows of its part."""

    def __init__(self, program, model, shards, options="", ballast=False, cells=True):
        self.raw = ctypes.CDLL(library(program))
        _raw.declare(self.raw)
        self.shards, self.error, self.handle = shards, _raw.ngd_error(), ctypes.c_void_p()
        self.part = WORKERS * ROWS_OF_WORKER
        self.call("create", f"client:model={model},shards={shards}{options}".encode(), ctypes.byref(self.handle))
        self.tables, self.count = int(cells), int(cells) + int(ballast)
        if cells:
            self.call("add_rows_f32", self.handle, b"cells", shards * self.part, WIDTH, b"zero", 0.0, 0)
        if ballast:
            self.call("add_f32", self.handle, b"ballast", (ctypes.c_int64 * 1)(BALLAST), 1)
        self.ballast = (ctypes.c_float * (BALLAST if ballast else 1))()

    def call(self, name, *arguments):
        if getattr(self.raw, "ngd_client_" + name)(*arguments, ctypes.byref(self.error)) != 0:
            raise Failed(name, self.error)

    def connect(self, addresses, timeout_ms):
        self.call("connect", self.handle, ",".join(addresses).encode(), timeout_ms)

    def init(self, timeout_ms):
        """The first values; returns the version."""
        version = ctypes.c_uint64()
        self.call("init_f32", self.handle, self._tensors(self.ballast), self.count, timeout_ms, None, ctypes.byref(version))
        return version.value

    def _tensors(self, ballast):
        return (ctypes.c_void_p * self.count)(*[None] * self.tables, *[ctypes.addressof(ballast)] * (self.count - self.tables))

    def _rows(self, worker, row):
        first = worker * ROWS_OF_WORKER + row
        return (ctypes.c_uint32 * self.shards)(*(shard * self.part + first for shard in range(self.shards)))

    def push(self, worker, j, timeout_ms):
        """Adds 1 in cell (worker, j); returns the version that this made."""
        row, column = divmod(j, WIDTH)
        if row >= ROWS_OF_WORKER:
            raise ValueError(f"a worker has {ROWS_OF_WORKER * WIDTH} cells; let it rest between its updates")
        values = (ctypes.c_float * (self.shards * WIDTH))()
        for shard in range(self.shards):
            values[shard * WIDTH + column] = 1
        version = ctypes.c_uint64()
        self.call("push_rows_f32", self.handle, _raw.NGD_PUSH_DELTA, 0, self._rows(worker, row), self.shards, values,
                  timeout_ms, ctypes.byref(version))
        return version.value

    def pull_row(self, worker, row, timeout_ms):
        """Version, and the cells of one row on each shard."""
        values = (ctypes.c_float * (self.shards * WIDTH))()
        version = ctypes.c_uint64()
        self.call("pull_rows_f32", self.handle, 0, 0, self._rows(worker, row), self.shards, values, timeout_ms,
                  ctypes.byref(version))
        return version.value, [values[shard * WIDTH:(shard + 1) * WIDTH] for shard in range(self.shards)]

    def pull_cells(self, worker, rows, timeout_ms):
        """One version of many rows of a worker: version, and for each shard all their cells."""
        version, got = 0, [[] for _ in range(self.shards)]
        numbers = [shard * self.part + worker * ROWS_OF_WORKER + row for shard in range(self.shards) for row in range(rows)]
        values = (ctypes.c_float * (len(numbers) * WIDTH))()
        number = ctypes.c_uint64()
        self.call("pull_rows_f32", self.handle, 0, 0, (ctypes.c_uint32 * len(numbers))(*numbers), len(numbers), values,
                  timeout_ms, ctypes.byref(number))
        version = number.value
        for shard in range(self.shards):
            got[shard] = values[shard * rows * WIDTH:(shard + 1) * rows * WIDTH]
        return version, got

    def start_heavy_pull(self, timeout_ms):
        """Begins to read the ballast of a model without cells; returns a ticket."""
        ticket = ctypes.c_uint64()
        self.call("start_pull_f32", self.handle, 0, timeout_ms, ctypes.byref(ticket))
        return ticket

    def wait_heavy_pull(self, ticket, timeout_ms):
        self.call("wait_pull_f32", self.handle, ticket, timeout_ms, self._tensors(self.ballast), self.count, None)

    def lineage(self, timeout_ms):
        info = _raw.ngd_client_info()
        info.struct_size = ctypes.sizeof(info)
        self.call("get_info", self.handle, timeout_ms, ctypes.byref(info))
        return info.lineage

    def lock(self, name, timeout_ms):
        token = ctypes.c_uint64()
        self.call("lock", self.handle, name.encode(), 1, timeout_ms, ctypes.byref(token))
        return token.value

    def unlock(self, name, token, timeout_ms):
        self.call("unlock", self.handle, name.encode(), token, timeout_ms)

    def end(self):
        self.raw.ngd_client_destroy(self.handle)
