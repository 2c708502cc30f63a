"""Word vectors: read, look up, find neighbours, train, write."""

import ctypes
from typing import Callable, List, NamedTuple, Optional, Union

from . import _raw
from ._arrays import address, need_numpy, readable
from ._handle import Handle, Value
from ._library import encoded, new_struct, path_bytes
from .dataset import Dataset
from .errors import NotFoundError, ShapeError
from .optimizer import Optimizer


class VectorsInfo(NamedTuple):
    """What a handle holds."""

    words: int
    dimension: int
    bytes: int
    declared: int  # words that the file's first line promised
    duplicates: int  # vectors left out because their word had one
    skipped: int  # malformed lines left out
    deviation: float  # of all numbers
    mean_length: float


class VectorsProgress(NamedTuple):
    """How far training is."""

    epoch: int
    epochs: int
    steps: int
    words: int
    words_all: int
    loss: float
    learning_rate: float
    seconds: float
    words_per_second: float


class Coverage(NamedTuple):
    """What a text model took from word vectors."""

    words: int
    found: int
    folded: int
    rows: int
    tokens: int
    tokens_found: int
    scale: float
    deviation: float


class Neighbour(NamedTuple):
    """A word and its cosine."""

    word: str
    similarity: float


class Vectors(Handle):
    """Words and a vector for each.

        vectors = ngd.Vectors.load("glove.txt.gz")
        vectors.neighbours("king", 10)
        vectors = ngd.Vectors(dimension=50, threads=2).train(texts)
    """

    _type = "vectors"
    _has_kinds = False

    def __init__(self, spec: str = "vectors", **options: Value):
        super().__init__(spec, **options)

    @classmethod
    def load(cls, path, spec: str = "vectors", **options: Value) -> "Vectors":
        """Reads GloVe, word2vec, fastText .vec or safetensors, plain or gzip."""
        vectors = cls(spec, **options)
        vectors._call("load", path_bytes(path))
        return vectors

    @classmethod
    def from_arrays(cls, words, values, **options: Value) -> "Vectors":
        """Words with the rows of an array; both are copied."""
        return cls(**options).append(words, values)

    def append(self, words, values) -> "Vectors":
        """Appends words with the rows of an array. Returns itself."""
        given = readable(values, "float32", "values", 2)
        texts = [encoded(word) for word in words]
        if len(texts) != len(given):
            raise ShapeError(f"there are {len(texts)} words, but {len(given)} rows of values")
        table = (ctypes.c_char_p * len(texts))(*texts)
        self._call("append_f32", table, address(given), len(texts), given.shape[1])
        return self

    def save(self, path, format: str = "word2vec_text") -> None:
        """Writes word2vec_text, word2vec_binary or safetensors."""
        self._call("save", path_bytes(path), encoded(format))

    def info(self) -> VectorsInfo:
        """What the handle holds."""
        raw = new_struct(_raw.ngd_vectors_info)
        self._call("get_info", raw)
        return VectorsInfo(*(getattr(raw, name) for name in VectorsInfo._fields))

    def __len__(self) -> int:
        return self.info().words

    def find(self, word: str) -> int:
        """The row of a word; NotFoundError when it has none."""
        row = ctypes.c_uint64()
        self._call("find", encoded(word), ctypes.byref(row))
        return row.value

    def __contains__(self, word: str) -> bool:
        try:
            self.find(word)
        except NotFoundError:
            return False
        return True

    def word(self, row: int) -> str:
        """The word of a row."""
        return self._text("get_word", row.__index__())

    @property
    def words(self) -> List[str]:
        """All words, in the order of the rows."""
        return [self.word(row) for row in range(len(self))]

    def array(self, first: int = 0, rows: Optional[int] = None):
        """Rows as a new float32 array; all from `first` on when `rows` is None."""
        info = self.info()
        values = need_numpy().empty((info.words - first if rows is None else rows, info.dimension), "float32")
        self._call("get_rows_f32", first, len(values), address(values), values.size)
        return values

    def vector(self, word: str):
        """The vector of a word."""
        return self.array(self.find(word), 1)[0]

    def _neighbours(self, verb: str, count: int, *arguments) -> List[Neighbour]:
        rows, similarities = (ctypes.c_uint64 * count)(), (ctypes.c_float * count)()
        found = ctypes.c_size_t()
        self._call(verb, *arguments, count, rows, similarities, ctypes.byref(found))
        return [Neighbour(self.word(rows[i]), similarities[i]) for i in range(found.value)]

    def neighbours(self, word: str, count: int = 10) -> List[Neighbour]:
        """The words most similar to a word."""
        return self._neighbours("neighbours_f32", count, encoded(word))

    def analogy(self, first: str, second: str, third: str, count: int = 10) -> List[Neighbour]:
        """What is to `third` as `second` is to `first`."""
        return self._neighbours("analogy_f32", count, encoded(first), encoded(second), encoded(third))

    def nearest(self, query, count: int = 10, excluded=()) -> List[Neighbour]:
        """The words most similar to any vector, without the rows `excluded`."""
        given = readable(query, "float32", "query", 1)
        rows = (ctypes.c_uint64 * len(excluded))(*excluded)
        return self._neighbours("nearest_f32", count, address(given), len(given), rows, len(excluded))

    def train(self, texts, optimizer: Union[Optimizer, str, None] = None,
              callback: Optional[Callable[[VectorsProgress], object]] = None, steps: int = 100) -> "Vectors":
        """Trains on texts: a Dataset of format text, or a list of str. `callback` is called every `steps` steps; when it
        returns True training stops. Returns itself."""
        dataset = texts if isinstance(texts, Dataset) else Dataset.from_texts(texts)
        if isinstance(optimizer, str):
            optimizer = Optimizer(optimizer)
        self._call("start", dataset._open(), None if optimizer is None else optimizer._open())
        running = ctypes.c_int32(1)
        while running.value:
            self._call("advance", steps, ctypes.byref(running))
            if callback is not None and callback(self.progress()) is True:
                break
        return self

    def progress(self) -> VectorsProgress:
        """How far training is, or came."""
        raw = new_struct(_raw.ngd_vectors_progress)
        self._call("get_progress", raw)
        return VectorsProgress(*(getattr(raw, name) for name in VectorsProgress._fields))
