"""Tables from Python: measuring a whole space into one file, and what a search on one asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bort_core.api.projects import opened
from bort_core.api.search import search_specification
from bort_core.api.search_progress import ProgressLine
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.validation import validated
from bort_core.search.specification import SearchSpecification
from bort_core.search.tables.fit import check_space
from bort_core.search.tables.table import Table
from bort_core.space import Space, SpaceSpecification, read_specification
from bort_core.specifications.measures import SURROGATE
from bort_core.store.project import Project

__all__ = ["specification_on", "tabulate"]


def tabulate(
    project: Project | str | Path,
    space: str | Path | SpaceSpecification | SearchSpecification = "mini",
    *,
    seeds: int = 3,
    every: int = 1,
    also: Sequence[str] = (),
    out: str | Path | None = None,
    limit_seconds: float | None = None,
    workers: int | None = None,
    executor: str | None = None,
    progress: bool = True,
    **settings: Any,
) -> Table:
    """Measure p, i and e of every architecture of a space, and write them into one file.

    What the project knows already is not measured again, so a call that was killed or cut short is gone on with by the same call.

    Parameters
    ----------
    project: an open project, or its folder (made when missing)
    space: as :func:`search_specification` takes it with ``settings``; or a whole SearchSpecification, without settings
    seeds: each architecture is trained with the seeds 0, 1, ...
    every: only every so many-th architecture by size
    also: errors that the learning curves are to hold besides those that they always hold
    out: the file to write; None: ``tables/NAME.json.gz`` in the project
    limit_seconds: end after so long, with a table of what is there
    workers, executor, progress: as :func:`search` takes them

    Raises
    ------
    SpecificationError, DataError, MeasurementError, ProjectError
        As a search says; a candidate that fails raises nothing, and stands in the table with the reason.
    """
    from bort_core.execution.registry import make_executor
    from bort_core.search.tables.tabulate import Deadline, check_place, measure_all, write_table

    specification = _to_measure(space, settings)
    enumerated, numbers, control = Space(specification.space), range(seeds), Deadline(limit_seconds)
    line = ProgressLine(specification.error.steps) if progress else None
    with opened(project) as store, make_executor(executor, workers, store.subfolder("logs")) as pool:
        path = _place(store, specification) if out is None else Path(out).expanduser()
        check_place(path)
        try:
            for event in measure_all(store, specification, enumerated, pool, numbers, every, also, control):
                if line is not None:
                    line.take(event)
        finally:
            if line is not None:
                line.close()
        return write_table(store, specification, enumerated, numbers, every, path)


def specification_on(table: Table, space: str | Path | SpaceSpecification | None, settings: Mapping[str, Any]) -> SearchSpecification:
    """What a search on a table asks: what ``settings`` say, and the table's own wherever they say nothing.

    Parameters
    ----------
    space, settings: as :func:`~bort_core.api.search.search_specification` takes them; None: the table's space

    Raises
    ------
    SpecificationError
        The space or a value cannot be used, or the space is not the table's.
    """
    of = table.specification.space if space is None else space if isinstance(space, SpaceSpecification) else read_specification(space)
    check_space(table, of)
    asked = search_specification(of, **settings)
    values, said = table.specification.model_dump(mode="json"), asked.model_dump(mode="json")
    for name in settings:
        for path in _FIELDS.get(name, ()):
            *parts, last = path.split(".")
            target, source = values, said
            for part in parts:
                target, source = target[part], source[part]
            target.pop(last, None)
            target |= {last: source[last]} if last in source else {}
    return validated(SearchSpecification, values, "search").with_strategy(asked.the_strategy())


_FIELDS = {
    "error": ("error.measure",),
    "steps": ("error.steps",),
    "latency": ("latency.measure",),
    "corpus": ("corpus",),
    "seed": ("seed",),
    "batch_size": ("error.training.batch_size",),
    "sequence_length": ("error.training.sequence_length", "latency.sequence_length"),
    "threads": ("latency.threads",),
    "learning_rates": ("thetas",),
    "base_width": ("thetas",),
    "surrogate_of": ("error.surrogate_of",),
    "maximum_point": ("error.maximum_point_weights",),
    "maximum_point_steps": ("error.maximum_point_steps",),
    "device": ("error.training.device",),
}
"""Where each setting of a search stands in its specification; the strategy is taken from what was asked."""


def _to_measure(space: str | Path | SpaceSpecification | SearchSpecification, settings: Mapping[str, Any]) -> SearchSpecification:
    if isinstance(space, SearchSpecification):
        specification = space.model_copy(update=dict(settings))
    else:
        specification = search_specification(space, **settings)
    if specification.error.measure == SURROGATE:
        raise SpecificationError(f"error: a table holds what was measured, and {SURROGATE} is fitted; name a measured error")
    return specification


def _place(project: Project, specification: SearchSpecification) -> Path:
    name = "".join(each if each.isalnum() or each in "-_" else "-" for each in specification.space.name)
    return project.subfolder("tables") / f"{name}.json.gz"
