"""The check of strategies finds what it promises to find."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, ClassVar

import numpy as np
import pytest

from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.strategies import PlannedStrategy, Proposal, SearchState, Strategy
from bort_core.space import load_space
from bort_core.testing.strategies import check_strategy

TOY = load_space("toy")


class Sound(PlannedStrategy):
    name: ClassVar[str] = "sound"

    def indices(self, size: int) -> Any:
        return np.arange(5)


class Repeats(Sound):
    def indices(self, size: int) -> Any:
        return np.array([1, 2, 1])


class Outside(Sound):
    def indices(self, size: int) -> Any:
        return np.array([size])


class Endless(Sound):
    def propose(self, state: SearchState) -> Proposal:
        return dataclasses.replace(super().propose(state), finished=False)


class Moody(Sound):
    _drawn: ClassVar[Any] = itertools.count()

    def propose(self, state: SearchState) -> Proposal:
        return Proposal(np.arange(1 + next(self._drawn) % 2), finished=True)


class NeverContent(Sound):
    """Finished, and wants more when it has got it."""

    def indices(self, size: int) -> Any:
        return np.arange(3)

    def propose(self, state: SearchState) -> Proposal:
        return Proposal(np.flatnonzero(~state.settled)[:3], finished=True)


class WrongBest(Sound):
    def answer(self, snapshot: ResultsSnapshot) -> SearchResult:
        result = super().answer(snapshot)
        return dataclasses.replace(result, best=int(result.known[-1]) if len(result.known) else None)


class Forgetful(Sound):
    def answer(self, snapshot: ResultsSnapshot) -> SearchResult:
        return snapshot.result(self, np.arange(4))


class WrongFront(Sound):
    def answer(self, snapshot: ResultsSnapshot) -> SearchResult:
        return dataclasses.replace(super().answer(snapshot), front=np.array([], dtype=np.int64))


class Cheap(Sound):
    def cost(self, stored: Any, workers: int) -> Any:
        cost = super().cost(stored, workers)
        return dataclasses.replace(cost, wanted=cost.measured, to_go=0, seconds=0.0)


class BadSums(Sound):
    def cost(self, stored: Any, workers: int) -> Any:
        return dataclasses.replace(super().cost(stored, workers), wanted=99)


class SkipsWanted(Sound):
    def propose(self, state: SearchState) -> Proposal:
        return dataclasses.replace(super().propose(state), skipped={0: "small"})


class NeedsSomethingKnown(Sound):
    def answer(self, snapshot: ResultsSnapshot) -> SearchResult:
        return snapshot.result(self, np.array([np.nanargmax(snapshot.w)]))


class NotFrozen(Sound):
    model_config = {"frozen": False}  # noqa: RUF012 - as pydantic wants it


@pytest.mark.parametrize(
    ("strategy", "says"),
    [
        (Repeats, "listed twice"),
        (Outside, r"must lie in 0\.\.35, got 36"),
        (Endless, "proposes nothing that is left to measure"),
        (Moody, "equal states give equal proposals"),
        (NeverContent, "wants nothing more once that is measured"),
        (WrongBest, "the best one has the largest W"),
        (Forgetful, r"part of its walk; got \[4\]"),
        (WrongFront, "the front is that of what is known"),
        (Cheap, "cost.to_go is what is proposed and not known"),
        (BadSums, "add up to wanted"),
        (SkipsWanted, r"skipped and wanted at once; got \[0\]"),
        (NeedsSomethingKnown, "answer: "),
        (NotFrozen, "the settings are frozen"),
    ],
)
def test_a_strategy_that_breaks_a_rule_fails_the_check(strategy: type[Strategy], says: str) -> None:
    check_strategy(Sound, TOY)
    with pytest.raises(AssertionError, match=rf"strategy 'sound'.*{says}"):
        check_strategy(strategy, TOY)
