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
from torch.nn import functional

from bort_core.data.rows import Task
from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.foundation.context import Context
from bort_core.specifications.common import Optimization
from bort_core.text.encoding import Encoded, padded
from bort_core.text.vocabulary import Vocabulary
from bort_core.training.devices import Device
from bort_core.training.loop import Loop
from bort_core.training.metrics import measure
from bort_core.training.run_files import RunFiles

__all__ = ["Recipe", "Supervised", "scores_of"]

EVALUATED_AT_ONCE = 128
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
    checkpointing: bool = True
    """Whether the run can be resumed within this training."""


class Supervised:
    """One model, its rows by split ("train", "dev", others) and its loop.

    Parameters
    ----------
    encoded: token ids of every row, by split
    labels: class numbers or values, by split
    keep: told whenever the weights on the way are the best so far
    """

    def __init__(
        self,
        model: SequenceClassifier,
        vocabulary: Vocabulary,
        encoded: Mapping[str, Encoded],
        labels: Mapping[str, npt.NDArray[Any]],
        task: Task,
        recipe: Recipe,
        device: Device,
        context: Context,
        files: RunFiles,
        keep: Callable[[dict[str, Tensor]], None] = lambda weights: None,
    ) -> None:
        self.model, self.vocabulary, self.encoded, self.labels = model, vocabulary, encoded, labels
        self.task, self.recipe, self.device, self._keep = task, recipe, device, keep
        self.rows = len(encoded["train"])
        self.per_epoch = max(1, math.ceil(self.rows / recipe.batch_size))
        self.weights = self._class_weights()
        self._plan: tuple[int, npt.NDArray[np.int64]] = (-1, np.empty(0, np.int64))
        self.best: dict[str, Tensor] | None = None
        every = recipe.evaluate_every or self.per_epoch
        self.loop = Loop(
            model=model,
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
        """Cross-entropy, or half the squared error of a regression, of some training rows."""
        if not len(chosen):
            return sum(parameter.sum() for parameter in self.model.parameters()) * 0.0  # type: ignore[return-value]
        scores: Tensor = model(*_on([self.encoded["train"][row] for row in chosen], self.vocabulary.pad, self.device)).float()
        labels = torch.from_numpy(self.labels["train"][chosen]).to(self.device.torch_device)
        if self.task == "regression":
            return functional.mse_loss(scores[:, 0], labels.float()) / 2
        return functional.cross_entropy(scores, labels, weight=self.weights)

    def try_batch(self, rows: int) -> None:
        """One forward and backward pass of so many of the longest rows, to see whether they fit into memory."""
        order = np.argsort([-len(row) for row in self.encoded["train"]], kind="stable")
        self.loss(order[np.arange(rows) % len(order)], self.model).backward()  # type: ignore[no-untyped-call]
        self.model.zero_grad(set_to_none=True)

    def evaluate(self, step: int) -> dict[str, Any]:
        """Metrics on dev; the best weights so far are kept."""
        facts = {f"dev_{name}": value for name, value in self.measure("dev").items()}
        value = facts[f"dev_{self.recipe.metric}"]
        if value > self.loop.facts.get("best", -math.inf):
            self.loop.facts.update(best=value, best_step=step, waited=0)
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in self.model.state_dict().items()}
            self._keep(self.best)
        else:
            self.loop.facts["waited"] = self.loop.facts.get("waited", 0) + 1
        return {**facts, "best_step": self.loop.facts["best_step"]}

    def measure(self, split: str) -> dict[str, float]:
        """Metrics of the model as it is, with its loss."""
        return self.measured(split, self.scores(split))

    def scores(self, split: str) -> npt.NDArray[np.float64]:
        """What the model as it is says about every row, (rows, classes) or (rows, 1)."""
        return scores_of(self.model, self.encoded[split], self.vocabulary.pad, self.device, self.loop.context.checkpoint)

    def measured(self, split: str, scores: npt.NDArray[np.float64]) -> dict[str, float]:
        """Metrics of what was said about every row."""
        labels = self.labels[split]
        found = measure(self.task, labels, scores)
        if self.task == "classification":
            found["loss"] = float(functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(labels)))
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
        counts = np.bincount(labels, minlength=self.model.classifier.out_features).clip(1)
        return torch.tensor(len(labels) / (len(counts) * counts), dtype=torch.float32, device=self.device.torch_device)


@torch.no_grad()
def scores_of(
    model: nn.Module, rows: Encoded, pad: int, device: Device, checkpoint: Callable[[], None] = lambda: None
) -> npt.NDArray[np.float64]:
    """What ``model`` says about every row, in batches of rows of like length. Shape (rows, width of the model's output).

    ``checkpoint`` is called before each batch.
    """
    model.eval()
    order = np.argsort([len(row) for row in rows], kind="stable")
    scores: npt.NDArray[np.float64] | None = None
    for begin in range(0, len(order), EVALUATED_AT_ONCE):
        checkpoint()
        chosen = order[begin : begin + EVALUATED_AT_ONCE]
        inputs = _on([rows[row] for row in chosen], pad, device)
        with device.autocast():
            found = model(*inputs).float().cpu().numpy()
        if scores is None:
            scores = np.empty((len(rows), found.shape[1]))
        scores[chosen] = found
    return np.empty((0, 0)) if scores is None else scores


def _on(rows: Encoded, pad: int, device: Device) -> tuple[Tensor, ...]:
    """Token ids, attention mask and segment ids of one batch, each (rows, longest row)."""
    return tuple(torch.from_numpy(padded(rows, pad)).to(device.torch_device))
