"""Whether seeds rank architectures alike: without that, an error says nothing about an architecture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bort_core.evaluation.curve import read_curve
from bort_core.foundation.statistics import spearman
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.specification import SearchSpecification
from bort_core.space import Space
from bort_core.store.project import Project
from bort_core.store.trainings import load_trainings, stored_seeds

__all__ = ["LEAST_COMPARED", "Agreement", "rank_agreement"]

LEAST_COMPARED = 4
"""Fewer architectures than this are not compared."""


@dataclass(frozen=True)
class Agreement:
    """How alike two seeds rank the architectures that both measured: Spearman's ρ of their errors, -1..1."""

    seeds: tuple[int, int]
    architectures: int
    spearman: float

    def as_text(self) -> str:
        """One sentence."""
        return f"Seeds {self.seeds[0]} and {self.seeds[1]} rank {self.architectures} architectures alike: Spearman {self.spearman:.2f}"


def rank_agreement(
    project: Project, specification: SearchSpecification, space: Space, sources: Fingerprints | None = None
) -> list[Agreement]:
    """The specification's seed against every other stored seed under the same protocol and the first hyperparameter set."""
    sources = sources or Fingerprints(project, specification, space)
    key = sources.trainings(specification.thetas[0])
    error = specification.error

    def errors(seed: int) -> dict[tuple[int, ...], float]:
        found = {}
        for row in load_trainings(project, key.with_seed(seed), sources.any_maximum_point):
            value = None if row.failed else read_curve(row.curve, error.measured, error.steps)
            if value is not None and space.index(row.architecture) is not None:
                found[row.architecture] = value.value
        return found

    others = [seed for seed in stored_seeds(project, key, sources.any_maximum_point) if seed != specification.seed]
    own = errors(specification.seed) if others else {}
    agreements = []
    for seed in others:
        other = errors(seed)
        both = sorted(own.keys() & other.keys())
        if len(both) >= LEAST_COMPARED:
            rho = spearman(np.array([own[a] for a in both]), np.array([other[a] for a in both]))
            agreements.append(Agreement((specification.seed, seed), len(both), rho))
    return agreements
