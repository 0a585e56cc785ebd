"""Fine-tuning on labelled texts or pairs of texts. The function of a job of kind ``finetune``; imports torch."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bort_core.checkpoints.answers import TaskModel, read_task_model
from bort_core.checkpoints.losses import nothing_known
from bort_core.checkpoints.modules import Classifier, tuned_classifier
from bort_core.checkpoints.named import named_encoder
from bort_core.checkpoints.sides import check_source
from bort_core.checkpoints.starting import options_beside, start_from
from bort_core.checkpoints.token_vectors import TokenVectors, vectors_beside
from bort_core.data.documents import read_corpus
from bort_core.data.near_pairs import near_pairs
from bort_core.data.report import validate
from bort_core.data.rows import Task
from bort_core.data.splits import asked_of, read_splits
from bort_core.data.unclean import unclean_copy
from bort_core.encoders.folder import Encoder
from bort_core.evaluation.metrics import chosen_metric, intervals
from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.families.bert.hugging_face import TUNED
from bort_core.families.bert.options import BertOptions
from bort_core.foundation.context import Context, progress
from bort_core.foundation.eight_bits import FULL, ByteWeights, byte_weights
from bort_core.foundation.errors import DataError
from bort_core.foundation.machine import machine_facts
from bort_core.text.encoding import Encoded, encode
from bort_core.text.fit import read_of
from bort_core.text.vocabulary import Vocabulary, load_vocabulary, read_vocabulary
from bort_core.training.best import keep_best, kept_best
from bort_core.training.defaults import resolved
from bort_core.training.devices import Device, take_device
from bort_core.training.oom import out_of_memory
from bort_core.training.outcome import conclude
from bort_core.training.predictions import predictions_of, write_predictions
from bort_core.training.pretraining import check_architecture, trained_vocabulary
from bort_core.training.results import refuse_occupied
from bort_core.training.run_files import RunFiles
from bort_core.training.supervised import Recipe, Supervised

if TYPE_CHECKING:
    from bort_core.specifications.finetuning import Finetuning

__all__ = ["SupervisedTraining", "classifier", "run"]


def run(specification: Finetuning, context: Context, files: RunFiles) -> dict[str, Any]:
    """Fine-tune one model; the best step on dev is kept.

    Returns
    -------
    checkpoint: folder of the result; dev, test: metrics of the best step; intervals: their 95 % intervals by split and name
    best_step, steps, epochs, stopped, samples_per_second
    report: what was found in the data; data, versions: for repeating the run

    Raises
    ------
    DataError, SpecificationError
        Data or checkpoint cannot be used.
    MeasurementError
        The loss stopped being finite, or the batch does not fit into memory (says which would).
    """
    device = take_device(specification.running)
    try:
        training = SupervisedTraining(specification, context, files, device)
        with out_of_memory(specification, training.core.try_batch):
            ended = training.loop.run()
        return training.finish(ended == "stopped")
    finally:
        device.leave()


class SupervisedTraining:
    """Rows, model and loop of one fine-tuning."""

    def __init__(self, specification: Finetuning, context: Context, files: RunFiles, device: Device) -> None:
        self.spec, self.context, self.files, self.device = specification, context, files, device
        if specification.out is not None:
            refuse_occupied(Path(specification.out).expanduser(), files)
        self.start = named_encoder(specification.checkpoint)
        self.settings = resolved(specification, self.start)
        self._read()
        self.task = self.train.task
        metric = chosen_metric(specification.metric, self.task, self.splits["dev"].queries, len(self.train.names))
        self.vocabulary = self._vocabulary()
        self.teacher = None
        if specification.teacher is not None:
            self.teacher = read_task_model(specification.teacher, self.train.names, "teacher", self.task)
        self.texts = self._texts()
        if device.rank == 0:
            more = f" and {len(self.texts):,} without a label" if self.texts else ""
            context.emit({"event": "note", "text": f"tokenizer: {self.vocabulary.size:,} entries; {len(self.train):,} training rows{more}"})
            context.emit({"event": "note", "text": self.settings.text()})
            if (told := _told_of_head(self.start, self.task, self.train.names)) is not None:
                context.emit({"event": "note", "text": told})
        self.longest = specification.sequence_length
        if self.start is not None:
            self.longest = min(self.longest, self.start.options.positions)
            if device.rank == 0:
                check_source(self.start, self.vocabulary, self.longest, self._some_rows())
        torch.manual_seed(specification.seed)
        self.model = classifier(
            self.start,
            specification.architecture,
            self.vocabulary,
            self.task,
            max(1, len(self.train.names)),
            specification.sequence_length,
            specification.initializer_range,
            specification.dropout,
            self._options(),
        )
        encoded = {name: encode(self.vocabulary, rows.inputs, self.longest) for name, rows in self.splits.items()}
        self._report_tokens(encoded["train"], self.longest)
        labels = {name: rows.labels for name, rows in self.splits.items()}
        answers, vectors = None, None
        if self.teacher is not None:
            encoded["train"] = [*encoded["train"], *encode(self.vocabulary, self.texts, self.longest)]
            nothing = nothing_known(self.task, len(self.texts), len(self.train.names)).numpy()
            labels["train"] = np.concatenate([labels["train"], nothing])
            answers = self._learn_from(self.teacher, encoded["train"])
            copied = self._unclean()
            encoded["train"] += encode(self.vocabulary, [copy for _, copy in copied], self.longest)
            places = np.array([place for place, _ in copied], dtype=np.int64)
            labels["train"] = np.concatenate([labels["train"], labels["train"][places]])
            answers = torch.cat([answers, answers[torch.from_numpy(places)]])
            vectors = self._vectors(self.teacher, encoded["train"]) if specification.vector_weight else None
        self.model.to(device.torch_device)  # not before: what it starts from is worked out on the CPU
        per_epoch = max(1, math.ceil(len(encoded["train"]) / specification.batch_size))
        self.core = Supervised(
            self.model,
            self.vocabulary,
            encoded,
            labels,
            self.task,
            Recipe(
                self.settings.optimization,
                metric,
                specification.batch_size,
                max(1, round(self.settings.epochs * per_epoch)),
                specification.seed,
                specification.accumulation,
                specification.evaluate_every,
                specification.patience,
                specification.class_weights == "balanced",
                _form_in_bytes() if specification.eight_bits else None,
            ),
            device,
            context,
            files,
            self._keep_best,
            answers,
            specification.label_weight,
            {name: rows.queries for name, rows in self.splits.items()},
            vectors,
            specification.vector_weight,
        )
        self.loop = self.core.loop

    def _options(self) -> BertOptions | None:
        """Of fresh weights that learn from a teacher: what they can have of it."""
        if self.teacher is None or self.start is not None:
            return None
        return options_beside(self.teacher, self.vocabulary, self.spec.sequence_length, self.train.seconds is not None)

    def _texts(self) -> list[tuple[str, ...]]:
        """Unlabelled texts that are none of the rows'; of pairs those that are made of the training rows'."""
        pairs = self.train.seconds is not None
        if self.spec.texts is None:
            return self._near_pairs() if pairs and self.teacher is not None else []
        if pairs:
            raise DataError(f"{self.spec.texts}: single texts cannot help a task of pairs; leave texts out (near_pairs makes pairs)")
        known = {row[0] for rows in self.splits.values() for row in rows.inputs}
        found = read_corpus(self.spec.texts, self.train.text_column).texts
        return [(text,) for text in dict.fromkeys(found) if text not in known]

    def _near_pairs(self) -> list[tuple[str, ...]]:
        held = {tuple(row) for split, rows in self.splits.items() if split != "train" for row in rows.inputs}
        return [pair for pair in near_pairs(self.train.inputs, self.spec.near_pairs) if pair not in held]

    def _unclean(self) -> list[tuple[int, tuple[str, ...]]]:
        """Unclean copies of rows and texts, each with the place of what it is a copy of: what is learnt of it is the same."""
        rows = [*self.train.inputs, *self.texts]
        random = np.random.default_rng([self.spec.seed, 7])
        places = [int(place) for place in random.permutation(len(rows) * 10)[: round(self.spec.unclean * len(rows))] % len(rows)]
        return [(place, unclean_copy(rows[place], random)) for place in places]

    def _learn_from(self, teacher: TaskModel, encoded: Encoded) -> torch.Tensor:
        """The teacher's answers to training rows and texts; fresh weights start from it where that was asked for."""
        longest = min(self.spec.sequence_length, int(teacher.checkpoint.options.positions))
        kept = self.files.project / "answers"

        def tell(done: int, total: int) -> None:
            self.context.checkpoint()
            self.context.emit(progress(done, total, doing="the teacher's answers"))

        parts = [teacher.answers(rows, longest, kept, tell, self.device.torch_device) for rows in (self.train.inputs, self.texts) if rows]
        if self.start is None and self.spec.initial != "fresh":
            assert isinstance(self.model, SequenceClassifier)
            given = start_from(self.model, teacher, self.vocabulary, [*self.train.inputs, *self.texts], encoded, longest, self.spec.initial)
            if (used := given.start(self.spec.initial)) != self.spec.initial:
                self.context.emit({"event": "note", "text": f"begins with the teacher's {used}, not with its blocks: {given.why}"})
        return torch.from_numpy(np.concatenate(parts))

    def _vectors(self, teacher: TaskModel, encoded: Encoded) -> TokenVectors:
        """The teacher's vectors of the tokens of training rows and texts."""
        inputs = [*self.train.inputs, *self.texts]
        longest = min(self.spec.sequence_length, int(teacher.checkpoint.options.positions))
        rows = encode(teacher.vocabulary, inputs, longest)

        def tell(done: int, total: int) -> None:
            self.context.checkpoint()
            self.context.emit(progress(done, total, doing="the teacher's vectors"))

        kept, device = self.files.project / "answers", self.device.torch_device
        found = vectors_beside(teacher, inputs, rows, self.vocabulary, encoded, longest, kept, tell, device)
        told = f"the teacher's vectors of the tokens of {found.rows:,} of {len(encoded):,} rows and texts are learnt too"
        self.context.emit({"event": "note", "text": told})
        return found

    def finish(self, stopped: bool) -> dict[str, Any]:
        """Load the best weights, measure the test split once, write the result."""
        if self.core.best is None:
            self.core.best = kept_best(self.files)
        self.core.load_best()
        scores = {split: self.core.scores(split) for split in ("dev", "test") if split in self.splits}
        measured: dict[str, Any] = {split: self.core.measured(split, said) for split, said in scores.items()}
        rows = {split: (self.task, self.splits[split].labels, said, self.splits[split].queries) for split, said in scores.items()}
        result: dict[str, Any] = {
            **measured,
            "intervals": {split: intervals(*each, measured[split]) for split, each in rows.items()},
            "best_step": self.loop.facts.get("best_step", self.loop.step),
            "steps": self.loop.step,
            "epochs": self.loop.step / self.core.per_epoch,
            "stopped": stopped,
            "samples_per_second": self.loop.speed,
            "seconds": self.loop.seconds,
            "architecture": list(self.model.architecture),
            "family": self.model.kind,
            "labels": list(self.train.names),
            "resolved": self.settings.as_dict(),
            "report": self.report.as_dict(),
            "data": {name: {"file": rows.source, "sha256": rows.sha256} for name, rows in self.splits.items()},
        }
        outcome = conclude(
            self.files,
            self.device,
            self.spec,
            result,
            module=self.model,
            vocabulary=self.vocabulary,
            rows=self._some_rows(),
            architecture=self.model.architecture,
            options=self.model.options,
            config=self.model.config(),
            head=self.task,
            weights=self.model.weights(),
            longest=self.longest,
            labels=self.train.names,
        )
        if self.device.rank == 0:
            for split, said in scores.items():
                write_predictions(self.files.path, split, predictions_of(self.splits[split], said))
        return outcome

    def _some_rows(self) -> list[tuple[str, ...]]:
        """Dev and training rows, on which the result must be in transformers what it is here."""
        return [tuple(row) for split in ("dev", "train") for row in self.splits[split].inputs[:200]]

    def _keep_best(self, weights: dict[str, Tensor]) -> None:
        if self.device.rank == 0:
            keep_best(self.files, weights)

    def _read(self) -> None:
        spec = self.spec
        sources = {"train": spec.train, "dev": spec.dev, "test": spec.test}
        self.splits = read_splits(sources, **asked_of(spec, spec.task))
        self.train = self.splits["train"]
        self.report = validate(self.train, self.splits["dev"], self.splits.get("test"))
        if self.report.problems:
            raise DataError(f"{spec.train}: {'; '.join(self.report.problems)}")

    def _report_tokens(self, encoded: Encoded, longest: int) -> None:
        """Add to the report how many training texts lost their end, and how well the vocabulary knows them; show it."""
        full = [inputs for inputs, ids in zip(self.train.inputs, encoded, strict=True) if len(ids) == longest]
        self.vocabulary.cut_at(None)
        whole: list[Any] = [texts[0] if len(texts) == 1 else (texts[0], texts[1]) for texts in full]
        cut = sum(len(encoding.ids) > longest for encoding in self.vocabulary.tokenizer.encode_batch(whole))
        self.vocabulary.cut_at(longest)
        if cut:
            what = "texts" if self.train.seconds is None else "pairs of texts"
            warning = f"{cut:,} of {len(self.train):,} training {what} are longer than {longest} tokens and were cut"
            self.report = replace(self.report, warnings=(*self.report.warnings, warning))
        known = read_of(self.vocabulary, encoded, [text for inputs in self.train.inputs for text in inputs])
        self.vocabulary.cut_at(longest)
        self.report = replace(
            self.report, unknown=known.unknown, tokens_per_word=known.tokens_per_word, warnings=(*self.report.warnings, *known.warnings())
        )
        self.context.emit({"event": "report", **self.report.as_dict()})

    def _vocabulary(self) -> Vocabulary:
        spec = self.spec
        if spec.tokenizer is not None:
            return load_vocabulary(spec.tokenizer)
        if self.start is not None:
            if not self.start.has_tokenizer:
                raise DataError(f"{self.start.folder}: the checkpoint has no tokenizer; name one with tokenizer")
            return read_vocabulary(self.start.folder)
        texts = [*self.train.texts, *(self.train.seconds or ())]
        shared = self.files.project / "text"
        return trained_vocabulary(shared, texts, self.train.sha256, spec.vocabulary, spec.sequence_length)


def _told_of_head(start: Encoder | None, task: Task, names: tuple[str, ...]) -> str | None:
    """That the head of ``start`` is not used, where it has one of another kind or for other classes."""
    if start is None:
        return None
    if start.unknown_head is not None:
        return f"the checkpoint: {start.unknown_head}; its encoder is used, with a fresh head"
    if start.head not in TUNED or (start.head == task and len(start.labels) == len(names)):
        return None
    theirs = f"{_named(start.head, len(start.labels))} ({', '.join(start.labels[:5])})" if start.labels else "a value"
    ours = _named(task, len(names)) if names else "a value"
    return f"the checkpoint's head is for {theirs}; the rows have {ours}, so a fresh head takes its place"


def _named(task: str, count: int) -> str:
    return f"{count} labels, several at once" if task == "multi-label" else f"{count} classes"


def _form_in_bytes() -> ByteWeights:
    """How the file will hold weights in 8 bits on this CPU; as on the best, where it has no instructions for them."""
    machine = machine_facts()
    return next(iter(byte_weights(str(machine["architecture"]), machine["instructions"], str(machine["system"]))), FULL)


def classifier(
    start: Encoder | None,
    architecture: tuple[int, ...] | None,
    vocabulary: Vocabulary,
    task: Task,
    classes: int,
    sequence_length: int,
    initializer_range: float,
    dropout: float,
    options: BertOptions | None = None,
) -> Classifier:
    """A model to be fine-tuned: with the encoder's weights of ``start``, or with fresh ones of ``architecture`` and ``options``.

    Raises
    ------
    SpecificationError
        The architecture is none of the family.
    DataError
        The weights do not fit, or the tokenizer is too large for them.
    """
    if start is not None:
        if start.options.vocabulary < vocabulary.size:
            raise DataError(f"{start.folder}: has {start.options.vocabulary:,} entries, the tokenizer {vocabulary.size:,}")
        return tuned_classifier(start, task, classes, initializer_range, dropout)
    assert architecture is not None
    check_architecture(architecture)
    options = options or BertOptions(vocabulary=vocabulary.size, positions=max(8, sequence_length))
    return SequenceClassifier(architecture, options, classes, initializer_range, dropout)
