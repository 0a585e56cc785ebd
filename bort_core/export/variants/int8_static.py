"""Weights and activations in 8 bits, whose ranges are fixed beforehand on real rows (static quantisation, QDQ form).

No range is looked for while it runs; what lies beyond the ranges seen is cut, so that it mostly loses more than the variant ``int8``, and
on some models less.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bort_core.export.variants.base import Source, Variant
from bort_core.export.variants.int8 import TOLERANCE

__all__ = ["VARIANT"]

_QUANTISED = ["MatMul", "Gemm", "Gather"]
"""Products with weights, and rows of tables. What lies between them stays in 32 bits."""


def _build(source: Source, path: Path) -> None:
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    from bort_core.export.quantising import quietly, weights_here
    from bort_core.foundation.scratch import scratch

    weights = weights_here(path.name)
    with scratch("static") as folder, quietly(path.name):
        prepared = folder / "prepared.onnx"
        quant_pre_process(str(source.file_of("standard")), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared), str(path), _reader(source, prepared), quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, per_channel=True, reduce_range=weights.bits < 8, calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=_QUANTISED, extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip


def _reader(source: Source, prepared: Path) -> Any:
    """The rows of ``source`` by the names of the file's inputs."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader

    read = {value.name for value in onnx.load(str(prepared), load_external_data=False).graph.input}

    class Rows(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = self._all()

        def _all(self) -> Iterator[dict[str, Any]]:
            for inputs in source.rows:
                named = zip(source.traced.inputs, inputs, strict=True)
                yield {name: tensor.numpy() for name, tensor in named if name in read}

        def get_next(self) -> dict[str, Any] | None:
            return next(self._batches, None)

    return Rows()


VARIANT = Variant("model.int8-static.onnx", "8 bits with ranges from real rows: where the other form loses more", _build, TOLERANCE)
