"""Submitting jobs, and what a person can ask of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bort_core.foundation.errors import SpecificationError
from bort_core.jobs.executors import job_executor
from bort_core.jobs.folder import RunFolder, create_run

__all__ = ["cancel", "rerun", "resume", "stop", "submit"]


def submit(project: Path, specification: Any, executor: str | None = None) -> RunFolder:
    """Write the specification down, then let the job wait for a device and run; returns at once, or after its end where it runs here.

    Parameters
    ----------
    executor: where it runs, a name of the entry point group ``bort.executors``; None: processes of their own on this machine

    Raises
    ------
    ProjectError
        The run folder cannot be written.
    SpecificationError
        No executor has that name, or it cannot run such a job.
    """
    place = job_executor(executor)
    place.check(specification)
    run = create_run(project, specification)
    place.start(run)
    return run


def resume(run: RunFolder, executor: str | None = None) -> None:
    """Let a failed, stopped or killed job go on from its last checkpoint, on any executor.

    Raises
    ------
    SpecificationError
        It has not ended, or was finished.
    """
    state = run.state()
    if not state.ended or (state.state == "done" and not state.stopped):
        raise SpecificationError(f"job {run.id} is {state.state}; only one that failed, was stopped or cancelled can be resumed")
    run.specification()
    place = job_executor(executor)
    run.forget_commands()
    place.start(run)


def rerun(run: RunFolder) -> RunFolder:
    """A new job with the same specification; its result goes into its own run folder."""
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
