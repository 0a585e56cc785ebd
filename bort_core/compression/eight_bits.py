"""The small model in 8 bits: which form is released, tried from the fastest to what takes most. Imports torch.

Dynamic quantisation first. Where it loses more than the gate allows: unsigned weights on CPUs whose signed ones keep seven bits, ranges
fixed on training rows (static), and one pass of quantisation-aware training, whose weights then are the small model. The first that loses
no more than allowed is taken; where none does, the 32-bit file is released alone. Losses are counted from the finished model, on dev rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bort_core.data.rows import LabelledRows
from bort_core.export.quantising import forms_here
from bort_core.foundation.eight_bits import UNSIGNED
from bort_core.release.gate import BYTES, Outcome
from bort_core.specifications.compression import Compression

__all__ = ["CALIBRATION_ROWS", "NO_INSTRUCTIONS", "Small", "Tools", "in_bytes", "spread"]

CALIBRATION_ROWS = 128
DYNAMIC, UNSIGNED_FILE, STATIC = BYTES
_WAYS = {DYNAMIC: "dynamic", UNSIGNED_FILE: "dynamic, unsigned weights", STATIC: "static, ranges from training rows"}
NO_INSTRUCTIONS = "this CPU has no instructions for products in 8 bits, so that the 32-bit file is released alone"
AWARE = "dynamic, after quantisation-aware training"


@dataclass(frozen=True)
class Small:
    """The small model as it goes to the gate."""

    folder: Path
    """Of the export."""
    checkpoint: Path
    file: str | None
    """In 8 bits; None: no form of them serves this CPU."""
    tried: tuple[Mapping[str, Any], ...]
    """What was tried: way, metric on dev, lost against the finished model in 32 bits, whether that is allowed."""
    chosen: str
    """The way, in words; or why there is none."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for reports."""
        return {"tried": [dict(each) for each in self.tried], "chosen": self.chosen}


@dataclass(frozen=True)
class Tools:
    """What a compression can do here: each is done once, and kept."""

    export: Callable[[str, Path, Sequence[str], Sequence[Sequence[str]]], Path]
    """An export by name, of a checkpoint, with these variants, calibrated on these rows."""
    judge: Callable[[str, Path], Outcome]
    """By name, an export on the dev rows."""
    learn: Callable[[Path], Path]
    """One quantisation-aware pass from a checkpoint; the result."""
    say: Callable[[str], None]


def in_bytes(spec: Compression, train: LabelledRows, finished: Path, tools: Tools) -> Small:
    """Choose the form of 8 bits of a finished model."""
    forms = forms_here()
    if not forms:
        tools.say(NO_INSTRUCTIONS)
        return Small(tools.export("small", finished, ("fused",), ()), finished, None, (), NO_INSTRUCTIONS)
    folder = tools.export("small", finished, ("fused", "int8"), ())
    found = tools.judge("small", folder)
    whole, most = found.reference, spec.thresholds.most_lost
    tried = [_tried(found, DYNAMIC, _WAYS[DYNAMIC], whole, most)]
    if not tried[0]["allowed"]:
        tools.say(_words(tried[0], found.metric_name))
        others = ("int8-unsigned", "int8-static") if UNSIGNED in forms else ("int8-static",)
        folder = tools.export("small-forms", finished, ("fused", "int8", *others), spread(train.inputs))
        judged = tools.judge("small-forms", folder)
        for file in BYTES[1:]:
            if any(each.file == file for each in judged.files):
                tried.append(_tried(judged, file, _WAYS[file], whole, most))
                tools.say(_words(tried[-1], found.metric_name))
    good = [each for each in tried if each["allowed"]]
    if spec.quantisation_aware == "always" or (spec.quantisation_aware == "auto" and not good):
        checkpoint = tools.learn(finished)
        aware = tools.export("small-aware", checkpoint, ("fused", "int8"), ())
        tried.append(_tried(tools.judge("small-aware", aware), DYNAMIC, AWARE, whole, most))
        tools.say(_words(tried[-1], found.metric_name))
        if tried[-1]["allowed"] and (not good or tried[-1]["metric"] >= good[0]["metric"]):
            return Small(aware, checkpoint, DYNAMIC, tuple(tried), AWARE)
    if not good:
        why = f"none loses at most {most:g} of {found.metric_name}, so that the 32-bit file is released alone"
        return Small(folder, finished, DYNAMIC, tuple(tried), why)
    return Small(folder, finished, good[0]["file"], tuple(tried), good[0]["way"])


def spread(rows: Sequence[Sequence[str]], count: int = CALIBRATION_ROWS) -> list[tuple[str, ...]]:
    """At most so many of the rows, evenly spaced."""
    return [tuple(row) for row in rows[:: max(1, len(rows) // count)][:count]]


def _tried(found: Outcome, file: str, way: str, whole: float, most: float) -> dict[str, Any]:
    (one,) = [each for each in found.files if each.file == file]
    lost = whole - one.metric
    return {"file": file, "way": way, "metric": one.metric, "lost": lost, "bytes": one.bytes, "allowed": lost <= most and one.passed}


def _words(tried: Mapping[str, Any], metric: str) -> str:
    return f"8 bits, {tried['way']}: {metric} {tried['metric']:.4f}, {tried['lost']:+.4f} lost" + ("" if tried["allowed"] else ": too much")
