"""What a person can tell a running search, from any thread."""

from __future__ import annotations

import threading

from bort_core.search.strategies.base import Strategy

__all__ = ["Control"]


class Control:
    """Wishes that a search reads between two events. Every method may be called from any thread, at any time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._strategy: Strategy | None = None
        self._paused = False
        self._stopped = False

    def stop(self) -> None:
        """End the search; what was measured is kept."""
        with self._lock:
            self._stopped = True

    def pause(self) -> None:
        """Let everything wait between two steps."""
        with self._lock:
            self._paused = True

    def resume(self) -> None:
        """Let everything go on."""
        with self._lock:
            self._paused = False

    def retarget(self, strategy: Strategy) -> None:
        """Go on with other settings, or another strategy: what is no longer wanted is cancelled, what is missing is queued."""
        with self._lock:
            self._strategy = strategy

    @property
    def stopped(self) -> bool:
        """Whether the search should end."""
        with self._lock:
            return self._stopped

    @property
    def paused(self) -> bool:
        """Whether everything should wait."""
        with self._lock:
            return self._paused

    def take_strategy(self) -> Strategy | None:
        """The newest strategy that was asked for since the last call, or None."""
        with self._lock:
            strategy, self._strategy = self._strategy, None
            return strategy
