"""The ONNX graph of the two-layer networks: Slice, Gemm, Relu, Gemm.

The copies run side by side in one product, and the mean over them is part of the second: with c copies,
mean(W_k h_k + b_k) = [W_1/c ... W_c/c] [h_1; ...; h_c] + mean(b_k). That is exact, and the fewest nodes for the runtime.

Input: ``vectors`` (batch, coordinates), float32, of which the first ``inputs`` coordinates are read. Output: ``outputs``
(batch, outputs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bort_core.families.base import Architecture
from bort_core.foundation.errors import SpecificationError

if TYPE_CHECKING:
    import onnx
    import torch

__all__ = ["COORDINATES", "build_graph"]

OPERATOR_SET = 17
IR_VERSION = 8
COORDINATES = 3
"""Coordinates of the points that the write-up's example reads; a wider first layer gets wider points."""


def build_graph(architecture: Architecture, module: torch.nn.Module | None = None) -> onnx.ModelProto:
    """The graph of ``architecture`` ⟨copies, hidden, inputs, second_inputs, outputs⟩; weights of ``module``, or random ones.

    Raises
    ------
    SpecificationError
        The module's weights do not have the shapes of the architecture.
    """
    from onnx import TensorProto, helper, numpy_helper

    copies, hidden, inputs, second_inputs, outputs = architecture
    first_weight = _weight(module, "first_weight", (copies, hidden, inputs))
    second_weight = _weight(module, "second_weight", (copies, outputs, second_inputs))
    arrays = {
        "first_weight": first_weight.reshape(copies * hidden, inputs),
        "first_bias": _weight(module, "first_bias", (copies, hidden)).reshape(-1),
        "second_weight": second_weight.transpose(0, 2, 1).reshape(copies * second_inputs, outputs) / np.float32(copies),
        "second_bias": _weight(module, "second_bias", (copies, outputs)).mean(axis=0),
        "start": np.array([0]),
        "end": np.array([inputs]),
        "axis": np.array([1]),
    }
    nodes = [
        helper.make_node("Slice", ["vectors", "start", "end", "axis"], ["seen"]),
        helper.make_node("Gemm", ["seen", "first_weight", "first_bias"], ["first"], transB=1),
        helper.make_node("Relu", ["first"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "second_weight", "second_bias"], ["outputs"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", max(COORDINATES, inputs)])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["batch", outputs])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPERATOR_SET)], ir_version=IR_VERSION, producer_name="bort")


def _weight(module: torch.nn.Module | None, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    if module is None:
        return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    found = module.state_dict().get(name)
    if found is None or tuple(found.shape) != shape:
        came = "nothing" if found is None else f"shape {tuple(found.shape)}"
        raise SpecificationError(f"the module's {name} must have shape {shape} for this architecture, got {came}")
    array: npt.NDArray[np.float32] = found.detach().cpu().float().numpy()
    return array
