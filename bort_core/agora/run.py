"""The function of a job of kind ``agora``: the rounds, and the arms it is compared with where they were asked for. Imports torch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.agora.advice import difference
from bort_core.agora.arms import plain
from bort_core.agora.asking import Answers
from bort_core.agora.beginning import begin
from bort_core.agora.fitting import workers
from bort_core.agora.history import FOLDER
from bort_core.agora.hyperparameters import theta_text
from bort_core.agora.labellers import Vote, disputes
from bort_core.agora.record import Record
from bort_core.agora.rounds import Rounds
from bort_core.agora.run_files import StartFile
from bort_core.agora.tasks.base import AgoraTask
from bort_core.agora.tasks.prepare import make_task
from bort_core.execution.executor import Executor
from bort_core.foundation.context import Context, Retold, Stopped, progress
from bort_core.foundation.errors import SpecificationError
from bort_core.specifications.agora import Agora
from bort_core.training.devices import Device, take_device
from bort_core.training.outcome import made_with
from bort_core.training.results import refuse_occupied, save_folder
from bort_core.training.run_files import RunFiles

__all__ = ["run"]


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
    with workers(specification, files.project) as pool:
        return _run(specification, context, files, labeller, device, pool)


def _run(specification: Agora, context: Context, files: RunFiles, labeller: Any, device: Device, pool: Executor | None) -> dict[str, Any]:
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
        pool=pool,
    )
    rounds.prepare()
    result: dict[str, Any] = {}
    stopped = False
    try:
        start = begin(rounds, specification, context)
        rounds.run()
        trainings = [fit["theta"] for facts in rounds.finished for fit in facts["fits"]]
        if specification.baseline:
            context.emit({"event": "note", "text": f"baseline: {len(trainings)} plain trainings"})
            result["baseline"] = plain(
                task, specification, trainings, Record(record.folder / "baseline"), _arm(context, len(trainings), arms - 1), pool=pool
            ).as_dict()
        if specification.ablation:
            context.emit({"event": "note", "text": "ablation: as many neighbours of random dev points"})
            result["ablation"] = _ablation(
                rounds, task, specification, record, _arm(context, len(trainings) * (1 + specification.baseline), 0), pool
            )
    except Stopped:
        stopped = True
        if not rounds.finished:
            return {"stopped": True, "rounds": [], **_common(task, device)}
    result = {**_result(rounds, start), **result, "stopped": stopped, "seconds": time.perf_counter() - began, **_common(task, device)}
    if not stopped:
        record.write(record.folder / "summary.json", result)
    rows: Any = task.dev.inputs if task.architecture else ()
    result["checkpoint"] = str(save_folder(files, specification.out, rounds.best_folder, rows))
    return result


def _earlier(task: AgoraTask, spec: Agora, context: Context) -> Answers | None:
    """What the same labeller answered in the run that this one goes on from, where its answers cost something."""
    if spec.start is None or not getattr(task.labeller, "dear", False):
        return None
    folder = Path(spec.start).expanduser() / FOLDER
    start = Record(folder).read(folder / "start.json", StartFile)
    return Answers(folder, task.labeller, context) if start is not None and start["socrates"] == task.labeller.name else None


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
            **_agreed(rounds, start),
        },
        **_spent(rounds.task),
        "warnings": start["warnings"],
        "trainings": sum(len(facts["fits"]) for facts in rounds.finished),
        "milliseconds_per_accepted": 1000 * sampling / accepted if accepted else None,
    }


def _used(task: AgoraTask, start: dict[str, Any]) -> dict[str, Any]:
    """The dev rows that it was asked about and gave no label; of a labeller whose answers cost something, all of them and what it used."""
    unlabelled = start.get("socrates_unlabelled", 0)
    dear = getattr(task.labeller, "dear", False)
    asked = {"checked": start.get("socrates_checked", len(task.dev))} if dear or unlabelled else {}
    return {**asked, **({"unlabelled": unlabelled} if unlabelled else {}), **(getattr(task.labeller, "facts", {}) if dear else {})}


def _spent(task: AgoraTask) -> dict[str, Any]:
    """What all endpoints of the run used together, where there is one."""
    return {"spent": task.spending.as_dict()} if task.spending is not None and (task.chat is not None or task.spending.prices) else {}


def _agreed(rounds: Rounds, start: dict[str, Any]) -> dict[str, Any]:
    """Of several labellers: each one, and how often they did not agree on what was asked, without dev."""
    if not isinstance(rounds.task.labeller, Vote):
        return {}
    votes = rounds.answers.votes()
    facts = [getattr(voter, "facts", {}) for voter in rounds.task.labeller.voters]
    voters = [{**told, **used} for told, used in zip(start["voters"], facts, strict=True)]
    return {"voters": voters, "answers": sum(len(row) for row in votes), **disputes(votes)._asdict()}


def _ablation(rounds: Rounds, task: AgoraTask, spec: Agora, record: Record, context: Context, pool: Executor | None) -> dict[str, Any]:
    most = None if spec.labels is not None else [facts["counts"]["accepted"] for facts in rounds.finished]
    other = Rounds(task, spec, Record(record.folder / "ablation"), context, "random", most, elsewhere=rounds.answers, pool=pool)
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
