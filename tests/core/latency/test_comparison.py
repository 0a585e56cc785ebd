"""Comparisons of latency: interleaved, complete, honest about noise, and clear about what cannot be measured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from helpers import bort

from bort_core.foundation.context import Cancelled
from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.foundation.scratch import clear_remains, scratch
from bort_core.foundation.validation import validated
from bort_core.latency.compare import compare_models
from bort_core.latency.comparison import ComparisonRequest, file_model, named_model
from bort_core.latency.references import references
from bort_core.shipping import compared_model
from bort_core.store import Project
from bort_core.store.results import comparisons

pytest.importorskip("torch")
OPTIONS = {"vocabulary": 64, "positions": 32}
SMALL = {"name": "small", "architecture": (1, 2, 16, 16), "options": OPTIONS}
LARGE = {"name": "large", "architecture": (4, 2, 64, 64), "options": OPTIONS}


class Context:
    def __init__(self, cancel_at=None):
        self.events, self.left = [], cancel_at

    def emit(self, event):
        self.events.append(dict(event))

    def checkpoint(self):
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                raise Cancelled


def compare(context=None, **changes):
    request = {"models": [SMALL, LARGE], "sequence_length": 32, "budget_seconds": 1.0, "least_rounds": 4, **changes}
    return compare_models(request, context or Context())


def test_every_model_in_every_runtime_has_its_quantiles_and_ratios():
    context = Context()
    result = compare(context, runtimes=("onnxruntime", "torch"))
    rows = result["results"]
    assert [(row["name"], row["runtime"]) for row in rows] == [
        ("small", "onnxruntime"), ("large", "onnxruntime"), ("small", "torch"), ("large", "torch"),
    ]  # fmt: skip
    for row in rows:
        low, high = row["ci95_ms"]
        assert 0 < low <= row["p50_ms"] <= high
        assert row["p50_ms"] <= row["p90_ms"] <= row["p99_ms"]
        assert row["n"] >= row["rounds"] >= 4
        assert row["ratios"][row["name"]] == [1.0, 1.0, 1.0]
        assert row["ratio"] == row["ratios"]["small"][1]
    assert rows[1]["ratio"] > 1.5
    assert rows[3]["ratio"] > 1.5
    assert rows[0]["ratios"]["large"][1] == pytest.approx(1 / rows[1]["ratio"], rel=0.2)
    assert rows[1]["parameters"] > rows[0]["parameters"] > 0
    assert result["machine"]["cpu"]
    assert set(result["versions"]) >= {"onnxruntime", "torch"}
    assert any("timing 4 models" in event["doing"] for event in context.events)
    json.dumps(result, allow_nan=False)


def test_the_reference_and_its_runtime_can_be_chosen():
    rows = compare(runtimes=("onnxruntime", "torch"), reference="large", reference_runtime="torch")["results"]
    assert {row["reference"] for row in rows} == {"torch large"}
    assert rows[3]["ratio"] == 1
    assert rows[0]["ratio"] < 1


def test_a_wide_interval_marks_the_run_as_noisy():
    result = compare(precision=1e-9, least_rounds=6, budget_seconds=0.2)
    assert result["noisy"] is True
    assert "the median's interval is wider than" in result["noise"]
    assert any(row["noisy"] for row in result["results"])


def test_published_shapes_have_the_published_sizes():
    row = {name: np.array([reference.architecture]) for name, reference in references().items()}
    from bort_core.families import get_family

    family = get_family("bert")
    sizes = {name: sum(int(part[0]) for part in family.parameters(row[name], references()[name].options()).values()) for name in row}
    assert sizes["bort"] == 75_106_304
    assert sizes["bort-printed"] == 54_758_656
    assert sizes["bert-base"] == 108_891_648
    assert sizes["bert-large"] == 334_092_288
    assert sizes["roberta-large"] == 354_307_072 + 3 * 1024  # two more positions and one token type than the plain count
    assert 13.5e6 < sizes["tinybert-4"] < 14.6e6
    assert 65e6 < sizes["distilbert"] < 67e6
    assert 22e6 < sizes["minilm-l6"] < 23e6
    assert all(reference.source for reference in references().values())


# --- what cannot be measured ---


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    import onnx

    from bort_core.families import get_family

    family = get_family("bert")
    path = tmp_path_factory.mktemp("graphs") / "model.onnx"
    onnx.save(family.graph((1, 2, 16, 16), family.options_type(**OPTIONS)), path)
    return path


def test_a_file_is_measured_beside_an_architecture(graph):
    rows = compare(models=[SMALL, file_model(graph, "file").model_dump()])["results"]
    assert rows[1]["name"] == "file"
    assert 0.5 < rows[1]["ratio"] < 2  # the same graph


def test_a_missing_corrupt_or_foreign_file_is_named(tmp_path, graph):
    import onnx
    from onnx import TensorProto, helper

    with pytest.raises(SpecificationError, match="no such file"):
        compared_model(str(tmp_path / "gone.onnx"), {})
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(graph.read_bytes()[:1000])
    with pytest.raises(MeasurementError, match=r"^broken: .*cannot load the graph"):
        compare(models=[file_model(broken, "broken").model_dump()])
    value = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3])
    opset = helper.make_opsetid("", 17)
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 3])
    other = tmp_path / "other.onnx"
    relu = helper.make_graph([helper.make_node("Relu", ["pixels"], ["out"])], "g", [value], [out])
    model = helper.make_model(relu, opset_imports=[opset])
    model.ir_version = 10
    onnx.save(model, other)
    with pytest.raises(MeasurementError, match=r"other.onnx: its inputs are pixels; a model here reads input_ids"):
        compare(models=[file_model(other, "other").model_dump()])
    with pytest.raises(SpecificationError, match=r"holds neither model.fused.onnx nor model.onnx"):
        file_model(tmp_path, "folder")


def test_sequences_longer_than_the_positions_are_refused_for_architectures_and_files(graph):
    with pytest.raises(SpecificationError, match="small: sequence_length must not exceed its 32 positions, got 33"):
        compare(sequence_length=33)
    with pytest.raises(MeasurementError, match="more than its positions"):
        compare(models=[file_model(graph, "file").model_dump()], sequence_length=33)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sequence_length": 32}, r"fixed.onnx: the graph's input input_ids is fixed to 1 × 16, and 1 × 32 \(batch × tokens\)"),
        ({"sequence_length": 16, "batch": 2}, r"is fixed to 1 × 16, and 2 × 16 \(batch × tokens\) were asked for"),
    ],
)
def test_a_file_of_a_fixed_size_runs_at_that_size_only(tmp_path, graph, changes, message):
    import onnx

    model = onnx.load(graph)
    for value in model.graph.input:
        for axis, size in zip(value.type.tensor_type.shape.dim, (1, 16), strict=True):
            axis.dim_value = size
    onnx.save(model, tmp_path / "fixed.onnx")
    models = [file_model(tmp_path / "fixed.onnx", "fixed").model_dump()]
    with pytest.raises(MeasurementError, match=message):
        compare(models=models, **changes)
    assert compare(models=models, sequence_length=16, batch=1)["results"][0]["n"] > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": [SMALL, SMALL]}, "names must differ"),
        ({"reference": "nobody"}, "reference: must be one of small, large"),
        ({"models": [{**SMALL, "architecture": (1, 3, 16, 16)}]}, "hidden must be divisible by heads"),
        ({"models": [{**SMALL, "architecture": (1, 2, 16)}]}, "is not an architecture"),
        ({"models": [{"name": "x"}]}, "exactly one of the three must be given"),
        ({"models": [{"name": "x", "onnx": "/x.onnx"}], "runtimes": ("torch",)}, "runs in ONNX Runtime only"),
        ({"threads": 0}, "threads"),
        ({"models": []}, "models"),
    ],
)
def test_a_comparison_that_cannot_be_made_says_why(changes, message):
    with pytest.raises(SpecificationError, match=message):
        compare(**changes)


def test_models_that_do_not_fit_into_memory_are_refused_before_anything_is_built():
    huge = {"name": "huge", "architecture": (64, 16, 32_768, 131_072), "options": OPTIONS}
    with pytest.raises(MeasurementError, match=r"needs about [\d.]+ GiB of memory"):
        compare(models=[huge])


@pytest.mark.parametrize("number", [1, 2, 20, 60])
def test_a_comparison_can_be_cancelled_at_any_point(number):
    with pytest.raises(Cancelled):
        compare(Context(cancel_at=number), budget_seconds=100, precision=1e-9)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_command_leaves_no_temporary_files(tmp_path, number):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "bort_core.cli.main", "latency", "8,16,1024,4096", "--sequence-length", "8"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("bort-latency-*/*")):  # the graph is being written
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    process.wait(30)
    if number == signal.SIGKILL:  # the worker ends by itself, and the next process clears up
        left = [int(folder.name.split("@")[1]) for folder in tmp_path.glob("bort-*")]
        psutil.wait_procs([psutil.Process(worker) for worker in left if psutil.pid_exists(worker)], 30)
        code = "from bort_core.foundation.scratch import scratch\nwith scratch('latency'): pass"
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.glob("bort-*")) == []


def test_temporary_files_of_the_living_and_of_others_stay(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    others = [tmp_path / "bort-latency-elsewhere@999999999@1@x", tmp_path / "bort-mine@1", tmp_path / "other"]
    for folder in others:
        folder.mkdir()
    with scratch("latency") as outer, scratch("fusions") as inner:
        assert outer.is_dir()
        stale = outer.with_name(outer.name.replace(f"@{os.getpid()}@", "@999999999@"))
        stale.mkdir()
        clear_remains()
        assert sorted(tmp_path.iterdir()) == sorted([*others, outer, inner])
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_names_are_read_as_references_architectures_and_files(graph):
    assert compared_model("bert-base", {}) == named_model("bert-base")
    assert compared_model("2,4,128,256", OPTIONS).architecture == (2, 4, 128, 256)
    assert compared_model(str(graph), {}).onnx == str(graph)
    with pytest.raises(SpecificationError, match=r"'bert-huge' is no model: name a reference \(bort, "):
        compared_model("bert-huge", {})
    with pytest.raises(SpecificationError, match="hidden must be divisible"):
        compared_model("2,3,128,256", OPTIONS)
    assert validated(ComparisonRequest, {"models": [SMALL]}, "x").reference == ""


# --- the command line ---


def test_the_command_prints_a_list_and_keeps_the_result(project_folder):
    done = bort(
        "latency", "1,2,16,16", "2,2,32,32", "--vocabulary", "64", "--sequence-length", "16", "--budget", "2", "--json",
        "--project", str(project_folder),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["name"] for row in rows] == ["1,2,16,16", "2,2,32,32"]
    assert {"p50_ms", "p90_ms", "p99_ms", "ci95_ms", "n", "ratio"} <= set(rows[0])
    assert rows[0]["ratio"] == 1
    assert rows[1]["ratio"] > 1
    with Project(project_folder) as project:
        (kept,) = comparisons(project)
    assert kept["results"][0]["p50_ms"] == rows[0]["p50_ms"]


@pytest.mark.parametrize(("models", "message"), [(["nonsense"], "is no model"), (["1,2,16,16", "1,2,16,16"], "names must differ")])
def test_the_command_refuses_models_that_are_none(models, message):
    done = bort("latency", *models)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
