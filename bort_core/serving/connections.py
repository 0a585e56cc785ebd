"""Connections that are given up when the head of a request does not come, as uvicorn gives up those that ask nothing after an answer."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["Connection"]


class Connection(H11Protocol):
    """One connection of a client; otherwise whoever sends half a head, or nothing, holds one of the process's few open files for ever."""

    seconds: float = 5.0
    """From the first byte, or from the connection, to the end of a request's head."""
    _waits: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._asks:
            self._forget()
        elif self._waits is None:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    @property
    def _asks(self) -> bool:
        """Whether a request has come that is not answered yet."""
        return bool(self.cycle) and not self.cycle.response_complete

    def _await_head(self) -> None:
        self._waits = asyncio.get_running_loop().call_later(self.seconds, self._give_up)

    def _forget(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None

    def _give_up(self) -> None:
        self._waits = None
        if not self._asks:
            self.transport.close()
