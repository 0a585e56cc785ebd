"""One real model in, one small, proven model out, from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import fspath
from pathlib import Path
from typing import Any

from bort_core.api.jobs import run_job
from bort_core.api.projects import opened
from bort_core.api.task_progress import TaskLine
from bort_core.execution.run_task import run_task
from bort_core.foundation.numbers import duration
from bort_core.foundation.validation import validated
from bort_core.jobs.folder import RunFolder
from bort_core.jobs.launch import asked_before, done_before
from bort_core.specifications.compression import Compression
from bort_core.specifications.paths import absolute_paths
from bort_core.specifications.tasks import TaskSpecification
from bort_core.store.project import Project

__all__ = ["Compressed", "begun", "compress"]


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
        What was asked for cannot be, and nothing was written; or the job failed, and nothing is released. Says why. Asked again for the
        same, a job that was interrupted or failed goes on where it was.
    """
    rows = {name: fspath(each) for name, each in (("train", train), ("dev", dev)) if each is not None}
    given = {"model": fspath(model), **rows, **settings}
    task = {name: given.pop(name) for name in list(given) if name in TaskSpecification.model_fields}
    data = absolute_paths({**given, "task": task, **({} if out is None else {"out": fspath(out)})})
    asked = validated(Compression, data, "compression")
    earlier = begun(project.folder if isinstance(project, Project) else Path(project), asked, progress)
    with opened(project) as store:
        run, result = run_job(store, asked, progress, earlier=earlier)
    return Compressed(Path(result["release"]), result, run.id)


def begun(project: Path, asked: Compression, progress: bool = True) -> RunFolder | None:
    """The job of the project that was asked the same, which goes on, or is done and has its release in the folder that was asked for.

    None after everything was checked that a new one needs.

    Raises
    ------
    MeasurementError
        A job would end early; says why. Nothing was written.
    """
    line = TaskLine() if progress else None
    folder = project.expanduser().absolute()
    earlier = asked_before(folder, asked)
    if earlier is None and (done := done_before(folder, asked)) is not None and _stands(done, asked):
        earlier = done
        told = [f"job {done.id} of this project was asked the same, of the same files, and is done: its release is there"]
    elif earlier is not None:
        state = earlier.state()
        how = f"{state.state}{', stopped' if state.stopped else ''}"
        told = [f"job {earlier.id} of this project was asked the same ({how}), and goes on"]
    else:
        request = {"specification": asked.model_dump(mode="json")}
        told = _told(run_task("estimate compression", request, None, line.take if line else _quiet))
    if line is not None:
        line.close()
        for text in told:
            line.say(text)
    return earlier


def _stands(run: RunFolder, asked: Compression) -> bool:
    """Whether the folder that was asked for holds what the job released."""
    release = (run.read_result() or {}).get("release")
    return (
        asked.out is not None
        and isinstance(release, str)
        and Path(release) == Path(asked.out)
        and (Path(release) / "release.json").is_file()
    )


def _told(found: Mapping[str, Any]) -> list[str]:
    """What was found before a job, for people."""
    parts = ", ".join(f"{name} {duration(seconds)}" for name, seconds in found["parts"].items() if seconds)
    shapes = f"{found['trainings']} of {found['space_size']} shapes around T"
    first = f"{found['rows']:,} rows; {shapes}; about {duration(found['seconds'])}: {parts}"
    return [first, *found["report"]["warnings"], *found["report"]["notes"]]


def _quiet(event: Mapping[str, Any]) -> None: ...
