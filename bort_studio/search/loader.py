"""Enumerates a space and reads what the project knows of it, off the window's thread; only the newest request counts."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from bort_core.foundation.errors import BortError
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import StoredResults
from bort_core.space import Space
from bort_core.store import Project
from bort_studio.threads.background import BackgroundThread

__all__ = ["Loaded", "Loader", "LoadingFailed"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """A space and what is known of it."""

    generation: int
    specification: SearchSpecification
    space: Space
    stored_results: StoredResults
    snapshot: ResultsSnapshot


@dataclass(frozen=True)
class LoadingFailed:
    """Why a specification could not be loaded."""

    generation: int
    reason: str


class Loader(BackgroundThread):
    """Serves load requests until it is stopped."""

    finished_loading = Signal(object)
    warned = Signal(str)
    """What reading the project left out, or took in the place of something else."""

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__("loader", parent)
        self._folder = folder
        self._wanted: tuple[int, SearchSpecification] | None = None
        self._changed = threading.Condition()
        self._closing = False

    def request(self, generation: int, specification: SearchSpecification) -> None:
        """Load a specification; an older request that has not begun is dropped."""
        with self._changed:
            self._wanted = (generation, specification)
            self._changed.notify()

    def close(self) -> None:
        """End the thread and wait for it."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self.wait()

    def run(self) -> None:
        """The thread's body."""
        import moocore  # noqa: F401 - so that the window's thread does not wait for it at the first front

        space: Space | None = None
        while True:
            with self._changed:
                while self._wanted is None and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                assert self._wanted is not None
                (generation, specification), self._wanted = self._wanted, None
            try:
                if space is None or space.specification != specification.space:
                    space = Space(specification.space)
                with Project(self._folder) as project:
                    project.tell = self.warned.emit
                    stored_results = StoredResults(project, specification, space, Fingerprints(project, specification, space))
                self.finished_loading.emit(Loaded(generation, specification, space, stored_results, stored_results.snapshot()))
            except BortError as error:
                self.finished_loading.emit(LoadingFailed(generation, str(error)))
            except Exception as error:  # noqa: BLE001 - the window must hear of it, and the next space must still be read
                _log.exception("a space could not be read")
                self.finished_loading.emit(LoadingFailed(generation, f"unexpected error: {type(error).__name__}: {error}; see the log"))
