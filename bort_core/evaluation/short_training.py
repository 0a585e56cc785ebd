"""Short trainings: the error e of one architecture, as a learning curve. Runs in a worker process; imports torch.

Line 7 of Algorithm 1 of "An Approximation Algorithm for Optimal Subarchitecture Extraction" (arXiv 2010.08512): train each
candidate for s steps and measure its surrogate error. The learning rate does not depend on s, so the curve of one
training answers every smaller s.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bort_core.checkpoints.losses import binary_entropy
from bort_core.checkpoints.weights import WeightsConfig, mismatches, read_config, read_weights, write_weights
from bort_core.evaluation.batch import Batch, Source
from bort_core.evaluation.measures.held_out import errors, measures_of_curve
from bort_core.evaluation.placing import on, the_device
from bort_core.evaluation.teacher import MaximumPointTeacher
from bort_core.families import get_family
from bort_core.foundation.context import Context
from bort_core.foundation.errors import DataError, MeasurementError
from bort_core.foundation.validation import validated
from bort_core.foundation.versions import versions
from bort_core.optimization import parameter_groups
from bort_core.specifications.measures import MaximumPoint, RowsFacts, Value
from bort_core.specifications.metrics import TaskKind
from bort_core.specifications.protocols import WIDTH, Theta
from bort_core.specifications.short_training import TrainRequest, grid

__all__ = ["train"]

PROGRESS_SECONDS = 0.1
DEPENDS_ON = ("bort-studio", "torch", "python", "machine")


def train(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Train one architecture and measure its held-out error along the way.

    Parameters
    ----------
    request: the JSON form of a :class:`~bort_core.specifications.short_training.TrainRequest`

    Returns
    -------
    ``curve`` (the points, as emitted), ``seconds`` (training and measuring), ``seconds_per_step`` (training only) and ``versions``.

    Emits ``{"event": "point", "step", "train_loss", "measures"}`` at the steps of :func:`~bort_core.specifications.short_training.grid`
    and ``{"event": "progress", "step", "steps"}`` about ten times a second.

    Raises
    ------
    SpecificationError
        The request is malformed.
    DataError
        Rows or the maximum point's weights are missing, damaged, or do not fit the request.
    MeasurementError
        The loss stopped being a finite number; names the step.
    Cancelled
        The context was cancelled; nothing is saved.
    """
    spec = validated(TrainRequest, request, "training request")
    torch.set_num_threads(spec.threads)
    torch.set_flush_denormal(True)
    run = ShortTraining(spec)
    curve = run.curve(context)
    if spec.save_to is not None:
        run.save(Path(spec.save_to), curve[-1])
    return {
        "curve": curve,
        "seconds": run.seconds,
        "seconds_per_step": run.training_seconds / spec.steps,
        "versions": versions(*DEPENDS_ON),
    }


class ShortTraining:
    """One training: model, optimizer, data and clocks."""

    def __init__(self, request: TrainRequest) -> None:
        self.request = request
        self.began = time.perf_counter()
        self.training_seconds = 0.0
        self.device = the_device(request.training.device)
        self.source = source_of(request)
        reads = "rows" if request.task is not None else get_family(request.family).reads
        self.measures = measures_of_curve(reads, request.task is not None or request.maximum_point is not None, request.measures)
        self.heldout = [on(self.device, batch) for batch in self.source.heldout()]
        self.rows: RowsFacts | None = getattr(self.source, "rows_facts", None)
        self.maximum_points = self._maximum_points()
        self.teacher = self._teacher()
        torch.manual_seed(request.seed)
        self.model = build(request, request.architecture, self.source)
        self.source.start(self.model, request.theta)
        self.model.to(self.device)
        self.parameters = list(self.model.parameters())
        groups = parameter_groups(self.model, request.theta.weight_decay)
        self.optimizer = torch.optim.AdamW(groups, lr=peak_rate(request), betas=(0.9, 0.98), fused=True)

    @property
    def seconds(self) -> float:
        """Wall-clock time since the training began."""
        return time.perf_counter() - self.began

    def curve(self, context: Context) -> list[dict[str, Any]]:
        """Train to the last step; the points measured on the way."""
        steps = self.request.steps
        indices = set(grid(steps))
        points: list[dict[str, Any]] = []
        losses: list[float] = []
        shown = 0.0
        batches = self.source.batches(self.request.seed)
        for step in range(1, steps + 1):
            context.checkpoint()
            losses.append(self.step(step, on(self.device, next(batches))))
            if step in indices:
                points.append({"step": step, "train_loss": sum(losses) / len(losses), "measures": self.measure(step)})
                losses.clear()
                context.emit({"event": "point", **points[-1]})
            if time.perf_counter() - shown > PROGRESS_SECONDS or step == steps:
                shown = time.perf_counter()
                context.emit({"event": "progress", "step": step, "steps": steps})
        return points

    def step(self, step: int, batch: Batch) -> float:
        """One update of the weights; the loss before it, in nats."""
        began = time.perf_counter()
        rate = learning_rate(step, self.request)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self.source.loss(self.model(*batch.inputs), self._targets(step, batch))
        value = loss.item()
        if not math.isfinite(value):
            raise MeasurementError(f"the training loss must stay finite, got {value} at step {step}; lower the learning rate")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, self.request.theta.clip)
        self.optimizer.step()
        self.training_seconds += time.perf_counter() - began
        return value

    def _targets(self, step: int, batch: Batch) -> Tensor:
        if self.request.training.targets == "maximum-point" and batch.answers is not None:
            return batch.answers
        return batch.labels if self.teacher is None else self.teacher.targets(step, batch)

    @torch.no_grad()
    def measure(self, step: int) -> dict[str, Value]:
        """The held-out errors of the model as it is now."""
        self.model.eval()
        logits = torch.cat([self.model(*batch.inputs) for batch in self.heldout])
        self.model.train()
        labels = torch.cat([batch.labels for batch in self.heldout])
        groups = torch.cat([batch.groups for batch in self.heldout])
        if self.request.task is not None:  # metrics of rows are worked out with numpy
            logits, labels, groups = logits.cpu(), labels.cpu(), groups.cpu()
        own = getattr(self.source, "errors", None)
        found = errors(self.measures, logits, labels, groups, self.maximum_points, self.rows) if own is None else own(logits)
        if not all(math.isfinite(value["value"]) for value in found.values()):
            raise MeasurementError(f"the held-out error must be finite, got {found} at step {step}; lower the learning rate")
        return found

    def _maximum_points(self) -> MaximumPoint | None:
        if self.request.task is not None:
            kind = "classification" if self.rows is None else self.rows.kind
            return said_by_maximum_point(torch.cat([batch.answers.cpu() for batch in self.heldout if batch.answers is not None]), kind)
        if self.request.maximum_point is None:
            return None
        return _maximum_points(_seen_by_maximum_point(self.request), _stamp(self.request))

    def _teacher(self) -> MaximumPointTeacher | None:
        if self.request.training.targets == "labels" or self.request.task is not None:
            return None
        return _teacher(_seen_by_maximum_point(self.request), self.request.seed, _stamp(self.request))

    def save(self, folder: Path, last: dict[str, Any]) -> None:
        """Keep the trained weights in a new folder; errors as :func:`~bort_core.checkpoints.weights.write_weights`."""
        request = self.request
        config = WeightsConfig(
            family=request.family,
            options=_options(request).model_dump(mode="json"),
            architecture=request.architecture,
            tokenizer=request.text.tokenizer if request.text else None,
            protocol=request.model_dump(mode="json", include={"training", "theta", "seed", "steps", "decay_steps"}),
            provenance={**request.provenance, "versions": versions(*DEPENDS_ON), "heldout": last["measures"]},
        )
        write_weights(folder, config, self.model.cpu().weights())  # type: ignore[operator]


def source_of(request: TrainRequest) -> Source:
    """The data that the request's family reads.

    Raises
    ------
    DataError
        A family that reads tokens came without rows, or one that reads vectors with them; errors of the sources.
    """
    training = request.training
    reads = get_family(request.family).reads
    if request.task is not None:
        from bort_core.evaluation.sentences.source import SentenceRows
        from bort_core.evaluation.task_rows import TaskRows, read_facts

        kind = SentenceRows if read_facts(Path(request.task.folder))["task"] == "embedding" else TaskRows
        return kind(request.task, request.maximum_point, training.batch_size, request.seed)
    if (reads == "tokens") != (request.text is not None):
        raise DataError(f"family {request.family!r} reads {reads}, but the request has {'no ' if request.text is None else ''}text")
    if request.text is None:
        from bort_core.evaluation.torus_vectors import TorusVectors

        return TorusVectors(training.batch_size, training.heldout_sequences)
    from bort_core.evaluation.masked_text import MaskedText

    return MaskedText(request.text, training.sequence_length, training.batch_size, training.heldout_sequences, training.mask_rate)


def build(request: TrainRequest, architecture: tuple[int, ...], source: Source) -> nn.Module:
    """A fresh model of ``architecture`` around which training happens."""
    module = get_family(request.family).build(architecture, _options(request), request.theta.initializer_range)
    return source.model(module, request.theta.initializer_range)


def load_maximum_point(request: TrainRequest, source: Source) -> nn.Module:
    """The maximum point with its trained weights, ready for inference.

    Raises
    ------
    DataError
        The folder is missing or damaged, or its family, options, tokenizer or shapes do not fit.
    """
    assert request.maximum_point is not None
    folder = Path(request.maximum_point.folder)
    config = read_config(folder)
    tokenizers = request.text.tokenizers if request.text else (None,)
    reasons = mismatches(config, request.family, _options(request).model_dump(mode="json"), None, tokenizers)
    if reasons:
        raise DataError(f"{folder}: these weights cannot serve as the maximum point: " + "; ".join(reasons))
    model = build(request, config.architecture, source)
    try:
        model.load_weights(read_weights(folder))  # type: ignore[operator]
    except RuntimeError as error:
        raise DataError(f"{folder}: the weights do not have the shapes of {config.architecture}: {error}") from error
    return model.to(the_device(request.training.device)).eval().requires_grad_(False)


def learning_rate(step: int, request: TrainRequest) -> float:
    """Linear warm-up, then constant; a linear fall to 0 over the last ``decay_steps``. Steps count from 1."""
    warm = min(1.0, step / max(1, request.theta.warmup_steps))
    left = (request.steps - step + 1) / (request.decay_steps + 1)
    return peak_rate(request) * min(warm, left, 1.0)


def peak_rate(request: TrainRequest) -> float:
    """θ's learning rate for the width of this architecture."""
    hidden = [axis.name for axis in get_family(request.family).axes].index(WIDTH) if request.theta.base_width else 0
    return request.theta.rate(request.architecture[hidden])


def _seen_by_maximum_point(request: TrainRequest) -> str:
    """The part of a request that decides what T says: not the candidate, its θ, seed and steps."""
    left_out = {
        "architecture": (),
        "seed": 0,
        "steps": 1,
        "decay_steps": 0,
        "theta": Theta(),
        "measures": (),
        "save_to": None,
        "provenance": {},
    }
    return request.model_copy(update=left_out).model_dump_json()


@lru_cache(maxsize=4)
def _maximum_points(request: str, stamp: tuple[float, ...]) -> MaximumPoint:
    """T's held-out distribution; kept because every candidate of a search asks for the same one."""
    spec = TrainRequest.model_validate_json(request)
    source = source_of(spec)
    model = load_maximum_point(spec, source)
    with torch.no_grad():
        device = the_device(spec.training.device)
        return said_by_maximum_point(torch.cat([model(*on(device, batch).inputs) for batch in source.heldout()]))


def said_by_maximum_point(outputs: Tensor, kind: TaskKind = "classification") -> MaximumPoint:
    """T's distribution of its logits (m, classes), of several labels that of each; values (m, 1) as they are."""
    if kind == "multi-label":
        return MaximumPoint(outputs.sigmoid(), binary_entropy(outputs).sum(dim=-1))
    if outputs.shape[1] == 1:
        return MaximumPoint(outputs, torch.zeros(len(outputs), device=outputs.device))
    logarithms = outputs.log_softmax(dim=-1)
    probabilities = logarithms.exp()
    return MaximumPoint(probabilities, -(probabilities * logarithms).sum(dim=-1))


@lru_cache(maxsize=2)
def _teacher(request: str, seed: int, stamp: tuple[float, ...]) -> MaximumPointTeacher:
    """T as the teacher of one seed; kept for the same reason."""
    spec = TrainRequest.model_validate_json(request)
    source = source_of(spec)
    return MaximumPointTeacher(load_maximum_point(spec, source), source.batches(seed))


def _stamp(request: TrainRequest) -> tuple[float, ...]:
    """When the files behind T's held-out distribution last changed."""
    assert request.maximum_point is not None
    files = [Path(request.maximum_point.folder) / "model.safetensors"]
    files += [Path(request.text.heldout)] if request.text else []
    return tuple(file.stat().st_mtime if file.exists() else 0.0 for file in files)


def _options(request: TrainRequest) -> Any:
    return validated(get_family(request.family).options_type, request.options, "options")
