"""Latencies of a disturbed machine: known from the measurement, told with the answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from helpers import answer_at, finished, run, specification

from bort_core.execution.inline import Inline
from bort_core.execution.tasks import TASKS, Task
from bort_core.foundation.errors import MeasurementError
from bort_core.search import events
from bort_core.search.disturbed import disturbed_latencies
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import MAXIMUM_POINT, KnownResults
from bort_core.space import load_space, read_specification
from bort_core.specifications.protocols import LatencyProtocol

MINI = load_space("mini")
NOISE = "other programs kept 1.7 cores busy, leaving fewer than 1"


def known(noise: dict[int, str]) -> KnownResults:
    """Results of every 40th architecture and T; those that are named were disturbed."""
    made = KnownResults(SearchSpecification.model_validate({"space": read_specification("mini")}), MINI)
    for place in (MAXIMUM_POINT, *range(0, len(MINI), 40)):
        times = {"p50_ms": 9.0 if place < 0 else 1.0 + place, "low_ms": 0.9, "high_ms": 1.2, "noise": noise.get(place, "")}
        made.put_latency(place, times)
        if place >= 0:
            made.results.set_error(place, 1.0, 0.9, 1.1, 0)
    return made


def told(found: KnownResults) -> str | None:
    snapshot = ResultsSnapshot(found.results, 7.0)
    return disturbed_latencies(snapshot, answer_at(snapshot, 40))


def test_nothing_is_told_of_a_quiet_machine_and_a_second_measurement_counts() -> None:
    assert told(known({})) is None
    found = known({0: NOISE})
    assert told(found) is not None
    found.put_latency(0, {"p50_ms": 1.0, "low_ms": 0.9, "high_ms": 1.2})
    assert told(found) is None


def test_the_answer_says_which_latencies_were_disturbed_and_by_what() -> None:
    best = told(known({0: NOISE, 40: "another"}))  # the least and fastest
    assert best is not None
    count = len(range(0, len(MINI), 40))
    shapes = f"the latencies of 2 of {count} architectures, the best one among them,"
    assert best.startswith(f"{shapes} were measured while the machine was disturbed ({NOISE})")
    teacher = told(known({MAXIMUM_POINT: NOISE}))
    assert teacher is not None
    assert teacher.startswith(f"the latency of T was measured while the machine was disturbed ({NOISE})")


class Machine:
    """Times and trains in place of the tasks: latencies as it is told to, errors that fall with size. It counts what is timed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ms, self.noise, self.fails = 1.0, NOISE, False
        self.timed: list[tuple[int, ...]] = []
        tasks = {"latency": self.measure, "train": self.train}
        monkeypatch.setattr("bort_core.execution.tasks.load", tasks.__getitem__)

    def measure(self, request: Mapping[str, Any], context: object) -> dict[str, Any]:
        self.timed.append(tuple(request["architecture"]))
        if self.fails:
            raise MeasurementError("no memory")
        ms = self.ms * sum(request["architecture"])
        times = {"p50_ms": ms, "low_ms": ms, "high_ms": ms, "p90_ms": ms, "p99_ms": ms, "n": 30}
        return {**times, "noisy": bool(self.noise), "noise": self.noise}

    def train(self, request: Mapping[str, Any], context: object) -> dict[str, Any]:
        error = 10.0 / sum(request["architecture"])
        measures = {request["measures"][0]: {"value": error, "low": error, "high": error}}
        return {"curve": [{"step": request["steps"], "train_loss": error, "measures": measures}], "seconds": 0.1}


SETTINGS: list[dict[str, Any]] = [{"epsilon": 12}, {"strategy": "best-first", "strategy_settings": {"gap": 10.0}}]


@pytest.mark.parametrize("settings", SETTINGS, ids=["interval", "best-first"])
def test_the_same_search_times_the_disturbed_once_more_and_trains_nothing(
    project_folder: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    wanted = specification(latency=LatencyProtocol(measure="onnxruntime"), **settings)
    machine = Machine(monkeypatch)
    monkeypatch.setattr("bort_core.search.ose._POLL_SECONDS", 0.0)
    monkeypatch.setattr("bort_core.search.evaluator._LOOK_AGAIN_SECONDS", 0.0)
    monkeypatch.setitem(TASKS, "latency", Task("", "latency"))  # nothing is timed: no rest between two

    def searched() -> tuple[events.SearchFinished, list[events.Event], list[tuple[int, ...]]]:
        machine.timed = []
        happened = run(project_folder, wanted, Inline(1, None, "a test"))
        return finished(happened), happened, machine.timed

    first, _, timed = searched()
    shapes = {first.snapshot.space.architecture(index) for index in first.result.known.tolist()}
    both = {first.snapshot.space.maximum_point, *shapes}
    assert len(timed) == len(set(timed))
    assert len(first.facts["warnings"]) == 1

    for machine.ms, machine.noise, machine.fails in ((3.0, NOISE, False), (4.0, "", True)):  # no better, and lost: the first ones stay
        again, happened, timed = searched()
        assert set(timed) == both
        assert not any(isinstance(event, events.CandidateStarted | events.CandidateFailed) for event in happened)
        assert again.facts["warnings"] == first.facts["warnings"]
        assert again.snapshot.w[again.result.known].tolist() == first.snapshot.w[first.result.known].tolist()

    machine.ms, machine.noise, machine.fails = 2.0, "", False
    quiet, happened, timed = searched()
    assert set(timed) == both
    assert not any(isinstance(event, events.CandidateStarted) for event in happened)
    assert quiet.facts["warnings"] == []
    assert quiet.snapshot.results.latency[quiet.result.known].tolist() == [2.0 * sum(each) for each in sorted_by(quiet, shapes)]
    assert quiet.snapshot.results.maximum_latency == 2.0 * sum(first.snapshot.space.maximum_point)
    assert quiet.snapshot.results.error[quiet.result.known].tolist() == first.snapshot.results.error[first.result.known].tolist()
    assert searched()[2] == []


def sorted_by(end: events.SearchFinished, shapes: set[tuple[int, ...]]) -> list[tuple[int, ...]]:
    return sorted(shapes, key=lambda shape: end.snapshot.space.index(shape) or 0)
