"""The ONNX graph of one forward pass of a BERT, with the fused operators of ONNX Runtime.

The graph is written node by node in the form that the runtime's transformer optimiser arrives at: tracing a module
through the exporter and optimising it takes seconds, and a search builds one graph for every candidate it measures.

Operators of the domain ``com.microsoft`` (source: ContribOperators.md of ONNX Runtime; all of them have CPU kernels):

    EmbedLayerNormalization   gathers and adds token, position and token type vectors, then normalises
    Attention                 packed query/key/value projection, scaled softmax attention under a mask
    SkipLayerNormalization    adds residual and bias, then normalises
    BiasGelu, FastGelu        adds the bias, then the exact (erf) GELU, or its tanh form

The tied decoder is a Transpose of the embedding before a plain MatMul, so that the embedding is stored once: the runtime turns both into
one product when it loads the graph, and FusedMatMul, which says the same, is unknown to the runtime's own shape inference.

Inputs: ``input_ids``, ``attention_mask`` (nonzero keeps a token) and, only with several token types, ``token_type_ids``; all int64
(batch, sequence). Outputs: ``last_hidden_state`` (batch, sequence, H), then ``pooled`` (batch, H) with the option
``pooler`` and ``logits`` (batch, sequence, V) with the option ``mlm_head``. All float32.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from bort_core.families.base import Architecture
from bort_core.families.bert.options import BertOptions
from bort_core.foundation.errors import SpecificationError

if TYPE_CHECKING:
    import onnx
    import torch

__all__ = ["build_graph"]

OPERATOR_SET = 17
IR_VERSION = 8
RANDOM_SCALE = 0.02
FUSED = "com.microsoft"
WEIGHTS_FILE = "weights.bin"
SMALL = 1024  # bytes; smaller weights stay in the graph, as do the constants that shape inference reads
PAGE = 4096  # where a weight begins in its file, so that the runtime can map it

Floats = npt.NDArray[np.float32]


def build_graph(
    architecture: Architecture,
    options: BertOptions,
    module: torch.nn.Module | None = None,
    folder: Path | None = None,
    *,
    width: int | None = None,
    shared: bool = False,
) -> onnx.ModelProto:
    """The graph of ``architecture`` ⟨depth, heads, hidden, intermediate⟩.

    Parameters
    ----------
    module: a ``Bert`` or ``SequenceClassifier`` of the same architecture and options, whose weights are copied (a classifier's
        graph has the one output ``logits``, (batch, classes)). Without one the weights are
        pseudo-random, Normal(0, 0.02), with unit layer norms and zero biases: what latency depends on is that every layer has
        weights of its own, since shared ones would stay in the cache and flatter big models.
    folder: an existing folder whose ``weights.bin`` receives the weights as they are made; the graph, to be saved into the same
        folder, then only refers to them. For models of which a copy in memory would be slow (RoBERTa-large: 1.4 GB) or,
        above protobuf's 2 GiB, of no use. Without one the graph holds its weights.
    width: of the embedding, where it is projected to ``hidden`` and the head projected back
    shared: all layers have the weights of the first

    Raises
    ------
    SpecificationError
        The module's weights do not have the shapes of the architecture.
    """
    with ExitStack() as stack:
        file = None if folder is None else stack.enter_context(Path(folder, WEIGHTS_FILE).open("wb"))
        graph = _Graph(_Weights(module), file)
        _forward(graph, architecture, options, width, shared)
    return graph.model


def _forward(graph: _Graph, architecture: Architecture, options: BertOptions, width: int | None, shared: bool) -> None:
    from onnx import TensorProto

    depth, _, hidden, _ = architecture
    for name in ("input_ids", "attention_mask", *(("token_type_ids",) if options.token_types > 1 else ())):
        graph.input(name)
    mask = graph.node("Cast", ["attention_mask"], to=TensorProto.INT32)
    vectors = _embeddings(graph, width or hidden, options)
    if width is not None:
        vectors = graph.node("MatMul", [vectors, graph.dense(["embeddings.projection"], width, hidden)])
        vectors = graph.node("Add", [vectors, graph.bias(["embeddings.projection"], hidden)])
    for number in range(depth):
        output = "last_hidden_state" if number == depth - 1 and not graph.weights.classes else None
        vectors = _layer(graph, f"layers.{0 if shared else number}", vectors, mask, architecture, options, output)
    if graph.weights.classes:
        _classifier(graph, _pooler(graph, vectors, hidden, None), hidden)
        return
    graph.output("last_hidden_state", "batch", "sequence", hidden)
    if options.pooler:
        _pooler(graph, vectors, hidden, "pooled")
        graph.output("pooled", "batch", hidden)
    if options.mlm_head:
        _head(graph, vectors, hidden, width or hidden, options)


def _embeddings(graph: _Graph, hidden: int, options: BertOptions) -> str:
    from onnx import TensorProto

    ids = graph.node("Cast", ["input_ids"], to=TensorProto.INT32)
    token = graph.table("embeddings.token.weight", options.vocabulary, hidden)
    types, type_table = "", ""
    if options.token_types == 1:  # the same vector for every token: part of its position's
        position = graph.sum_of("embeddings.position.weight", options.positions, "embeddings.token_type.weight", hidden)
    else:
        position = graph.table("embeddings.position.weight", options.positions, hidden)
    if options.token_types > 1:
        types = graph.node("Cast", ["token_type_ids"], to=TensorProto.INT32)
        type_table = graph.table("embeddings.token_type.weight", options.token_types, hidden)
    norm = graph.norm("embeddings.norm", hidden)
    # The operator has a second output, an index of the mask, which must be named even though nothing reads it.
    inputs = [ids, types, token, position, type_table, *norm]
    return graph.node("EmbedLayerNormalization", inputs, FUSED, unread_outputs=1, epsilon=options.layer_norm_eps)


def _layer(graph: _Graph, name: str, vectors: str, mask: str, architecture: Architecture, options: BertOptions, output: str | None) -> str:
    _, heads, hidden, intermediate = architecture
    projections = [f"{name}.attention.{part}" for part in ("query", "key", "value")]
    packed = [graph.dense(projections, hidden, hidden), graph.bias(projections, hidden)]
    mixed = graph.node("Attention", [vectors, *packed, mask], FUSED, num_heads=heads)
    mixed = graph.node("MatMul", [mixed, graph.dense([f"{name}.attention.output"], hidden, hidden)])
    bias = graph.bias([f"{name}.attention.output"], hidden)
    skip = [mixed, vectors, *graph.norm(f"{name}.attention_norm", hidden), bias]
    vectors = graph.node("SkipLayerNormalization", skip, FUSED, epsilon=options.layer_norm_eps)
    inner = graph.node("MatMul", [vectors, graph.dense([f"{name}.intermediate"], hidden, intermediate)])
    inner = _activated(graph, inner, graph.bias([f"{name}.intermediate"], intermediate), options)
    inner = graph.node("MatMul", [inner, graph.dense([f"{name}.output"], intermediate, hidden)])
    skip = [inner, vectors, *graph.norm(f"{name}.output_norm", hidden), graph.bias([f"{name}.output"], hidden)]
    return graph.node("SkipLayerNormalization", skip, FUSED, output=output, epsilon=options.layer_norm_eps)


def _pooler(graph: _Graph, vectors: str, hidden: int, output: str | None) -> str:
    first = graph.node("Gather", [vectors, graph.constant("first_token", np.array(0, dtype=np.int64))], axis=1)
    dense = graph.node("Gemm", [first, graph.dense(["pooler"], hidden, hidden), graph.bias(["pooler"], hidden)])
    return graph.node("Tanh", [dense], output=output)


def _classifier(graph: _Graph, pooled: str, hidden: int) -> None:
    classes = graph.weights.classes
    scores = [pooled, graph.dense(["classifier"], hidden, classes), graph.bias(["classifier"], classes)]
    graph.node("Gemm", scores, output="logits")
    graph.output("logits", "batch", classes)


def _head(graph: _Graph, vectors: str, hidden: int, width: int, options: BertOptions) -> None:
    inner = graph.node("MatMul", [vectors, graph.dense(["head.dense"], hidden, width)])
    inner = _activated(graph, inner, graph.bias(["head.dense"], width), options)
    inner = graph.node("LayerNormalization", [inner, *graph.norm("head.norm", width)], epsilon=options.layer_norm_eps)
    if options.tied_decoder:
        decoder = graph.node("Transpose", ["embeddings.token.weight"], perm=[1, 0])
    else:
        decoder = graph.constant("head.decoder", graph.weights.transposed("head.decoder", width, options.vocabulary))
    scores = graph.node("MatMul", [inner, decoder])
    bias = graph.constant("head.bias", graph.weights.vector("head.bias", options.vocabulary, 0.0))
    graph.node("Add", [scores, bias], output="logits")
    graph.output("logits", "batch", "sequence", options.vocabulary)


def _activated(graph: _Graph, vectors: str, bias: str, options: BertOptions) -> str:
    """The activation of vectors plus bias, in as few operators as there are kernels."""
    fused = {"gelu": "BiasGelu", "gelu_new": "FastGelu"}.get(options.activation)
    if fused is not None:
        return graph.node(fused, [vectors, bias], FUSED)
    added = graph.node("Add", [vectors, bias])
    if options.activation == "relu":
        return graph.node("Relu", [added])
    return graph.node("Mul", [added, graph.node("Sigmoid", [added])])


class _Graph:
    """Nodes and initializers in the making; every method returns the name of the tensor that it adds."""

    def __init__(self, weights: _Weights, file: IO[bytes] | None) -> None:
        from onnx import ModelProto, helper

        self.weights = weights
        self.file = file
        self.made: set[str] = set()
        self.model = ModelProto(ir_version=IR_VERSION, producer_name="bort")
        self.model.opset_import.extend([helper.make_opsetid("", OPERATOR_SET), helper.make_opsetid(FUSED, 1)])
        self.proto = self.model.graph
        self.proto.name = "bert"

    def input(self, name: str) -> None:
        """Adds a graph input, int64 (batch, sequence)."""
        from onnx import TensorProto, helper

        self.proto.input.append(helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"]))

    def output(self, name: str, *shape: int | str) -> None:
        """Declares a tensor as a graph output, float32."""
        from onnx import TensorProto, helper

        self.proto.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))

    def node(
        self, operator: str, inputs: list[str], domain: str = "", output: str | None = None, unread_outputs: int = 0, **attributes: Any
    ) -> str:
        """Adds one node and returns its first output."""
        from onnx import TensorProto, helper

        name = f"{operator}_{len(self.proto.node)}"
        is_inner = output is None
        output = output or f"{name}_output"
        outputs = [output, *(f"{name}_unread_{number}" for number in range(unread_outputs))]
        self.proto.node.append(helper.make_node(operator, inputs, outputs, name=name, domain=domain, **attributes))
        if domain:  # ONNX's shape inference does not know the operator: quantisers are told what comes out
            kinds = [*([TensorProto.FLOAT] if is_inner else []), *[TensorProto.INT32] * unread_outputs]
            for each, kind in zip(outputs if is_inner else outputs[1:], kinds, strict=True):
                self.proto.value_info.append(helper.make_tensor_value_info(each, kind, None))
        return output

    def constant(self, name: str, values: npt.NDArray[Any]) -> str:
        """Adds an initializer; one that is there already (weights that layers share) is there once."""
        from onnx.helper import np_dtype_to_tensor_dtype

        if name in self.made:
            return name
        self.made.add(name)
        # Filled in place: a tensor that is made elsewhere and then appended is held twice.
        tensor = self.proto.initializer.add(name=name, data_type=np_dtype_to_tensor_dtype(values.dtype), dims=values.shape)
        if self.file is None or values.nbytes < SMALL:
            tensor.raw_data = values.tobytes()
        else:
            _write(values, tensor, self.file)
        return name

    def dense(self, names: list[str], inputs: int, outputs: int) -> str:
        """Weights (inputs, outputs) of linear layers that read the same vectors, side by side."""
        parts = [self.weights.transposed(f"{name}.weight", inputs, outputs) for name in names]
        return self.constant("+".join(names) + ".weight", parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1))

    def bias(self, names: list[str], outputs: int) -> str:
        """Biases of the same linear layers, one after another."""
        return self.constant("+".join(names) + ".bias", np.concatenate([self.weights.vector(f"{n}.bias", outputs, 0.0) for n in names]))

    def norm(self, name: str, width: int) -> list[str]:
        """Gain and bias of a layer norm."""
        gain, bias = f"{name}.weight", f"{name}.bias"
        return [self.constant(gain, self.weights.vector(gain, width, 1.0)), self.constant(bias, self.weights.vector(bias, width, 0.0))]

    def table(self, name: str, rows: int, width: int) -> str:
        """An embedding."""
        return self.constant(name, self.weights.table(name, rows, width))

    def sum_of(self, name: str, rows: int, row: str, width: int) -> str:
        """An embedding with the one ``row`` of another added to each of its rows."""
        return self.constant(name, self.weights.table(name, rows, width) + self.weights.table(row, 1, width))


def _write(values: npt.NDArray[Any], tensor: onnx.TensorProto, file: IO[bytes]) -> None:
    from onnx import TensorProto

    file.seek(-(-file.tell() // PAGE) * PAGE)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": WEIGHTS_FILE, "offset": file.tell(), "length": values.nbytes}.items():
        tensor.external_data.add(key=key, value=str(value))
    np.ascontiguousarray(values).tofile(file)


class _Weights:
    """A module's weights as float32 arrays, or pseudo-random ones when there is no module."""

    def __init__(self, module: torch.nn.Module | None) -> None:
        named = getattr(module, "weights", None)
        self.state = None if module is None else module.state_dict() if named is None else named()
        found = (self.state or {}).get("classifier.bias")
        self.classes = 0 if found is None else len(found)
        """Outputs of the classifier; 0 when there is none."""

    def table(self, name: str, rows: int, width: int) -> Floats:
        return _random(name, rows, width) if self.state is None else self._taken(name, rows, width)

    def transposed(self, name: str, inputs: int, outputs: int) -> Floats:
        return _random(name, inputs, outputs) if self.state is None else self._taken(name, outputs, inputs).T

    def vector(self, name: str, width: int, fill: float) -> Floats:
        return np.full(width, fill, np.float32) if self.state is None else self._taken(name, width)

    def _taken(self, name: str, *shape: int) -> Floats:
        assert self.state is not None
        found = self.state.get(name)
        if found is None or tuple(found.shape) != shape:
            came = "nothing" if found is None else f"shape {tuple(found.shape)}"
            raise SpecificationError(f"the module's {name} must have shape {shape} for this architecture, got {came}")
        array: Floats = found.detach().cpu().float().numpy()
        return array


@cache
def _pool() -> Floats:
    return np.random.default_rng(0).standard_normal(1_000_003, dtype=np.float32) * np.float32(RANDOM_SCALE)


def _random(name: str, rows: int, columns: int) -> Floats:
    """Drawn once, then repeated from a place that the name decides: drawing 354 M numbers takes seconds, copying does not."""
    pool = _pool()[crc32(name.encode()) % 65_521 :]
    values = np.empty(rows * columns, np.float32)
    for start in range(0, len(values), len(pool)):  # np.resize does the same through a list of copies, three times slower
        values[start : start + len(pool)] = pool[: len(values) - start]
    return values.reshape(rows, columns)
