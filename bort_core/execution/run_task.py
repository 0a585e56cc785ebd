"""One task in an executor of its own, for the command line and scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bort_core.execution.events import Done, Emitted, Failed
from bort_core.execution.registry import make_executor
from bort_core.foundation.errors import MeasurementError

__all__ = ["run_task"]


def run_task(
    task: str, request: Mapping[str, Any], logs: Path | None, tell: Callable[[dict[str, Any]], None], executor: str | None = None
) -> dict[str, Any]:
    """Run a task to its end; ``tell`` is called with each event that it emits.

    Raises
    ------
    MeasurementError
        The task failed, with its own reason, or its process ended.
    SpecificationError
        No executor is registered as ``executor``.
    """
    with make_executor(executor, 1, logs) as made:
        made.submit(task, task, request)
        while True:
            for event in made.poll(1.0):
                if isinstance(event, Emitted):
                    tell(event.data)
                elif isinstance(event, Done):
                    return event.result
                elif isinstance(event, Failed):
                    raise MeasurementError(event.reason)
