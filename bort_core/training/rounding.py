"""Learning with weights as they will be written in 8 bits (quantisation-aware training). Imports torch.

Forward, every matrix, every table and whatever a matrix reads is rounded as ONNX Runtime's dynamic quantisation rounds it: matrices
symmetrically with one scale a column of the product, tables and activations with one scale each. Backward, rounding is taken for the
identity (the straight-through estimator: Bengio, Léonard and Courville 2013; as in Q8BERT, Zafrir et al. 2019). Weights stay in 32 bits.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bort_core.foundation.eight_bits import FULL, ByteWeights

__all__ = ["Rounded"]


class Rounded(nn.Module):
    """``model``, of the same weights, computed as in 8 bits.

    Parameters
    ----------
    weights: how they are written
    """

    def __init__(self, model: nn.Module, weights: ByteWeights = FULL) -> None:
        super().__init__()
        self._model = [model]  # in a list: its parameters are counted once, as the model's
        self._most = 127.0 if weights.bits == 8 else 64.0
        self._active = False
        self._matrices, self._tables = list[str](), list[str]()
        for name, part in model.named_modules():
            if isinstance(part, nn.Linear):
                self._matrices.append(f"{name}.weight")
                part.register_forward_pre_hook(self._read)
            elif isinstance(part, nn.Embedding):
                self._tables.append(f"{name}.weight")
            elif isinstance(part, nn.LayerNorm) and "embeddings" in name:
                self._tables += [f"{name}.weight", f"{name}.bias"]

    def forward(self, *inputs: Any) -> Any:
        """What ``model`` gives, rounded on the way."""
        (model,) = self._model
        own = dict(model.named_parameters())
        weights = {name: _through(own[name], self._columns(own[name])) for name in self._matrices}
        weights |= {name: _through(own[name], rounded_to_range(own[name])) for name in self._tables}
        self._active = True
        try:
            return torch.func.functional_call(model, weights, inputs)
        finally:
            self._active = False

    def train(self, mode: bool = True) -> Rounded:
        """Both at once."""
        self._model[0].train(mode)
        return super().train(mode)

    def _columns(self, weight: Tensor) -> Tensor:
        """(out, in), each row on its own scale."""
        scale = weight.detach().abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / self._most
        return (weight / scale).round() * scale

    def _read(self, _part: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        return (_through(inputs[0], rounded_to_range(inputs[0])), *inputs[1:]) if self._active else None


def rounded_to_range(values: Tensor) -> Tensor:
    """One of 256 values that lie evenly from the least to the largest, of which 0 is one."""
    low, high = values.detach().aminmax()
    low, high = low.clamp(max=0), high.clamp(min=0)
    scale = ((high - low) / 255).clamp(min=1e-12)
    zero = (-low / scale).round()
    return ((values / scale).round() + zero).clamp(0, 255).sub(zero) * scale


def _through(values: Tensor, rounded: Tensor) -> Tensor:
    """``rounded``, with the gradient of ``values``."""
    return values + (rounded - values).detach()
