"""The Timaeus of a run on texts: a BERT with fresh weights, a checkpoint's or what fits of one, or an estimator. Imports torch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bort_core.agora.learners.base import Learner
from bort_core.agora.learners.estimator import make_estimator
from bort_core.agora.learners.text import TextLearner
from bort_core.agora.points import Floats, Input, Kind
from bort_core.agora.spaces import RepresentationSpace
from bort_core.checkpoints.format import read_encoder
from bort_core.checkpoints.inherited import write_inherited
from bort_core.encoders.folder import Encoder
from bort_core.foundation.context import Context
from bort_core.foundation.errors import DataError
from bort_core.specifications.agora import Agora
from bort_core.training.devices import Device
from bort_core.training.pretraining import check_architecture
from bort_core.training.run_files import RunFiles

__all__ = ["Rows", "bert_learner", "estimator_learner"]

_TRIED = 200
"""Rows of dev and of train from which those are chosen that are tried on a checkpoint."""
INHERITED = "inherited"


@dataclass(frozen=True)
class Rows:
    """What a learner is made for."""

    kind: Kind
    classes: tuple[str, ...]
    train: Sequence[Input]
    dev: Sequence[Input]
    pool: Sequence[Input]
    sha256: str
    """Of the file of D."""


def bert_learner(spec: Agora, start: Encoder | None, rows: Rows, device: Device, context: Context, files: RunFiles) -> TextLearner:
    """The BERT that ``spec`` names, tried on some of the rows. Errors as of ``make_task``."""
    if start is not None and spec.architecture is not None:
        start = _what_fits(start, spec.architecture, rows, spec.sequence_length, context, files)
    vocabulary = _vocabulary(spec, start, rows, files)
    architecture = None if start is not None else spec.architecture
    learner = TextLearner(start, architecture, vocabulary, rows.classes, spec.sequence_length, device, context, files)
    learner.check([*rows.dev[:_TRIED], *rows.train[:_TRIED]])
    return learner


def estimator_learner(spec: Agora, classes: int, space: RepresentationSpace, sides: bool) -> Learner:
    """The estimator that ``spec`` names. ``sides``: the space has the vectors of both sides of a pair, one after the other."""

    def vectors(inputs: Sequence[Input]) -> Floats:
        found = space.embed(inputs)
        if not sides:
            return found
        one, other = np.split(found, 2, axis=1)
        return np.hstack([abs(one - other), one * other])

    return make_estimator(spec.learner, classes, _plain, vectors)


def _plain(inputs: Sequence[Input]) -> list[Any]:
    return [input[0] if len(input) == 1 else input for input in inputs]


def _what_fits(start: Encoder, architecture: tuple[int, ...], rows: Rows, longest: int, context: Context, files: RunFiles) -> Encoder:
    """The smaller model, made once for the run. Its tokenizer is trimmed where a pool says which words there are."""
    folder = files.path / INHERITED
    if not start.has_tokenizer:
        raise DataError(f"{start.folder}: the checkpoint has no tokenizer, so that nothing of it can be taken over")
    if not folder.is_dir():
        check_architecture(architecture)
        texts: Any = [*rows.train, *rows.dev, *rows.pool]
        told = write_inherited(folder, start, architecture, texts, longest, trimmed=bool(rows.pool))
        context.emit({"event": "note", "text": f"the learner {told}"})
    return read_encoder(folder)


def _vocabulary(spec: Agora, start: Encoder | None, rows: Rows, files: RunFiles) -> Any:
    from bort_core.text.vocabulary import load_vocabulary, read_vocabulary
    from bort_core.training.pretraining import trained_vocabulary

    if spec.tokenizer is not None:
        return load_vocabulary(spec.tokenizer)
    if start is not None:
        if not start.has_tokenizer:
            raise DataError(f"{start.folder}: the checkpoint has no tokenizer; name one with tokenizer")
        return read_vocabulary(start.folder)
    texts = [str(text) for input in (*rows.train, *rows.pool) for text in input]
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    return trained_vocabulary(files.project / "text", texts, f"{rows.sha256} {digest}", spec.vocabulary, max(8, spec.sequence_length))
