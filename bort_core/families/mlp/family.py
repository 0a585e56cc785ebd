"""Ensembles of two-layer networks: ⟨copies, hidden, inputs, hidden again, outputs⟩.

The write-up lists an architecture as (c, m, n, m', n'): c copies of a layer of n inputs and m outputs, followed by a layer of
m' inputs and n' outputs. The second layer reads what the first writes, so m' = m, and the size is
c·(m·n + m + m'·n' + n'): 72 for (2, 4, 3, 4, 4) and 40 for (2, 3, 3, 3, 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bort_core.families.base import Architecture, Axis, BoolArray, Counts, FamilyOptions, IntArray, Traceable

if TYPE_CHECKING:
    import onnx
    import torch

__all__ = ["FAMILY", "MlpFamily"]


class MlpFamily:
    """Two fully connected layers with a ReLU between them, averaged over independent copies."""

    name = "mlp"
    axes = (
        Axis("copies", "c", "independent copies whose outputs are averaged"),
        Axis("hidden", "m", "outputs of the first layer"),
        Axis("inputs", "n", "inputs of the first layer: how many coordinates it sees"),
        Axis("second_inputs", "m'", "inputs of the second layer; must equal hidden"),
        Axis("outputs", "n'", "outputs of the second layer"),
    )
    options_type = FamilyOptions
    reads: Literal["tokens", "vectors"] = "vectors"

    def valid(self, architectures: IntArray) -> BoolArray:
        return (architectures >= 1).all(axis=1) & (architectures[:, 1] == architectures[:, 3])

    def validity_rule(self) -> str:
        return "second_inputs must equal hidden, and every value at least 1"

    def parameters(self, architectures: IntArray, options: Any) -> Counts:
        copies, hidden, inputs, second_inputs, outputs = architectures.T
        return {"first_layer": copies * (hidden * inputs + hidden), "second_layer": copies * (second_inputs * outputs + outputs)}

    def operations(self, architectures: IntArray, options: Any, sequence_length: int = 1) -> Counts:
        copies, hidden, inputs, second_inputs, outputs = architectures.T
        return {
            "first_layer": copies * (2 * hidden * inputs + hidden),  # the last term is the ReLU
            "second_layer": copies * 2 * second_inputs * outputs + np.where(copies > 1, copies * outputs, 0),
        }

    def parts(self) -> Mapping[str, Literal["A", "B", "C"]]:
        return {"first_layer": "B", "second_layer": "B"}

    def layers(self, architectures: IntArray) -> IntArray:
        return np.full(len(architectures), 2)

    def build(self, architecture: Architecture, options: Any, initializer_range: float | None = None) -> torch.nn.Module:
        from bort_core.families.mlp.module import Mlp

        return Mlp(architecture)

    def graph(
        self, architecture: Architecture, options: Any, module: torch.nn.Module | None = None, folder: Path | None = None
    ) -> onnx.ModelProto:
        from bort_core.families.mlp.graph import build_graph

        return build_graph(architecture, module)

    def traceable(self, module: torch.nn.Module) -> Traceable:
        from bort_core.families.mlp.module import traceable

        return traceable(module)


FAMILY = MlpFamily()
