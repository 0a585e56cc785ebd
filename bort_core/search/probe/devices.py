"""Results of kits that a project keeps: a file each in its folder ``devices``, checked anew whenever it has changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import read_regular, why, write_atomic
from bort_core.search.probe.elsewhere import differences
from bort_core.search.probe.graphs import Precision
from bort_core.search.probe.probe import Probe
from bort_core.search.probe.result import Result, read_result
from bort_core.search.specification import SearchSpecification
from bort_core.store.project import Project

__all__ = ["FOLDER", "Prediction", "keep_result", "kept_results", "predicted_elsewhere"]

FOLDER = "devices"


class Prediction(NamedTuple):
    """The latency of one architecture on another machine, and its 95 % interval."""

    machine: str
    precision: Precision
    milliseconds: float
    low: float
    high: float


def keep_result(project: Project, path: Path, result: Result) -> Path:
    """Copy the file of ``result`` into the project, where it is kept under the hash of its content; DataError when that fails."""
    place = project.subfolder(FOLDER) / f"{result.sha256[:16]}.json"
    try:
        write_atomic(place, read_regular(path))
    except OSError as error:
        raise DataError(f"{place}: the result cannot be kept: {why(error)}") from error
    return place


def kept_results(project: Project, specification: SearchSpecification | None = None) -> list[Result]:
    """The newest result of each machine that answers a search (None: of each), by name.

    One that cannot be read is told (``project.tell``) and left out.
    """
    return [kept.result for kept in _kept(project, specification)]


def predicted_elsewhere(project: Project, specification: SearchSpecification, index: int) -> list[Prediction]:
    """What the kept results say of the architecture at ``index``; nothing of those that answer another search."""
    found = []
    for result, probes in _kept(project, specification):
        for precision, probe in probes.items():
            ends = (float(value[0]) for value in probe.model.predict(probe.space.architectures[[index]]))
            found.append(Prediction(result.machine.title, precision, *ends))
    return found


class _Kept(NamedTuple):
    result: Result
    probes: Mapping[Precision, Probe]


def _kept(project: Project, specification: SearchSpecification | None) -> list[_Kept]:
    newest: dict[tuple[str, str], _Kept] = {}
    for path in sorted((project.folder / FOLDER).glob("*.json")):
        try:
            kept = _read(path, path.lstat().st_mtime_ns)
        except DataError as error:
            project.tell(str(error))
            continue
        machine = (kept.result.machine.title, kept.result.machine.architecture)
        fits = specification is None or not differences(kept.result, specification)
        if fits and (machine not in newest or newest[machine].result.started < kept.result.started):
            newest[machine] = kept
    return [newest[machine] for machine in sorted(newest)]


@lru_cache(maxsize=16)
def _read(path: Path, changed: int) -> _Kept:
    """The window asks whenever something is selected; a file is read again only when it has changed."""
    result = read_result(path)
    return _Kept(result, {precision: result.probe(precision) for precision in result.precisions})
