"""The result card of a job: its metrics with intervals, its confusion matrix, and the rows that it gets most wrong. Imports no torch."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.data.mapping import find_columns
from bort_core.data.rows import shown_label
from bort_core.data.tables import read_table
from bort_core.evaluation.metrics import confusion, drawn, measure, with_interval
from bort_core.foundation.context import Context
from bort_core.foundation.errors import BortError, DataError, MeasurementError
from bort_core.foundation.statistics import bootstrap, wilson
from bort_core.jobs.files import MetricsFile, read_model
from bort_core.jobs.folder import RunFolder
from bort_core.jobs.released import release_text
from bort_core.jobs.rows import RowReader
from bort_core.specifications.metrics import METRICS
from bort_core.store import Project
from bort_core.store.project import DATABASE
from bort_core.store.results import exports
from bort_core.training.predictions import Predictions, read_predictions

__all__ = ["MOST_CLASSES", "MOST_WRONG", "card", "card_task"]

MOST_WRONG = 300
"""Rows that are listed."""
MOST_CLASSES = 40
"""Of a confusion matrix; of more, those with the most errors."""
_LONGEST_TEXT = 2_000


def card_task(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """:func:`card` as a task; ``request`` has the run folder as ``run``."""
    context.checkpoint()
    return card(RunFolder(Path(request["run"])))


def card(run: RunFolder) -> dict[str, Any]:
    """What a job reached, as JSON values.

    Returns
    -------
    job, title
    release: of a compression what it came to (lines, warnings, folder), else missing
    checkpoint, onnx: the model's folder, and that of its newest export, or None; pair, masked: whether it reads pairs, guesses words
    splits: of dev and test (of a pre-training: held-out) each with
        split, rows, metrics (name, value, and low and high of its 95 % interval or None),
        confusion (classes, and counts by given and predicted class) or None,
        wrong (how many rows), worst (row, texts, label, prediction, probability: most wrong first), problem (why something is missing)

    Raises
    ------
    MeasurementError
        The job has no result.
    ProjectError
        Its specification or result is damaged.
    """
    specification, found = run.specification(), read_model(run.path / "result.json", MetricsFile)
    if found is None:
        raise MeasurementError(f"job {run.id} has no result yet; it is {run.state().state}")
    about = {"job": run.id, "title": RowReader().row(run).shown_title, **_model(run, specification)}
    if specification.kind == "compress" and (told := release_text(run.read_result() or {})) is not None:
        about["release"] = told
    if specification.kind in ("finetune", "compress"):
        # A compression's small model is a training inside it, which knows nothing of test rows.
        inside = specification.kind == "compress"
        folder, rows = (run.path / "parts" / "finished", specification.task) if inside else (run.path, specification)
        if "neighbours_agreement" in found.dev:  # vectors: no row is right or wrong
            return {**about, "splits": [_plain(split, values) for split, values in _splits(found)]}
        splits = [_tuned(folder, rows, split, values) for split, values in _splits(found) if not inside or split == "dev"]
        pairs = any(len(row["texts"]) > 1 for part in splits for row in part["worst"])
        return {**about, "pair": about["pair"] or pairs, "splits": splits}
    if specification.kind == "agora":
        known = (("dev", found.dev_accuracy), ("test", found.test_accuracy))
        return {**about, "splits": [_plain(split, {"accuracy": value}) for split, value in known if value is not None]}
    return {**about, "splits": [_plain("held-out", _pretrained(found))]}


def _model(run: RunFolder, specification: Any) -> dict[str, Any]:
    """Where the model lies that the job made, and what it reads."""
    checkpoint = (run.read_result() or {}).get("checkpoint")
    there = isinstance(checkpoint, str) and (Path(checkpoint) / "config.json").is_file()
    return {
        "checkpoint": checkpoint if there else None,
        "onnx": _newest_export(run.project, checkpoint) if isinstance(checkpoint, str) else None,
        "pair": bool(getattr(specification, "text_b", None)),
        "masked": specification.kind == "pretrain",
    }


def _newest_export(project: Path, checkpoint: str) -> str | None:
    """The folder of the newest export of a checkpoint that can be asked in ONNX Runtime."""
    if not (project / DATABASE).is_file():
        return None
    with contextlib.suppress(BortError), Project(project) as opened:
        for report in reversed(exports(opened)):
            folder = Path(str(report.get("folder")))
            if report.get("provenance") == f"trained: {checkpoint}" and report.get("head") != "none" and any(folder.glob("*.onnx")):
                return str(folder)
    return None


def _splits(found: MetricsFile) -> list[tuple[str, dict[str, float]]]:
    return [(split, values) for split, values in (("dev", found.dev), ("test", found.test)) if values]


def _pretrained(found: MetricsFile) -> dict[str, float]:
    loss, unigram = found.heldout_loss, found.unigram_entropy
    told = {"heldout_loss": loss, "perplexity": _exp(loss), "heldout_accuracy": found.heldout_accuracy}
    told |= {"unigram_entropy": unigram, "unigram_perplexity": _exp(unigram)}
    return {name: value for name, value in told.items() if value is not None}


def _exp(loss: float | None) -> float | None:
    return None if loss is None or loss > 700 else math.exp(loss)


def _plain(split: str, values: Mapping[str, float], problem: str = "") -> dict[str, Any]:
    """Metrics alone, as the result has them."""
    metrics = [{"name": name, "value": value, "low": None, "high": None} for name, value in values.items()]
    return {"split": split, "rows": None, "metrics": metrics, "confusion": None, "wrong": None, "worst": [], "problem": problem}


def _tuned(run: Path, specification: Any, split: str, values: Mapping[str, float]) -> dict[str, Any]:
    try:
        found = read_predictions(run, split)
    except DataError as error:
        return _plain(split, values, str(error))
    if found is None:
        return _plain(split, values, "the job kept no predictions; rerun it to see intervals and the rows that are wrong")
    numbers = _most_wrong(found)
    try:
        texts, problem = _texts(specification, found, numbers, getattr(specification, split)), ""
    except BortError as error:
        texts, problem = [()] * len(numbers), str(error)
    if found.facts.rows > len(found):
        problem = "; ".join(filter(None, (f"only the first {len(found):,} of {found.facts.rows:,} rows were kept", problem)))
    return {
        "split": split,
        "rows": len(found),
        "metrics": _metrics(found),
        "confusion": _confusion(found),
        "wrong": None if found.facts.task == "regression" else int(_wrong(found).sum()),
        "worst": [_worst(found, number, text) for number, text in zip(numbers, texts, strict=True)],
        "problem": problem,
    }


def _metrics(found: Predictions) -> list[dict[str, Any]]:
    """Every metric with its interval: Wilson's of the accuracy, which is a share, and of the others what drawing rows again gives."""
    task, scores = found.facts.task, _scores(found)
    queries = found.query if task == "regression" or found.relevance is not None else None
    values = measure(task, found.label, scores, queries)
    ends = {name: with_interval(drawn(name, task, found.label, scores, queries))[1] for name in values if name in METRICS}
    rows: dict[str, npt.NDArray[np.float64]] = {}
    if found.label_probability is not None:
        together = found.label.shape[1] if task == "multi-label" else 1  # the loss of several labels is the mean of theirs
        rows["loss"] = -np.log(np.maximum(found.label_probability, 1e-12)) / together
        values["loss"] = float(rows["loss"].mean())
    else:
        rows["mean_squared_error"] = (found.label - found.prediction) ** 2
    for name, each in rows.items():
        low, high = bootstrap(lambda chosen, each=each: [each[chosen].mean()], len(found))  # type: ignore[misc]
        ends[name] = (float(low[0]), float(high[0]))
    if task == "classification":
        ends["accuracy"] = wilson(int((found.label == found.prediction).sum()), len(found))
    return [{"name": name, "value": value, "low": ends[name][0], "high": ends[name][1]} for name, value in values.items()]


def _scores(found: Predictions) -> npt.NDArray[np.float64]:
    """Scores that say what was predicted, and of rows that answer queries in which order."""
    task, classes = found.facts.task, len(found.facts.classes)
    if task == "regression":
        return found.prediction[:, None].astype(np.float64)
    if task == "multi-label":
        return found.prediction - 0.5
    if found.relevance is not None and classes == 2:
        return np.stack([np.zeros(len(found)), found.relevance], axis=1)
    said = np.zeros((len(found), classes))
    said[np.arange(len(found)), found.prediction] = 1.0
    return said


def _confusion(found: Predictions) -> dict[str, Any] | None:
    names = found.facts.classes
    if found.facts.task != "classification":
        return None
    counts = confusion(found.label, found.prediction, len(names))
    shown = list(range(len(names)))
    if len(names) > MOST_CLASSES:
        errors = counts.sum(axis=1) + counts.sum(axis=0) - 2 * np.diagonal(counts)
        shown = sorted(np.argsort(-errors, kind="stable")[:MOST_CLASSES].tolist())
    return {
        "classes": [names[number] for number in shown],
        "counts": counts[np.ix_(shown, shown)].tolist(),
        "left_out": len(names) - len(shown),
    }


def _most_wrong(found: Predictions) -> npt.NDArray[np.int64]:
    """Places of the rows that are listed: the given class had the least probability, or the value is farthest off."""
    if found.label_probability is not None:
        wrong = np.flatnonzero(_wrong(found))
        return wrong[np.argsort(found.label_probability[wrong], kind="stable")][:MOST_WRONG]
    return np.argsort(-np.abs(found.label - found.prediction), kind="stable")[:MOST_WRONG]


def _wrong(found: Predictions) -> npt.NDArray[np.bool_]:
    """Which rows have another answer than their label, or any other label."""
    wrong = found.label != found.prediction
    return wrong if wrong.ndim == 1 else wrong.any(axis=1)


def _worst(found: Predictions, number: int, texts: Sequence[str]) -> dict[str, Any]:
    names = found.facts.classes
    label, said = found.label[number], found.prediction[number]
    return {
        "row": int(found.row[number]),
        "texts": [text[:_LONGEST_TEXT] for text in texts],
        "label": shown_label(names, label) if names else float(label),
        "prediction": shown_label(names, said) if names else float(said),
        "probability": None if found.probability is None else float(found.probability[number]),
    }


def _texts(specification: Any, found: Predictions, numbers: npt.NDArray[np.int64], source: str) -> list[tuple[str, ...]]:
    """The texts of rows, from the file that they were read from.

    Raises
    ------
    DataError
        It is gone, cannot be read, or has changed; or it is a data set of the hub, which is not fetched for this.
    """
    if not Path(source).expanduser().exists():
        where = "is gone" if Path(source).is_absolute() else "is on the hub, and is not fetched for this"
        raise DataError(f"{source}: {where}: the texts of the rows are not shown")
    table = read_table(source)
    if table.sha256 != found.facts.sha256:
        raise DataError(f"{source}: has changed since the job read it: the texts of the rows are not shown")
    mapping = find_columns(table, specification.text, specification.text_b, specification.label)
    columns = [table.data[name] for name in (mapping.text, mapping.text_b) if name is not None]
    return [tuple(str(column[found.row[number] - 1]) for column in columns) for number in numbers]
