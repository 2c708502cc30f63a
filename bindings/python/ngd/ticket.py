"""Operations of a client that were begun and are waited for later."""

import ctypes
import math
from typing import List, Optional

from ._client_arrays import pointers
from ._library import milliseconds
from .errors import CancelledError, ClosedError, NgdError


class Ticket:
    """A push or a pull under way, as Client.start_push() and Client.start_pull() begin it.

        ticket = client.start_push([gradient])
        ... compute the next one ...
        version = ticket.wait()

    A ticket that is dropped is cancelled. Any number of threads may use it.
    """

    def __init__(self, client, number: int, pulled: Optional[List]):
        self._client = client
        self._number = number
        self._connection = client._connection  # numbers begin again with each
        self._pulled = pulled  # the arrays to be written; None for a push
        self._version: Optional[int] = None
        self._error: Optional[NgdError] = None

    def _call(self, verb: str, *arguments) -> None:
        if self._connection != self._client._connection:
            raise ClosedError("this operation was begun before the client was disconnected")
        self._client._call(verb, self._number, *arguments)

    def finished(self) -> bool:
        """Whether it has come to an end, good or bad. Never waits."""
        if self._version is not None or self._error is not None:
            return True
        answer = ctypes.c_int32()
        self._call("poll", ctypes.byref(answer))
        return bool(answer.value)

    def wait(self, timeout: float = math.inf) -> int:
        """Waits for the end: the version that a push made, or that was read into the arrays of a pull.

        Raises what push() and pull() raise, and a DeadlineError when it is not finished after so many seconds: it may
        then be waited for again. Without a timeout the one that the operation was begun with counts.
        """
        if self._version is None and self._error is None:
            version = ctypes.c_uint64()
            duration = milliseconds(timeout)
            try:
                if self._pulled is None:
                    self._call("wait", duration, ctypes.byref(version))
                else:
                    self._call("wait_pull_f32", duration, pointers(self._pulled), len(self._pulled),
                               ctypes.byref(version))
            except NgdError as error:
                if self._under_way():
                    raise
                self._end(error=error)
            else:
                self._end(version=version.value)
        if self._version is None:
            raise self._error
        return self._version

    def _under_way(self) -> bool:
        """Whether the library still knows it: after a failure that is no outcome it does."""
        try:
            self._call("poll", ctypes.byref(ctypes.c_int32()))
        except NgdError:
            return False
        return True

    def _end(self, version: Optional[int] = None, error: Optional[NgdError] = None) -> None:
        if self._version is None:  # of several threads that wait the library gives the outcome to one
            self._version, self._error = version, error
        self._client._lent.pop((self._connection, self._number), None)

    def cancel(self) -> None:
        """Gives it up; an update may still happen. Does nothing once it was waited for or cancelled."""
        if self._version is None and self._error is None:
            self._call("cancel")
            self._end(error=CancelledError("this operation was cancelled"))

    def __del__(self):
        try:
            self.cancel()
        except NgdError:  # disconnected or closed: then there is nothing to give up
            pass
