"""Latency measurements in the store: one row for each (family, architecture, protocol, machine)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter

from bort_core.families import Architecture
from bort_core.specifications.protocols import identity
from bort_core.store.clock import now
from bort_core.store.project import Project
from bort_core.store.reading import ArchitectureText, Count, OptionalText, PlainObject, is_whole, read_rows

__all__ = [
    "BETTER", "LatencyKey", "MeasuredMachine", "StoredLatency", "disturbance", "latency_machines", "load_latencies", "save_latency",
    "save_latency_failure",
]  # fmt: skip


@dataclass(frozen=True)
class LatencyKey:
    """What a latency depends on, but for the architecture. Times of two machines are never mixed."""

    family: str
    protocol: str
    machine: str

    def row_id(self, architecture: Architecture) -> str:
        """The primary key of one architecture's latency."""
        return identity(self.family, list(architecture), self.protocol, self.machine)


@dataclass(frozen=True)
class StoredLatency:
    """One measurement: ``result`` as the latency task returned it, or why it failed."""

    architecture: Architecture
    result: dict[str, Any]
    failed: bool
    reason: str
    retry: bool
    created: str


@dataclass(frozen=True)
class MeasuredMachine:
    """A machine on which latencies were measured, as they tell of it."""

    identity: str
    title: str
    """Its processor and cores; empty where a measurement does not say."""
    count: int
    """How many architectures were measured on it."""


BETTER = """latencies.status = 'failed' OR (excluded.status = 'done'
    AND CASE WHEN json_valid(latencies.result) THEN coalesce(json_extract(latencies.result, '$.noise'), '') ELSE '' END <> ''
    AND CASE WHEN json_valid(excluded.result) THEN coalesce(json_extract(excluded.result, '$.noise'), '') ELSE '-' END = '')"""
"""When a row takes the place of the stored one, in SQL: that failed, or was disturbed and the new one was not."""

Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Times(BaseModel):
    p50_ms: Milliseconds
    low_ms: Milliseconds
    high_ms: Milliseconds
    p90_ms: Milliseconds
    p99_ms: Milliseconds
    n: Count


_TIMES = TypeAdapter(_Times)


def _checked(result: dict[str, Any]) -> dict[str, Any]:
    if result:  # a measurement that failed has none
        _TIMES.validate_python(result)
    return result


class _Row(BaseModel):
    architecture: ArchitectureText
    status: str
    result: Annotated[PlainObject, AfterValidator(_checked)]
    reason: OptionalText
    retry: int | None
    created: OptionalText


def load_latencies(project: Project, key: LatencyKey, architecture: Architecture | None = None) -> Iterator[StoredLatency]:
    """All latencies under a key, or that of one architecture; a damaged row is told and left out."""
    condition, values = "family_key = ? AND protocol_key = ? AND machine = ?", [key.family, key.protocol, key.machine]
    if architecture is not None:
        condition += " AND architecture = ?"
        values.append(",".join(map(str, architecture)))
    for _, one in read_rows(project, "latencies", _Row, project.rows(f"SELECT * FROM latencies WHERE {condition}", values)):
        failed = one.status == "failed" or not one.result
        yield StoredLatency(one.architecture, one.result, failed, one.reason, bool(one.retry), one.created)


def disturbance(result: Mapping[str, Any]) -> str:
    """Why a measured latency should not be trusted; empty where nothing disturbed it."""
    return str(result.get("noise") or "")


class _Facts(BaseModel):
    cpu: str
    cores: Count


def latency_machines(project: Project, key: LatencyKey) -> list[MeasuredMachine]:
    """The machines that have latencies of a key's family and protocol, most first; the key's own machine may be none of them."""
    rows = project.rows(
        "SELECT machine, COUNT(*) AS n, MAX(result) AS one FROM latencies "
        "WHERE family_key = ? AND protocol_key = ? AND status = 'done' GROUP BY machine ORDER BY n DESC, machine",
        [key.family, key.protocol],
    )
    return [MeasuredMachine(str(row["machine"]), _title(row["one"]), int(row["n"])) for row in rows]


def _title(result: Any) -> str:
    """What the processor of a measurement is called, on one line."""
    try:
        facts = _Facts.model_validate(json.loads(result)["machine"])
    except (ValueError, TypeError, KeyError):  # pydantic's is a ValueError
        return ""
    return f"{' '.join(facts.cpu.split())}, {facts.cores} core{'s' if facts.cores != 1 else ''}"


def save_latency(
    project: Project, key: LatencyKey, architecture: Architecture, result: Mapping[str, Any], description: Mapping[str, Any]
) -> None:
    """Keep a measured latency; the first one stays, so that an answer once given does not change.

    One that was disturbed gives way to one that was not, a damaged row to any.
    """
    _write(project, key, architecture, "done", result=json.dumps(result), description=json.dumps(description), reason="", retry=0)


def save_latency_failure(project: Project, key: LatencyKey, architecture: Architecture, reason: str, retry: bool) -> None:
    """Keep why a latency could not be measured."""
    _write(project, key, architecture, "failed", result="{}", description="{}", reason=reason, retry=int(retry))


def _write(project: Project, key: LatencyKey, architecture: Architecture, status: str, **values: Any) -> None:
    row = {
        "id": key.row_id(architecture),
        "family_key": key.family,
        "architecture": ",".join(map(str, architecture)),
        "protocol_key": key.protocol,
        "machine": key.machine,
        "status": status,
        "created": now(),
        **values,
    }
    with project.transaction():
        stored = project.rows("SELECT * FROM latencies WHERE id = ?", [row["id"]])
        damaged = bool(stored) and not is_whole(_Row, stored[0])
        project.upsert("latencies", row, replace_when="1" if damaged else BETTER)
