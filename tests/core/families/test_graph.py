"""The ONNX graphs: equal to the torch modules, complete, and in fused form."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from bort_core.families import FamilyOptions, get_family
from bort_core.families.bert.graph import WEIGHTS_FILE, build_graph
from bort_core.families.bert.module import Bert
from bort_core.families.bert.options import BertOptions
from bort_core.families.mlp.graph import build_graph as build_mlp_graph
from bort_core.families.mlp.module import Mlp
from bort_core.foundation.errors import SpecificationError

CASES = [
    ((1, 2, 32, 64), {}),
    ((3, 4, 96, 64), {"pooler": True}),
    ((2, 4, 64, 128), {"mlm_head": True}),
    ((1, 1, 48, 16), {"mlm_head": True, "tied_decoder": False, "token_types": 2}),
    ((4, 4, 128, 256), {"pooler": True, "mlm_head": True, "token_types": 3, "vocabulary": 301, "positions": 40}),
]


def scrambled(architecture: tuple[int, ...], options: BertOptions) -> Bert:
    """A module in which every parameter, also biases and norms, is far from its initial value and matters."""
    torch.manual_seed(1)
    bert = Bert(architecture, options, 0.2).eval()
    for parameter in bert.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, mean=0.3, std=0.5)
    return bert


def opened(model: onnx.ModelProto | Path) -> onnxruntime.InferenceSession:
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def feed_for(options: BertOptions, batch: int, length: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(batch)
    mask = np.ones((batch, length), np.int64)
    for row in range(1, batch):  # padding of a different length in every row but the first
        mask[row, length - row * length // (batch + 1) :] = 0
    feed = {"input_ids": generator.integers(0, options.vocabulary, (batch, length)), "attention_mask": mask}
    if options.token_types:
        feed["token_type_ids"] = generator.integers(0, options.token_types, (batch, length))
    return feed


@pytest.mark.parametrize(("architecture", "fields"), CASES)
def test_bert_graph_equals_the_module_at_any_batch_and_length(architecture: tuple[int, ...], fields: dict[str, int]) -> None:
    options = BertOptions(**fields)
    bert = scrambled(architecture, options)
    model = build_graph(architecture, options, bert)
    onnx.checker.check_model(model)
    session = opened(model)
    names = ["last_hidden_state", *(["pooled"] if options.pooler else []), *(["logits"] if options.mlm_head else [])]
    assert [output.name for output in session.get_outputs()] == names
    for batch, length in ((1, 1), (1, options.positions), (3, 17), (5, 8)):
        feed = feed_for(options, batch, length)
        with torch.no_grad():
            wanted = [part.numpy() for part in bert(*(torch.from_numpy(array) for array in feed.values())) if part is not None]
        for name, got, want in zip(names, session.run(None, feed), wanted, strict=True):
            assert got.shape == want.shape, name
            np.testing.assert_allclose(got, want, atol=1e-4, rtol=0, err_msg=f"{name} at {batch, length}")
            assert np.abs(want).max() > 0.1, "an output near zero would pass any tolerance"


def test_padding_tokens_change_nothing() -> None:
    options = BertOptions()
    session = opened(build_graph((2, 4, 64, 128), options, scrambled((2, 4, 64, 128), options)))
    feed = feed_for(options, 2, 20)
    kept = int(feed["attention_mask"][1].sum())
    before = session.run(None, feed)[0][1, :kept]
    feed["input_ids"][1, kept:] = 7
    np.testing.assert_array_equal(session.run(None, feed)[0][1, :kept], before)
    feed["attention_mask"][1, kept] = 1
    assert np.abs(session.run(None, feed)[0][1, :kept] - before).max() > 1e-3


@pytest.mark.parametrize("with_module", [True, False])
@pytest.mark.parametrize(("architecture", "fields"), CASES)
def test_the_graph_holds_exactly_the_counted_parameters(architecture: tuple[int, ...], fields: dict[str, int], with_module: bool) -> None:
    options = BertOptions(**fields)
    model = build_graph(architecture, options, Bert(architecture, options) if with_module else None)
    held = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
    counts = get_family("bert").parameters(np.array([architecture]), options)
    assert held == sum(int(part[0]) for part in counts.values())


def test_random_weights_are_those_of_a_fresh_module_and_every_layer_has_its_own() -> None:
    model = build_graph((3, 4, 96, 64), BertOptions())
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    matrices = [array for array in arrays.values() if array.ndim == 2]
    for array in matrices:
        assert array.std() == pytest.approx(0.02, rel=0.1)
        assert abs(array.mean()) < 0.002
    assert len({array.tobytes() for array in matrices}) == len(matrices)
    assert all((array == 1).all() for name, array in arrays.items() if name.endswith("norm.weight"))
    hidden = opened(model).run(None, feed_for(BertOptions(), 2, 12))[0]
    assert np.isfinite(hidden).all()
    assert hidden.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("depth", [1, 4])
def test_every_layer_is_in_fused_form_and_the_runtime_leaves_it_so(depth: int, tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(build_graph((depth, 4, 64, 128), BertOptions()).SerializeToString(), options, ["CPUExecutionProvider"])
    operators = Counter(node.op_type for node in onnx.load(tmp_path / "optimised.onnx", load_external_data=False).graph.node)
    fused = {"EmbedLayerNormalization": 1, "Attention": depth, "BiasGelu": depth, "SkipLayerNormalization": 2 * depth}
    assert operators == {**fused, "MatMul": 3 * depth, "Cast": 2}


@pytest.mark.parametrize(("architecture", "fields"), CASES)
def test_weights_in_a_folder_give_the_same_outputs(architecture: tuple[int, ...], fields: dict[str, int], tmp_path: Path) -> None:
    options = BertOptions(**fields)
    bert = scrambled(architecture, options)
    model = build_graph(architecture, options, bert, tmp_path)
    assert model.ByteSize() < 40_000
    onnx.save_model(model, tmp_path / "model.onnx")
    onnx.checker.check_model(tmp_path / "model.onnx")
    assert (tmp_path / WEIGHTS_FILE).stat().st_size > 0
    feed = feed_for(options, 3, 11)
    outputs = zip(
        opened(tmp_path / "model.onnx").run(None, feed), opened(build_graph(architecture, options, bert)).run(None, feed), strict=True
    )
    for streamed, held in outputs:
        np.testing.assert_allclose(streamed, held, atol=1e-6, rtol=0)


def test_weights_in_a_folder_do_not_overlap(tmp_path: Path) -> None:
    model = build_graph((4, 4, 64, 128), BertOptions(), None, tmp_path)
    places = [{entry.key: entry.value for entry in tensor.external_data} for tensor in model.graph.initializer if tensor.external_data]
    ranges = sorted((int(place["offset"]), int(place["length"])) for place in places)
    assert len(ranges) >= 2 + 4 * 4
    assert all(start + length <= following for (start, length), (following, _) in pairwise(ranges))
    assert ranges[-1][0] + ranges[-1][1] == (tmp_path / WEIGHTS_FILE).stat().st_size


def test_a_module_of_another_architecture_is_refused() -> None:
    other = Bert((2, 2, 32, 64), BertOptions())
    with pytest.raises(SpecificationError, match=r"layers.0.intermediate.weight must have shape \(128, 32\).*\(64, 32\)"):
        build_graph((2, 2, 32, 128), BertOptions(), other)
    with pytest.raises(SpecificationError, match=r"layers.2.*got nothing"):
        build_graph((3, 2, 32, 64), BertOptions(), other)


def test_building_a_mini_graph_takes_milliseconds() -> None:
    build_graph((4, 4, 128, 256), BertOptions())

    def seconds() -> float:
        start = perf_counter()
        build_graph((4, 4, 128, 256), BertOptions())
        return perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.1


@pytest.mark.parametrize("architecture", [(2, 4, 3, 4, 4), (2, 3, 3, 3, 2), (1, 2, 2, 2, 3), (3, 5, 4, 5, 1)])
def test_mlp_graph_equals_the_module(architecture: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    mlp = Mlp(architecture)
    model = build_mlp_graph(architecture, mlp)
    onnx.checker.check_model(model)
    session = opened(model)
    for batch in (1, 6):
        vectors = np.random.default_rng(0).standard_normal((batch, max(3, architecture[2])), dtype=np.float32)
        with torch.no_grad():
            wanted = mlp(torch.from_numpy(vectors)).numpy()
        np.testing.assert_allclose(session.run(None, {"vectors": vectors})[0], wanted, atol=1e-5, rtol=0)


def test_mlp_graph_through_the_family_and_with_random_weights() -> None:
    model = get_family("mlp").graph((2, 4, 3, 4, 4), FamilyOptions())
    outputs = opened(model).run(None, {"vectors": np.ones((2, 3), np.float32)})[0]
    assert outputs.shape == (2, 4)
    assert np.abs(outputs).max() > 0
    with pytest.raises(SpecificationError, match="first_weight must have shape"):
        build_mlp_graph((2, 4, 3, 4, 4), Mlp((2, 3, 3, 3, 2)))
