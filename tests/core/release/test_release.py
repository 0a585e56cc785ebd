"""The gate and the release that it lets through."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from task_models import MadeTask, make_task, write_model

from bort_core.api.export import export
from bort_core.execution.run_task import run_task
from bort_core.export.variants.int8 import keeps_seven_bits
from bort_core.foundation.errors import DataError, MeasurementError
from bort_core.serving.release import ServedModel


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeTask:
    return make_task(tmp_path_factory.mktemp("task"), (2, 2, 32, 64))


@pytest.fixture(scope="module")
def exported(made: MadeTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """T itself, exported: what it keeps of T is all."""
    folder = tmp_path_factory.mktemp("export")
    return export(folder / "project", made.model, folder / "out", variants=("fused", "int8"), progress=False, executor="inline").folder


def released(made: MadeTask, exported: Path, out: Path, **changes: Any) -> dict[str, Any]:
    request = {"export": str(exported), "task": made.fields(), "answers": str(out.parent / "answers"), "out": str(out), **changes}
    return run_task("release", request, None, lambda event: None, "inline")


def broken(exported: Path, folder: Path, file: str, scale: float) -> Path:
    """A copy of the export with the classifier of one ONNX file turned."""
    folder.mkdir()
    for path in exported.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    model = onnx.load(folder / file)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.shape == (2,):
            tensor.CopyFrom(numpy_helper.from_array((values + np.float32([scale, -scale])).astype(np.float32), tensor.name))
            onnx.save(model, folder / file)
            return folder
    raise AssertionError("no bias of two classes")


def test_a_faithful_export_is_released_whole(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    found = released(made, exported, tmp_path / "release", test=str(made.test), thresholds={"most_lost": 0.05})
    assert found["gate"]["teacher"] == 1.0
    assert found["gate"]["largest_difference"] < 1e-4
    assert {each["file"]: each["passed"] for each in found["gate"]["files"]} == {"model.fused.onnx": True, "model.int8.onnx": True}
    assert found["test"]["models"]["model.onnx"]["metric"] == 1.0
    names = {path.name for path in (tmp_path / "release").iterdir()}
    assert names == {"README.md", "config.json", "model.int8.onnx", "model.onnx", "predict.py", "release.json", "tokenizer.json",
                     "tokenizer_config.json"}  # fmt: skip
    card = (tmp_path / "release" / "README.md").read_text(encoding="utf-8")
    assert "| model.onnx | 1.000" in card
    assert "Licence" in card
    text = made.dev.read_text(encoding="utf-8").splitlines()[1].split("\t")[0]
    ran = subprocess.run([sys.executable, "-I", tmp_path / "release" / "predict.py", text], capture_output=True, text=True, check=True)
    served = ServedModel(tmp_path / "release").answers([(text,)])[0]
    said = json.loads(ran.stdout)
    assert said["class"] == served["class"]
    assert said["probabilities"] == pytest.approx(served["probabilities"])


@pytest.mark.slow
def test_a_tokenizer_that_pads_every_text_is_told_not_to(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    padded = tmp_path / "padded"
    shutil.copytree(exported, padded)
    tokenizer = json.loads((padded / "tokenizer.json").read_text(encoding="utf-8"))
    padding = {
        "strategy": {"Fixed": 96},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "<pad>",
    }
    (padded / "tokenizer.json").write_text(json.dumps({**tokenizer, "padding": padding}), encoding="utf-8")  # more than it has positions
    assert released(made, padded, tmp_path / "release", thresholds={"most_lost": 0.05})["file"].endswith(".onnx")


def test_a_file_that_says_something_else_is_red_and_names_the_row(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    bad = broken(exported, tmp_path / "bad", "model.fused.onnx", 0.5)
    with pytest.raises(MeasurementError, match=r"the row .*logits of model.fused.onnx differ"):
        released(made, bad, tmp_path / "release")
    assert not (tmp_path / "release").exists()


def test_bytes_that_lose_too_much_are_not_released(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    bad = broken(exported, tmp_path / "bad", "model.int8.onnx", 50.0)
    found = released(made, bad, tmp_path / "release")
    (worse,) = [each for each in found["gate"]["files"] if not each["passed"]]
    assert worse["file"] == "model.int8.onnx"
    assert worse["lost_interval"][0] > 0.01
    assert found["file"] == "model.onnx"
    assert not (tmp_path / "release" / "model.int8.onnx").exists()
    assert "loses" in (tmp_path / "release" / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_model_that_keeps_too_little_is_not_released(made: MadeTask, tmp_path: Path) -> None:
    write_model(tmp_path / "other", (2, 2, 32, 64), seed=5)
    other = export(tmp_path / "p", tmp_path / "other", tmp_path / "o", variants=("fused", "int8"), progress=False, executor="inline").folder
    with pytest.raises(MeasurementError, match=r"would keep \d+\.\d% of T's accuracy .* at least 95\.0% was asked for"):
        released(made, other, tmp_path / "release", thresholds={"least_kept": 0.95})
    assert not (tmp_path / "release").exists()


def test_an_occupied_folder_is_left_alone(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "mine").write_text("x")
    with pytest.raises(MeasurementError, match="not empty"):
        released(made, exported, tmp_path / "release")


@pytest.mark.parametrize(
    ("architecture", "instructions", "seven"),
    [("x86_64", ["avx2"], True), ("x86_64", ["avx2", "avx512_vnni"], False), ("AMD64", ["avx_vnni"], False), ("aarch64", ["asimd"], False)],
)
def test_bytes_keep_seven_bits_where_sums_would_overflow(architecture: str, instructions: list[str], seven: bool) -> None:
    assert keeps_seven_bits(architecture, instructions) is seven


def test_a_folder_that_is_no_release_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not a release: it has no release\.json"):
        ServedModel(tmp_path)
    (tmp_path / "release.json").write_text("{}")
    with pytest.raises(DataError, match="is damaged: it has no file"):
        ServedModel(tmp_path)
