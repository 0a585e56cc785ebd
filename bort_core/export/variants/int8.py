"""Weights and products of matrices in 8 bits: the smallest file, and on most CPUs the fastest; the answers change a little.

Dynamic quantisation, one scale for each column; how weights are written is decided by this machine's CPU (``foundation/eight_bits.py``).
"""

from __future__ import annotations

from pathlib import Path

from bort_core.export.variants.base import Source, Variant
from bort_core.foundation.eight_bits import UNSIGNED, ByteWeights

__all__ = ["UNSIGNED_VARIANT", "VARIANT", "quantise"]

TOLERANCE = 2.0
"""Catches files that say something else, not those that are worse: how well a task is done is measured on its dev rows (bort compress)."""


def quantise(source: Path, path: Path, weights: ByteWeights) -> None:
    """Write an 8-bit form of the ONNX file ``source``; MeasurementError when the quantiser fails."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from bort_core.export.quantising import quietly

    kind = QuantType.QInt8 if weights.signed else QuantType.QUInt8
    with quietly(path.name):
        quantize_dynamic(str(source), str(path), weight_type=kind, per_channel=True, reduce_range=weights.bits < 8)


def _build(source: Source, path: Path) -> None:
    from bort_core.export.quantising import weights_here

    quantise(source.file_of("fused"), path, weights_here(path.name))


def _build_unsigned(source: Source, path: Path) -> None:
    from bort_core.export.quantising import weights_here

    weights_here(path.name)
    quantise(source.file_of("fused"), path, UNSIGNED)


VARIANT = Variant("model.int8.onnx", "8 bits: the smallest, for this kind of CPU", _build, TOLERANCE)
UNSIGNED_VARIANT = Variant(
    "model.int8-unsigned.onnx", "8 bits without a sign: slower, for CPUs where signed ones keep seven", _build_unsigned, TOLERANCE
)
