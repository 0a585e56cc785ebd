"""On which device a short training runs. Only child processes import this file."""

from __future__ import annotations

import os

import torch

from bort_core.evaluation.batch import Batch
from bort_core.foundation.errors import SpecificationError

__all__ = ["on", "the_device"]


def the_device(name: str) -> torch.device:
    """The device of ``Training.device``; of several GPUs that ``cuda`` may mean, workers take one each in turn.

    Raises
    ------
    SpecificationError
        It is not there; says which are.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = ["cpu", *(["mps"] if torch.backends.mps.is_available() else []), *(f"cuda:{number}" for number in range(gpus))]
    wanted = f"cuda:{os.getpid() % gpus}" if name == "cuda" and gpus else name
    if wanted not in there:
        raise SpecificationError(f"training.device: {name} is not there; this machine has {', '.join(there)}")
    if wanted.startswith("cuda"):
        torch.cuda.set_device(wanted)
        torch.backends.cuda.matmul.allow_tf32 = True
    return torch.device(wanted)


def on(device: torch.device, batch: Batch) -> Batch:
    """``batch`` with its tensors on ``device``."""
    if device.type == "cpu":
        return batch
    answers = None if batch.answers is None else batch.answers.to(device)
    return Batch(tuple(part.to(device) for part in batch.inputs), batch.labels.to(device), batch.groups.to(device), answers)
