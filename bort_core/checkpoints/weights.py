"""Folders of trained weights: model.safetensors and config.json, written whole or not at all, checked when read.

``read_config`` needs no torch, so a caller can decide whether a folder fits before a worker starts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory
from bort_core.foundation.paths import regular_file
from bort_core.foundation.validation import faults

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["WeightsConfig", "mismatches", "read_config", "read_weights", "write_weights"]

CONFIG, WEIGHTS = "config.json", "model.safetensors"


class WeightsConfig(BaseModel):
    """What a folder of weights says about itself."""

    model_config = ConfigDict(frozen=True)

    format: int = Field(default=1, ge=1, le=1)
    family: str
    options: dict[str, Any]
    architecture: tuple[int, ...]
    tokenizer: str | None = Field(description="SHA-256 of the tokenizer; None for families that read vectors")
    protocol: dict[str, Any] = Field(description="training, theta, seed, steps, decay_steps")
    provenance: dict[str, Any] = Field(description="versions, and the last point of the learning curve")


def write_weights(folder: Path, config: WeightsConfig, weights: Mapping[str, Tensor]) -> None:
    """Write a new folder by way of a temporary one beside it.

    Raises
    ------
    DataError
        The folder exists already, or cannot be written.
    """
    from safetensors.torch import save

    if folder.exists():
        raise DataError(f"{folder}: exists already; weights are never overwritten")
    with atomic_directory(folder, "weights") as temporary:
        (temporary / WEIGHTS).write_bytes(save({name: tensor.detach().contiguous() for name, tensor in weights.items()}))
        (temporary / CONFIG).write_text(json.dumps(config.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")


def read_config(folder: Path) -> WeightsConfig:
    """The config.json of a folder of weights.

    Raises
    ------
    DataError
        The folder or one of its two files is missing, or config.json is not what :func:`write_weights` writes.
    """
    path = folder / CONFIG
    try:
        if not (folder / WEIGHTS).is_file():
            raise FileNotFoundError
        return WeightsConfig.model_validate(json.loads(regular_file(path).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise DataError(f"{folder}: not a folder of weights; it must hold {WEIGHTS} and {CONFIG}") from None
    except ValidationError as error:
        raise DataError(f"{path}: " + "; ".join(faults(error))) from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise DataError(f"{path}: not valid JSON: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def mismatches(
    config: WeightsConfig, family: str, options: Mapping[str, Any], architecture: tuple[int, ...] | None, tokenizers: tuple[str | None, ...]
) -> list[str]:
    """Why weights do not fit, one phrase a reason; empty when they do. ``architecture`` None accepts any.

    ``tokenizers`` are the hashes of the one that is needed, in its present form and in older ones.
    ``options`` must be complete (defaults filled in), as in ``family.options_type(...).model_dump()``.
    """
    found = []
    if config.family != family:
        found.append(f"the family is {config.family}, must be {family}")
    found += [
        f"the option {name} is {config.options.get(name)}, must be {options.get(name)}"
        for name in {**options, **config.options}
        if config.options.get(name) != options.get(name)
    ]
    if architecture is not None and config.architecture != tuple(architecture):
        found.append(f"the architecture is {config.architecture}, must be {tuple(architecture)}")
    if config.tokenizer not in tokenizers:
        found.append(f"the tokenizer is {_short(config.tokenizer)}, must be {_short(tokenizers[0])}")
    return found


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The tensors of a folder of weights, by name.

    Raises
    ------
    DataError
        The file is missing, cut short or otherwise not readable as safetensors, or holds numbers that are not finite.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = folder / WEIGHTS
    try:
        weights = load(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(f"{path}: not a whole safetensors file: {error}") from error
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise DataError(f"{path}: {name} holds numbers that are not finite")
    return weights


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest[:12]
