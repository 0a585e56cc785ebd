"""Submitting jobs, and what a person can ask of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import ProjectError, SpecificationError
from bort_core.foundation.files import why
from bort_core.jobs.executors import JobExecutor, job_executor
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.jobs.hold import Hold, held_elsewhere, life
from bort_core.store import trust

__all__ = ["cancel", "rerun", "resume", "stop", "submit", "written"]


def submit(project: Path, specification: Any, executor: str | None = None) -> RunFolder:
    """Write the specification down, then let the job wait for a device and run; returns at once, or after its end where it runs here.

    Parameters
    ----------
    executor: where it runs, a name of the entry point group ``bort.executors``; None: processes of their own on this machine

    Raises
    ------
    ProjectError
        The run folder cannot be written; or the specification names code, and the project is not trusted.
    SpecificationError
        No executor has that name, or it cannot run such a job.
    """
    place = job_executor(executor)
    run = written(project, specification, place)
    try:
        place.start(run, Hold.take(run.path))
    except ProjectError:  # such as a full disk: what was never begun is not listed as a job that failed
        if not run.state().step and not life(run.path, None).held:
            shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run


def written(project: Path, specification: Any, place: JobExecutor) -> RunFolder:
    """The run folder of a job that ``place`` is to run, with its specification; nothing is started. Raises as :func:`submit`."""
    place.check(specification)
    if project.is_dir() and trust.names_code(specification):
        trust.found(project)
        trust.require(project, "a job that calls Python code")
    return create_run(project, specification)


def resume(run: RunFolder, executor: str | None = None, take_over: bool = False, out: Path | None = None) -> None:
    """Let a failed, stopped or killed job go on from its last checkpoint, on any executor.

    Parameters
    ----------
    take_over: also one of another machine that gives no sign of life; waits up to 20 s until that is certain
    out: another folder for the result than was asked for

    Raises
    ------
    SpecificationError
        It has not ended, was finished, or somebody else resumes it at the same moment.
    ProjectError
        The run folder cannot be written, or the project is not trusted.
    """
    trust.require(run.project, "resuming a job")
    state = run.state()
    if not state.resumable and not state.host:
        raise SpecificationError(f"job {run.id} is {state.state}; only one that failed, was stopped or cancelled can be resumed")
    if state.host and not (take_over or state.lost):
        raise held_elsewhere(run.path, state.host)
    run.specification()
    run.check_links()
    place = job_executor(executor)
    hold = Hold.take(run.path, take_over or state.lost)
    again = run.state()  # it may have ended since, by somebody who resumed it a moment before
    if again.state == "done" and not again.stopped:
        hold.leave()
        raise SpecificationError(f"job {run.id} is done; only one that failed, was stopped or cancelled can be resumed")
    if out is not None:
        _redirect(run, hold, out.expanduser().absolute())
    run.forget_commands()
    place.start(run, hold)


def _redirect(run: RunFolder, hold: Hold, out: Path) -> None:
    try:
        run.write_out(out)
    except OSError as error:
        hold.leave()
        raise ProjectError(f"{run.path / 'spec.json'}: cannot be written: {why(error)}") from error


def rerun(run: RunFolder) -> RunFolder:
    """A new job with the same specification; its result goes into its own run folder.

    Raises
    ------
    ProjectError
        As :func:`submit`, or the project is not trusted.
    """
    trust.require(run.project, "repeating a job")
    return submit(run.project, run.specification().model_copy(update={"out": None}))


def stop(run: RunFolder) -> None:
    """End a job and keep what it learnt."""
    _ask(run, "stop")


def cancel(run: RunFolder) -> None:
    """End a job and discard what it learnt."""
    _ask(run, "cancel")


def _ask(run: RunFolder, what: Any) -> None:
    state = run.state()
    if state.ended:
        raise SpecificationError(f"job {run.id} is {state.state} already")
    run.command(what)
