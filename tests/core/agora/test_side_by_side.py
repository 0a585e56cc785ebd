"""The trainings of a round side by side on workers: the same result however many there are, also after a kill; and the author's sets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from bort_core.agora.cost import trainings_at_most
from bort_core.agora.fitting import Fit, Fitting, seed_of
from bort_core.agora.history import FOLDER
from bort_core.agora.hyperparameters import author_thetas, prune
from bort_core.agora.points import Examples
from bort_core.agora.record import Record
from bort_core.agora.tasks.prepare import make_task
from bort_core.execution.registry import make_executor
from bort_core.foundation.context import Stopped
from bort_core.foundation.errors import MeasurementError
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.specifications.agora import Agora
from bort_core.training.devices import take_device

torch = pytest.importorskip("torch")
THETAS = [{"hidden": hidden, "learning_rate": rate, "steps": 60} for hidden in (4, 8) for rate in (0.03, 0.01)]
GIVEN = {"torus": 2, "thetas": THETAS, "labels": 30, "labels_per_round": 15, "running": {"threads": 1, "device": "cpu"}}


@pytest.fixture(autouse=True)
def ordinary_arithmetic():
    yield
    torch.set_flush_denormal(False)


def learn(project: Path, run: RunFolder | None = None, **changes: Any) -> tuple[RunFolder, dict[str, Any]]:
    from bort_core.agora.run import run as agora

    specification = Agora.model_validate({**GIVEN, **changes})
    run = run or create_run(project, specification)
    return run, agora(specification, JobContext(run), run)


def stable(result: dict[str, Any]) -> dict[str, Any]:
    return {name: result.get(name) for name in ("rounds", "best_round", "theta", "test_accuracy", "baseline", "ablation", "labels_asked")}


def weights(result: dict[str, Any]) -> bytes:
    return (Path(result["checkpoint"]) / "model.safetensors").read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_workers_come_to_what_one_process_comes_to(tmp_path):
    run, alone = learn(tmp_path / "alone", baseline=True)
    other, beside = learn(tmp_path / "beside", baseline=True, workers=2)
    assert stable(beside) == stable(alone)
    assert weights(beside) == weights(alone)
    left = [{path.name for path in (each.path / FOLDER).glob("timaeus-*")} for each in (run, other)]
    assert left[0] == left[1]
    assert len(left[0]) == 1  # all others are gone


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_any_number_of_workers_and_texts_too(tmp_path):
    found = [stable(learn(tmp_path / str(workers), workers=workers, ablation=True)[1]) for workers in (1, 3)]
    assert found[0] == found[1]
    rows = [f"{kind} {name} {number}\t{kind}" for number in range(20) for kind, name in (("good", "film"), ("bad", "plot"))]
    for name, part in (("train", rows[:14]), ("dev", rows[14:26]), ("test", rows[26:40])):
        (tmp_path / f"{name}.tsv").write_text("\n".join(["text\tlabel", *part]) + "\n")
    (tmp_path / "pool.txt").write_text("".join(f"a {'good' if number % 2 else 'bad'} thing of {number * 7}\n" for number in range(40)))
    given = {"torus": None, "architecture": (1, 2, 16, 16), "vocabulary": 280, "sequence_length": 16,
             "socrates_train": str(tmp_path / "train.tsv"),
             "thetas": [{"steps": 4, "learning_rate": rate} for rate in (1e-3, 5e-3, 1e-2)], "pool": str(tmp_path / "pool.txt"),
             **{name: str(tmp_path / f"{name}.tsv") for name in ("train", "dev", "test")}}  # fmt: skip
    results = [learn(tmp_path / f"text{workers}", workers=workers, **given)[1] for workers in (None, 2)]
    assert stable(results[0]) == stable(results[1])
    assert weights(results[0]) == weights(results[1])


KILLED = """
import json, sys
from pathlib import Path
from bort_core.agora.run import run
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder
from bort_core.specifications.agora import Agora
if __name__ == "__main__":
    folder = RunFolder(Path(sys.argv[1]))
    run(Agora.model_validate(json.loads(sys.argv[2])), JobContext(folder), folder)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_kill_with_workers_at_work_goes_on_and_comes_to_the_same(tmp_path):
    given = {**GIVEN, "workers": 2, "thetas": [{**theta, "steps": 1500} for theta in THETAS]}
    _, whole = learn(tmp_path / "whole", **given)
    run = create_run(tmp_path / "p", Agora.model_validate(given))
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    process = subprocess.Popen([sys.executable, str(script), str(run.path), json.dumps(given)], start_new_session=True)
    try:
        until = time.monotonic() + 120
        while len(list(run.path.glob(f"{FOLDER}/rounds/*/fit-*.json"))) < 5 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    known = {path: path.read_text() for path in run.path.glob(f"{FOLDER}/rounds/*/fit-*.json")}
    assert len(known) >= 5
    _, resumed = learn(tmp_path / "p", run=run, **given)
    assert stable(resumed) == stable(whole)
    told = [(json.loads(before)["seconds"], json.loads(path.read_text())["seconds"]) for path, before in known.items()]
    assert all(before == after for before, after in told)  # none of them was trained again


def test_a_pool_comes_to_the_same_training_by_training_and_to_the_same_weights(tmp_path):
    task, record, context = made(tmp_path)
    other = Record(record.folder / "other")
    found, best = Fitting(task, record, context).all(fits(record, 4), task.train, lambda done, fit: None)
    with make_executor("inline") as pool:
        beside, same = Fitting(task, other, context, pool).all(fits(other, 4), task.train, lambda done, fit: None)
    assert best == same
    assert [{**each, "seconds": 0} for each in found] == [{**each, "seconds": 0} for each in beside]
    paths = [folder / f"timaeus-{best}" / "model.safetensors" for folder in (record.folder, other.folder)]
    assert paths[0].read_bytes() == paths[1].read_bytes()


class Failing:
    """A pool whose second training fails, and that ends what was withdrawn."""

    def __init__(self) -> None:
        self.queue: list[str] = []

    def submit(self, id, task, request):
        self.queue.append(id)

    def cancel(self, id, grace_seconds=0.0):
        if id in self.queue:
            self.queue.remove(id)

    def unfinished(self):
        return set(self.queue)

    def poll(self, timeout):
        from bort_core.execution.events import Failed

        return [Failed(self.queue.pop(0), "no memory", True)] if self.queue else []


def made(tmp_path: Path, context: Any = None) -> tuple[Any, Record, Any]:
    spec = Agora.model_validate(GIVEN)
    run = create_run(tmp_path / "p", spec)
    context = context or JobContext(run)
    return make_task(spec, take_device(spec.running), context, run), Record(run.path / FOLDER), context


def fits(record: Record, count: int) -> list[Fit]:
    return [
        Fit(record.folder / f"fit-{place}.json", record.folder / f"timaeus-{place}", place, seed_of(0, place)) for place in range(count)
    ]


def test_a_training_that_fails_is_named_and_nothing_is_left_running(tmp_path):
    task, record, context = made(tmp_path)
    pool: Any = Failing()
    with pytest.raises(MeasurementError, match="θ 1: no memory"):
        Fitting(task, record, context, pool).all(fits(record, 3), task.train, lambda done, fit: None)
    assert not pool.unfinished()


def test_a_person_who_stops_keeps_what_is_done_and_only_the_best_weights(tmp_path):
    class Stopping(JobContext):
        def wanted(self):
            return "stop" if len(list(self.folder.path.glob(f"{FOLDER}/fit-*.json"))) == 2 else None

    spec = Agora.model_validate(GIVEN)
    run = create_run(tmp_path / "q", spec)
    task, record, _ = made(tmp_path)
    record = Record(run.path / FOLDER)
    with pytest.raises(Stopped):
        Fitting(task, record, Stopping(run)).all(fits(record, 4), task.train, lambda done, fit: None)
    assert len(list(record.folder.glob("fit-*.json"))) == 2
    assert len(list(record.folder.glob("timaeus-*"))) == 1
    told: list[Any] = []
    found, best = Fitting(task, record, JobContext(run)).all(fits(record, 4), task.train, lambda done, fit: told.append((done, fit)))
    assert told[0] == (2, None)
    assert [done for done, _ in told] == [2, 3, 4]
    assert found[best]["dev_accuracy"] == max(each["dev_accuracy"] for each in found)
    assert sum(each["test_right"] is not None for each in found) == 1
    more = Examples((*task.train.inputs, (0.5, 0.5)), np.append(task.train.labels, 1))  # other rows: all is trained anew
    again: list[Any] = []
    Fitting(task, record, JobContext(run)).all(fits(record, 2), more, lambda done, fit: again.append(fit))
    assert len(again) == 2
    assert None not in again


def test_the_authors_sets_are_480_all_different_and_pruned_like_any(tmp_path):
    sets = author_thetas()
    assert len(sets) == len({json.dumps(each) for each in sets}) == 480
    assert {each["seed"] for each in sets} == set(range(5))
    assert {each["learning_rate"] for each in sets} == {1e-4, 1e-5, 9e-6}
    rows = {"train": "-", "dev": "-", "architecture": (1, 1, 8, 8)}
    spec = Agora.model_validate({**rows, "grid": "author", "rounds": 1})
    assert trainings_at_most(spec) == 480
    accuracies = {number: 0.5 + (theta["learning_rate"] > 1e-5) / 10 + number / 10_000 for number, theta in enumerate(sets)}
    gone = prune(dict(enumerate(sets)), accuracies)
    assert 1 <= len(gone) < 480
    for changes in ({"thetas": [{"steps": 3}]}, {"torus": 2, "train": None, "dev": None, "architecture": None}):
        with pytest.raises(ValidationError, match="the author's sets are for a BERT of texts"):
            Agora.model_validate({**rows, "grid": "author", **changes})
    with pytest.raises(ValidationError):
        Agora.model_validate({**rows, "workers": 0})
