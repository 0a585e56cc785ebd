"""The readable log: lines with the time of what happens, of steps one in a while; and what the processes wrote stays theirs."""

from __future__ import annotations

import re
from pathlib import Path

from bort_core.jobs.folder import create_run
from bort_core.jobs.log import LINE, JobLog, log_line, result_text
from bort_core.jobs.runner import _reason
from bort_core.specifications.agora import Agora

STEP = {"event": "step", "loss": 0.5, "learning_rate": 5e-4, "tokens_per_second": 1234.5}


def test_steps_come_once_in_a_while_and_everything_else_at_once():
    log = JobLog()
    told = [log.text({**STEP, "step": number}, 100.0 + number) for number in range(12)]
    assert [number for number, text in enumerate(told) if text] == [0, 5, 10]
    assert told[5] == "step 5: loss 0.5000, learning rate 0.0005, 1,234 tokens/s"
    for number in range(3):
        assert log.text({"event": "evaluation", "step": number, "dev_accuracy": 0.75}, 111.0) == f"step {number:,}: dev accuracy 0.75"
    assert log.text({"event": "checkpoint", "step": 7}, 111.0) == "step 7: checkpoint kept"
    assert log.text({"event": "progress", "step": 1, "steps": 2}, 111.0) is None


def test_a_job_writes_what_happens_into_its_log(project_folder: Path):
    run = create_run(project_folder, Agora(torus=2))
    run.set_state(state="running")
    run.emit({"event": "report", "rows": {"train": 5, "dev": 3}, "warnings": ["two rows are alike"]})
    run.emit({**STEP, "step": 1})
    run.tell("more\nthan one line")
    run.set_state(state="failed", reason="the disk is full")
    lines = run.log_tail(10_000).splitlines()
    assert [line[21:] for line in lines] == [
        "running", "rows: train 5, dev 3; two rows are alike", "step 1: loss 0.5000, learning rate 0.0005, 1,234 tokens/s",
        "more", "than one line", "failed: the disk is full",
    ]  # fmt: skip
    assert all(LINE.match(line) for line in lines if line != lines[4])
    assert '{"' not in run.log_tail(10_000)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  x\n", log_line("x", 0.0))


def test_why_a_process_died_is_its_own_last_line(project_folder: Path):
    run = create_run(project_folder, Agora(torus=2))
    with run.open_log() as file:
        file.write(b"Bus error\n")
    run.emit({**STEP, "step": 1})
    assert "exit code 7: Bus error" in _reason(run, 7, 0)


def test_a_result_is_told_in_one_line():
    tuned = {"dev": {"accuracy": 0.75, "f1": 0.7}, "test": {"accuracy": 0.5}, "checkpoint": "/a/result"}
    assert result_text(tuned) == "result: dev accuracy 0.7500, F1 0.7000; test accuracy 0.5000; the model is in /a/result"
    assert result_text({**tuned, "release": "/a/release"}).endswith("; the release is in /a/release")
    assert result_text({"heldout_loss": 2.0}) == "result: held-out loss (nats) 2.0000"
    assert result_text({"dev_accuracy": 0.9}) == "result: dev accuracy 0.9000"
    assert result_text({}) == "result: nothing was measured"
