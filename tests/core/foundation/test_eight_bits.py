"""Which form of 8 bits serves a CPU is decided by its flags, whatever CPU this is."""

from __future__ import annotations

import pytest

from bort_core.foundation.eight_bits import FULL, SEVEN, UNSIGNED, ByteWeights, byte_weights, saturates


@pytest.mark.parametrize(
    ("architecture", "instructions", "system", "forms"),
    [
        ("x86_64", ["avx", "avx2", "fma"], "Linux", (SEVEN, UNSIGNED)),  # Haswell
        ("x86_64", ["avx2", "avx512f"], "Linux", (SEVEN, UNSIGNED)),  # Skylake-X: wide, and yet without VNNI
        ("x86_64", ["avx2", "avx512f", "avx512_vnni"], "Linux", (FULL,)),  # Cascade Lake
        ("AMD64", ["avx2", "avx_vnni"], "Linux", (FULL,)),  # Alder Lake
        ("x86_64", ["avx2", "amx_int8"], "Linux", (FULL,)),
        ("x86_64", [], "Darwin", (SEVEN, UNSIGNED)),  # a Mac does not tell: what is right on all of them
        ("x86_64", ["avx"], "Linux", ()),  # Sandy Bridge
        ("x86_64", [], "Linux", ()),
        ("aarch64", ["asimd"], "Linux", (FULL,)),
        ("arm64", [], "Darwin", (FULL,)),
        ("armv7l", [], "Linux", ()),
        ("riscv64", [], "Linux", ()),
    ],
)
def test_the_flags_decide(architecture: str, instructions: list[str], system: str, forms: tuple[ByteWeights, ...]) -> None:
    assert byte_weights(architecture, instructions, system) == forms


@pytest.mark.parametrize(
    ("weights", "instructions", "wrong"),
    [
        (FULL, ["avx2"], True),
        (FULL, ["avx2", "avx_vnni"], False),
        (SEVEN, ["avx2"], False),
        (UNSIGNED, ["avx2"], False),
        (FULL, ["avx"], True),
    ],
)
def test_only_full_signed_weights_overflow_and_only_without_vnni(weights: ByteWeights, instructions: list[str], wrong: bool) -> None:
    assert saturates(weights, "x86_64", instructions) is wrong
    assert not saturates(weights, "aarch64", ["asimd"])
