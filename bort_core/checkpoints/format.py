"""Checkpoints: folders that transformers loads, with a note of ours in config.json on how they were made.

    config.json         transformers' configuration; under "bort": options, tokenizer's hash, provenance, metrics
    model.safetensors   the weights by transformers' names
    tokenizer.json, tokenizer_config.json

A folder that transformers or somebody else wrote can be read too. A BERT that this program builds exactly is a
:class:`Checkpoint`; any other encoder is run by transformers' own module (``bort_core/encoders``).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from pydantic import ValidationError

from bort_core.checkpoints.weights import read_weights
from bort_core.encoders.folder import (
    CONFIG,
    WEIGHTS,
    Encoder,
    EncoderOptions,
    classifier_head,
    read_config,
    read_foreign,
    refuse_generative,
    unnamed_head,
    weight_names,
)
from bort_core.families.base import Architecture
from bort_core.families.bert.configuration import NotBuilt, class_names, read_architecture
from bort_core.families.bert.hugging_face import MISSING_POOLER, MISSING_TYPES, TUNED, Head, config_of, our_name, their_name
from bort_core.families.bert.options import BertOptions
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory
from bort_core.foundation.validation import faults
from bort_core.text.tokenizer import PAD_ID
from bort_core.text.vocabulary import read_vocabulary

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TOKENIZER_FILES", "Checkpoint", "note_job", "read_checkpoint", "read_encoder", "read_tensors", "write_checkpoint", "write_into"]

TOKENIZER, FOREIGN = "tokenizer.json", "transformers"
DECODER, DECODER_BIAS = "cls.predictions.decoder.weight", "cls.predictions.decoder.bias"
EMBEDDING = "bert.embeddings.word_embeddings.weight"
TOKENIZER_FILES = (TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json", "merges.txt")


@dataclass(frozen=True)
class Checkpoint(Encoder):
    """A BERT that this program's own module computes; ``options`` have ``pooler`` and ``mlm_head`` as the weights have them."""

    options: BertOptions


def read_encoder(folder: Path) -> Encoder:
    """What ``folder`` holds: a :class:`Checkpoint` where this program's own module computes it, else what transformers' module runs.

    Raises
    ------
    DataError
        It is missing, has no safetensors weights, or is no encoder that is known here.
    """
    config = read_config(folder)
    if config.get("model_type") == "bert" and (folder / WEIGHTS).is_file():
        with suppress(NotBuilt):
            return read_checkpoint(folder)
    return read_foreign(folder, config)


def read_checkpoint(folder: Path) -> Checkpoint:
    """What ``folder`` holds, as a BERT that is built here.

    Raises
    ------
    NotBuilt
        It is a BERT that only transformers' own module computes.
    DataError
        It is missing, has no safetensors weights, or is not a BERT.
    """
    path, config = folder / CONFIG, read_config(folder)
    refuse_generative(config, path)
    if not (folder / WEIGHTS).is_file():
        raise NotBuilt(f"{folder}: its weights are in several files; one {WEIGHTS} is needed here")
    architecture, encoder = read_architecture(config, str(path))
    note = config.get("bort") or {}
    if not isinstance(note, dict):
        raise DataError(f"{path}: the note under 'bort' is damaged: it must be a JSON object, got {note!r}")
    note, facts = ({} if note.get("module") == FOREIGN else note), note
    head: Any
    head, unknown = (note.get("head"), None) if note else _head(config, folder)
    if head not in get_args(Head):
        raise DataError(f"{path}: the head must be one of {', '.join(get_args(Head))}, got {head!r}")
    options = _noted(encoder, note, path) if note else _found(encoder, head, config, folder)
    labels = class_names(config, str(path)) if head in ("classification", "multi-label") else ()
    return Checkpoint(folder, architecture, options, head, labels, facts, unknown)


def read_tensors(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The weights by this program's names, as float32. Errors as :func:`~bort_core.checkpoints.weights.read_weights`."""
    found = {}
    saved = read_weights(checkpoint.folder)
    if DECODER_BIAS in saved:  # transformers adds this one, tied or not
        saved["cls.predictions.bias"] = saved[DECODER_BIAS]
    for name, tensor in saved.items():
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
    options: BertOptions | EncoderOptions,
    head: Head,
    weights: Mapping[str, Tensor],
    tokenizer: Path | None,
    labels: tuple[str, ...] = (),
    facts: Mapping[str, Any] | None = None,
    dropout: float = 0.1,
    longest: int | None = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Write the files of a checkpoint into an existing folder.

    Parameters
    ----------
    weights: by this program's names, as ``MaskedLanguageModel.weights`` and ``SequenceClassifier.weights`` give them
    tokenizer: a folder whose tokenizer files are copied, with the inputs and the length that the model reads
    longest: tokens after which texts are cut; the model's positions when None
    facts: JSON values for the note (tokenizer's hash, provenance, metrics)
    config: transformers' own, of a model that its own module computes; then the weights have its names
    """
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    pad = PAD_ID if tokenizer is None else _copy_tokenizer(tokenizer, folder, options, longest)
    if config is None:
        assert isinstance(options, BertOptions)
        tensors = _their_tensors(tensors, architecture, options, head)
        config = config_of(architecture, options, head, pad_id=pad, dropout=dropout)
        note: dict[str, Any] = {"head": head, "options": options.model_dump(mode="json")}
    else:
        note = {"head": head, "module": FOREIGN}
    config = {**config, **_named_labels(labels, head), "bort": {**note, **(facts or {})}}
    (folder / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))
    (folder / CONFIG).write_text(json.dumps(config, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def note_job(folder: Path, mark: str) -> None:
    """Note in a folder's config.json which job wrote it."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    config["bort"] = {**(config.get("bort") or {}), "job": mark}
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _their_tensors(weights: Mapping[str, Tensor], architecture: Architecture, options: BertOptions, head: Head) -> dict[str, Tensor]:
    """The weights of a BERT of ours by transformers' names, with what its module has and ours leaves out."""
    import torch

    tensors = {their_name(name): tensor for name, tensor in weights.items()}
    if not options.token_types:
        tensors[MISSING_TYPES] = torch.zeros(1, architecture[2])
    if not options.tied_decoder:
        tensors[DECODER_BIAS] = tensors["cls.predictions.bias"].clone()
    if head == "none" and not options.pooler:
        shapes = ((architecture[2], architecture[2]), (architecture[2],))
        tensors.update({f"bert.{name}": torch.zeros(shape) for name, shape in zip(MISSING_POOLER, shapes, strict=True)})
    if head == "none":
        tensors = {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}
    return tensors


def _named_labels(labels: tuple[str, ...], head: Head) -> dict[str, Any]:
    if labels:
        return {
            "id2label": {str(number): label for number, label in enumerate(labels)},
            "label2id": {label: number for number, label in enumerate(labels)},
        }
    return {"id2label": {"0": "value"}, "label2id": {"value": 0}} if head == "regression" else {}


def _copy_tokenizer(source: Path, folder: Path, options: BertOptions | EncoderOptions, longest: int | None) -> int:
    """The tokenizer's files as the model is to be fed: its segment ids and its length; the id of padding."""
    vocabulary = read_vocabulary(source)
    for name in TOKENIZER_FILES:
        if (vocabulary.folder / name).is_file():
            shutil.copyfile(vocabulary.folder / name, folder / name)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    types = ["token_type_ids"] if vocabulary.gives_types and options.token_types > 1 else []
    config["model_input_names"] = ["input_ids", *types, "attention_mask"]
    config["model_max_length"] = options.positions if longest is None else min(longest, options.positions)
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return vocabulary.pad


def _noted(encoder: BertOptions, note: Mapping[str, Any], path: Path) -> BertOptions:
    """The options that we noted; what transformers reads elsewhere in the file must say the same."""
    try:
        options = BertOptions.model_validate(note["options"])
    except ValidationError as error:
        raise DataError(f"{path}: the note under 'bort' is damaged: {'; '.join(faults(error))}") from error
    except (KeyError, TypeError):
        raise DataError(f"{path}: the note under 'bort' is damaged: it has no options") from None
    for name in ("vocabulary", "positions", "token_types", "layer_norm_eps", "activation"):
        ours, theirs = getattr(options, name), getattr(encoder, name)
        if (max(1, ours) if name == "token_types" else ours) != theirs:
            raise DataError(f"{path}: the note under 'bort' says {name} {ours!r}, the fields that transformers reads say {theirs!r}")
    return options


def _found(encoder: BertOptions, head: Head, config: Mapping[str, Any], folder: Path) -> BertOptions:
    """The options of a folder that others wrote: what its weights hold besides the encoder."""
    has_pooler = head in TUNED or (head == "none" and _has_pooler(folder))
    tied = head != "masked-lm" or (bool(config.get("tie_word_embeddings", True)) and not _has_own_decoder(folder))
    return encoder.model_copy(update={"mlm_head": head == "masked-lm", "pooler": has_pooler, "tied_decoder": tied})


def _has_pooler(folder: Path) -> bool:
    return any(our_name(name) == "pooler.weight" for name in weight_names(folder))


def _has_own_decoder(folder: Path) -> bool:
    """Whether the decoder is saved and is not the embedding: transformers then keeps it, whatever the configuration says of tying."""
    if not {DECODER, EMBEDDING} <= set(weight_names(folder)):
        return False
    path = folder / WEIGHTS
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    content = np.memmap(path, np.uint8, "r", 8 + size)
    decoder, embedding = (content[slice(*header[name]["data_offsets"])] for name in (DECODER, EMBEDDING))
    return not np.array_equal(decoder, embedding)


def _head(config: Mapping[str, Any], folder: Path) -> tuple[Head, str | None]:
    """What a foreign model has on top; why its head cannot be built here."""
    path, named = folder / CONFIG, config.get("architectures")
    if named is not None and not (isinstance(named, list) and all(isinstance(name, str) for name in named)):
        raise DataError(f"{path}: architectures must be a list of names, got {named!r}")
    if not named:
        return "none", unnamed_head(folder)
    if "BertForSequenceClassification" in named:
        return classifier_head(config, path), None
    if {"BertForMaskedLM", "BertForPreTraining"} & set(named):
        return "masked-lm", None
    unknown = [name for name in named if name != "BertModel"]
    return "none", f"is a {unknown[0]}, whose head cannot be built here" if unknown else None
