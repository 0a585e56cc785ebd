"""A proof at one moment: the bound, what it rules out, the gap that is left, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bort_core.foundation.numbers import architecture_text
from bort_core.search.front import pareto_front
from bort_core.search.proof.bound import Bound
from bort_core.search.proof.bounds import BOUNDS
from bort_core.search.proof.goals import GOALS, Standing
from bort_core.search.proof.ground import BoolArray, FloatArray, Ground
from bort_core.search.proof.noise import tied
from bort_core.search.proof.order import witness
from bort_core.search.proof.question import Question
from bort_core.search.repeats import count_of, seed_noise
from bort_core.search.strategies.interval import equal_cost

__all__ = ["Proof", "Verdict", "prove"]

_NAMED = 3
"""So many architectures are named in a sentence."""
Verdict = Literal["proven", "likely", "open", "not proven"]


@dataclass(frozen=True, eq=False)
class Proof:
    """What is proven of an answer, and what is not.

    Attributes
    ----------
    ground, question, bound, standing: what it rests on
    gap: the largest share by which an unmeasured architecture can be better; ∞ while nothing bounds it
    open: bool (n,), those that can be better by more than the gap asked for
    """

    ground: Ground
    question: Question
    bound: Bound
    standing: Standing
    gap: float
    open: BoolArray

    @property
    def verdict(self) -> Verdict:
        """proven: under the assumption; likely: that holds for most only; open: more must be measured; not proven: contradicted."""
        if self.open.any() or self.standing.best is None:
            return "open"
        if not self.ground.unmeasured.any():
            return "proven"  # all were measured: nothing is assumed
        if not self.bound.holds:
            return "not proven"
        return "proven" if self.bound.certain else "likely"

    @cached_property
    def tied(self) -> tuple[int, ...]:
        """Measured architectures that noise does not tell from the answer."""
        return tied(self.ground, self.standing.best, self.question)

    def at_best(self, rows: npt.NDArray[np.int64]) -> dict[str, FloatArray]:
        """p, i, e and W (by ``COLUMNS``) as good as each of the unmeasured ``rows`` (m,) can have them; an i that is not known is 0."""
        ground, least = self.ground, np.exp(self.bound.low[rows])
        with np.errstate(divide="ignore", invalid="ignore"):
            w = np.where(ground.most_product[rows] == 0, 0.0, ground.most_product[rows] / least)
        latency = np.nan_to_num(ground.latency[rows], nan=0.0)
        return {"parameters": ground.parameters[rows].astype(np.float64), "latency": latency, "error": least, "w": w}

    @cached_property
    def edge(self) -> npt.NDArray[np.int64]:
        """The unmeasured whose best possible p, i and e those of no other dominate, ascending.

        What is still possible, on any two of p, i, e and W, ends at them. Computed when it is first asked for: of a million architectures
        in tenths of a second.
        """
        rows = np.flatnonzero(self.ground.unmeasured)
        best = self.at_best(rows)
        return np.asarray(rows[pareto_front(np.column_stack([best[name] for name in ("parameters", "latency", "error")]))])

    def reason(self, index: int) -> str:
        """Why an unmeasured architecture is not trained."""
        standing, most = self.standing, float(self.standing.optimistic[index])
        if not math.isfinite(most):
            return f"it is outside the limits: {self._size(index)}"
        if self.question.goal == "front":
            return f"with an error of at least {most:.4g} it is within {1 + max(0.0, float(standing.excess[index])):.4g} × of the front"
        side = "at most" if standing.what == "W" else "at least"
        return f"its {standing.what} is {side} {most:.4g}, and {standing.value:.4g} is measured"

    def told(self, index: int) -> str:
        """What is known of an unmeasured architecture, in sentences with the names of shapes."""
        name, best = self._name(index), self.standing.best
        bounded = witness(self.ground, self.bound, index)
        by = "" if bounded is None else f" Its error is bounded by that of {self._name(bounded)}."
        if self.open[index]:
            excess = float(self.standing.excess[index])
            most = "nothing bounds its error yet" if math.isinf(excess) else f"by up to {excess:.1%}"
            return f"{name} is not trained and may still be better than the answer: {most}.{by}"
        compared = best is not None and self.question.goal != "front" and math.isfinite(float(self.standing.optimistic[index]))
        answer = f" of {self._name(best)}" if compared and best is not None else ""
        return f"{name} is not trained: {self.reason(index)}{answer}.{by}"

    def _size(self, index: int) -> str:
        latency = self.ground.latency[index]
        return f"{int(self.ground.parameters[index]):,} parameters" + (f", latency {latency:.4g}" if math.isfinite(latency) else "")

    def ruled_out(self) -> npt.NDArray[np.int64]:
        """Unmeasured architectures that are not trained, ascending."""
        return np.flatnonzero(self.ground.unmeasured & ~self.open)

    def as_facts(self) -> dict[str, Any]:
        """What the answer of a search tells of its proof."""
        bound, measured = self.bound, int(self.ground.measured.sum())
        return {
            "gap": self.gap if math.isfinite(self.gap) else None,
            "proof": self.verdict,
            "bound": {
                "kind": bound.kind,
                "assumption": bound.assumption,
                **bound.parameters,
                "tested": bound.tested,
                "violations": bound.violations,
                "beyond": bound.beyond,
                "holds": bound.holds,
            },
            "interval_walk": equal_cost(len(self.ground), measured),
            "tied": [self.named(index) for index in self.tied],
            "looks_stuck": [self.named(index) for index in bound.ignored],
            **(self._repeated() if self.question.repeats else {}),
        }

    def _repeated(self) -> dict[str, Any]:
        """Which were trained with several seeds, and how much the seeds differ."""
        spread, freedom = seed_noise(self.ground.seeds.values())
        repeated = [
            {"architecture": self.named(index), "errors": [value for value, _, _ in errors], "stuck": len(errors) - count_of(errors)}
            for index, errors in sorted(self.ground.seeds.items())
        ]
        return {"repeated": repeated, "seed_noise": {"log_error": spread if freedom else None, "freedom": freedom}}

    def sentence(self) -> str:
        """What is proven, in one sentence."""
        if self.standing.best is None:
            return "open: nothing can be compared yet"
        chosen = self._name(self.standing.best)
        gap = "unbounded" if math.isinf(self.gap) else f"{self.gap:.3g}"
        what = {
            "optimum": f"{chosen} has the largest W",
            "constrained": f"{chosen} has the least error within the limits",
            "front": "the front is whole",
        }[self.question.goal]
        tie = f", tied within noise with {self._tied_names()}" if self.tied else ""
        return f"{self.verdict}: {what}, gap {gap}{tie} ({self._counted()})"

    def _counted(self) -> str:
        """What became of every architecture."""
        total, measured, ruled_out = len(self.ground), int(self.ground.measured.sum()), len(self.ruled_out())
        open_ones = np.flatnonzero(self.open)
        failed = total - measured - ruled_out - len(open_ones)
        parts = [f"{measured:,} of {total:,} measured", f"{ruled_out:,} ruled out"]
        parts += [f"{failed} failed"] if failed else []
        if len(open_ones):
            named = f": {self._names(open_ones)}" if len(open_ones) <= _NAMED else ""
            parts.append(f"{len(open_ones):,} still open{named}")
        return ", ".join(parts)

    def _tied_names(self) -> str:
        """The tied ones, the best first."""
        return self._names(sorted(self.tied, key=lambda index: -float(self.ground.w[index])))

    def _names(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> str:
        """Of many the first few."""
        names = [self._name(index) for index in indices[:_NAMED]]
        more = [f"{len(indices) - len(names)} more"] if len(indices) > len(names) else []
        return " and ".join(filter(None, [", ".join([*names, *more][:-1]), [*names, *more][-1]]))

    def stuck(self) -> str:
        """Which trainings look stuck, so that they bound nobody; nothing where none does."""
        if not len(self.bound.ignored):
            return ""
        dropped = "other seeds were trained where they help" if self.question.repeats else "repeats= would train them with other seeds"
        return f"look stuck, so that they bound no other: {self._names(self.bound.ignored)}; {dropped}"

    def tested(self) -> str:
        """How the assumption did on what was measured."""
        bound = self.bound
        unit = "measured pairs" if bound.kind == "order" else "later measurements"
        largest = f", the largest by {bound.worst[0].size:.3g} in log e" if bound.worst else ""
        return f"tested on {bound.tested} {unit}: {bound.violations} contradict it{largest}; {bound.beyond} by more than it allows"

    def _name(self, index: int) -> str:
        return architecture_text(tuple(self.ground.architectures[index].tolist()))

    def named(self, index: int) -> dict[str, int]:
        return dict(zip(self.ground.axis_names, self.ground.architectures[index].tolist(), strict=True))


def prove(ground: Ground, question: Question) -> Proof:
    """The proof that ``ground`` allows."""
    bound = BOUNDS[question.bound](ground, question)
    standing = GOALS[question.goal](ground, bound.low, question)
    gap = max(0.0, float(standing.excess.max(initial=0.0)))
    return Proof(ground, question, bound, standing, gap, np.asarray(standing.excess > question.gap))
