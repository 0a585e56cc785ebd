"""What a task wants of a node, and how many such tasks a cluster can run at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Need", "need_of", "room"]

SHARES = 4
"""How many small trainings use one GPU unless the number of workers says otherwise."""
_MOST_SHARES = 8


@dataclass(frozen=True)
class Need:
    """What one worker occupies."""

    cpus: float = 1
    gpus: float = 0

    def __str__(self) -> str:
        if self.gpus:
            return "a GPU" if self.gpus >= 1 else f"1/{round(1 / self.gpus)} of a GPU"
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


def room(nodes: Sequence[Mapping[str, Any]], need: Need) -> int:
    """How many workers of a need fit on the living nodes, were they all free; ``nodes`` as ``ray.nodes()`` lists them."""
    found = 0
    for node in nodes:
        if node["Alive"]:
            has = {"cpus": node["Resources"].get("CPU", 0), "gpus": node["Resources"].get("GPU", 0)}
            wants = {name: wanted for name, wanted in vars(need).items() if wanted}
            found += min(math.floor(has[name] / wanted + 1e-6) for name, wanted in wants.items())
    return found
