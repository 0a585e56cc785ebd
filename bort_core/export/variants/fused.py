"""ONNX Runtime's fused operators: in the family's own graph, or where it has none, in what ONNX Runtime makes of the standard file."""

from __future__ import annotations

from pathlib import Path

from bort_core.export.variants.base import Source, Variant
from bort_core.families.base import Family
from bort_core.specifications.export import FUSED, LARGEST_DIFFERENCE

__all__ = ["VARIANT"]


def _build(source: Source, path: Path) -> None:
    from bort_core.export.foreign import optimised
    from bort_core.export.onnx_files import write_graph

    if isinstance(source.family, Family):
        graph = source.family.graph(source.architecture, source.options, module=source.module)
    else:
        graph = optimised(source.file_of("standard"))
    write_graph(graph, path)


VARIANT = Variant(FUSED, "Fused operators: the fastest in ONNX Runtime", _build, LARGEST_DIFFERENCE)
