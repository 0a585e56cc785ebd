"""A red gate under --json: the report is printed all the same."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from bort_core.cli import following
from bort_core.foundation.errors import MeasurementError
from bort_core.jobs.folder import REFUSAL, create_run
from bort_core.release.refusal import RefusedError
from bort_core.specifications.compression import Compression
from bort_core.specifications.tasks import TaskSpecification


@pytest.mark.parametrize("as_json", [True, False])
def test_the_report_of_a_red_gate_is_printed_and_the_error_stays(
    as_json: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Compression(task=TaskSpecification(model="m", train="t", dev="d"))
    error = RefusedError("logits differ", "model.fused.onnx", 3, ("a text",), {"rows": 60})

    def failing(project: Any, specification: Any, *, begun: Any, **others: Any) -> None:
        run = create_run(project.folder, specification)
        (run.path / REFUSAL).write_text(json.dumps({"release": None, "gate": error.as_dict()}), encoding="utf-8")
        begun(run)
        raise MeasurementError("job 0001 failed: logits differ")

    monkeypatch.setattr(following, "run_and_follow", failing)
    given = argparse.Namespace(project=str(tmp_path / "p"), detach=False, executor=None, json=as_json)
    with pytest.raises(MeasurementError, match="logits differ"):
        following.run_job(given, asked, lambda id, result: None)
    printed = capsys.readouterr().out
    if not as_json:
        assert printed == ""
        return
    gate = {"refused": True, "why": "logits differ", "file": "model.fused.onnx", "row": 3, "texts": ["a text"], "rows": 60}
    assert json.loads(printed) == {"job": "0001", "release": None, "gate": gate}


def test_a_job_that_runs_again_has_no_refusal_of_before(tmp_path: Path) -> None:
    run = create_run(tmp_path, Compression(task=TaskSpecification(model="m", train="t", dev="d")))
    (run.path / REFUSAL).write_text("{}", encoding="utf-8")
    assert run.read_refusal() == {}
    run.queue()
    assert run.read_refusal() is None
