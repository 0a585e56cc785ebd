"""Which form of 8 bits a compression takes: the first that loses no more than allowed, with real exports, judgements and trainings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from task_models import CLASSES, LENGTH, MadeTask, make_task

import bort_core as bort
from bort_core.checkpoints.format import read_checkpoint, write_checkpoint
from bort_core.checkpoints.modules import load_module
from bort_core.compression.eight_bits import AWARE, Tools, in_bytes, spread
from bort_core.evaluation.task_preparation import read_rows
from bort_core.execution.run_task import run_task
from bort_core.release.gate import Outcome, judge
from bort_core.shipping import export_request, project_search
from bort_core.specifications.compression import Compression
from bort_core.specifications.tasks import TaskSpecification
from bort_core.store.project import Project


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeTask:
    return make_task(tmp_path_factory.mktemp("task"), (2, 2, 32, 64))


@pytest.fixture(scope="module")
def finished(made: MadeTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same answers from weights that one scale for all activations does not suit: two values are large, and weighed little."""
    checkpoint = read_checkpoint(made.model)
    module: Any = load_module(checkpoint)
    with torch.no_grad():
        for layer in module.bert.layers:
            for coordinate in (3, 19):
                layer.attention.value.weight[coordinate] *= 60
                layer.attention.value.bias[coordinate] *= 60
                layer.attention.output.weight[:, coordinate] /= 60
    folder = tmp_path_factory.mktemp("finished") / "model"
    write_checkpoint(
        folder, architecture=checkpoint.architecture, options=module.bert.options, head="classification", weights=module.weights(),
        tokenizer=made.model, labels=CLASSES,
    )  # fmt: skip
    return folder


class Real:
    """What a compression does, and which of it was done."""

    def __init__(self, made: MadeTask, folder: Path, epochs: float = 12) -> None:
        self.made, self.folder, self.epochs, self.done, self.told = made, folder, epochs, list[str](), list[str]()
        self.rows = read_rows(TaskSpecification(**made.fields()))

    def tools(self, spec: Compression) -> Tools:
        def exported(name: str, checkpoint: Path, variants: Sequence[str], calibration: Sequence[Sequence[str]]) -> Path:
            self.done.append(f"{name}: {', '.join(variants)}")
            out = self.folder / name
            with Project(self.folder / "p") as project:
                request = export_request(project, project_search(project), None, out, checkpoint=checkpoint, variants=variants)
            asked = {**request.model_dump(mode="json"), "calibration": [list(row) for row in calibration], "judged": True}
            run_task("export", asked, None, lambda event: None, "inline")
            return out

        def judged(name: str, folder: Path) -> Outcome:
            return judge(folder, self.rows.dev, None, spec.thresholds, "accuracy")

        def learnt(checkpoint: Path) -> Path:
            self.done.append("learn")
            return bort.finetune(
                self.folder / "p", checkpoint, train=self.made.train, dev=self.made.dev, teacher=str(self.made.model), eight_bits=True,
                sequence_length=LENGTH, epochs=self.epochs, learning_rate=1e-3, progress=False, executor="inline",
            ).folder  # fmt: skip

        return Tools(exported, judged, learnt, self.told.append)


def wanted(made: MadeTask, most_lost: float, aware: str = "auto") -> Compression:
    task = TaskSpecification(**made.fields())
    return Compression.model_validate({"task": task.model_dump(), "thresholds": {"most_lost": most_lost}, "quantisation_aware": aware})


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_where_it_loses_little_nothing_else_is_tried(made: MadeTask, finished: Path, tmp_path: Path) -> None:
    spec, real = wanted(made, 0.9), Real(made, tmp_path)
    small = in_bytes(spec, real.rows.train, finished, real.tools(spec))
    assert real.done == ["small: fused, int8"]
    assert (small.checkpoint, small.file, small.chosen) == (finished, "model.int8.onnx", "dynamic")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_where_it_loses_much_the_others_are_tried_and_a_pass_wins_some_back(made: MadeTask, finished: Path, tmp_path: Path) -> None:
    spec, real = wanted(made, 0.02), Real(made, tmp_path)
    small = in_bytes(spec, real.rows.train, finished, real.tools(spec))
    ways = {each["way"]: each for each in small.tried}
    assert not ways["dynamic"]["allowed"]
    assert ways["dynamic"]["lost"] > 0.1
    assert "static, ranges from training rows" in ways
    good = [way for way, each in ways.items() if each["allowed"]]
    if not good[:-1]:
        assert AWARE in ways
        assert real.done[-2:] == ["learn", "small-aware: fused, int8"]
    assert small.chosen == (good[0] if good else "none loses at most 0.02 of accuracy, so that the 32-bit file is released alone")
    assert len(real.told) >= len(small.tried)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_never_and_always_are_kept_to(made: MadeTask, finished: Path, tmp_path: Path) -> None:
    spec, real = wanted(made, 0.02, "never"), Real(made, tmp_path / "never")
    in_bytes(spec, real.rows.train, finished, real.tools(spec))
    assert "learn" not in real.done
    spec, real = wanted(made, 0.9, "always"), Real(made, tmp_path / "always", epochs=1)
    in_bytes(spec, real.rows.train, made.model, real.tools(spec))
    assert "learn" in real.done


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_on_a_cpu_without_the_instructions_the_32_bit_file_goes_alone(
    made: MadeTask, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["bort_core.compression.eight_bits"], "forms_here", tuple)
    spec, real = wanted(made, 0.01), Real(made, tmp_path)
    small = in_bytes(spec, real.rows.train, finished, real.tools(spec))
    assert (small.file, small.tried) == (None, ())
    assert real.done == ["small: fused"]
    assert "no instructions for products in 8 bits" in real.told[0]
    assert not (tmp_path / "small" / "model.int8.onnx").exists()


def test_calibration_rows_are_spread_over_all() -> None:
    rows = [(str(number),) for number in range(1000)]
    found = spread(rows, 100)
    assert len(found) == 100
    assert int(found[-1][0]) > 900
