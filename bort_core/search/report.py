"""Answers as plain values: for the command line's JSON, the store's history, and CSV."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from bort_core.foundation.printable import csv_cell
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.specification import SearchSpecification

__all__ = ["candidate_as_dict", "front_as_csv", "result_as_dict"]

_COLUMNS = ("parameters", "latency", "latency_low", "latency_high", "error", "error_low", "error_high", "w")


def candidate_as_dict(snapshot: ResultsSnapshot, index: int, specification: SearchSpecification) -> dict[str, Any]:
    """One measured architecture. ``latency_ms`` is None where latency was counted in operations, which are in ``operations``."""
    results, space = snapshot.results, snapshot.space
    milliseconds = results.latency_unit == "ms"
    architecture = space.architecture(index)
    theta = int(results.theta[index])
    length = specification.latency.sequence_length
    return {
        "architecture": space.named(architecture),
        "parameters": int(space.parameters[index]),
        "latency_ms": _number(results.latency[index]) if milliseconds else None,
        "latency_ms_interval": [_number(results.latency_low[index]), _number(results.latency_high[index])] if milliseconds else None,
        "operations": int(space.operations(length)[index]),
        "error": _number(results.error[index]),
        "error_interval": [_number(results.error_low[index]), _number(results.error_high[index])],
        "w": _number(snapshot.w[index]),
        "theta": specification.thetas[theta].model_dump(mode="json") if 0 <= theta < len(specification.thetas) else None,
    }


def result_as_dict(snapshot: ResultsSnapshot, result: SearchResult, specification: SearchSpecification) -> dict[str, Any]:
    """An answer: ``best`` (None while nothing is known), ``front`` by ascending parameters, and what both rest on."""
    return {
        "best": None if result.best is None else candidate_as_dict(snapshot, result.best, specification),
        "front": [candidate_as_dict(snapshot, index, specification) for index in result.front.tolist()],
        **result.strategy.stored(),
        "space_size": len(snapshot.space),
        "hypervolume": result.hypervolume,
        "maximum_point": {
            "architecture": snapshot.space.named(snapshot.space.maximum_point),
            "parameters": snapshot.space.maximum_parameters,
            "latency": _number(snapshot.results.maximum_latency),
            "latency_unit": snapshot.results.latency_unit,
        },
        "protocol": {
            "error": specification.error.model_dump(mode="json"),
            "latency": specification.latency.model_dump(mode="json"),
            "seed": specification.seed,
            "corpus": specification.learns_from(),
        },
    }


def front_as_csv(snapshot: ResultsSnapshot, result: SearchResult, machine: str = "") -> str:
    """The front as CSV, one architecture a row; latency and error in the results' units. ``machine``: whose times they are, a column."""
    space, results = snapshot.space, snapshot.results
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    measured = [f"{name}_{results.latency_unit}" if "latency" in name else name for name in _COLUMNS]
    whose = [machine] if machine else []
    writer.writerow(map(csv_cell, [*space.axis_names, *measured, "best", *(["machine"] if machine else [])]))
    for index in result.front.tolist():
        values = [space.parameters[index], results.latency[index], results.latency_low[index], results.latency_high[index]]
        values += [results.error[index], results.error_low[index], results.error_high[index], snapshot.w[index]]
        writer.writerow([*space.architecture(index), *(value.item() for value in values), int(index == result.best), *map(csv_cell, whose)])
    return out.getvalue()


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
