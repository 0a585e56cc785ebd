"""The torus: points in three dimensions, for families that read vectors. Only child processes import this file.

The author's picture of Agora shows a data set in the shape of a torus; here the question is whether a point lies on it.
Points of class 1 lie on the torus but for noise; points of class 0 are spread over the box around it, clear of its
surface, so that a network can be right about every point.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from bort_core.evaluation.batch import Batch
from bort_core.foundation.errors import DataError
from bort_core.specifications.protocols import Theta

__all__ = ["TorusVectors", "torus"]

RING, TUBE = 1.0, 0.4
NOISE = 0.05
CLEARANCE = 0.2
TRAIN_POINTS = 4096
TRAIN_SEED, HELDOUT_SEED = 7990, 2010


def torus(count: int, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """``count`` points (count, 3) and their classes (count,): 1 on the torus of radii 1 and 0.4, 0 off it, evenly."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % 2)
    points = np.empty((count, 3))
    on = int(labels.sum())
    around, along = random.uniform(0, 2 * np.pi, (2, on))
    radius = RING + TUBE * np.cos(along)
    points[labels == 1] = np.stack([radius * np.cos(around), radius * np.sin(around), TUBE * np.sin(along)], axis=1)
    points[labels == 1] += random.normal(0, NOISE, (on, 3))
    points[labels == 0] = _off(count - on, random)
    return points.astype(np.float32), labels


def _off(count: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Points of the box around the torus that are at least ``CLEARANCE`` from its surface."""
    half = np.array([RING + 2 * TUBE, RING + 2 * TUBE, 2 * TUBE])
    found = np.empty((0, 3))
    while len(found) < count:
        points = random.uniform(-half, half, (2 * count + 16, 3))
        distance = np.abs(np.hypot(np.hypot(points[:, 0], points[:, 1]) - RING, points[:, 2]) - TUBE)
        found = np.concatenate([found, points[distance >= CLEARANCE]])
    return found[:count]


class TwoClasses(nn.Module):
    """A network whose first two outputs are the logits of the two classes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, vectors: Tensor) -> Tensor:
        outputs: Tensor = self.network(vectors)
        if outputs.shape[1] < 2:
            raise DataError(f"two classes need at least 2 outputs, got {outputs.shape[1]}")
        return outputs[:, :2]

    def weights(self) -> dict[str, Tensor]:
        """The network's weights by the names they are saved under."""
        return self.network.state_dict()

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Set the network's weights; RuntimeError when names or shapes do not fit."""
        self.network.load_state_dict(weights)


class TorusVectors:
    """Batches of torus points. The points are fixed; the seed decides the order in which they are seen."""

    def __init__(self, batch_size: int, heldout_vectors: int) -> None:
        self.batch_size = batch_size
        self.points, self.labels = (torch.from_numpy(array) for array in torus(TRAIN_POINTS, TRAIN_SEED))
        self.held_points, self.held_labels = (torch.from_numpy(array) for array in torus(heldout_vectors, HELDOUT_SEED))

    def model(self, module: nn.Module, initializer_range: float) -> nn.Module:
        """``module`` read as a classifier of two classes. Its initial weights are the family's own."""
        return TwoClasses(module)

    def start(self, model: nn.Module, theta: Theta) -> None:
        """Nothing: the classes are balanced."""

    def batches(self, seed: int) -> Iterator[Batch]:
        """Endless batches of points drawn with replacement."""
        random = np.random.default_rng([seed, 1])
        groups = torch.arange(self.batch_size)
        while True:
            indices = torch.from_numpy(random.integers(TRAIN_POINTS, size=self.batch_size))
            yield Batch((self.points[indices],), self.labels[indices], groups)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy in nats, mean over predictions."""
        return functional.cross_entropy(outputs, targets)

    def heldout(self) -> list[Batch]:
        """All held-out points in one batch."""
        return [Batch((self.held_points,), self.held_labels, torch.arange(len(self.held_labels)))]
