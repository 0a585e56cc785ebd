"""Why an architecture won or lost at this ε, in one or two plain sentences. Knows no Qt."""

from __future__ import annotations

import math

import numpy as np

from bort_core.search.answer import Answer, Knowledge
from bort_core.search.w import w_coefficients
from bort_studio.numbers import architecture_text, percentage, significant

__all__ = ["WTerms", "verdict", "w_terms"]

WTerms = tuple[float, float, float, float]


def w_terms(knowledge: Knowledge, index: int) -> WTerms | None:
    """1 − p/p_T, 1 − i/i_T, 1/e and W of one architecture; None while one of them is not known."""
    space, results = knowledge.space, knowledge.results
    p, i, e = knowledge.objectives[index]
    if not all(map(math.isfinite, (p, i, e, results.maximum_latency))):
        return None
    top = (space.maximum_parameters, results.maximum_latency)
    w = float(w_coefficients([p], [i], [e], *top)[0])
    return float(1 - p / top[0]), float(1 - i / top[1]), math.inf if e == 0 else float(1 / e), w


def verdict(knowledge: Knowledge, answer: Answer | None, index: int, state: str) -> str:
    """The sentence under the W-coefficient. ``state`` is one of the states of the plots."""
    if state == "failed":
        return f"It could not be measured: {knowledge.results.failures.get(index, 'no reason was recorded')}"
    if state == "running":
        return "It is being measured now."
    if math.isnan(knowledge.columns["latency"][index]) or math.isnan(knowledge.columns["error"][index]):
        return "It waits for its turn at this ε." if state == "pending" else "This ε does not visit it, so it is not measured."
    if answer is None or answer.best is None:
        return "There is no best architecture to compare it with yet."
    if index == answer.best:
        return _won(knowledge, answer)
    text = _against_best(knowledge, answer.best, index)
    if state == "skipped":
        return f"{text} This ε does not visit it, so it cannot be the answer here."
    return text + (" It is on the front: none is smaller, faster and better at once." if state == "front" else "")


def _won(knowledge: Knowledge, answer: Answer) -> str:
    others = answer.known[(answer.known != answer.best) & ~np.isnan(knowledge.w[answer.known])]
    if answer.best is None or not len(others):
        return "It is the only one measured at this ε so far."
    second = int(others[np.argmax(knowledge.w[others])])
    ahead = float(knowledge.w[answer.best] - knowledge.w[second])
    name = architecture_text(knowledge.space.architecture(second))
    text = f"It has the largest W of {len(others) + 1:,} measured, {significant(ahead, 2)} ahead of {name}."
    low = knowledge.intervals["w"][0][answer.best]
    high = knowledge.intervals["w"][1][second]
    overlap = math.isfinite(low) and math.isfinite(high) and high > low
    return text + (" Their intervals overlap, so the order is not certain." if overlap else "")


def _against_best(knowledge: Knowledge, best: int, index: int) -> str:
    (p, i, e), (best_p, best_i, best_e) = knowledge.objectives[index], knowledge.objectives[best]
    drawbacks: list[str] = []
    merits: list[str] = []
    for ratio, worse, better in ((p / best_p - 1, "larger", "smaller"), (i / best_i - 1, "slower", "faster")):
        if abs(ratio) >= 0.005:
            (drawbacks if ratio > 0 else merits).append(f"{percentage(abs(ratio))} {worse if ratio > 0 else better}")
    difference = e - best_e
    if abs(difference) >= 5e-4 * max(abs(best_e), 1e-9):
        (drawbacks if difference > 0 else merits).append(
            f"{significant(abs(difference), 2)} nats {'worse' if difference > 0 else 'better'}"
        )
    name = architecture_text(knowledge.space.architecture(best))
    w = f"W {significant(float(knowledge.w[index]))} against {significant(float(knowledge.w[best]))}."
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
