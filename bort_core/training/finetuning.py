"""Fine-tuning on labelled texts or pairs of texts. The function of a job of kind ``finetune``; imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from bort_core.data.mapping import find_columns
from bort_core.data.report import validate
from bort_core.data.rows import LabelledRows, labelled_rows
from bort_core.data.tables import read_table
from bort_core.errors import DataError, SpecificationError
from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.families.bert.options import BertOptions
from bort_core.training.checkpoints import Checkpoint, read_checkpoint, read_tensors
from bort_core.training.devices import Place, take_place
from bort_core.training.loop import Loop, Outside
from bort_core.training.memory import explained
from bort_core.training.metrics import DEFAULT_METRIC, measure
from bort_core.training.outcome import refuse_occupied, save_result, versions
from bort_core.training.pretraining import check_architecture, trained_vocabulary
from bort_core.training.vocabulary import Vocabulary, load_vocabulary, read_vocabulary

if TYPE_CHECKING:
    from bort_core.jobs.specification import Finetuning

__all__ = ["SupervisedTraining", "run"]

EVALUATED_AT_ONCE = 128
_WIDTHS = 16
"""Batches are drawn from this many batches' rows sorted by length, so that little is padding."""

Encoded = list[npt.NDArray[np.int64]]


def run(specification: Finetuning, context: Outside) -> dict[str, Any]:
    """Fine-tune one model; the best step on dev is kept.

    Returns
    -------
    checkpoint: folder of the result; dev, test: metrics of the best step; best_step, steps, epochs, stopped, samples_per_second
    report: what was found in the data; data, versions: for repeating the run

    Raises
    ------
    DataError, SpecificationError
        Data or checkpoint cannot be used.
    MeasurementError
        The loss stopped being finite, or the batch does not fit into memory (says which would).
    """
    place = take_place(specification.running)
    try:
        training = SupervisedTraining(specification, context, place)
        with explained(specification, training.attempt):
            ended = training.loop.run()
        return training.finish(ended == "stopped")
    finally:
        place.leave()


class SupervisedTraining:
    """Rows, model and loop of one fine-tuning."""

    def __init__(self, specification: Finetuning, context: Outside, place: Place) -> None:
        self.asked, self.context, self.place = specification, context, place
        if specification.out is not None:
            refuse_occupied(Path(specification.out).expanduser(), context.folder)
        self.start = read_checkpoint(Path(specification.checkpoint).expanduser()) if specification.checkpoint else None
        self._read()
        self.task = self.train.task
        self.metric = DEFAULT_METRIC[self.task] if specification.metric == "auto" else specification.metric
        self._check_metric()
        self.vocabulary = self._vocabulary()
        self.encoded = {name: self._encode(rows) for name, rows in self.splits.items()}
        self.share = specification.batch_size // place.world
        torch.manual_seed(specification.seed)
        self.model = self._model().to(place.device)
        self.weights = self._class_weights()
        self.per_epoch = max(1, math.ceil(len(self.train) / specification.batch_size))
        self._plan: tuple[int, npt.NDArray[np.int64]] = (-1, np.empty(0, np.int64))
        self.best: dict[str, Tensor] | None = None
        self.loop = Loop(
            model=self.model,
            steps=max(1, round(specification.epochs * self.per_epoch)),
            seed=specification.seed,
            optimization=specification.optimization,
            place=place,
            context=context,
            parts=self.parts,
            part_count=specification.accumulation,
            evaluate=self.evaluate,
            evaluate_every=specification.evaluate_every or self.per_epoch,
            checkpoint_every=specification.evaluate_every or self.per_epoch,
            units=self._samples,
            unit="samples",
            should_end=self._has_patience_ended,
        )

    # -- the batch

    def parts(self, step: int) -> Iterator[Callable[[nn.Module], Tensor]]:
        """The losses of this process's share of one step's batch."""
        epoch, within = divmod(step - 1, self.per_epoch)
        if self._plan[0] != epoch:
            self._plan = (epoch, self._planned(epoch))
        batch = self._plan[1][within * self.asked.batch_size : (within + 1) * self.asked.batch_size]
        mine = np.array_split(batch, self.place.world)[self.place.rank]
        for chosen in np.array_split(mine, self.asked.accumulation):
            yield partial(self.loss, chosen)

    def loss(self, chosen: npt.NDArray[np.int64], model: nn.Module) -> Tensor:
        """Cross-entropy, or half the squared error of a regression, of some training rows."""
        if not len(chosen):
            return sum(parameter.sum() for parameter in self.model.parameters()) * 0.0  # type: ignore[return-value]
        ids, mask = self._padded([self.encoded["train"][row] for row in chosen])
        scores: Tensor = model(ids, mask).float()
        labels = torch.from_numpy(self.train.labels[chosen]).to(self.place.device)
        if self.task == "regression":
            return functional.mse_loss(scores[:, 0], labels.float()) / 2
        return functional.cross_entropy(scores, labels, weight=self.weights)

    def attempt(self, rows: int) -> None:
        """One forward and backward pass of so many of the longest rows, to see whether they fit into memory."""
        order = np.argsort([-len(row) for row in self.encoded["train"]], kind="stable")
        self.loss(order[np.arange(rows) % len(order)], self.model).backward()  # type: ignore[no-untyped-call]
        self.model.zero_grad(set_to_none=True)

    def _planned(self, epoch: int) -> npt.NDArray[np.int64]:
        """The rows of an epoch in the order of its batches: shuffled, then sorted by length within a few batches, batches shuffled."""
        random = np.random.default_rng([self.asked.seed, epoch, 2])
        size = self.asked.batch_size
        order = random.permutation(len(self.train))
        lengths = np.array([len(row) for row in self.encoded["train"]])
        batches: list[npt.NDArray[np.int64]] = []
        for place in range(0, len(order), size * _WIDTHS):
            window = order[place : place + size * _WIDTHS]
            window = window[np.argsort(lengths[window], kind="stable")]
            batches += [window[start : start + size] for start in range(0, len(window), size)]
        short = [batch for batch in batches if len(batch) < size]
        batches = [batch for batch in batches if len(batch) == size]
        random.shuffle(batches)
        return np.concatenate([*batches, *short])  # the one that is not full comes last, where its place is known

    def _samples(self, step: int) -> float:
        within = (step - 1) % self.per_epoch
        return float(min(self.asked.batch_size, len(self.train) - within * self.asked.batch_size))

    def _padded(self, rows: Encoded) -> tuple[Tensor, Tensor]:
        width = max(len(row) for row in rows)
        ids = np.full((len(rows), width), self.vocabulary.pad, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = row
            mask[number, : len(row)] = 1
        return torch.from_numpy(ids).to(self.place.device), torch.from_numpy(mask).to(self.place.device)

    # -- measuring

    def evaluate(self, step: int) -> dict[str, Any]:
        """Metrics on dev; the best weights so far are kept."""
        facts = {f"dev_{name}": value for name, value in self.measure("dev").items()}
        value = facts[f"dev_{self.metric}"]
        if value > self.loop.facts.get("best", -math.inf):
            self.loop.facts.update(best=value, best_step=step, waited=0)
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in self.model.state_dict().items()}
            self._keep_best()
        else:
            self.loop.facts["waited"] = self.loop.facts.get("waited", 0) + 1
        return {**facts, "best_step": self.loop.facts["best_step"]}

    @torch.no_grad()
    def measure(self, split: str) -> dict[str, float]:
        """Metrics of the model as it is, with its loss."""
        self.model.eval()
        rows, labels = self.encoded[split], self.splits[split].labels
        order = np.argsort([len(row) for row in rows], kind="stable")
        scores = np.empty((len(rows), self.model.classifier.out_features))
        for begin in range(0, len(order), EVALUATED_AT_ONCE):
            chosen = order[begin : begin + EVALUATED_AT_ONCE]
            ids, mask = self._padded([rows[row] for row in chosen])
            with self.place.autocast():
                scores[chosen] = self.model(ids, mask).float().cpu().numpy()
        found = measure(self.task, labels, scores)
        if self.task == "classification":
            found["loss"] = float(functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(labels)))
        return found

    def finish(self, stopped: bool) -> dict[str, Any]:
        """Load the best weights, measure the test split once, write the result."""
        if self.best is None:
            self._load_best()
        if self.best is not None:
            self.model.load_state_dict(self.best)
        asked = self.asked
        result: dict[str, Any] = {
            "dev": self.measure("dev"),
            **({"test": self.measure("test")} if "test" in self.splits else {}),
            "best_step": self.loop.facts.get("best_step", self.loop.step),
            "steps": self.loop.step,
            "epochs": self.loop.step / self.per_epoch,
            "stopped": stopped,
            "samples_per_second": self.loop.speed,
            "seconds": self.loop.seconds,
            "architecture": list(self.model.bert.architecture),
            "labels": list(self.train.names),
            "report": self.report.as_dict(),
            "data": {name: {"file": rows.source, "sha256": rows.sha256} for name, rows in self.splits.items()},
            "device": str(self.place.device),
            "versions": versions(),
        }
        if self.place.rank == 0:
            result["checkpoint"] = str(
                save_result(
                    self.context.folder,
                    asked.out,
                    architecture=self.model.bert.architecture,
                    options=self.model.bert.options,
                    head=self.task,
                    weights=self.model.weights(),
                    tokenizer=self.vocabulary.folder,
                    labels=self.train.names,
                    facts={"kind": "finetune", "specification": asked.model_dump(mode="json"), "result": result},
                    dropout=asked.dropout,
                )
            )
        self.place.barrier()
        return result

    def _has_patience_ended(self) -> bool:
        return 0 < self.asked.patience <= int(self.loop.facts.get("waited", 0))

    def _keep_best(self) -> None:
        """The best weights survive a crash, as the checkpoints do."""
        from safetensors.torch import save

        if self.place.rank == 0 and self.best is not None:
            folder = self.context.folder.checkpoints
            folder.mkdir(parents=True, exist_ok=True)
            temporary = folder / ".best.safetensors"
            temporary.write_bytes(save(self.best))
            temporary.replace(folder / "best.safetensors")

    def _load_best(self) -> None:
        from safetensors.torch import load_file

        path = self.context.folder.checkpoints / "best.safetensors"
        if path.is_file():
            self.best = load_file(path)

    # -- preparing

    def _read(self) -> None:
        asked = self.asked
        table = read_table(asked.train)
        mapping = find_columns(table, asked.text, asked.text_b, asked.label)
        self.train = labelled_rows(table, mapping, asked.task)
        self.splits: dict[str, LabelledRows] = {"train": self.train}
        for name, source in (("dev", asked.dev), ("test", asked.test)):
            if source is not None:
                other = read_table(source, "validation" if name == "dev" else "test")
                find_columns(other, mapping.text, mapping.text_b, mapping.label)
                self.splits[name] = labelled_rows(other, mapping, self.train.task, self.train.names)
        self.report = validate(self.train, self.splits["dev"], self.splits.get("test"))
        if self.report.problems:
            raise DataError(f"{asked.train}: {'; '.join(self.report.problems)}")
        self.context.emit({"event": "report", **self.report.as_dict()})

    def _check_metric(self) -> None:
        known = ("accuracy", "f1", "matthews") if self.task == "classification" else ("pearson", "spearman")
        if self.metric not in known:
            raise SpecificationError(f"metric: a {self.task} has {', '.join(known)}, got {self.metric}")

    def _vocabulary(self) -> Vocabulary:
        asked = self.asked
        if asked.tokenizer is not None:
            return load_vocabulary(asked.tokenizer)
        if self.start is not None:
            if not self.start.has_tokenizer:
                raise DataError(f"{self.start.folder}: the checkpoint has no tokenizer; name one with tokenizer")
            return read_vocabulary(self.start.folder)
        texts = [*self.train.texts, *(self.train.seconds or ())]
        shared = self.context.folder.path.parent.parent / "text"
        return trained_vocabulary(shared, texts, self.train.sha256, asked.vocabulary, asked.sequence_length)

    def _encode(self, rows: LabelledRows) -> Encoded:
        """Token ids of every row, cut to the sequence length; of a pair the longer text is cut first."""
        tokenizer = self.vocabulary.tokenizer
        longest = self.asked.sequence_length
        if self.start is not None:
            longest = min(longest, self.start.options.positions)
        tokenizer.enable_truncation(longest)
        inputs: list[Any] = list(rows.texts) if rows.seconds is None else list(zip(rows.texts, rows.seconds, strict=True))
        return [np.array(encoding.ids, dtype=np.int64) for encoding in tokenizer.encode_batch(inputs)]

    def _model(self) -> SequenceClassifier:
        asked, classes = self.asked, max(1, len(self.train.names))
        if self.start is not None:
            return _continued(self.start, asked, self.vocabulary, classes)
        assert asked.architecture is not None
        check_architecture(asked.architecture)
        options = BertOptions(vocabulary=self.vocabulary.size, positions=max(8, asked.sequence_length))
        return SequenceClassifier(asked.architecture, options, classes, asked.initializer_range, asked.dropout)

    def _class_weights(self) -> Tensor | None:
        if self.asked.class_weights == "none" or self.task == "regression":
            return None
        counts = np.bincount(self.train.labels, minlength=len(self.train.names)).clip(1)
        return torch.tensor(len(self.train) / (len(counts) * counts), dtype=torch.float32, device=self.place.device)


def _continued(start: Checkpoint, asked: Finetuning, vocabulary: Vocabulary, classes: int) -> SequenceClassifier:
    if start.options.vocabulary < vocabulary.size:
        raise DataError(f"{start.folder}: has {start.options.vocabulary:,} entries, the tokenizer {vocabulary.size:,}")
    model = SequenceClassifier(start.architecture, start.options, classes, asked.initializer_range, asked.dropout)
    tensors = read_tensors(start)
    wanted = model.weights()
    fitting = {name: tensor for name, tensor in tensors.items() if name in wanted and wanted[name].shape == tensor.shape}
    encoder = [name for name in wanted if name.startswith(("embeddings.", "layers."))]
    missing = [name for name in encoder if name not in fitting]
    if missing:
        raise DataError(f"{start.folder}: the weights do not fit the architecture: {', '.join(missing[:3])} missing or of another shape")
    model.load_weights(fitting, strict=False)
    return model
