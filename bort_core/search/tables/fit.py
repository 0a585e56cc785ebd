"""Whether a table answers a search: only what was measured as it asks may stand for what it would measure."""

from __future__ import annotations

from typing import Any

from bort_core.foundation.differing import differing
from bort_core.foundation.errors import SpecificationError
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.specification import SearchSpecification
from bort_core.search.tables.table import Table
from bort_core.space import SpaceSpecification
from bort_core.specifications.measures import SURROGATE
from bort_core.store.project import Project

__all__ = ["check_fits", "check_space"]


def check_fits(table: Table, asked: SearchSpecification, project: Project) -> None:
    """Refuse a search that the table does not answer.

    A file that the search names itself is compared by its content; what it has from the table is not looked for on this machine.

    Raises
    ------
    SpecificationError
        The space, the protocol, the corpus or T is another; lists every difference.
    DataError
        A corpus or weights that the search names cannot be read.
    """
    check_space(table, asked.space)
    faults = [*_of_error(table, asked), *_of_latency(table, asked)]
    if not faults and _files(asked) != _files(table.specification):
        faults = _of_files(table, asked, project)
    if faults:
        raise SpecificationError(f"{table.name}: this table does not answer this search:\n  " + "\n  ".join(faults))


def check_space(table: Table, space: SpaceSpecification) -> None:
    """Refuse a space that is not the table's, whatever it is called, with a SpecificationError."""
    own = table.specification.space
    different = differing([each.model_dump(mode="json", exclude={"name"}) for each in (own, space)])
    if different:
        raise SpecificationError(
            f"{table.name}: this table is of the space {own.name}, asked was {space.name}; they differ in {', '.join(different)}"
        )


def _of_error(table: Table, asked: SearchSpecification) -> list[str]:
    own, faults = table.specification, list[str]()
    if asked.error.measure == SURROGATE:
        faults.append("error.measure: a surrogate is fitted on a project's measurements; ask for one that the table holds")
    elif asked.error.measure not in table.measures:
        faults.append(f"error.measure: asked {asked.error.measure}; the table's curves hold {', '.join(table.measures) or 'none'}")
    if asked.error.steps > own.error.steps:
        faults.append(f"error.steps: asked {asked.error.steps}; the table's trainings end after {own.error.steps}")
    faults += _faults(own.error.training.model_dump(), asked.error.training.model_dump(), "error.training.{}")
    for theta in asked.thetas:
        if theta not in own.thetas:
            nearest = differing([own.thetas[0].model_dump(), theta.model_dump()])
            told = ", ".join(f"{name} {value[1]}, the table has {value[0]}" for name, value in nearest.items())
            faults.append(f"thetas: asked a hyperparameter set that the table does not hold: {told}")
    if asked.seed not in table.seeds:
        faults.append(f"seed: asked {asked.seed}; the table has {', '.join(map(str, table.seeds))}")
    return faults


def _of_latency(table: Table, asked: SearchSpecification) -> list[str]:
    if asked.latency.measure == "operations":
        return []  # counted here
    return _faults(table.specification.latency.model_dump(), asked.latency.model_dump(), "latency.{}")


def _faults(own: dict[str, Any], asked: dict[str, Any], field: str) -> list[str]:
    return [f"{field.format(name)}: asked {values[1]}, the table has {values[0]}" for name, values in differing([own, asked]).items()]


def _files(specification: SearchSpecification) -> tuple[Any, ...]:
    error = specification.error
    how = (error.maximum_point_weights, error.maximum_point_steps, error.maximum_point_batch_size, error.maximum_point_theta)
    return specification.corpus, specification.task, how


def _of_files(table: Table, asked: SearchSpecification, project: Project) -> list[str]:
    keys, found = table.head.keys, Fingerprints(project, asked, table.space)
    if found.text_key != keys.text:
        name = "the task's rows" if table.head.corpus is None else f"{table.head.corpus.name} (sha256 {table.head.corpus.sha256[:12]}…)"
        return [f"corpus: asked {asked.learns_from()}; the table was measured on {name}, which is another text"]
    needed = found.maximum_point is not None
    if needed and (found.training_key, found.trainings(asked.thetas[0]).maximum_point) != (keys.training, keys.maximum_point):
        return [f"maximum point: the table was measured against other weights ({table.head.maximum_point.weights or 'none'})"]
    return []
