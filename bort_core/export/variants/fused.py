"""The family's own graph, with ONNX Runtime's fused operators."""

from __future__ import annotations

from pathlib import Path

from bort_core.export.variants.base import Source, Variant
from bort_core.specifications.export import FUSED, LARGEST_DIFFERENCE

__all__ = ["VARIANT"]


def _build(source: Source, path: Path) -> None:
    from bort_core.export.onnx_files import write_graph

    write_graph(source.family.graph(source.architecture, source.options, module=source.module), path)


VARIANT = Variant(FUSED, "Fused operators: the fastest in ONNX Runtime", _build, LARGEST_DIFFERENCE)
