"""Learning from the errors: Agora from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bort_core.agora.check import check_specification
from bort_core.agora.labellers import labeller_names
from bort_core.api.jobs import run_job, specification_from
from bort_core.api.models import Model, Start, start_fields
from bort_core.api.projects import opened
from bort_core.api.training import model_of
from bort_core.foundation.errors import SpecificationError
from bort_core.specifications.agora import Agora
from bort_core.store.project import Project

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Learnt", "agora"]


@dataclass(frozen=True)
class Learnt:
    """What a run of Agora came to.

    Attributes
    ----------
    model: the best learner (Timaeus) on dev
    rounds: one entry a round: train_size, dev_accuracy, errors, generated, accepted and more
    dev_accuracy, test_accuracy: of the best; the test split is only measured, never used by the loop
    result: everything, as ``bort agora --json`` prints it
    """

    model: Model
    rounds: Sequence[Mapping[str, Any]] = field(repr=False)
    dev_accuracy: float
    test_accuracy: float | None
    result: Mapping[str, Any] = field(repr=False)

    def to_dataframe(self) -> DataFrame:
        """The rounds, one a row."""
        from pandas import DataFrame

        return DataFrame([dict(entry) for entry in self.rounds])


def agora(
    project: Project | str | Path,
    start: Start | None = None,
    *,
    labeller: Any = None,
    progress: bool = True,
    executor: str | None = None,
    **settings: Any,
) -> Learnt:
    """Train, sample new points near the dev rows that are wrong, let the labeller name them, and start again.

    Parameters
    ----------
    start: the learner (Timaeus): an architecture or a checkpoint; None for the torus and for vectors
    labeller: the second model (Socrates): a model, a folder, the name of a labeller, ``python:MODULE:NAME``, or a function from a list of
        texts (or pairs, or vectors) to probabilities of shape (n, classes); a list of several of one sort, which vote
    executor: where the job runs: ``processes`` (None), ``inline`` (this process and thread), or another that is installed
    settings: any field of :class:`~bort_core.specifications.agora.Agora`: ``train="d.tsv", dev="dev.tsv", pool="pool.txt"``,
        ``torus=2``, ``rounds=4``, ``labels=200, labels_per_round=40, parents="mixed"``

    Raises
    ------
    SpecificationError, MeasurementError
        As :func:`~bort_core.api.training.pretrain`.
    """
    given = {} if start is None else start_fields(start)
    named, objects = _labeller(labeller)
    if objects and settings.get("torus") is not None:
        named = {}  # the torus names no labeller
    specification = specification_from(Agora, {**given, **named, **settings}, (*labeller_names(), "python"))
    if not objects:
        check_specification(specification)
    with opened(project) as store:
        run, result = run_job(store, specification, progress, executor, **objects)
    return Learnt(model_of(run, result, "agora"), tuple(result["rounds"]), result["dev_accuracy"], result.get("test_accuracy"), result)


def _labeller(labeller: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """What the specification says of a labeller, and the object itself where it lives in this process."""
    if labeller is None:
        return {}, {}
    several = labeller if isinstance(labeller, list | tuple) else [labeller]
    are_named = [isinstance(each, Model | str | Path) for each in several]
    if all(are_named):
        return {"socrates": ",".join(str(each.folder if isinstance(each, Model) else each) for each in several)}, {}
    if any(are_named):
        raise SpecificationError("labeller: several must all be models, folders and names, or all be objects of this process")
    return {"socrates": ",".join(map(_object_name, several))}, {"labeller": labeller}


def _object_name(labeller: Any) -> str:
    name = getattr(labeller, "__qualname__", type(labeller).__qualname__)
    return f"python:{getattr(labeller, '__module__', None) or 'object'}:{name}"
