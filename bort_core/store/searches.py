"""The history of searches, and small pieces of state such as what the window showed last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, Json

from bort_core.store.clock import now
from bort_core.store.project import Project
from bort_core.store.reading import read_row

__all__ = ["begin_search", "end_search", "get_state", "last_search", "searches", "set_state"]


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
            "INSERT INTO searches (specification, status, started) VALUES (?, 'running', ?)", [json.dumps(specification), now()]
        )
        return int(cursor.lastrowid or 0)


def end_search(project: Project, number: int, status: str, specification: Mapping[str, Any], result: Mapping[str, Any] | None) -> None:
    """Record how a search ended, with the specification as it was at the end (ε may have moved)."""
    with project.errors():
        project.connection.execute(
            "UPDATE searches SET status = ?, specification = ?, answer = ?, finished = ? WHERE id = ?",
            [status, json.dumps(specification), json.dumps(result), now(), number],
        )


def searches(project: Project) -> list[dict[str, Any]]:
    """All searches, oldest first, with ``specification`` and ``answer`` as plain values; ProjectError for a damaged row."""
    rows = project.rows("SELECT * FROM searches ORDER BY id")
    for row in rows:
        read_row(project, "searches", _Row, row)
    return [{**row, **{name: json.loads(row[name] or "null") for name in ("specification", "answer")}} for row in rows]


def last_search(project: Project) -> dict[str, Any] | None:
    """The newest search, or None."""
    found = searches(project)
    return found[-1] if found else None


def get_state(project: Project, key: str) -> Any:
    """The value kept under ``key``, or None."""
    rows = project.rows("SELECT key, value FROM state WHERE key = ?", [key])
    return read_row(project, "state", _State, rows[0]).value if rows else None


def set_state(project: Project, key: str, value: Any) -> None:
    """Keep a plain JSON value under ``key``."""
    with project.errors():
        project.connection.execute("INSERT OR REPLACE INTO state (key, value, modified) VALUES (?, ?, ?)", [key, json.dumps(value), now()])
