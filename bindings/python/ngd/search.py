"""Random search: ask for a trial, evaluate it in any way, tell the result."""

import concurrent.futures
import ctypes
import time
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Union

from . import _raw
from ._handle import Handle, Option, Value, option_table
from ._library import call, encoded, library, names, new_struct, path_bytes
from .errors import NotFoundError

_REASONS = {_raw.NGD_SEARCH_GOES_ON: "", _raw.NGD_SEARCH_MAX_TRIALS: "max_trials", _raw.NGD_SEARCH_PATIENCE: "patience",
            _raw.NGD_SEARCH_MAX_GRADIENTS: "max_gradients", _raw.NGD_SEARCH_MAX_SECONDS: "max_seconds"}
_STATES = {_raw.NGD_TRIAL_RUNNING: "running", _raw.NGD_TRIAL_FINISHED: "finished", _raw.NGD_TRIAL_PRUNED: "pruned",
           _raw.NGD_TRIAL_FAILED: "failed", _raw.NGD_TRIAL_ABANDONED: "abandoned"}
_NO_TRIAL = 2**64 - 1


class SearchInfo(NamedTuple):
    """How a search stands."""

    parameters: int
    trials: int  # handed out
    running: int
    counted: int
    finished: int  # of the counted, as pruned and failed
    pruned: int
    failed: int
    stalled: int  # counted trials since the last improvement
    gradients: int
    best_trial: Optional[int]
    best_value: float
    seconds: float
    reason: str  # the option by which the search has ended, "" when it has not


class TrialInfo(NamedTuple):
    """One trial, as the search knows it."""

    gradients: int
    reports: int
    value: float
    seconds: float
    state: str  # "running", "finished", "pruned", "failed" or "abandoned"
    counted: bool


class Importance(NamedTuple):
    """How much of the results goes by a parameter."""

    trials: int
    correlation: float  # of ranks; NaN when there is none to tell
    chance: float  # what a parameter without influence exceeds once in twenty searches


class Trial:
    """A trial that was handed out. It must be told, or fail."""

    def __init__(self, search: "Search", number: int):
        self._search = search
        self.number = number
        self.values = search.values(number)

    def __getitem__(self, name: str) -> Union[float, int, str]:
        return self.values[name]

    def report(self, step: int, value: float) -> bool:
        """Tells how it does on the way. True when it is to be given up: tell then the last value."""
        stop = ctypes.c_int32()
        self._search._call("report", self.number, step, float(value), ctypes.byref(stop))
        return bool(stop.value)

    def tell(self, value: float, gradients: int = 0) -> None:
        """Tells the result; a value that is not finite makes it a failed trial."""
        self._search._call("tell", self.number, float(value), gradients)

    def fail(self, message: str = "", gradients: int = 0) -> None:
        """Tells that it failed."""
        self._search._call("fail", self.number, encoded(message), gradients)

    def __repr__(self) -> str:
        return f"Trial({self.number}, {self.values})"


def parameter_kinds() -> List[str]:
    """The kinds of parameter that this library has."""
    return names(library.ngd_search_kind)


class Search(Handle):
    """A random search over a space of named parameters.

        search = ngd.Search({"rate": "log_uniform:low=1e-4,high=0.1", "units": "log_integer:low=16,high=256"}, max_trials=40)
        search.run(lambda trial: loss_of(trial["rate"], trial["units"]), workers=4)
        print(search.info().best_value, search.values(search.info().best_trial))

    Any number of threads may ask, report and tell at once. Trials do not depend on how many there are.
    """

    _type = "search"
    _has_kinds = False

    def __init__(self, space: Optional[Mapping[str, str]] = None, spec: str = "search", journal=None, **options: Value):
        super().__init__(spec, **options)
        for name, parameter in (space or {}).items():
            self.add(name, parameter)
        if journal is not None:
            self.open_journal(journal)

    @classmethod
    def load(cls, journal) -> "Search":
        """A search of a journal, to be looked at; it may still run in another process."""
        handle = ctypes.c_void_p()
        call(library.ngd_search_load, path_bytes(journal), ctypes.byref(handle))
        return cls._adopt(handle)

    @staticmethod
    def parameter_options(kind: str) -> Dict[str, Option]:
        """The options of a kind of parameter."""
        return option_table("search", kind, describe="describe_kind")

    def add(self, name: str, spec: str) -> None:
        """Adds a parameter, such as "uniform:low=0,high=1" or "categorical:values=relu|tanh"."""
        self._call("add", encoded(name), encoded(spec))

    def open_journal(self, path) -> None:
        """Keeps a journal from now on, and goes on with what it holds."""
        self._call("open_journal", path_bytes(path))

    @property
    def space(self) -> Dict[str, str]:
        """The parameters and their specs."""
        found = [self._text("get_parameter", index) for index in range(self.info().parameters)]
        return {name: self._text("get_spec", encoded(name)) for name in found}

    def ask(self, wait: bool = True) -> Optional[Trial]:
        """The next trial; None at the end of the search. Without `wait` also None when none may begin yet."""
        number, answer = ctypes.c_uint64(), ctypes.c_int32()
        while True:
            self._call("ask", ctypes.byref(number), ctypes.byref(answer))
            if answer.value == _raw.NGD_SEARCH_TRIAL:
                return Trial(self, number.value)
            if answer.value == _raw.NGD_SEARCH_END or not wait:
                return None
            time.sleep(0.001)

    def run(self, objective: Callable[[Trial], float], workers: int = 1) -> "Search":
        """Evaluates trials to the end, by so many threads: objective(trial) gives the value. An exception fails its trial."""

        def work() -> None:
            while (trial := self.ask()) is not None:
                try:
                    value = float(objective(trial))
                except Exception as error:  # whatever it is, the next trial may do better
                    trial.fail(f"{type(error).__name__}: {error}")
                else:
                    trial.tell(value)

        if workers == 1:
            work()
        else:
            with concurrent.futures.ThreadPoolExecutor(workers) as pool:
                for future in [pool.submit(work) for _ in range(workers)]:
                    future.result()
        return self

    def values(self, trial: int) -> Dict[str, Union[float, int, str]]:
        """The parameters' values in a trial; those that their condition leaves out are not there."""
        values: Dict[str, Union[float, int, str]] = {}
        for name, spec in self.space.items():
            text = self._text("get_value_text", trial, encoded(name))
            kind = spec.partition(":")[0]
            if text:
                values[name] = text if kind == "categorical" else int(float(text)) if "integer" in kind else float(text)
        return values

    def info(self) -> SearchInfo:
        raw = new_struct(_raw.ngd_search_info)
        self._call("get_info", raw)
        best = None if raw.best_trial == _NO_TRIAL else raw.best_trial
        return SearchInfo(raw.parameters, raw.trials, raw.running, raw.counted, raw.finished, raw.pruned, raw.failed,
                          raw.stalled, raw.gradients, best, raw.best_value, raw.seconds, _REASONS.get(raw.reason, ""))

    def trial(self, number: int) -> TrialInfo:
        """What is known of a trial that was handed out."""
        raw = new_struct(_raw.ngd_trial_info)
        self._call("get_trial", number, raw)
        return TrialInfo(raw.gradients, raw.reports, raw.value, raw.seconds, _STATES.get(raw.state, ""), bool(raw.counted))

    def message(self, number: int) -> str:
        """Why a trial failed."""
        return self._text("get_message", number)

    def importance(self, name: str) -> Importance:
        """Rank correlation of a parameter with the values, and what chance alone gives."""
        raw = new_struct(_raw.ngd_importance)
        self._call("get_importance", encoded(name), raw)
        return Importance(raw.trials, raw.correlation, raw.chance)
