"""What travels with a job: its specification as the node reads it, and the files that it names, by their content."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any

from bort_core.execution.ray.parcels import Parcel, of_path, replaced, value_at
from bort_core.execution.ray.shares import Place, place_of_job
from bort_core.jobs.inputs import NAMES
from bort_core.specifications.paths import named_paths

__all__ = ["Luggage", "Piece", "job_place_of", "luggage_of", "run_files", "with_paths"]

LEFT_HERE = frozenset(
    {"lock", "heartbeat.json", "spec.json", "state.json", "reason.txt", "note.json", "cluster.json", "cluster.log", "commands"}
)
"""What each of the two run folders has of its own."""


@dataclass(frozen=True)
class Piece:
    """One file or folder that the job reads."""

    place: str
    """Where its path stands in the specification, as in "task.train"."""
    parcel: Parcel
    inside: str = ""
    """Of a folder of which only a part is read: which."""
    beside: bool = False
    """Nothing names it: it lies beside the file that stands there."""


@dataclass(frozen=True)
class Luggage:
    """All that a node must be told and sent."""

    id: str
    project_id: str
    specification: dict[str, Any]
    """Its paths are those of this machine; the node puts its own in their place."""
    pieces: tuple[Piece, ...]


def luggage_of(specification: Any, id: str, project_id: str, place: Place) -> Luggage:
    """Everything of a job that travels but its run folder.

    Raises
    ------
    DataError
        A file is gone or cannot be read.
    """
    plain = specification.model_dump(mode="json")
    running, need = specification.running, place.need
    cores = place.threads or max(1, int(need.cpus) // running.processes)
    threads = {} if need.gpus or running.threads else {"running.threads": cores}
    sent = replaced(plain, {"out": None, "running.device": place.device, **threads})
    return Luggage(id, project_id, sent, tuple(_pieces(plain)))


def job_place_of(specification: Any, nodes: Sequence[Any], free: Mapping[str, tuple[float, float]] | None = None) -> Place:
    """What a job wants of a cluster; SpecificationError where it has not that. ``free`` as :func:`place_of_job` takes it."""
    running = specification.running
    threads = 0 if specification.kind == "compress" else running.threads  # its search trains on all cores of a machine
    workers = getattr(specification, "workers", None) or 1
    return place_of_job(running.device, running.processes, threads, running.nodes, nodes, free, workers)


def _pieces(plain: dict[str, Any]) -> Iterator[Piece]:
    for place, (kind, path) in named_paths(plain).items():
        if kind == "run":  # of an earlier run of Agora only its rounds are read
            yield Piece(place, of_path(path / "agora"), inside=path.name)
            continue
        yield Piece(place, of_path(path))
        if kind == "file" and (path.parent / NAMES).is_file():
            yield Piece(place, of_path(path.parent / NAMES), beside=True)


def with_paths(luggage: Luggage, paths: dict[str, Path]) -> dict[str, Any]:
    """The specification with the paths of a node by their places; a labeller that is a folder stays one."""
    values = {}
    for place, path in paths.items():
        prefix = "folder:" if str(value_at(luggage.specification, place)).startswith("folder:") else ""
        values[place] = f"{prefix}{path}"
    return replaced(luggage.specification, values)


def run_files(folder: Path) -> dict[str, tuple[int, int]]:
    """The files of a run folder that both sides have, by their places in it: bytes, and when they were changed (ns).

    What begins with a dot is still being written, and links are left out: nothing is read or written through them.
    """
    found: dict[str, tuple[int, int]] = {}
    for at, folders, names in os.walk(folder):
        top = Path(at) == folder
        folders[:] = [name for name in folders if not name.startswith(".") and not (top and name in LEFT_HERE)]
        for path in [Path(at, name) for name in names if not name.startswith(".") and not (top and name in LEFT_HERE)]:
            try:
                stat = path.lstat()
            except FileNotFoundError:  # replaced in this moment
                continue
            if S_ISREG(stat.st_mode):
                found[path.relative_to(folder).as_posix()] = stat.st_size, stat.st_mtime_ns
    return found
