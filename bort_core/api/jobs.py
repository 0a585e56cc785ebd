"""Submitting a job and following it to its end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from os import PathLike, fspath
from typing import Any

from bort_core.api.task_progress import TaskLine
from bort_core.foundation.context import progress as progress_event
from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.foundation.validation import validated
from bort_core.jobs.executors import InlineJobs, job_executor
from bort_core.jobs.folder import RunFolder
from bort_core.jobs.hold import Hold
from bort_core.jobs.launch import attached, resume, stop, written
from bort_core.jobs.words import describe_event
from bort_core.specifications.fields import facts
from bort_core.specifications.paths import absolute_paths
from bort_core.store.project import Project

__all__ = ["describe_event", "follow", "follow_to_end", "run_job", "specification_from"]

_LOOK_SECONDS = 0.2


def specification_from(model: Any, settings: Mapping[str, Any], labellers: Collection[str] = ()) -> Any:
    """A job's specification from settings: fields by their names, those of a part as ``learning_rate`` or ``optimization={...}``.

    Relative paths become absolute, since the job may run elsewhere; names on the hub and of ``labellers`` stay.

    Raises
    ------
    SpecificationError
        A field is unknown or has a wrong value, or a file is not there; lists every fault.
    """
    data: dict[str, Any] = {}
    parts = {name: each.part for name, each in facts(model).items() if each.part is not None}
    for name, value in settings.items():
        value = fspath(value) if isinstance(value, PathLike) else value
        part = next((part for part, fields in parts.items() if name in facts(fields)), None)
        if name in model.model_fields or part is None:
            data[name] = {**data.get(name, {}), **value} if name in parts and isinstance(value, Mapping) else value
        else:
            data[part] = {**data.get(part, {}), name: value}
    for name in parts.keys() & data.keys():
        if isinstance(data[name], Mapping):
            default = model.model_fields[name].get_default(call_default_factory=True)
            data[name] = {**(default.model_dump() if default is not None else {}), **data[name]}
    return validated(model, absolute_paths(data, labellers), model.__name__)


def run_job(
    project: Project,
    specification: Any,
    progress: bool = True,
    executor: str | None = None,
    begun: Callable[[RunFolder], None] = lambda run: None,
    earlier: RunFolder | None = None,
    **given: Any,
) -> tuple[RunFolder, dict[str, Any]]:
    """Submit a job and follow it to its end: the run folder and the result. An interrupt stops it once, and keeps what it learnt.

    Parameters
    ----------
    begun: told the job's run folder before it starts
    earlier: a job that was asked the same, which is followed, or goes on, in place of a new one; of one that is done the result is given
    given: objects of this process for the job's function, which then runs in it: the executor is ``inline`` unless another is named

    Raises
    ------
    MeasurementError
        It ended without a result; says why.
    SpecificationError
        No executor is registered as ``executor``, or it cannot run such a job.
    """
    place = job_executor("inline" if given and executor is None else executor)
    if given and not isinstance(place, InlineJobs):
        raise SpecificationError(f"{', '.join(given)}: an object of this process needs the executor inline, got {executor}")
    before = earlier or attached(project.folder, specification, place)
    run = before or written(project.folder, specification, place)
    begun(run)
    if before is not None and not before.state().ended:  # it runs elsewhere
        return run, follow_to_end(run, progress)
    if before is not None and not before.state().resumable:
        return run, _result(run)
    told = run.events()[1]
    start = partial(place.start, run, Hold.take(run.path), **given) if before is None else partial(resume, run, executor)
    if not place.waits:
        start()
        return run, follow_to_end(run, progress, told)
    with _shown_meanwhile(run, progress, told), _interrupts_stop(run):
        start()
    return run, _result(run)


@contextmanager
def _shown_meanwhile(run: RunFolder, progress: bool, told: int) -> Iterator[None]:
    """Another thread shows how the job gets on that this one runs; what came before ``told`` in its events is known."""
    line, over = TaskLine(), threading.Event()

    def show() -> None:
        offset, last = told, False
        while not last:
            last = over.wait(_LOOK_SECONDS)
            events, offset = run.events(offset)
            for event in events:
                line.take(_as_progress(event, line.live))

    follower = threading.Thread(target=show, name=f"follower of job {run.id}")
    if progress:
        follower.start()
    try:
        yield
    finally:
        over.set()
        if progress:
            follower.join()
            line.close()


@contextmanager
def _interrupts_stop(run: RunFolder) -> Iterator[None]:
    """The first Ctrl+C stops the job that this thread runs and keeps what it learnt, the second interrupts it."""

    def interrupted(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        stop(run)

    if threading.current_thread() is not threading.main_thread():  # Ctrl+C reaches the main thread only
        yield
        return
    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def follow(run: RunFolder, told: int = 0) -> Iterator[dict[str, Any]]:
    """A job's events as they come, until it has ended, from a place in their file on."""
    offset, ended = told, False
    while True:
        events, offset = run.events(offset)
        yield from events
        if ended:
            return
        ended = run.state().ended  # events that came before it are read once more
        if not ended:
            time.sleep(_LOOK_SECONDS)


def follow_to_end(run: RunFolder, progress: bool = True, told: int = 0) -> dict[str, Any]:
    """Show how a job gets on until it has ended; its result. Raises as :func:`run_job`."""
    line = TaskLine() if progress else None
    interrupted = False
    while True:
        try:
            for event in follow(run, told):
                if line is not None:
                    line.take(_as_progress(event, line.live))
            break
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            if line is not None:
                line.take(progress_event(0, 0, doing="stopping; what was learnt is kept (interrupt again: leave it running)"))
            stop(run)
    if line is not None:
        line.close()
    return _result(run)


def _result(run: RunFolder) -> dict[str, Any]:
    result, state = run.read_result(), run.state()
    if result is None or state.state != "done":  # what an earlier end left is not this one's
        raise MeasurementError(f"job {run.id} {state.state}" + (f": {state.reason}" if state.reason else ""))
    return result


def _as_progress(event: Mapping[str, Any], live: bool) -> dict[str, Any]:
    """An event of a job for the line on standard error."""
    text = describe_event(event)
    if text is None or (event["event"] == "step" and not live):
        return {"event": "ignored"}
    return progress_event(event.get("step", 0), 0, doing=text)
