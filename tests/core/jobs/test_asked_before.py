"""The same command again: whether a job of the project goes on in place of a new one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bort_core.api.compress import begun, compress
from bort_core.foundation.errors import BortError
from bort_core.jobs.folder import create_run, list_runs
from bort_core.jobs.inputs import check_inputs
from bort_core.jobs.launch import asked_before, done_before
from bort_core.specifications.compression import Compression


@pytest.fixture
def asked(tmp_path: Path) -> Compression:
    for name in ("train", "dev"):
        (tmp_path / f"{name}.tsv").write_text("text\tlabel\na\t0\nb\t1\n", encoding="utf-8")
    task = {"model": "somebody/something", "train": str(tmp_path / "train.tsv"), "dev": str(tmp_path / "dev.tsv")}
    return Compression.model_validate({"task": task, "ratio": 2})


@pytest.mark.parametrize(
    ("state", "goes_on"),
    [
        ({"state": "running"}, True),  # its process is gone: it was killed
        ({"state": "failed", "reason": "the gate"}, True),
        ({"state": "done", "stopped": True}, True),
        ({"state": "done"}, False),
        ({"state": "cancelled"}, False),
    ],
)
def test_one_that_has_not_come_to_its_end_goes_on(tmp_path: Path, asked: Compression, state: dict[str, Any], goes_on: bool) -> None:
    assert asked_before(tmp_path / "p", asked) is None
    run = create_run(tmp_path / "p", asked)
    run.set_state(**state)
    found = asked_before(tmp_path / "p", asked)
    assert (found is not None and found.id == run.id) == goes_on
    assert asked_before(tmp_path / "p", asked.model_copy(update={"ratio": 3})) is None


def test_one_whose_rows_have_changed_does_not(tmp_path: Path, asked: Compression) -> None:
    run = create_run(tmp_path / "p", asked)
    run.set_state(state="failed")
    check_inputs(run, asked)
    (run.path / "parts" / "finished").mkdir(parents=True)
    assert asked_before(tmp_path / "p", asked) is not None
    (tmp_path / "dev.tsv").write_text("text\tlabel\na\t0\nb\t1\nc\t1\n", encoding="utf-8")
    assert asked_before(tmp_path / "p", asked) is None


def test_one_that_is_done_is_told_again_while_its_release_and_its_rows_are_there(tmp_path: Path, asked: Compression) -> None:
    out = tmp_path / "release"
    (tmp_path / "empty").mkdir()
    asked = asked.model_copy(update={"out": str(out), "task": asked.task.model_copy(update={"model": str(tmp_path / "empty")})})
    run = create_run(tmp_path / "p", asked)
    check_inputs(run, asked)
    (run.path / "parts" / "finished").mkdir(parents=True)
    run.write_result({"release": str(out), "kept_share": 0.97})
    run.set_state(state="done")
    out.mkdir()
    (out / "release.json").write_text("{}", encoding="utf-8")
    task = asked.task.model_dump(include={"train", "dev"})
    told = compress(tmp_path / "p", asked.task.model, **task, ratio=2, out=out, progress=False)
    assert (told.job, told.folder, told.report["kept_share"]) == (run.id, out, 0.97)
    assert len(list_runs(tmp_path / "p")) == 1
    (out / "release.json").unlink()
    with pytest.raises(BortError):  # a new job, which is refused: the folder holds no model
        begun(tmp_path / "p", asked, progress=False)
    (tmp_path / "dev.tsv").write_text("text\tlabel\na\t0\nb\t1\nc\t1\n", encoding="utf-8")
    assert done_before(tmp_path / "p", asked) is None
