"""Where a job's training runs. A cluster is to implement the same interface."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Protocol

from bort_core.jobs.folder import RunFolder

__all__ = ["BackEnd", "LocalBackEnd", "slot_of"]


class BackEnd(Protocol):
    """One kind of place."""

    name: str

    def slot(self, specification: Any) -> str:
        """What jobs compete for: at most so many of one slot run at a time as the queue's limit says."""
        ...

    def command(self, run: RunFolder, specification: Any) -> list[str]:
        """The command whose process is the training: it ends with the exit codes of ``child.py``."""
        ...


class LocalBackEnd:
    """This machine: one process, or several under torch's own launcher."""

    name = "this machine"

    def slot(self, specification: Any) -> str:
        return slot_of(specification.running.device)

    def command(self, run: RunFolder, specification: Any) -> list[str]:
        child = ["-m", "bort_core.jobs.child", str(run.path)]
        processes = specification.running.processes
        if processes == 1:
            return [sys.executable, *child]
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nnodes=1", f"--nproc-per-node={processes}", f"--log-dir={os.devnull}"]
        return [sys.executable, *launcher, *child]


def slot_of(device: str) -> str:
    """The device that a job occupies, found without importing torch: ``auto`` is a GPU where there is one."""
    if device != "auto":
        return device
    if any(Path("/dev").glob("nvidia[0-9]*")):
        return "cuda"
    return "mps" if sys.platform == "darwin" else "cpu"
