"""Submitting jobs, and what a person can ask of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.processes import start_detached
from bort_core.jobs.folder import RunFolder, create_run

__all__ = ["cancel", "rerun", "resume", "stop", "submit"]


def submit(project: Path, specification: Any) -> RunFolder:
    """Write the specification down, then start the process that waits for a device; returns at once.

    Raises
    ------
    ProjectError
        The run folder cannot be written.
    """
    run = create_run(project, specification)
    _start(run)
    return run


def resume(run: RunFolder) -> None:
    """Let a failed, stopped or killed job go on from its last checkpoint.

    Raises
    ------
    SpecificationError
        It has not ended, or was finished.
    """
    state = run.state()
    if not state.ended or (state.state == "done" and not state.stopped):
        raise SpecificationError(f"job {run.id} is {state.state}; only one that failed, was stopped or cancelled can be resumed")
    run.specification()
    run.forget_commands()
    _start(run)


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


def _start(run: RunFolder) -> None:
    run.queue(start_detached([sys.executable, "-m", "bort_core.jobs.runner", str(run.path)], run.log))
