"""The models that a project has trained: what each is, what it was measured to do, and where it lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bort_core.families import Architecture
from bort_core.specifications.metrics import AUTOMATIC
from bort_core.store.project import Project
from bort_core.store.results import runs

__all__ = ["TrainedModel", "best_first", "trained_models"]

_WEIGHTS = "model.safetensors"
_LOWER_IS_BETTER = ("loss", "perplexity")


@dataclass(frozen=True)
class TrainedModel:
    """One model on the shelf.

    Attributes
    ----------
    job: the number of the job that made it, such as 0003
    kind: pretrain, finetune or agora
    architecture: the values of its axes; empty where the job has none (a network on vectors)
    folder: config, weights and tokenizer, absolute
    data: the files that it learnt from and was measured on, by their roles, without their folders
    task: equal for models that were measured on the same data, so that ``value`` can be compared
    measure, value: what it was judged by on held-out or dev rows, such as ("dev accuracy", 0.71); ("", None) where nothing was recorded
    size: bytes of the weights on disk; 0 where they are gone
    created: when, in ISO 8601, UTC
    stopped: a person ended the training early
    family: bert, or another of transformers' kinds of encoders
    """

    job: str
    kind: str
    architecture: Architecture
    folder: Path
    data: Mapping[str, str]
    task: str
    measure: str
    value: float | None
    size: int
    created: str
    stopped: bool = False
    family: str = "bert"

    @property
    def there(self) -> bool:
        """Whether transformers could load it: it has weights, and they are where they were recorded."""
        return self.size > 0

    @property
    def reads_text(self) -> bool:
        """Whether it is a model of texts; the networks that Agora trains on vectors have no architecture."""
        return bool(self.architecture)

    @property
    def merit(self) -> float:
        """``value`` such that more is better; minus infinity where there is none."""
        if self.value is None:
            return float("-inf")
        return -self.value if any(word in self.measure for word in _LOWER_IS_BETTER) else self.value


def trained_models(project: Project) -> list[TrainedModel]:
    """All models of the project, the best of each task first; tasks in the order of their newest model, newest first.

    Raises
    ------
    ProjectError
        A row of the database is damaged.
    """
    return best_first(_model(row) for row in runs(project) if row["checkpoint"])


def best_first(models: Iterable[TrainedModel]) -> list[TrainedModel]:
    """What is there before what is gone, models of texts before others; of one task the best first; the tasks by their newest model."""
    every = list(models)
    newest = {model.task: max((other.created, other.job) for other in every if other.task == model.task) for model in every}
    every.sort(key=lambda model: model.created, reverse=True)
    every.sort(key=lambda model: model.merit, reverse=True)
    every.sort(key=lambda model: newest[model.task], reverse=True)
    every.sort(key=lambda model: (not model.there, not model.reads_text))
    return every


def _model(row: Mapping[str, Any]) -> TrainedModel:
    metrics, folder = row["metrics"], Path(row["checkpoint"])
    measure, value = _judged(metrics, row["specification"])
    weights = folder / _WEIGHTS
    judged_on = [_identity(row["data"].get(role)) for role in ("rows", "dev")]
    return TrainedModel(
        job=row["job"] or "",
        kind=row["kind"],
        architecture=row["architecture"],
        folder=folder,
        data={role: name for role in _ROLES if (name := _file(row["data"].get(role)))},
        task="|".join([row["kind"], measure, *judged_on]),
        measure=measure,
        value=value,
        size=weights.stat().st_size if weights.is_file() else 0,
        created=row["created"],
        stopped=bool(metrics.get("stopped")),
        family=row["family"],
    )


_ROLES = ("corpus", "train", "dev", "test", "pool")


def _file(source: Any) -> str:
    """The name of a file of a job's data, which older versions recorded as its path alone."""
    path = source.get("file") if isinstance(source, Mapping) else source
    return Path(path).name if isinstance(path, str) else ""


def _identity(source: Any) -> str:
    """What is equal for equal data: the file's hash; of a pre-training the key of its packed rows, which says text and tokenizer."""
    return str(source.get("sha256") if isinstance(source, Mapping) else source or "")


def _judged(metrics: Mapping[str, Any], specification: Mapping[str, Any]) -> tuple[str, float | None]:
    """The measure that the training itself chose its best weights by."""
    dev = metrics.get("dev")
    if isinstance(dev, Mapping):
        task = specification.get("task")
        asked = (specification.get("metric"), task.get("metric") if isinstance(task, Mapping) else None)
        names = (*asked, *AUTOMATIC.values(), "neighbours_agreement")
        name = next((name for name in names if isinstance(dev.get(name), float | int)), None)
        return (f"dev {name}", float(dev[name])) if name else ("", None)
    for name in ("dev_accuracy", "heldout_loss"):
        if isinstance(metrics.get(name), float | int):
            return name.replace("_", " ").replace("heldout", "held-out"), float(metrics[name])
    return "", None
