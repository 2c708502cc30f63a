"""What a client asks of servers beside parameters: named values, locks, barriers, partitions, and where shards are."""

import ctypes
import json
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple, Union

from . import _raw
from ._library import encoded, milliseconds, new_struct, unsigned
from .errors import BufferSizeError, NgdError

_ANY = 2**64 - 1
_LARGEST_VALUE = 1 << 20  # bytes

Content = Union[bytes, str, int, float]


class ClientInfo(NamedTuple):
    """Numbers of a model."""

    version: int
    lineage: int  # how often it went back to a checkpoint, and 1
    sessions: int  # clients that are connected to it
    workers: int  # of them
    shards: int
    elements: int  # parameters, tables counted whole


class Lock:
    """A lock that a client holds; `with` gives it back at the end."""

    def __init__(self, client, name: str, token: int):
        self._client = client
        self.name = name
        self.token = token  # grows from holder to holder

    def release(self, timeout: float = 30.0) -> None:
        """Gives it back. A FencedError or NotFoundError says that the client did not hold it any more."""
        self._client._call("unlock", encoded(self.name), self.token, milliseconds(timeout))

    def __enter__(self) -> "Lock":
        return self

    def __exit__(self, kind, *exception) -> None:
        _leave(kind, self.release)

    def __repr__(self) -> str:
        return f"Lock({self.name!r}, {self.token})"


class Partition:
    """A partition of the training data that a client has; `with` gives it back at the end, unless it was finished."""

    def __init__(self, client, name: str, number: int, token: int, offset: int, data: bytes):
        self._client = client
        self.name = name  # of the set
        self.number = number
        self.token = token
        self.offset = offset  # how far it has come, in what units the workers agree on
        self.data = data  # what was stored with that
        self._mine = True

    def _update(self, action: int, offset: Optional[int], data: Optional[bytes], timeout: float) -> None:
        offset = self.offset if offset is None else unsigned(offset, "offset")
        data = self.data if data is None else bytes(data)
        self._client._call("update_partition", encoded(self.name), self.number, self.token, action, offset, data,
                           len(data), milliseconds(timeout))
        self.offset, self.data = offset, data
        self._mine = action == _raw.NGD_PARTITION_PROGRESS

    def progress(self, offset: int, data: Optional[bytes] = None, timeout: float = 30.0) -> None:
        """Reports how far it has come, and stores bytes (1 MiB at most; None: as before) for whoever has it next."""
        self._update(_raw.NGD_PARTITION_PROGRESS, offset, data, timeout)

    def release(self, offset: Optional[int] = None, data: Optional[bytes] = None, timeout: float = 30.0) -> None:
        """The same, and gives it back."""
        self._update(_raw.NGD_PARTITION_RELEASE, offset, data, timeout)

    def finish(self, offset: Optional[int] = None, data: Optional[bytes] = None, timeout: float = 30.0) -> None:
        """Says that it is done for this pass."""
        self._update(_raw.NGD_PARTITION_FINISH, offset, data, timeout)

    def __enter__(self) -> "Partition":
        return self

    def __exit__(self, kind, *exception) -> None:
        if self._mine:
            _leave(kind, self.release)

    def __repr__(self) -> str:
        return f"Partition({self.name!r}, {self.number}, offset {self.offset})"


class ClientCommands:
    """The part of a Client that is not about arrays. Names have 1 to 255 bytes of UTF-8."""

    def set_value(self, name: str, value: Content, expected: Optional[int] = None, timeout: float = 30.0) -> int:
        """Sets a named value, of 1 MiB at most, that all clients of the model share; returns its new version.

        With `expected` only if it has that version, 0 for one that does not exist: else it is a ConflictError. Values
        such as "learning_rate" and "optimizer.weight_decay" are settings of the servers' optimizer, which count from
        the next update on.
        """
        content, version = _bytes(value), ctypes.c_uint64()
        wanted = _ANY if expected is None else unsigned(expected, "expected")
        self._call("set_value", encoded(name), content, len(content), wanted, milliseconds(timeout),
                   ctypes.byref(version))
        return version.value

    def set_values(self, values: Mapping[str, Union[str, int, float]], timeout: float = 30.0) -> int:
        """Sets up to 256 named values at once, all or none, also settings of the optimizer.

        Returns the first version of the model that is made with these settings; 0 when there is none among the values.
        """
        names = (ctypes.c_char_p * len(values))(*[encoded(name) for name in values])
        texts = (ctypes.c_char_p * len(values))(*[encoded(_text(value)) for value in values.values()])
        version = ctypes.c_uint64()
        self._call("set_values", names, texts, len(values), milliseconds(timeout), ctypes.byref(version))
        return version.value

    def get_value(self, name: str, known: int = 0, timeout: float = 30.0) -> Tuple[bytes, int]:
        """A named value and its version. Waits for a version above `known`, and for a value that does not exist yet.

        What has not come by the timeout is a DeadlineError, or a NotFoundError where there is no value at all.
        """
        needed, version = ctypes.c_size_t(4096), ctypes.c_uint64()
        while True:
            buffer = ctypes.create_string_buffer(needed.value)
            try:
                self._call("get_value", encoded(name), unsigned(known, "known"), milliseconds(timeout), buffer,
                           len(buffer), ctypes.byref(needed), ctypes.byref(version))
                return ctypes.string_at(buffer, needed.value - 1), version.value
            except BufferSizeError:  # now it says how large
                continue

    def lock(self, name: str, exclusive: bool = True, timeout: float = 30.0) -> Lock:
        """Takes a lock of the model, waiting for its turn, which is a DeadlineError when it does not come.

            with client.lock("name") as lock:
                client.push(...)

        While it is held, all updates and values of this client carry its token: servers refuse them with a FencedError
        once another has the lock. One that is not exclusive is shared with others who share it.
        """
        token = ctypes.c_uint64()
        self._call("lock", encoded(name), bool(exclusive), milliseconds(timeout), ctypes.byref(token))
        return Lock(self, name, token.value)

    def adopt_lock(self, name: str, token: int) -> None:
        """Has updates and values of this client carry the token of a lock that another client of the same key holds."""
        self._call("adopt_lock", encoded(name), unsigned(token, "token"))

    def barrier(self, name: str, count: int = 0, timeout: float = 30.0) -> int:
        """Waits until so many clients have come here, 0: all workers alive; returns how often it has opened, from 1."""
        generation = ctypes.c_uint64()
        self._call("barrier", encoded(name), unsigned(count, "count"), milliseconds(timeout), ctypes.byref(generation))
        return generation.value

    def open_partitions(self, name: str, count: int, timeout: float = 30.0) -> int:
        """Makes a set of so many partitions of the training data, or begins a new pass when all of it is finished.

        Returns the number of the pass, from 1. All clients give the same count: else it is a ConflictError.
        """
        number = ctypes.c_uint64()
        self._call("open_partitions", encoded(name), unsigned(count, "count"), milliseconds(timeout),
                   ctypes.byref(number))
        return number.value

    def claim_partition(self, name: str, number: Optional[int] = None, timeout: float = 30.0) -> Partition:
        """Takes a partition of a set, any or that number, which nobody has and that is not finished.

        A NotFoundError when all are finished, an UnavailableError when all others still have an owner by the timeout, a
        ConflictError when the one that was asked for has.
        """
        found, token, offset = ctypes.c_uint64(), ctypes.c_uint64(), ctypes.c_uint64()
        needed = ctypes.c_size_t()
        buffer = ctypes.create_string_buffer(_LARGEST_VALUE + 1)  # it is claimed also where the buffer is too small
        self._call("claim_partition", encoded(name), _ANY if number is None else unsigned(number, "number"),
                   milliseconds(timeout), ctypes.byref(found), ctypes.byref(token), ctypes.byref(offset), buffer,
                   len(buffer), ctypes.byref(needed))
        data = ctypes.string_at(buffer, needed.value - 1)
        return Partition(self, name, found.value, token.value, offset.value, data)

    def arrange(self, what: str, timeout: float = 30.0) -> None:
        """Changes which servers have which shards, while everybody goes on working: "drain:node=3", "undrain:node=3",
        "replicas:count=2", "move:shard=0,nodes=3+1" or "balance". places() tells how far it is."""
        self._call("arrange", encoded(what), milliseconds(timeout))

    def places(self, timeout: float = 30.0) -> Dict[str, Any]:
        """Which servers there are, and which shards each has: keys "revision", "servers" and "models"."""
        return json.loads(self._text("get_places", milliseconds(timeout)))

    def info(self, timeout: float = 30.0) -> ClientInfo:
        """Numbers of the model: its version, clients and workers."""
        raw = new_struct(_raw.ngd_client_info)
        self._call("get_info", milliseconds(timeout), raw)
        return ClientInfo(*(getattr(raw, name) for name in ClientInfo._fields))


def _text(value: Union[str, int, float]) -> str:
    if isinstance(value, str):
        return value
    return repr(value.__index__() if hasattr(value, "__index__") else float(value))


def _bytes(value: Content) -> bytes:
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else _text(value).encode()


def _leave(kind, release) -> None:
    """Gives back at the end of a `with`; what went wrong inside is more to the point than that this then fails too."""
    try:
        release()
    except NgdError:
        if kind is None:
            raise
