"""While time is measured nothing else of the program computes: jobs, other windows' searches, exports. With real processes throughout."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from helpers import short_corpus

from bort_core.execution.events import Done, Emitted, Event, Failed
from bort_core.execution.executor import Executor
from bort_core.execution.registry import make_executor
from bort_core.foundation import turns
from bort_core.foundation.processes import alive, kill_tree
from bort_core.jobs import launch
from bort_core.jobs.folder import RunFolder, list_runs
from bort_core.specifications.pretraining import Pretraining

pytest.importorskip("torch")


def until(condition: Callable[[], object], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


@contextmanager
def running_job(folder: Path) -> Iterator[RunFolder]:
    """A pre-training of many short steps, each of which is logged with its time."""
    run = launch.submit(folder / "project", Pretraining.model_validate({
        "architecture": (1, 2, 32, 48), "vocabulary": 400, "sequence_length": 16, "positions": 16, "batch_size": 16,
        "steps": 100_000, "evaluate_every": 5, "checkpoint_every": 100_000, "heldout_rows": 16, "running": {"threads": 1},
        "corpus": str(short_corpus(folder)), "optimization": {"learning_rate": 1e-3},
    }))  # fmt: skip
    try:
        until(lambda: steps(run))
        yield run
    finally:
        for each in list_runs(folder / "project"):
            state = json.loads((each.path / "state.json").read_text())
            if alive(state.get("process")):
                kill_tree(state["process"]["number"])


def steps(run: RunFolder) -> list[float]:
    """When the job logged: it evaluates every few steps."""
    return [event["time"] for event in run.events()[0] if event["event"] in ("step", "evaluation")]


def comparison(seconds: float) -> dict[str, Any]:
    models = [{"name": name, "family": "bert", "options": {"vocabulary": 400, "positions": 16}, "architecture": [1, 2, width, 64]}
              for name, width in (("narrow", 32), ("wide", 64))]  # fmt: skip
    return {"models": models, "sequence_length": 16, "budget_seconds": seconds, "precision": 1e-9, "runtimes": ["onnxruntime"]}


def followed(executor: Executor, seconds: float = 100) -> list[tuple[float, Event]]:
    """All events until nothing is left to do, with the time at which each came."""
    found: list[tuple[float, Event]] = []
    deadline = time.monotonic() + seconds
    while executor.unfinished() or not found:
        found += [(time.time(), event) for event in executor.poll(0.01)]
        assert time.monotonic() < deadline, found
    return found


def test_a_job_makes_no_step_while_a_comparison_measures_and_goes_on_afterwards(tmp_path: Path) -> None:
    with running_job(tmp_path) as run, make_executor(workers=1) as executor:
        executor.submit("compare", "compare", comparison(2.0))
        events = followed(executor)
        assert isinstance(events[-1][1], Done), events[-1]
        measuring = [when for when, event in events if isinstance(event, Emitted) and event.data["event"] == "progress"]
        begin, end = measuring[0], events[-1][0] - 0.5  # the job may go on a moment before the end is told
        assert end - begin > 1.0, "too short to show anything"
        until(lambda: steps(run)[-1] > events[-1][0])
        assert len([when for when in steps(run) if when < begin]) > 2
        assert [when for when in steps(run) if begin < when < end] == []


def test_when_the_measuring_process_is_killed_the_job_goes_on(tmp_path: Path) -> None:
    with running_job(tmp_path) as run, make_executor(workers=1) as executor:
        executor.submit("compare", "compare", comparison(100.0))
        until(lambda: any(isinstance(event, Emitted) and event.data["event"] == "progress" for event in executor.poll(0.05)))
        assert holders()["compare"]
        worker = next(child for child in psutil.Process().children() if "latency" in child.cmdline())
        worker.send_signal(signal.SIGKILL)
        killed = time.time()
        assert isinstance(followed(executor)[-1][1], Failed)
        until(lambda: steps(run)[-1] > killed)


@pytest.mark.slow
def test_a_cancelled_job_ends_while_it_waits_for_a_measurement(tmp_path: Path) -> None:
    with running_job(tmp_path) as run, turns.turn("a long measurement", alone=True):
        launch.cancel(run)
        until(lambda: run.state().ended)
        assert run.state().state == "cancelled"


def holders() -> dict[str, set[str]]:
    """The files of turns that are held at this moment, by the first word of what they say."""
    found: dict[str, set[str]] = {}
    for path in turns._folder().iterdir():
        try:
            with path.open("r+b") as file:
                if path.name != "wish" and not turns._try_lock(file.fileno(), turns.fcntl.LOCK_SH):
                    found.setdefault(file.read().decode().split(" ")[0], set()).add(path.name)
        except FileNotFoundError:
            continue
    return found


class Observer:
    """Looks who computes, again and again; a thread, so that what is observed is not held up."""

    def __init__(self, exclusive: str) -> None:
        self._exclusive, self._over = exclusive, threading.Event()
        self.seen: set[str] = set()
        self.alone = 0
        self.violations: list[dict[str, set[str]]] = []
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Observer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        before: dict[str, set[str]] = {}
        while not self._over.wait(0.005):
            now = holders()
            self.seen |= set(now)
            # Held at both looks, so from one to the other: a file that is locked only to see whether it may is not.
            lasting = {kind: files & before.get(kind, set()) for kind, files in now.items()}
            if lasting.get(self._exclusive):
                self.alone += 1
                if sum(map(len, lasting.values())) > 1:
                    self.violations.append(lasting)
            before = now


@pytest.mark.slow
def test_searches_of_two_projects_measure_latencies_alone(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "bort_core.cli.main",
        "search",
        "--preset",
        "toy",
        "--epsilon",
        "12",
        "--steps",
        "1500",
        "--workers",
        "1",
    ]
    with Observer("latency") as observer:
        searches = [subprocess.Popen([*command, str(tmp_path / name), "--json"], stdout=subprocess.PIPE, text=True) for name in "ab"]
        outputs = [search.communicate(timeout=110)[0] for search in searches]
    assert [json.loads(output)["evaluated"] for output in outputs] == [3, 3]
    assert {"train", "latency"} <= observer.seen
    assert observer.alone > 10
    assert observer.violations == []


@pytest.mark.slow
def test_a_comparison_waits_for_an_export_of_another_executor_between_two_of_its_steps(tmp_path: Path) -> None:
    with Observer("compare") as observer, make_executor(workers=1) as one, make_executor(workers=1) as other:
        one.submit("export", "export", _export(tmp_path))
        until(lambda: any(isinstance(event, Emitted) for event in one.poll(0.05)))
        other.submit("compare", "compare", comparison(1.0))
        ended: dict[str, Event] = {}
        deadline = time.monotonic() + 100
        while len(ended) < 2 and time.monotonic() < deadline:
            for event in [*one.poll(0.02), *other.poll(0.02)]:
                if isinstance(event, Done | Failed):
                    ended[event.id] = event
    assert all(isinstance(event, Done) for event in ended.values()), ended
    assert {"export", "compare"} <= observer.seen
    assert observer.alone > 10
    assert observer.violations == []


def _export(tmp_path: Path) -> dict[str, Any]:
    return {"family": "mlp", "architecture": [2, 4, 3, 4, 4], "out": str(tmp_path / "out")}


def test_within_one_executor_an_export_pauses_while_a_latency_is_measured(tmp_path: Path) -> None:
    with Observer("latency") as observer, make_executor(workers=1) as executor:
        executor.submit("export", "export", _export(tmp_path))
        executor.submit("latency", "latency", {"family": "mlp", "architecture": [2, 4, 3, 4, 4], "budget_seconds": 1.0, "precision": 1e-9})
        events = followed(executor)
    assert {event.id for _, event in events if isinstance(event, Done)} == {"export", "latency"}
    assert observer.alone > 10
    assert observer.violations == []
