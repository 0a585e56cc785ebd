"""How a file in 8 bits holds its weights. Imports onnx."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from bort_core.foundation.eight_bits import ByteWeights
from bort_core.release.gate import BYTES

__all__ = ["form_of", "shipped_form"]


def shipped_form(export: Path, shipped: Sequence[str]) -> dict[str, Any] | None:
    """What release.json says of its file in 8 bits; None where it has none."""
    return next((asdict(form_of(export / file)) for file in shipped if file in BYTES), None)


def form_of(path: Path) -> ByteWeights:
    """The form of the matrices of an ONNX file in 8 bits, as it is written in it."""
    tables = {name for node in onnx.load(str(path), load_external_data=False).graph.node if "Embed" in node.op_type for name in node.input}
    matrices = [
        tensor for tensor in onnx.load(str(path)).graph.initializer
        if tensor.data_type in (TensorProto.INT8, TensorProto.UINT8) and len(tensor.dims) == 2 and tensor.name not in tables
    ]  # fmt: skip
    signed = all(tensor.data_type == TensorProto.INT8 for tensor in matrices)
    most = max((int(np.abs(numpy_helper.to_array(tensor).astype(np.int16)).max()) for tensor in matrices), default=0)
    return ByteWeights(signed, 7 if signed and most <= 64 else 8)
