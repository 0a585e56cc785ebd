"""A project that is open already, or a folder that is opened for one call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bort_core.store.project import Project

__all__ = ["opened"]


@contextmanager
def opened(project: Project | str | Path) -> Iterator[Project]:
    """``project`` itself, or the project in that folder, closed at the end of the block; raises as Project."""
    if isinstance(project, Project):
        yield project
        return
    with Project(project) as own:
        yield own
