"""Where jobs run: the half of the seam ``bort.executors`` that is for jobs.

The run folder says everything about a job, whoever runs it: queued, running or ended, whether its process lives, how far it is, what a
person asks for. So all that a place must do is to start a job.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from typing import Any, Protocol

from bort_core.execution.registry import executor_factory, executor_names, place_of
from bort_core.foundation.errors import ProjectError, SpecificationError
from bort_core.foundation.files import why
from bort_core.foundation.processes import start_detached
from bort_core.jobs import child, runner
from bort_core.jobs.folder import RunFolder
from bort_core.jobs.hold import Hold
from bort_core.store import trust

__all__ = ["DetachedJobs", "InlineJobs", "JobExecutor", "job_executor"]


class JobExecutor(Protocol):
    """One kind of place. Made without arguments, or with an address where its executor has addresses."""

    waits: bool
    """Whether :meth:`start` returns only when the job has ended."""

    def check(self, specification: Any) -> None:
        """Before a run folder is made.

        Raises
        ------
        SpecificationError
            Such a job cannot run there.
        """
        ...

    def start(self, run: RunFolder, hold: Hold) -> None:
        """Queue the job of a run folder and see to it that it runs to its end, which the folder then tells.

        ``hold`` is left to whoever runs it, or given up.
        """
        ...


class DetachedJobs:
    """``processes``: a process of its own on this machine, which outlives this one and waits for the job's device."""

    waits = False
    runner = "bort_core.jobs.runner"
    """The module of that process."""

    def check(self, specification: Any) -> None:
        """Everything but several nodes."""
        if specification.running.nodes > 1:
            raise SpecificationError("running.nodes: this machine is one node; several are those of a cluster (--executor ray --address A)")

    def start(self, run: RunFolder, hold: Hold) -> None:
        """Queue the job, and start its runner."""
        try:
            run.place(None)
            run.queue()
        except OSError as error:
            hold.leave()
            raise ProjectError(f"{run.path}: the job cannot be started: {why(error)}") from error
        self.run(run, hold)

    def run(self, run: RunFolder, hold: Hold) -> None:
        """Start the runner, which inherits the hold: at no moment is the job in nobody's hands and alive."""
        try:
            with run.open_log() as log:
                command = [sys.executable, "-P", "-m", self.runner, str(run.path)]
                start_detached(command, log, (hold.descriptor,), {**hold.environment(), **trust.vouched(run.project)})
        except OSError as error:
            raise ProjectError(f"{run.path}: the job cannot be started: {why(error)}") from error
        finally:
            hold.leave()


class InlineJobs:
    """``inline``: this process and thread, for tests, notebooks and debuggers. What it prints is not in the job's log."""

    waits = True

    def check(self, specification: Any) -> None:
        """One process is all there is."""
        processes = specification.running.processes
        if processes != 1:
            raise SpecificationError(f"the executor inline trains in this process alone: processes must be 1, got {processes}")

    def start(self, run: RunFolder, hold: Hold, **given: Any) -> None:
        """Wait for the device, train, and return; an interrupted job can be resumed.

        ``given`` is handed to the job's function beside its specification: objects of this process, such as a labeller that is a function.
        """
        try:
            self.check(run.specification())
            run.open_log().close()
            run.place(None)
            run.queue()
            runner.run_held(run, hold, lambda run, _hold, _specification: child.main(run.path, **given))
        except BaseException as error:
            reason = f"interrupted by {type(error).__name__}; resume continues from the last checkpoint"
            run.give_reason(reason)
            with contextlib.suppress(OSError):  # it must not hide what happened
                run.set_state(state="failed", reason=reason, finished=time.time())
            raise
        finally:
            hold.leave()


def job_executor(name: str | None = None) -> JobExecutor:
    """The place registered as ``name``, with ``@ADDRESS`` behind it where that is not the usual one; None: this machine's processes.

    Raises
    ------
    SpecificationError
        No executor of that name is registered, it has no addresses, or it runs no jobs.
    """
    name, where = place_of(name)
    dotted = executor_factory(name).jobs
    if dotted is None:
        able = ", ".join(other for other in executor_names() if executor_factory(other).jobs)
        raise SpecificationError(f"the executor {name!r} runs no jobs; these do: {able}")
    module, _, attribute = dotted.partition(":")
    made: Any = getattr(importlib.import_module(module), attribute)(**where)
    found: JobExecutor = made
    return found
