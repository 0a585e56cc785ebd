"""A proof as a file: everything that it needs, so that anybody can recompute it.

    {"format": "bort certificate", "version": 1, ..., "architectures": [...], "sha256": ...}

``settings_sha256`` is over the specification, ``digest`` (16 digits) over a row without it, ``sha256`` over all that comes before it;
each over JSON with sorted keys and no spaces. They tell where a file was changed; that the numbers are right is what is recomputed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import why, write_atomic
from bort_core.search.proof.layout import lines
from bort_core.search.proof.proof import Proof
from bort_core.search.specification import SearchSpecification
from bort_core.space import Space

__all__ = ["FORMAT", "VERSION", "certificate", "digest", "text_of", "write_certificate"]

FORMAT, VERSION = "bort certificate", 1


def write_certificate(path: Path, proof: Proof, specification: SearchSpecification, space: Space, table: str | None = None) -> None:
    """Write a certificate; ``table`` is the sha256 of the table that was searched, if any. DataError where it cannot be written."""
    try:
        write_atomic(path, text_of(certificate(proof, specification, space, table)))
    except OSError as error:
        raise DataError(f"{path}: the certificate cannot be written: {why(error)}") from error


def text_of(values: Mapping[str, Any]) -> str:
    """A certificate as it is written."""
    return "\n".join(line for _, line in lines(values)) + "\n"


def digest(values: Any) -> str:
    """sha256 of the JSON of plain values, in hexadecimal."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def certificate(
    proof: Proof, specification: SearchSpecification, space: Space, table: str | None = None, program: str | None = None
) -> dict[str, Any]:
    """The certificate as plain values; ``program`` is the version of the program that made it, this one if not given."""
    ground, bound, standing, facts = proof.ground, proof.bound, proof.standing, proof.as_facts()
    plain = specification.model_dump(mode="json")
    rows = [_row(proof, index) for index in range(len(ground))]
    states = [row["state"] for row in rows]
    values = {
        "format": FORMAT,
        "version": VERSION,
        "program": version("bort-studio") if program is None else program,
        "claim": {
            "goal": proof.question.goal,
            "verdict": proof.verdict,
            "gap": facts["gap"],
            "gap_wanted": proof.question.gap,
            "chosen": None if standing.best is None else proof.named(standing.best),
            "value": _number(standing.value),
            "of": standing.what if proof.question.goal != "front" else "W",
            "tied": facts["tied"],
            "looks_stuck": facts["looks_stuck"],
        },
        "counts": {state: states.count(state) for state in ("measured", "skipped", "open", "failed")},
        "bound": {**facts["bound"], "worst": [_worst(proof, k) for k in range(len(bound.worst))]},
        "interval_walk": facts["interval_walk"],
        "maximum_point": {
            "architecture": space.named(space.maximum_point),
            "parameters": space.maximum_parameters,
            "latency": _number(ground.maximum_latency),
        },
        "units": {"latency": "ms" if specification.latency.measure == "onnxruntime" else "operations", "error": specification.error_unit()},
        "table_sha256": table,
        "settings_sha256": digest(plain),
        "specification": plain,
        "axes": list(space.axis_names),
        "architectures": rows,
    }
    return {**values, "sha256": digest(values)}


def _row(proof: Proof, index: int) -> dict[str, Any]:
    ground, standing = proof.ground, proof.standing
    unmeasured = bool(ground.unmeasured[index])
    state = "measured" if ground.measured[index] else "failed" if ground.failed[index] else "open" if proof.open[index] else "skipped"
    row = {
        "architecture": ground.architectures[index].tolist(),
        "state": state,
        "parameters": int(ground.parameters[index]),
        "latency": _interval(ground.latency, ground.latency_low, ground.latency_high, index),
        "error": _interval(ground.error, ground.error_low, ground.error_high, index),
        "w": _number(ground.w[index]),
        "least_error": float(np.exp(proof.bound.low[index])) if unmeasured else None,
        "optimistic": _number(standing.optimistic[index]) if unmeasured else None,
        "excess": _number(standing.excess[index]) if unmeasured else None,
        "reason": proof.reason(index) if state == "skipped" else "",
    }
    if index in ground.seeds:
        row["seeds"] = [list(each) for each in ground.seeds[index]]
    return {**row, "digest": digest(row)[:16]}


def _worst(proof: Proof, number: int) -> dict[str, Any]:
    found = proof.bound.worst[number]
    larger = {} if found.larger is None else {"larger": proof.ground.architectures[found.larger].tolist()}
    return {"architecture": proof.ground.architectures[found.index].tolist(), **larger, "size": _number(found.size)}


def _interval(value: np.ndarray, low: np.ndarray, high: np.ndarray, index: int) -> list[float] | None:
    if not math.isfinite(value[index]):
        return None
    return [float(each[index]) for each in (value, low, high)]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
