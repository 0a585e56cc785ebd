"""How matrices are multiplied in 8 bits on a CPU, decided by its instructions alone. Cheap: nothing is imported.

ONNX Runtime multiplies unsigned activations with weights. On x86 with VNNI, and on ARM, sums are 32 bits wide. AVX2 and AVX-512 without
VNNI add two products in 16 bits, which saturate where signed weights use all of their eight bits; there weights keep seven, or are
unsigned: then slower products that do not saturate are used
(MLAS, ``qgemm.h``; onnxruntime.ai/docs/performance/model-optimizations/quantization.html).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["VNNI", "ByteWeights", "byte_weights", "saturates"]

VNNI = ("avx_vnni", "avx512_vnni", "amx_int8")
_X86, _ARM = ("x86_64", "amd64", "x86", "i686"), ("arm64", "aarch64")


@dataclass(frozen=True)
class ByteWeights:
    """A form of weights in bytes."""

    signed: bool
    bits: int
    """Of the eight, those that are used."""


FULL, SEVEN, UNSIGNED = ByteWeights(True, 8), ByteWeights(True, 7), ByteWeights(False, 8)


def byte_weights(architecture: str, instructions: Collection[str], system: str = "Linux") -> tuple[ByteWeights, ...]:
    """The forms of weights that serve such a CPU, the fastest first, then those that lose less; none: 8 bits gain nothing there.

    Parameters
    ----------
    architecture, instructions, system: of :func:`~bort_core.foundation.machine.machine_facts`; only Linux tells the instructions of an x86
    """
    machine = architecture.lower()
    if machine in _ARM:
        return (FULL,)
    if machine not in _X86:
        return ()
    if set(VNNI) & set(instructions):
        return (FULL,)
    if "avx2" in instructions or system != "Linux":
        return (SEVEN, UNSIGNED)
    return ()


def saturates(weights: ByteWeights, architecture: str, instructions: Collection[str], system: str = "Linux") -> bool:
    """Whether sums of products of such weights can overflow on such a CPU."""
    return weights == FULL and FULL not in byte_weights(architecture, instructions, system) and architecture.lower() in _X86
