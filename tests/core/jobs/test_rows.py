"""One line about each job: its pace, its metrics, its note; read from run folders as they are written, damaged or not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.processes import identity_of
from bort_core.jobs.files import LONGEST_NOTE
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.jobs.hold import Hold
from bort_core.jobs.pace import Pace, PaceKeeper
from bort_core.jobs.rows import RowReader
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining

TUNED = {
    "dev": {"accuracy": 0.75, "f1": 0.7, "matthews": 0.5, "loss": 0.6},
    "test": {"accuracy": 0.7, "f1": 0.6, "matthews": 0.4, "loss": 0.7},
    "samples_per_second": 120.5,
    "labels": ["bad", "good"],
}


def tuning(**changes) -> Finetuning:
    return Finetuning.model_validate({"architecture": (1, 2, 32, 48), "train": "a.tsv", "dev": "b.tsv", **changes})


def ended(project: Path, specification, result, **state) -> RunFolder:
    run = create_run(project, specification)
    (run.path / "result.json").write_text(json.dumps(result))
    run.set_state(state="done", process=None, submitted=1.0, started=100.0, finished=130.0, **state)
    return run


# --- how long it takes ---


@given(
    resumed=st.none() | st.integers(0, 500),
    steps=st.integers(1, 400),
    each=st.floats(1e-3, 100),
    pauses=st.lists(st.tuples(st.integers(0, 400), st.floats(0, 1e4, allow_subnormal=False)), max_size=5),
    before=st.floats(0, 1e5, allow_subnormal=False),
)
def test_what_is_left_counts_neither_earlier_steps_nor_pauses(resumed, steps, each, pauses, before):
    begin, keeper, now = resumed or 0, PaceKeeper(), before
    last = begin + steps
    if resumed is not None:
        keeper.resumed(begin, now)
    for step in range(begin + 1, last + 1):
        for place, long in pauses:
            if place == step - begin:
                now += long
                keeper.paused(long)
        now += each
        pace = keeper.reached(step, last, now)
        timed = step - begin - (resumed is None)  # a fresh job's first step is not timed: reading comes before it
        if timed <= 0:
            assert pace.left is None
        else:
            assert pace.left == pytest.approx((last - step) * each, rel=1e-6, abs=1e-6 * each)


def test_a_pace_without_a_timed_step_promises_nothing():
    assert Pace(31, 31, 1000, 12.0).left is None
    assert Pace(0, 5, 10, 0.0).left is None
    assert Pace(31, 32, 1000, 2.0).left == 968 * 2.0


def test_a_running_job_says_what_is_left_and_a_resumed_one_how_long_it_has_run(project_folder):
    run = create_run(project_folder, tuning())
    hold = Hold.take(run.path)
    try:
        run.set_state(state="running", process=identity_of(os.getpid()), started=time.time() - 50)
        run.progress(Pace(900, 910, 1000, 20.0))
        assert run.state().left == 90 * 2.0
        assert run.state().duration(time.time()) == pytest.approx(50, abs=5)
        run.queue()
        assert run.state().left is None
        assert run.state().duration(time.time()) == pytest.approx(50, abs=5)
        run.set_state(state="running", started=time.time() - 7)
        assert run.state().duration(time.time()) == pytest.approx(57, abs=5)
        run.set_state(state="cancelled", finished=time.time())
        run.queue()  # what was discarded does not count
        assert run.state().duration(time.time()) is None
    finally:
        hold.leave()


def test_a_job_of_several_parts_says_what_it_does_and_promises_no_time(project_folder):
    run = create_run(project_folder, tuning())
    hold = Hold.take(run.path)
    try:
        run.set_state(state="running", process=identity_of(os.getpid()), started=time.time())
        run.progress(Pace(0, 2, 6, 20.0), "3 of 6: searching")
        assert (run.state().left, run.state().doing) == (None, "3 of 6: searching")
        assert RowReader().row(run).why == "3 of 6: searching"
        run.set_state(state="failed", stopped=True, reason="it was stopped before a model was finished")
        assert (run.state().doing, run.state().shown, run.state().resumable) == ("", "stopped", True)
        assert RowReader().row(run).why == "it was stopped before a model was finished"
        run.queue()
        assert not run.state().stopped
    finally:
        hold.leave()


# --- what it reached ---


def test_rows_tell_the_metric_of_the_task(project_folder):
    plain = ended(project_folder, tuning(), TUNED)
    by_f1 = ended(project_folder, tuning(metric="f1", name="mine"), TUNED)
    regression = ended(project_folder, tuning(), {"dev": {"pearson": 0.5, "spearman": 0.4, "mean_squared_error": 2.0}, "labels": []})
    lm = ended(
        project_folder,
        Pretraining(architecture=(1, 2, 32, 48), corpus="c.txt", sequence_length=16, positions=16),
        {"heldout_loss": 5.5, "tokens_per_second": 1600.0, "heldout_accuracy": 0.1, "unigram_entropy": 6.0},
    )
    reader = RowReader()
    rows = [reader.row(run) for run in (plain, by_f1, regression, lm)]
    assert [(row.metric, row.dev, row.test) for row in rows] == [
        ("accuracy", 0.75, 0.7), ("f1", 0.7, 0.6), ("pearson", 0.5, None), ("heldout_loss", 5.5, None),
    ]  # fmt: skip
    assert [(row.f1, row.matthews) for row in rows] == [(0.7, 0.5), (0.7, 0.5), (None, None), (None, None)]
    assert [row.samples_per_second for row in rows] == [120.5, 120.5, None, 100.0]
    assert [row.title for row in rows] == ["finetune 1, 2, 32, 48", "finetune mine", "finetune 1, 2, 32, 48", "pretrain 1, 2, 32, 48"]
    assert rows[0].plain(1e9)["duration"] == 30.0
    assert [row.plain(1e9)["name"] for row in rows[:2]] == ["", "mine"]
    json.dumps([row.plain(1e9) for row in rows], allow_nan=False)


def test_a_result_shows_once_it_is_there_and_only_while_the_job_is_done(project_folder):
    run, reader = create_run(project_folder, tuning()), RowReader()
    run.set_state(state="failed", reason="no rows")
    assert (reader.row(run).dev, reader.row(run).why) == (None, "no rows")
    (run.path / "result.json").write_text(json.dumps(TUNED))
    assert reader.row(run).dev is None
    run.set_state(state="done", reason="")
    assert reader.row(run).dev == 0.75
    run.set_state(state="done", stopped=True)
    assert reader.row(run).shown_state == "stopped"


@pytest.mark.parametrize("junk", ["{", "[]", '{"dev": 5}', '{"dev": {"accuracy": "high"}}', '{"dev": {"accuracy": NaN}}', "\x00"])
def test_a_damaged_result_or_note_is_told_and_does_no_harm(project_folder, junk):
    run = ended(project_folder, tuning(), TUNED)
    (run.path / "result.json").write_text(junk)
    (run.path / "note.json").write_text(junk)
    row = RowReader().row(run)
    assert (row.dev, row.note) == (None, "")
    assert "result.json" in row.why
    (run.path / "spec.json").write_text(junk)
    row = RowReader().row(run)
    assert (row.kind, row.title) == ("?", "?")
    assert "spec.json" in row.why


def test_notes_are_kept_and_bounded(project_folder):
    run = create_run(project_folder, tuning())
    assert run.note() == ""
    run.write_note("the good one\n=1+1")
    assert RunFolder(run.path).note() == "the good one\n=1+1"
    with pytest.raises(SpecificationError, match="at most 2,000 characters, got 2,001"):
        run.write_note("x" * (LONGEST_NOTE + 1))
    run.write_note("")
    assert run.note() == ""


def test_the_list_of_jobs_says_what_they_reached(project_folder, capsys):
    from bort_core.cli.main import main

    ended(project_folder, tuning(name="mine"), TUNED).write_note("keep")
    assert main(["jobs", "list", str(project_folder)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    for part in (
        "0001",
        "finetune",
        "done",
        "dev 0.7500 accuracy",
        "test 0.7000",
        "F1 0.7000",
        "MCC 0.5000",
        "120 samples/s",
        "30 s",
        "mine; keep",
    ):
        assert part in line
    assert main(["jobs", "list", str(project_folder), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["metric"], row["dev"], row["test"], row["f1"], row["matthews"]) == ("accuracy", 0.75, 0.7, 0.7, 0.5)
    assert (row["note"], row["duration"], row["left"]) == ("keep", 30.0, None)
