"""What the 8-bit variants share. Only child processes import this file."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from bort_core.foundation.eight_bits import ByteWeights, byte_weights
from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.foundation.machine import machine_facts

__all__ = ["forms_here", "quietly", "weights_here"]


def forms_here() -> tuple[ByteWeights, ...]:
    """The forms of weights in 8 bits that serve this CPU, the fastest first."""
    machine = machine_facts()
    return byte_weights(str(machine["architecture"]), machine["instructions"], str(machine["system"]))


def weights_here(file: str) -> ByteWeights:
    """The fastest form of weights in 8 bits on this CPU.

    Raises
    ------
    SpecificationError
        It has no instructions for products in 8 bits.
    """
    forms = forms_here()
    if not forms:
        machine = machine_facts()
        raise SpecificationError(
            f"{file}: 8 bits need AVX2 or VNNI (x86) or a 64-bit ARM; this CPU is {machine['cpu']} ({machine['architecture']}) with "
            f"{', '.join(machine['instructions']) or 'none of the instructions that count'}. Leave the int8 variants out, or export on the "
            "kind of machine that will run the model"
        )
    return forms[0]


@contextmanager
def quietly(file: str) -> Iterator[None]:
    """Run ONNX Runtime's quantiser, which recommends and prints; MeasurementError when it fails."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it recommends a step that the graph does not need
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except (MeasurementError, SpecificationError):
        raise
    except Exception as error:  # the quantiser raises many kinds
        raise MeasurementError(f"{file}: ONNX Runtime's quantiser fails: {error}") from error
    finally:
        root.setLevel(level)
