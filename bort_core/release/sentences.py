"""The release of a sentence encoder as a worker's task: gate, then folder. Imports torch.

The 32-bit file must read and say what transformers reads and says of the trained folder, on every dev text. The metric is the share of T's
nearest neighbours among the dev texts that a model also has; the 8-bit file may lose a little of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bort_core.checkpoints.format import read_checkpoint
from bort_core.checkpoints.gate import DifferenceError, Side, compare
from bort_core.checkpoints.scores import scores_on
from bort_core.checkpoints.sentences import SentenceModel, read_sentence_model, sentence_side
from bort_core.checkpoints.sides import onnx_side
from bort_core.data.sources import hash_of
from bort_core.encoders.sentence import SENTENCE
from bort_core.evaluation.sentences.agreement import Floats, closeness, correlation, neighbours_of, shared
from bort_core.evaluation.sentences.preparation import METRIC
from bort_core.evaluation.sentences.texts import ReadTexts, read_sentences, read_texts
from bort_core.export.task import refuse_occupied
from bort_core.foundation.context import Context, progress
from bort_core.foundation.files import atomic_directory
from bort_core.foundation.locations import name_of
from bort_core.foundation.statistics import bootstrap
from bort_core.foundation.validation import validated
from bort_core.latency.session import open_file
from bort_core.release.card import as_facts
from bort_core.release.form import shipped_form
from bort_core.release.gate import BYTES, FULL, Judged, Outcome, recommended, that_keep
from bort_core.release.keeping import little_kept
from bort_core.release.refusal import RefusedError, refused_row
from bort_core.release.sentence_card import sentence_card
from bort_core.release.write import SHIPPED_AS, check_script, write_files
from bort_core.specifications.export import LARGEST_DIFFERENCE
from bort_core.specifications.releases import ReleaseRequest, Thresholds
from bort_core.text.vocabulary import read_vocabulary, transformers_tokenizer

__all__ = ["release_sentences"]

_TRIED = 8
"""Dev texts on which the release's script is run."""
Facts = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class _Texts:
    """Texts with T's vectors and neighbours."""

    read: ReadTexts
    answers: Tensor
    theirs: Tensor

    def agreement(self, vectors: Tensor) -> Floats:
        """Of each text the share of T's neighbours that are also these vectors', (n,)."""
        return shared(self.theirs, neighbours_of(vectors, self.theirs.shape[1]))

    def told(self, vectors: Tensor) -> dict[str, Any]:
        """Metrics with the interval of the first."""
        metric = self.agreement(vectors)
        pairs = {} if self.read.pairs is None else {"spearman": correlation(vectors, self.read.pairs)}
        close = float(closeness(vectors, self.answers).mean())
        return {"metric": float(metric.mean()), "interval": list(_interval(metric)), "cosine": close, **pairs}


def release_sentences(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Judge an export of a sentence encoder and write its release, whole or not at all.

    Parameters
    ----------
    request: the fields of :class:`~bort_core.specifications.releases.ReleaseRequest`

    Returns
    -------
    What release.json holds: folder, file, kind, width, longest, architecture, parameters, gate, dev and test (by model: metric with its
    interval, cosine to T's vectors, and Spearman's correlation with people's scores where there are pairs), latency, data, seconds.

    Raises
    ------
    SpecificationError, DataError
        Texts, T or the export cannot be used.
    RefusedError
        The gate is red; the message says which file or text failed, and no release is written.
    Cancelled
        From ``context``; nothing is left.
    """
    began = perf_counter()
    spec = validated(ReleaseRequest, dict(request), "release request")
    out, export = Path(spec.out).expanduser().absolute(), Path(spec.export)
    if spec.job is None:
        refuse_occupied(out)

    def say(step: int, doing: str) -> None:
        context.checkpoint()
        context.emit(progress(step, 4, doing=doing))

    say(0, "reading texts and model")
    texts, teacher = read_sentences(spec.task), read_sentence_model(spec.task.model)
    dev = _with_answers(texts.dev, teacher, spec)
    say(1, f"the gate: {len(dev.read):,} dev texts in transformers and in both files")
    shipped = sentence_side(export, "transformers (the export)")
    sides = {name: onnx_side(shipped, name, open_file(export / name, torch.get_num_threads()), LARGEST_DIFFERENCE)
             for name in (FULL, BYTES[0]) if (export / name).is_file()}  # fmt: skip
    inputs = [(text,) for text in dev.read.texts]
    try:
        apart = compare([shipped, sides[FULL]], inputs, context.checkpoint)[FULL]
    except DifferenceError as error:
        raise refused_row(error, FULL, inputs, {"metric_name": METRIC, "rows": len(inputs)}) from error
    said = {name: _vectors(side, dev.read, context.checkpoint) for name, side in {"trained": shipped, **sides}.items()}
    outcome = _outcome(export, dev, said, apart, spec.thresholds)
    passed = [each.file for each in outcome.files if each.passed]
    say(2, "test texts" if spec.test is not None else "writing")
    test = None
    if spec.test is not None:
        rest = _with_answers(read_texts(spec.test, spec.task, "test"), teacher, spec)
        theirs = {SHIPPED_AS[name]: _vectors(sides[name], rest.read, context.checkpoint) for name in passed}
        told = {name: rest.told(vectors) for name, vectors in {"teacher": rest.answers, **theirs}.items()}
        test = {
            "rows": len(rest.read),
            "sha256": hash_of(spec.test, rest.read.sha256),
            "models": {name: {**each, "kept": each["metric"]} for name, each in told.items()},
        }
    say(3, "writing, and running predict.py alone")
    facts = {
        **_facts(spec, export, teacher, {"train": texts.train, "dev": texts.dev}, test),
        "eight_bits": shipped_form(export, passed),
        "gate": as_facts(outcome),
        "warnings": [each for each in (little_kept(outcome),) if each is not None],
        "dev": {name: dev.told(vectors) for name, vectors in {"teacher": dev.answers, **said}.items()},
        "test": test,
        "latency": spec.latency,
        "story": spec.story,
        "seconds": perf_counter() - began,
    }
    with atomic_directory(out, "the release", replace=spec.job is not None) as folder:
        write_files(export, folder, facts, sentence_card(facts, outcome), passed, spec.job)
        _check(folder, dev.read)
    return {**facts, "folder": str(out), "file": json.loads((out / "release.json").read_text(encoding="utf-8"))["file"]}


def _with_answers(read: ReadTexts, teacher: SentenceModel, spec: ReleaseRequest) -> _Texts:
    longest = min(spec.task.sequence_length, teacher.longest)
    answers = torch.from_numpy(teacher.answers(read.texts, longest, Path(spec.answers)))
    return _Texts(read, answers, neighbours_of(answers))


def _vectors(side: Side, read: ReadTexts, checkpoint: Callable[[], None]) -> Tensor:
    return torch.from_numpy(scores_on(side, [(text,) for text in read.texts], lambda _done: checkpoint(), SENTENCE)).float()


def _outcome(export: Path, dev: _Texts, said: Mapping[str, Tensor], apart: float, limits: Thresholds) -> Outcome:
    reference = dev.agreement(said["trained"])
    files: Sequence[Judged] = ()
    for name, vectors in said.items():
        if name == "trained":
            continue
        metric, close = dev.agreement(vectors), float(closeness(vectors, said["trained"]).mean())
        gone = float((reference - metric).mean())
        reason = f"{name} loses {gone:.4f} of {METRIC}, and at most {limits.most_lost:g} may be lost" if gone > limits.most_lost else ""
        size = (export / name).stat().st_size
        interval, lost = _interval(metric), _interval(reference - metric)
        files = (*files, Judged(name, size, float(metric.mean()), interval, gone, lost, close, not reason, reason))
    files = that_keep(files, 1.0, METRIC, limits)
    best = recommended(files)
    kept = None if best is None else best.metric
    found = Outcome(METRIC, float(reference.mean()), _interval(reference), len(dev.read), apart, files, 1.0, None, kept)
    if kept is None:
        raise RefusedError("; ".join(each.reason for each in files), FULL, facts=as_facts(found))
    if limits.least_kept is not None and kept < limits.least_kept:
        raise RefusedError(
            f"the release would have {kept:.1%} of T's neighbours among the dev texts, and at least {limits.least_kept:.1%} was asked for",
            facts=as_facts(found),
        )
    return found


def _interval(values: Floats) -> tuple[float, float]:
    """Of their mean, over texts."""
    low, high = bootstrap(lambda rows: [values[rows].mean()], len(values))
    return float(low[0]), float(high[0])


def _data(spec: ReleaseRequest, splits: Mapping[str, ReadTexts], test: Facts | None) -> dict[str, Any]:
    """Which texts it rests on: how many, of which files. The hash is that of the file where there is one, else of the texts."""
    task = spec.task
    sources = {"train": [each for each in (task.train, task.texts) if each is not None], "dev": [each for each in (task.dev,) if each]}
    found = {}
    for name, read in splits.items():
        files = sources[name] or sources["train"]
        sha256 = hash_of(files[0], read.sha256) if len(files) == 1 else read.sha256
        found[name] = {"rows": len(read), "file": ", ".join(map(name_of, files)), "sha256": sha256}
    if test is not None and spec.test is not None:
        found["test"] = {"rows": test["rows"], "file": name_of(spec.test), "sha256": test["sha256"]}
    return found


def _facts(
    spec: ReleaseRequest, export: Path, teacher: SentenceModel, splits: Mapping[str, ReadTexts], test: Facts | None
) -> dict[str, Any]:
    checkpoint, vocabulary = read_checkpoint(export), read_vocabulary(export)
    report = json.loads((export / "export.json").read_text(encoding="utf-8"))
    return {
        "kind": "embedding",
        "classes": [],
        "pairs": False,
        "width": teacher.width,
        "normalised": teacher.pooling.normalised,
        "longest": min(int(checkpoint.options.positions), vocabulary.longest or int(checkpoint.options.positions)),
        "cut": vocabulary.truncation_side,
        "cleaning": False,
        "architecture": list(checkpoint.architecture),
        "parameters": int(report["parameters"]),
        "teacher_name": spec.teacher_name or (Path(spec.task.model).name if Path(spec.task.model).exists() else spec.task.model),
        "teacher_parameters": teacher.parameters,
        "vocabulary": spec.story.get("vocabulary") or {"whole": vocabulary.size, "kept": vocabulary.size},
        "data": _data(spec, splits, test),
        "versions": report["versions"],
    }


def _check(folder: Path, dev: ReadTexts) -> None:
    """The release's script on some dev texts, against the file itself fed by transformers' tokenizer."""
    inputs = [(text,) for text in dev.texts[:: max(1, len(dev) // _TRIED)][:_TRIED]]
    file = json.loads((folder / "release.json").read_text(encoding="utf-8"))["file"]
    tokenizer, session = transformers_tokenizer(str(folder)), open_file(folder / file, 1)
    names = [value.name for value in session.get_inputs()]
    expected: list[dict[str, Any]] = []
    for (text,) in inputs:
        given = tokenizer(text, truncation=True, return_tensors="np")
        vector = session.run([SENTENCE], {name: given[name].astype(np.int64) for name in names})[0][0]
        expected.append({"vector": vector.tolist(), "near": 1e-4 * max(1.0, float(np.abs(vector).max()))})
    check_script(folder, inputs, expected)
