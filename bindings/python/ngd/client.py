"""A client of parameter servers: gradients in, better parameters out, for any number of workers."""

import ctypes
import threading
from typing import Dict, Iterable, List, Optional, Sequence, Tuple, Union

from . import _raw
from ._arrays import address, need_numpy
from ._client_arrays import Arrays, float32_in_place, matched, pointers, push_kind, row_numbers, tensor_number
from ._client_commands import ClientCommands
from ._handle import SharedHandle, Value
from ._library import call, encoded, joined_addresses, milliseconds, new_struct, unsigned
from .errors import ShapeError, StateError
from .tensor import TensorInfo, tensor_info
from .ticket import Ticket


class Client(ClientCommands, SharedHandle):
    """A connection to the servers of one model.

        client = ngd.Client(model="mnist", optimizer="adam:learning_rate=0.001")
        client.add("w", w)
        client.connect("tcp://10.0.0.1:7070,tcp://10.0.0.2:7070")
        client.init([w])
        while True:
            client.push_pull([gradient_of(w)], [w])

    Arrays are NumPy arrays of float32, C-contiguous, of the shapes of the tensors; they are read and written in place.
    They come as a list with one entry for each tensor, in order, None for one that is left out; or as a dict (name:
    array). A push gives the version of the model that it made, a pull the one that it read. Kinds of push are
    "gradient" (the servers step their optimizer), "value" (replaces) and "delta" (is added).

    Timeouts are in seconds. A push that ends in a DeadlineError may still happen, once. Any number of threads may use a
    client at once; Python's lock is free while they wait, and Ctrl-C is heard when the call ends.
    """

    _type = "client"
    _has_kinds = False

    def __init__(self, spec: str = "client", **options: Value):
        self._connection = 0  # counts, so that tickets know theirs
        self._infos: Optional[Tuple[TensorInfo, ...]] = None  # while connected by connect()
        self._lent: Dict[Tuple[int, int], List] = {}  # arrays that the library reads until their ticket ends
        self._joining, self._leaving = threading.Lock(), threading.Lock()
        super().__init__(spec, **options)

    def add(self, name: str, shape: Union[Sequence[int], "numpy.ndarray"]) -> None:
        """Declares the next tensor, by its shape or by an array of it; before connecting.

        With tensors declared, connecting makes the model when there is none. Without, it must exist; they are learnt.
        """
        if hasattr(shape, "dtype"):
            shape = float32_in_place(shape, f"the array of {name!r}", False).shape
        sizes = (ctypes.c_int64 * len(shape))(*shape)
        self._call("add_f32", encoded(name), sizes, len(shape))

    def add_table(self, name: str, rows: int, width: int, initial: str = "zero", scale: float = 0.0,
                  seed: int = 0) -> None:
        """Declares the next tensor as a table, whose rows come into being when they are first touched.

        Until then a row is read as its initial values: "zero", "constant" (all `scale`), "uniform" (in [-scale, scale))
        or "normal" (of standard deviation `scale`).
        """
        self._call("add_rows_f32", encoded(name), unsigned(rows, "rows"), unsigned(width, "width"), encoded(initial),
                   float(scale), unsigned(seed, "seed"))

    def add_group(self, name: str, pattern: str, options: str = "") -> None:
        """Tensors whose names match get options of their own for the servers' optimizer, such as "weight_decay=0"."""
        self._call("add_group", encoded(name), encoded(pattern), encoded(options))

    def connect(self, addresses: Union[str, Iterable[str]], timeout: float = 30.0) -> "Client":
        """Finds the model by asking any of the servers, or makes it, and joins it. Returns the client itself."""
        if not self._joining.acquire(blocking=False):  # the library lets both begin, and then neither ends
            raise StateError("another thread connects this client already")
        try:
            self._call("connect", joined_addresses(addresses), milliseconds(timeout))
            self._connection += 1
            self._infos = self._read_infos() if self["model"] else ()
        finally:
            self._joining.release()
        return self

    def disconnect(self, timeout: float = 5.0) -> None:
        """Leaves the model: locks and partitions become free, calls of other threads end with a ClosedError."""
        with self._leaving:  # one thread at a time, for the same reason
            ended = self._connection
            self._call("disconnect", milliseconds(timeout))
            if self._connection == ended:  # else another thread has connected it again
                self._connection, self._infos = ended + 1, None
            for key in [key for key in list(self._lent) if key[0] <= ended]:
                self._lent.pop(key, None)

    def close(self) -> None:
        """Leaves the model and frees the client; calls of other threads end with a ClosedError first."""
        super().close()
        self._lent.clear()

    def _end_calls(self) -> None:
        with self._leaving:
            call(self._function("disconnect"), self, 1000)  # close() lets no _call() begin any more

    def _read_infos(self) -> Tuple[TensorInfo, ...]:
        count, raw, infos = ctypes.c_size_t(), new_struct(_raw.ngd_tensor_info), []
        self._call("get_tensor_count", ctypes.byref(count))
        for index in range(count.value):
            self._call("get_tensor", index, raw)
            infos.append(tensor_info(raw))
        return tuple(infos)

    @property
    def tensors(self) -> Tuple[TensorInfo, ...]:
        """The tensors of the model, in order, once connected; of a table rows x width."""
        infos = self._infos
        return self._read_infos() if infos is None else infos

    def empty(self, *names: str) -> Dict[str, "numpy.ndarray"]:
        """New arrays, not filled, for the tensors of these names, or for all: to be pulled into."""
        tensors = self.tensors
        chosen = [tensors[tensor_number(tensors, name)] for name in names] if names else tensors
        return {info.name: need_numpy().empty(info.shape, "float32") for info in chosen}

    def init(self, arrays: Arrays, timeout: float = 30.0) -> Tuple[bool, int]:
        """Gives a new model its first values; those of the first client count, and all others' arrays get them.

        Tables are left out. Returns whether these values became the model's, and the version.
        """
        given = matched(self.tensors, arrays, "arrays", True)
        first, version = ctypes.c_int32(), ctypes.c_uint64()
        self._call("init_f32", pointers(given), len(given), milliseconds(timeout), ctypes.byref(first),
                   ctypes.byref(version))
        return bool(first.value), version.value

    def version(self, timeout: float = 30.0) -> int:
        """The newest version of the model; 0 before it has values."""
        version = ctypes.c_uint64()
        self._call("get_version", milliseconds(timeout), ctypes.byref(version))
        return version.value

    def push(self, arrays: Arrays, kind: str = "gradient", timeout: float = 30.0) -> int:
        """One update of the whole model but tables, on all its shards or on none; returns the version that it made."""
        given = matched(self.tensors, arrays, "arrays", False)
        version = ctypes.c_uint64()
        self._call("push_f32", push_kind(kind), pointers(given), len(given), milliseconds(timeout),
                   ctypes.byref(version))
        return version.value

    def pull(self, arrays: Arrays, version: int = 0, timeout: float = 30.0) -> int:
        """Reads into the arrays, all at one version: the newest, or the one that is named. Returns which it was."""
        given = matched(self.tensors, arrays, "arrays", True)
        got = ctypes.c_uint64()
        self._call("pull_f32", unsigned(version, "version"), pointers(given), len(given), milliseconds(timeout),
                   ctypes.byref(got))
        return got.value

    def push_pull(self, pushed: Arrays, pulled: Arrays, kind: str = "gradient",
                  timeout: float = 30.0) -> Tuple[int, int]:
        """Pushes an update and reads the model after it, into other arrays or the same.

        Returns the version that the update made, and the one that was read, which is the same or newer.
        """
        tensors = self.tensors
        read = matched(tensors, pushed, "pushed", False)
        written = matched(tensors, pulled, "pulled", True)
        version, got = ctypes.c_uint64(), ctypes.c_uint64()
        self._call("push_pull_f32", push_kind(kind), pointers(read), pointers(written), len(tensors),
                   milliseconds(timeout), ctypes.byref(version), ctypes.byref(got))
        return version.value, got.value

    def push_rows(self, table: Union[str, int], rows, values, kind: str = "gradient", timeout: float = 30.0) -> int:
        """An update of some rows of a table, each named once; values is rows x width. Returns the version it made."""
        tensors, numbers = self.tensors, row_numbers(rows)
        index = tensor_number(tensors, table)
        _check_rows(float32_in_place(values, "values", False), len(numbers), tensors[index])
        version = ctypes.c_uint64()
        self._call("push_rows_f32", push_kind(kind), index, address(numbers), len(numbers), address(values),
                   milliseconds(timeout), ctypes.byref(version))
        return version.value

    def pull_rows(self, table: Union[str, int], rows, out: Optional["numpy.ndarray"] = None, version: int = 0,
                  timeout: float = 30.0) -> Tuple["numpy.ndarray", int]:
        """Reads rows of a table, in any order, also several times, into `out` or a new array of rows x width.

        Returns the array and the version that was read.
        """
        tensors, numbers = self.tensors, row_numbers(rows)
        index = tensor_number(tensors, table)
        if out is None:
            out = need_numpy().empty((len(numbers), *tensors[index].shape[1:]), "float32")
        _check_rows(float32_in_place(out, "out", True), len(numbers), tensors[index])
        got = ctypes.c_uint64()
        self._call("pull_rows_f32", unsigned(version, "version"), index, address(numbers), len(numbers),
                   address(out), milliseconds(timeout), ctypes.byref(got))
        return out, got.value

    def start_push(self, arrays: Arrays, kind: str = "gradient", timeout: float = 30.0, copy: bool = True) -> Ticket:
        """Begins a push and returns at once. With copy=False the arrays must stay as they are until the ticket ends."""
        given = matched(self.tensors, arrays, "arrays", False)
        number = ctypes.c_uint64()
        self._call("start_push_f32" if copy else "start_push_borrow_f32", push_kind(kind), pointers(given),
                   len(given), milliseconds(timeout), ctypes.byref(number))
        if not copy:
            self._lent[self._connection, number.value] = given
        return Ticket(self, number.value, None)

    def start_pull(self, arrays: Arrays, version: int = 0, timeout: float = 30.0) -> Ticket:
        """Begins to read the whole model and returns at once; the ticket's wait() writes it into the arrays."""
        given = matched(self.tensors, arrays, "arrays", True)
        number = ctypes.c_uint64()
        self._call("start_pull_f32", unsigned(version, "version"), milliseconds(timeout), ctypes.byref(number))
        return Ticket(self, number.value, given)


def _check_rows(values, count: int, info: TensorInfo) -> None:
    if values.shape != (count, *info.shape[1:]):
        raise ShapeError(f"the values have shape {values.shape}, but {count} rows of {info.name!r} have "
                         f"{(count, *info.shape[1:])}")
