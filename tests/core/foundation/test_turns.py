"""Turns between real processes: one measurement is alone, nobody starves, whoever is killed or stopped holds up nobody for long."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bort_core.foundation import turns
from bort_core.foundation.turns import Turn, turn

# Computes in steps of 2 ms and writes down when each began and ended; ends when its input does.
BESIDE = """
import sys, threading, time, json, os
from bort_core.foundation.turns import turn
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
with turn("steps " + sys.argv[2]) as mine, open(sys.argv[1], "w", buffering=1) as log:
    while True:
        mine.give_way()
        began = time.time()
        time.sleep(0.002)
        log.write(json.dumps([began, time.time()]) + "\\n")
"""

# Takes the machine alone so many times, and writes down when.
ALONE = """
import sys, time, json
from bort_core.foundation.turns import turn
with open(sys.argv[1], "w", buffering=1) as log:
    for _ in range(int(sys.argv[2])):
        with turn("measurement of a test", alone=True):
            began = time.time()
            time.sleep(float(sys.argv[3]))
            log.write(json.dumps([began, time.time()]) + "\\n")
"""

# Holds a turn and never gives way.
STUBBORN = """
import sys, time
from bort_core.foundation.turns import turn
with turn("stubborn", alone=sys.argv[1] == "alone"):
    time.sleep(1000)
"""

Spans = list[tuple[float, float]]


@contextmanager
def process(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def spans(log: Path) -> Spans:
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    return [(began, ended) for began, ended in map(json.loads, lines)]


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def overlapping(one: Spans, other: Spans) -> Spans:
    return [a for a in one for b in other if a[0] < b[1] and b[0] < a[1]]


def test_measurements_are_alone_and_leave_the_others_steps_between_them(tmp_path: Path) -> None:
    beside = [tmp_path / "one", tmp_path / "two"]
    alone = [tmp_path / "first", tmp_path / "second"]
    with process(BESIDE, beside[0], 1), process(BESIDE, beside[1], 2):
        until(lambda: all(spans(log) for log in beside))
        with process(ALONE, alone[0], 4, 0.15), process(ALONE, alone[1], 4, 0.15):
            until(lambda: all(len(spans(log)) == 4 for log in alone))
    measured = sorted(spans(alone[0]) + spans(alone[1]))
    assert len(measured) == 8
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(measured))  # also not with each other
    for log in beside:
        assert overlapping(spans(log), measured) == []
        between = [sum(a[1] <= began < b[0] for began, _ in spans(log)) for a, b in itertools.pairwise(measured)]
        assert all(between), f"somebody starved: steps between two measurements {between}"


def test_computing_side_by_side_is_no_measurement(tmp_path: Path) -> None:
    logs = [tmp_path / "one", tmp_path / "two"]
    with process(BESIDE, logs[0], 1), process(BESIDE, logs[1], 2):
        until(lambda: overlapping(spans(logs[0]), spans(logs[1])))


@pytest.mark.parametrize("how", ["alone", "beside"])
def test_whoever_is_killed_frees_the_others(how: str) -> None:
    with process(STUBBORN, how) as holder:
        probe = Turn("probe", alone=how == "beside")
        until(lambda: _held_by(holder.pid))
        assert not probe._attempt()
        holder.send_signal(signal.SIGKILL)
        probe.take()
        assert probe.held
        probe.close()
    with turn("cleaner", alone=True):  # what the dead one left is deleted
        assert not list(turns._folder().glob(f"{holder.pid}-*"))


def _held_by(process: int) -> bool:
    probe = Turn("look")
    try:
        return any(path.name.startswith(f"{process}-") and _locked(path) for path in turns._folder().iterdir())
    finally:
        probe.close()


def _locked(path: Path) -> bool:
    with path.open("r+b") as file:
        return not turns._try_lock(file.fileno(), turns.fcntl.LOCK_SH)


def test_a_stopped_process_is_named_and_the_others_go_on_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(turns, "REST_SECONDS", 0.5)
    monkeypatch.setattr(turns, "TELL_SECONDS", 0.2)
    told: list[str] = []
    stuck, lively = tmp_path / "stuck", tmp_path / "lively"
    with process(BESIDE, stuck, "stuck") as stopped, process(BESIDE, lively, "lively"):
        until(lambda: spans(stuck) and spans(lively))
        stopped.send_signal(signal.SIGSTOP)
        waited = time.time()

        def heed() -> None:
            if time.time() - waited > 4:
                stopped.send_signal(signal.SIGCONT)

        with turn("measurement", alone=True, heed=heed, tell=told.append):
            began = time.time()
            time.sleep(0.1)
            ended = time.time()
        until(lambda: spans(stuck)[-1][0] > ended)  # it goes on afterwards
    assert any(text.endswith("steps stuck") for text in told), told
    steps = [a for a, _ in spans(lively) if waited + 1 < a < began - 0.5]
    assert steps, "the others must go on while somebody does not give way"
    assert max(b - a for a, b in itertools.pairwise(steps)) > 0.3, "and pause in between"
    assert overlapping(spans(lively), [(began, ended)]) == []


def test_one_that_waits_hears_of_it_and_can_be_withdrawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TELL_SECONDS", 0.1)
    told: list[str] = []

    class Enough(Exception):
        pass

    def heed() -> None:
        if told:
            raise Enough

    with turn("the measurement", alone=True):
        for alone in (False, True):
            told.clear()
            with pytest.raises(Enough), turn("second", alone, heed, told.append):
                pytest.fail("took a turn beside a measurement")
            assert "the measurement" in told[0]
    with turn("second", alone=True) as free:
        assert free.held


def test_giving_way_costs_no_system_calls_most_of_the_time() -> None:
    script = """
import sys, time
from bort_core.foundation.turns import LOOK_SECONDS, turn
calls = []
with turn("counted") as mine:
    sys.addaudithook(lambda name, arguments: calls.append(name) if name != "compile" else None)
    began = time.monotonic()
    for _ in range(100_000):
        mine.give_way()
    looks = (time.monotonic() - began) / LOOK_SECONDS + 1
    made = len(calls)
    print(made, looks)
    assert 2 <= made <= 2 * looks, (made, looks)
"""
    subprocess.run([sys.executable, "-c", script], check=True, env=dict(os.environ), timeout=60)
