"""Models: linear, multilayer perceptron and text classifier, whole or by parts."""

import ctypes
from typing import Callable, Iterable, List, NamedTuple, Optional, Tuple, Union

from . import _raw
from ._arrays import address, in_place, need_numpy, readable
from ._handle import Handle, Value
from ._library import call, library, names, new_struct, path_bytes
from .client import Client
from .dataset import Dataset
from .errors import NotFoundError, ShapeError, UnsupportedError
from .optimizer import Optimizer
from .tensor import TensorInfo, tensor_info
from .trainer import Event, Trainer
from .vectors import Coverage, Vectors


class Metrics(NamedTuple):
    """How good a model is on a dataset. Numbers that have no meaning for the loss are NaN."""

    rows: int
    unknown: int
    loss: float
    accuracy: float
    majority: float
    r_squared: float


def model_kinds() -> List[str]:
    """The kinds of model that this library has."""
    return names(library.ngd_model_kind)


class Model(Handle):
    """A model.

        model = ngd.Model("mlp", hidden="64x32").fit(train, held_out=held_out, optimizer="ngd", epochs=10)
        model.predict(held_out)

    Where a dataset is asked for, a `Dataset`, an array of rows x columns, a list of texts, or a pair (features, labels)
    of these may be given; anything but a Dataset is copied into one.
    """

    _type = "model"

    def __init__(self, spec: str, **options: Value):
        super().__init__(spec, **options)

    @classmethod
    def load(cls, path) -> "Model":
        """Reads what save() wrote, a trainer's checkpoint, or the newest checkpoint of a run directory."""
        handle = ctypes.c_void_p()
        call(library.ngd_model_load, path_bytes(path), ctypes.byref(handle))
        return cls._adopt(handle)

    def save(self, path) -> None:
        """Writes the model, its vocabulary and classes included, to a safetensors file."""
        self._call("save", path_bytes(path))

    def fit(self, training, *, held_out=None, optimizer: Union[str, Optimizer] = "ngd",
            callback: Optional[Callable[[Event], object]] = None, client: Optional[Client] = None,
            addresses: Union[str, Iterable[str]] = (), **trainer_options: Value) -> "Model":
        """Trains with a Trainer made from `trainer_options` (epochs=, batch_size=, ...). Returns the model itself.

        With a client and addresses of servers it takes part in a training there, see Trainer.connect(). A worker is
        then left with the parameters that it read last; an observer (worker=False) has the trained ones.
        """
        with Trainer(**trainer_options) as trainer:
            if client is not None:
                trainer.connect(client, addresses)
            if callback is not None:
                trainer.on_event(callback)
            trainer.run(self, optimizer if isinstance(optimizer, Optimizer) else Optimizer(optimizer),
                        as_dataset(training), None if held_out is None else as_dataset(held_out))
        return self

    def set_vectors(self, vectors: Optional[Vectors]) -> "Model":
        """Has a text model begin with word vectors when it is prepared; None takes them back. Returns the model itself."""
        self._call("set_vectors", None if vectors is None else vectors._open())
        return self

    def coverage(self) -> Coverage:
        """How many of the model's words had a vector."""
        raw = new_struct(_raw.ngd_vectors_coverage)
        self._call("get_coverage", raw)
        return Coverage(*(getattr(raw, name) for name in Coverage._fields))

    def prepare(self, training=None) -> "Model":
        """Gives the model its shape and initial parameters, from a dataset or from its options. fit() does it too."""
        self._call("prepare", None if training is None else as_dataset(training)._open())
        return self

    @property
    def input_count(self) -> int:
        """Numbers a row of dense features; 0 before prepare() and for `text`."""
        return library.ngd_model_input_count(self._open())

    @property
    def output_count(self) -> int:
        """Classes, numbers, or 1 for binary_cross_entropy; 0 before prepare()."""
        return library.ngd_model_output_count(self._open())

    @property
    def classes(self) -> List[str]:
        """The names of the classes; empty for regression."""
        return [self._text("get_class", index) for index in range(library.ngd_model_class_count(self._open()))]

    def _outputs(self, data):
        dataset = as_dataset(data)
        outputs = need_numpy().empty((len(dataset), self.output_count), dtype="float32")
        self._call("predict_f32", dataset._open(), 0, len(outputs), address(outputs), outputs.size)
        return outputs

    def predict_proba(self, data):
        """Probabilities, float32, rows x classes in the order of `classes`."""
        classes = self.classes
        if not classes:
            raise UnsupportedError("this model has no classes, hence no probabilities; use predict()")
        outputs = self._outputs(data)
        if outputs.shape[1] == 1 and len(classes) == 2:  # binary_cross_entropy gives the second class alone
            return need_numpy().hstack([1 - outputs, outputs])
        return outputs

    def predict(self, data):
        """The likeliest class of each row, by name (an integer when all names are whole numbers), or the outputs."""
        np = need_numpy()
        classes = self.classes
        if not classes:
            outputs = self._outputs(data)
            return outputs[:, 0] if outputs.shape[1] == 1 else outputs
        try:
            named = np.array([int(name) for name in classes])
        except ValueError:
            named = np.array(classes)
        return named[self.predict_proba(data).argmax(axis=1)]

    def evaluate(self, data) -> Metrics:
        """Loss and accuracy on labelled data."""
        raw = new_struct(_raw.ngd_metrics)
        self._call("evaluate", as_dataset(data)._open(), raw)
        return Metrics(*(getattr(raw, name) for name in Metrics._fields))

    def forward(self, features):
        """Outputs of dense rows (logits for the cross-entropies), in float64 when the features are, else float32."""
        np = need_numpy()
        dtype, suffix = _precision(np.asarray(features))
        given = readable(features, dtype, "features", 2)
        if given.shape[1] != self.input_count and self.input_count:
            raise ShapeError(f"features has {given.shape[1]} columns, but the model has {self.input_count} inputs")
        outputs = np.empty((len(given), self.output_count), dtype=dtype)
        self._call("forward" + suffix, address(given), len(given), address(outputs) if outputs.size else None,
                   outputs.size)
        return outputs

    def backward(self, targets) -> float:
        """The mean loss of the last forward() against targets; adds its gradient to the model's."""
        dtype, suffix = _precision(need_numpy().asarray(targets))
        given = readable(targets, dtype, "targets")
        loss = ctypes.c_double()
        self._call("backward" + suffix, address(given), given.size, ctypes.byref(loss))
        return loss.value

    def step(self, optimizer: Optimizer) -> None:
        """Applies the gradients with an optimizer, then clears them."""
        self._call("step", optimizer._open())

    def train_batch(self, optimizer: Optimizer, dataset: Dataset, rows) -> float:
        """One training step on rows of a dataset, given by number; returns the mean loss before it."""
        numbers = readable(rows, "uint64", "rows", 1)
        loss = ctypes.c_double()
        self._call("train_batch", optimizer._open(), dataset._open(), address(numbers), len(numbers),
                   ctypes.byref(loss))
        return loss.value

    def train_weighted(self, optimizer: Optimizer, dataset: Dataset, rows, weights=None):
        """One training step with a weight a row, as Icea.draw() gives them.

        Returns (mean of weight * loss, losses without weights, whether each answer was right): what Icea.record() takes.
        """
        np = need_numpy()
        numbers = readable(rows, "uint64", "rows", 1)
        given = None if weights is None else readable(weights, "float32", "weights", 1)
        if given is not None and len(given) != len(numbers):
            raise ShapeError(f"weights has {len(given)} entries, but rows {len(numbers)}")
        losses, correct = np.empty(len(numbers), "float32"), np.empty(len(numbers), "int32")
        loss = ctypes.c_double()
        self._call("train_weighted", optimizer._open(), dataset._open(), address(numbers),
                   None if given is None else address(given), len(numbers), address(losses), address(correct),
                   ctypes.byref(loss))
        return loss.value, losses, correct.astype(bool)

    @property
    def tensors(self) -> Tuple[TensorInfo, ...]:
        """The parameter tensors, in order."""
        infos = []
        raw = new_struct(_raw.ngd_tensor_info)
        for index in range(library.ngd_model_tensor_count(self._open())):
            self._call("tensor", index, raw)
            infos.append(tensor_info(raw))
        return tuple(infos)

    def _tensor(self, name: Union[str, int]) -> Tuple[int, TensorInfo]:
        tensors = self.tensors
        for index, info in enumerate(tensors):
            if name in (index, info.name):
                return index, info
        raise NotFoundError(f"no tensor {name!r}; the model has: {', '.join(info.name for info in tensors) or 'none'}")

    def get_tensor(self, name: Union[str, int], out=None):
        """Copies a parameter tensor, by name or number, into `out` or a new array of the model's element type."""
        index, info = self._tensor(name)
        if out is None:
            out = need_numpy().empty(info.shape, dtype="float64" if info.dtype == "F64" else "float32")
        in_place(out, "out", True)
        self._call("get_tensor" + _precision(out)[1], index, address(out), out.size)
        return out

    def set_tensor(self, name: Union[str, int], values) -> None:
        """Copies new values, all finite, into a parameter tensor."""
        index, info = self._tensor(name)
        dtype, suffix = _precision(need_numpy().asarray(values))
        given = readable(values, dtype, "values")
        if given.shape != info.shape:
            raise ShapeError(f"values has shape {given.shape}, but tensor {info.name!r} has {info.shape}")
        self._call("set_tensor" + suffix, index, address(given), given.size)

    def get_gradient(self, name: Union[str, int]):
        """The gradient of a parameter tensor as a new float64 array."""
        index, info = self._tensor(name)
        values = need_numpy().empty(info.shape)
        self._call("get_gradient_f64", index, address(values), values.size)
        return values


def _precision(array) -> Tuple[str, str]:
    return ("float64", "_f64") if array.dtype == "float64" else ("float32", "_f32")


def as_dataset(data) -> Dataset:
    """A Dataset as it is; arrays, sparse matrices and lists of texts, alone or in a pair with labels, copied into one."""
    if isinstance(data, Dataset):
        return data
    features, labels = data if isinstance(data, tuple) and len(data) == 2 else (data, None)
    if hasattr(features, "indptr"):
        return Dataset.from_sparse(features, labels)
    if isinstance(features, list) and features and isinstance(features[0], str):
        return Dataset.from_texts(features, labels)
    return Dataset.from_arrays(features, labels)
