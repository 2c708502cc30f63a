"""Optimizers: gradients in, better parameters out, for your own model."""

import ctypes
from typing import Callable, List, Mapping, Optional, Sequence, Tuple, Union

from . import _raw
from ._arrays import in_place, need_numpy, pointer_table
from ._handle import Handle, Value
from ._library import encoded, library, names, new_struct, path_bytes
from .errors import ShapeError, error_of
from .tensor import TensorInfo, tensor_info

Arrays = Union[Sequence, Mapping]  # of numpy.ndarray


def optimizer_rules() -> List[str]:
    """The rules that this library has: "sgd", "adam", "ngd" and so on."""
    return names(library.ngd_optimizer_rule)


class Optimizer(Handle):
    """A rule, its options, and the state of a list of tensors.

        optimizer = ngd.Optimizer("ngd", learning_rate=0.01)
        optimizer.step([w, b], [gradient_w, gradient_b])

    Parameters and gradients are NumPy arrays, float32 or float64, C-contiguous; parameters are changed in place. Lists
    or dicts (name: array) are taken; the first step declares the tensors. One thread at a time may use an optimizer;
    Python's lock is free during a step, so several threads with an optimizer each run side by side.
    """

    _type = "optimizer"

    def __init__(self, spec: str = "ngd", **options: Value):
        super().__init__(spec, **options)
        self._tensors: Tuple[TensorInfo, ...] = ()

    def add(self, name: str, shape: Sequence[int], dtype="float32") -> None:
        """Declares the next tensor; needed only to choose names for arrays that come in lists."""
        suffix = _suffix(need_numpy().dtype(dtype))
        sizes = (ctypes.c_int64 * len(shape))(*shape)
        self._call("add" + suffix, encoded(name), sizes, len(shape))

    @property
    def tensors(self) -> Tuple[TensorInfo, ...]:
        """The tensors declared so far, in order."""
        count = library.ngd_optimizer_tensor_count(self._open())
        if len(self._tensors) != count:  # tensors are only ever added
            raw = new_struct(_raw.ngd_tensor_info)
            infos = []
            for index in range(count):
                self._call("tensor", index, raw)
                infos.append(tensor_info(raw))
            self._tensors = tuple(infos)
        return self._tensors

    def step(self, parameters: Arrays, gradients: Arrays) -> None:
        """Takes one step: changes the parameters in place. See bind() for many steps on the same arrays."""
        self._call_with_arrays("step", parameters, gradients, False)

    def bind(self, parameters: Arrays, gradients: Arrays) -> Callable[[], None]:
        """A step on these very arrays, checked once: a function without arguments that costs next to nothing to call.

        Fill the gradient arrays in place between calls. The arrays are kept alive as long as the function is.
        """
        parameters, gradients = self._matched(parameters, gradients, False)
        function = self._function("step" + _suffix(parameters[0].dtype))
        tables = pointer_table(parameters), pointer_table(gradients)
        # All arguments are made C values here, so that a call converts nothing. A closed handle is NULL to the library.
        error = _raw.ngd_error()
        arguments = (self._handle, ctypes.cast(tables[0], ctypes.c_void_p), ctypes.cast(tables[1], ctypes.c_void_p),
                     ctypes.c_size_t(len(parameters)), ctypes.pointer(error))
        alive = (parameters, gradients, tables)

        def bound_step(_alive=alive) -> None:
            status = function(*arguments)
            if status:
                self._open()
                raise error_of(status, error.message)

        return bound_step

    def perturb(self, parameters: Arrays, gradients: Arrays) -> None:
        """First half of the gradient-norm penalty of `ngd`: moves the parameters along the gradient."""
        self._call_with_arrays("perturb", parameters, gradients, False)

    def restore(self, parameters: Arrays, gradients: Arrays) -> None:
        """Second half: puts the parameters back and combines the gradients, in place."""
        self._call_with_arrays("restore", parameters, gradients, True)

    def _call_with_arrays(self, verb: str, parameters: Arrays, gradients: Arrays, writable_gradients: bool) -> None:
        parameters, gradients = self._matched(parameters, gradients, writable_gradients)
        self._call(verb + _suffix(parameters[0].dtype), pointer_table(parameters), pointer_table(gradients),
                   len(parameters))

    def _matched(self, parameters: Arrays, gradients: Arrays, writable_gradients: bool):
        """The arrays as lists in the order of the tensors, each of its tensor's size and type."""
        self._open()
        if isinstance(parameters, Mapping) != isinstance(gradients, Mapping):
            raise TypeError("parameters and gradients must both be lists or both be dicts")
        if isinstance(parameters, Mapping):
            order = [info.name for info in self.tensors] or list(parameters)
            if set(order) != set(parameters) or set(order) != set(gradients):
                raise ShapeError(f"the tensors are {sorted(order)}, but the parameters are {sorted(parameters)} and "
                                 f"the gradients {sorted(gradients)}")
            parameters, gradients = [parameters[name] for name in order], [gradients[name] for name in order]
        else:
            if hasattr(parameters, "dtype") or hasattr(gradients, "dtype"):
                raise TypeError("parameters and gradients are lists of arrays; put a single array in a list: [w], [g]")
            parameters, gradients = list(parameters), list(gradients)
            order = None
        if len(parameters) != len(gradients) or not parameters:
            raise ShapeError(f"{len(parameters)} parameter arrays, but {len(gradients)} gradient arrays; give one "
                             "gradient for each, and at least one")
        for index, (parameter, gradient) in enumerate(zip(parameters, gradients)):
            in_place(parameter, f"parameters[{index}]", True)
            in_place(gradient, f"gradients[{index}]", writable_gradients)
            if gradient.shape != parameter.shape or gradient.dtype != parameter.dtype:
                raise ShapeError(f"gradients[{index}] is {gradient.dtype} of shape {gradient.shape}, but "
                                 f"parameters[{index}] is {parameter.dtype} of shape {parameter.shape}")
            if parameter.dtype != parameters[0].dtype:
                raise ShapeError(f"parameters[{index}] is {parameter.dtype}, but parameters[0] is "
                                 f"{parameters[0].dtype}; all arrays of one optimizer have one dtype")
        self._check_declared(order, parameters)
        return parameters, gradients

    def _check_declared(self, names_in_order: Optional[List[str]], parameters) -> None:
        infos = self.tensors
        if not infos:
            for index, parameter in enumerate(parameters):  # before the first is declared: all or none
                if parameter.size == 0 or parameter.ndim > 8:
                    raise ShapeError(f"parameters[{index}] has shape {parameter.shape}; a tensor has at most 8 "
                                     "dimensions, each at least 1")
            names_in_order = names_in_order or [f"tensor_{index}" for index in range(len(parameters))]
            for name, parameter in zip(names_in_order, parameters):
                self.add(name, parameter.shape, parameter.dtype)
            return
        if len(infos) != len(parameters):
            raise ShapeError(f"the optimizer has {len(infos)} tensors, but {len(parameters)} arrays came")
        for index, (info, parameter) in enumerate(zip(infos, parameters)):
            dtype = "F32" if parameter.dtype.char == "f" else "F64"
            if info.shape != parameter.shape or info.dtype != dtype:
                raise ShapeError(f"parameters[{index}] is {dtype} of shape {parameter.shape}, but tensor "
                                 f"{info.name!r} is {info.dtype} of shape {info.shape}")

    @property
    def step_count(self) -> int:
        """Steps taken; skipped ones are not counted."""
        return library.ngd_optimizer_step_count(self._open())

    @property
    def skip_count(self) -> int:
        """Steps skipped because a gradient was not finite."""
        return library.ngd_optimizer_skip_count(self._open())

    @property
    def zero_count(self) -> int:
        """Gradient elements that were not finite and counted as 0 (option nonfinite="zero")."""
        return library.ngd_optimizer_zero_count(self._open())

    @property
    def gradient_norm(self) -> float:
        """Norm of the last step's gradient before clipping; NaN when nothing asked for it."""
        return library.ngd_optimizer_gradient_norm(self._open())

    @property
    def learning_rate(self) -> float:
        """The rate of the next step: the option times what the schedule makes of it."""
        return library.ngd_optimizer_learning_rate(self._open())

    def report(self, loss: float) -> None:
        """Tells a schedule="plateau" how well it goes."""
        self._call("report", float(loss))

    def add_group(self, name: str, pattern: str, options: str = "") -> None:
        """Tensors whose names match the pattern ("*.bias", "@vectors") get options of their own ("weight_decay=0")."""
        self._call("add_group", encoded(name), encoded(pattern), encoded(options))

    def set_group(self, group: str, **options: Value) -> None:
        """Changes options of a group; they are its own from then on."""
        for name, value in options.items():
            if isinstance(value, str):
                self._call("set_group_text", encoded(group), encoded(name), encoded(value))
            else:
                self._call("set_group", encoded(group), encoded(name), float(value))

    def average(self, parameters: Arrays) -> List:
        """The averaged parameters, as new arrays in the order of the tensors: of the option average, or of the rule."""
        matched, _ = self._matched(parameters, parameters, False)
        averages = [need_numpy().empty_like(parameter) for parameter in matched]
        self._call("average" + _suffix(matched[0].dtype), pointer_table(matched), pointer_table(averages), len(matched))
        return averages

    def load_matching(self, path) -> int:
        """Takes the state of the tensors that the file has under the same name and shape; returns how many."""
        matched = ctypes.c_size_t()
        self._call("load_matching", path_bytes(path), ctypes.byref(matched))
        return matched.value

    def save(self, path) -> None:
        """Writes options, counters and the state of every tensor to a safetensors file."""
        self._call("save", path_bytes(path))

    def load(self, path) -> "Optimizer":
        """Restores what save() wrote, bit for bit; the rule must be the same. Returns the optimizer itself."""
        self._call("load", path_bytes(path))
        return self


def _suffix(dtype) -> str:
    if dtype.char not in "fd":
        raise TypeError(f"tensors are float32 or float64, not {dtype}")
    return "_f32" if dtype.char == "f" else "_f64"
