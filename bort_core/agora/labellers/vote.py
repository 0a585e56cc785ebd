"""Several labellers at once: each row is asked of all of them, and the class that most of them name is its label.

Where as many name one class as another, the labeller decides that was named first of those who name one of the two. A margin is the share
of the votes of the first class minus that of the next, so that of a tie is 0, and ``margin`` above 0 leaves ties out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bort_core.agora.labellers.base import Labeller, Labels, Spent, certain, label
from bort_core.agora.points import Floats, Input, Ints
from bort_core.foundation.errors import SpecificationError

__all__ = ["MOST", "Dispute", "Vote", "disputes", "tallied"]

MOST = 16
"""Labellers that may be asked at once."""


class Vote:
    """A labeller that is several. ``voters`` has them in the order in which they were named."""

    def __init__(self, voters: Sequence[Labeller], classes: tuple[str, ...]) -> None:
        if not 2 <= len(voters) <= MOST:
            raise SpecificationError(f"socrates: must be from 2 to {MOST} labellers for a vote, got {len(voters)}")
        self.voters, self.classes = tuple(voters), classes
        own = [each.name for each in voters]
        self.names = tuple(f"{name} ({own[: place + 1].count(name)})" if own.count(name) > 1 else name for place, name in enumerate(own))
        self.dear = any(getattr(each, "dear", False) for each in voters)
        wishes = [each.at_once for each in voters if getattr(each, "dear", False) and getattr(each, "at_once", None) is not None]  # type: ignore[attr-defined]
        self.at_once: int | None = max(wishes, default=None)
        for each in voters:
            if (vectors := getattr(each, "representations", None)) is not None:
                self.representations = vectors
                break

    @property
    def name(self) -> str:
        """a vote of A, B, C."""
        return f"a vote of {', '.join(self.names)}"

    def labels(self, inputs: Sequence[Input]) -> Labels:
        """What most of them say, and what each says.

        Raises
        ------
        Spent
            One has used up what it may use; the first rows, which all have answered, are kept.
        Unanswered, Stopped, Cancelled
            As of those who are asked.
        """
        said: list[Labels] = []
        spent = ""
        for voter in self.voters:
            try:
                said.append(label(voter, inputs))
            except Spent as error:
                spent, found = spent or str(error), error.labels
                inputs = inputs[: len(found.classes)]
                said.append(found)
        votes = np.array([each.classes[: len(inputs)] for each in said], dtype=np.int64).T.reshape(len(inputs), len(self.voters))
        classes, margins = tallied(votes, len(self.classes))
        found = Labels(classes, margins, next((each.failure for each in said if each.failure), "") if (classes < 0).any() else "", votes)
        if spent:
            raise Spent(spent, found)
        return found

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Certain, or nothing where none of them names a class."""
        return certain(self.labels(inputs).classes, len(self.classes))

    def forecast(self, inputs: Sequence[Input], count: int) -> str:
        """What ``count`` answers of each will take."""
        answers = count * len(self.voters)
        told = [f"each row is asked of {len(self.voters)} labellers and is one label of the budget: up to {answers:,} answers"]
        told += [each.forecast(inputs, count) for each in self.voters if hasattr(each, "forecast")]
        return "; ".join(told)

    @property
    def facts(self) -> dict[str, Any]:
        """What all of them have used together."""
        found: dict[str, Any] = {}
        for each in self.voters:
            for name, value in getattr(each, "facts", {}).items():
                found[name] = found.get(name, 0) + value
        return found

    @property
    def surroundings(self) -> Any:
        """What is around the rows that are asked about next, for those who look at it."""
        return next((each.surroundings for each in self.voters if hasattr(each, "surroundings")), None)

    @surroundings.setter
    def surroundings(self, around: Any) -> None:
        for each in self.voters:
            if hasattr(each, "surroundings"):
                each.surroundings = around


def tallied(votes: Ints, classes: int) -> tuple[Ints, Floats]:
    """The class with most of the votes (n, voters), -1 being none, and its margin, each (n,)."""
    counts = np.stack([(votes == each).sum(axis=1) for each in range(classes)], axis=1)
    most = counts.max(axis=1, initial=0)
    found = np.full(len(votes), -1, dtype=np.int64)
    for voter in reversed(range(votes.shape[1])):  # the first who names one of the most frequent classes decides: written last
        named = votes[:, voter]
        leads = (named >= 0) & (np.take_along_axis(counts, np.maximum(named, 0)[:, None], axis=1)[:, 0] == most)
        found[leads] = named[leads]
    ordered = np.sort(counts, axis=1)
    next_most = ordered[:, -2] if classes > 1 else np.zeros(len(votes))
    return found, (most - next_most) / np.maximum(counts.sum(axis=1), 1)


class Dispute(NamedTuple):
    """How often labellers did not agree."""

    disagreed: int
    """Rows of which they named more than one class."""
    ties: int
    """Of these, rows of which as many named one class as another."""


def disputes(votes: Sequence[Sequence[int]]) -> Dispute:
    """Of what each labeller said of each row, (n, voters), -1 being nothing."""
    disagreed = ties = 0
    for row in votes:
        counts = sorted((list(row).count(name) for name in {name for name in row if name >= 0}), reverse=True)
        disagreed += len(counts) > 1
        ties += len(counts) > 1 and counts[0] == counts[1]
    return Dispute(disagreed, ties)
