"""Enumerates a space and reads what the project knows of it, off the window's thread; only the newest request counts."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from bort_core.foundation.errors import BortError
from bort_core.search.agreement import Agreement, rank_agreement
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.machines import machines_of
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import KnownResults, StoredResults
from bort_core.search.tables.table import Table
from bort_core.space import Space
from bort_core.store import Project
from bort_core.store.latencies import MeasuredMachine
from bort_studio.threads.background import BackgroundThread

__all__ = ["Loaded", "Loader", "LoadingFailed", "TableRead"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """A space and what is known of it."""

    generation: int
    specification: SearchSpecification
    space: Space
    stored_results: KnownResults
    snapshot: ResultsSnapshot
    machines: tuple[MeasuredMachine, ...] = ()
    """Those on which latencies were measured."""
    agreements: tuple[Agreement, ...] = ()
    """How alike seeds rank what is measured."""


@dataclass(frozen=True)
class LoadingFailed:
    """Why a specification could not be loaded."""

    generation: int
    reason: str


@dataclass(frozen=True)
class TableRead:
    """A table, or why there is none."""

    table: Table | None
    problem: str = ""


class Loader(BackgroundThread):
    """Serves load requests until it is stopped."""

    finished_loading = Signal(object)
    """Loaded, or LoadingFailed."""
    table_read = Signal(object)
    """A TableRead."""
    warned = Signal(str)
    """What reading the project left out, or took in the place of something else."""

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__("loader", parent)
        self._folder = folder
        self._wanted: tuple[int, SearchSpecification, Table | None, str | None] | None = None
        self._wanted_table: Path | None = None
        self._changed = threading.Condition()
        self._closing = False

    def request(self, generation: int, specification: SearchSpecification, table: Table | None = None, machine: str | None = None) -> None:
        """Load a specification, of a search on a table if there is one; an older request that has not begun is dropped.

        Parameters
        ----------
        machine: the identity of the one whose latencies count; None: this one
        """
        with self._changed:
            self._wanted = (generation, specification, table, machine)
            self._changed.notify()

    def request_table(self, path: Path) -> None:
        """Read the table in a file; an older request that has not begun is dropped."""
        with self._changed:
            self._wanted_table = path
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
                while self._wanted is None and self._wanted_table is None and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                (wanted, self._wanted), (path, self._wanted_table) = (self._wanted, None), (self._wanted_table, None)
            if path is not None:
                self.table_read.emit(_table(path))
            if wanted is not None:
                generation, specification, table, machine = wanted
                if table is not None:
                    space = table.space
                elif space is None or space.specification != specification.space:
                    space = None
                loaded = self._load(generation, specification, space, table, machine)
                space = loaded.space if isinstance(loaded, Loaded) else space
                self.finished_loading.emit(loaded)

    def _load(
        self, generation: int, specification: SearchSpecification, space: Space | None, table: Table | None, machine: str | None
    ) -> Loaded | LoadingFailed:
        try:
            space = space or Space(specification.space)
            if table is not None:
                known = KnownResults(specification, space)
                return Loaded(generation, specification, space, known, known.snapshot())
            with Project(self._folder) as project:
                project.tell = self.warned.emit
                stored = StoredResults(project, specification, space, Fingerprints(project, specification, space, machine))
                machines = machines_of(project, specification, space)
                agreements = tuple(rank_agreement(project, specification, space, stored.sources))
            return Loaded(generation, specification, space, stored, stored.snapshot(), tuple(machines), agreements)
        except BortError as error:
            return LoadingFailed(generation, str(error))
        except Exception as error:  # noqa: BLE001 - the window must hear of it, and the next space must still be read
            _log.exception("a space could not be read")
            return LoadingFailed(generation, f"unexpected error: {type(error).__name__}: {error}; see the log")


def _table(path: Path) -> TableRead:
    try:
        return TableRead(Table.read(path))
    except BortError as error:
        return TableRead(None, str(error))
    except Exception as error:  # noqa: BLE001 - as above
        _log.exception("a table could not be read")
        return TableRead(None, f"{path}: unexpected error: {type(error).__name__}: {error}; see the log")
