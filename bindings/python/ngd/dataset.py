"""Datasets: labelled samples from files, arrays or texts, kept compactly in memory."""

import ctypes
import os
from typing import Iterable, List, NamedTuple, Optional, Tuple

from . import _raw
from ._arrays import address, need_numpy, readable
from ._handle import Handle, Value
from ._library import encoded, library, names, new_struct, path_bytes
from .errors import ArgumentError, ShapeError


class DatasetInfo(NamedTuple):
    """What a dataset holds."""

    rows: int
    columns: int
    classes: int
    values: int
    skipped: int
    features: str  # "dense", "sparse" or "text"
    labels: str  # "none", "number" or "category"


_FEATURES = {_raw.NGD_FEATURES_DENSE: "dense", _raw.NGD_FEATURES_SPARSE: "sparse", _raw.NGD_FEATURES_TEXT: "text"}
_LABELS = {_raw.NGD_LABELS_NONE: "none", _raw.NGD_LABELS_NUMBER: "number", _raw.NGD_LABELS_CATEGORY: "category"}
_FORMAT_OF_ENDING = {".csv": "csv", ".tsv": "csv", ".libsvm": "libsvm", ".svm": "libsvm", ".txt": "text",
                     ".text": "text", ".idx": "idx", "-ubyte": "idx"}


def dataset_formats() -> List[str]:
    """The formats that this library reads."""
    return names(library.ngd_dataset_format)


def _format_of(path) -> str:
    name = os.fsdecode(path).lower()
    name = name[:-3] if name.endswith(".gz") else name
    for ending, found in _FORMAT_OF_ENDING.items():
        if name.endswith(ending):
            return found
    raise ArgumentError(f"cannot tell the format of {os.fsdecode(path)!r} from its name; pass format=, one of "
                        f"{', '.join(dataset_formats())}")


class Dataset(Handle):
    """Labelled samples. Make one with load(), from_arrays(), from_sparse() or from_texts(), or fill an empty one."""

    _type = "dataset"

    @classmethod
    def load(cls, path, format: Optional[str] = None, **options: Value) -> "Dataset":
        """Reads a file, plain or gzip. The format is told by the name's ending unless it is given."""
        dataset = cls(format or _format_of(path), **options)
        dataset.append_file(path)
        return dataset

    @classmethod
    def from_arrays(cls, features, labels=None, **options: Value) -> "Dataset":
        """Copies rows x columns numbers and one label a row: whole numbers are classes from 0, texts are names of
        classes (sorted, unless the option classes gives an order), others are numbers."""
        labels, options = cls._numbered(labels, options)
        dataset = cls("dense", **cls._with_label_type(labels, options))
        dataset.append(features, labels)
        return dataset

    @classmethod
    def from_sparse(cls, matrix, labels=None, **options: Value) -> "Dataset":
        """Copies a matrix in compressed rows: a scipy.sparse CSR matrix, or whatever has indptr, indices, data, shape."""
        np = need_numpy()
        if not all(hasattr(matrix, name) for name in ("indptr", "indices", "data", "shape")):
            raise TypeError("from_sparse takes a matrix in compressed rows; convert it with .tocsr()")
        labels, options = cls._numbered(labels, options)
        dataset = cls("sparse", **cls._with_label_type(labels, options))
        rows, columns = matrix.shape
        offsets = readable(matrix.indptr, np.uint64, "indptr", 1)
        indices = readable(matrix.indices, np.uint32, "indices", 1)
        values = readable(matrix.data, np.float32, "data", 1)
        if len(offsets) != rows + 1 or len(indices) != len(values) or int(offsets[-1]) != len(values):
            raise ShapeError(f"{len(offsets)} offsets, {len(indices)} indices and {len(values)} values do not make "
                             f"a matrix of {rows} rows")
        given = dataset._label_array(labels, rows)
        dataset._call("append_sparse_f32", address(offsets), address(indices), address(values),
                      None if given is None else address(given), rows, columns)
        return dataset

    @classmethod
    def from_texts(cls, texts: Iterable[str], labels: Optional[Iterable[str]] = None, **options: Value) -> "Dataset":
        """One row a text, with a class name each."""
        dataset = cls("text", **options)
        texts = list(texts)
        given = [None] * len(texts) if labels is None else list(labels)
        if len(given) != len(texts):
            raise ShapeError(f"{len(texts)} texts, but {len(given)} labels")
        for text, label in zip(texts, given):
            dataset._call("append_text", encoded(text), None if label is None else encoded(label))
        return dataset

    @staticmethod
    def _numbered(labels, options: dict):
        """Labels that are texts as class numbers, with their names in the option classes."""
        if labels is None or need_numpy().asarray(labels).dtype.kind not in "UO":
            return labels, options
        texts = [str(label) for label in labels]
        names = options["classes"].split(",") if "classes" in options else sorted(set(texts))
        if any("," in name for name in names):
            raise ValueError("names of classes given with arrays cannot hold commas; replace them, or use numbers")
        number = {name.strip(): index for index, name in enumerate(names)}
        unknown = next((text for text in texts if text not in number), None)
        if unknown is not None:
            raise ValueError(f"the label {unknown!r} is not among the classes {', '.join(number)}")
        return [number[text] for text in texts], {**options, "classes": ",".join(names)}

    @staticmethod
    def _with_label_type(labels, options: dict) -> dict:
        if labels is None or "label_type" in options:
            return options
        whole = need_numpy().asarray(labels).dtype.kind in "iub"
        return {"label_type": "category" if whole else "number", **options}

    @staticmethod
    def _label_array(labels, rows: int):
        if labels is None:
            return None
        given = readable(labels, need_numpy().float32, "labels", 1)
        if len(given) != rows:
            raise ShapeError(f"{rows} rows of features, but {len(given)} labels")
        return given

    def append(self, features, labels=None) -> None:
        """Copies more dense rows in."""
        given = readable(features, need_numpy().float32, "features", 2)
        rows, columns = given.shape
        label_array = self._label_array(labels, rows)
        self._call("append_f32", address(given), None if label_array is None else address(label_array), rows, columns)

    def append_file(self, path) -> None:
        """Reads one more file of the dataset's format."""
        self._call("load", path_bytes(path))

    @property
    def info(self) -> DatasetInfo:
        """Rows, columns, classes and the kinds of features and labels."""
        raw = new_struct(_raw.ngd_dataset_info)
        self._call("get_info", raw)
        return DatasetInfo(raw.rows, raw.columns, raw.classes, raw.values, raw.skipped,
                           _FEATURES.get(raw.features, "unknown"), _LABELS.get(raw.labels, "unknown"))

    @property
    def classes(self) -> List[str]:
        """The names of the classes, in the order of their numbers."""
        return [self._text("get_class", index) for index in range(self.info.classes)]

    def features(self, first: int = 0, rows: Optional[int] = None):
        """Rows as a new float32 array; of text, a column counts how often that word occurs."""
        first, rows, info = self._range(first, rows)
        values = need_numpy().empty((rows, info.columns), dtype="float32")
        self._call("get_rows_f32", first, rows, address(values), values.size)
        return values

    def labels(self, first: int = 0, rows: Optional[int] = None):
        """Labels as a new array: float32 numbers, or int64 classes from 0."""
        first, rows, info = self._range(first, rows)
        values = need_numpy().empty(rows, dtype="float32")
        self._call("get_labels_f32", first, rows, address(values), values.size)
        return values.astype("int64") if info.labels == "category" else values

    def _range(self, first: int, rows: Optional[int]) -> Tuple[int, int, DatasetInfo]:
        info = self.info
        rows = info.rows - first if rows is None else rows
        if first < 0 or rows < 0 or first + rows > info.rows:
            raise IndexError(f"rows {first} to {first + rows} of a dataset of {info.rows} rows")
        return first, rows, info

    def split(self, fraction: float, seed: int = 0) -> Tuple["Dataset", "Dataset"]:
        """Splits at random: (the others, about `fraction` of the rows). Both share the rows' storage."""
        rest, held_out = ctypes.c_void_p(), ctypes.c_void_p()
        self._call("split", fraction, seed, ctypes.byref(rest), ctypes.byref(held_out))
        return self._adopt(rest), self._adopt(held_out)

    def __getitem__(self, key):
        """dataset["separator"] is an option, dataset[10:20] a part that shares the rows' storage."""
        if not isinstance(key, slice):
            return super().__getitem__(key)
        first, stop, step = key.indices(len(self))
        if step != 1:
            raise ValueError("a slice of a dataset has step 1")
        part = ctypes.c_void_p()
        self._call("slice", first, max(stop - first, 0), ctypes.byref(part))
        return self._adopt(part)

    def __len__(self) -> int:
        return self.info.rows

    __iter__ = None  # rows are not iterated one by one; features() and labels() give arrays

    def __repr__(self) -> str:
        if self.closed:
            return "<closed Dataset>"
        info = self.info
        return f"Dataset({self.spec!r}, rows={info.rows}, columns={info.columns}, classes={info.classes})"
