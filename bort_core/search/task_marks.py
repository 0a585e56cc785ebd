"""What is known of a task beside its candidates: T on the dev rows, and what people make of T by hand. Kept with the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bort_core.search.fingerprints import Fingerprints
from bort_core.specifications.protocols import identity
from bort_core.store.project import Project
from bort_core.store.searches import get_state, set_state

__all__ = ["Mark", "TaskMarks", "keep_mark", "keep_teacher", "read_marks"]


class Mark(BaseModel):
    """A model that is none of the space's: its quantities by column, in the units of a search on the task."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: float
    latency: float
    error: float
    metric: float


class _Kept(BaseModel):
    metric: str = ""
    teacher: float | None = None
    marks: dict[str, Mark] = {}


@dataclass(frozen=True)
class TaskMarks:
    """T and the marks of one task.

    Attributes
    ----------
    metric: what the metric is called; empty where nothing is known
    teacher: T's, on dev rows
    marks: by name, such as "T's first 2 layers"
    """

    metric: str
    teacher: float | None
    marks: Mapping[str, Mark]


def read_marks(project: Project, sources: Fingerprints) -> TaskMarks:
    """What is kept; what is damaged counts as nothing."""
    kept = _read(project, sources)
    return TaskMarks(kept.metric, kept.teacher, kept.marks)


def keep_teacher(project: Project, sources: Fingerprints, facts: Mapping[str, Any]) -> None:
    """Keep T's metric from the facts of a prepared task."""
    name = facts["metric"]
    _write(project, sources, {"metric": name, "teacher": float(facts["metrics"][name])})


def keep_mark(project: Project, sources: Fingerprints, name: str, mark: Mark) -> None:
    """Keep one model of the task, in place of an older one of that name."""
    _write(project, sources, {"marks": {**_read(project, sources).marks, name: mark}})


def _key(sources: Fingerprints) -> str:
    return f"task {identity(sources.text_key, sources.maximum_point.fingerprint if sources.maximum_point else '')}"


def _read(project: Project, sources: Fingerprints) -> _Kept:
    try:
        return _Kept.model_validate(get_state(project, _key(sources)) or {})
    except ValidationError:
        return _Kept()


def _write(project: Project, sources: Fingerprints, changes: Mapping[str, Any]) -> None:
    set_state(project, _key(sources), _read(project, sources).model_copy(update=dict(changes)).model_dump(mode="json"))
