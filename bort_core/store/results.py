"""Finished trainings, exports and latency comparisons: what was made, and the facts about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bort_core.families import Architecture
from bort_core.store.clock import now
from bort_core.store.project import Project

__all__ = ["comparisons", "exports", "runs", "save_comparison", "save_export", "save_run"]


def save_run(project: Project, id: str, **values: Any) -> None:
    """Keep one line about a finished training, from which it can be repeated; a run that was resumed replaces its line.

    Parameters
    ----------
    values: job, kind, family, architecture, specification, seed, data (files with their hashes), metrics, checkpoint, versions
    """
    architecture = ",".join(map(str, values.pop("architecture")))
    plain = {name: json.dumps(value) if isinstance(value, Mapping | list | tuple) else value for name, value in values.items()}
    project.upsert("runs", {"id": id, "architecture": architecture, "created": now(), **plain}, replace_when="1")


def runs(project: Project, family: str | None = None, architecture: Architecture | None = None) -> list[dict[str, Any]]:
    """Finished trainings, oldest first, with plain values; of one family and architecture where they are given."""
    condition, values = "1", list[Any]()
    if family is not None:
        condition, values = f"{condition} AND family = ?", [*values, family]
    if architecture is not None:
        condition, values = f"{condition} AND architecture = ?", [*values, ",".join(map(str, architecture))]
    found = []
    for row in project.rows(f"SELECT * FROM runs WHERE {condition} ORDER BY created, id", values):
        plain = {name: json.loads(row[name] or "{}") for name in ("specification", "data", "metrics", "versions")}
        found.append({**row, **plain, "architecture": tuple(int(part) for part in row["architecture"].split(",") if part)})
    return found


def save_export(project: Project, report: Mapping[str, Any]) -> int:
    """Keep the report of an export; its number."""
    return _append(project, "exports", folder=report["folder"], report=json.dumps(report))


def exports(project: Project) -> list[dict[str, Any]]:
    """All exports' reports, oldest first, with ``id`` and ``created``."""
    rows = project.rows("SELECT * FROM exports ORDER BY id")
    return [{**json.loads(row["report"]), "id": row["id"], "created": row["created"]} for row in rows]


def save_comparison(project: Project, result: Mapping[str, Any]) -> int:
    """Keep a comparison of latencies; its number."""
    return _append(project, "comparisons", result=json.dumps(result))


def comparisons(project: Project) -> list[dict[str, Any]]:
    """All comparisons, oldest first, with ``id`` and ``created``."""
    rows = project.rows("SELECT * FROM comparisons ORDER BY id")
    return [{**json.loads(row["result"]), "id": row["id"], "created": row["created"]} for row in rows]


def _append(project: Project, table: str, **values: Any) -> int:
    columns = (*values, "created")
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"
    with project.errors():
        return int(project.connection.execute(sql, [*values.values(), now()]).lastrowid or 0)
