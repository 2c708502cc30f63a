"""The trainer: epochs over a dataset with evaluation, events, a run directory, checkpoints and resume."""

import ctypes
import math
from typing import Callable, Iterable, Iterator, List, NamedTuple, Optional, Union

from . import _raw
from ._handle import Handle, Value
from ._library import joined_addresses, library, milliseconds, new_struct
from .client import Client
from .dataset import Dataset
from .errors import CancelledError, StateError, error_of
from .icea import Icea
from .optimizer import Optimizer

_KINDS = {_raw.NGD_EVENT_BEGIN: "begin", _raw.NGD_EVENT_PROGRESS: "progress", _raw.NGD_EVENT_EPOCH: "epoch",
          _raw.NGD_EVENT_CHECKPOINT: "checkpoint", _raw.NGD_EVENT_END: "end", _raw.NGD_EVENT_WARNING: "warning",
          _raw.NGD_EVENT_SETTINGS: "settings"}

_STEPS = 16  # at a time, so that Ctrl-C is heard soon


class Event(NamedTuple):
    """What happened in a run. Numbers that are not known are NaN or 0."""

    kind: str  # "begin", "progress", "epoch", "checkpoint", "end", "warning" or "settings"
    epoch: int  # epochs finished
    epochs: int  # epochs wanted
    step: int
    steps: int
    rows: int
    skipped: int
    loss: float
    held_out_loss: float
    held_out_accuracy: float
    majority: float
    learning_rate: float
    rows_per_second: float
    seconds: float
    seconds_left: float
    path: str  # of the checkpoint that was written
    resumed: bool
    hard_set: int  # with icea: samples in the hard set
    quarantined: int  # with icea: samples in quarantine
    hard_share: float  # with icea: share of the epoch's rows drawn from the hard set
    message: str  # of a warning or of settings

    def __str__(self) -> str:
        text = f"{self.kind}: epoch {self.epoch} of {self.epochs}, step {self.step}, loss {self.loss:.4g}"
        if not math.isnan(self.held_out_accuracy):
            text += f", held-out accuracy {self.held_out_accuracy:.2%}"
        return text + (f", wrote {self.path}" if self.path else "") + (f": {self.message}" if self.message else "")


def _event(raw: _raw.ngd_event) -> Event:
    values = {name: getattr(raw, name) for name in Event._fields}
    values.update(kind=_KINDS.get(raw.kind, "unknown"), path=(raw.path or b"").decode("utf-8", "surrogateescape"),
                  message=(raw.message or b"").decode("utf-8", "replace"), resumed=bool(raw.resumed))
    return Event(**values)


class Trainer(Handle):
    """A training run.

        trainer = ngd.Trainer(epochs=10, batch_size=32)
        for event in trainer.events(model, ngd.Optimizer("ngd"), training, held_out):
            print(event)

    run() trains to the end, and gives events to the function of on_event(); events() is a generator that trains while
    it is iterated; start(), advance() and poll() are for programs with a loop of their own.
    """

    _type = "trainer"
    _has_kinds = False

    def __init__(self, spec: str = "trainer", **options: Value):
        super().__init__(spec, **options)
        self._callback = _raw.ngd_event_callback()  # kept alive while the library may call it
        self._raised: List[BaseException] = []
        self._inside = False

    def on_event(self, callback: Optional[Callable[[Event], object]]) -> None:
        """Sets the function that gets every event; None leaves them to be polled.

        A true result stops the run with a CallbackError; an exception stops it and comes out of run() or advance().
        """
        raised = self._raised

        def trampoline(event, _) -> int:
            try:
                return 1 if callback(_event(event.contents)) else 0
            except BaseException as exception:  # nothing may pass through C; it is raised again after the call
                raised.append(exception)
                return 1

        function = _raw.ngd_event_callback(trampoline) if callback is not None else _raw.ngd_event_callback()
        self._call("on_event", function, None, _raw.ngd_finalizer())
        self._callback = function

    def _train(self, verb: str, *arguments) -> None:
        """Calls what may call back."""
        handle = self._open()
        if self._inside:
            raise StateError("a trainer's callback must not start or advance its trainer")
        error = _raw.ngd_error()
        self._inside = True
        try:
            status = self._function(verb)(handle, *arguments, error)
        finally:
            self._inside = False
        if status:
            if self._raised:
                raise self._raised.pop()
            raise error_of(status, error.message)

    def connect(self, client: Optional[Client], addresses: Union[str, Iterable[str]] = (),
                timeout: float = 60.0) -> "Trainer":
        """Makes the coming runs part of a training on servers, in which any number of trainers take part.

        The client is not connected: each run connects it, as a worker that computes gradients, or with worker=False as
        an observer that evaluates and has the trained model at the end. A run bears for `timeout` seconds that nothing
        goes forward, and as long that there are no servers yet. With client None runs are on this machine again.
        Returns the trainer itself. More of it is told with ngd_trainer_connect() in the manual.
        """
        if client is None:
            self._call("connect", None, None, 0)
        else:
            self._call("connect", client._open(), joined_addresses(addresses), milliseconds(timeout))
        return self

    def start(self, model, optimizer: Optimizer, training: Dataset, held_out: Optional[Dataset] = None) -> None:
        """Begins a run, or with the option `resume` goes on with one."""
        self._train("start", model._open(), optimizer._open(), training._open(),
                    None if held_out is None else held_out._open())

    def advance(self, steps: int = 1) -> bool:
        """Trains for at most `steps` steps; True while there is more to do."""
        running = ctypes.c_int32()
        self._train("advance", steps, ctypes.byref(running))
        return bool(running.value)

    def run(self, model, optimizer: Optimizer, training: Dataset, held_out: Optional[Dataset] = None) -> None:
        """Trains to the end. Ctrl-C cancels the run: it writes its checkpoint, then KeyboardInterrupt is raised."""
        self.start(model, optimizer, training, held_out)
        self._finish()

    def _finish(self) -> None:
        try:
            while self.advance(_STEPS):
                pass
        except KeyboardInterrupt:
            self._stop()
            raise

    def _stop(self) -> None:
        self.cancel()
        try:
            while self.advance(1):
                pass
        except (CancelledError, StateError):
            pass

    def poll(self) -> Optional[Event]:
        """Takes the oldest event that no callback got, or None."""
        raw, found = new_struct(_raw.ngd_event), ctypes.c_int32()
        self._call("poll", raw, ctypes.byref(found))
        return _event(raw) if found.value else None

    def events(self, model, optimizer: Optimizer, training: Dataset, held_out: Optional[Dataset] = None,
               steps: int = _STEPS) -> Iterator[Event]:
        """Trains while it is iterated, `steps` steps at a time, and gives each event. Leaving the loop cancels the run."""
        self.on_event(None)
        self.start(model, optimizer, training, held_out)
        running = True
        try:
            while running:
                running = self.advance(steps)
                while (event := self.poll()) is not None:
                    yield event
        finally:
            if running and not self.closed:
                self._stop()

    def icea(self) -> Icea:
        """The buffer of a run with the option `icea`, the one in progress or else the last; shared with it."""
        handle = ctypes.c_void_p()
        self._call("get_icea", ctypes.byref(handle))
        return Icea._adopt(handle)

    def cancel(self) -> None:
        """Asks a run to stop after the step in hand; may be called from any thread. The run ends in CancelledError."""
        library.ngd_trainer_cancel(self._open())

    def close(self) -> None:
        if getattr(self, "_inside", False):
            raise StateError("a trainer's callback must not close its trainer")
        super().close()
