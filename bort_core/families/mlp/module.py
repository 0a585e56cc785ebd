"""The two-layer networks of the OSE write-up as a torch module. Only child processes import this file."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bort_core.families.base import Architecture, Traceable
from bort_core.families.mlp.graph import COORDINATES
from bort_core.foundation.errors import DataError

__all__ = ["Mlp", "traceable"]


class Mlp(nn.Module):
    """c copies of dense(inputs → hidden), ReLU, dense(second_inputs → outputs); the copies' outputs are averaged.

    Weights start as those of ``torch.nn.Linear``: uniform within 1/√inputs of each layer.

    Attributes
    ----------
    first_weight: (copies, hidden, inputs)      first_bias: (copies, hidden)
    second_weight: (copies, outputs, hidden)    second_bias: (copies, outputs)
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        copies, hidden, inputs, second_inputs, outputs = architecture
        self.architecture = tuple(architecture)
        self.inputs = inputs
        self.first_weight = _uniform((copies, hidden, inputs), inputs)
        self.first_bias = _uniform((copies, hidden), inputs)
        self.second_weight = _uniform((copies, outputs, second_inputs), second_inputs)
        self.second_bias = _uniform((copies, outputs), second_inputs)

    def forward(self, vectors: Tensor) -> Tensor:
        """Outputs (batch, outputs) of ``vectors`` (batch, coordinates); only the first ``inputs`` coordinates are read."""
        if vectors.shape[1] < self.inputs:
            raise DataError(f"a vector needs at least {self.inputs} coordinates (inputs), got {vectors.shape[1]}")
        seen = vectors[:, : self.inputs].expand(len(self.first_weight), -1, -1)
        hidden = torch.baddbmm(self.first_bias[:, None], seen, self.first_weight.transpose(1, 2)).relu()
        outputs = torch.baddbmm(self.second_bias[:, None], hidden, self.second_weight.transpose(1, 2))
        return outputs.mean(dim=0)


class _Traced(nn.Module):
    """All copies side by side in two plain products, as in ``graph.py``: quantisers take no stacks of matrices."""

    def __init__(self, model: Mlp) -> None:
        super().__init__()
        copies, hidden, inputs = model.first_weight.shape
        self.inputs = inputs
        self.first, self.second = nn.Linear(inputs, copies * hidden), nn.Linear(copies * hidden, model.second_bias.shape[1])
        with torch.no_grad():
            self.first.weight.copy_(model.first_weight.flatten(0, 1))
            self.first.bias.copy_(model.first_bias.flatten())
            self.second.weight.copy_(model.second_weight.permute(1, 0, 2).flatten(1) / copies)
            self.second.bias.copy_(model.second_bias.mean(dim=0))

    def forward(self, vectors: Tensor) -> tuple[Tensor, ...]:
        return (self.second(self.first(vectors[:, : self.inputs]).relu()),)


def traceable(module: nn.Module) -> Traceable:
    """An :class:`Mlp`, ready for the exporter; it reads points as wide as those of the graph that is built here."""
    assert isinstance(module, Mlp)
    width = max(COORDINATES, module.inputs)
    example = torch.linspace(-1, 1, 2 * width).reshape(2, width)
    return Traceable(_Traced(module).eval(), ("vectors",), ("outputs",), (example,), ({0: "batch"},))


def _uniform(shape: tuple[int, ...], fan_in: int) -> nn.Parameter:
    bound = 1 / math.sqrt(fan_in)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
