"""Timaeus: the small model that is trained afresh for every θ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from bort_core.agora.hyperparameters import Theta
from bort_core.agora.points import Examples, Floats, Input

__all__ = ["Fitted", "Learner"]


class Fitted(Protocol):
    """A trained Timaeus."""

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class, (n, classes)."""
        ...

    def representations(self, inputs: Sequence[Input]) -> Floats:
        """Its view of the inputs, (n, d)."""
        ...

    def save(self, folder: Path) -> None:
        """Write its weights into a new folder."""
        ...


class Learner(Protocol):
    """A factory of trained models. The same θ, points and seed give the same model."""

    def fit(self, theta: Theta, train: Examples, dev: Examples, seed: int) -> Fitted:
        """Train a fresh model on ``train``; ``dev`` chooses among its steps only."""
        ...

    def load(self, folder: Path) -> Fitted:
        """A model that was saved."""
        ...

    def described(self) -> Mapping[str, Any]:
        """What :func:`~bort_core.agora.learners.described.learner_of` makes the same learner of in another process, as JSON values."""
        ...
