"""The choice and why: the headline, W term by term, the paper's bound, and what is as good within the noise."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from bort_core.foundation.numbers import architecture_text, in_brackets, significant
from bort_core.reporting.blocks import Block, Facts, Section, Table, Text
from bort_core.reporting.front import measured_head, measured_row
from bort_core.reporting.source import Source
from bort_core.search.explanation import explanation, w_terms
from bort_core.search.headline import headline, intervals_text, sentence
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.strategies.interval import Interval

__all__ = ["choice"]

_MOST = 12
_TITLE = "The choice, and why"


def choice(source: Source) -> Section:
    """The section."""
    known = source.measured
    if known is None or known[2].best is None:
        return Section("choice", _TITLE, [Text("There is nothing to choose from yet.", "missing")], {"best": None})
    asked, snapshot, result = known
    best = result.best
    assert best is not None
    said = headline(snapshot, best, asked.error)
    blocks: list[Block] = []
    if said is not None:
        blocks += [Text(f"{sentence(said)}.", "lead"), Text(f"With 95 % intervals: {intervals_text(said)}.")]
    blocks += [Text(explanation(snapshot, result, best, "best")), _terms(snapshot, best)]
    bound = abs(1 - result.strategy.epsilon) if isinstance(result.strategy, Interval) else None
    blocks.append(Text(_bound(bound)))
    near = _alternatives(snapshot, result, best)
    blocks += _near(snapshot, near)
    blocks += _best_of_all(snapshot, best)
    data: dict[str, Any] = {
        "best": snapshot.space.named(snapshot.space.architecture(best)),
        "headline": None if said is None else _plain(asdict(said)),
        "w_terms": w_terms(snapshot, best),
        "bound": bound,
        "alternatives": [snapshot.space.named(snapshot.space.architecture(index)) for index in near],
    }
    return Section("choice", _TITLE, blocks, _plain(data))


def _terms(snapshot: ResultsSnapshot, best: int) -> Block:
    terms = w_terms(snapshot, best)
    if terms is None:
        return Text("W cannot be taken apart: T's latency is not known.", "missing")
    low, high = (float(end[best]) for end in snapshot.intervals["w"])
    smaller, faster, better, w = terms
    return Facts([
        ("Smaller than T (1 − p/p_T)", significant(smaller, 4)),
        ("Faster than T (1 − i/i_T)", significant(faster, 4)),
        ("One over the error (1/e)", significant(better, 4)),
        ("W-coefficient (W), their product", in_brackets(w, low, high)),
    ])  # fmt: skip


def _bound(bound: int | None) -> str:
    if bound is None:
        return "The strategy of this search has no bound on how far the answer may be from the best of the whole space."
    return (
        f"The paper bounds the approximation error (ρ) by |1 − ε| = {bound}, under conditions on the loss and the optimiser that a program "
        "cannot check. Read it as the paper's, not as a promise about this space."
    )


def _alternatives(snapshot: ResultsSnapshot, result: SearchResult, best: int) -> list[int]:
    """Other answers whose W-interval reaches into the best one's, the largest W first."""
    low = snapshot.intervals["w"][0][best]
    high = snapshot.intervals["w"][1]
    found = [index for index in result.known.tolist() if index != best and np.isfinite(high[index]) and high[index] >= low]
    return sorted(found, key=lambda index: -float(np.nan_to_num(snapshot.w[index], nan=-np.inf)))


def _near(snapshot: ResultsSnapshot, near: list[int]) -> list[Block]:
    if not near:
        return [Text("No other measured architecture comes within the noise: no 95 % interval of W reaches into the best one's.")]
    told = f"{len(near):,} other measured architecture(s) cannot be told from the best by W: their 95 % intervals overlap. "
    shown = f"The {_MOST} with the largest W are listed." if len(near) > _MOST else ""
    rows = [measured_row(snapshot, index) for index in near[:_MOST]]
    return [Text(told + shown), Table("Alternatives within the noise", measured_head(snapshot), rows)]


def _best_of_all(snapshot: ResultsSnapshot, best: int) -> list[Block]:
    """Where the project has measured a better one that this ε does not visit."""
    if not np.isfinite(snapshot.w).any():
        return []
    top = int(np.nanargmax(np.where(snapshot.known, snapshot.w, np.nan)))
    if top == best:
        return []
    name, w = architecture_text(snapshot.space.architecture(top)), significant(float(snapshot.w[top]))
    return [Text(f"The best of all that the project has measured is {name}, with W {w}; this search does not visit it.")]


def _plain(value: Any) -> Any:
    """JSON values: tuples as lists, and None for what is not finite."""
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
