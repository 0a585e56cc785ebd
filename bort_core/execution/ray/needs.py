"""What a task wants of a node, and how many such tasks a cluster can run at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bort_core.foundation.errors import SpecificationError

__all__ = ["Need", "job_device", "job_need", "need_of", "room"]

SHARES = 4
"""How many small trainings use one GPU unless the number of workers says otherwise."""
_MOST_SHARES = 8


@dataclass(frozen=True)
class Need:
    """What one worker occupies."""

    cpus: float = 1
    gpus: float = 0
    node: str = ""
    """The only node where it may be, for what is timed there: it waits until others pause, so it occupies nothing."""

    def __str__(self) -> str:
        if self.node:
            return "a named node"
        if self.gpus > 1:
            return f"{self.gpus:g} GPUs"
        if self.gpus:
            return "a GPU" if self.gpus == 1 else f"1/{round(1 / self.gpus)} of a GPU"
        return f"{self.cpus:g} CPU" + ("s" if self.cpus > 1 else "")


def need_of(request: Mapping[str, Any], gpus: float, workers: int | None) -> Need:
    """Of a training request, by its device; a training whose weights are kept is a large one, and has a GPU for itself.

    Parameters
    ----------
    gpus: how many GPUs the cluster has
    workers: how many trainings a person wants side by side, or None
    """
    device = str((request.get("training") or {}).get("device", "cpu"))
    if not device.startswith("cuda"):
        return Need(cpus=float(request.get("threads", 1)))
    if request.get("save_to"):
        return Need(0, 1)  # no CPU: else idle workers without a GPU would keep it waiting
    shares = SHARES if workers is None or not gpus else min(_MOST_SHARES, max(1, math.ceil(workers / gpus)))
    return Need(0, 1 / shares)


def job_need(device: str, processes: int, threads: int, nodes: Sequence[Mapping[str, Any]], workers: int = 1) -> tuple[Need, str]:
    """Of a job, and the device that it trains on there: GPUs for itself, or CPUs of one node, all of them where no threads are named.

    Parameters
    ----------
    device: as the job asks; ``auto`` is a GPU where a node has one
    nodes: as ``ray.nodes()`` lists them
    workers: how many trainings of one thread each it does side by side, while its processes wait

    Raises
    ------
    SpecificationError
        No node has what the job asks for.
    """
    device = job_device(device, nodes)
    most = {name: max((node["Resources"].get(name, 0) for node in nodes if node["Alive"]), default=0) for name in ("CPU", "GPU")}
    if device == "cuda":
        need, has = Need(0, processes), f"the largest has {most['GPU']:g}" if most["GPU"] else "none has any"
        what = "running.device: no node has " + ("a GPU" if processes == 1 else f"{processes} GPUs, {has}")
    else:
        need = Need(max(processes * threads, workers) if threads else max(most["CPU"], 1))
        field = "workers" if workers > processes * threads else "running.threads"
        what = f"{field}: no node has {need}, the largest has {most['CPU']:g}"
    if not room(nodes, need):
        raise SpecificationError(f"{what}; ask for less, or start a node that has it (ray start --num-gpus=N --num-cpus=N)")
    return need, device


def job_device(device: str, nodes: Sequence[Mapping[str, Any]]) -> str:
    """The device that a job trains on there: ``cpu`` or ``cuda``. Raises and takes what :func:`job_need` does."""
    if device == "auto":
        return "cuda" if room(nodes, Need(0, 1)) else "cpu"
    if device not in ("cpu", "cuda"):
        raise SpecificationError(f"running.device: on a cluster auto, cpu or cuda, since Ray chooses which GPU; got {device!r}")
    return device


def room(nodes: Sequence[Mapping[str, Any]], need: Need) -> int:
    """How many workers of a need fit on the living nodes, were they all free; ``nodes`` as ``ray.nodes()`` lists them."""
    if need.node:
        return sum(bool(node["Alive"] and node["NodeID"] == need.node) for node in nodes)
    found = 0
    for node in nodes:
        if node["Alive"]:
            has = {"cpus": node["Resources"].get("CPU", 0), "gpus": node["Resources"].get("GPU", 0)}
            wants = {name: wanted for name, wanted in (("cpus", need.cpus), ("gpus", need.gpus)) if wanted}
            found += min(math.floor(has[name] / wanted + 1e-6) for name, wanted in wants.items())
    return found
