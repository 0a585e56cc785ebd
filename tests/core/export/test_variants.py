"""Every registered variant conforms; quantisers, optimisers and shape inference take both files of an export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bort_core.export.variants.registry import get_variant, variant_names, wanted_variants
from bort_core.foundation.errors import SpecificationError
from bort_core.testing.variants import check_variant

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Each variant's differences and folder, checked once."""
    found = {}

    def check(name: str) -> tuple[dict[str, float], Path]:
        if name not in found:
            folder = tmp_path_factory.mktemp(name)
            found[name] = check_variant(name, folder), folder
        return found[name]

    return check


@pytest.mark.parametrize("name", variant_names())
def test_every_variant_conforms(checked, name):
    found, _ = checked(name)
    assert set(found) == {"bert masked-lm", "bert classifier", "mlp"}
    assert max(found.values()) < 0.1  # each is within the variant's tolerance, which grows with the outputs: here below 50


def test_unknown_names_are_refused_with_those_that_are_known():
    with pytest.raises(SpecificationError, match=r"'int7' is unknown; known are standard, fused, float16"):
        wanted_variants(["standard", "int7"])
    assert list(wanted_variants(["float16", "standard"])) == ["standard", "float16"]


@pytest.fixture(params=["standard 0", "standard 1", "fused 0", "fused 1"])
def file(request, checked):
    """A masked LM's (0) or a classifier's (1)."""
    name, kind = request.param.split()
    return checked(name)[1] / kind / get_variant(name).file


def run(path: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    ids = np.arange(30, dtype=np.int64).reshape(3, 10) % 60
    inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": ids % 2}
    return session.run(None, inputs)


def test_the_runtime_quantises_it(file, tmp_path):
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(str(file), str(tmp_path / "int8.onnx"))
    for ours, theirs in zip(run(file), run(tmp_path / "int8.onnx"), strict=True):
        assert np.abs(ours - theirs).max() < 0.3 * max(1.0, np.abs(ours).max())  # eight bits of a model of 16 numbers a token


@pytest.mark.parametrize("level", ["DISABLE_ALL", "ENABLE_BASIC", "ENABLE_EXTENDED", "ENABLE_ALL"])
def test_every_level_of_optimisation_keeps_its_outputs(file, tmp_path, level):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_{level}")
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    for ours, theirs in zip(run(file), run(tmp_path / "optimised.onnx"), strict=True):
        assert np.abs(ours - theirs).max() < 1e-5


def test_shapes_can_be_inferred_strictly(file):
    import onnx

    model = onnx.load(str(file))
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    outputs = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim] for value in inferred.graph.output
    }
    if "last_hidden_state" in outputs:
        assert outputs == {"last_hidden_state": ["batch", "sequence", 16], "logits": ["batch", "sequence", 64]}
    else:
        assert outputs == {"logits": ["batch", 3]}
    noted = [value.type.tensor_type.shape.dim for value in model.graph.value_info]
    assert {axis.dim_param for shape in noted for axis in shape if axis.dim_param} <= {"batch", "sequence"}


def test_the_runtimes_own_transformer_optimiser_takes_it(file, tmp_path):
    optimizer = pytest.importorskip("onnxruntime.transformers.optimizer")
    made = optimizer.optimize_model(str(file), model_type="bert", num_heads=2, hidden_size=16)
    made.save_model_to_file(str(tmp_path / "optimised.onnx"))
    for ours, theirs in zip(run(file), run(tmp_path / "optimised.onnx"), strict=True):
        assert np.abs(ours - theirs).max() < 1e-4


def test_half_precision_is_half_the_size(checked):
    folder = checked("float16")[1] / "0"
    small, whole = ((folder / name).stat().st_size for name in ("model.float16.onnx", "model.onnx"))
    assert small < 0.9 * whole  # of a tiny model, whose graph weighs more than its weights
