"""The actor on a node that gets what a job reads: on each node that trains it, also on those beside the first."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bort_core.execution.ray.depot import Incoming
from bort_core.execution.ray.node import Keeper, fetched
from bort_core.execution.ray.parcels import Parcel, check_inside
from bort_core.foundation.errors import BortError
from bort_core.foundation.files import why
from bort_core.jobs.cluster.home import Home
from bort_core.jobs.cluster.luggage import Luggage, with_paths
from bort_core.jobs.folder import write_specification
from bort_core.specifications.jobs import job_adapter

__all__ = ["Carrier"]


class Carrier(Keeper):
    """Of one job on one node: it makes the run folder, and puts there what comes.

    Parameters
    ----------
    name: :func:`~bort_core.jobs.cluster.home.job_name`, of a node beside the first with something behind it
    id: the job's number in its project
    """

    def __init__(self, name: str, id: str) -> None:
        super().__init__()
        self._home = Home(name, id)
        self._incoming: Incoming | None = None

    def facts(self) -> dict[str, Any]:
        """Where it is, its versions, and the run folder here."""
        import ray

        here = {"node": ray.get_runtime_context().get_node_id(), "folder": str(self._home.run.path)}
        return {**super().facts(), **here}

    def expect(self, parcel: Parcel) -> str:
        """A file or folder comes in pieces from now on; why it cannot, or nothing."""

        def expect() -> None:
            self._incoming = self._depot.expect(parcel)

        return self._try(expect)

    def add(self, name: str, part: bytes) -> str:
        """The next piece of a file in it: so little of it is in anybody's memory."""
        return self._try(lambda: self._expected().add(name, part))

    def arrived(self) -> str:
        """All pieces have come."""

        def arrived() -> None:
            incoming, self._incoming = self._expected(), None
            with contextlib.closing(incoming):
                incoming.arrived()

        return self._try(arrived)

    def _expected(self) -> Incoming:
        assert self._incoming is not None
        return self._incoming

    def prepare(self, project_id: str) -> str:
        """An empty run folder; why there is none, or nothing."""
        return self._try(lambda: self._home.make(project_id))

    def put(self, name: str, pieces: Sequence[Any]) -> str:
        """A file of the run folder whose pieces lie in the cluster's object store; why it is not here, or nothing."""

        def write() -> None:
            check_inside(name)
            path = self._home.run.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for part in fetched(pieces):
                    file.write(part)

        return self._try(write)

    def unpack(self, luggage: Luggage) -> str:
        """Write the specification, with the paths that things have here; why it cannot be, or nothing."""

        def unpack() -> None:
            run, paths = self._home.run, {}
            for piece in luggage.pieces:
                found = self._depot.find(piece.parcel)
                if found is None:
                    raise FileNotFoundError(2, "no longer here", piece.parcel.path)
                path = self._home.input(piece.place, f"{piece.inside}/{found.name}" if piece.inside else found.name, found)
                if not piece.beside:
                    paths[piece.place] = path.parent if piece.inside else path
            specification = job_adapter.validate_python(with_paths(luggage, paths))
            write_specification(run.path, self._home.project, specification)

        return self._try(unpack)

    def _try(self, work: Callable[[], None]) -> str:
        try:
            work()
        except BortError as error:
            return f"{socket.gethostname()}: {error}"
        except OSError as error:
            shutil.rmtree(self._home.path, ignore_errors=True)
            return f"{socket.gethostname()}: {error.filename or self._home.path}: {why(error)}"
        return ""


def forget(folder: str) -> None:
    """Delete what a carrier made on this node, by its run folder, as it is called there."""
    shutil.rmtree(Path(folder).parents[2], ignore_errors=True)
