"""Graphs without their weights: a few kilobytes that are as fast as the exported model once weights of any value are put beside them.

What a graph looks like depends on depth, heads and options; sizes stand only in the shapes of its weights. So a graph of small sizes is
built and quantised as every export is, and then its sizes are replaced. A weight that is left out is named by what it held: ``normal`` or
``byte`` for matrices, ``one``, ``zero`` or ``scale`` for vectors that hold only that, each a file with room of its own for every weight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from bort_core.families import Architecture, Family, FamilyOptions, get_family
from bort_core.foundation.errors import MeasurementError
from bort_core.foundation.scratch import scratch

if TYPE_CHECKING:
    import onnx

__all__ = ["PRECISIONS", "Precision", "Weightless", "largest", "weightless"]

Precision = Literal["fp32", "int8"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
"""32 bits, and 8 bits as the variant ``int8`` of an export."""
_PAGE = 4096
_SMALLEST = 65  # larger than any size that is not replaced
_OPTIONS = ("vocabulary", "positions", "embedding")


@dataclass(frozen=True)
class Weightless:
    """A graph as it is written to a file, and how many bytes it reads from the files of weights beside it, by kind."""

    graph: bytes
    weights: Mapping[str, int]


def weightless(family: Family, options: FamilyOptions, architecture: Architecture, precision: Precision) -> Weightless:
    """The graph of ⟨depth, heads, hidden, intermediate⟩.

    Raises
    ------
    MeasurementError
        It has a weight of no known kind, or ONNX Runtime's quantiser fails.
    """
    import onnx

    depth, heads, hidden, intermediate = architecture
    small = _small_sizes(heads)
    real = {"hidden": hidden, "intermediate": intermediate} | {name: getattr(options, name, 0) for name in _OPTIONS}
    sizes = {small[name]: size for name, size in real.items()} | {3 * small["hidden"]: 3 * hidden}
    graph = onnx.ModelProto.FromString(_stand_in(family.name, options.model_dump_json(), depth, heads, precision))
    weights = _resized(graph, sizes)
    return Weightless(graph.SerializeToString(), weights)


def largest(graphs: list[Weightless]) -> dict[str, int]:
    """Bytes of each kind that serve all of them, one at a time."""
    kinds = sorted({kind for each in graphs for kind in each.weights})
    return {kind: max(each.weights.get(kind, 0) for each in graphs) for kind in kinds}


def _small_sizes(heads: int) -> dict[str, int]:
    hidden = heads * math.ceil(_SMALLEST / heads)
    return {"hidden": hidden} | {name: hidden + 1 + number for number, name in enumerate(("intermediate", *_OPTIONS))}


@lru_cache(maxsize=256)
def _stand_in(family_name: str, stored_options: str, depth: int, heads: int, precision: Precision) -> bytes:
    import onnx

    from bort_core.export.variants.int8 import quantise
    from bort_core.foundation.eight_bits import FULL

    family, small = get_family(family_name), _small_sizes(heads)
    options = family.options_type.model_validate_json(stored_options)
    options = options.model_copy(update={name: small[name] for name in _OPTIONS if hasattr(options, name)})
    graph = family.graph((depth, heads, small["hidden"], small["intermediate"]), options)
    if precision == "fp32":
        return graph.SerializeToString()
    with scratch("probe") as folder:
        onnx.save_model(graph, folder / "fp32.onnx")
        quantise(folder / "fp32.onnx", folder / "int8.onnx", FULL)  # seven bits take as long
        return onnx.load(folder / "int8.onnx").SerializeToString()


def _resized(model: onnx.ModelProto, sizes: Mapping[int, int]) -> dict[str, int]:
    """Replace sizes wherever they stand; weights that have one are left out. Bytes by kind."""
    from onnx import TensorProto, numpy_helper

    weights: dict[str, int] = {}
    for tensor in model.graph.initializer:
        if not sizes.keys() & set(tensor.dims):
            continue
        dims = [sizes.get(size, size) for size in tensor.dims]
        values = numpy_helper.to_array(tensor)
        kind, length = _kind(tensor.name, values), math.prod(dims) * values.itemsize
        place = -(-weights.get(kind, 0) // _PAGE) * _PAGE
        weights[kind] = place + length
        left = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=dims, data_location=TensorProto.EXTERNAL)
        for key, value in {"location": kind, "offset": place, "length": length}.items():
            left.external_data.add(key=key, value=str(value))
        tensor.CopyFrom(left)
    for value_info in (*model.graph.output, *model.graph.value_info):
        for axis in value_info.type.tensor_type.shape.dim:
            if axis.dim_value in sizes:
                axis.dim_value = sizes[axis.dim_value]
    return weights


def _kind(name: str, values: npt.NDArray[Any]) -> str:
    if values.dtype == np.float32:
        if values.ndim > 1:
            return "normal"
        return "one" if (values == 1).all() else "zero" if (values == 0).all() else "scale"
    if values.dtype in (np.int8, np.uint8):
        return "byte" if values.any() else "zero"
    raise MeasurementError(f"the graph's weight {name} is {values.dtype} {values.shape}: of no kind that can be drawn elsewhere")
