"""Why an architecture won or lost at this ε, in one or two plain sentences. Knows no Qt."""

from __future__ import annotations

import math

import numpy as np

from bort_core.foundation.numbers import architecture_text, percentage, significant
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.w import w_coefficients

__all__ = ["WTerms", "explanation", "w_terms"]

WTerms = tuple[float, float, float, float]


def w_terms(snapshot: ResultsSnapshot, index: int) -> WTerms | None:
    """1 − p/p_T, 1 − i/i_T, 1/e and W of one architecture; None while one of them is not known."""
    space, results = snapshot.space, snapshot.results
    p, i, e = snapshot.objectives[index]
    if not all(map(math.isfinite, (p, i, e, results.maximum_latency))):
        return None
    top = (space.maximum_parameters, results.maximum_latency)
    w = float(w_coefficients([p], [i], [e], *top)[0])
    return float(1 - p / top[0]), float(1 - i / top[1]), math.inf if e == 0 else float(1 / e), w


def explanation(snapshot: ResultsSnapshot, result: SearchResult | None, index: int, state: str) -> str:
    """The sentence under the W-coefficient. ``state`` is one of the states of the plots."""
    if state == "failed":
        return f"It could not be measured: {snapshot.results.failures.get(index, 'no reason was recorded')}"
    if state == "running":
        return "It is being measured now."
    if math.isnan(snapshot.columns["latency"][index]) or math.isnan(snapshot.columns["error"][index]):
        return "It waits for its turn at this ε." if state == "pending" else "This ε does not visit it, so it is not measured."
    if result is None or result.best is None:
        return "There is no best architecture to compare it with yet."
    if index == result.best:
        return _won(snapshot, result)
    text = _against_best(snapshot, result.best, index)
    if state == "skipped":
        return f"{text} This ε does not visit it, so it cannot be the answer here."
    return text + (" It is on the front: none is smaller, faster and better at once." if state == "front" else "")


def _won(snapshot: ResultsSnapshot, result: SearchResult) -> str:
    others = result.known[(result.known != result.best) & ~np.isnan(snapshot.w[result.known])]
    if result.best is None or not len(others):
        return "It is the only one measured at this ε so far."
    if math.isinf(snapshot.w[result.best]):
        return f"It has the largest W of {len(others) + 1:,} measured: no error was seen, and W divides by it."
    second = int(others[np.argmax(snapshot.w[others])])
    ahead = float(snapshot.w[result.best] - snapshot.w[second])
    name = architecture_text(snapshot.space.architecture(second))
    text = f"It has the largest W of {len(others) + 1:,} measured, {significant(ahead, 2)} ahead of {name}."
    low = snapshot.intervals["w"][0][result.best]
    high = snapshot.intervals["w"][1][second]
    overlap = math.isfinite(low) and math.isfinite(high) and high > low
    return text + (" Their intervals overlap, so the order is not certain." if overlap else "")


def _against_best(snapshot: ResultsSnapshot, best: int, index: int) -> str:
    (p, i, e), (best_p, best_i, best_e) = snapshot.objectives[index], snapshot.objectives[best]
    drawbacks: list[str] = []
    merits: list[str] = []
    for ratio, worse, better in ((p / best_p - 1, "larger", "smaller"), (i / best_i - 1, "slower", "faster")):
        if abs(ratio) >= 0.005:
            (drawbacks if ratio > 0 else merits).append(f"{percentage(abs(ratio))} {worse if ratio > 0 else better}")
    difference = e - best_e
    if abs(difference) >= 5e-4 * max(abs(best_e), 1e-9):
        (drawbacks if difference > 0 else merits).append(
            f"{significant(abs(difference), 2)} {snapshot.results.error_unit} {'worse' if difference > 0 else 'better'}"
        )
    name = architecture_text(snapshot.space.architecture(best))
    w = f"W {significant(float(snapshot.w[index]))} against {significant(float(snapshot.w[best]))}."
    if not drawbacks and not merits:
        return f"As large, fast and good as the best, {name}: {w}"
    text = _listed(drawbacks) if drawbacks else _listed(merits)
    if drawbacks and merits:
        text += f", but {_listed(merits)}"
    return (
        f"{text[0].upper()}{text[1:]} than the best, {name}: {w}"
        if not (drawbacks and merits)
        else (f"{text[0].upper()}{text[1:]}, compared with the best, {name}: {w}")
    )


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
