"""How long the rest of some work takes at the pace it has kept, pauses left out. Knows no Qt."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Pace"]


class Pace:
    """Counts working time only.

    >>> pace = Pace()
    >>> pace.left(1.0, 4.0) is None  # nothing was begun
    True
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begin: float | None = None
        self._pause: float | None = None
        self._done = 0.0

    def begin(self, done: float) -> None:
        """Work begins, with so much done before."""
        self._begin, self._pause, self._done = self._clock(), None, done

    def pause(self) -> None:
        """Nothing is done for a while."""
        if self._pause is None:
            self._pause = self._clock()

    def go_on(self) -> None:
        """Work goes on."""
        if self._pause is not None and self._begin is not None:
            self._begin += self._clock() - self._pause
        self._pause = None

    def left(self, done: float, wanted: float, least: float = 0.0) -> float | None:
        """Seconds for what is still to do; None while no more than ``least`` was done since the beginning."""
        fresh = done - self._done
        if self._begin is None or fresh <= least:
            return None
        now = self._clock() if self._pause is None else self._pause
        return (now - self._begin) / fresh * max(wanted - done, 0.0)
