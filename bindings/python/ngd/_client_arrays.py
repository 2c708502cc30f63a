"""The arrays that clients push and pull: each checked against its tensor before the library reads or writes it."""

import ctypes
from typing import List, Mapping, Sequence, Tuple, Union

from . import _raw
from ._arrays import address, in_place, need_numpy
from .errors import NotFoundError, OptionError, RangeError, ShapeError
from .tensor import TensorInfo

Arrays = Union[Sequence, Mapping]  # of numpy.ndarray, float32

_KINDS = {"gradient": _raw.NGD_PUSH_GRADIENT, "value": _raw.NGD_PUSH_VALUE, "delta": _raw.NGD_PUSH_DELTA}


def push_kind(kind: str) -> int:
    """The number of a kind of push."""
    if kind not in _KINDS:
        raise OptionError(f"a push has no kind {kind!r}; it is \"gradient\", \"value\" or \"delta\"")
    return _KINDS[kind]


def float32_in_place(array, what: str, writable: bool):
    """Checks an array that is used as it is."""
    in_place(array, what, writable)
    if array.dtype.char != "f":
        raise TypeError(f"{what} has dtype {array.dtype}, but tensors of servers are float32; convert it once with "
                        ".astype(numpy.float32) and keep that array")
    return array


def matched(tensors: Tuple[TensorInfo, ...], arrays: Arrays, what: str, writable: bool) -> List:
    """The arrays as a list in the order of the tensors, each of its tensor's shape; None for those left out."""
    if isinstance(arrays, Mapping):
        known = [info.name for info in tensors]
        unknown = [name for name in arrays if name not in known]
        if unknown:
            raise ShapeError(f"{what} has {unknown[0]!r}, but the tensors of the model are {known}")
        given = [arrays.get(name) for name in known]
    elif hasattr(arrays, "dtype"):
        raise TypeError(f"{what} is a list or dict of arrays; put a single array in a list: [w]")
    else:
        given = list(arrays)
        if len(given) != len(tensors):
            raise ShapeError(f"{what} has {len(given)} arrays, but the model has {len(tensors)} tensors; write None "
                             "for one that is left out")
    for info, array in zip(tensors, given):
        if array is not None:
            name = f"the array of {info.name!r} in {what}"
            float32_in_place(array, name, writable)
            if array.shape != info.shape:
                raise ShapeError(f"{name} has shape {array.shape}, but the tensor has {info.shape}")
    return given


def pointers(arrays: List):
    """The arrays' addresses as a C array, NULL for None. The caller keeps the arrays alive."""
    return (ctypes.c_void_p * len(arrays))(*[None if array is None else address(array) for array in arrays])


def tensor_number(tensors: Tuple[TensorInfo, ...], name: Union[str, int]) -> int:
    """The number of a tensor that is given by name or number."""
    for index, info in enumerate(tensors):
        if name == info.name or (not isinstance(name, str) and name == index):
            return index
    raise NotFoundError(f"no tensor {name!r}; the model has: {', '.join(info.name for info in tensors) or 'none'}")


def row_numbers(rows):
    """Numbers of rows as the library takes them; whole numbers of another type are converted, never wrapped."""
    np = need_numpy()
    given = np.asarray(rows)
    if given.size == 0:
        given = given.astype(np.uint32)
    if given.dtype.kind not in "iu":
        raise TypeError(f"rows has dtype {given.dtype}, but must hold whole numbers")
    if given.ndim != 1:
        raise ShapeError(f"rows has {given.ndim} dimensions (shape {given.shape}), but must have 1")
    if given.dtype != np.uint32 and given.size and (given.min() < 0 or given.max() > 0xFFFFFFFF):
        raise RangeError(f"rows goes from {given.min()} to {given.max()}; a row's number is 0 to 4294967295")
    return np.ascontiguousarray(given, dtype=np.uint32)
