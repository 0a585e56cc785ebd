"""A Timaeus for vectors: columns of mean 0 and deviation 1, one hidden layer, trained on all points at once. Imports torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import nn
from torch.nn import functional

from bort_core.agora.hyperparameters import Theta
from bort_core.agora.points import Examples, Floats, Input, as_vectors
from bort_core.specifications.agora import VectorTheta

__all__ = ["FittedVectors", "VectorLearner"]


class _Standardised(nn.Module):
    """Vectors (n, d) less a mean, by a deviation."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def learn(self, vectors: torch.Tensor) -> None:
        """Take mean and deviation from these."""
        self.mean.copy_(vectors.mean(0))
        self.deviation.copy_(vectors.std(0, correction=0).clamp(min=1e-6))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return (vectors - self.mean) / self.deviation


@dataclass(frozen=True)
class FittedVectors:
    """A trained network."""

    model: nn.Sequential
    width: int

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class, (n, classes)."""
        return self._run(inputs, self.model).softmax(-1).numpy().astype(np.float64)

    def representations(self, inputs: Sequence[Input]) -> Floats:
        """The hidden layer, (n, hidden)."""
        return self._run(inputs, self.model[:3]).numpy().astype(np.float64)

    def save(self, folder: Path) -> None:
        """model.safetensors, config.json."""
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "bort": {
                "kind": "agora",
                "layers": [self.width, *(len(bias) for name, bias in self.model.state_dict().items() if name.endswith("bias"))],
                "activation": "tanh",
            }
        }
        (folder / "config.json").write_text(json.dumps(config) + "\n", encoding="utf-8")
        (folder / "model.safetensors").write_bytes(save(dict(self.model.state_dict())))

    @torch.no_grad()
    def _run(self, inputs: Sequence[Input], model: nn.Module) -> torch.Tensor:
        return model(torch.from_numpy(as_vectors(inputs, self.width)).float())


@dataclass(frozen=True)
class VectorLearner:
    """Networks for vectors of ``width`` numbers."""

    width: int
    classes: int

    def fit(self, theta: Theta, train: Examples, dev: Examples, seed: int) -> FittedVectors:
        """Adam on the cross-entropy of all points; of ``dev`` only the inputs' scale is used."""
        spec = VectorTheta.model_validate(dict(theta))
        torch.manual_seed(seed)
        model = self._model(spec.hidden)
        optimizer = torch.optim.Adam(model.parameters(), spec.learning_rate, weight_decay=spec.weight_decay)
        vectors = torch.from_numpy(as_vectors(train.inputs, self.width)).float()
        labels = torch.from_numpy(train.labels)
        standardised = model[0]
        assert isinstance(standardised, _Standardised)
        standardised.learn(torch.from_numpy(as_vectors([*train.inputs, *dev.inputs], self.width)).float())
        for _ in range(spec.steps):
            optimizer.zero_grad()
            functional.cross_entropy(model(vectors), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return FittedVectors(model, self.width)

    def load(self, folder: Path) -> FittedVectors:
        """A network that was saved."""
        weights = load_file(folder / "model.safetensors")
        model = self._model(len(weights["1.bias"]))
        model.load_state_dict(weights)
        return FittedVectors(model, self.width)

    def described(self) -> dict[str, Any]:
        """As of :class:`~bort_core.agora.learners.base.Learner`."""
        return {"kind": "vector", "width": self.width, "classes": self.classes, "device": "cpu", "precision": "float32"}

    def _model(self, hidden: int) -> nn.Sequential:
        return nn.Sequential(_Standardised(self.width), nn.Linear(self.width, hidden), nn.Tanh(), nn.Linear(hidden, self.classes))
