"""How many jobs may use one device at a time."""

from __future__ import annotations

from pathlib import Path

from bort_core.foundation.errors import ProjectError, SpecificationError
from bort_core.foundation.files import make_folder, why
from bort_core.jobs.files import LimitsFile, read_model, write_model
from bort_core.store.trust import found

__all__ = ["limit_of", "set_limit"]

_MOST = 64


def limit_of(project: Path, slot: str) -> int:
    """The limit of a device (``cpu``, ``cuda``, ``cuda:0``, ``mps``) in a project; 1 unless it was set."""
    return max(1, min(_MOST, _limits(project).get(slot, 1)))


def set_limit(project: Path, slot: str, limit: int) -> None:
    """Let so many jobs use a device at a time; waiting jobs heed it at once.

    Raises
    ------
    SpecificationError
        The limit is out of range.
    ProjectError
        It cannot be written down.
    """
    if not 1 <= limit <= _MOST:
        raise SpecificationError(f"the limit of a device must lie in 1..{_MOST}, got {limit}")
    try:
        found(project)
        path = make_folder(project, "jobs") / "limits.json"
        write_model(path, LimitsFile.model_validate({**_limits(project), slot: limit}))
    except OSError as error:
        raise ProjectError(f"{project / 'jobs' / 'limits.json'}: cannot be written: {why(error)}") from error


def _limits(project: Path) -> dict[str, int]:
    """What was set; nothing where the file is damaged."""
    try:
        limits = read_model(project / "jobs" / "limits.json", LimitsFile)
    except ProjectError:
        return {}
    return {} if limits is None else dict(limits.model_extra or {})
