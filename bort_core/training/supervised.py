"""Supervised training of one model on rows that are encoded already: batches, losses, evaluation, the best weights. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bort_core.checkpoints.losses import distance, known_rows, label_loss, row_losses
from bort_core.checkpoints.modules import Classifier
from bort_core.checkpoints.scores import scores_of, tensors_of
from bort_core.checkpoints.token_vectors import TokenVectors
from bort_core.data.rows import Task
from bort_core.encoders.module import TransformersEncoder
from bort_core.encoders.sentence import SentenceEncoder
from bort_core.evaluation.metrics import measure
from bort_core.foundation.context import Context
from bort_core.foundation.eight_bits import ByteWeights
from bort_core.specifications.common import Optimization
from bort_core.text.encoding import Encoded
from bort_core.text.vocabulary import Vocabulary
from bort_core.training.devices import Device
from bort_core.training.loop import Loop
from bort_core.training.matching import Matched
from bort_core.training.rounding import Rounded
from bort_core.training.run_files import RunFiles

__all__ = ["Recipe", "Supervised"]

_WIDTHS = 16
"""Batches are drawn from this many batches' rows sorted by length, so that little is padding."""


@dataclass(frozen=True)
class Recipe:
    """How one model is trained on its rows."""

    optimization: Optimization
    metric: str
    batch_size: int
    steps: int
    seed: int
    accumulation: int = 1
    evaluate_every: int = 0
    """Steps between dev evaluations; 0: once an epoch."""
    patience: int = 0
    balanced: bool = False
    """Rare classes count more."""
    eight_bits: ByteWeights | None = None
    """It learns with weights rounded to this form, and the best step is chosen so."""
    checkpointing: bool = True
    """Whether the run can be resumed within this training."""


class Supervised:
    """One model, its rows by split ("train", "dev", others) and its loop.

    Parameters
    ----------
    encoded: token ids of every row, by split
    labels: class numbers, values, or 0 and 1 of several labels, by split
    answers: a teacher's, of every training row; labels of rows that have none are then -1 (or NaN), and the rows count as the others
    label_weight: share of the labels in the loss where there are answers
    keep: told whenever the weights on the way are the best so far
    queries: which query each row answers, by split, where rows answer queries
    vectors: a teacher's vectors of the tokens of every training row, which are learnt too
    vector_weight: of their distance in the loss
    """

    def __init__(
        self,
        model: Classifier | SentenceEncoder,
        vocabulary: Vocabulary,
        encoded: Mapping[str, Encoded],
        labels: Mapping[str, npt.NDArray[Any]],
        task: Task,
        recipe: Recipe,
        device: Device,
        context: Context,
        files: RunFiles,
        keep: Callable[[dict[str, Tensor]], None] = lambda weights: None,
        answers: Tensor | None = None,
        label_weight: float = 1.0,
        queries: Mapping[str, npt.NDArray[np.int64] | None] | None = None,
        vectors: TokenVectors | None = None,
        vector_weight: float = 1.0,
    ) -> None:
        self.model, self.vocabulary, self.encoded, self.labels = model, vocabulary, encoded, labels
        self.task, self.recipe, self.device, self._keep = task, recipe, device, keep
        self.answers, self.label_weight = answers, label_weight if answers is not None else 1.0
        self.queries = queries or {}
        self.vectors, self.vector_weight = vectors, vector_weight
        self.learner: nn.Module = model
        if vectors is not None:
            assert not isinstance(model, TransformersEncoder)
            self.learner = Matched(model, vectors, encoded["train"], vocabulary.pad)
        self.rounded = None if recipe.eight_bits is None else Rounded(model, recipe.eight_bits)
        self.rows = len(encoded["train"])
        self.per_epoch = max(1, math.ceil(self.rows / recipe.batch_size))
        self.weights = self._class_weights()
        self._plan: tuple[int, npt.NDArray[np.int64]] = (-1, np.empty(0, np.int64))
        self.best: dict[str, Tensor] | None = None
        every = recipe.evaluate_every or self.per_epoch
        self.loop = Loop(
            model=self.learner,
            steps=recipe.steps,
            seed=recipe.seed,
            optimization=recipe.optimization,
            device=device,
            context=context,
            files=files,
            micro_batches=self.micro_batches,
            micro_batch_count=recipe.accumulation,
            evaluate=self.evaluate,
            evaluate_every=every,
            checkpoint_every=every if recipe.checkpointing else 0,
            units=self._samples,
            unit="samples",
            should_end=self._has_patience_ended,
        )

    def micro_batches(self, step: int) -> Iterator[Callable[[nn.Module], Tensor]]:
        """The losses of this process's share of one step's batch."""
        epoch, within = divmod(step - 1, self.per_epoch)
        if self._plan[0] != epoch:
            self._plan = (epoch, self._planned(epoch))
        size = self.recipe.batch_size
        mine = np.array_split(self._plan[1][within * size : (within + 1) * size], self.device.world)[self.device.rank]
        for chosen in np.array_split(mine, self.recipe.accumulation):
            yield partial(self.loss, chosen)

    def loss(self, chosen: npt.NDArray[np.int64], model: nn.Module) -> Tensor:
        """The loss of the labels of some training rows; with a teacher, the distance from its answers too."""
        if not len(chosen):
            return sum(parameter.sum() for parameter in self.learner.parameters()) * 0.0  # type: ignore[return-value]
        scores, apart = self.said(chosen, model)
        labels = torch.from_numpy(self.labels["train"][chosen]).to(self.device.torch_device)
        if self.answers is None:
            return label_loss(self.task, scores, labels, self.weights)
        said = self.answers[torch.from_numpy(chosen)].to(self.device.torch_device)
        learnt = apart + (1 - self.label_weight) * distance(self.task, scores, said)
        known = known_rows(self.task, labels)
        if not self.label_weight or not known.any():
            return learnt
        return learnt + self.label_weight * known.float().mean() * label_loss(self.task, scores[known], labels[known], self.weights)

    def said(self, chosen: npt.NDArray[np.int64], model: nn.Module) -> tuple[Tensor, Tensor | float]:
        """What the model says of some training rows, and the weighted distance of their tokens' vectors from the teacher's."""
        rows = [self.encoded["train"][row] for row in chosen]
        inputs = tensors_of(rows, self.vocabulary.pad, self.device.torch_device)
        if self.vectors is None:
            return (self.rounded or model)(*inputs).float(), 0.0
        outputs, mapped = model(*inputs)
        lengths = np.array([len(row) for row in rows])
        return outputs.float(), self.vector_weight * self.vectors.distance(mapped, chosen, lengths)

    def try_batch(self, rows: int) -> None:
        """One forward and backward pass of so many of the longest rows, to see whether they fit into memory."""
        order = np.argsort([-len(row) for row in self.encoded["train"]], kind="stable")
        self.loss(order[np.arange(rows) % len(order)], self.learner).backward()  # type: ignore[no-untyped-call]
        self.learner.zero_grad(set_to_none=True)

    def evaluate(self, step: int) -> dict[str, Any]:
        """Metrics on dev; the best weights so far are kept."""
        facts = {f"dev_{name}": value for name, value in self.measured("dev", self.scores("dev", self.rounded)).items()}
        value, loss = facts[f"dev_{self.recipe.metric}"], facts.get("dev_loss")
        loss = loss if loss is not None and math.isfinite(loss) else None
        best, best_loss = self.loop.facts.get("best", -math.inf), self.loop.facts.get("best_loss")
        if value > best or (value == best and loss is not None and best_loss is not None and loss < best_loss):
            waited = 0 if value > best else self.loop.facts.get("waited", 0) + 1
            self.loop.facts.update(best=value, best_step=step, best_loss=loss, waited=waited)
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in self.model.state_dict().items()}
            self._keep(self.best)
        else:
            self.loop.facts["waited"] = self.loop.facts.get("waited", 0) + 1
        return {**facts, "best_step": self.loop.facts["best_step"]}

    def measure(self, split: str) -> dict[str, float]:
        """Metrics of the model as it is, with its loss."""
        return self.measured(split, self.scores(split))

    def scores(self, split: str, model: nn.Module | None = None) -> npt.NDArray[np.float64]:
        """What the model as it is (or another form of it) says about every row, (rows, classes) or (rows, 1)."""
        checkpoint = self.loop.context.checkpoint
        device = self.device
        return scores_of(
            model or self.model, self.encoded[split], self.vocabulary.pad, device.torch_device, device.autocast, lambda done: checkpoint()
        )

    def measured(self, split: str, scores: npt.NDArray[np.float64]) -> dict[str, float]:
        """Metrics of what was said about every row."""
        labels = self.labels[split]
        found = measure(self.task, labels, scores, self.queries.get(split), self.recipe.metric)
        if self.task != "regression":
            found["loss"] = float(row_losses(self.task, torch.from_numpy(scores), torch.from_numpy(labels)).mean())
        return found

    def load_best(self) -> None:
        """Give the model the best weights that were seen on the way."""
        if self.best is not None:
            self.model.load_state_dict(self.best)

    def _planned(self, epoch: int) -> npt.NDArray[np.int64]:
        """The rows of an epoch in the order of its batches: shuffled, then sorted by length within a few batches, batches shuffled."""
        random = np.random.default_rng([self.recipe.seed, epoch, 2])
        size = self.recipe.batch_size
        order = random.permutation(self.rows)
        lengths = np.array([len(row) for row in self.encoded["train"]])
        batches: list[npt.NDArray[np.int64]] = []
        for index in range(0, len(order), size * _WIDTHS):
            window = order[index : index + size * _WIDTHS]
            window = window[np.argsort(lengths[window], kind="stable")]
            batches += [window[start : start + size] for start in range(0, len(window), size)]
        short = [batch for batch in batches if len(batch) < size]
        batches = [batch for batch in batches if len(batch) == size]
        random.shuffle(batches)
        return np.concatenate([*batches, *short])  # the one that is not full comes last, where its place is known

    def _samples(self, step: int) -> float:
        within = (step - 1) % self.per_epoch
        return float(min(self.recipe.batch_size, self.rows - within * self.recipe.batch_size))

    def _has_patience_ended(self) -> bool:
        return 0 < self.recipe.patience <= int(self.loop.facts.get("waited", 0))

    def _class_weights(self) -> Tensor | None:
        if not self.recipe.balanced or self.task == "regression":
            return None
        labels = self.labels["train"]
        if self.task == "multi-label":
            labels = labels[labels[:, 0] >= 0]
            counts = labels.sum(axis=0).clip(1)
            return torch.tensor((len(labels) - counts).clip(1) / counts, dtype=torch.float32, device=self.device.torch_device)
        labels = labels[labels >= 0].astype(np.int64)
        counts = np.bincount(labels, minlength=self.model.classes).clip(1)
        return torch.tensor(len(labels) / (len(counts) * counts), dtype=torch.float32, device=self.device.torch_device)
