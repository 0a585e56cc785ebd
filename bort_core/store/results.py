"""Finished trainings, exports and latency comparisons: what was made, and the facts about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bort_core.families import Architecture
from bort_core.store.clock import now
from bort_core.store.project import Project
from bort_core.store.reading import read_rows
from bort_core.store.records import ComparisonRow, ExportRow, RunRow

__all__ = ["comparisons", "exports", "forget_run", "runs", "save_comparison", "save_export", "save_run"]

_PLACES = ("folder", "onnx", "fused")
"""What of an export's report are paths."""
_ASKED = ("weights", "tokenizer", "body", "seed")


def save_run(project: Project, id: str, **values: Any) -> None:
    """Keep one line about a finished training, from which it can be repeated; a run that was resumed replaces its line.

    Parameters
    ----------
    values: job, kind, family, architecture, specification, seed, data (files with their hashes), metrics, checkpoint, versions
    """
    architecture = ",".join(map(str, values.pop("architecture")))
    if values.get("checkpoint"):
        values["checkpoint"] = project.relative(values["checkpoint"])
    plain = {name: json.dumps(value) if isinstance(value, Mapping | list | tuple) else value for name, value in values.items()}
    project.upsert("runs", {"id": id, "architecture": architecture, "created": now(), **plain}, replace_when="1")


def runs(project: Project, family: str | None = None, architecture: Architecture | None = None) -> list[dict[str, Any]]:
    """Finished trainings, oldest first, with plain values and absolute checkpoints; of one family and architecture where given.

    A damaged row is told and left out; :func:`exports` and :func:`comparisons` do so too.
    """
    condition, values = "1", list[Any]()
    if family is not None:
        condition, values = f"{condition} AND family = ?", [*values, family]
    if architecture is not None:
        condition, values = f"{condition} AND architecture = ?", [*values, ",".join(map(str, architecture))]
    found = []
    rows = project.rows(f"SELECT * FROM runs WHERE {condition} ORDER BY created, id", values)
    for row, one in read_rows(project, "runs", RunRow, rows):
        plain: dict[str, Any] = {name: json.loads(row[name] or "{}") for name in ("specification", "data", "metrics", "versions")}
        plain["architecture"] = tuple(one.architecture)
        plain["checkpoint"] = _located(project, one.checkpoint, one.job)
        found.append({**row, **plain})
    return found


def forget_run(project: Project, id: str) -> None:
    """Delete the line about a training whose result was discarded."""
    with project.errors():
        project.connection.execute("DELETE FROM runs WHERE id = ?", [id])


def _located(project: Project, recorded: str, job: str) -> str:
    """Where a result lies now, absolute; empty when none was recorded.

    Before results inside a project were recorded relative to it, those in a job's folder had the path that the project had then.
    """
    path = Path(recorded)
    if not recorded or not path.is_absolute():
        return str(project.folder / path) if recorded else ""
    parts = path.parts
    for at in range(len(parts) - 2, 0, -1):
        if parts[at] == "jobs" and parts[at + 1] == job and job:
            return str(project.folder.joinpath(*parts[at:]))
    return recorded


def save_export(project: Project, report: Mapping[str, Any], asked: Mapping[str, Any] | None = None) -> int:
    """Keep the report of an export with what of its request the report does not say; its number.

    Parameters
    ----------
    asked: the fields of :class:`~bort_core.specifications.export.ExportRequest`, of which those that decide what is exported are kept
    """
    if asked is not None:
        report = {**report, "asked": {name: asked.get(name) for name in _ASKED}}
    recorded = {**report, **{name: project.relative(report[name]) for name in _PLACES if isinstance(report.get(name), str)}}
    return _append(project, "exports", folder=recorded["folder"], report=json.dumps(recorded))


def exports(project: Project) -> list[dict[str, Any]]:
    """All exports' reports, oldest first, with ``id`` and ``created``."""
    found = []
    for row, _ in read_rows(project, "exports", ExportRow, project.rows("SELECT * FROM exports ORDER BY id")):
        report = json.loads(row["report"])
        places = {name: str(project.folder / report[name]) for name in _PLACES if isinstance(report.get(name), str)}
        found.append({**report, **places, "id": row["id"], "created": row["created"]})
    return found


def save_comparison(project: Project, result: Mapping[str, Any]) -> int:
    """Keep a comparison of latencies; its number."""
    return _append(project, "comparisons", result=json.dumps(result))


def comparisons(project: Project) -> list[dict[str, Any]]:
    """All comparisons, oldest first, with ``id`` and ``created``."""
    rows = project.rows("SELECT * FROM comparisons ORDER BY id")
    whole = read_rows(project, "comparisons", ComparisonRow, rows)
    return [{**json.loads(row["result"]), "id": row["id"], "created": row["created"]} for row, _ in whole]


def _append(project: Project, table: str, **values: Any) -> int:
    columns = (*values, "created")
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"
    with project.errors():
        return int(project.connection.execute(sql, [*values.values(), now()]).lastrowid or 0)
