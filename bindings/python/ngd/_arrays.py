"""NumPy arrays as the library takes them: checked, never copied behind the caller's back."""

import ctypes

try:
    import numpy
except ImportError:  # everything that takes no array works without it
    numpy = None


def need_numpy():
    """NumPy, or an error that says who needs it."""
    if numpy is None:
        raise ImportError("arrays need NumPy, which is not installed; install it (apt: python3-numpy, pip: numpy)")
    return numpy


def address(array) -> int:
    return array.__array_interface__["data"][0]


def in_place(array, what: str, writable: bool):
    """Checks an array that the library works on in place: float32 or float64, C-contiguous, writable if need be."""
    np = need_numpy()
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{what} is a {type(array).__name__}, but must be a numpy.ndarray, since it is used in place; "
                        f"make it one with numpy.asarray(...) and keep that array")
    dtype = array.dtype
    if (dtype.char != "f" and dtype.char != "d") or not dtype.isnative:
        raise TypeError(f"{what} has dtype {dtype}, but must be float32 or float64; convert it once with "
                        f".astype(numpy.float32) and keep that array")
    flags = array.flags
    if not flags.c_contiguous or not flags.aligned:
        raise ValueError(f"{what} is not a C-contiguous, aligned array (shape {array.shape}, strides {array.strides}), "
                         f"and is never copied; make it one with numpy.ascontiguousarray(...) and keep that array")
    if writable and not flags.writeable:
        raise ValueError(f"{what} is read-only, but is changed in place; pass a writable array, such as a .copy()")
    return array


def pointer_table(arrays):
    """The arrays' addresses as a C array. The caller keeps the arrays alive."""
    return (ctypes.c_void_p * len(arrays))(*[address(array) for array in arrays])


def readable(values, dtype, what: str, ndim=None):
    """Input that the library only reads: converted to a C-contiguous array of `dtype` where it is not one yet."""
    np = need_numpy()
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{what} has dtype {array.dtype}, but must hold numbers")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{what} has {array.ndim} dimensions (shape {array.shape}), but must have {ndim}")
    return np.ascontiguousarray(array, dtype=dtype)
