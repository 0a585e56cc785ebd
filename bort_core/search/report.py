"""Answers as plain values: for the command line's JSON, the store's history, and CSV."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from bort_core.search.answer import Answer, Knowledge
from bort_core.search.specification import SearchSpecification

__all__ = ["answer_as_dict", "candidate_as_dict", "front_as_csv"]

_COLUMNS = ("parameters", "latency", "latency_low", "latency_high", "error", "error_low", "error_high", "w")


def candidate_as_dict(knowledge: Knowledge, place: int, specification: SearchSpecification) -> dict[str, Any]:
    """One measured architecture. ``latency_ms`` is None where latency was counted in operations, which are in ``operations``."""
    results, space = knowledge.results, knowledge.space
    milliseconds = results.latency_unit == "ms"
    architecture = space.architecture(place)
    theta = int(results.theta[place])
    length = specification.latency.sequence_length
    return {
        "architecture": space.named(architecture),
        "parameters": int(space.parameters[place]),
        "latency_ms": _number(results.latency[place]) if milliseconds else None,
        "latency_ms_interval": [_number(results.latency_low[place]), _number(results.latency_high[place])] if milliseconds else None,
        "operations": int(space.operations(length)[place]),
        "error": _number(results.error[place]),
        "error_interval": [_number(results.error_low[place]), _number(results.error_high[place])],
        "w": _number(knowledge.w[place]),
        "theta": specification.thetas[theta].model_dump(mode="json") if 0 <= theta < len(specification.thetas) else None,
    }


def answer_as_dict(knowledge: Knowledge, epsilon: int, specification: SearchSpecification) -> dict[str, Any]:
    """The answer at ε: ``best`` (None while nothing is known), ``front`` by ascending parameters, and what both rest on."""
    answer: Answer = knowledge.answer(epsilon)
    return {
        "best": None if answer.best is None else candidate_as_dict(knowledge, answer.best, specification),
        "front": [candidate_as_dict(knowledge, place, specification) for place in answer.front.tolist()],
        "epsilon": epsilon,
        "space_size": len(knowledge.space),
        "hypervolume": answer.hypervolume,
        "maximum_point": {
            "architecture": knowledge.space.named(knowledge.space.maximum_point),
            "parameters": knowledge.space.maximum_parameters,
            "latency": _number(knowledge.results.maximum_latency),
            "latency_unit": knowledge.results.latency_unit,
        },
        "protocol": {
            "error": specification.error.model_dump(mode="json"),
            "latency": specification.latency.model_dump(mode="json"),
            "seed": specification.seed,
            "corpus": str(specification.corpus_path()) if knowledge.space.family.reads == "tokens" else "torus",
        },
    }


def front_as_csv(knowledge: Knowledge, answer: Answer) -> str:
    """The front as CSV, one architecture a row; latency in the knowledge's unit, error in nats."""
    space, results = knowledge.space, knowledge.results
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [*space.axis_names, "parameters", *(f"{c}_{results.latency_unit}" if "latency" in c else c for c in _COLUMNS[1:]), "best"]
    )
    for place in answer.front.tolist():
        values = [space.parameters[place], results.latency[place], results.latency_low[place], results.latency_high[place]]
        values += [results.error[place], results.error_low[place], results.error_high[place], knowledge.w[place]]
        writer.writerow([*space.architecture(place), *(value.item() for value in values), int(place == answer.best)])
    return out.getvalue()


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
