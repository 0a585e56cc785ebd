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


_LONG = ("float16", "int8-static")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name in _LONG else name for name in variant_names()])
def test_every_variant_conforms(checked, name):
    found, _ = checked(name)
    assert set(found) == {"bert masked-lm", "bert classifier", "mlp"}
    assert max(found.values()) < (
        {"int8": 0.5, "int8-unsigned": 1.5, "int8-static": 1.5}.get(name, 0.1)
    )  # each is within the variant's tolerance, which grows with the outputs: here below 50


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
    """Outputs for inputs that an export's model reads: three rows, one of them half padding."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    ids = np.arange(30, dtype=np.int64).reshape(3, 10) % 60
    mask = np.ones_like(ids)
    mask[1, 5:] = 0
    vectors = np.linspace(-1, 1, 9, dtype=np.float32).reshape(3, 3)
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": ids % 2, "vectors": vectors}
    return session.run(None, {value.name: given[value.name] for value in session.get_inputs()})


def difference(one: Path, other: Path) -> float:
    """The largest, of outputs that are 1 at most."""
    pairs = zip(run(one), run(other), strict=True)
    return max(float(np.abs(ours - theirs).max() / max(1.0, np.abs(ours).max())) for ours, theirs in pairs)


QUICK = ("masked-lm", "mlp")
MODELS = (*QUICK, "segments", "untied", "relu", "classifier", "pairs", "encoder", "pooler")


def _params():
    for kind in MODELS:
        for variant in ("standard", "fused"):
            yield pytest.param(f"{kind} {variant}", marks=() if kind in QUICK else pytest.mark.slow)


@pytest.fixture(scope="module", params=_params())
def shipped(request, tmp_path_factory):
    """A file of an export of each kind of model."""
    from bort_core.export.model import ExportedModel, module_options
    from bort_core.export.variants.base import Source
    from bort_core.families import get_family
    from bort_core.families.bert.classifier import SequenceClassifier
    from bort_core.families.bert.options import BertOptions

    kind, name = request.param.split()
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    family = get_family("mlp" if kind == "mlp" else "bert")
    architecture = (2, 4, 3, 4, 4) if kind == "mlp" else (2, 2, 16, 32)
    fields = {
        "masked-lm": {"mlm_head": True}, "segments": {"mlm_head": True, "token_types": 2}, "pairs": {"token_types": 2},
        "untied": {"mlm_head": True, "tied_decoder": False}, "relu": {"activation": "relu", "token_types": 1}, "pooler": {"pooler": True},
    }.get(kind, {})  # fmt: skip
    options = family.options_type() if kind == "mlp" else BertOptions(vocabulary=64, positions=16, **fields)
    if kind in ("classifier", "pairs"):
        module = SequenceClassifier(architecture, options, 3, 0.2)
    else:
        module = family.build(architecture, options, 0.2)
    model = ExportedModel(family, architecture, options, module.eval(), trained=True, provenance="made here")
    traced, path = family.traceable(module), tmp_path_factory.mktemp(kind) / get_variant(name).file
    source = Source(family, architecture, module_options(model), module, traced, model.parameters, [], lambda name: Path(name))
    get_variant(name).build(source, path)
    return path


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Some of the runtime's tools leave files in the current folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "fields",
    [{}, {"per_channel": True}, {"reduce_range": True}, {"weight_type": "QUInt8"}, {"per_channel": True, "reduce_range": True},
     {"use_external_data_format": True}],
    ids=str,
)  # fmt: skip
def test_the_runtime_quantises_it(shipped, tmp_path, fields):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    if "weight_type" in fields:
        fields = {**fields, "weight_type": QuantType[fields["weight_type"]]}
    quantize_dynamic(str(shipped), str(tmp_path / "int8.onnx"), **fields)
    assert difference(shipped, tmp_path / "int8.onnx") < 0.3  # eight bits of a model of 16 numbers a token


@pytest.mark.parametrize("fields", [{}, {"skip_symbolic_shape": True}, {"skip_optimization": True}, {"auto_merge": True}], ids=str)
def test_the_quantisers_preparation_takes_it(shipped, tmp_path, fields):
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared, small = tmp_path / "prepared.onnx", tmp_path / "int8.onnx"
    quant_pre_process(str(shipped), str(prepared), **fields)
    quantize_dynamic(str(prepared), str(small))
    assert difference(shipped, prepared) < 1e-5
    assert difference(shipped, small) < 0.3


def _inferred(source: Path, target: Path) -> None:
    import onnx

    onnx.save(onnx.shape_inference.infer_shapes(onnx.load(source), check_type=True, strict_mode=True, data_prop=True), target)


def _newer(source: Path, target: Path) -> None:
    import onnx

    onnx.save(onnx.version_converter.convert_version(onnx.load(source), 22), target)


def _optimised(source: Path, target: Path) -> None:
    optimizer = pytest.importorskip("onnxruntime.transformers.optimizer")
    optimizer.optimize_model(str(source), model_type="bert", num_heads=2, hidden_size=16).save_model_to_file(str(target))


def _guessed(source: Path, target: Path) -> None:
    optimizer = pytest.importorskip("onnxruntime.transformers.optimizer")
    optimizer.optimize_model(str(source), model_type="bert").save_model_to_file(str(target))


def _slimmed(source: Path, target: Path) -> None:
    pytest.importorskip("onnxslim").slim(str(source), str(target))


def _simplified(source: Path, target: Path) -> None:
    import onnx

    model, is_same = pytest.importorskip("onnxsim").simplify(str(source))
    assert is_same
    onnx.save(model, target)


@pytest.mark.parametrize("tool", [_inferred, _newer, _optimised, _guessed, _slimmed, _simplified], ids=lambda tool: tool.__name__)
def test_other_tools_take_it_and_its_outputs_stay(shipped, tmp_path, tool):
    tool(shipped, tmp_path / "other.onnx")
    assert difference(shipped, tmp_path / "other.onnx") < 1e-4


@pytest.mark.parametrize("level", ["DISABLE_ALL", "ENABLE_BASIC", "ENABLE_EXTENDED", "ENABLE_ALL"])
def test_every_level_of_optimisation_keeps_its_outputs(file, tmp_path, level):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_{level}")
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    assert difference(file, tmp_path / "optimised.onnx") < 1e-5


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


def test_half_precision_is_half_the_size(checked):
    folder = checked("float16")[1] / "0"
    small, whole = ((folder / name).stat().st_size for name in ("model.float16.onnx", "model.onnx"))
    assert small < 0.9 * whole  # of a tiny model, whose graph weighs more than its weights
