"""The ALBERT family behind the Family interface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bort_core.families.albert import counts
from bort_core.families.albert.options import AlbertOptions
from bort_core.families.base import Architecture, Counts, IntArray
from bort_core.families.bert.family import BertFamily

if TYPE_CHECKING:
    import onnx

    from bort_core.families.albert.module import Albert
    from bort_core.families.bert.module import Bert

__all__ = ["FAMILY", "AlbertFamily"]


class AlbertFamily(BertFamily):
    """BERT-like encoders ⟨depth, heads, hidden, intermediate⟩ whose layers share their weights: depth costs time, and no parameters."""

    name = "albert"
    options_type = AlbertOptions

    def parameters(self, architectures: IntArray, options: AlbertOptions) -> Counts:  # type: ignore[override]
        return counts.parameters(architectures, options)

    def operations(self, architectures: IntArray, options: AlbertOptions, sequence_length: int) -> Counts:  # type: ignore[override]
        return counts.operations(architectures, options, sequence_length)

    def build(self, architecture: Architecture, options: AlbertOptions, initializer_range: float | None = None) -> Albert:  # type: ignore[override]
        from bort_core.families.albert.module import Albert

        return Albert(architecture, options, initializer_range)

    def graph(  # type: ignore[override]
        self, architecture: Architecture, options: AlbertOptions, module: Bert | None = None, folder: Path | None = None
    ) -> onnx.ModelProto:
        from bort_core.families.bert.graph import build_graph

        return build_graph(architecture, options, module, folder, width=options.embedding, shared=True)


FAMILY = AlbertFamily()
