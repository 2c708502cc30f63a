"""A parameter server inside this process."""

import json
from typing import Any, Dict, List

from ._handle import SharedHandle, Value
from ._library import milliseconds
from .errors import StateError


class Server(SharedHandle):
    """One server of a cluster; it holds the parameters of models, and applies the updates of clients.

        with ngd.Server(listen="tcp://127.0.0.1:*") as server:
            client.connect(server.endpoints)

    `with` starts a server that does not run yet, and stops it in order at the end. Timeouts are in seconds. Any number
    of threads may use it at once. A server works in threads of its own, which do not need Python's lock.
    """

    _type = "server"
    _has_kinds = False

    def __init__(self, spec: str = "server", **options: Value):
        super().__init__(spec, **options)

    def start(self, timeout: float = 30.0) -> "Server":
        """Begins to listen, waiting for the coordinator if need be. Returns the server itself."""
        self._call("start", milliseconds(timeout))
        return self

    def stop(self, timeout: float = 30.0) -> None:
        """Ends in order: updates under way end, a checkpoint is written where there is a data_dir.

        Whatever it raises, the server is stopped then; it may be started again.
        """
        self._call("stop", milliseconds(timeout))

    def checkpoint(self, timeout: float = 30.0) -> None:
        """Writes a checkpoint of every model whose root is here. After the timeout the writing goes on."""
        self._call("checkpoint", milliseconds(timeout))

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped."""
        try:
            self._text("get_text", b"endpoints")
        except StateError:
            return False
        return True

    @property
    def endpoints(self) -> List[str]:
        """The addresses that a running server listens at, with the ports that it got; Client.connect() takes them."""
        return self._text("get_text", b"endpoints").split()

    def status(self) -> Dict[str, Any]:
        """What a running server is doing: connections, bytes under way, and of each shard version, role, replicas."""
        return json.loads(self._text("get_status"))

    def close(self) -> None:
        """Frees the server. One that runs is ended without a checkpoint, as if its process had been killed."""
        super().close()

    def __enter__(self) -> "Server":
        return self if self.running else self.start()

    def __exit__(self, *exception) -> None:
        try:
            if not self.closed and self.running:
                self.stop()
        finally:
            self.close()
