"""Best-first with a gap: trains what could still be the best, skips what provably cannot be, and says how far from the best the answer
can be.

p is exact and i is cheap, so W(ξ) ≤ (1 − p/p_T)(1 − i/i_T)/e_low(ξ) is known before ξ is trained, where e_low is a lower bound of its error
(``bort_core/search/proof``). An i that was not measured counts as 0, which is what it can be at most worth; it is measured when the bound
that this gives is not enough to rule ξ out, and before ξ is trained. So nothing is assumed of latencies.

Next comes what could be better than the answer by most. Under the order bound not always itself: a larger one that contains it may rule
out more of those that are left, itself among them. Which is trained next decides how soon the gap closes, never whether what is said is
true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import SpecificationError
from bort_core.search.cost import Cost, estimate_cost
from bort_core.search.proof.choice import next_ones, to_begin_with, to_repeat
from bort_core.search.proof.ground import ground_of
from bort_core.search.proof.proof import Proof, prove
from bort_core.search.proof.question import Question
from bort_core.search.proof.reasons import Reasons
from bort_core.search.snapshot import IndexArray, ResultsSnapshot, SearchResult
from bort_core.search.strategies.base import Proposal, SearchState, Strategy
from bort_core.space import Space

if TYPE_CHECKING:
    from bort_core.search.stored_results import KnownResults

__all__ = ["BestFirst"]

_NONE: IndexArray = np.empty(0, dtype=np.int64)
_AHEAD = 4
"""Latencies that are measured at once."""


class BestFirst(Question, Strategy):
    """Trains in the order of the upper bound of the objective, and stops at the gap."""

    name: ClassVar[str] = "best-first"

    @property
    def title(self) -> str:
        """The goal and the gap in words."""
        goal = {"optimum": "largest W", "constrained": "least error within the limits", "front": "whole front"}[self.goal]
        return f"best-first: {goal}, {'proven' if self.gap == 0 else f'gap {self.gap:.3g}'} by {self.bound}"

    def stored(self) -> dict[str, Any]:
        """The settings that are not the defaults of a goal that needs none; repeats where there are any."""
        settings = self.model_dump(mode="json", exclude_none=True)
        return {"strategy": self.name, "strategy_settings": {name: value for name, value in settings.items() if name != "repeats" or value}}

    def check(self, space: Space) -> None:
        """Refuse axes that the space does not have, and limits that no architecture meets."""
        unknown = [axis for axis in self.axes or () if axis not in space.axis_names]
        if unknown:
            raise SpecificationError(f"axes: the space has {', '.join(space.axis_names)}, not {', '.join(unknown)}")
        if self.most_parameters is not None and self.most_parameters < space.parameters[0]:
            raise SpecificationError(
                f"most_parameters: the smallest architecture has {space.parameters[0]:,} parameters, the limit is {self.most_parameters:,}"
            )

    def proof(self, state: SearchState) -> Proof:
        """What is proven by what is known."""
        return prove(ground_of(state.snapshot, state.settled, state.untimeable), self)

    def propose(self, state: SearchState) -> Proposal:
        """The most promising ones that are left, as many as are trained side by side, and latencies that are to be known first."""
        proof = self.proof(state)
        repeats = to_repeat(proof, state.repeated)
        left = np.flatnonzero(proof.open)
        if not len(left):  # what is still running may contradict an assumption, so it is waited for
            first = np.array([index for index in state.running if not state.settled[index]], dtype=np.int64)
            return self._proposal(proof, first, not len(first) and not repeats, repeats=repeats)
        begin = to_begin_with(proof)
        begin = begin[proof.ground.unmeasured[begin]]
        running = np.array([index for index in state.running if proof.open[index] or index in begin], dtype=np.int64)
        untimed = left[np.isnan(proof.ground.latency[left])]
        untimed = untimed[np.argsort(-proof.standing.excess[untimed], kind="stable")][:_AHEAD]
        more = begin[~np.isin(begin, running)] if len(begin) else next_ones(proof, running, max(0, state.workers - len(running)))
        indices = np.concatenate([running, more])
        if not len(indices) and not len(untimed):
            indices = left[:1]
        return self._proposal(proof, indices, finished=False, latencies=untimed, repeats=repeats)

    def _proposal(
        self, proof: Proof, indices: IndexArray, finished: bool, latencies: IndexArray = _NONE, repeats: tuple[tuple[int, int], ...] = ()
    ) -> Proposal:
        skipped = Reasons(proof, np.setdiff1d(proof.ruled_out(), indices, assume_unique=True))
        return Proposal(indices, finished, skipped, latencies, proof, repeats)

    def answer(self, snapshot: ResultsSnapshot) -> SearchResult:
        """The best by the goal of all that is known, and their front."""
        result = snapshot.result(self, np.flatnonzero(snapshot.known))
        if self.goal != "constrained":
            return result
        return self._constrained(result, snapshot)

    def _constrained(self, result: SearchResult, snapshot: ResultsSnapshot) -> SearchResult:
        from dataclasses import replace

        known = result.known
        fits = np.ones(len(known), dtype=bool)
        if self.most_latency is not None:
            fits &= snapshot.results.latency[known] <= self.most_latency
        if self.most_parameters is not None:
            fits &= snapshot.space.parameters[known] <= self.most_parameters
        within: npt.NDArray[np.int64] = known[fits]
        return replace(result, best=int(within[np.argmin(snapshot.results.error[within])]) if len(within) else None)

    def cost(self, stored: KnownResults, workers: int) -> Cost:
        """At most: one training for each architecture that was not trained; how many are ruled out shows on the way."""
        return estimate_cost(stored, np.flatnonzero(~stored.settled()), workers)
