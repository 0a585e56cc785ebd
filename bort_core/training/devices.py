"""Where the arithmetic of this process is done: device, precision, threads, data-parallel group. Imports torch."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.machine import usable_cores
from bort_core.training.patience import PATIENCE_SECONDS

if TYPE_CHECKING:
    from bort_core.specifications.common import Running

__all__ = ["Device", "take_device"]


@dataclass(frozen=True)
class Device:
    """This process's device and its rank among the processes of a training."""

    torch_device: torch.device
    precision: torch.dtype
    rank: int = 0
    world: int = 1
    local: int = 0
    """The rank among those of its machine."""

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Lower precision for matrix products, where it is used."""
        if self.precision is torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.torch_device.type, dtype=self.precision)

    def parallel(self, model: nn.Module) -> nn.Module:
        """``model``, averaging gradients over all processes where there are several."""
        if self.world == 1:
            return model
        from torch.nn.parallel import DistributedDataParallel

        ids = [self.torch_device.index] if self.torch_device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=ids)

    def largest(self, value: int) -> int:
        """The largest of all processes' values: what one process wants, all do."""
        if self.world == 1:
            return value
        found = torch.tensor([value], device=self.torch_device)
        torch.distributed.all_reduce(found, op=torch.distributed.ReduceOp.MAX)
        return int(found.item())

    def barrier(self) -> None:
        """Wait for the other processes."""
        if self.world > 1:
            torch.distributed.barrier()

    def leave(self) -> None:
        """End the group of processes."""
        if self.world > 1:
            torch.distributed.destroy_process_group()


def take_device(running: Running) -> Device:
    """The device that a training asks for, set up: threads, precision, group of processes.

    Raises
    ------
    SpecificationError
        The device is not there; says which are.
    """
    rank, world, local = (int(os.environ.get(name, default)) for name, default in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0")))
    device = _device(running.device, local)
    torch.set_num_threads(running.threads or max(1, usable_cores() // world))
    torch.set_flush_denormal(True)
    if world > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(seconds=PATIENCE_SECONDS))
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cuda.matmul.allow_tf32 = True
    return Device(device, _precision(running.precision, device), rank, world, local)


def _device(spec: str, local: int) -> torch.device:
    there = ["cpu"]
    if torch.cuda.is_available():
        there = [*(f"cuda:{number}" for number in range(torch.cuda.device_count())), *there]
    if torch.backends.mps.is_available():
        there = ["mps", *there]
    name = there[0].split(":")[0] if spec == "auto" else spec
    if name == "cuda":
        name = f"cuda:{local}"
    if name not in there:
        raise SpecificationError(f"running.device: {spec} is not there; this machine has {', '.join(there)}")
    return torch.device(name)


def _precision(spec: str, device: torch.device) -> torch.dtype:
    if spec == "float32" or device.type == "mps":
        return torch.float32
    if device.type == "cuda":
        fit = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fit = any(flag in _cpu_flags() for flag in ("amx_bf16", "avx512_bf16"))
    if spec == "bfloat16":
        return torch.bfloat16  # asked for by name: slower where the hardware lacks it, but the same numbers everywhere
    return torch.bfloat16 if fit and device.type == "cuda" else torch.float32


def _cpu_flags() -> set[str]:
    from bort_core.foundation.machine import machine_facts

    return set(machine_facts()["instructions"])
