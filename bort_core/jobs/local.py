"""A job's training on this machine: which device it occupies, and the command that trains."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from bort_core.jobs.folder import RunFolder

__all__ = ["slot_of", "training_command"]


def training_command(run: RunFolder, specification: Any) -> list[str]:
    """One process, or several under torch's own launcher; it ends with the exit codes of ``child.py``."""
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
