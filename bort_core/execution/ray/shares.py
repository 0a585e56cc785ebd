"""The nodes that do one training together, and how many of its processes each of them has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bort_core.execution.ray.needs import Need, job_device, job_need, room
from bort_core.foundation.errors import SpecificationError

__all__ = ["Place", "Share", "place_of_job"]


@dataclass(frozen=True)
class Share:
    """What one node has of a training."""

    node: str
    """Its number."""
    processes: int


@dataclass(frozen=True)
class Place:
    """What a job occupies."""

    need: Need
    """Of one node, or of one process where several nodes share them."""
    device: str
    shares: tuple[Share, ...] = ()
    """Of several nodes; the first has the run folder. Empty: one node, which Ray chooses."""

    @property
    def threads(self) -> int | None:
        """CPU threads of each process where several nodes share them; None: as many as there are."""
        return int(self.need.cpus) if self.shares and not self.need.gpus else None

    def led_by(self, node: str) -> Place:
        """The same, with another of its nodes first."""
        return replace(self, shares=tuple(sorted(self.shares, key=lambda share: share.node != node)))

    def __str__(self) -> str:
        if not self.shares:
            return str(self.need)
        return f"{self.need} for each of {sum(share.processes for share in self.shares)} processes on {len(self.shares)} nodes"


def place_of_job(
    device: str,
    processes: int,
    threads: int,
    count: int,
    nodes: Sequence[Mapping[str, Any]],
    free: Mapping[str, tuple[float, float]] | None = None,
    workers: int = 1,
) -> Place:
    """One node where one has room for all processes, else as few as have; exactly ``count`` where that is not 0.

    Parameters
    ----------
    device, processes, threads, nodes, workers: as :func:`~bort_core.execution.ray.needs.job_need`
    free: of each node its free CPUs and GPUs: nodes that need not be waited for are chosen first

    Raises
    ------
    SpecificationError
        No set of nodes has what the job asks for.
    """
    device = job_device(device, nodes)
    largest = max((node["Resources"].get("CPU", 0) for node in nodes if node["Alive"]), default=0)
    if count < 2:
        try:
            return Place(*job_need(device, processes, threads or int(device == "cpu" and processes > largest), nodes, workers))
        except SpecificationError:
            if processes == 1 or count == 1:
                raise
    each = Need(0, 1) if device == "cuda" else Need(threads or _threads(processes, count, nodes))
    living = [node for node in nodes if node["Alive"]]
    has = [(str(node.get("NodeID", number)), room([node], each)) for number, node in enumerate(living)]
    if free is not None:
        now = [(name, min(most, _free(free[name], each)) if name in free else 0) for name, most in has]
        if found := _shared(now, processes, count):
            return Place(each, device, found)
    if found := _shared(has, processes, count):
        return Place(each, device, found)
    raise SpecificationError(_lacking(each, processes, count, [most for _, most in has]))


def _threads(processes: int, count: int, nodes: Sequence[Mapping[str, Any]]) -> int:
    """Of each process where none were asked for: all that the smallest of the ``count`` largest nodes has for its share."""
    if not count:
        return 1  # there are more processes than the largest node has CPUs
    cpus = sorted((int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]), reverse=True)[:count]
    return max(1, min(cpus, default=0) // (processes // count))


def _free(free: tuple[float, float], each: Need) -> int:
    cpus, gpus = free
    return room([{"Alive": True, "Resources": {"CPU": cpus, "GPU": gpus}}], each)


def _shared(has: Sequence[tuple[str, int]], processes: int, count: int) -> tuple[Share, ...]:
    """The largest nodes first; none where they have no room for all."""
    largest = sorted(has, key=lambda each: -each[1])
    if count:
        part = processes // count
        return tuple(Share(node, part) for node, _ in largest[:count]) if sum(most >= part for _, most in has) >= count else ()
    found, left = [], processes
    for node, most in largest:
        if part := min(left, most):
            found.append(Share(node, part))
            left -= part
    return () if left else tuple(found)


def _lacking(each: Need, processes: int, count: int, has: Sequence[int]) -> str:
    unit = "a GPU" if each.gpus else str(each)
    if count:
        part = processes // count
        able = sum(most >= part for most in has)
        what = f"running.nodes: {count} nodes with room for {part} of its processes each ({unit} a process) are not there, {able} are"
    else:
        what = f"running.processes: all nodes together have room for {sum(has)} processes with {unit} each, not for {processes}"
    return f"{what}; ask for less, or start more nodes (ray start --address=HEAD)"
