"""ICEA: a buffer that knows which samples are still hard, and brings them back."""

import ctypes
from typing import NamedTuple, Optional, Tuple

from . import _raw
from ._arrays import address, need_numpy, readable
from ._handle import Handle, Value
from ._library import call, encoded, library, new_struct, path_bytes
from .errors import BufferSizeError, ShapeError


class IceaInfo(NamedTuple):
    """What a buffer holds."""

    samples: int
    seen: int  # recorded at least once
    hard: int  # size of the hard set
    capacity: int  # largest size of the hard set
    quarantined: int
    records: int  # visits recorded
    batches: int  # drawn
    draws: int  # slots drawn
    hard_draws: int  # of them, from the hard set
    bytes: int
    hard_mass: float
    plain: bool  # whether the next batch will be plain
    warming: bool  # whether the warm-up lasts


class IceaSample(NamedTuple):
    """What a buffer knows of one sample."""

    seen: int
    errors: int
    miss_run: int  # wrong answers since the last right one
    score: float
    probability: float  # of one slot of a batch that is not plain
    hard: bool
    quarantined: bool


class IceaScores(NamedTuple):
    """What a buffer knows of samples that follow each other, as arrays: for another buffer, or to look at."""

    scores: object  # float32
    seen: object  # uint32, as the rest
    errors: object
    miss_runs: object


class Icea(Handle):
    """A buffer of scores for `samples` samples, that are called 0, 1, ....

        icea = ngd.Icea(len(training), rho=0.5)
        rows, weights = icea.draw(32)
        ... train on them ...
        icea.record(rows, losses, correct)

    Any number of threads may record and draw at once.
    """

    _type = "icea"
    _has_kinds = False

    def __init__(self, samples: int, spec: str = "icea", **options: Value):
        self._handle = ctypes.c_void_p()
        if not isinstance(spec, str):
            raise TypeError(f"a spec is a str such as \"icea:rho=0.5\", not {type(spec).__name__}")
        call(library.ngd_icea_create, encoded(spec), _count(samples, "samples"), ctypes.byref(self._handle))
        for name, value in options.items():
            self[name] = value

    @classmethod
    def load(cls, path) -> "Icea":
        """Reads what save() wrote, a checkpoint of a trainer with `icea`, or the newest one of a run directory."""
        icea = cls(0)
        icea._call("load", path_bytes(path))
        return icea

    def save(self, path) -> None:
        """Writes options, scores, counters and the random position to a safetensors file."""
        self._call("save", path_bytes(path))

    def __len__(self) -> int:
        return self.info().samples

    def resize(self, samples: int) -> None:
        """Changes the number of samples: new ones have never been seen, those past the end are forgotten."""
        self._call("resize", _count(samples, "samples"))

    def reset(self) -> None:
        """Forgets everything but the options."""
        self._call("reset")

    def draw(self, count: int) -> Tuple["numpy.ndarray", "numpy.ndarray"]:
        """The next batch: sample numbers (uint64), and weights (float32) to multiply each loss with."""
        np = need_numpy()
        count = _count(count, "count")
        ids, weights = np.empty(count, "uint64"), np.empty(count, "float32")
        self._call("draw_f32", count, address(ids), address(weights))
        return ids, weights

    def record(self, ids, losses=None, correct=None) -> None:
        """Records one visit for each sample: its loss without the weight, and whether its answer was right.

        Without `correct` no answer counts as wrong. Either the whole batch is recorded or nothing.
        """
        numbers = readable(ids, "uint64", "ids", 1)
        arrays = [(losses, "float32", "losses"), (correct, "int32", "correct")]
        given = [None if array is None else readable(array, dtype, what, 1) for array, dtype, what in arrays]
        for array, (_, _, what) in zip(given, arrays):
            if array is not None and len(array) != len(numbers):
                raise ShapeError(f"{what} has {len(array)} entries, but ids {len(numbers)}")
        self._call("record_f32", address(numbers), *[None if array is None else address(array) for array in given],
                   len(numbers))

    def info(self) -> IceaInfo:
        """What the buffer holds."""
        raw = new_struct(_raw.ngd_icea_info)
        self._call("get_info", raw)
        values = {name: getattr(raw, name) for name in IceaInfo._fields}
        values.update(plain=bool(raw.plain), warming=bool(raw.warming))
        return IceaInfo(**values)

    def sample(self, id: int) -> IceaSample:
        """What the buffer knows of one sample."""
        raw = new_struct(_raw.ngd_icea_sample)
        self._call("get_sample", _count(id, "id"), raw)
        values = {name: getattr(raw, name) for name in IceaSample._fields}
        values.update(hard=bool(raw.hard), quarantined=bool(raw.quarantined))
        return IceaSample(**values)

    def quarantine(self):
        """The samples in quarantine, rising: their labels may be wrong, or their class rare."""
        return self._list("get_quarantine")

    def hard_set(self):
        """The hard set, the hardest first."""
        return self._list("get_hard_set")

    def _list(self, verb: str):
        needed = ctypes.c_size_t()
        self._call(verb, None, 0, ctypes.byref(needed))
        while True:
            ids = need_numpy().empty(needed.value + needed.value // 8, "uint64")
            try:
                self._call(verb, address(ids), len(ids), ctypes.byref(needed))
                return ids[:needed.value].copy()
            except BufferSizeError:  # another thread recorded in between
                continue

    def export(self, first: int = 0, count: Optional[int] = None) -> IceaScores:
        """What is known of samples `first` to `first + count - 1`; of all from `first` on when count is None."""
        np = need_numpy()
        count = len(self) - first if count is None else count
        arrays = IceaScores(np.empty(count, "float32"), *(np.empty(count, "uint32") for _ in range(3)))
        self._call("export", _count(first, "first"), count, *[address(array) for array in arrays])
        return arrays

    def import_scores(self, first: int, scores: IceaScores) -> None:
        """Replaces what is known of the samples from `first` on by what export() gave."""
        dtypes = ("float32", "uint32", "uint32", "uint32")
        given = [readable(array, dtype, what, 1) for array, dtype, what in zip(scores, dtypes, IceaScores._fields)]
        if len({len(array) for array in given}) != 1:
            raise ShapeError(f"the arrays have {', '.join(str(len(array)) for array in given)} entries, "
                             "but must have equally many")
        self._call("import", _count(first, "first"), len(given[0]), *[address(array) for array in given])


def _count(value, what: str) -> int:
    number = value.__index__()
    if number < 0:
        raise ValueError(f"{what} is {number}, but must be at least 0")
    return number
