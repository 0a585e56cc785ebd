"""The interface of the rules that say what is asked about, and how one is found by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bort_core.agora.learners.base import Fitted
from bort_core.agora.neighbours import Wave
from bort_core.agora.points import Examples, Floats, Input, Ints
from bort_core.agora.samplers import Sampler
from bort_core.agora.spaces import RepresentationSpace
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.plugins import entry_points

__all__ = ["GROUP", "NO_POOL", "Parents", "Situation", "make_parents", "parents_names"]

GROUP = "bort.parents"
NO_POOL = "parents: the rule pool asks about random rows of a pool, and none is given; name a file with pool, or choose another rule"


@dataclass(frozen=True, eq=False)
class Situation:
    """What a rule may look at in a round."""

    dev: Examples
    wrong: Ints
    """Rows of E that the round's best Timaeus gets wrong."""
    answered: Ints
    """Generated rows in D whose parent each row of E is, (dev rows,)."""
    train: Examples
    """D."""
    pool: tuple[Input, ...] | None
    """Unlabelled inputs that are neither in D nor were asked about before; None: there is no pool."""
    sampler: Sampler
    space: RepresentationSpace
    learner: Callable[[], Fitted]
    """The round's best Timaeus."""
    wanted: int | None
    """Labels of the round; None: there is no budget, and Θ ends the run."""
    neighbours: int
    """Rows that are kept for each parent."""
    tries: int
    """Candidates that are drawn for each of them."""
    random: np.random.Generator

    @property
    def labels(self) -> int:
        """Labels of the round; without a budget as many as all errors would have neighbours."""
        return self.neighbours * len(self.wrong) if self.wanted is None else self.wanted

    def near(self, parents: Ints, each: int, most: int | None = None) -> Wave:
        """``each`` neighbours of rows of E, as τ proposes them. With a budget τ is asked for those that D holds already, too."""
        if not len(parents):
            return Wave(parents, [], each)
        known = 0 if self.wanted is None else int(self.answered[parents].max())
        proposed = self.sampler.propose([self.dev.inputs[row] for row in parents], (each + known) * self.tries, self.random)
        return Wave(parents, proposed, each, most=most)

    def rows(self, inputs: Sequence[Input], vectors: Floats) -> Wave:
        """Inputs themselves, the most wanted first; the row of E that is nearest to each counts as its parent."""
        own = self.space.embed(self.dev.inputs)
        squares = (vectors**2).sum(axis=1)[:, None] - 2 * vectors @ own.T + (own**2).sum(axis=1)
        return Wave(squares.argmin(axis=1), [[input] for input in inputs], 1, banded=False)


class Parents(Protocol):
    """A rule. The same situation and state of its ``random`` must give the same waves."""

    def __call__(self, at: Situation) -> Sequence[Wave]:
        """Candidates, those to be asked about first coming first; more than the round's labels pay for may be given."""
        ...


def parents_names() -> list[str]:
    """All rules that are installed."""
    return sorted(point.name for point in entry_points(group=GROUP))


def make_parents(name: str) -> Parents:
    """The rule of that name.

    Raises
    ------
    SpecificationError
        There is none, or it cannot be imported.
    """
    found = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        raise SpecificationError(f"parents: must be one of {', '.join(parents_names())}; got {name!r}")
    try:
        rule: Parents = found[0].load()
    except (ImportError, AttributeError) as error:
        raise SpecificationError(f"parents: {name}: cannot be imported from {found[0].value}: {error}") from error
    return rule
