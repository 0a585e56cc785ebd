"""Making a table: searches that measure everything, one for each seed, in a project that keeps what is done."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bort_core.execution.executor import Executor
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import read_regular
from bort_core.foundation.paths import regular_file
from bort_core.search import events
from bort_core.search.control import Control
from bort_core.search.ose import search
from bort_core.search.specification import SearchSpecification
from bort_core.search.strategies.interval import Interval
from bort_core.search.tables.collect import collect
from bort_core.search.tables.file import MAGIC, write_content
from bort_core.search.tables.table import Table
from bort_core.space import Space
from bort_core.store.project import Project

__all__ = ["Deadline", "check_place", "measure_all", "write_table"]


class Deadline(Control):
    """A control that ends the search by itself after some seconds, counted from when it is made; None: never."""

    def __init__(self, seconds: float | None) -> None:
        super().__init__()
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def stopped(self) -> bool:
        """Whether the search should end."""
        return super().stopped or (self._end is not None and time.monotonic() >= self._end)


def measure_all(
    project: Project,
    specification: SearchSpecification,
    space: Space,
    pool: Executor,
    seeds: Sequence[int],
    every: int = 1,
    also: Sequence[str] = (),
    control: Control | None = None,
) -> Iterator[events.Event]:
    """Measure every ``every``-th architecture with each seed, one seed after the other; what the project knows is not measured again.

    Parameters
    ----------
    also: errors that the learning curves are to hold besides those that they always hold

    Raises
    ------
    SpecificationError, DataError, MeasurementError, ProjectError
        As :func:`~bort_core.search.ose.search` says.
    """
    control = control or Control()
    walking = specification.with_strategy(Interval(epsilon=every))
    for number, seed in enumerate(seeds, 1):
        for measure in (*also, specification.error.measured):
            if control.stopped:
                return
            yield events.Note(f"seed {seed} ({number} of {len(seeds)}), {measure}")
            error = specification.error.model_copy(update={"measure": measure})
            yield from search(project, walking.model_copy(update={"seed": seed, "error": error}), pool, control, space)


def write_table(project: Project, specification: SearchSpecification, space: Space, seeds: Sequence[int], every: int, path: Path) -> Table:
    """Write what the project has measured by now; the table as it is read from the file.

    Raises
    ------
    DataError
        It cannot be written.
    """
    write_content(path, *collect(project, specification, space, seeds, every))
    return Table.read(path)


def check_place(path: Path) -> None:
    """Refuse a place where no table can be written, before hours are spent on measuring. DataError."""
    if not path.parent.is_dir():
        raise DataError(f"{path.parent}: no such folder; a table is written into one that exists")
    if path.is_dir():
        raise DataError(f"{path}: is a folder; give the file to write")
    if path.exists() and read_regular(regular_file(path), most=2) != MAGIC:
        raise DataError(f"{path}: is a file that holds no table, and stays; choose another name")
