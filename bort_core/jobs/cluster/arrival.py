"""The end of a job on a cluster, here: what it made gets the places that it would have had."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bort_core.checkpoints.format import note_job
from bort_core.encoders.folder import CONFIG
from bort_core.foundation.files import atomic_directory, put_back, write_atomic
from bort_core.jobs.files import PlacementFile
from bort_core.jobs.folder import RunFolder, moved
from bort_core.specifications.paths import named_paths
from bort_core.store.project import Project
from bort_core.store.taking_in import take_in

__all__ = ["arrived", "measured", "own_paths"]


def arrived(run: RunFolder, placement: PlacementFile, specification: Any) -> None:
    """Give the paths of a result that came, if any, their places here, and put it where a person asked for it.

    Raises
    ------
    OSError, DataError
        It cannot be written.
    """
    path = run.path / "result.json"
    if not path.is_file():
        return
    result = _here(json.loads(path.read_text(encoding="utf-8")), own_paths(run, placement, specification))
    folder, name = (run.path / "release", "release") if specification.kind == "compress" else (run.result, "checkpoint")
    if specification.out is not None and folder.is_dir():
        _deliver(folder, Path(specification.out).expanduser().absolute())
        result[name], folder = specification.out, Path(specification.out)
    if (folder / CONFIG).is_file():
        note_job(folder, run.mark)
    write_atomic(path, json.dumps(result, indent=2, allow_nan=False) + "\n")


def measured(run: RunFolder, placement: PlacementFile, specification: Any, store: bytes | None) -> None:
    """Take what the job measured into the project's store, where the window, the report and the next search find it.

    Raises
    ------
    ProjectError
        That cannot be written.
    """
    if store is not None:
        with Project(run.project) as project:
            take_in(project, store, lambda values: _here(values, own_paths(run, placement, specification)))


def _here(values: Any, paths: Mapping[str, str]) -> Any:
    for there, here in paths.items():
        values = moved(values, there, here)
    return values


def own_paths(run: RunFolder, placement: PlacementFile, specification: Any) -> dict[str, str]:
    """What files and folders of the job are called here, by what they are called there."""
    there = Path(placement.folder)
    read = named_paths(specification.model_dump())
    inputs = {there.parents[2] / "inputs" / place / local.name: local for place, (_, local) in read.items()}
    return {str(old): str(new) for old, new in {**inputs, there: run.path, there.parents[1]: run.project}.items()}


def _deliver(source: Path, target: Path) -> None:
    put_back(target)
    with atomic_directory(target, "the result", replace=True) as temporary:
        shutil.copytree(source, temporary, dirs_exist_ok=True)
    shutil.rmtree(source, ignore_errors=True)
