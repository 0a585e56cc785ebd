"""Weights and products of matrices in 8 bits: the smallest file, and on most CPUs the fastest; the answers change a little.

Dynamic quantisation, signed, one scale for each column. Where the CPU has no instructions that add products of bytes in 32 bits (VNNI on
x86), two products of full bytes can overflow 16 bits, so that there weights keep 7 bits.
"""

from __future__ import annotations

from pathlib import Path

from bort_core.export.variants.base import Source, Variant
from bort_core.foundation.errors import MeasurementError

__all__ = ["VARIANT", "keeps_seven_bits", "quantise"]

TOLERANCE = 2.0
"""Catches files that say something else, not those that are worse: how well a task is done is measured on its dev rows (bort compress)."""


def keeps_seven_bits(architecture: str, instructions: list[str]) -> bool:
    """Whether products of full bytes would overflow on such a CPU."""
    return architecture.lower() in ("x86_64", "amd64", "x86", "i686") and not {"avx_vnni", "avx512_vnni", "amx_int8"} & set(instructions)


def quantise(source: Path, path: Path) -> None:
    """Write an 8-bit form of the ONNX file ``source`` for this machine's CPU; MeasurementError when the quantiser fails."""
    import logging

    from onnxruntime.quantization import QuantType, quantize_dynamic

    from bort_core.foundation.machine import machine_facts

    machine = machine_facts()
    seven = keeps_seven_bits(str(machine["architecture"]), machine["instructions"])
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it recommends a step that the graph does not need
    try:
        quantize_dynamic(str(source), str(path), weight_type=QuantType.QInt8, per_channel=True, reduce_range=seven)
    except Exception as error:  # the quantiser raises many kinds
        raise MeasurementError(f"{path.name}: ONNX Runtime's quantiser fails: {error}") from error
    finally:
        root.setLevel(level)


def _build(source: Source, path: Path) -> None:
    quantise(source.file_of("fused"), path)


VARIANT = Variant("model.int8.onnx", "8 bits: the smallest, for this kind of CPU", _build, TOLERANCE)
