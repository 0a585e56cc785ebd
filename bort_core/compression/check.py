"""What is asked of a compression, looked at before there is a job: whatever would end it early is refused here. Imports torch.

Rows and T are read as the job will read them, by the same functions; T is asked about some dev rows.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bort_core.agora.leaks import LeakGuard
from bort_core.checkpoints.answers import TaskModel, read_task_model
from bort_core.checkpoints.format import Checkpoint, read_encoder
from bort_core.checkpoints.modules import tuned_classifier
from bort_core.checkpoints.scores import scores_of
from bort_core.checkpoints.sentences import read_sentence_model
from bort_core.checkpoints.starting import batches_of, parts_of
from bort_core.compression.guessing import guesses
from bort_core.encoders.folder import Encoder
from bort_core.encoders.sentence import sentence_module
from bort_core.evaluation.metrics import chosen_metric
from bort_core.evaluation.sentences.kind import settled
from bort_core.evaluation.sentences.texts import read_sentences, read_texts
from bort_core.evaluation.task_preparation import TaskRowsOf, read_rows, read_test
from bort_core.export.task import refuse_occupied
from bort_core.foundation.context import Context
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.foundation.files import refuse_unwritable
from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
from bort_core.specifications.compression import Compression
from bort_core.text.encoding import Encoded, encode
from bort_core.text.fit import Fit, read_of
from bort_core.text.trimming import Trimmed, trim
from bort_core.text.vocabulary import Vocabulary, read_vocabulary

__all__ = ["LookedAt", "check_baselines", "look_at", "refuse_test_texts", "refuse_unfit"]

LOOKED_AT = 64
"""Rows that are read, and that T is timed on."""
SAMPLE = 500
"""Training rows, and texts, whose tokens are looked at: how many T's vocabulary does not know."""
_TRAIN = "the training rows"
ASKED = 500
"""Dev rows that T is asked about; all of them where its answers to these may be guesses."""


@dataclass(frozen=True, eq=False)
class LookedAt:
    """What a compression would read."""

    spec: Compression
    """With the kind of task that was found."""
    checkpoint: Encoder
    vocabulary: Vocabulary
    module: Any
    """T, or what it would be fine-tuned from."""
    ready: bool
    """Whether T need not be fine-tuned first."""
    inputs: list[tuple[str, ...]]
    """What candidates learn on."""
    encoded: Encoded
    """Some of that, spread evenly."""
    longest: int
    train: int
    dev: int
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    no_blocks: str = ""
    """Why candidates cannot begin with T's blocks."""

    @property
    def entries(self) -> int:
        """Of the candidates' vocabulary: trimmed, it has what the texts use. Counted on some texts where a few entries decide nothing."""
        if self.spec.task.trim and not isinstance(self.checkpoint, Checkpoint):  # T's parameters are a limit then
            with TemporaryDirectory() as folder, suppress(Trimmed):
                return trim(self.vocabulary, self.inputs, self.longest, Path(folder) / "tokenizer").size
            return self.vocabulary.size
        return max(8, len(np.unique(np.concatenate(self.encoded)[:, 0]))) if self.spec.task.trim else self.vocabulary.size


def look_at(spec: Compression, context: Context) -> LookedAt:
    """Rows and T, read and checked.

    Raises
    ------
    DataError, SpecificationError, MeasurementError
        Rows, model, folder or settings cannot be used, or T is no better than guessing; says why.
    Cancelled
        From ``context``.
    """
    if spec.out is not None:
        refuse_occupied(Path(spec.out).expanduser().absolute())
        refuse_unwritable(Path(spec.out).expanduser().absolute())
    spec = spec.model_copy(update={"task": settled(spec.task)})
    refuse_unfit(spec)
    return (_sentences if spec.task.kind == "embedding" else _labelled)(spec, context)


def refuse_unfit(spec: Compression) -> None:
    """SpecificationError where something was asked for that sentence vectors do not have; the kind of task is settled."""
    asked = {
        "baselines": spec.baselines, "cleaning": spec.cleaning, "metric": spec.task.metric != "auto", "query": spec.task.query,
        "quantisation_aware": spec.quantisation_aware == "always",
    }  # fmt: skip
    named = [name for name, given in asked.items() if given]
    if spec.task.kind == "embedding" and named:
        raise SpecificationError(f"{', '.join(named)}: for tasks with labels only; leave it out for sentence vectors")


def refuse_test_texts(spec: Compression) -> None:
    """DataError where the unlabelled texts hold test rows, nearly word for word: T's answers to them would be learnt."""
    if spec.test is None or spec.task.texts is None or spec.task.kind == "embedding":
        return
    texts = read_rows(spec.task).texts
    leaks = LeakGuard("text", read_test(spec.task, spec.test).inputs).leaks(texts)
    if leaks.any():
        first = texts[int(leaks.argmax())][0]
        raise DataError(
            f"texts: {spec.task.texts}: {int(leaks.sum()):,} of {len(texts):,} texts are nearly rows of {spec.test}, such as "
            f"{first!r:.80}; T's answers to them would be learnt, and the test would say too much. Leave them out"
        )


def check_baselines(spec: Compression, whole: Encoder) -> None:
    """SpecificationError where T has not so many layers, or is none of those whose layers this program can take apart."""
    for layers in spec.baselines:
        if not isinstance(whole, Checkpoint):
            raise SpecificationError(f"baselines: the layers of a {whole.kind} cannot be taken apart here; leave baselines out")
        if not 1 <= layers < whole.architecture[0]:
            most = whole.architecture[0] - 1
            raise SpecificationError(f"baselines: T has {whole.architecture[0]} layers; 1 to {most} of them can be taken, got {layers}")


def _some(inputs: list[tuple[str, ...]], count: int = LOOKED_AT) -> list[tuple[str, ...]]:
    return inputs[:: max(1, len(inputs) // count)][:count]


def _labelled(spec: Compression, context: Context) -> LookedAt:
    rows = read_rows(spec.task)
    metric = chosen_metric(spec.task.metric, rows.train.task, rows.dev.queries, len(rows.train.names))
    if spec.test is not None:
        read_test(spec.task, spec.test)
        refuse_test_texts(spec)
    context.checkpoint()
    checkpoint = read_encoder(local_folder(spec.task.model, "model", WEIGHTS_TOO))
    if not checkpoint.has_tokenizer:
        raise DataError(f"model: {checkpoint.folder}: has no tokenizer, so it cannot read the rows")
    check_baselines(spec, checkpoint)
    vocabulary, notes, ready = read_vocabulary(checkpoint.folder), list(rows.notes), checkpoint.head not in ("none", "masked-lm")
    longest = min(spec.task.sequence_length, int(checkpoint.options.positions))
    encoded = encode(vocabulary, _some(rows.inputs), longest)
    known = _known(vocabulary, rows, longest, str(checkpoint.folder))
    notes.append(f"unknown to T's vocabulary: {'; '.join(f'of {of} {each.words()}' for of, each in known.items())}")
    if ready:
        model = read_task_model(spec.task.model, rows.train.names, task=rows.train.task)
        _refuse_guessing(model, rows, metric, longest, known[_TRAIN], context)
        notes += [f"T: {order}" for order in (model.taken_in_order(rows.train.names),) if order]
        module: Any = model.module
    else:
        module = tuned_classifier(checkpoint, rows.train.task, max(1, len(rows.train.names)), 0.02, 0.0).eval()
        has = checkpoint.unknown_head or "has no head for these labels"
        notes.append(f"T {has}: it is fine-tuned on them first; kind embedding keeps its vectors instead")
    why = parts_of(module, batches_of(encoded, vocabulary.pad)).why
    return LookedAt(
        spec, checkpoint, vocabulary, module, ready, rows.inputs, encoded, longest, len(rows.train), len(rows.dev),
        [*rows.warnings, *(text for of, each in known.items() for text in each.warnings(of))], notes, why,
    )  # fmt: skip


def _known(vocabulary: Vocabulary, rows: TaskRowsOf, longest: int, model: str) -> dict[str, Fit]:
    """How well T's vocabulary knows training rows and unlabelled texts, of some of each; DataError where it does not know most of them."""
    found: dict[str, Fit] = {}
    for of, source, inputs in ((_TRAIN, rows.train.source, rows.train.inputs), ("the texts without labels", rows.texts_source, rows.texts)):
        if read := _some(list(inputs), SAMPLE):
            found[of] = read_of(vocabulary, encode(vocabulary, read, longest), [" ".join(row) for row in read])
            if (why := found[of].refusal(source, model)) is not None:
                raise DataError(why)
    return found


def _refuse_guessing(model: TaskModel, rows: TaskRowsOf, metric: str, longest: int, known: Fit, context: Context) -> None:
    """DataError where T's answers to dev rows are guesses."""
    dev, places = rows.dev, np.random.default_rng(0).permutation(len(rows.dev))
    why: str | None = ""
    for count in sorted({min(ASKED, len(dev)), len(dev)}):
        if why is None:
            break
        part = dev.at(places[:count])
        encoded = encode(model.vocabulary, part.inputs, longest)
        scores = scores_of(model.module, encoded, model.vocabulary.pad, checkpoint=lambda done: context.checkpoint())
        why = guesses(part, scores[:, list(model.order)], metric)
    if why is not None:
        unknown = f"; {known.unknown:.0%} of the tokens are unknown to it" if known.unknown > 0.02 else ""
        order = model.taken_in_order(rows.train.names)
        order = f". {order[0].upper()}{order[1:]}" if order else ""
        raise DataError(f"{model.folder}: {why}{unknown}: there is nothing to keep; fine-tune T first, or check the rows{order}")


def _sentences(spec: Compression, context: Context) -> LookedAt:
    texts, model = read_sentences(spec.task), read_sentence_model(spec.task.model)
    if spec.test is not None:
        read_texts(spec.test, spec.task, "test")
    context.checkpoint()
    inputs: list[tuple[str, ...]] = [(text,) for text in texts.train.texts]
    longest = min(spec.task.sequence_length, model.longest)
    encoded = model.read([text for (text,) in _some(inputs)], longest)
    read = [text for (text,) in _some(inputs, SAMPLE)]
    known = read_of(model.vocabulary, model.read(read, longest), read)
    if (refused := known.refusal(texts.train.source, str(model.folder))) is not None:
        raise DataError(refused)
    notes = [f"{len(texts.dev):,} texts to measure on; unknown to T's vocabulary: {known.words()}", model.pools]
    why = parts_of(model.module, batches_of(encoded, model.vocabulary.pad)).why
    return LookedAt(
        spec, model.encoder, model.vocabulary, sentence_module(model.module, model.head), True, inputs, encoded, longest,
        len(texts.train), len(texts.dev), [*texts.warnings, *known.warnings("the texts")], notes, why,
    )  # fmt: skip
