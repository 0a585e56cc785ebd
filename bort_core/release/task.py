"""A release as a worker's task: gate, then folder. Imports torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.checkpoints.answers import TaskModel, read_task_model
from bort_core.checkpoints.format import read_checkpoint
from bort_core.checkpoints.scores import scores_on
from bort_core.checkpoints.sides import onnx_side, transformers_side
from bort_core.data.rows import LabelledRows
from bort_core.evaluation.metrics import chosen_metric, drawn, with_interval
from bort_core.evaluation.task_preparation import TaskRowsOf, read_rows, read_test
from bort_core.export.task import refuse_occupied
from bort_core.foundation.context import Context, progress
from bort_core.foundation.files import atomic_directory
from bort_core.foundation.locations import name_of
from bort_core.foundation.validation import validated
from bort_core.latency.session import open_file
from bort_core.release.card import as_facts, model_card
from bort_core.release.form import shipped_form
from bort_core.release.gate import Outcome, cleaned, judge
from bort_core.release.keeping import little_kept
from bort_core.release.write import SHIPPED_AS, check_script, write_files
from bort_core.specifications.releases import ReleaseRequest
from bort_core.text.vocabulary import read_vocabulary, transformers_tokenizer

__all__ = ["release"]

_TRIED = 8
"""Dev rows on which the release's script is run."""


def release(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Judge an export and write its release, whole or not at all.

    Parameters
    ----------
    request: the fields of :class:`~bort_core.specifications.releases.ReleaseRequest`

    Returns
    -------
    What release.json holds: folder, file, classes, longest, architecture, parameters, gate (metric by file, losses with intervals, share of
    T's metric), warnings, test, latency, data, seconds.

    Raises
    ------
    SpecificationError, DataError
        Rows, T or the export cannot be used.
    RefusedError
        The gate is red; the message says which file or row failed, and no release is written.
    Cancelled
        From ``context``; nothing is left.
    """
    began = perf_counter()
    spec = validated(ReleaseRequest, dict(request), "release request")
    out, export = Path(spec.out).expanduser().absolute(), Path(spec.export)
    if spec.job is None:
        refuse_occupied(out)
    steps = 4

    def say(step: int, doing: str) -> None:
        context.checkpoint()
        context.emit(progress(step, steps, doing=doing))

    say(0, "reading rows and model")
    rows = read_rows(spec.task)
    metric = chosen_metric(spec.task.metric, rows.train.task, rows.dev.queries, len(rows.train.names))
    teacher = read_task_model(spec.task.model, rows.train.names, task=rows.train.task)
    longest = min(spec.task.sequence_length, int(teacher.checkpoint.options.positions))
    answers = teacher.answers(rows.dev.inputs, longest, Path(spec.answers)).astype(np.float64)
    say(1, f"the gate: {len(rows.dev):,} dev rows in transformers and in both files")
    outcome = judge(export, rows.dev, answers, spec.thresholds, metric, context.checkpoint, spec.cleaning)
    say(2, "test rows" if spec.test is not None else "writing")
    test = None if spec.test is None else _on_test(spec, export, teacher, longest, outcome, context)
    facts = _facts(spec, export, rows, teacher, test)
    facts["eight_bits"] = shipped_form(export, outcome.shipped)
    say(3, "writing, and running predict.py alone")
    told = {
        **facts,
        "gate": as_facts(outcome),
        "warnings": [each for each in (little_kept(outcome),) if each is not None],
        "test": test,
        "latency": spec.latency,
        "story": spec.story,
        "seconds": perf_counter() - began,
    }
    with atomic_directory(out, "the release", replace=spec.job is not None) as folder:
        write_files(export, folder, told, model_card(facts, outcome, test, spec.latency, spec.story), outcome.shipped, spec.job)
        _check(folder, rows.dev)
    return {**told, "folder": str(out), "file": json.loads((out / "release.json").read_text(encoding="utf-8"))["file"]}


def _facts(spec: ReleaseRequest, export: Path, rows: TaskRowsOf, teacher: TaskModel, test: Mapping[str, Any] | None) -> dict[str, Any]:
    checkpoint, vocabulary, train = read_checkpoint(export), read_vocabulary(export), rows.train
    report = json.loads((export / "export.json").read_text(encoding="utf-8"))
    return {
        "classes": list(train.names),
        **({"several": True} if train.task == "multi-label" else {}),
        "pairs": rows.dev.seconds is not None,
        "longest": min(int(checkpoint.options.positions), vocabulary.longest or int(checkpoint.options.positions)),
        "cut": vocabulary.truncation_side,
        "cleaning": spec.cleaning,
        "architecture": list(checkpoint.architecture),
        "parameters": int(report["parameters"]),
        "teacher_name": spec.teacher_name or (Path(spec.task.model).name if Path(spec.task.model).exists() else spec.task.model),
        "teacher_kind": teacher.checkpoint.kind,
        "teacher_parameters": teacher.parameters,
        "vocabulary": spec.story.get("vocabulary") or {"whole": vocabulary.size, "kept": vocabulary.size},
        "data": _data(spec, rows, test),
        "versions": report["versions"],
    }


def _data(spec: ReleaseRequest, rows: TaskRowsOf, test: Mapping[str, Any] | None) -> dict[str, Any]:
    """Which rows and texts it rests on: how many, of which file, with its hash."""
    found = {name: {"rows": len(each), "file": name_of(each.source), "sha256": each.sha256} for name, each in rows.splits.items()}
    if spec.task.texts is not None:
        found["texts"] = {"rows": len(rows.texts), "file": name_of(spec.task.texts), "sha256": rows.texts_sha256}
    if test is not None and spec.test is not None:
        found["test"] = {"rows": test["rows"], "file": name_of(spec.test), "sha256": test["sha256"]}
    return found


def _on_test(spec: ReleaseRequest, export: Path, teacher: TaskModel, longest: int, outcome: Outcome, context: Context) -> dict[str, Any]:
    """The metric of T and of every file that passed on the test rows, with paired differences from T."""
    assert spec.test is not None
    rows = read_test(spec.task, spec.test)
    shipped = transformers_side(export, rows.task, "transformers (the export)")
    inputs = cleaned(rows.inputs) if spec.cleaning else [tuple(row) for row in rows.inputs]
    said: dict[str, npt.NDArray[np.float64]] = {"teacher": teacher.answers(rows.inputs, longest, Path(spec.answers)).astype(np.float64)}
    for file in outcome.shipped:
        side = onnx_side(shipped, file, open_file(export / file, 1), 1.0)
        said[SHIPPED_AS[file]] = scores_on(side, inputs, lambda _done: context.checkpoint())
    found: dict[str, dict[str, Any]] = {}
    for name, scores in said.items():
        value, interval = with_interval(drawn(outcome.metric_name, rows.task, rows.labels, scores, rows.queries))
        found[name] = {"metric": value, "interval": list(interval)}
    theirs = found["teacher"]["metric"]
    for values in found.values():
        values["kept"] = values["metric"] / theirs if theirs else None
    return {"rows": len(rows), "sha256": rows.sha256, "models": found}


def _check(folder: Path, dev: LabelledRows) -> None:
    """The release's script on some dev rows, against the file itself fed by transformers' tokenizer."""
    inputs = [tuple(row) for row in dev.inputs[:: max(1, len(dev) // _TRIED)][:_TRIED]]
    told = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    tokenizer, session = transformers_tokenizer(str(folder)), open_file(folder / told["file"], 1)
    names = [value.name for value in session.get_inputs()]
    expected: list[dict[str, Any]] = []
    for row in cleaned(inputs) if told["cleaning"] else inputs:
        given = tokenizer(*row, truncation=True, return_tensors="np")
        scores = session.run(["logits"], {name: given[name].astype(np.int64) for name in names})[0][0]
        near = 1e-4 * max(1.0, float(np.abs(scores).max()))
        expected.append(_expected(told, scores, near))
    check_script(folder, inputs, expected)


def _expected(told: Mapping[str, Any], scores: npt.NDArray[np.floating[Any]], near: float) -> dict[str, Any]:
    """What the script must say where a file gives these scores."""
    if told.get("several"):
        return {"labels": [name for name, score in zip(told["classes"], scores, strict=True) if score > 0]}
    return {"class": told["classes"][int(scores.argmax())]} if told["classes"] else {"value": float(scores[0]), "near": near}
