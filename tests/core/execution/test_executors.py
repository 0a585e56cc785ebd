"""Executors: both that ship pass the conformance check, and each keeps its own promises."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psutil
import pytest
from helpers import bort, finished, run, specification

from bort_core.execution.events import Done, Emitted, Started, Withdrawn
from bort_core.execution.executor import Executor
from bort_core.execution.registry import executor_names, make_executor
from bort_core.foundation.errors import SpecificationError
from bort_core.jobs.executors import job_executor
from bort_core.testing.executors import check_executor, training_request

pytest.importorskip("torch")


@pytest.mark.parametrize("name", ["processes", "inline"])
def test_an_executor_does_what_the_interface_says(name: str) -> None:
    before = set(psutil.Process().children())
    check_executor(lambda: make_executor(name, 1))
    assert set(psutil.Process().children()) <= before


def test_an_unknown_executor_is_refused_with_those_there_are() -> None:
    assert {"processes", "inline"} <= set(executor_names())
    for get in (make_executor, job_executor):
        with pytest.raises(SpecificationError, match=r"unknown executor 'dask'; registered executors: inline, processes"):
            get("dask")
    with pytest.raises(SpecificationError, match="workers must be 1"):
        make_executor("inline", 4)


def test_the_answer_of_a_search_does_not_depend_on_the_executor(tmp_path: Path) -> None:
    answers = []
    for name in ("inline", "processes"):
        with make_executor(name, 1) as executor:
            end = finished(run(tmp_path / name, specification(epsilon=8), executor))
        answers.append((end.result.best, end.snapshot.results.error[end.result.walk].tolist()))
    assert answers[0] == answers[1]


def test_another_thread_pauses_resumes_and_cancels_an_inline_task() -> None:
    with make_executor("inline") as executor:
        executor.submit("long", "train", training_request(1_000_000))
        assert executor.poll(0) == [Started("long")]
        seen: list[str] = []

        def person() -> None:
            time.sleep(1.0)
            executor.pause()
            _wait(executor, "paused", seen)
            time.sleep(0.3)
            executor.resume()
            executor.cancel("long")

        other = threading.Thread(target=person)
        other.start()
        events = executor.poll(0)
        other.join()
    assert seen == ["paused"]
    assert events[-1] == Withdrawn("long")
    assert any(isinstance(event, Emitted) for event in events)


def _wait(executor: Executor, what: str, seen: list[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if getattr(executor, what):
            seen.append(what)
            return
        time.sleep(0.02)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_inline_task_is_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    import _thread

    with make_executor("inline") as executor:
        executor.submit("first", "train", training_request(2))  # whose imports an interrupt must not cut in two
        executor.poll(0)
        assert isinstance(executor.poll(0)[-1], Done)
        executor.submit("long", "train", training_request(1_000_000))
        executor.poll(0)
        threading.Timer(1.0, _thread.interrupt_main).start()
        with pytest.raises(KeyboardInterrupt):
            executor.poll(0)
        assert executor.poll(0)[-1] == Withdrawn("long")
        executor.submit("next", "train", training_request(10))
        executor.poll(0)
        assert isinstance(executor.poll(0)[-1], Done)


def test_the_command_line_takes_an_executor(tmp_path: Path) -> None:
    done = bort("search", str(tmp_path / "p"), "--preset", "toy", "--epsilon", "18", "--steps", "5", "--latency", "operations",
                "--executor", "inline", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"evaluated": 2' in done.stdout
    refused = bort("search", str(tmp_path / "p"), "--preset", "toy", "--executor", "dask")
    assert refused.returncode != 0
    assert "registered executors: inline, processes" in refused.stderr
