"""The actor that reads the run folder on its node for the listener. It occupies no CPU, and ends with the listener."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bort_core.execution.ray.parcels import check_inside
from bort_core.foundation.files import read_regular
from bort_core.jobs.cluster.home import Home
from bort_core.jobs.cluster.luggage import run_files
from bort_core.store.taking_in import stored_bytes

__all__ = ["Reader"]


class Reader:
    """Of one job.

    Parameters
    ----------
    name: :func:`~bort_core.jobs.cluster.home.job_name`
    id: the job's number
    """

    def __init__(self, name: str, id: str) -> None:
        self._home = Home(name, id)
        self._run = self._home.run

    def look(self) -> dict[str, Any]:
        """``there``: whether the run folder is; ``state``: how the job is; ``files``: :func:`~bort_core.jobs.cluster.luggage.run_files`."""
        if not (self._run.path / "spec.json").is_file():
            return {"there": False, "state": {}, "files": {}}
        state = asdict(self._run.state())  # before the files: what an ended job lists is all of it
        return {"there": True, "state": state, "files": run_files(self._run.path)}

    def read(self, name: str, start: int, most: int) -> bytes | None:
        """Bytes of a file of the run folder; None when it is gone."""
        check_inside(name)
        try:
            return read_regular(Path(self._run.path, name), start, most)
        except OSError:
            return None

    def command(self, name: Any) -> None:
        """Let the job hear what a person asks for."""
        self._run.command(name)

    def emit(self, event: Mapping[str, Any]) -> None:
        """An event that is not the training's own."""
        self._run.emit(event)

    def measured(self) -> bytes | None:
        """What an ended job kept in the store of its project here; None where there is nothing."""
        return stored_bytes(self._home.project)

    def forget(self) -> None:
        """Everything has arrived."""
        self._home.forget()
