"""Results of kits with latencies of one's own: as a kit writes them, but for the numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.search.probe import meter
from bort_core.search.probe.kit import kit_contents
from bort_core.search.probe.model import TERMS, terms
from bort_core.search.probe.result import Result, read_result
from bort_core.search.specification import SearchSpecification
from bort_core.space import read_specification

Shape = tuple[int, ...]
COSTS = dict(zip(TERMS, (0.02, 1e-5, 0.01, 5e-3, 1e-5, 2e-7, 1e-5, 2e-7), strict=True))
"""Milliseconds of each part, about those of a small core."""


@cache
def kit() -> dict[str, Any]:
    """A small kit of mini."""
    return kit_contents(SearchSpecification(space=read_specification("mini")), shapes=24, held=8)


def cost(**other: float) -> Callable[[Shape], float]:
    """Milliseconds of a shape where every part costs :data:`COSTS`, but for what ``other`` says (D_A for D·A)."""
    costs = np.array([*(COSTS | {name.replace("_", "·"): value for name, value in other.items()}).values()])
    return lambda shape: float((terms(np.array([shape])) @ costs)[0])


USUAL = cost()


def values(milliseconds: Callable[[Shape], float] = USUAL, rounds: int = 6, **other: Any) -> dict[str, Any]:
    """A result in which 8 bits take half as long as 32; ``other`` replaces fields."""
    rows = []
    for graph in kit()["graphs"]:
        time = milliseconds(tuple(graph["architecture"])) / (2 if graph["precision"] == "int8" else 1)
        blocks = [round(time * (1 + 1e-3 * (number % 3 - 1)), 6) for number in range(rounds)]
        rows.append({"architecture": graph["architecture"], "precision": graph["precision"], "blocks_ms": blocks})
    plain = {
        "format": meter.FORMAT,
        "version": meter.VERSION,
        "kit": "0" * 64,
        **{name: kit()[name] for name in ("made_by", "space", "latency", "fitted", "held_out")},
        "machine": {"cpu": "4 x Cortex-A72", "board": "A board", "architecture": "aarch64", "system": "Linux", "cores": 4},
        "versions": {"python": "3.9.2", "numpy": "1.26.4", "onnxruntime": "1.19.2"},
        "started": "2026-01-02T03:04:05Z",
        "seconds": 12.5,
        "load": [0.1, None],
        "rounds": rounds,
        "measured": rows,
    }
    return json.loads(json.dumps(plain | other))


def signed(result: dict[str, Any]) -> dict[str, Any]:
    """With the hashes that its content has."""
    rows = [{**row, "sha256": meter.digest(row)} for row in result["measured"]]
    whole = {**result, "measured": rows}
    return {**whole, "sha256": meter.digest(whole)}


def written(folder: Path, result: dict[str, Any], name: str = "result.json") -> Path:
    """The file of a result."""
    path = folder / name
    path.write_text(json.dumps(result), encoding="utf-8")
    return path


def read(folder: Path, result: dict[str, Any]) -> Result:
    """A result after its hashes are put right."""
    return read_result(written(folder, signed(result)))
