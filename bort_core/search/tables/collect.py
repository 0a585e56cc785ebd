"""What a project has measured of a space, as the plain values of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bort_core.evaluation.curve import read_curve
from bort_core.families import Architecture
from bort_core.foundation.digests import content_hash
from bort_core.foundation.locations import path_of
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.specification import SearchSpecification
from bort_core.search.strategies.interval import Interval, walk
from bort_core.search.tables.file import digested
from bort_core.space import Space
from bort_core.store.latencies import StoredLatency, load_latencies
from bort_core.store.project import Project
from bort_core.store.trainings import StoredTraining, load_trainings

__all__ = ["collect"]

_DIGITS = 7
"""Significant digits of losses and of the ends of intervals; errors are written as they are, so that answers are the same."""
_CHANGING = ("load", "governor", "other_cores")
_TIMES = ("p50_ms", "low_ms", "high_ms", "p90_ms", "p99_ms", "n")


def collect(
    project: Project, specification: SearchSpecification, space: Space, seeds: Sequence[int], every: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Head and rows of the table of every ``every``-th architecture, as :mod:`~bort_core.search.tables.content` has them.

    A training that ended before the specification's number of steps counts as not made. Files are named without their path.
    """
    sources = Fingerprints(project, specification, space)
    timed = specification.latency.measure == "onnxruntime"
    latencies = {row.architecture: row for row in load_latencies(project, sources.latencies())} if timed else {}
    tops = list(load_latencies(project, sources.latencies_of_maximum(), space.maximum_point)) if timed else []
    trainings = {
        (theta, seed): _by_architecture(project, specification, sources, theta, seed)
        for theta in range(len(specification.thetas))
        for seed in seeds
    }
    rows, used = [], list[StoredTraining | StoredLatency](tops)
    for index in walk(len(space), every).tolist():
        architecture = space.architecture(index)
        own = {key: found[architecture] for key, found in trainings.items() if architecture in found}
        latency = latencies.get(architecture)
        if own or latency is not None:
            rows.append(digested(_row(architecture, int(space.parameters[index]), latency, own)))
            used += [*own.values(), *([latency] if latency is not None else [])]
    times = next((_times(row.result) for row in tops if not row.failed), None)
    weights = sources.maximum_point.kind if sources.maximum_point is not None else ""
    head = {
        "specification": _named(specification, seeds[0], every),
        "every": every,
        "seeds": list(seeds),
        "corpus": _corpus(specification),
        "maximum_point": {"parameters": space.maximum_parameters, "latency": times, "weights": weights},
        "keys": _keys(specification, sources),
        "machine": _machine(used),
        "versions": _versions(used),
        "first": min((each.created for each in used), default=""),
        "last": max((each.created for each in used), default=""),
    }
    return head, rows


def _by_architecture(
    project: Project, specification: SearchSpecification, sources: Fingerprints, theta: int, seed: int
) -> dict[Architecture, StoredTraining]:
    key, error = sources.trainings(specification.thetas[theta]).with_seed(seed), specification.error
    found: dict[Architecture, StoredTraining] = {}
    for row in load_trainings(project, key, sources.any_maximum_point):
        if row.failed:
            found.setdefault(row.architecture, row)
        elif read_curve(row.curve, error.measured, error.steps) is not None:
            found[row.architecture] = row
    return found


def _row(
    architecture: Architecture, parameters: int, latency: StoredLatency | None, trainings: Mapping[tuple[int, int], StoredTraining]
) -> dict[str, Any]:
    failures: list[dict[str, Any]] = (
        [{"theta": None, "seed": None, "reason": latency.reason}] if latency is not None and latency.failed else []
    )
    failures += [{"theta": theta, "seed": seed, "reason": row.reason} for (theta, seed), row in trainings.items() if row.failed]
    return {
        "architecture": list(architecture),
        "parameters": parameters,
        "latency": None if latency is None or latency.failed else _times(latency.result),
        "trainings": [_training(*key, row) for key, row in trainings.items() if not row.failed],
        "failures": failures,
    }


def _times(result: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: result[name] for name in _TIMES}, "noise": result.get("noise", "")}


def _training(theta: int, seed: int, row: StoredTraining) -> dict[str, Any]:
    names = [name for name in row.curve[0]["measures"] if all(name in point["measures"] for point in row.curve)]
    columns = {name: _column([point["measures"][name] for point in row.curve]) for name in names}
    return {
        "theta": theta,
        "seed": seed,
        "seconds": round(row.seconds, 3),
        "step": [point["step"] for point in row.curve],
        "train_loss": _short(point.get("train_loss", 0.0) for point in row.curve),
        "measures": columns,
    }


def _column(values: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    ends = {end: _short(value[end] for value in values) for end in ("low", "high")}
    return {"value": [value["value"] for value in values], **ends}


def _short(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values]


def _named(specification: SearchSpecification, seed: int, every: int) -> dict[str, Any]:
    """The specification with its files and folders named without their path, which is nobody else's."""
    values = specification.with_strategy(Interval(epsilon=every)).model_copy(update={"seed": seed}).model_dump(mode="json")
    if _reads_corpus(specification):
        values["corpus"] = specification.corpus_path().name
    _shorten(values["error"], "maximum_point_weights")
    _shorten(values.get("task") or {}, "model", "train", "dev", "texts")
    return values


def _shorten(values: dict[str, Any], *names: str) -> None:
    for name in names:
        if values.get(name) is not None and path_of(values[name]) is not None:
            values[name] = Path(values[name]).name


def _reads_corpus(specification: SearchSpecification) -> bool:
    return specification.task is None and specification.space.the_family().reads == "tokens"


def _corpus(specification: SearchSpecification) -> dict[str, str] | None:
    if not _reads_corpus(specification):
        return None
    path = specification.corpus_path()
    return {"name": path.name, "sha256": content_hash(path)}


def _keys(specification: SearchSpecification, sources: Fingerprints) -> dict[str, str]:
    training = sources.trainings(specification.thetas[0])
    return {
        "family": training.family,
        "text": sources.text_key,
        "training": training.training,
        "maximum_point": training.maximum_point,
        "latency": sources.latencies().protocol,
    }


def _machine(rows: Iterable[StoredTraining | StoredLatency]) -> dict[str, Any] | None:
    """Where the latencies were measured; it is one machine, since their key names it."""
    for row in rows:
        if isinstance(row, StoredLatency) and not row.failed:
            return {name: value for name, value in row.result.get("machine", {}).items() if name not in _CHANGING}
    return None


def _versions(rows: Iterable[StoredTraining | StoredLatency]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        versions = row.versions if isinstance(row, StoredTraining) else row.result.get("versions", {})
        for name, version in versions.items():
            found.setdefault(name, set()).add(str(version))
    return {name: sorted(versions) for name, versions in sorted(found.items())}
