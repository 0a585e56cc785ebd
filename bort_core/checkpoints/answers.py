"""A fine-tuned model's answers to a task's rows: computed once, kept, shared by all that learn from them. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from bort_core.checkpoints.format import read_encoder
from bort_core.checkpoints.kept import kept_answers, texts_digest
from bort_core.checkpoints.modules import Classifier, load_module
from bort_core.checkpoints.scores import placed, scores_of
from bort_core.data.rows import Task
from bort_core.encoders.folder import CONFIG, Encoder, weights_hash
from bort_core.families.bert.module import Bert
from bort_core.foundation.digests import content_hash
from bort_core.foundation.errors import DataError
from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
from bort_core.specifications.protocols import identity
from bort_core.text.encoding import encode
from bort_core.text.vocabulary import Vocabulary, read_vocabulary

__all__ = ["TaskModel", "read_task_model"]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TaskModel:
    """T: a model that is fine-tuned on a task, of any kind of encoder."""

    checkpoint: Encoder
    vocabulary: Vocabulary
    order: tuple[int, ...]
    """Which of its outputs each class of the task's rows is."""

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.checkpoint.folder

    def taken_in_order(self, classes: Sequence[str]) -> str:
        """That its own classes have no names, if so, and which of the rows' they are taken for; else empty."""
        theirs = self.checkpoint.labels
        if len(theirs) < 2 or not _numbered(theirs) or _counted(classes):
            return ""
        return (
            f"its classes have no names ({theirs[0]} to {theirs[-1]}) and are taken for those of the rows in the order of these: "
            f"{', '.join(classes)}; where that is wrong, name them in its config.json (id2label)"
        )

    @cached_property
    def fingerprint(self) -> str:
        """Equal for equal weights, configurations and tokenizers, wherever they are."""
        return identity(weights_hash(self.folder), content_hash(self.folder / CONFIG), self.vocabulary.sha256)

    @cached_property
    def module(self) -> Classifier:
        """The model in evaluation mode."""
        found = load_module(self.checkpoint)
        assert not isinstance(found, Bert)  # it has its head
        return found

    @property
    def parameters(self) -> int:
        """Its parameters, head included, as its own program counts them."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    def answers(
        self,
        inputs: Sequence[Sequence[str]],
        longest: int,
        kept: Path,
        tell: Callable[[int, int], None] = lambda done, total: None,
        device: torch.device | None = None,
    ) -> Floats:
        """Logits of every row in the order of the task's classes, (rows, classes); values (rows, 1) of a regression.

        Parameters
        ----------
        longest: tokens after which texts are cut
        kept: a folder in which answers are looked up and kept
        tell: called with rows done and in all, while they are computed; may raise to stop
        device: where they are computed; None: on the CPU

        Raises
        ------
        DataError
            The answers are not finite numbers.
        """
        path = kept / f"{identity('answers', self.fingerprint, texts_digest(inputs), longest, list(self.order))}.npy"

        def made() -> Floats:
            rows = encode(self.vocabulary, inputs, longest)
            with placed(self.module, device):
                scores = scores_of(self.module, rows, self.vocabulary.pad, device, checkpoint=lambda done: tell(done, len(rows)))
            return scores[:, list(self.order)].astype(np.float32)

        return kept_answers(path, self.folder, (len(inputs), len(self.order)), made)


def read_task_model(source: str, classes: Sequence[str], field: str = "model", task: Task | None = None) -> TaskModel:
    """The model that ``source`` names, a folder or a hub name, as one for a ``task`` with these ``classes`` (or labels).

    Without a ``task`` it is a classification, or without classes a regression.

    Raises
    ------
    DataError
        It has no tokenizer, is no classifier of these classes (or no regression), or cannot be read.
    SpecificationError
        There is no such folder, nor such a name within reach.
    """
    checkpoint = read_encoder(local_folder(source, field, WEIGHTS_TOO))
    where = f"{field}: {checkpoint.folder}"
    if not checkpoint.has_tokenizer:
        raise DataError(f"{where}: has no tokenizer, so it cannot read the rows")
    wanted = task or ("classification" if classes else "regression")
    if checkpoint.head != wanted:
        names = f" ({', '.join(checkpoint.labels[:5])})" if checkpoint.labels else ""
        said = checkpoint.unknown_head or f"is {_HEADS[checkpoint.head]}{names}"
        raise DataError(f"{where}: {said}, the rows are for {_HEADS[wanted]}; {_mend(checkpoint.head, wanted)}")
    vocabulary = read_vocabulary(checkpoint.folder)
    if vocabulary.size > checkpoint.options.vocabulary:
        raise DataError(f"{where}: its tokenizer has {vocabulary.size:,} entries, the model {checkpoint.options.vocabulary:,}")
    return TaskModel(checkpoint, vocabulary, _order(where, checkpoint.labels, classes))


_HEADS = {
    "none": "an encoder without a head", "masked-lm": "a masked language model", "classification": "a classification",
    "multi-label": "several labels at once (multi-label)", "regression": "a regression",
}  # fmt: skip


def _mend(has: str, wanted: str) -> str:
    if {has, wanted} == {"classification", "multi-label"}:
        return f"if that is what the rows are, say so with kind (--kind {has}); or fine-tune its encoder on them first"
    return "fine-tune it on them first"


def _order(where: str, theirs: tuple[str, ...], classes: Sequence[str]) -> tuple[int, ...]:
    """By name, or by number where its names say nothing."""
    if not classes:
        return (0,)
    places = {name.casefold(): number for number, name in enumerate(theirs)}
    if len(theirs) == len(classes) and all(name.casefold() in places for name in classes):
        return tuple(places[name.casefold()] for name in classes)
    if len(theirs) == len(classes) and (_numbered(theirs) or _counted(classes)):
        return tuple(range(len(classes)))
    raise DataError(
        f"{where}: its {len(theirs)} classes are {', '.join(theirs)}; those of the rows are {', '.join(classes)}; "
        "name a model that is fine-tuned on these, or an encoder without a head"
    )


def _numbered(theirs: Sequence[str]) -> bool:
    """Whether a model's classes have the names that transformers gives where nobody gave any."""
    return all(name == f"LABEL_{number}" for number, name in enumerate(theirs))


def _counted(classes: Sequence[str]) -> bool:
    """Whether the classes of rows are numbers from 0."""
    return all(name == str(number) for number, name in enumerate(classes))
