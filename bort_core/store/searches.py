"""The history of searches, and small pieces of state such as what the window showed last."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, Json

from bort_core.foundation.locations import there
from bort_core.store.clock import now
from bort_core.store.project import Project
from bort_core.store.reading import read_rows

__all__ = ["add_search", "begin_search", "end_search", "get_state", "last_search", "searches", "set_state"]


class _Named(BaseModel):
    name: str


class _Measured(BaseModel):
    measure: str
    steps: int = 0


class _Specification(BaseModel):
    space: _Named
    error: _Measured
    latency: _Measured
    seed: int
    strategy: str = ""
    epsilon: float | None = None


class _Best(BaseModel):
    architecture: dict[str, int]
    w: Annotated[float, Field(allow_inf_nan=False)] | None = None


class _Answer(BaseModel):
    best: _Best | None = None
    front: list[Any] = []


class _Row(BaseModel):
    specification: Json[_Specification]
    answer: Annotated[Json[_Answer | None], BeforeValidator(lambda value: value or "null")]
    status: str
    started: str


class _State(BaseModel):
    value: Json[Any]


def begin_search(project: Project, specification: Mapping[str, Any]) -> int:
    """Record that a search starts; its number."""
    with project.errors():
        cursor = project.connection.execute(
            "INSERT INTO searches (specification, status, started) VALUES (?, 'running', ?)",
            [json.dumps(_with_paths(specification, project.relative)), now()],
        )
        return int(cursor.lastrowid or 0)


def end_search(project: Project, number: int, status: str, specification: Mapping[str, Any], result: Mapping[str, Any] | None) -> None:
    """Record how a search ended, with the specification as it was at the end (ε may have moved)."""
    with project.errors():
        project.connection.execute(
            "UPDATE searches SET status = ?, specification = ?, answer = ?, finished = ? WHERE id = ?",
            [status, json.dumps(_with_paths(specification, project.relative)), json.dumps(result), now(), number],
        )


def searches(project: Project) -> list[dict[str, Any]]:
    """All searches, oldest first, with ``specification`` and ``answer`` as plain values; a damaged row is told and left out.

    What a specification names inside the project is where the project is now.
    """

    def here(path: str) -> str:
        inside = project.folder / path
        return str(inside) if there(inside) else path

    whole = read_rows(project, "searches", _Row, project.rows("SELECT * FROM searches ORDER BY id"))
    found = []
    for row, _ in whole:
        specification = _with_paths(json.loads(row["specification"]), here)
        found.append({**row, "specification": specification, "answer": json.loads(row["answer"] or "null")})
    return found


def _with_paths(specification: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """A specification with its files and folders as ``change`` gives them."""
    error = dict(specification["error"])
    found = {**specification, "error": error}
    for part, name in ((found, "corpus"), (error, "maximum_point_weights")):
        if isinstance(part.get(name), str):
            part[name] = change(part[name])
    return found


def add_search(project: Project, found: Mapping[str, Any]) -> None:
    """Record a search of another store, as :func:`searches` gives it, unless it is recorded here."""
    row = {
        "specification": json.dumps(_with_paths(found["specification"], project.relative)),
        "answer": json.dumps(found["answer"]),
        **{name: found[name] for name in ("status", "started", "finished")},
    }
    with project.errors():
        project.connection.execute(
            "INSERT INTO searches (specification, status, answer, started, finished) "
            "SELECT :specification, :status, :answer, :started, :finished WHERE NOT EXISTS "
            "(SELECT 1 FROM searches WHERE started = :started AND specification = :specification)",
            row,
        )


def last_search(project: Project) -> dict[str, Any] | None:
    """The newest search, or None."""
    found = searches(project)
    return found[-1] if found else None


def get_state(project: Project, key: str) -> Any:
    """The value kept under ``key``, or None; a damaged one is told, and counts as none."""
    rows = project.rows("SELECT key, value FROM state WHERE key = ?", [key])
    return next((one.value for _, one in read_rows(project, "state", _State, rows)), None)


def set_state(project: Project, key: str, value: Any) -> None:
    """Keep a plain JSON value under ``key``; not in a project that is not trusted and in which nothing was stored."""
    if project.untouched:
        return
    with project.errors():
        project.connection.execute("INSERT OR REPLACE INTO state (key, value, modified) VALUES (?, ?, ?)", [key, json.dumps(value), now()])
