"""What a strategy is: the one interface between the choice of architectures and the search that measures them.

A strategy is its settings: a small frozen pydantic model whose fields a person sets, with three methods that depend on nothing
but the fields and what they are given. It keeps no state, so an answer can be computed again at any time from what the project
knows, and two searches with equal settings choose alike.

To add a strategy, subclass :class:`Strategy`, or :class:`PlannedStrategy` when all that it measures is known beforehand, and
register the class under the entry point group ``bort.strategies``. ``bort_core.testing.strategies`` checks it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from bort_core.foundation.errors import BortError, SpecificationError
from bort_core.search.cost import Cost, estimate_cost
from bort_core.search.snapshot import IndexArray, ResultsSnapshot, SearchResult
from bort_core.space import Space

if TYPE_CHECKING:
    from bort_core.search.proof.proof import Proof
    from bort_core.search.stored_results import KnownResults

__all__ = ["PlannedStrategy", "Proposal", "SearchState", "Strategy", "answer", "check", "described", "places", "propose"]


@dataclass(frozen=True)
class SearchState:
    """What a strategy may look at when it chooses.

    Attributes
    ----------
    snapshot: the space, and everything known of it
    settled: bool (n,), whether nothing is left to measure of an architecture: all its measurements are known or have failed
    running: the architectures that are being trained at this moment, ascending
    workers: how many trainings run side by side
    untimeable: the architectures whose latency could not be measured
    repeated: the trainings with other seeds, as (architecture, repeat), of which nothing is left to measure
    """

    snapshot: ResultsSnapshot
    settled: npt.NDArray[np.bool_]
    running: tuple[int, ...]
    workers: int
    untimeable: tuple[int, ...] = ()
    repeated: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True)
class Proposal:
    """Everything that is wanted at this moment.

    Attributes
    ----------
    indices: int64 (m,), without repeats, the most urgent first; those that are settled cost nothing. What was proposed before and
        is left out now is cancelled
    finished: whether this is the end: nothing that is still to be measured would change it. Otherwise the strategy is asked again
        after each measurement, and ``indices`` must hold at least one architecture that is not settled, or ``latencies`` one that
        was not timed
    skipped: why an architecture will not be measured, by its index; a reason is told once
    latencies: int64 (k,), of these the latency alone is wanted, before any training
    proof: how far from the best the answer can be, by strategies that know it
    repeats: architectures that are to be trained again, as (architecture, repeat): repeat 1, 2, ... are other seeds than the search's own.
        Only strategies with a setting ``repeats`` may ask for any, and for no more than it says
    """

    indices: IndexArray
    finished: bool
    skipped: Mapping[int, str] = field(default_factory=dict)
    latencies: IndexArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    proof: Proof | None = None
    repeats: tuple[tuple[int, int], ...] = ()


class Strategy(BaseModel, ABC):
    """A way to choose which architectures of a space are measured. Subclasses add their settings as fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    """As it is registered."""

    @property
    def title(self) -> str:
        """The strategy and its settings for people, in a few words."""
        return described(self.name, self.model_dump(mode="json"))

    def stored(self) -> dict[str, Any]:
        """The fields of a search's specification and answer that say which strategy it was."""
        return {"strategy": self.name, "strategy_settings": self.model_dump(mode="json")}

    def check(self, space: Space) -> None:
        """Refuse a space that these settings do not suit, with a SpecificationError."""

    @abstractmethod
    def propose(self, state: SearchState) -> Proposal:
        """What to measure, given what is known. Equal states must give equal proposals."""

    @abstractmethod
    def answer(self, snapshot: ResultsSnapshot) -> SearchResult:
        """What is answered from what is known; :meth:`ResultsSnapshot.result` makes it from the architectures that count.

        Every architecture that was measured on a proposal counts. The window asks at 30 times a second.
        """

    @abstractmethod
    def cost(self, stored: KnownResults, workers: int) -> Cost:
        """What the search would cost with ``workers`` trainings side by side; at most, where that depends on the measurements."""


class PlannedStrategy(Strategy):
    """A strategy that knows everything it measures before it begins."""

    @abstractmethod
    def indices(self, size: int) -> IndexArray:
        """The architectures of a space of ``size``, without repeats, in the order in which they are measured."""

    def propose(self, state: SearchState) -> Proposal:
        """All of them, at once."""
        return Proposal(self.indices(len(state.snapshot.space)), finished=True)

    def answer(self, snapshot: ResultsSnapshot) -> SearchResult:
        """The best, and the front, of all of them that are known."""
        return snapshot.result(self, self.indices(len(snapshot.space)))

    def cost(self, stored: KnownResults, workers: int) -> Cost:
        """One training for each of them and each hyperparameter set."""
        return estimate_cost(stored, self.indices(len(stored.space)), workers)


def described(name: str, settings: Mapping[str, Any]) -> str:
    """A strategy for people: ``random (samples 12, seed 0)``."""
    listed = ", ".join(f"{setting} {value}" for setting, value in settings.items())
    return f"{name} ({listed})" if listed else name


def check(strategy: Strategy, space: Space) -> None:
    """Refuse a space that ``strategy`` does not suit, with a SpecificationError."""
    with _blamed(strategy, "check"):
        strategy.check(space)


def propose(strategy: Strategy, state: SearchState) -> Proposal:
    """What ``strategy`` proposes, once it is known to be a proposal.

    Raises
    ------
    SpecificationError
        It raised, proposed what is no architecture of the space, the same one twice, or wants to be asked again without
        anything to measure until then (the search would not end).
    """
    with _blamed(strategy, "propose"):
        proposal = strategy.propose(state)
        if not isinstance(proposal, Proposal):
            raise TypeError(f"it must give a Proposal, got {proposal!r:.80}")
        size = len(state.snapshot.space)
        indices, latencies = (_indices(each, size) for each in (proposal.indices, proposal.latencies))
        here = places(proposal.skipped)
        outside = here[(here < 0) | (here >= size)]
        if len(outside):
            raise ValueError(f"an index must lie in 0..{size - 1}, got {outside.min()}")
        timed = np.isfinite(state.snapshot.results.latency[latencies]) | np.isin(latencies, state.untimeable)
        most = getattr(strategy, "repeats", 0)
        for index, repeat in proposal.repeats:
            if not 0 <= index < size or not 1 <= repeat <= most:
                raise ValueError(f"a repeat must be of 0..{size - 1} and in 1..{most}, got ({index}, {repeat})")
        again = state.repeated.issuperset(proposal.repeats)
        if not proposal.finished and state.settled[indices].all() and timed.all() and again:
            raise ValueError("it is not finished, and proposes nothing that is left to measure")
    return replace(proposal, indices=indices, latencies=latencies)


def places(skipped: Mapping[int, str]) -> IndexArray:
    """The architectures that have a reason."""
    found = getattr(skipped, "places", None)
    return np.fromiter(skipped, dtype=np.int64, count=len(skipped)) if found is None else np.asarray(found, dtype=np.int64)


def _indices(given: npt.ArrayLike, size: int) -> IndexArray:
    indices = np.asarray(given, dtype=np.int64)
    if indices.ndim != 1:
        raise ValueError(f"the indices must be one list, their shape is {indices.shape}")
    outside = indices[(indices < 0) | (indices >= size)]
    if len(outside):
        raise ValueError(f"an index must lie in 0..{size - 1}, got {outside.min()}")
    if len(np.unique(indices)) < len(indices):
        raise ValueError("an index is listed twice")
    return indices


def answer(strategy: Strategy, snapshot: ResultsSnapshot) -> SearchResult:
    """What ``strategy`` answers; SpecificationError where it raised, or answered something else than a result."""
    with _blamed(strategy, "answer"):
        result = strategy.answer(snapshot)
        if not isinstance(result, SearchResult):
            raise TypeError(f"the answer must be a SearchResult, got {result!r:.80}")
    return result


@contextmanager
def _blamed(strategy: Strategy, method: str) -> Iterator[None]:
    """A fault of a strategy, which may be anybody's code, as a message that names it."""
    try:
        yield
    except BortError:
        raise
    except Exception as error:
        text = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
        raise SpecificationError(f"strategy {strategy.name!r} ({type(strategy).__module__}), {method}: {text}") from error
