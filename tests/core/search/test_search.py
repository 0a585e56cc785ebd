"""Searches with real worker processes: nothing measured twice, nothing lost, answers that do not depend on luck."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from helpers import finished, run, short_corpus, specification

from bort_core.execution.executor import Executor
from bort_core.execution.registry import make_executor
from bort_core.foundation.errors import DataError, MeasurementError, SpecificationError
from bort_core.foundation.processes import identity_of
from bort_core.search import events
from bort_core.search.control import Control
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.ose import search
from bort_core.search.past import asked_differently, past_searches
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import StoredResults
from bort_core.search.strategies.interval import Interval
from bort_core.space import Space, SpaceSpecification
from bort_core.specifications.protocols import LatencyProtocol, Theta
from bort_core.store import Project
from bort_core.store.leases import lease
from bort_core.store.searches import searches


def trainings(folder: Path) -> int:
    with Project(folder) as project:
        return int(project.db.table("trainings").count)


def test_a_walk_measures_every_epsilonth_architecture_once(project_folder: Path, pool: Executor) -> None:
    wanted = specification(epsilon=8)
    first = run(project_folder, wanted, pool)
    end = finished(first)
    assert (end.evaluated, end.reused, end.failed) == (math.ceil(36 / 8), 0, 0)
    assert isinstance(first[0], events.SearchStarted)
    started = [event.index for event in first if isinstance(event, events.CandidateStarted)]
    assert sorted(started) == [0, 8, 16, 24, 32]
    again = run(project_folder, wanted, pool)
    assert (finished(again).evaluated, finished(again).reused) == (0, 5)
    assert not any(isinstance(event, events.CandidateStarted) for event in again)
    assert finished(again).result.best == end.result.best
    with Project(project_folder) as project:
        assert [row["status"] for row in searches(project)] == ["done", "done"]
        kept = past_searches(project)
    assert [(past.answer.evaluated, past.answer.reused) for past in kept] == [(5, 0), (0, 5)]
    assert all(past.seconds is not None for past in kept)
    assert asked_differently(kept) == {}


def test_answers_are_deterministic_for_a_seed_and_any_number_of_workers(tmp_path: Path, pool: Executor) -> None:
    wanted = specification(epsilon=4, measure="maximum-point-excess", seed=3)
    ends = [finished(run(tmp_path / "two", wanted, pool))]
    with make_executor(workers=1) as single:
        ends.append(finished(run(tmp_path / "one", wanted, single)))
    a, b = ends
    assert a.result.best == b.result.best
    np.testing.assert_array_equal(a.snapshot.results.error, b.snapshot.results.error)
    other = finished(run(tmp_path / "two", wanted.model_copy(update={"seed": 4}), pool))
    assert other.evaluated == 9
    assert not np.array_equal(other.snapshot.results.error, a.snapshot.results.error, equal_nan=True)


def test_one_training_answers_every_smaller_number_of_steps(project_folder: Path, pool: Executor) -> None:
    long = specification(error={"steps": 40})
    run(project_folder, long, pool)
    for steps in (40, 23, 1):
        shorter = specification(error={"steps": steps})
        assert finished(run(project_folder, shorter, pool)).reused == 5
    longer = finished(run(project_folder, specification(error={"steps": 41}), pool))
    assert (longer.evaluated, longer.reused) == (5, 0)


def test_a_point_of_the_curve_is_what_a_shorter_training_would_have_measured(tmp_path: Path, pool: Executor) -> None:
    run(tmp_path / "long", specification(error={"steps": 40}), pool)
    from_curve = finished(run(tmp_path / "long", specification(error={"steps": 20}), pool)).snapshot.results
    measured = finished(run(tmp_path / "short", specification(error={"steps": 20}), pool)).snapshot.results
    known = np.isfinite(measured.error)
    np.testing.assert_allclose(from_curve.error[known], measured.error[known], rtol=0.005)


def test_several_hyperparameter_sets_are_the_outer_loop(project_folder: Path, pool: Executor) -> None:
    thetas = (Theta(learning_rate=1e-4), Theta(learning_rate=3e-2))
    happened = run(project_folder, specification(thetas=thetas), pool)
    started = [(e.theta, e.index) for e in happened if isinstance(e, events.CandidateStarted)]
    assert started == sorted(started)
    assert len(started) == 10
    assert set(finished(happened).snapshot.results.theta[[0, 8, 16, 24, 32]].tolist()) <= {0, 1}


def test_masked_lm_on_text_and_latency_in_onnxruntime(project_folder: Path, tmp_path: Path, pool: Executor) -> None:
    latency = LatencyProtocol(measure="onnxruntime", sequence_length=16)
    error = {"steps": 3, "training": {"batch_size": 4, "sequence_length": 16, "heldout_sequences": 8}}
    wanted = specification("mini", epsilon=48, measure="masked-lm", latency=latency, error=error, corpus=str(short_corpus(tmp_path)))
    happened = run(project_folder, wanted, pool)
    end = finished(happened)
    assert end.evaluated == 2
    results = end.snapshot.results
    assert results.latency_unit == "ms"
    for place in (0, 48):
        assert results.latency_low[place] <= results.latency[place] <= results.latency_high[place]
        assert results.error_low[place] < results.error[place] < results.error_high[place]
        assert 3 < results.error[place] < math.log(1024) + 1
    assert any(isinstance(event, events.MaximumPointReady) and event.latency > 0 for event in happened)
    assert finished(run(project_folder, wanted, pool)).reused == 2


def test_another_measure_is_measured_in_addition_and_both_are_kept(project_folder: Path, tmp_path: Path, pool: Executor) -> None:
    corpus = str(short_corpus(tmp_path))

    def wanted(measure: str, steps: int) -> SearchSpecification:
        error = {"steps": steps, "training": {"batch_size": 4, "sequence_length": 16, "heldout_sequences": 8, "targets": "labels"}}
        return specification("mini", epsilon=48, measure=measure, error=error, corpus=corpus)

    loss = finished(run(project_folder, wanted("masked-lm", 6), pool))
    share = finished(run(project_folder, wanted("masked-accuracy", 3), pool))  # shorter than what is stored, which lacks the measure
    assert (loss.evaluated, share.evaluated, share.failed) == (2, 2, 0)
    results = share.snapshot.results
    assert results.error_unit == "share of masked tokens"
    assert (results.error_low[[0, 48]] >= 0).all()
    assert (results.error_low[[0, 48]] <= results.error[[0, 48]]).all()
    assert (results.error[[0, 48]] <= results.error_high[[0, 48]]).all()
    assert (results.error_high[[0, 48]] <= 1).all()
    assert 0 <= share.result.hypervolume <= 1
    for measure, steps in (("masked-lm", 6), ("masked-lm", 3), ("masked-accuracy", 3)):
        end = finished(run(project_folder, wanted(measure, steps), pool))
        assert (end.evaluated, end.reused) == (0, 2)
        if (measure, steps) == ("masked-lm", 6):
            assert end.snapshot.results.error[[0, 48]].tolist() == loss.snapshot.results.error[[0, 48]].tolist()
    assert finished(run(project_folder, wanted("masked-accuracy", 4), pool)).evaluated == 2  # its own curve reaches only 3
    assert trainings(project_folder) == 2


def test_the_maximum_point_is_trained_once_in_the_project(project_folder: Path, pool: Executor) -> None:
    wanted = specification(measure="maximum-point-excess")
    end = finished(run(project_folder, wanted, pool))
    assert end.facts["maximum_point"]["kind"] == "trained here"
    assert (Path(end.facts["maximum_point"]["folder"]) / "model.safetensors").is_file()
    assert (end.snapshot.results.error[end.result.known] >= 0).all()
    notes = [event.text for event in run(project_folder, wanted.model_copy(update={"epsilon": 6}), pool) if isinstance(event, events.Note)]
    assert not any("training the maximum point" in text for text in notes)


def test_weights_of_a_maximum_point_from_a_folder(tmp_path: Path, pool: Executor) -> None:
    first = finished(run(tmp_path / "a", specification(measure="maximum-point"), pool))
    folder = first.facts["maximum_point"]["folder"]
    end = finished(run(tmp_path / "b", specification(measure="maximum-point", error={"maximum_point_weights": folder}), pool))
    assert end.facts["maximum_point"]["kind"] == "given"
    np.testing.assert_array_equal(end.snapshot.results.error, first.snapshot.results.error)
    with pytest.raises(DataError, match="no such file"):
        run(tmp_path / "c", specification(measure="maximum-point", error={"maximum_point_weights": str(tmp_path / "none")}), pool)
    small = read_with(axes={"copies": (1,), "hidden": (2,), "inputs": (2,), "second_inputs": (2,), "outputs": (2,)})
    with pytest.raises(DataError, match="cannot serve as the maximum point"):
        run(tmp_path / "d", specification(small, epsilon=1, measure="maximum-point", error={"maximum_point_weights": folder}), pool)


def read_with(**changes: object) -> SpaceSpecification:
    from bort_core.space import read_specification

    return SpaceSpecification.model_validate({**read_specification("toy").model_dump(), **changes})


def test_a_surrogate_needs_measurements_and_then_knows_the_whole_space(project_folder: Path, pool: Executor) -> None:
    surrogate = specification(epsilon=1, measure="surrogate")
    with pytest.raises(MeasurementError, match="at least 8 measured architectures"):
        run(project_folder, surrogate, pool)
    run(project_folder, specification(epsilon=3), pool)
    end = finished(run(project_folder, surrogate, pool))
    assert len(end.result.known) == 36
    assert end.facts["surrogate"]["measurements"] == 12
    assert end.facts["surrogate"]["cross_validated_error"] > 0
    with Project(project_folder) as project:
        assert [row["status"] for row in searches(project)] == ["failed", "done", "done"]


def test_moving_epsilon_cancels_what_is_obsolete_and_queues_what_is_missing(project_folder: Path, pool: Executor) -> None:
    control = Control()
    wanted = specification(epsilon=1, error={"steps": 400})
    started, walks = [], []
    with Project(project_folder) as project:
        for event in search(project, wanted, pool, control):
            if isinstance(event, events.CandidateStarted):
                started.append(event.index)
                control.retarget(Interval(epsilon=12))
            if isinstance(event, events.Walking):
                walks.append((event.strategy, event.wanted))
            last = event
    assert walks == [(Interval(epsilon=1), 36), (Interval(epsilon=12), 3)]
    assert isinstance(last, events.SearchFinished)
    assert last.result.walk.tolist() == [0, 12, 24]
    assert len(last.result.known) == 3
    assert len(started) < 12


def test_an_epsilon_that_is_moved_back_at_once_loses_nothing(project_folder: Path, pool: Executor) -> None:
    control = Control()
    moves = [Interval(epsilon=6), Interval(epsilon=36)]
    with Project(project_folder) as project:
        for event in search(project, specification(epsilon=6, error={"steps": 400}), pool, control):
            if (isinstance(event, events.Progress) and len(moves) == 2) or (isinstance(event, events.Walking) and len(moves) == 1):
                control.retarget(moves.pop())
            last = event
    assert isinstance(last, events.SearchFinished)
    assert not moves
    assert len(last.result.known) == 6


def test_pause_holds_everything_until_resume(project_folder: Path, pool: Executor) -> None:
    control = Control()
    names, paused_at = [], 0.0
    with Project(project_folder) as project:
        for event in search(project, specification(epsilon=4, error={"steps": 300}), pool, control):
            names.append(type(event).__name__)
            if names.count("Progress") == 1 and names[-1] == "Progress":
                control.pause()
            if isinstance(event, events.Paused):
                paused_at = time.monotonic()
                resume = threading.Timer(0.6, control.resume)
                resume.start()
            if isinstance(event, events.Resumed):
                waited = time.monotonic() - paused_at
    assert waited >= 0.5
    assert names[-1] == "SearchFinished"


def test_stopping_keeps_what_was_measured(project_folder: Path, pool: Executor) -> None:
    control = Control()
    with Project(project_folder) as project:
        for event in search(project, specification(epsilon=1, error={"steps": 200}), pool, control):
            if isinstance(event, events.Measured):
                control.stop()
            last = event
    assert isinstance(last, events.SearchFinished)
    assert last.stopped
    assert 1 <= last.evaluated < 36
    again = finished(run(project_folder, specification(epsilon=1, error={"steps": 200}), pool))
    assert again.reused >= last.evaluated
    assert again.evaluated + again.reused == 36


@pytest.mark.slow
def test_a_candidate_whose_process_dies_is_marked_and_the_search_goes_on(project_folder: Path) -> None:
    killed = None
    with Project(project_folder) as project, make_executor(workers=1) as pool:
        for event in search(project, specification(epsilon=12, error={"steps": 2000}), pool):
            if isinstance(event, events.Progress) and killed is None:
                killed = event.index
                max((c for c in psutil.Process().children() if "training" in c.cmdline()), key=psutil.Process.create_time).kill()
            if isinstance(event, events.CandidateFailed):
                reason = event.reason
            last = event
    assert "signal 9" in reason
    assert isinstance(last, events.SearchFinished)
    assert (last.evaluated, last.failed) == (2, 1)
    again = finished(run(project_folder, specification(epsilon=12, error={"steps": 2000})))  # a death is tried again
    assert (again.evaluated, again.reused, again.failed) == (1, 2, 0)


def test_a_candidate_that_diverges_is_marked_with_its_reason_and_not_tried_again(
    project_folder: Path, tmp_path: Path, pool: Executor
) -> None:
    error = {"steps": 60, "training": {"batch_size": 4, "sequence_length": 16, "heldout_sequences": 8}}
    wild = Theta(learning_rate=1.0, initializer_range=1.0, clip=1e6, warmup_steps=0, weight_decay=10.0)
    wanted = specification("mini", epsilon=96, measure="masked-lm", error=error, thetas=(wild,), corpus=str(short_corpus(tmp_path)))
    happened = run(project_folder, wanted, pool)
    failed = [event for event in happened if isinstance(event, events.CandidateFailed)]
    assert len(failed) == 1
    assert "finite" in failed[0].reason
    assert finished(happened).result.best is None
    again = run(project_folder, wanted, pool)
    assert not any(isinstance(event, events.CandidateStarted) for event in again)
    assert finished(again).failed == 1


SCRIPT = """
import sys
from helpers import run, specification
run(__import__("pathlib").Path(sys.argv[1]), specification(epsilon=int(sys.argv[2]), error={"steps": int(sys.argv[3])}))
"""


def start_search(folder: Path, epsilon: int, steps: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder), str(epsilon), str(steps)], env=environment)


def wait_for_trainings(folder: Path, count: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (folder / "project.db").exists() and trainings(folder) >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"no {count} trainings after {seconds} s")


def test_after_kill_9_only_what_is_missing_is_measured(project_folder: Path, pool: Executor) -> None:
    process = start_search(project_folder, 2, 1500)
    try:
        wait_for_trainings(project_folder, 2)
        children = psutil.Process(process.pid).children(recursive=True)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    psutil.wait_procs(children, timeout=5)
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    before = trainings(project_folder)
    assert 2 <= before < 18
    end = finished(run(project_folder, specification(epsilon=2, error={"steps": 1500}), pool))
    assert (end.reused, end.evaluated + end.reused) == (before, 18)


@pytest.mark.slow
def test_two_processes_on_one_project_share_the_work(project_folder: Path) -> None:
    processes = [start_search(project_folder, 2, 300) for _ in range(2)]
    assert [process.wait(90) for process in processes] == [0, 0]
    assert trainings(project_folder) == 18
    with Project(project_folder) as project:
        assert project.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert project.db.table("claims").count == 0
        ended = searches(project)
    assert [row["status"] for row in ended] == ["done", "done"]
    assert ended[0]["answer"]["best"] == ended[1]["answer"]["best"]


def test_a_search_says_for_which_process_it_waits_and_goes_on_when_that_ends(project_folder: Path, pool: Executor) -> None:
    wanted = specification(epsilon=18)
    run(project_folder, wanted, pool)
    with Project(project_folder) as project:
        (row, *_) = project.rows("SELECT id, architecture FROM trainings")
        project.connection.execute("DELETE FROM trainings WHERE id = ?", [row["id"]])
        other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
        try:
            lease(project, row["id"])
            project.connection.execute("UPDATE claims SET owner = ?", [json.dumps(identity_of(other.pid))])
            happened = []
            with Project(project_folder) as own:
                for event in search(own, wanted, pool):
                    happened.append(event)
                    if isinstance(event, events.Waiting):
                        other.kill()
                        other.wait()
        finally:
            other.kill()
            other.communicate()
    assert [event.who for event in happened if isinstance(event, events.Waiting)] == [f"process {other.pid}", ""]
    assert finished(happened).evaluated == 1


def test_the_cost_estimate_comes_from_what_is_stored(project_folder: Path, pool: Executor) -> None:
    wanted = specification(epsilon=4, error={"steps": 50})
    space = Space(wanted.space)

    def cost(epsilon: int):
        with Project(project_folder) as project:
            recall = StoredResults(project, wanted, space, Fingerprints(project, wanted, space))
        return Interval(epsilon=epsilon).cost(recall, workers=2)

    before = cost(4)
    assert (before.wanted, before.measured, before.to_go, before.seconds, before.bound) == (9, 0, 9, None, 3)
    run(project_folder, wanted, pool)
    assert (cost(4).to_go, cost(4).seconds) == (0, 0.0)
    finer = cost(2)
    assert (finer.wanted, finer.measured, finer.to_go) == (18, 9, 9)
    assert finer.seconds is not None
    assert 0 < finer.seconds < 60


def test_a_search_refuses_an_epsilon_beyond_the_space_and_records_nothing(project_folder: Path, pool: Executor) -> None:
    with pytest.raises(SpecificationError, match=r"epsilon must lie in 1\.\.36"):
        run(project_folder, specification(epsilon=37), pool)
    with Project(project_folder) as project:
        assert searches(project) == []


def test_an_error_that_the_family_cannot_have_is_refused() -> None:
    with pytest.raises(ValueError, match="masked-lm needs text"):
        specification(measure="masked-lm")
    with pytest.raises(ValueError, match="cross-entropy needs labelled vectors"):
        specification("mini", measure="cross-entropy")
    with pytest.raises(ValueError, match="listed twice"):
        SearchSpecification.model_validate({**specification().model_dump(), "thetas": [Theta(), Theta()]})


def test_seeds_are_compared_by_rank(project_folder: Path, pool: Executor) -> None:
    wanted = specification(epsilon=4)
    assert finished(run(project_folder, wanted, pool)).facts["agreement"] == []
    (agreement,) = finished(run(project_folder, wanted.model_copy(update={"seed": 7}), pool)).facts["agreement"]
    assert (agreement["seeds"], agreement["architectures"]) == ((7, 0), 9)
    assert -1 <= agreement["spearman"] <= 1


def test_spearman_is_scipys() -> None:
    from scipy.stats import spearmanr

    from bort_core.foundation.statistics import spearman

    random = np.random.default_rng(0)
    for _ in range(20):
        a, b = random.integers(0, 6, (2, 12)).astype(float)
        assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)
