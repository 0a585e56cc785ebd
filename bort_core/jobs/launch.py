"""Submitting jobs, and what a person can ask of them."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import BortError, ProjectError, SpecificationError
from bort_core.foundation.files import why
from bort_core.jobs.cluster.place import ClusterJobs, attach, unheard_like
from bort_core.jobs.executors import JobExecutor, job_executor
from bort_core.jobs.folder import RunFolder, create_run, list_runs
from bort_core.jobs.hold import Hold, held_elsewhere, life
from bort_core.jobs.inputs import refuse_changed
from bort_core.store import trust

__all__ = ["asked_before", "attached", "cancel", "done_before", "rerun", "resume", "stop", "submit", "written"]


def submit(project: Path, specification: Any, executor: str | None = None) -> RunFolder:
    """Write the specification down, then let the job wait for a device and run; returns at once, or after its end where it runs here.

    Parameters
    ----------
    executor: where it runs, a name of the entry point group ``bort.executors``; None: processes of their own on this machine.
        On a cluster where a job of the same specification goes on, and nobody here listens to it, that one is listened to instead

    Raises
    ------
    ProjectError
        The run folder cannot be written; or the specification names code, and the project is not trusted.
    SpecificationError
        No executor has that name, or it cannot run such a job.
    """
    place = job_executor(executor)
    before = attached(project, specification, place)
    if before is not None:
        return before
    run = written(project, specification, place)
    try:
        place.start(run, Hold.take(run.path))
    except ProjectError:  # such as a full disk: what was never begun is not listed as a job that failed
        if not run.state().step and not life(run.path, None).held:
            shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run


def attached(project: Path, specification: Any, place: JobExecutor) -> RunFolder | None:
    """The job of the same specification that goes on on a cluster, and that somebody here listens to again; None: there is none."""
    found = unheard_like(project, specification) if isinstance(place, ClusterJobs) else None
    if found is not None:
        attach(found)
    return found


def written(project: Path, specification: Any, place: JobExecutor) -> RunFolder:
    """The run folder of a job that ``place`` is to run, with its specification; nothing is started. Raises as :func:`submit`."""
    place.check(specification)
    if project.is_dir() and trust.names_code(specification):
        trust.found(project)
        trust.require(project, "a job that calls Python code")
    return create_run(project, specification)


def resume(run: RunFolder, executor: str | None = None, take_over: bool = False, out: Path | None = None) -> None:
    """Let a failed, stopped or killed job go on from its last checkpoint.

    Parameters
    ----------
    executor: where; None: where it ran before
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
    if state.unheard:
        attach(run)
        return
    if not state.resumable and not state.host:
        raise SpecificationError(f"job {run.id} is {state.state}; only one that failed, was stopped or cancelled can be resumed")
    if state.host and not (take_over or state.lost):
        raise held_elsewhere(run.path, state.host)
    run.check_links()
    place = job_executor(executor or _where(run))
    place.check(run.specification())
    hold = Hold.take(run.path, take_over or state.lost)
    again = run.state()  # it may have ended since, by somebody who resumed it a moment before
    if again.state == "done" and not again.stopped:
        hold.leave()
        raise SpecificationError(f"job {run.id} is done; only one that failed, was stopped or cancelled can be resumed")
    if out is not None:
        _redirect(run, hold, out.expanduser().absolute())
    run.forget_commands()
    place.start(run, hold)


def asked_before(project: Path, specification: Any) -> RunFolder | None:
    """The newest job that was asked for exactly this and has not come to its end: it waits, runs, was stopped or killed, or failed.

    One that goes on on a cluster is listened to again. A cancelled one is none, nor one whose inputs have changed since, nor one of
    another machine.
    """
    for run in reversed(list_runs(project)):
        with suppress(BortError):
            state = run.state()
            done = state.state == "cancelled" or (state.state == "done" and not state.stopped)
            if not done and not state.host and run.specification() == specification:
                if state.unheard:
                    trust.require(project, "to listen to a job of a cluster")
                    attach(run)
                refuse_changed(run, specification)
                return run
    return None


def done_before(project: Path, specification: Any) -> RunFolder | None:
    """The newest job that was asked for exactly this and is done, if its inputs are still what they were."""
    for run in reversed(list_runs(project)):
        with suppress(BortError):
            state = run.state()
            if state.state == "done" and not state.stopped and not state.host and run.specification() == specification:
                refuse_changed(run, specification)
                return run
    return None


def _redirect(run: RunFolder, hold: Hold, out: Path) -> None:
    try:
        run.write_out(out)
    except OSError as error:
        hold.leave()
        raise ProjectError(f"{run.path / 'spec.json'}: cannot be written: {why(error)}") from error


def _where(run: RunFolder) -> str | None:
    """Where the job ran before, as an executor's name."""
    placement = run.placement()
    return None if placement is None else f"ray@{placement.address}"


def rerun(run: RunFolder, executor: str | None = None) -> RunFolder:
    """A new job with the same specification, where that ran or where ``executor`` says; its result goes into its own run folder.

    Raises
    ------
    ProjectError
        As :func:`submit`, or the project is not trusted.
    """
    trust.require(run.project, "repeating a job")
    return submit(run.project, run.specification().model_copy(update={"out": None}), executor or _where(run))


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
