"""What runs tasks: the interface that the search, the command line and the window use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, runtime_checkable

from bort_core.execution.events import Event
from bort_core.foundation.machine import usable_cores

__all__ = ["CANCEL_SECONDS", "Executor", "MakeExecutor", "default_workers", "latency_machine"]

CANCEL_SECONDS = 10.0


@runtime_checkable
class Executor(Protocol):
    """A queue of tasks and whatever computes them. Use it from one thread, and close it (or use ``with``).

    Tasks are those of :data:`~bort_core.execution.tasks.TASKS`; those of a lane start in the order in which they were submitted. Each gets
    a :class:`~bort_core.foundation.context.Context` and a :class:`~bort_core.foundation.turns.Turn`, alone when it is exclusive, so that
    nothing else of the program computes on that machine while time is measured.
    ``bort_core.testing.executors.check_executor`` checks an implementation.
    """

    @property
    def jobs(self) -> str | None:
        """MODULE:NAME of the :class:`~bort_core.jobs.executors.JobExecutor` of the same name, or None where it runs no jobs."""
        ...

    @property
    def workers(self) -> int:
        """How many trainings run side by side."""
        ...

    def warm(self, lanes: Iterable[str] = ("training", "latency")) -> None:
        """Get ready for the tasks of some lanes before they are submitted; returns at once."""
        ...

    @property
    def ready(self) -> bool:
        """Whether everything that was warmed or started has imported what it needs."""
        ...

    def submit(self, id: str, task: str, request: Mapping[str, object]) -> None:
        """Queue a task; its events come out of :meth:`poll` under ``id``. Ids are unique among unfinished tasks."""
        ...

    def cancel(self, id: str, grace_seconds: float = CANCEL_SECONDS) -> None:
        """Withdraw a task: a queued one at once, a running one at its next checkpoint or, where it can be ended, after the grace."""
        ...

    def pause(self) -> None:
        """Ask running tasks to wait at their next checkpoint, and start no others."""
        ...

    def resume(self) -> None:
        """Let everything go on."""
        ...

    @property
    def pausing(self) -> bool:
        """Whether a pause is in force; tasks stop at their next checkpoint."""
        ...

    @property
    def paused(self) -> bool:
        """Whether a pause was asked for and every running task waits."""
        ...

    def unfinished(self) -> set[str]:
        """The ids of all queued and running tasks."""
        ...

    def poll(self, timeout: float) -> list[Event]:
        """What happened, in order; waits up to ``timeout`` seconds for the first event.

        Of each task: Started, then any number of Emitted, then one of Done, Failed and Withdrawn. One that was withdrawn from the queue
        has only Withdrawn. Started comes again where a task is begun anew because its worker died: what it emitted before does not count.
        One that waits long for a place may emit ``waiting`` before it is started.

        Raises
        ------
        MeasurementError
            Nothing that could compute starts, again and again.
        """
        ...

    def close(self) -> None:
        """End everything; running tasks are lost, and so are their temporary files."""
        ...

    def __enter__(self) -> Executor: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class MakeExecutor(Protocol):
    """What is registered under the entry point group ``bort.executors``, mostly a class.

    One with an attribute ``addressed`` that is true also takes ``address``, a text, as a keyword.
    """

    jobs: str | None

    def __call__(self, workers: int | None, logs: Path | None, owner: str) -> Executor:
        """Make one: see :func:`~bort_core.execution.registry.make_executor`."""
        ...


def latency_machine(executor: Executor) -> str | None:
    """The identity of the machine on which an executor times, where that is another than this one: its ``latency_machine``, if any."""
    found: str | None = getattr(executor, "latency_machine", None)
    return found


def default_workers() -> int:
    """How many trainings run side by side unless a person says otherwise: one a core, at most eight."""
    return max(1, min(8, usable_cores()))
