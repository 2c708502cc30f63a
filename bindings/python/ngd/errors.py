"""Exceptions: one class per status code, each also the built-in exception that Python users catch for such a case."""

from . import _raw


class NgdError(RuntimeError):
    """A call failed. The text says what was wrong, where, why and how to mend it."""

    status = _raw.NGD_E_INTERNAL  # the status code of the C contract

    def __str__(self) -> str:  # KeyError would show the text in quotes
        return str(self.args[0]) if self.args else ""


class ArgumentError(NgdError, ValueError):
    """An argument makes no sense."""

    status = _raw.NGD_E_ARGUMENT


class OptionError(NgdError, KeyError, ValueError):
    """No option, rule, kind or format of that name."""

    status = _raw.NGD_E_OPTION


class RangeError(NgdError, ValueError):
    """A value, index or count lies outside its range."""

    status = _raw.NGD_E_RANGE


class StateError(NgdError):
    """The object is not in the state that this call needs."""

    status = _raw.NGD_E_STATE


class ShapeError(NgdError, ValueError):
    """Sizes that must agree do not."""

    status = _raw.NGD_E_SHAPE


class NotFiniteError(NgdError, ValueError):
    """A NaN or an infinity where a finite number is needed."""

    status = _raw.NGD_E_NOT_FINITE


class BufferSizeError(NgdError, BufferError):
    """A buffer is too small."""

    status = _raw.NGD_E_BUFFER


class OutOfMemoryError(NgdError, MemoryError):
    """Memory ran out."""

    status = _raw.NGD_E_MEMORY


class FileError(NgdError, OSError):
    """The operating system refused a file operation."""

    status = _raw.NGD_E_IO


class DataError(NgdError, ValueError):
    """A data file is malformed."""

    status = _raw.NGD_E_DATA


class CheckpointError(NgdError, ValueError):
    """A checkpoint is damaged, foreign, or does not fit."""

    status = _raw.NGD_E_CHECKPOINT


class NotFoundError(NgdError, LookupError):
    """Nothing of that name or number exists."""

    status = _raw.NGD_E_NOT_FOUND


class CancelledError(NgdError):
    """The run was cancelled."""

    status = _raw.NGD_E_CANCELLED


class CallbackError(NgdError):
    """A callback asked to stop."""

    status = _raw.NGD_E_CALLBACK


class DivergedError(NgdError, ArithmeticError):
    """Training diverged: the loss or the parameters are no longer finite."""

    status = _raw.NGD_E_DIVERGED


class UnsupportedError(NgdError, NotImplementedError):
    """Valid, but not available for this kind."""

    status = _raw.NGD_E_UNSUPPORTED


class DeadlineError(NgdError, TimeoutError):
    """The deadline passed."""

    status = _raw.NGD_E_TIMEOUT


class ClosedError(NgdError, ValueError):
    """The peer or the object is closed."""

    status = _raw.NGD_E_CLOSED


class ProtocolError(NgdError, ConnectionError):
    """A peer sent what it must not."""

    status = _raw.NGD_E_PROTOCOL


class ForkedError(NgdError):
    """A networked object was used in a forked child."""

    status = _raw.NGD_E_FORKED


class InternalError(NgdError):
    """A mistake in libngd itself: please report it."""

    status = _raw.NGD_E_INTERNAL


class UnavailableError(NgdError, ConnectionError):
    """A server cannot do it now; try again."""

    status = _raw.NGD_E_UNAVAILABLE


class LineageError(NgdError):
    """The model went back to a checkpoint: what was known of it is no longer true."""

    status = _raw.NGD_E_LINEAGE


class ExpiredError(NgdError):
    """The session was silent for too long and is forgotten."""

    status = _raw.NGD_E_EXPIRED


class FencedError(NgdError):
    """The lock's token is no longer the newest."""

    status = _raw.NGD_E_FENCED


class ConflictError(NgdError):
    """It is not as the caller expected: another version, another owner, another spec."""

    status = _raw.NGD_E_CONFLICT


class LimitError(NgdError):
    """A limit of the server is reached."""

    status = _raw.NGD_E_LIMIT


class AccessError(NgdError, PermissionError):
    """The key may not do that."""

    status = _raw.NGD_E_ACCESS


_BY_STATUS = {kind.status: kind for kind in NgdError.__subclasses__()}


def error_of(status: int, message: bytes) -> NgdError:
    """The exception for a failed call; a code of a later library becomes a plain NgdError."""
    text = message.decode("utf-8", "replace")
    kind = _BY_STATUS.get(status)
    if kind is not None:
        return kind(text)
    error = NgdError(text)
    error.status = status
    return error
