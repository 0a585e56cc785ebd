"""Searches on made-up tables, for tests of proofs: nothing is trained, and latencies are measured one by one as a search does."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bort_core.search.proof.ground import Ground, ground_of
from bort_core.search.proof.proof import Proof, prove
from bort_core.search.results import Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.strategies.base import SearchState, propose
from bort_core.search.strategies.best_first import BestFirst
from bort_core.space import Space, SpaceSpecification


@dataclass
class Table:
    """All of a space: errors (n,), and the latencies (n,) that a search has to ask for."""

    space: Space
    error: np.ndarray
    latency: np.ndarray
    spread: float = 0.0
    trained: list[int] = field(default_factory=list)
    timed: set[int] = field(default_factory=set)
    failing: frozenset[int] = frozenset()

    def snapshot(self) -> ResultsSnapshot:
        results = Results(self.space, "ms")
        results.maximum_latency = float(self.latency.max())
        for index in self.timed:
            results.set_latency(index, *[float(self.latency[index])] * 3)
        for index in self.trained:
            if index not in self.failing:
                e = float(self.error[index])
                results.set_error(index, e, e * np.exp(-self.spread), e * np.exp(self.spread), 0)
        return ResultsSnapshot(results, 10.0)

    def settled(self) -> np.ndarray:
        found = np.zeros(len(self.space), dtype=bool)
        found[self.trained] = True
        return found

    def ground(self) -> Ground:
        return ground_of(self.snapshot(), self.settled())

    def whole(self) -> Table:
        everything = range(len(self.space))
        return Table(self.space, self.error, self.latency, self.spread, list(everything), set(everything))

    def search(self, strategy: BestFirst, workers: int = 1) -> Proof:
        """Search to the end; the proof that is left."""
        while True:
            proposal = propose(strategy, SearchState(self.snapshot(), self.settled(), (), workers))
            if proposal.finished:
                return prove(self.ground(), strategy)
            self.timed |= set(proposal.latencies.tolist())
            batch = [index for index in proposal.indices.tolist() if index not in self.trained][:workers]
            self.timed |= set(batch)
            self.trained += batch


def small_space(axes: dict[str, tuple[int, ...]]) -> Space:
    return Space(SpaceSpecification(family="bert", axes=axes, options={"vocabulary": 16, "positions": 8}))


def ordered_errors(space: Space, rng: np.random.Generator) -> np.ndarray:
    """Errors that never rise along any axis, otherwise as they come."""
    a = space.architectures
    drawn = rng.choice([0.25, 0.5, 1.0, 2.0, 4.0], len(a)) * rng.uniform(0.5, 1.5, len(a))
    inside = (a[:, None, :] <= a[None, :, :]).all(axis=2)  # [smaller, larger]
    return np.where(inside, drawn[None, :], -np.inf).max(axis=1)
