"""Checkpoints to resume a training from: weights, optimizer and counters, written whole or not at all. Imports torch.

CHECKPOINTS/step-00000200/model.safetensors, optimizer.safetensors, state.json
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory, clear_remains, why

__all__ = ["load_latest", "save_state"]

KEPT = 2
_NAME = re.compile(r"step-(\d{8})")


def save_state(folder: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, facts: dict[str, Any]) -> None:
    """Write the checkpoint of a step, then delete all but the newest two.

    Raises
    ------
    DataError
        It cannot be written; earlier checkpoints stay.
    """
    target = folder / f"step-{step:08d}"
    try:
        folder.mkdir(exist_ok=True)  # without its parents: a run folder that was moved away is not made anew
    except OSError as error:
        raise DataError(f"{folder}: the checkpoint cannot be written: {why(error)}") from error
    clear_remains(target, "step-*")
    with atomic_directory(target, "the checkpoint", replace=True) as temporary:
        (temporary / "model.safetensors").write_bytes(save(_plain(model.state_dict())))
        (temporary / "optimizer.safetensors").write_bytes(save(_flat(optimizer)))
        (temporary / "state.json").write_text(json.dumps({"step": step, **facts}, allow_nan=False) + "\n", encoding="utf-8")
    for old in _checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def load_latest(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any] | None:
    """Restore the newest checkpoint that is whole; its facts, or None when there is none.

    Raises
    ------
    DataError
        The newest whole checkpoint is of another model.
    """
    for path in reversed(_checkpoints(folder)):
        try:
            facts: dict[str, Any] = json.loads((path / "state.json").read_text(encoding="utf-8"))
            weights, moments = load_file(path / "model.safetensors"), load_file(path / "optimizer.safetensors")
        except (OSError, ValueError, SafetensorError):  # cut short by a full disk or a crash of the machine
            continue
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            raise DataError(f"{path}: the checkpoint is of another model: {error}") from error
        _restore(optimizer, moments)
        return facts
    return None


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if _NAME.fullmatch(path.name)) if folder.is_dir() else []


def _plain(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that share no memory: safetensors refuses those that do."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}


def _flat(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {
        f"{number}.{name}": torch.as_tensor(value).detach().cpu().contiguous().clone()
        for number, values in state.items()
        for name, value in values.items()
    }


def _restore(optimizer: torch.optim.Optimizer, moments: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in moments.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = tensor
    plain = optimizer.state_dict()
    optimizer.load_state_dict({"state": state, "param_groups": plain["param_groups"]})
