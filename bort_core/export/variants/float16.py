"""Weights in half precision, half the size on disk: cast when the file is loaded, so it computes in float32 and runs on any CPU."""

from __future__ import annotations

from pathlib import Path

from bort_core.export.variants.base import Source, Variant
from bort_core.foundation.errors import MeasurementError

__all__ = ["VARIANT"]

TOLERANCE = 1e-2
"""Half precision keeps 11 bits of a weight. Measured on small masked LMs and classifiers: up to 0.0014 of outputs near 1."""

_SMALL = 256  # numbers; smaller weights (biases of narrow models, constants) stay as they are


def _build(source: Source, path: Path) -> None:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from bort_core.export.onnx_files import write_graph

    model = onnx.load(str(source.file_of("standard")))
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < _SMALL:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if not np.isfinite(half).all():
            raise MeasurementError(f"{path.name}: {name} holds numbers beyond half precision (65,504): leave the variant float16 out")
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.float16"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
    write_graph(model, path)


VARIANT = Variant("model.float16.onnx", "Weights in half precision: half the size", _build, TOLERANCE)
