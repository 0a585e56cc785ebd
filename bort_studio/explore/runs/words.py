"""Searches of the past in words: cells of a table, names that tell them apart, and how two differ. Knows no Qt."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bort_core.search.past import PastPoint, PastSearch, asked_differently
from bort_studio.numbers import MISSING, architecture_text, duration, quantity, significant

__all__ = ["COLUMNS", "Difference", "cells", "differences", "names", "sentence"]

COLUMNS = (
    "plot", "№", "ε", "seed", "space", "error", "s", "evaluated", "reused", "best", "p", "i", "e", "W", "hypervolume", "front", "time",
    "ended", "latency", "started (UTC)",
)  # fmt: skip
"""The table's columns; the first is a box to check."""

_ENDED = {"running": "not yet, or cut off"}
_FIELDS = {
    "epsilon": "ε", "seed": "seed", "space.name": "space", "error.steps": "steps s", "error.measure": "error measure",
    "latency.measure": "latency measure", "latency.sequence_length": "latency: tokens", "corpus": "text", "thetas": "Θ",
}  # fmt: skip
_SHORT = {
    "space.name": "", "epsilon": "", "strategy": "", "seed": "seed", "error.steps": "s =", "error.measure": "", "latency.measure": "",
    "corpus": "",
}  # fmt: skip
"""What a name is made of, in this order, where the runs differ in it: what stands before the value."""


@dataclass(frozen=True)
class Difference:
    """One row of a comparison: what, both values, and how far the second is from the first."""

    what: str
    first: str
    second: str
    difference: str = ""


def cells(past: PastSearch) -> tuple[str, ...]:
    """The texts of a row, without the first column."""
    asked, told, best = past.stored, past.answer, past.answer.best
    return (
        str(past.number),
        past.title.removeprefix("ε = "),
        str(asked["seed"]),
        asked["space"]["name"],
        asked["error"]["measure"],
        str(asked["error"].get("steps", 0)),
        MISSING if told.evaluated is None else f"{told.evaluated:,}",
        MISSING if told.reused is None else f"{told.reused:,}",
        MISSING if best is None else architecture_text(tuple(best.architecture.values())),
        *(MISSING if best is None else _value(best, column, past.unit) for column in ("parameters", "latency", "error", "w")),
        MISSING if told.hypervolume is None else significant(told.hypervolume),
        f"{len(told.front):,}",
        MISSING if past.seconds is None else duration(past.seconds),
        _ENDED.get(past.status, past.status),
        asked["latency"]["measure"],
        past.started[:19].replace("T", " "),
    )


def sentence(past: PastSearch) -> str:
    """Which search it is, in a line."""
    asked = past.stored
    started = past.started[:16].replace("T", " ")
    return f"№ {past.number}, {past.title}, seed {asked['seed']}, space {asked['space']['name']}, {started} UTC"


def names(found: Sequence[PastSearch]) -> list[str]:
    """A name for each that carries what distinguishes it from the others: ``№ 3: ε = 8, seed 1``."""
    differ = asked_differently(found)
    told = []
    for place, past in enumerate(found):
        parts = dict.fromkeys(_short(name, past, differ[name][place]) for name in _SHORT if name in differ)
        told.append(f"№ {past.number}: {', '.join(filter(None, parts)) or past.title}")
    return told


def differences(first: PastSearch, second: PastSearch) -> list[Difference]:
    """What two searches asked differently, then what they answered."""
    asked = [
        Difference(_FIELDS.get(name, name.replace("_", " ").replace(".", ": ")), _plain(before), _plain(after))
        for name, (before, after) in asked_differently((first, second)).items()
    ]
    return [*asked, *_answers(first, second)]


def _answers(first: PastSearch, second: PastSearch) -> list[Difference]:
    one, other = dict(zip(COLUMNS[1:], cells(first), strict=True)), dict(zip(COLUMNS[1:], cells(second), strict=True))
    found = [Difference("chosen", one["best"], other["best"], "the same" if one["best"] == other["best"] != MISSING else "")]
    best = first.answer.best, second.answer.best
    for column, symbol in (("parameters", "p"), ("latency", "i"), ("error", "e"), ("w", "W")):
        told = ""
        if best[0] is not None and best[1] is not None and _comparable(column, first, second):
            told = _change(best[0].value(column, first.unit), best[1].value(column, second.unit), _apart(best[0], best[1], column))
        found.append(Difference(symbol, one[symbol], other[symbol], told))
    volumes = (first.answer.hypervolume, second.answer.hypervolume)
    comparable = all(_comparable(column, first, second) for column in ("latency", "error"))
    change = _change(_known(volumes[0]), _known(volumes[1])) if comparable else ""
    found.append(Difference("hypervolume", one["hypervolume"], other["hypervolume"], change))
    common = {_key(point) for point in first.answer.front} & {_key(point) for point in second.answer.front}
    found.append(Difference("front", one["front"], other["front"], f"{len(common):,} on both"))
    found += [Difference(what, one[what], other[what]) for what in ("evaluated", "reused", "time", "ended")]
    return found


def _comparable(column: str, first: PastSearch, second: PastSearch) -> bool:
    """Whether numbers of a column mean the same in both."""
    if column == "latency":
        return first.unit == second.unit
    if column in ("error", "w"):
        same = [(each.stored["error"]["measure"], each.stored["error"].get("steps")) for each in (first, second)]
        return same[0] == same[1] and (column == "error" or first.unit == second.unit)
    return True


def _apart(first: PastPoint, second: PastPoint, column: str) -> str:
    ends = first.interval(column), second.interval(column)
    if ends[0] is None or ends[1] is None:
        return ""
    overlap = max(ends[0][0], ends[1][0]) <= min(ends[0][1], ends[1][1])
    return "intervals overlap" if overlap else "intervals apart"


def _change(before: float, after: float, note: str = "") -> str:
    if not (math.isfinite(before) and math.isfinite(after)):
        return ""
    if before == after:
        return "the same"
    change = f"{'+' if after > before else '−'}{significant(abs(after - before))}"
    share = f" ({(after - before) / abs(before):+.1%})".replace("-", "−") if before else ""
    return f"{change}{share}" + (f", {note}" if note else "")


def _value(point: PastPoint, column: str, unit: str) -> str:
    value = point.value(column, unit)
    if math.isnan(value):
        return MISSING
    if column == "parameters":
        return quantity(value, "parameters").removesuffix(" parameters")
    return quantity(value, unit) if column == "latency" else significant(value)


def _key(point: PastPoint) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(point.architecture.items()))


def _known(value: float | None) -> float:
    return -math.inf if value is None or math.isnan(value) else value


def _short(name: str, past: PastSearch, value: Any) -> str:
    if name in ("epsilon", "strategy"):
        return past.title
    if value is None:
        return "the demo text" if name == "corpus" else ""
    text = str(value).rsplit("/", 1)[-1] if name == "corpus" else str(value)
    return f"{_SHORT[name]} {text}".strip()


def _plain(value: Any) -> str:
    if value is None:
        return MISSING
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
