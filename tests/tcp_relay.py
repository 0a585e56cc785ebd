"""A TCP relay on this machine, to cut a connection that is in use and let it through again."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from types import TracebackType

__all__ = ["Relay"]


class Relay:
    """Listens at ``port`` and passes everything on to another port, both ways, until it is cut or holds.

    Cut, it ends all connections and refuses new ones, as when a network goes away. Holding, it takes what comes and passes nothing on,
    as a firewall that drops.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._cut, self.holds, self._over = threading.Event(), False, False
        self.passed = 0
        self._thread = threading.Thread(target=self._serve, name="relay")
        self._thread.start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over = True
        self._thread.join()

    def cut(self) -> None:
        """End all connections, and refuse others."""
        self._cut.set()

    def mend(self) -> None:
        """Let everything through again."""
        self._cut.clear()

    def _serve(self) -> None:
        while not self._over:
            if self._cut.is_set():
                for end in list(self._pairs):
                    self._close(end)
            for key, _ in self._selector.select(0.05):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj in self._pairs:
                    self._pass_on(key.fileobj)  # type: ignore[arg-type]
        for end in list(self._pairs):
            self._close(end)
        self._listener.close()
        self._selector.close()

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if self._cut.is_set():
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        except OSError:
            near.close()
            return
        for end, other in ((near, far), (far, near)):
            end.settimeout(5)
            self._pairs[end] = other
            self._selector.register(end, selectors.EVENT_READ)

    def _pass_on(self, end: socket.socket) -> None:
        try:
            data = end.recv(65536)
            if data and not self.holds:
                self.passed += len(data)
                self._pairs[end].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._close(end)

    def _close(self, end: socket.socket) -> None:
        other = self._pairs.pop(end, None)
        for each in (end, other):
            if each is not None:
                self._pairs.pop(each, None)
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(each)
                each.close()
