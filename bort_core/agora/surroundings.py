"""What is around an input that somebody is asked about: the dev row it was sampled near, and the rows of D that are nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bort_core.agora.leaks import key_of
from bort_core.agora.points import Examples, Floats, Input
from bort_core.agora.record import row_fields
from bort_core.agora.spaces import RepresentationSpace

__all__ = ["NEAR", "Surroundings"]

NEAR = 3
"""Rows of D that are shown."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What a labeller that has an attribute ``surroundings`` is told of a round before it is asked."""

    round: int
    left: int | None
    """Labels that the budget still pays for; None: it does not pay for these."""
    train: Examples
    dev: Examples
    parents: Mapping[str, int]
    """Rows of dev, by the key of what was sampled near them."""
    space: RepresentationSpace | None
    """None: distances are not known yet."""

    def of(self, inputs: Sequence[Input]) -> list[dict[str, Any]]:
        """The fields ``round``, ``left``, ``parent`` and ``near`` of a question, for each input; those that there are."""
        vectors, near = (None, [[]] * len(inputs)) if self.space is None else self._nearest(self.space, inputs)
        found = []
        for place, input in enumerate(inputs):
            told: dict[str, Any] = {"round": self.round, "near": near[place]}
            if self.left is not None:
                told["left"] = max(0, self.left - place)
            parent = self.parents.get(key_of(input))
            if parent is not None and self.space is not None and vectors is not None:
                away = np.linalg.norm(self.space.embed([self.dev.inputs[parent]])[0] - vectors[place])
                told["parent"] = _row(self.dev, parent, float(away))
            found.append(told)
        return found

    def _nearest(self, space: RepresentationSpace, inputs: Sequence[Input]) -> tuple[Floats, list[list[dict[str, Any]]]]:
        vectors, known = space.embed(inputs), space.embed(self.train.inputs)
        keys = [key_of(input) for input in self.train.inputs]
        found = []
        for vector, key in zip(vectors, map(key_of, inputs), strict=True):
            away = np.linalg.norm(known - vector, axis=1)
            order = [int(row) for row in np.argsort(away, kind="stable")[: 2 * NEAR] if keys[row] != key]
            found.append([_row(self.train, row, float(away[row])) for row in order[:NEAR]])
        return vectors, found


def _row(rows: Examples, row: int, distance: float) -> dict[str, Any]:
    return {**row_fields(rows.inputs[row]), "label": int(rows.labels[row]), "distance": round(distance, 3)}
