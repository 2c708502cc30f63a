"""Initialisers: the random numbers that weights begin with."""

from typing import List

from ._arrays import address, need_numpy
from ._library import call, encoded, library, names


def initializer_kinds() -> List[str]:
    """The kinds of initialiser that this library has."""
    return names(library.ngd_initializer_kind)


def initialize(inputs: int, outputs: int, spec: str = "xavier_normal", *, seed: int = 1, tensor_index: int = 0,
               dtype="float32"):
    """The first values of a weight of inputs x outputs, as tensor number `tensor_index` of a model with this seed.

        ngd.initialize(784, 64, "kaiming_normal", seed=42)
    """
    values = need_numpy().empty((inputs, outputs), dtype=dtype)
    if values.dtype not in ("float32", "float64"):
        raise TypeError(f"dtype is {values.dtype}, but must be float32 or float64")
    fill = library.ngd_initializer_fill_f32 if values.dtype == "float32" else library.ngd_initializer_fill_f64
    call(fill, encoded(spec), seed, tensor_index, inputs, outputs, address(values), values.size)
    return values
