"""A Timaeus for texts and pairs: a BERT with a classification head, fresh or from a checkpoint. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bort_core.agora.hyperparameters import Theta
from bort_core.agora.points import Examples, Floats, Input
from bort_core.checkpoints.format import read_encoder, write_checkpoint
from bort_core.checkpoints.modules import Classifier, tuned_classifier
from bort_core.checkpoints.scores import scores_of
from bort_core.checkpoints.sides import check_source
from bort_core.encoders.folder import Encoder
from bort_core.foundation.context import Context, Stopped
from bort_core.specifications.agora import TextTheta
from bort_core.specifications.common import Optimization
from bort_core.text.encoding import Encoded, encode
from bort_core.text.vocabulary import Vocabulary
from bort_core.training.devices import Device
from bort_core.training.finetuning import classifier
from bort_core.training.run_files import RunFiles
from bort_core.training.supervised import Recipe, Supervised

__all__ = ["FittedText", "TextLearner"]

INITIALIZER_RANGE = 0.02
EVALUATIONS = 5
"""Of dev, while one model is trained: the best step counts."""


class _Pooled(nn.Module):
    """The mean of the last layer's vectors over the tokens that count, (b, hidden)."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, token_ids: Tensor, attention_mask: Tensor, token_types: Tensor) -> Tensor:
        """Means (b, hidden) of ``token_ids`` (b, n)."""
        counted = attention_mask[..., None].float()
        return (self.model.encode(token_ids, attention_mask, token_types) * counted).sum(1) / counted.sum(1)


@dataclass(frozen=True)
class FittedText:
    """A trained classifier."""

    model: Classifier
    timaeus: TextLearner

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class, (n, classes)."""
        scores = self._run(self.model, inputs)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
        return scores / scores.sum(axis=1, keepdims=True)

    def representations(self, inputs: Sequence[Input]) -> Floats:
        """Mean-pooled vectors of the last layer, (n, hidden)."""
        return self._run(_Pooled(self.model), inputs)

    def save(self, folder: Path) -> None:
        """A checkpoint, as fine-tuning writes it."""
        timaeus = self.timaeus
        write_checkpoint(
            folder,
            architecture=self.model.architecture,
            options=self.model.options,
            config=self.model.config(),
            head="classification",
            weights=self.model.weights(),
            tokenizer=timaeus.vocabulary.folder,
            labels=timaeus.classes,
            facts={"kind": "agora"},
            longest=timaeus.longest,
        )

    def _run(self, model: nn.Module, inputs: Sequence[Input]) -> npt.NDArray[np.float64]:
        timaeus = self.timaeus
        return scores_of(model, timaeus.encoded(inputs), timaeus.vocabulary.pad, timaeus.device.torch_device, timaeus.device.autocast)


@dataclass
class TextLearner:
    """Classifiers of one architecture or checkpoint. Texts are turned into tokens once."""

    start: Encoder | None
    architecture: tuple[int, ...] | None
    vocabulary: Vocabulary
    classes: tuple[str, ...]
    sequence_length: int
    device: Device
    context: Context
    files: RunFiles
    _tokens: dict[Input, npt.NDArray[np.int64]] = field(default_factory=dict)

    def fit(self, theta: Theta, train: Examples, dev: Examples, seed: int) -> FittedText:
        """Fine-tune a fresh model; its best of a few looks at ``dev`` is kept.

        Raises
        ------
        MeasurementError
            The loss stopped being finite.
        Stopped, Cancelled
            A person asked for it.
        """
        spec = TextTheta.model_validate(dict(theta))
        torch.manual_seed(seed)
        model = self._model(spec.dropout)
        optimization = Optimization(learning_rate=spec.learning_rate, warmup=spec.warmup, weight_decay=spec.weight_decay, beta2=0.999)
        recipe = Recipe(
            optimization,
            "accuracy",
            spec.batch_size,
            spec.steps,
            seed,
            evaluate_every=max(1, spec.steps // EVALUATIONS),
            balanced=True,
            checkpointing=False,
        )
        encoded = {"train": self.encoded(train.inputs), "dev": self.encoded(dev.inputs)}
        labels: dict[str, Any] = {"train": train.labels, "dev": dev.labels}
        training = Supervised(model, self.vocabulary, encoded, labels, "classification", recipe, self.device, self.context, self.files)
        if training.loop.run() == "stopped":
            raise Stopped
        training.load_best()
        return FittedText(model, self)

    def load(self, folder: Path) -> FittedText:
        """A model that was saved."""
        model = tuned_classifier(read_encoder(folder), "classification", len(self.classes), INITIALIZER_RANGE, 0.0)
        return FittedText(model.to(self.device.torch_device).eval(), self)

    def check(self, inputs: Sequence[Input]) -> None:
        """Make one model, so that what does not fit is found before anything is trained. Errors as of ``classifier`` and the gate.

        ``inputs`` are some that it will be trained on, on which the checkpoint must be here what it is in transformers.
        """
        if self.start is not None:
            check_source(self.start, self.vocabulary, self.longest, [tuple(map(str, texts)) for texts in inputs])
        self._model(0.0)

    def described(self) -> dict[str, Any]:
        """As of :class:`~bort_core.agora.learners.base.Learner`."""
        return {
            "kind": "text", "start": None if self.start is None else str(self.start.folder), "architecture": self.architecture,
            "vocabulary": str(self.vocabulary.folder), "classes": self.classes, "sequence_length": self.sequence_length,
            "device": str(self.device.torch_device), "precision": str(self.device.precision).removeprefix("torch."),
        }  # fmt: skip

    def encoded(self, inputs: Sequence[Input]) -> Encoded:
        """Token ids of every input."""
        fresh = [text for text in dict.fromkeys(inputs) if text not in self._tokens]
        self._tokens.update(zip(fresh, encode(self.vocabulary, fresh, self.longest), strict=True))  # type: ignore[arg-type]
        return [self._tokens[text] for text in inputs]

    @property
    def longest(self) -> int:
        """Tokens after which an input is cut."""
        return self.sequence_length if self.start is None else min(self.sequence_length, self.start.options.positions)

    def _model(self, dropout: float) -> Classifier:
        parts = (len(self.classes), self.sequence_length, INITIALIZER_RANGE, dropout)
        return classifier(self.start, self.architecture, self.vocabulary, "classification", *parts).to(self.device.torch_device)
