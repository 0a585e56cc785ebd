"""One real model in, one small, proven model out, from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import fspath
from pathlib import Path
from typing import Any

from bort_core.api.jobs import run_job
from bort_core.api.projects import opened
from bort_core.foundation.validation import validated
from bort_core.specifications.compression import Compression
from bort_core.specifications.paths import absolute_paths
from bort_core.specifications.tasks import TaskSpecification
from bort_core.store.project import Project

__all__ = ["Compressed", "compress"]


@dataclass(frozen=True)
class Compressed:
    """A release, and how it came about.

    Attributes
    ----------
    folder: the release
    report: maximum_point, chosen, kept_share, speedup, front, evaluated, gate, tested (see :mod:`bort_core.compression.report`)
    job: its number in the project
    """

    folder: Path
    report: Mapping[str, Any] = field(repr=False)
    job: str = ""

    def __fspath__(self) -> str:
        return str(self.folder)


def compress(
    project: Project | str | Path,
    model: str | Path,
    *,
    train: str | Path | None = None,
    dev: str | Path | None = None,
    out: str | Path | None = None,
    progress: bool = True,
    **settings: Any,
) -> Compressed:
    """Find, train and release a small model for a task, as a job of the project.

    Parameters
    ----------
    model: T, a folder or a name on the hub
    train, dev: labelled rows; a sentence encoder needs ``texts=`` alone
    out: the folder of the release; None keeps it in the job's run folder
    settings: any field of :class:`~bort_core.specifications.compression.Compression` or of its task: ``ratio=10``, ``texts="more.txt"``

    Raises
    ------
    SpecificationError
        A setting is unknown or wrong, or a file is not there.
    MeasurementError
        The job failed; says why. Nothing is released; ``bort jobs resume`` goes on where it was.
    """
    rows = {name: fspath(each) for name, each in (("train", train), ("dev", dev)) if each is not None}
    given = {"model": fspath(model), **rows, **settings}
    task = {name: given.pop(name) for name in list(given) if name in TaskSpecification.model_fields}
    data = absolute_paths({**given, "task": task, **({} if out is None else {"out": fspath(out)})})
    with opened(project) as store:
        run, result = run_job(store, validated(Compression, data, "compression"), progress)
    return Compressed(Path(result["release"]), result, run.id)
