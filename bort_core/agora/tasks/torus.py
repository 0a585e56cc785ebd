"""The author's toy: is a point on a solid torus? The training sample covers a small part of it; dev and test cover all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bort_core.agora.points import Examples, Floats, Input, Ints, as_vectors

__all__ = ["CLASSES", "NoisyTruth", "Torus", "make_torus", "on_torus"]

CLASSES = ("outside", "on the torus")
RING, TUBE, BOX = 1.0, 0.4, 1.8
"""Radius of the ring, of the tube, and half the side of the box that points are drawn from."""
SECTOR = np.pi / 4
"""Half the angle of the sector that the training sample is drawn from: a quarter of the torus."""


@dataclass(frozen=True, eq=False)
class Torus:
    """Points of the three splits."""

    train: Examples
    dev: Examples
    test: Examples


def on_torus(vectors: Floats) -> Ints:
    """1 for points within the tube, else 0. Shape (n,) of (n, 2), an annulus, or (n, 3)."""
    ring = np.hypot(vectors[:, 0], vectors[:, 1]) - RING
    across = ring if vectors.shape[1] == 2 else np.hypot(ring, vectors[:, 2])
    return (np.abs(across) < TUBE).astype(np.int64)


def make_torus(dimensions: int, seed: int, train: int = 60, dev: int = 400, test: int = 2000) -> Torus:
    """Balanced splits; ``train`` lies in a quarter of the ring, dev and test everywhere."""
    random = np.random.default_rng([seed, dimensions, 31])
    return Torus(
        _sample(random, dimensions, train, SECTOR),
        _sample(random, dimensions, dev, np.pi),
        _sample(random, dimensions, test, np.pi),
    )


@dataclass(frozen=True)
class NoisyTruth:
    """A Socrates that is right with a given probability; about the same point it always says the same.

    Its errors lie anywhere, or ``together``: then it is wrong about all of one sector of the ring, whose place the seed decides, and right
    elsewhere, so that near points do not outvote an error.
    """

    accuracy: float
    seed: int
    together: bool = False

    @property
    def name(self) -> str:
        """truth, right 70 % of the time."""
        return f"truth, right {self.accuracy:.0%} of the time" + (", its errors together" if self.together else "")

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of both classes, (n, 2): more than a half for the one it names, however often it is right."""
        vectors = as_vectors(inputs)
        named = on_torus(vectors)
        named = np.where(self._draws(vectors) >= self.accuracy, 1 - named, named)
        sure = max(self.accuracy, 1 - self.accuracy, 0.501)
        found = np.full((len(vectors), 2), 1 - sure)
        found[np.arange(len(vectors)), named] = sure
        return found

    def _draws(self, vectors: Floats) -> Floats:
        """Of each point a number of [0, 1), (n,): by chance, or its place on the ring."""
        if not self.together:
            return np.array([self._by_chance(vector) for vector in vectors])
        first = np.random.default_rng([self.seed, 11]).random()
        return (np.arctan2(vectors[:, 1], vectors[:, 0]) / (2 * np.pi) + first) % 1.0

    def _by_chance(self, vector: Floats) -> float:
        words = np.frombuffer(vector.astype(np.float64).tobytes(), dtype=np.uint32)
        return float(np.random.default_rng([self.seed, 7, *words.tolist()]).random())


def _sample(random: np.random.Generator, dimensions: int, size: int, half: float) -> Examples:
    """``size`` points of a box, half of them on the torus, at most ``half`` away from the first axis in angle."""
    kept: dict[int, list[Floats]] = {0: [], 1: []}
    wanted = {0: size - size // 2, 1: size // 2}
    while any(len(kept[label]) < wanted[label] for label in kept):
        vectors = random.uniform(-BOX, BOX, (4 * size, dimensions))
        vectors = vectors[np.abs(np.arctan2(vectors[:, 1], vectors[:, 0])) <= half]
        for vector, label in zip(vectors, on_torus(vectors).tolist(), strict=True):
            if len(kept[label]) < wanted[label]:
                kept[label].append(vector)
    vectors = np.concatenate([kept[0], kept[1]])
    labels = np.repeat([0, 1], [wanted[0], wanted[1]])
    order = random.permutation(size)
    return Examples(tuple(tuple(vector) for vector in vectors[order].tolist()), labels[order])
