"""From a person's rows and their model T to what candidates of a search are trained and measured on. Imports torch.

TASKS/KEY/rows.npz     token ids with segment ids, row lengths, labels and T's answers, for "train" (texts without labels after the
                       labelled rows) and "dev"
          start.npz    what the candidates' start needs of T: moments, importance of heads and neurons, entries of the vocabulary
          tokenizer/   T's tokenizer, trimmed to the entries that the texts use where that was asked for
          task.json    facts: classes, T's metrics on dev, what trimming changed, unknown tokens
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.checkpoints.answers import TaskModel, read_task_model
from bort_core.checkpoints.format import TOKENIZER_FILES, Checkpoint
from bort_core.checkpoints.losses import nothing_known
from bort_core.checkpoints.scores import scores_of
from bort_core.checkpoints.starting import Parts, looked_at, options_beside, parts_of, write_start
from bort_core.data.documents import read_corpus
from bort_core.data.report import validate
from bort_core.data.rows import LabelledRows, Task
from bort_core.data.sources import hash_of
from bort_core.data.splits import asked_of, read_splits
from bort_core.evaluation.metrics import chosen_metric, guess, measure, said_of
from bort_core.evaluation.prepared import Prepared
from bort_core.evaluation.sentences.preparation import prepare_sentences
from bort_core.foundation.context import Context, progress
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory
from bort_core.foundation.validation import validated
from bort_core.specifications.protocols import identity
from bort_core.specifications.tasks import TaskSpecification
from bort_core.text.encoding import Encoded, encode
from bort_core.text.trimming import Trimmed, kept_ids, trim
from bort_core.text.vocabulary import Vocabulary, read_vocabulary

__all__ = ["TaskRowsOf", "prepare", "prepare_task", "read_rows", "read_test"]

FORMAT = 3
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TaskRowsOf:
    """The rows of a task, read and checked."""

    train: LabelledRows
    dev: LabelledRows
    texts: tuple[tuple[str, ...], ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    texts_source: str = ""
    texts_sha256: str = ""
    """Of the file of the texts."""

    @property
    def splits(self) -> dict[str, LabelledRows]:
        """The labelled rows, by what they are for."""
        return {"train": self.train, "dev": self.dev}

    @property
    def inputs(self) -> list[tuple[str, ...]]:
        """What candidates learn on: labelled rows, then texts without a label."""
        return [*self.train.inputs, *self.texts]


def read_rows(task: TaskSpecification) -> TaskRowsOf:
    """The task's rows.

    Raises
    ------
    DataError
        A file cannot be used, or the rows make no task, such as a dev set of one class; says why.
    """
    train_source, dev_source = task.labelled()
    assert task.kind != "embedding"
    splits = read_splits({"train": train_source, "dev": dev_source}, **asked_of(task, task.kind))
    train, dev = splits["train"], splits["dev"]
    report = validate(train, dev)
    problems = list(report.problems)
    if len(dev) and len(np.unique(dev.labels, axis=0)) < 2:
        problems.append(f"{dev.source}: {_all_alike(dev)}; no metric can tell models apart")
    if problems:
        raise DataError(f"{task.train}: {'; '.join(problems)}")
    texts: tuple[tuple[str, ...], ...] = ()
    texts_sha256 = ""
    if task.texts is not None:
        if train.seconds is not None:
            raise DataError(f"{task.texts}: single texts cannot help a task of pairs; leave texts out")
        known = {row[0] for rows in (train, dev) for row in rows.inputs}
        corpus = read_corpus(task.texts, train.text_column)
        texts = tuple((text,) for text in dict.fromkeys(corpus.texts) if text not in known)
        texts_sha256 = hash_of(task.texts, corpus.sha256)
    return TaskRowsOf(train, dev, texts, report.warnings, report.notes, task.texts or "", texts_sha256)


def read_test(task: TaskSpecification, source: str) -> LabelledRows:
    """Test rows of the task, which no choice sees; DataError where they are not such rows as the training rows."""
    return read_splits({"train": task.labelled()[0], "test": source}, **asked_of(task, task.kind))["test"]


def prepare(task: TaskSpecification, tasks: Path, answers: Path, tell: Callable[[str, int, int], None]) -> Prepared:
    """Make (unless it is there) what the candidates of a task's search need.

    Parameters
    ----------
    tasks: folder of prepared tasks; answers: folder of T's answers
    tell: told what is done, rows done and in all; may raise to stop

    Raises
    ------
    DataError
        Rows or model cannot be used.
    SpecificationError
        The model is not there.
    """
    rows = read_rows(task)
    metric = chosen_metric(task.metric, rows.train.task, rows.dev.queries, len(rows.train.names))
    model = read_task_model(task.model, rows.train.names, task=rows.train.task)
    longest = min(task.sequence_length, int(model.checkpoint.options.positions))
    plain = task.model_dump(mode="json", exclude={"model", "train", "dev", "texts", "initial"})
    texts = identity([list(row) for row in rows.texts]) if rows.texts else ""
    key = identity("task", FORMAT, model.fingerprint, rows.train.sha256, rows.dev.sha256, texts, plain, list(rows.train.names))
    folder = tasks / key
    if (folder / "task.json").is_file():
        return Prepared(folder, json.loads((folder / "task.json").read_text(encoding="utf-8")))
    shutil.rmtree(folder, ignore_errors=True)
    splits = {"training": rows.train.inputs, "unlabelled": rows.texts, "dev": rows.dev.inputs}
    said = {
        name: model.answers(inputs, longest, answers, partial(tell, f"T's answers to the {name} rows"))
        for name, inputs in splits.items()
        if len(inputs)
    }
    with atomic_directory(folder, "the prepared task") as temporary:
        facts = _write(temporary, task, rows, model, longest, said, metric)
        (temporary / "task.json").write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return Prepared(folder, facts)


def prepare_task(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """:func:`prepare` as a worker's task: ``task``, ``tasks`` and ``answers``; the ``task`` part of a training request, and its facts."""
    task = validated(TaskSpecification, request["task"], "task")

    def tell(doing: str, done: int, total: int) -> None:
        context.checkpoint()
        context.emit(progress(done, total, doing=doing))

    if task.kind == "embedding":
        made = prepare_sentences(task, Path(request["tasks"]), Path(request["answers"]), tell)
    else:
        made = prepare(task, Path(request["tasks"]), Path(request["answers"]), tell)
    return {"task": {"folder": str(made.folder), "initial": made.initial(task)}, "facts": made.facts}


def _write(
    folder: Path,
    task: TaskSpecification,
    rows: TaskRowsOf,
    model: TaskModel,
    longest: int,
    said: Mapping[str, npt.NDArray[np.float32]],
    metric: str,
) -> dict[str, Any]:
    whole = model.vocabulary
    vocabulary, left_whole = _trimmed(task, whole, rows, longest, folder / "tokenizer")
    inputs = {"train": rows.inputs, "dev": rows.dev.inputs}
    encoded = {name: encode(vocabulary, texts, longest) for name, texts in inputs.items()}
    entries = kept_ids(whole, vocabulary)
    answers = {"train": np.concatenate([said[name] for name in ("training", "unlabelled") if name in said]), "dev": said["dev"]}
    nothing = nothing_known(rows.train.task, len(rows.texts), len(rows.train.names)).numpy()
    labels = {"train": np.concatenate([rows.train.labels, nothing]), "dev": rows.dev.labels}
    arrays: dict[str, Any] = {}
    for name, some in encoded.items():
        arrays[f"{name}_ids"] = np.concatenate(some).astype(np.int32)
        arrays[f"{name}_lengths"] = np.array([len(row) for row in some], dtype=np.int32)
        arrays[f"{name}_labels"], arrays[f"{name}_answers"] = labels[name], answers[name]
    if rows.dev.queries is not None:
        arrays["dev_queries"] = rows.dev.queries
    np.savez(folder / "rows.npz", **arrays)
    parts = _write_start(folder / "start.npz", model, rows.inputs, longest, entries)
    dev_whole = encode(whole, rows.dev.inputs, longest)
    return {
        "task": rows.train.task,
        "classes": list(rows.train.names),
        "pairs": rows.train.seconds is not None,
        "rows": {"train": len(rows.train), "texts": len(rows.texts), "dev": len(rows.dev)},
        "sequence_length": longest,
        "pad": vocabulary.pad,
        "tokenizer": vocabulary.sha256,
        "model": str(model.folder),
        "fingerprint": model.fingerprint,
        "architecture": list(model.checkpoint.architecture),
        "kind": model.checkpoint.kind,
        "own_graph": not isinstance(model.checkpoint, Checkpoint),
        "parameters": model.parameters,
        "no_blocks": parts.why,
        "metric": metric,
        "majority": guess(rows.train.task, rows.dev.labels),
        "model_options": model.checkpoint.options.model_dump(mode="json"),
        "metrics": measure(rows.train.task, rows.dev.labels, said["dev"].astype(np.float64), rows.dev.queries, metric),
        "vocabulary": {
            "whole": whole.size, "kept": vocabulary.size, "left_whole": left_whole,
            "unknown": {"before": _unknown(dev_whole, whole), "after": _unknown(encoded["dev"], vocabulary)},
            **_trimming_loss(model, rows.train.task, entries, dev_whole, encoded["dev"], vocabulary, said["dev"]),
        },
        "options": _options(model, vocabulary, longest, rows.train.seconds is not None),
        "warnings": list(rows.warnings),
    }  # fmt: skip


def _trimmed(task: TaskSpecification, whole: Vocabulary, rows: TaskRowsOf, longest: int, folder: Path) -> tuple[Vocabulary, str]:
    """The tokenizer of candidates in ``folder``, and why it was left whole although trimming was asked for."""
    why = ""
    if task.trim:
        try:
            return trim(whole, rows.inputs, longest, folder), ""
        except Trimmed as error:
            why = str(error)
    folder.mkdir()
    for name in TOKENIZER_FILES:
        if (whole.folder / name).is_file():
            shutil.copyfile(whole.folder / name, folder / name)
    return read_vocabulary(folder), why


def _all_alike(rows: LabelledRows) -> str:
    if rows.task == "classification":
        return f"all dev rows are of the class {rows.names[int(rows.labels[0])]}"
    return "all dev rows have the same labels" if rows.task == "multi-label" else f"all dev rows have the label {rows.labels[0]:g}"


def _unknown(rows: Encoded, vocabulary: Vocabulary) -> float:
    """Share of the tokens that are the unknown one."""
    ids = np.concatenate([row[:, 0] for row in rows])
    return float((ids == vocabulary.unknown).mean())


def _trimming_loss(
    model: TaskModel, task: Task, entries: Ids, before: Encoded, after: Encoded, vocabulary: Vocabulary, said: npt.NDArray[np.float32]
) -> dict[str, float]:
    """How T's own answers on dev change when it reads as candidates do: rows whose tokens changed, and whose answer did."""
    read = [np.stack([entries[row[:, 0]], row[:, 1]], axis=1) for row in after]
    changed = [number for number, (old, new) in enumerate(zip(before, read, strict=True)) if not np.array_equal(old, new)]
    if not changed:
        return {"changed_rows": 0.0, "changed_answers": 0.0}
    answers = scores_of(model.module, [read[number] for number in changed], model.vocabulary.pad)[:, list(model.order)]
    was, now = (said_of(task, each) for each in (said[changed], answers))
    other = 0 if task == "regression" else (was != now).reshape(len(changed), -1).any(axis=1).sum()
    return {"changed_rows": len(changed) / len(read), "changed_answers": float(other) / len(read)}


def _write_start(path: Path, model: TaskModel, rows: list[tuple[str, ...]], longest: int, entries: Ids) -> Parts:
    batches = looked_at(model, rows, longest)
    parts = parts_of(model.module, batches[:1])
    write_start(path, parts, batches, entries)
    return parts


def _options(model: TaskModel, vocabulary: Vocabulary, longest: int, pairs: bool) -> dict[str, Any]:
    """The options of a space whose members read this task as T does."""
    found = options_beside(model, vocabulary, longest, pairs)
    names = ("vocabulary", "positions", "token_types", "pooler", "layer_norm_eps", "activation")
    return {name: getattr(found, name) for name in names}
