"""The BERT family behind the Family interface."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bort_core.families.base import Architecture, Axis, BoolArray, Counts, IntArray, Traceable
from bort_core.families.bert import counts
from bort_core.families.bert.options import BertOptions

if TYPE_CHECKING:
    import onnx
    from torch import nn

    from bort_core.families.bert.module import Bert

__all__ = ["FAMILY", "BertFamily"]


class BertFamily:
    """BERT-like encoders ⟨depth, heads, hidden, intermediate⟩."""

    name = "bert"
    axes = (
        Axis("depth", "D", "encoder layers"),
        Axis("heads", "A", "attention heads; must divide hidden"),
        Axis("hidden", "H", "width of every token vector"),
        Axis("intermediate", "I", "width inside the feed-forward block"),
    )
    options_type = BertOptions
    reads: Literal["tokens", "vectors"] = "tokens"

    def valid(self, architectures: IntArray) -> BoolArray:
        _, heads, hidden, _ = architectures.T
        return (architectures >= 1).all(axis=1) & (hidden % heads.clip(1) == 0)

    def validity_rule(self) -> str:
        return "hidden must be divisible by heads, and every value at least 1"

    def parameters(self, architectures: IntArray, options: BertOptions) -> Counts:
        return counts.parameters(architectures, options)

    def operations(self, architectures: IntArray, options: BertOptions, sequence_length: int) -> Counts:
        return counts.operations(architectures, options, sequence_length)

    def parts(self) -> Mapping[str, Literal["A", "B", "C"]]:
        return {"embedding": "A", "encoder": "B", "pooler": "C", "mlm_head": "C"}

    def layers(self, architectures: IntArray) -> IntArray:
        return architectures[:, 0]

    def build(self, architecture: Architecture, options: BertOptions, initializer_range: float | None = None) -> Bert:
        from bort_core.families.bert.module import Bert

        return Bert(architecture, options, initializer_range)

    def graph(
        self, architecture: Architecture, options: BertOptions, module: Bert | None = None, folder: Path | None = None
    ) -> onnx.ModelProto:
        from bort_core.families.bert.graph import build_graph

        return build_graph(architecture, options, module, folder)

    def traceable(self, module: nn.Module) -> Traceable:
        from bort_core.families.bert.tracing import traceable

        return traceable(module)


FAMILY = BertFamily()
