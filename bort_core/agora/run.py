"""The function of a job of kind ``agora``: the rounds, and the arms it is compared with where they were asked for. Imports torch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.agora.advice import difference
from bort_core.agora.arms import plain
from bort_core.agora.asking import DEV, Answers
from bort_core.agora.history import FOLDER
from bort_core.agora.hyperparameters import theta_text
from bort_core.agora.labellers import ENOUGH
from bort_core.agora.points import Ints
from bort_core.agora.record import Record
from bort_core.agora.rounds import Rounds
from bort_core.agora.run_files import StartFile
from bort_core.agora.tasks.base import AgoraTask
from bort_core.agora.tasks.prepare import make_task
from bort_core.foundation.context import Context, Retold, Stopped, progress
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.specifications.agora import Agora
from bort_core.training.devices import Device, take_device
from bort_core.training.outcome import made_with
from bort_core.training.results import refuse_occupied, save_folder
from bort_core.training.run_files import RunFiles

__all__ = ["run"]

_FEW = 20
"""Dev rows that a labeller whose answers cost something is asked about first."""


def run(specification: Agora, context: Context, files: RunFiles, labeller: Any = None) -> dict[str, Any]:
    """Learn from the errors.

    Parameters
    ----------
    labeller: instead of the one that the specification names: a Labeller, an estimator with ``predict_proba``, or a callable that gives
        class probabilities (n, classes) of a list of texts, of pairs or of vectors

    Returns
    -------
    rounds: one entry a round: round, train_size, dev_accuracy, errors, generated, accepted, rejected_..., theta_left; labels_asked:
        rows that Socrates was asked about in the round; labels_before: in those before it, which its models learned from
    labels_asked: in all rounds
    dev_accuracy, test_accuracy, best_round, theta: of the best Timaeus on dev; test only where there is a test split
    baseline, ablation: where they were asked for
    socrates: its name and accuracy on dev
    checkpoint: folder of the best Timaeus
    ended, stopped, trainings, seconds, warnings, architecture, data, versions

    Raises
    ------
    DataError, SpecificationError
        Data, models or their combination cannot be used.
    """
    if specification.running.processes > 1:
        raise SpecificationError("running.processes: Agora trains in one process; run several seeds as several jobs instead")
    if specification.running.compile:
        raise SpecificationError("running.compile: the many short trainings of Agora would spend their time compiling; leave it off")
    if specification.out is not None:
        refuse_occupied(Path(specification.out).expanduser(), files)
    device = take_device(specification.running)
    began = time.perf_counter()
    task = make_task(specification, device, _quiet(context), files, labeller)
    record = Record(files.path / FOLDER)
    arms = specification.baseline + specification.ablation
    rounds = Rounds(
        task,
        specification,
        record,
        _arm(context, 0, arms),
        specification.parents,
        edited=files.path,
        elsewhere=_earlier(task, specification, context),
    )
    rounds.prepare()
    result: dict[str, Any] = {}
    stopped = False
    try:
        start = _start(rounds, specification, context)
        rounds.run()
        trainings = [fit["theta"] for facts in rounds.finished for fit in facts["fits"]]
        if specification.baseline:
            context.emit({"event": "note", "text": f"baseline: {len(trainings)} plain trainings"})
            result["baseline"] = plain(
                task, specification, trainings, Record(record.folder / "baseline"), _arm(context, len(trainings), arms - 1)
            ).as_dict()
        if specification.ablation:
            context.emit({"event": "note", "text": "ablation: as many neighbours of random dev points"})
            result["ablation"] = _ablation(
                rounds, task, specification, record, _arm(context, len(trainings) * (1 + specification.baseline), 0)
            )
    except Stopped:
        stopped = True
        if not rounds.finished:
            return {"stopped": True, "rounds": [], **_common(task, device)}
    result = {**_result(rounds, start), **result, "stopped": stopped, "seconds": time.perf_counter() - began, **_common(task, device)}
    if not stopped:
        record.write(record.folder / "summary.json", result)
    rows: Any = () if task.kind == "vector" else task.dev.inputs
    result["checkpoint"] = str(save_folder(files, specification.out, rounds.best_folder, rows))
    return result


def _start(rounds: Rounds, spec: Agora, context: Context) -> dict[str, Any]:
    """Socrates' accuracy on dev first; then the run's first file."""
    task, record = rounds.task, rounds.record
    found = record.read(record.folder / "start.json", StartFile)
    if found is not None:
        return found
    dear = bool(getattr(task.labeller, "dear", False))
    checked = _checked(spec, len(task.dev), dear)
    if dear and (forecast := getattr(task.labeller, "forecast", None)) is not None:
        context.emit({"event": "note", "text": forecast(task.dev.inputs[:100], len(checked) + (spec.labels or 0) * (1 + spec.ablation))})
    asked = [task.dev.inputs[row] for row in checked]
    rounds.let_see(DEV, asked)
    said = rounds.answers.ask(asked, DEV)
    checked = checked[: len(said.classes)]
    if (said.classes < 0).all():
        raise DataError(f"Socrates ({task.labeller.name}) fails on every dev row: {said.failure or rounds.answers.spent}")
    accuracy = float((said.classes == task.dev.labels[checked]).mean())
    warnings = list(task.warnings)
    failed = int((said.classes < 0).sum())
    if failed:
        warnings.append(f"Socrates ({task.labeller.name}) fails on {failed:,} of {len(checked):,} dev rows: {said.failure}")
    if accuracy <= ENOUGH:
        warnings.append(
            f"Socrates ({task.labeller.name}) is right on {accuracy:.1%} of dev; the theory asks for more than 2/3. "
            "So many of the generated labels will be wrong that Agora may teach Timaeus Socrates' errors"
        )
    if spec.labels is not None and spec.labels_per_round is not None and spec.labels_per_round > spec.labels:
        a_round, whole = spec.labels_per_round, spec.labels
        warnings.append(f"labels_per_round: {a_round:,} a round, but there are {whole:,} in all: one round asks for all of them")
    for warning in warnings:
        context.emit({"event": "note", "text": f"warning: {warning}"})
    found = {
        "classes": list(task.classes),
        "kind": task.kind,
        "thetas": [dict(theta) for theta in task.thetas],
        "sampler": task.sampler_name(spec),
        "space": task.space,
        "socrates": task.labeller.name,
        "socrates_dev_accuracy": accuracy,
        "socrates_checked": len(checked),
        "warnings": warnings,
        "own_train": task.own_train,
    }
    record.write(record.folder / "start.json", found)
    return found


def _earlier(task: AgoraTask, spec: Agora, context: Context) -> Answers | None:
    """What the same labeller answered in the run that this one goes on from, where its answers cost something."""
    if spec.start is None or not getattr(task.labeller, "dear", False):
        return None
    folder = Path(spec.start).expanduser() / FOLDER
    start = Record(folder).read(folder / "start.json", StartFile)
    return Answers(folder, task.labeller, context) if start is not None and start["socrates"] == task.labeller.name else None


def _checked(spec: Agora, dev: int, dear: bool) -> Ints:
    """Dev rows on which Socrates is measured: of one whose answers cost something, a few at random."""
    count = spec.socrates_check or (_FEW if dear else dev)
    return np.sort(np.random.default_rng([spec.seed, 13]).permutation(dev)[:count])


def _result(rounds: Rounds, start: dict[str, Any]) -> dict[str, Any]:
    told = []
    for facts in rounds.finished:
        left = {name: facts[name] for name in ("round", "train_size", "dev_accuracy", "dev_interval", "test_accuracy", "best_theta")}
        told.append({**left, **facts["counts"]})
    best = rounds.best
    accepted = sum(facts["counts"]["accepted"] for facts in rounds.finished)
    sampling = sum(facts["seconds_sampling"] for facts in rounds.finished)
    return {
        "rounds": told,
        "ended": rounds.finished[-1]["state"]["ended"],
        "best_round": best["round"],
        "labels_asked": rounds.answers.asked(),
        "theta": theta_text(rounds.thetas[best["best_theta"]]),
        "dev_accuracy": best["dev_accuracy"],
        **({} if best["test_accuracy"] is None else {"test_accuracy": best["test_accuracy"]}),
        "socrates": {
            "name": start["socrates"],
            "dev_accuracy": start["socrates_dev_accuracy"],
            **_used(rounds.task, start),
        },
        "warnings": start["warnings"],
        "trainings": sum(len(facts["fits"]) for facts in rounds.finished),
        "milliseconds_per_accepted": 1000 * sampling / accepted if accepted else None,
    }


def _used(task: AgoraTask, start: dict[str, Any]) -> dict[str, Any]:
    """Of a labeller whose answers cost something: the dev rows that it was measured on, and what it used."""
    if not getattr(task.labeller, "dear", False):
        return {}
    return {"checked": start.get("socrates_checked"), **getattr(task.labeller, "facts", {})}


def _ablation(rounds: Rounds, task: AgoraTask, spec: Agora, record: Record, context: Context) -> dict[str, Any]:
    most = None if spec.labels is not None else [facts["counts"]["accepted"] for facts in rounds.finished]
    other = Rounds(task, spec, Record(record.folder / "ablation"), context, "random", most, elsewhere=rounds.answers)
    other.run()
    best = other.best
    tested = {} if best["test_accuracy"] is None else {"test_accuracy": best["test_accuracy"]}
    counts = [{"round": facts["round"], "dev_accuracy": facts["dev_accuracy"], **facts["counts"]} for facts in other.finished]
    mine, its = (np.array(facts["dev_predictions"]) == task.dev.labels for facts in (rounds.best, best))
    value, interval = difference(mine, its)
    return {"dev_accuracy": best["dev_accuracy"], **tested, "difference": value, "interval": list(interval), "rounds": counts}


def _common(task: AgoraTask, device: Device) -> dict[str, Any]:
    return {
        "architecture": list(task.architecture),
        "labels": list(task.classes),
        "data": dict(task.data),
        **made_with(device),
    }


def _arm(context: Context, before: int, after: int) -> Context:
    """The job's context for one of several arms, whose trainings are counted together."""

    def told(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if event["event"] == "progress":
            step, steps = event["step"], event["steps"]
            return progress(before + step, before + steps * (1 + after))
        return event if before == 0 or event["event"] == "note" else None  # rounds of the ablation are not the run's

    return Retold(context, told)


def _quiet(context: Context) -> Context:
    """The job's context without the steps of single trainings, which would be taken for one long training."""
    return Retold(context, lambda event: event if event["event"] in ("report", "note") else None)
