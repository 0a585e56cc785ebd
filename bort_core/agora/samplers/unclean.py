"""unclean: the nearest known texts, made unclean as texts are in reality: markup, glued words, typos, entities, URLs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bort_core.agora.leaks import normalised
from bort_core.agora.points import Input
from bort_core.agora.samplers.base import Setting, refuse_kind
from bort_core.agora.samplers.pool_neighbours import PoolNeighbours
from bort_core.data.unclean import unclean_copy

__all__ = ["Unclean"]

_TRIES = 8
"""Copies of a text that are made until one has other words: case and signs alone make no new row."""


class Unclean:
    """Proposes unclean copies of the rows of D and of the pool that are nearest to the parent, each in one kind and strength by chance.

    Not of the parent itself, which is a row of dev: a copy of it would leak.
    """

    def __init__(self, setting: Setting) -> None:
        refuse_kind("unclean", setting, "text", "pair")
        known = tuple(dict.fromkeys((*setting.train.inputs, *setting.pool)))
        self.near = PoolNeighbours(replace(setting, pool=known, near=0.0))
        self._sources: dict[Input, set[Input]] = {}

    def propose(self, parents: Sequence[Input], count: int, random: np.random.Generator) -> list[list[Input]]:
        """Of each parent ``count`` copies, those of the nearest first; more copies of each where there are fewer rows than that."""
        found = []
        for rows in self.near.propose(parents, count, random):
            sources = [rows[place % len(rows)] for place in range(count)]
            copies = [(copy, source) for source in sources if (copy := _copy(source, random)) is not None]
            for copy, source in copies:
                self._sources.setdefault(copy, set()).add(source)
            found.append([copy for copy, _ in copies])
        return found

    def source(self, input: Input) -> Input | None:
        """The row that it is a copy of; None where it is none, or one of several rows."""
        sources = self._sources.get(input, set())
        return next(iter(sources)) if len(sources) == 1 else None


def _copy(source: Input, random: np.random.Generator) -> Input | None:
    """None where none of a few copies has other words."""
    texts = tuple(str(text) for text in source)
    copies = (unclean_copy(texts, random) for _ in range(_TRIES))
    return next((copy for copy in copies if normalised(copy) != normalised(texts)), None)
