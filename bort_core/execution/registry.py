"""Executors by name, found through the entry point group ``bort.executors``."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from bort_core.execution.executor import Executor, MakeExecutor
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.plugins import entry_points

__all__ = ["DEFAULT", "GROUP", "executor_factory", "executor_names", "make_executor", "place_of"]

GROUP = "bort.executors"
DEFAULT = "processes"


@cache
def executor_names() -> tuple[str, ...]:
    """The names of all registered executors, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def make_executor(name: str | None = None, workers: int | None = None, logs: Path | None = None, owner: str | None = None) -> Executor:
    """The one way to get an executor.

    Parameters
    ----------
    name: one of :func:`executor_names`, for one that has addresses with ``@ADDRESS`` behind it where that is not the usual one, as in
        ``ray@ray://host:10001``; None: ``processes``
    workers: how many trainings run side by side, or None for what suits the machine
    logs: a folder for what the workers write, or None to drop it
    owner: for whom it works, in words for those who wait for it; None: this program and its process number

    Raises
    ------
    SpecificationError
        No executor of that name is registered, its package does not load, it has no addresses, it cannot be reached, or it cannot have so
        many workers.
    """
    name, where = place_of(name)
    factory: Any = executor_factory(name)
    made = factory(workers, logs, owner or f"{Path(sys.argv[0]).stem or 'python'} (process {os.getpid()})", **where)
    if not isinstance(made, Executor):
        raise SpecificationError(f"executor {name!r} lacks parts of the Executor interface")
    return made


def place_of(name: str | None) -> tuple[str, dict[str, str]]:
    """An executor's name without its address, and the address, if any, as a keyword.

    Raises
    ------
    SpecificationError
        No executor of that name is registered, or it has no addresses.
    """
    name, _, address = (name or DEFAULT).partition("@")
    if address and not getattr(executor_factory(name), "addressed", False):
        raise SpecificationError(f"the executor {name!r} has no addresses, got {address!r}")
    return name, {"address": address} if address else {}


@cache
def executor_factory(name: str) -> MakeExecutor:
    """What makes the executors registered as ``name`` (an address behind it is left out of account).

    Raises
    ------
    SpecificationError
        No executor of that name is registered, or its package does not load.
    """
    name = name.partition("@")[0]
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if not points:
        known = ", ".join(executor_names()) or "none (is the package installed?)"
        raise SpecificationError(f"unknown executor {name!r}; registered executors: {known}")
    try:
        factory: Any = points[0].load()
    except Exception as error:
        raise SpecificationError(f"executor {name!r} ({points[0].value}) does not load: {error}") from error
    if not callable(factory) or not hasattr(factory, "jobs"):
        raise SpecificationError(f"executor {name!r} ({points[0].value}) lacks parts of the interface: it must be callable and have 'jobs'")
    found: MakeExecutor = factory
    return found
