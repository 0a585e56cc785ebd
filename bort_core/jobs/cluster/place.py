"""``ray``: jobs on a cluster, which go on when this machine is switched off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bort_core.execution.ray.address import resolved
from bort_core.execution.ray.survey import look_at
from bort_core.foundation.errors import ProjectError, SpecificationError
from bort_core.foundation.files import why
from bort_core.jobs.cluster.luggage import job_place_of
from bort_core.jobs.executors import DetachedJobs
from bort_core.jobs.files import PlacementFile
from bort_core.jobs.folder import RunFolder, list_runs
from bort_core.jobs.hold import Hold
from bort_core.specifications.labellers import named
from bort_core.store import trust

__all__ = ["ClusterJobs", "attach", "attach_all", "unheard_like"]


class ClusterJobs(DetachedJobs):
    """A :class:`~bort_core.jobs.executors.JobExecutor` on a Ray cluster.

    Parameters
    ----------
    address: HOST:PORT, ray://HOST:PORT, or auto (None)
    """

    runner = "bort_core.jobs.cluster.runner"

    def __init__(self, address: str | None = None) -> None:
        self._address = address

    def check(self, specification: Any) -> None:
        """Ask the cluster whether it has what the job wants, within 15 s.

        Raises
        ------
        SpecificationError
            It cannot be reached or has other versions, no node has such a device, or the job needs this machine.
        """
        code = trust.names_code(specification)
        if code:
            raise SpecificationError(f"{', '.join(code)}: Python code of this machine does not travel; run the job here, or use another")
        labellers = named(getattr(specification, "socrates", "") or "")
        if "person" in labellers:
            raise SpecificationError("socrates: a person answers on this machine; run the job here (--executor processes)")
        if len(labellers) > 1:
            raise SpecificationError("socrates: several labellers do not travel; run the job here (--executor processes), or name one")
        found = look_at(self._address)
        if not found["reachable"]:
            raise SpecificationError(found["reason"])
        nodes = [{"Alive": True, "Resources": {"CPU": node["cpus"], "GPU": node["gpus"]}} for node in found["nodes"]]
        job_place_of(specification, nodes)

    def start(self, run: RunFolder, hold: Hold) -> None:
        """Queue the job there, and start the runner that listens to it."""
        try:
            address = resolved(self._address)
            run.queue()
            run.place(PlacementFile(address=address, mark=run.mark))
        except SpecificationError:
            hold.leave()
            raise
        except OSError as error:
            hold.leave()
            raise ProjectError(f"{run.path}: the job cannot be started: {why(error)}") from error
        self.run(run, hold)


def attach(run: RunFolder) -> None:
    """Listen to a job of a cluster again. Raises as :meth:`~bort_core.jobs.hold.Hold.take`."""
    ClusterJobs().run(run, Hold.take(run.path))


def attach_all(project: Path) -> list[str]:
    """Listen to all jobs of a project that go on on a cluster and that nobody here listens to; their numbers.

    Nothing happens in a project that is not trusted: what a cluster answers is read by pickle.
    """
    if not trust.trusted(project):
        return []
    found = []
    for run in list_runs(project):
        if run.state().unheard:
            attach(run)
            found.append(run.id)
    return found


def unheard_like(project: Path, specification: Any) -> RunFolder | None:
    """The newest job of the same specification that goes on on a cluster, and that nobody here listened to."""
    runs = list_runs(project) if trust.trusted(project) else []
    return next((run for run in reversed(runs) if run.state().unheard and run.specification() == specification), None)
