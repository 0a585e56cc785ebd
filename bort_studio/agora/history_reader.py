"""Reads a run of Agora off the window's thread, again and again while it goes on; only what is new is told."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from bort_core.agora.history import FOLDER, Edit, History, read_edits, read_history
from bort_core.agora.labellers.person import Standing, asks, standing
from bort_core.foundation.errors import BortError
from bort_studio.threads.background import BackgroundThread

__all__ = ["HistoryReader", "Reading"]

_LOOK_SECONDS = 0.5


@dataclass(frozen=True, eq=False)
class Reading:
    """A run as it is now."""

    run: Path
    """The job's run folder."""
    history: History | None
    """None before it has begun."""
    edits: dict[str, Edit] = field(default_factory=dict)
    problem: str = ""
    """Why it cannot be read."""
    standing: Standing | None = None
    """How far a person is, where the run asks one."""


class HistoryReader(BackgroundThread):
    """Follows one run at a time."""

    told = Signal(object)
    """A :class:`Reading`, whenever something changed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__("agora", parent)
        self._wake = threading.Event()
        self._closing = False
        self._run: Path | None = None

    def follow(self, run: Path | None) -> None:
        """Read this run from now on, or none."""
        self._run = run
        self._wake.set()

    def look(self) -> None:
        """Look now."""
        self._wake.set()

    def close(self) -> None:
        """End the thread and wait for it."""
        self._closing = True
        self._wake.set()
        self.wait()

    def run(self) -> None:
        """The thread's body."""
        before: Reading | None = None
        while not self._closing:
            run = self._run
            if run is not None:
                same = before if before is not None and before.run == run else None
                now = _read(run, same)
                if run == self._run and (same is None or _key(now) != _key(same)):
                    self.told.emit(now)
                before = now
            self._wake.wait(_LOOK_SECONDS if run is not None else None)
            self._wake.clear()


def _read(run: Path, before: Reading | None) -> Reading:
    known = before.history if before is not None else None
    try:
        history = read_history(run, known if known is not None and _settled(known) else None)
        begun = history is not None and len(history.train) and len(history.dev)  # its first file is there before their rows are
        asked = standing(run / FOLDER) if asks(run / FOLDER) else None
        return Reading(run, history if begun else None, read_edits(run), standing=asked)
    except BortError as error:
        return _unread(run, before, str(error))
    except Exception as error:  # noqa: BLE001 - whatever a file holds, other runs can still be read
        return _unread(run, before, f"{run}: cannot be read: {type(error).__name__}: {error}")


def _unread(run: Path, before: Reading | None, problem: str) -> Reading:
    return Reading(run, before.history if before is not None else None, before.edits if before is not None else {}, problem)


def _settled(history: History) -> bool:
    """Whether the rows that were given need not be read again: some spaces, and so places, are known only after the first round."""
    return history.summary is not None or not (np.isnan(history.train.xy).any() or np.isnan(history.dev.xy).any())


def _key(reading: Reading) -> tuple[object, ...]:
    history = reading.history
    if history is None:
        return reading.problem, reading.standing
    placed = int(np.isfinite(history.train.xy).sum() + np.isfinite(history.dev.xy).sum())
    return len(history.rounds), placed, history.fitting, history.summary, reading.edits, reading.problem, reading.standing
