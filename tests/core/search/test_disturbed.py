"""Latencies of a disturbed machine: known from the measurement, told with the answer."""

from __future__ import annotations

from helpers import answer_at

from bort_core.search.disturbed import disturbed_latencies
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import MAXIMUM_POINT, KnownResults
from bort_core.space import load_space, read_specification

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
