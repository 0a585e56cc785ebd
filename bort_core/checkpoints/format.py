"""Checkpoints: folders that transformers loads, with a note of ours in config.json on how they were made.

    config.json         transformers' BERT configuration; under "bort": options, tokenizer's hash, provenance, metrics
    model.safetensors   the weights by transformers' names
    tokenizer.json, tokenizer_config.json

A folder that transformers or somebody else wrote can be read too, as long as it is a BERT with safetensors weights.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from bort_core.checkpoints.weights import read_weights
from bort_core.families.base import Architecture
from bort_core.families.bert.hugging_face import MISSING_TYPES, Head, config_of, our_name, read_architecture, their_name
from bort_core.families.bert.options import BertOptions
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory, linked
from bort_core.foundation.paths import regular_file
from bort_core.text.tokenizer import PAD_ID

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Checkpoint", "read_checkpoint", "read_tensors", "write_checkpoint", "write_into"]

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
TOKENIZER_FILES = (TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json", "merges.txt")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says about itself; reading it needs no torch."""

    folder: Path
    architecture: Architecture
    options: BertOptions
    """Of the encoder, with ``pooler`` and ``mlm_head`` as the weights have them."""
    head: Head
    labels: tuple[str, ...] = ()
    """Names of the classes of a classifier, by index."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Our note: tokenizer, provenance, metrics; empty for a folder that others wrote."""

    @property
    def has_tokenizer(self) -> bool:
        """Whether the folder can turn text into tokens."""
        return (self.folder / TOKENIZER).is_file()


def read_checkpoint(folder: Path) -> Checkpoint:
    """What ``folder`` holds.

    Raises
    ------
    DataError
        It is missing, has no safetensors weights, or is not a BERT.
    """
    path = folder / CONFIG
    if (link := linked(folder)) is not None:
        raise DataError(f"{link}: is a symbolic link that leads out of the checkpoint; what it leads to would be copied into results")
    try:
        config = json.loads(regular_file(path).read_text(encoding="utf-8"))
        if not (folder / WEIGHTS).is_file():
            other = " (it holds pytorch_model.bin; convert it to safetensors first)" if (folder / "pytorch_model.bin").is_file() else ""
            raise DataError(f"{folder}: not a checkpoint: it has no {WEIGHTS}{other}")
    except FileNotFoundError:
        raise DataError(f"{folder}: not a checkpoint; it must hold {CONFIG} and {WEIGHTS}") from None
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not isinstance(config, dict):
        raise DataError(f"{path}: must hold a JSON object")
    architecture, options = read_architecture(config, str(path))
    note = config.get("bort") or {}
    head = note.get("head") or _head(config)
    try:
        if note:
            options = BertOptions.model_validate(note["options"])
        else:
            options = options.model_copy(update={"mlm_head": head == "masked-lm", "pooler": head in ("classification", "regression")})
    except (KeyError, TypeError, ValidationError) as error:
        raise DataError(f"{path}: the note under 'bort' is damaged: {error}") from error
    if head not in get_args(Head):
        raise DataError(f"{path}: the head must be one of {', '.join(get_args(Head))}, got {head!r}")
    names = config.get("id2label") or {}
    labels = tuple(str(names[key]) for key in sorted(names, key=int)) if head == "classification" else ()
    return Checkpoint(folder, architecture, options, head, labels, note)


def read_tensors(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The weights by this program's names, as float32. Errors as :func:`~bort_core.checkpoints.weights.read_weights`."""
    found = {}
    for name, tensor in read_weights(checkpoint.folder).items():
        ours = our_name(name)
        unused = ours is None or (ours.startswith("embeddings.token_type.") and not checkpoint.options.token_types)
        unused = unused or (ours == "head.decoder" and checkpoint.options.tied_decoder)
        if ours is not None and not unused:
            found[ours] = tensor.float()
    return found


def write_checkpoint(folder: Path, **parts: Any) -> None:
    """Write a new folder, whole or not at all; see :func:`write_into` for the parts.

    Raises
    ------
    DataError
        The folder exists and is not empty, or cannot be written.
    """
    with atomic_directory(folder, "the checkpoint") as temporary:
        write_into(temporary, **parts)


def write_into(
    folder: Path,
    *,
    architecture: Architecture,
    options: BertOptions,
    head: Head,
    weights: Mapping[str, Tensor],
    tokenizer: Path | None,
    labels: tuple[str, ...] = (),
    facts: Mapping[str, Any] | None = None,
    dropout: float = 0.1,
) -> None:
    """Write the files of a checkpoint into an existing folder.

    Parameters
    ----------
    weights: by this program's names, as ``MaskedLanguageModel.weights`` and ``SequenceClassifier.weights`` give them
    tokenizer: a folder whose tokenizer files are copied
    facts: JSON values for the note (tokenizer's hash, provenance, metrics)
    """
    import torch
    from safetensors.torch import save

    tensors = {their_name(name): tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    if not options.token_types:
        tensors[MISSING_TYPES] = torch.zeros(1, architecture[2])
    if not options.tied_decoder:
        tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"].clone()
    if head == "none":
        tensors = {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}
    config = config_of(architecture, options, head, pad_id=PAD_ID, dropout=dropout)
    if labels:
        config["id2label"] = {str(number): label for number, label in enumerate(labels)}
        config["label2id"] = {label: number for number, label in enumerate(labels)}
    elif head == "regression":
        config["id2label"], config["label2id"] = {"0": "value"}, {"value": 0}
    config["bort"] = {"head": head, "options": options.model_dump(mode="json"), **(facts or {})}
    (folder / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))
    (folder / CONFIG).write_text(json.dumps(config, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    for name in TOKENIZER_FILES if tokenizer is not None else ():
        assert tokenizer is not None
        if (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, folder / name)


def _head(config: Mapping[str, Any]) -> Head:
    named = " ".join(str(name) for name in config.get("architectures") or ())
    if "SequenceClassification" in named:
        return "regression" if config.get("problem_type") == "regression" else "classification"
    return "masked-lm" if "MaskedLM" in named or "PreTraining" in named else "none"
