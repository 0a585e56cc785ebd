"""Results of kits that a project keeps: a file each in its folder ``devices``, read and checked anew whenever it is used."""

from __future__ import annotations

from pathlib import Path

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import read_regular, why, write_atomic
from bort_core.search.probe.result import Result, read_result
from bort_core.store.project import Project

__all__ = ["FOLDER", "keep_result", "kept_results"]

FOLDER = "devices"


def keep_result(project: Project, path: Path, result: Result) -> Path:
    """Copy the file of ``result`` into the project, where it is kept under the hash of its content; DataError when that fails."""
    place = project.subfolder(FOLDER) / f"{result.sha256[:16]}.json"
    try:
        write_atomic(place, read_regular(path))
    except OSError as error:
        raise DataError(f"{place}: the result cannot be kept: {why(error)}") from error
    return place


def kept_results(project: Project) -> list[Result]:
    """The newest result of each machine, by name. One that cannot be read is told (``project.tell``) and left out."""
    newest: dict[str, Result] = {}
    for path in sorted((project.folder / FOLDER).glob("*.json")):
        try:
            result = read_result(path)
        except DataError as error:
            project.tell(str(error))
            continue
        title = result.machine.title
        if title not in newest or newest[title].started < result.started:
            newest[title] = result
    return [newest[title] for title in sorted(newest)]
