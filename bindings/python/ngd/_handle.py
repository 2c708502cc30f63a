"""What all handles share: creation from a spec, options by name, closing, and how they are shown."""

import ctypes
import functools
import threading
from typing import Dict, NamedTuple, Tuple, Union

from . import _raw
from ._library import call, encoded, library, new_struct, read_text
from .errors import ClosedError, NotFoundError

Value = Union[bool, int, float, str]


class Option(NamedTuple):
    """One option of a kind, as `options()` lists it."""

    name: str
    type: str  # "number", "integer", "flag", "choice" or "text"
    default: Value
    minimum: float
    maximum: float
    minimum_excluded: bool
    maximum_excluded: bool
    choices: Tuple[str, ...]
    fixed: bool  # can only be set before the object is first used
    help: str


_TYPES = {_raw.NGD_OPTION_NUMBER: "number", _raw.NGD_OPTION_INTEGER: "integer", _raw.NGD_OPTION_FLAG: "flag",
          _raw.NGD_OPTION_CHOICE: "choice", _raw.NGD_OPTION_TEXT: "text"}
_FROM_NUMBER = {"number": float, "integer": int, "flag": bool}


@functools.lru_cache(maxsize=None)
def option_table(handle: str, *kind: str, describe: str = "describe") -> Dict[str, Option]:
    """The options of a kind: option_table("optimizer", "adam"); trainers have no kinds."""
    function = getattr(library, f"ngd_{handle}_{describe}")
    table: Dict[str, Option] = {}
    info = new_struct(_raw.ngd_option_info)
    while True:
        try:
            call(function, *(word.encode() for word in kind), len(table), info)
        except NotFoundError:
            return table
        type_name = _TYPES.get(info.type, "text")
        convert = _FROM_NUMBER.get(type_name)
        default = convert(info.default_number) if convert else info.default_text.decode()
        choices = tuple(info.choices.decode().split("|")) if info.choices else ()
        name = info.name.decode()
        table[name] = Option(name, type_name, default, info.minimum, info.maximum, bool(info.minimum_excluded),
                             bool(info.maximum_excluded), choices, bool(info.fixed), info.help.decode())


class Handle:
    """A handle of the library. Use it with `with`, or call close(), or let the garbage collector do it."""

    _type = ""  # "optimizer": the functions are ngd_optimizer_create and so on
    _has_kinds = True

    def __init_subclass__(cls):
        if cls._type:
            cls._destroy = getattr(library, f"ngd_{cls._type}_destroy")  # at hand even while Python shuts down

    def __init__(self, spec: str, **options: Value):
        self._handle = ctypes.c_void_p()
        if not isinstance(spec, str):
            raise TypeError(f"a spec is a str such as \"adam:learning_rate=0.1\", not {type(spec).__name__}")
        call(self._function("create"), encoded(spec), ctypes.byref(self._handle))
        for name, value in options.items():
            self[name] = value

    @classmethod
    def _adopt(cls, handle: ctypes.c_void_p):
        """An object for a handle that the library has made."""
        instance = cls.__new__(cls)
        instance._handle = handle
        return instance

    @classmethod
    def _function(cls, verb: str):
        return getattr(library, f"ngd_{cls._type}_{verb}")

    def _call(self, verb: str, *arguments) -> None:
        call(self._function(verb), self._open(), *arguments)

    def _text(self, verb: str, *arguments) -> str:
        return read_text(self._function(verb), self._open(), *arguments)

    def _open(self) -> "Handle":
        """Itself, to be passed to the library: the call's arguments then keep the object alive while it is used."""
        if not self._handle:
            raise ClosedError(f"this {type(self).__name__} is closed")
        return self

    @property
    def _as_parameter_(self) -> ctypes.c_void_p:  # what ctypes passes for the object
        return self._handle

    def close(self) -> None:
        """Frees the handle. May be called again; every other use of a closed object is a ClosedError."""
        handle = getattr(self, "_handle", None)
        if handle:
            address, handle.value = handle.value, None
            self._destroy(address)

    def __enter__(self):
        self._open()
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def __del__(self):
        self.close()

    def __reduce__(self):
        raise TypeError(f"a {type(self).__name__} cannot be pickled; save it to a file")

    @property
    def closed(self) -> bool:
        return not self._handle

    @property
    def spec(self) -> str:
        """The kind and every option that differs from its default, in the form that the constructor takes."""
        return self._text("get_text", b"spec")

    @property
    def kind(self) -> str:
        """The word before the colon of the spec."""
        return self.spec.partition(":")[0]

    def options(self) -> Dict[str, Option]:
        """All options by name: type, default, range, choices and one line of help."""
        return dict(option_table(self._type, *((self.kind,) if self._has_kinds else ())))

    def __getitem__(self, name: str) -> Value:
        text = self._text("get_text", encoded(name))
        option = option_table(self._type, *((self.kind,) if self._has_kinds else ())).get(name)
        if option is None or option.type not in _FROM_NUMBER:
            return text
        number = ctypes.c_double()
        self._call("get", encoded(name), ctypes.byref(number))
        return _FROM_NUMBER[option.type](number.value)

    def __setitem__(self, name: str, value: Value) -> None:
        if isinstance(value, str):
            self._call("set_text", encoded(name), encoded(value))
        elif hasattr(value, "__index__"):  # as text, so that whole numbers also suit options that take text
            self._call("set_text", encoded(name), encoded(str(value.__index__())))
        elif hasattr(value, "__float__"):
            self._call("set", encoded(name), float(value))
        else:
            raise TypeError(f"option {name!r} takes a str, int, float or bool, not {type(value).__name__}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.spec!r})" if self._handle else f"<closed {type(self).__name__}>"


class SharedHandle(Handle):
    """A handle that any number of threads may use at once, and one of them close.

    close() waits until all others are out of the library, since it frees what they use there.
    """

    def __init__(self, spec: str, **options: Value):
        self._users = threading.Condition()
        self._inside = 0
        self._closing = False
        super().__init__(spec, **options)

    def _begin(self) -> None:
        with self._users:
            if self._closing:
                raise ClosedError(f"this {type(self).__name__} is closed")
            self._inside += 1

    def _end(self) -> None:
        with self._users:
            self._inside -= 1
            if not self._inside:
                self._users.notify_all()

    def _call(self, verb: str, *arguments) -> None:
        self._begin()
        try:
            super()._call(verb, *arguments)
        finally:
            self._end()

    def _text(self, verb: str, *arguments) -> str:
        self._begin()
        try:
            return super()._text(verb, *arguments)
        finally:
            self._end()

    def _end_calls(self) -> None:
        """Has the calls of other threads end soon, where that is possible."""

    def close(self) -> None:
        """Frees the handle, once the calls of other threads have ended. May be called again."""
        with self._users:
            hasten, self._closing = self._inside > 0 and not self._closing, True
            self._inside += hasten
        if hasten:
            try:
                self._end_calls()
            finally:
                self._end()
        with self._users:
            while self._inside:
                self._users.wait()
            super().close()

    def __del__(self):
        super().close()  # nobody else has it any more, so there is nobody to wait for
