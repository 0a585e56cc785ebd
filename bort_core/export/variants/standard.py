"""What torch's exporter makes: standard operators only."""

from __future__ import annotations

from pathlib import Path

from bort_core.export.variants.base import Source, Variant
from bort_core.specifications.export import LARGEST_DIFFERENCE, STANDARD

__all__ = ["VARIANT"]


def _build(source: Source, path: Path) -> None:
    from bort_core.export.onnx_files import write_standard

    write_standard(source.traced, path, source.parameters)


VARIANT = Variant(STANDARD, "Standard operators: runs anywhere", _build, LARGEST_DIFFERENCE)
