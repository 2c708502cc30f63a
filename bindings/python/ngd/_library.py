"""Finds and loads libngd, and calls it: statuses become exceptions, text results become str."""

import ctypes
import math
import os
import pathlib
from typing import Iterable, Union

from . import _raw
from .errors import BufferSizeError, error_of

SONAME = "libngd.so.0"
_LONGEST = 1e9  # seconds, some thirty years: what infinity is to a library that counts milliseconds


class LibraryError(ImportError):
    """libngd was not found, or is not a version that this package can use."""


def _candidate() -> str:
    """The environment's choice, else the copy inside the package, else what the system's loader finds."""
    chosen = os.environ.get("NGD_LIBRARY")
    if chosen:
        return chosen
    bundled = pathlib.Path(__file__).with_name(SONAME)
    return str(bundled) if bundled.exists() else SONAME


def _dotted(number: int) -> str:
    return f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"


def load(path: str) -> ctypes.CDLL:
    """Loads a library and checks that it has what this package was generated for."""
    wanted = _raw.NGD_VERSION_NUMBER
    try:
        loaded = ctypes.CDLL(path)
        loaded.ngd_version_number.restype = ctypes.c_int32
    except (OSError, AttributeError) as error:
        raise LibraryError(
            f"cannot load libngd from {path!r} (this package needs {_dotted(wanted)} or a later minor version): "
            f"{error}. Install libngd, or set NGD_LIBRARY to the path of {SONAME}.") from None
    have = loaded.ngd_version_number()
    if have // 1000000 != wanted // 1000000 or have // 1000 < wanted // 1000:
        raise LibraryError(
            f"libngd at {path!r} is version {_dotted(have)}, but this package needs {_dotted(wanted)} or a later "
            "minor version. Install that, or set NGD_LIBRARY to another copy.")
    _raw.declare(loaded)
    return loaded


_path = _candidate()
library = load(_path)


def library_path() -> str:
    """The path or soname that libngd was loaded from."""
    return _path


def version() -> str:
    """The version of the loaded library, such as "0.1.0"."""
    return library.ngd_version().decode()


def call(function, *arguments) -> None:
    """Calls a fallible function of the contract; raises what it reports."""
    error = _raw.ngd_error()
    status = function(*arguments, error)
    if status:
        raise error_of(status, error.message)


def read_text(function, *arguments) -> str:
    """A text result in the two-call form: ask for the size, then for the text."""
    needed = ctypes.c_size_t()
    call(function, *arguments, None, 0, ctypes.byref(needed))
    while True:
        buffer = ctypes.create_string_buffer(needed.value)
        try:
            call(function, *arguments, buffer, len(buffer), ctypes.byref(needed))
            return buffer.value.decode("utf-8")
        except BufferSizeError:  # what it tells of has grown since it was asked for the size
            continue


def new_struct(kind):
    """A struct that says its own size, as the contract asks."""
    return kind(struct_size=ctypes.sizeof(kind))


def names(function) -> list:
    """All names that an enumerating function such as ngd_optimizer_rule gives."""
    found = []
    while (name := function(len(found))) is not None:
        found.append(name.decode())
    return found


def encoded(text: str) -> bytes:
    """A str as the library takes it, which ends at the first NUL."""
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, not {type(text).__name__}")
    if "\0" in text:
        raise ValueError(f"text must not hold a NUL character: {text[:40]!r}")
    return text.encode()


def path_bytes(path) -> bytes:
    """A str, bytes or os.PathLike as the library takes it."""
    given = os.fsencode(path)
    if b"\0" in given:
        raise ValueError(f"a path must not hold a NUL character: {path!r}")
    return given


def unsigned(value, what: str) -> int:
    """A whole number as the library takes it, which would wrap one below 0 around."""
    number = value.__index__()
    if not 0 <= number < 2**64:
        raise ValueError(f"{what} is {number}, but must be 0 or more, and less than 2^64")
    return number


def milliseconds(timeout: float) -> int:
    """A timeout in seconds as the library takes it, rounded up; math.inf for as long as it takes."""
    seconds = float(timeout)
    if math.isnan(seconds):
        raise ValueError("a timeout is a number of seconds, not NaN")
    return math.ceil(max(min(seconds, _LONGEST), -_LONGEST) * 1000)


def joined_addresses(addresses: Union[str, Iterable[str]]) -> bytes:
    """One address, several separated by commas, or a list of them, as the library takes them."""
    return encoded(addresses if isinstance(addresses, str) else ",".join(addresses))
