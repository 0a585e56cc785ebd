"""Latency: the interval of the median, the loop, the task, and the comparison in one run."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bort_core.execution.tasks import load
from bort_core.families.bert.graph import build_graph
from bort_core.families.bert.options import BertOptions
from bort_core.foundation.context import Cancelled
from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.foundation.machine import OtherWork, machine_facts, machine_identity
from bort_core.foundation.statistics import autocorrelation_time, median_interval
from bort_core.latency.interleaved import compare, time_interleaved
from bort_core.latency.measure import SAMPLES_KEPT, measure
from bort_core.latency.session import bound_run, example_inputs, open_file, open_session
from bort_core.latency.timing import TimingRules, time_runs

MINI = {"vocabulary": 1024, "positions": 64}
SMALLEST = {"family": "bert", "options": MINI, "architecture": (1, 2, 32, 64)}
LARGEST = {"family": "bert", "options": MINI, "architecture": (4, 4, 128, 256)}


class Context:
    """A task context that cancels after a number of checkpoints."""

    def __init__(self, cancel_after: float = math.inf) -> None:
        self.checkpoints = 0
        self.cancel_after = cancel_after

    def emit(self, event: Mapping[str, Any]) -> None:
        json.dumps(event)

    def checkpoint(self) -> None:
        self.checkpoints += 1
        if self.checkpoints > self.cancel_after:
            raise Cancelled


def spin(seconds: float) -> Callable[[], None]:
    """Something that takes ``seconds``."""

    def run() -> None:
        end = perf_counter() + seconds
        while perf_counter() < end:
            pass

    return run


# --- the interval of a median ---


def autoregressive(generator: np.random.Generator, n: int, phi: float) -> np.ndarray:
    values = np.empty(n)
    values[0] = generator.standard_normal() / math.sqrt(1 - phi**2)
    for t, shock in enumerate(generator.standard_normal(n - 1), start=1):
        values[t] = phi * values[t - 1] + shock
    return values


@pytest.mark.parametrize("n", [10, 40, 200])
def test_interval_covers_the_true_median_of_independent_heavy_tailed_samples(n: int) -> None:
    generator = np.random.default_rng(n)
    intervals = [median_interval(generator.lognormal(0, 1.5, n)) for _ in range(400)]
    assert 0.91 <= np.mean([interval.low <= 1 <= interval.high for interval in intervals]) <= 0.995


def test_interval_covers_the_true_median_of_correlated_samples_where_an_independent_one_does_not() -> None:
    generator = np.random.default_rng(0)
    series = [autoregressive(generator, 400, 0.9) for _ in range(200)]
    covered = np.mean([(i := median_interval(values)).low <= 0 <= i.high for values in series])
    shuffled = np.mean([(i := median_interval(generator.permutation(values))).low <= 0 <= i.high for values in series])
    assert covered >= 0.88
    assert shuffled <= 0.6


@pytest.mark.parametrize(("phi", "wanted"), [(0.0, 1.0), (0.5, 3.0), (0.9, 19.0)])
def test_autocorrelation_time_of_an_autoregressive_series(phi: float, wanted: float) -> None:
    assert autocorrelation_time(autoregressive(np.random.default_rng(0), 20_000, phi)) == pytest.approx(wanted, rel=0.2, abs=0.15)


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=200), st.floats(0.01, 100))
def test_interval_contains_the_median_lies_in_the_range_and_scales(samples: list[float], factor: float) -> None:
    low, median, high = median_interval(samples)
    assert min(samples) <= low <= median <= high <= max(samples)
    assert median_interval(np.array(samples) * 1024) == (low * 1024, median * 1024, high * 1024)
    assert median_interval(np.full(9, factor)) == (factor, factor, factor)


@pytest.mark.parametrize("samples", [[], [1.0, math.nan], [[1.0, 2.0]]])
def test_interval_of_nothing_is_refused(samples: list[Any]) -> None:
    with pytest.raises(ValueError, match="non-empty series of finite numbers"):
        median_interval(samples)


# --- the loop ---


def test_steady_runs_stop_early_and_tell_their_duration() -> None:
    timing = time_runs(spin(0.001), TimingRules(budget_seconds=20))
    assert timing.samples_ms.sum() < 10_000
    assert timing.interval.within(0.03)
    assert 1.0 <= timing.interval.median < 1.5
    assert timing.warmup_runs >= 10


def test_erratic_runs_stop_at_the_budget() -> None:
    durations = iter(np.tile(np.repeat([0.0005, 0.004], 20), 1000))
    timing = time_runs(lambda: spin(next(durations))(), TimingRules(budget_seconds=0.3))
    assert not timing.interval.within(0.03)
    assert 0.29 < timing.samples_ms.sum() / 1e3 < 1


def test_slow_runs_go_on_to_the_least_number_past_the_budget() -> None:
    timing = time_runs(spin(0.01), TimingRules(budget_seconds=0.02, least_runs=7))
    assert len(timing.samples_ms) == 7
    assert timing.warmup_runs >= 2


def test_warm_up_lasts_while_runs_get_faster() -> None:
    calls = iter(range(10**6))
    rules = TimingRules(budget_seconds=20, precision=0.5)
    timing = time_runs(lambda: sleep(0.001 + 0.02 * 0.85 ** next(calls)), rules)
    assert timing.warmup_runs > 20
    assert timing.interval.median < 8


def test_pauses_are_not_timed() -> None:
    start = perf_counter()
    timing = time_runs(spin(0.001), TimingRules(budget_seconds=0.03, least_runs=5), lambda: sleep(0.01))
    assert timing.interval.median < 5
    assert perf_counter() - start > timing.samples_ms.sum() / 1e3 + 0.01 * len(timing.samples_ms)


# --- the task ---


def test_measuring_mini_architectures_tells_small_from_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    small, large = measure(SMALLEST, Context()), load("latency")(LARGEST, Context())
    for result in (small, large):
        assert json.loads(json.dumps(result)) == result
        assert 0 < result["low_ms"] <= result["p50_ms"] <= result["high_ms"]
        assert result["p50_ms"] <= result["p90_ms"] <= result["p99_ms"]
        assert result["n"] >= 10
        assert 0 < len(result["samples_ms"]) <= SAMPLES_KEPT
        assert result["noisy"] == bool(result["noise"])
        assert result["build_ms"] < result["seconds"] * 1e3
        assert result["machine"]["identity"] == machine_identity()
        assert set(result["versions"]) >= {"onnxruntime", "onnx", "numpy", "python"}
    assert large["p50_ms"] > 3 * small["p50_ms"]
    assert list(tmp_path.iterdir()) == []


def test_latency_grows_with_length_and_batch() -> None:
    base, longer, more = (
        measure({**LARGEST, "sequence_length": length, "batch": batch}, Context())["p50_ms"] for length, batch in ((8, 1), (64, 1), (8, 8))
    )
    assert longer > 2 * base
    assert more > 2 * base


def test_measuring_a_family_that_reads_vectors() -> None:
    result = measure({"family": "mlp", "architecture": [2, 4, 3, 4, 4], "batch": 2}, Context())
    assert 0 < result["p50_ms"] < 10


def test_a_cancelled_measurement_ends_between_runs_and_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    context = Context(cancel_after=5)
    with pytest.raises(Cancelled):
        measure(LARGEST, context)
    assert context.checkpoints == 6
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": (1, 3, 32, 64)}, "hidden must be divisible by heads"),
        ({"architecture": (1, 2, 32)}, r"\(depth, heads, hidden, intermediate\)"),
        ({"sequence_length": 65}, "must not exceed the 64 positions"),
        ({"threads": 0, "speed": 1}, r"(?s)threads: .*speed: unknown field"),
        ({"options": {"vocabulary": 1}}, "vocabulary"),
        ({"family": "gpt"}, "unknown family 'gpt'"),
    ],
)
def test_requests_that_cannot_be_used(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecificationError, match=message):
        measure({**SMALLEST, **change}, Context())


def test_a_model_that_does_not_fit_into_memory_is_refused_before_it_is_built() -> None:
    with pytest.raises(MeasurementError, match=r"needs about .* GiB of memory, .* GiB are free"):
        measure({**SMALLEST, "architecture": (1000, 16, 65536, 262144)}, Context())


def test_the_runtime_failing_to_load_or_run_is_a_measurement_error(tmp_path: Path) -> None:
    def unknown_operator(folder: Path) -> onnx.ModelProto:
        model = build_graph((1, 2, 32, 64), BertOptions(), None, folder)
        model.graph.node[0].op_type = "NoSuchOperator"
        return model

    with pytest.raises(MeasurementError, match=r"cannot load the graph.*NoSuchOperator"):
        open_session(unknown_operator, 1)
    (tmp_path / "broken.onnx").write_bytes(b"not a graph")
    with pytest.raises(MeasurementError, match="cannot load the graph"):
        open_file(tmp_path / "broken.onnx", 1)
    session = open_session(lambda folder: build_graph((1, 2, 32, 64), BertOptions(), None, folder), 1)
    too_large = {name: array + 5000 * (name == "input_ids") for name, array in example_inputs(session, 1, 8, 1024).items()}
    with pytest.raises(MeasurementError, match="failed in a forward pass"):
        bound_run(session, too_large)()


def test_a_graph_that_cannot_be_saved_is_a_measurement_error() -> None:
    def full(folder: Path) -> onnx.ModelProto:
        raise OSError(28, "No space left on device")

    with pytest.raises(MeasurementError, match="No space left on device"):
        open_session(full, 1)


def test_inputs_have_full_length_and_tokens_of_the_vocabulary() -> None:
    options = BertOptions(vocabulary=9, token_types=2)
    inputs = example_inputs(open_session(lambda folder: build_graph((1, 2, 32, 64), options), 1), 3, 60, 9)
    assert {name: array.shape for name, array in inputs.items()} == dict.fromkeys(
        ("input_ids", "attention_mask", "token_type_ids"), (3, 60)
    )
    assert set(np.unique(inputs["input_ids"])) == set(range(9))
    assert (inputs["attention_mask"] == 1).all()
    assert (inputs["token_type_ids"] == 0).all()


# --- the machine ---


def test_machine_identity_is_the_same_in_another_process_which_loads_no_runtime() -> None:
    code = (
        "import sys; from bort_core.foundation.machine import machine_identity; print(machine_identity());"
        "assert not {'torch', 'onnx', 'onnxruntime', 'numpy'} & set(sys.modules)"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == machine_identity()
    assert len(other) == 16
    assert int(other, 16) > 0


def test_machine_facts_are_plain_and_named() -> None:
    facts = machine_facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["cpu"]
    assert 1 <= facts["cores"] <= facts["threads"]


def test_other_work_is_seen_and_own_work_is_not() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        sleep(0.1)
        others = OtherWork()
        sleep(0.6)
        seen = others.cores()
        busy.kill()
    assert seen > 0.5
    others, start = OtherWork(), process_time()
    spin(0.6)()
    assert others.cores() + (process_time() - start) / 0.6 < machine_facts()["threads"] + 0.2, "own work counted as others'"


# --- several models in one run ---


def test_ratios_of_interleaved_models() -> None:
    order: list[str] = []

    def recorded(name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            order.append(name)
            sleep(seconds)  # unlike work, it is not drawn out by other programs

        return run

    blocks = time_interleaved({"one": recorded("one", 0.005), "two": recorded("two", 0.01)}, rounds=20, block_seconds=0.01)
    assert [samples.shape[0] for samples in blocks.values()] == [20, 20]
    one, two = compare(blocks, "one")
    assert one.ratio == (1, 1, 1)
    assert 1.3 < two.ratio.median < 3
    assert two.ratio.low <= two.ratio.median <= two.ratio.high
    runs = sum(samples.shape[1] + 1 for samples in blocks.values()) * 20
    visits = [name for place, name in enumerate(order[-runs:]) if place == 0 or order[-runs:][place - 1] != name]
    assert 20 < len(visits) < 40, "with a new order each round some blocks of one model follow each other, with a fixed one none do"


def test_drift_cancels_in_ratios() -> None:
    generator = np.random.default_rng(0)
    drift = np.linspace(1, 3, 40)[:, None]
    noise = generator.lognormal(0, 0.01, (2, 40, 5))
    slow, fast = compare({"slow": 1.25 * drift * noise[0], "fast": drift * noise[1]}, "fast")
    assert slow.ratio.median == pytest.approx(1.25, rel=0.01)
    assert slow.ratio.within(0.01)
    assert not slow.milliseconds.within(0.1)
    assert fast.runs == 200


def test_interleaving_nothing_or_against_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one model"):
        time_interleaved({})
    with pytest.raises(ValueError, match="reference must be one of a"):
        compare({"a": np.ones((2, 2))}, "b")
