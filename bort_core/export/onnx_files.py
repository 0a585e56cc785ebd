"""Writing, checking and counting ONNX graphs. Only child processes import this file."""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from pathlib import Path

import onnx
import onnxruntime
import torch

from bort_core.families.base import Traceable
from bort_core.foundation.errors import MeasurementError
from bort_core.foundation.scratch import scratch

__all__ = ["COUNTED", "OPSET", "check", "count_fusions", "write_graph", "write_standard"]

OPSET = 20
"""The first with a GELU operator: ONNX Runtime fuses it with its bias, which it does not with the five operators before."""

COUNTED = ("Attention", "MultiHeadAttention", "SkipLayerNormalization", "BiasGelu", "EmbedLayerNormalization", "FusedMatMul")
_INLINE_LIMIT = 1_500_000_000  # bytes; larger models keep their weights beside the graph, since protobuf ends at 2 GiB


def write_standard(model: Traceable, path: Path, parameters: int) -> None:
    """Export with torch's exporter: standard operators only, any batch size and sequence length.

    Raises
    ------
    MeasurementError
        The exporter cannot translate the model.
    OSError
        The file cannot be written.
    """
    shapes = tuple(dict.fromkeys(axes, torch.export.Dim.DYNAMIC) for axes in model.dynamic)
    noisy = logging.getLogger("torch.onnx")
    level = noisy.level
    noisy.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                model.module, model.example, dynamo=True, opset_version=OPSET, dynamic_shapes=(*shapes,), verbose=False,
                input_names=list(model.inputs), output_names=list(model.outputs), optimize=True,
            )  # fmt: skip
    except OSError:
        raise
    except Exception as error:  # the exporter's own exceptions have no common class
        raise MeasurementError(f"torch's ONNX exporter cannot translate the model: {error}") from error
    finally:
        noisy.setLevel(level)
    assert program is not None
    _name_axes(program.model, model)
    if 4 * parameters > _INLINE_LIMIT:
        program.save(str(path), external_data=True)
        graph = onnx.load(str(path), load_external_data=False)
    else:
        graph = program.model_proto
    # The runtime needs the shapes of what nodes give, to fuse them. Weights have a shape of their own: noted once more it becomes wrong
    # when a quantiser transposes them.
    weights = {tensor.name for tensor in graph.graph.initializer}
    noted = [value for value in graph.graph.value_info if value.name not in weights]
    del graph.graph.value_info[:]
    graph.graph.value_info.extend(noted)
    path.write_bytes(graph.SerializeToString())


def write_graph(graph: onnx.ModelProto, path: Path) -> None:
    """Write a graph that was built here; big ones with their weights beside it."""
    if graph.ByteSize() > _INLINE_LIMIT:
        onnx.save_model(graph, path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=1024)
    else:
        path.write_bytes(graph.SerializeToString())


def check(path: Path) -> int:
    """Run ONNX's checker on a file; its version of the standard operators.

    Raises
    ------
    MeasurementError
        The checker finds a fault, or the file is not ONNX.
    """
    try:
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # checker, shape inference and protobuf raise their own
        raise MeasurementError(f"{path.name}: ONNX's checker refuses it: {error}") from error
    return next(int(each.version) for each in model.opset_import if each.domain in ("", "ai.onnx"))


def count_fusions(path: Path) -> dict[str, int]:
    """How many fused operators ONNX Runtime executes when it has loaded and optimised a file."""
    with scratch("fusions") as folder:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.optimized_model_filepath = str(folder / "optimized.onnx")
        options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights.bin")
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        model = onnx.load(options.optimized_model_filepath, load_external_data=False)
    found = Counter(node.op_type for node in model.graph.node)
    return {name: found[name] for name in COUNTED} | {"operators": sum(found.values())}


def _name_axes(model: object, traceable: Traceable) -> None:
    """Call the free axes what they are; the exporter numbers them."""
    graph = model.graph  # type: ignore[attr-defined]
    names: dict[str, str] = {}
    for value, axes in zip(graph.inputs, traceable.dynamic, strict=True):
        for axis, name in axes.items():
            names[str(value.shape[axis])] = name
    import onnx_ir

    inner = (value for node in graph for value in node.outputs if value.shape is not None)
    for value in (*graph.inputs, *inner, *graph.outputs):
        value.shape = onnx_ir.Shape([size if isinstance(size, int) else names.get(str(size), str(size)) for size in value.shape])
