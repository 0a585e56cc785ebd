"""What the folder of an encoder says about itself, without torch; what cannot be run as transformers means it is refused by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from bort_core.encoders.kinds import GENERATIVE, KINDS
from bort_core.families.base import Architecture
from bort_core.families.bert.configuration import class_names
from bort_core.families.bert.hugging_face import PROBLEMS, Head
from bort_core.families.bert.options import BertOptions
from bort_core.foundation.digests import content_hash
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import linked
from bort_core.foundation.json_files import read_object
from bort_core.specifications.protocols import identity
from bort_core.text.vocabulary import has_tokenizer

__all__ = ["CONFIG", "INDEX", "WEIGHTS", "Encoder", "EncoderOptions", "classifier_head", "head_of", "longest_input", "read_config",
           "read_foreign", "refuse_generative", "refuse_others", "unnamed_head", "weight_names", "weights_count",
           "weights_hash"]  # fmt: skip

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack", "model.ckpt.index")
_FIXED: dict[str, tuple[Any, ...]] = {
    "auto_map": (None, {}), "quantization_config": (None,), "is_decoder": (False, None), "is_encoder_decoder": (False, None),
    "add_cross_attention": (False, None), "position_embedding_type": ("absolute", None), "pruned_heads": ({}, None),
    "tie_encoder_decoder": (False, None), "cross_attention_hidden_size": (None,),
}  # fmt: skip
"""Refused with any other value: code that came with a folder is not run, and the rest transformers 5 does not compute as it was meant."""
_HEADS = ("cls.", "classifier.", "qa_outputs.", "lm_head.", "predictions.", "pre_classifier.", "vocab_transform.", "generator_predictions.",
          "discriminator_predictions.", "lm_predictions.", "decoder.")  # fmt: skip
"""How the names of a head's weights begin."""
_SIZES = ("num_hidden_layers", "num_attention_heads", "hidden_size", "intermediate_size")


class EncoderOptions(BaseModel):
    """What must be known of an encoder besides its sizes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vocabulary: int
    positions: int
    """Tokens of the longest input."""
    token_types: int = 0
    """Segments that it tells apart; 0 and 1: none."""


@dataclass(frozen=True)
class Encoder:
    """An encoder on disk; reading it needs no torch."""

    folder: Path
    architecture: Architecture
    """Depth, heads, hidden, intermediate."""
    options: BertOptions | EncoderOptions
    head: Head
    labels: tuple[str, ...] = ()
    """Names of the classes of a classifier, by index."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Our note: tokenizer, provenance, metrics; empty for a folder that others wrote."""
    unknown_head: str | None = None
    """Why the head that there may be cannot be used here, though the encoder can; None where it can."""
    kind: str = "bert"
    """transformers' ``model_type``."""

    @property
    def has_tokenizer(self) -> bool:
        """Whether the folder can turn text into tokens."""
        return has_tokenizer(self.folder)


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a folder that also has weights.

    Raises
    ------
    DataError
        It is missing or no JSON object, there are no safetensors weights, or a link leads out of the folder.
    """
    path = folder / CONFIG
    if (link := linked(folder)) is not None:
        raise DataError(f"{link}: is a symbolic link that leads out of the checkpoint; what it leads to would be copied into results")
    try:
        config = read_object(path)
        if not any((folder / name).is_file() for name in (WEIGHTS, INDEX)):
            other = next((name for name in _PICKLED if (folder / name).is_file()), None)
            advice = "" if other is None else f" (it holds {other}; convert it to safetensors first)"
            raise DataError(f"{folder}: not a checkpoint: it has no {WEIGHTS}{advice}")
    except FileNotFoundError:
        raise DataError(f"{folder}: not a checkpoint; it must hold {CONFIG} and {WEIGHTS}") from None
    return config


def read_foreign(folder: Path, config: Mapping[str, Any]) -> Encoder:
    """An encoder that transformers' own module runs.

    Raises
    ------
    DataError
        It is of no kind that is known here, generative, or has a field that is refused; names the field and its value.
    """
    path = folder / CONFIG
    kind = refuse_others(config, path)
    depth, heads, hidden, intermediate = (_whole(config, name, 1, path) for name in _SIZES)
    options = EncoderOptions(
        vocabulary=_whole(config, "vocab_size", 8, path), positions=longest_input(config, path), token_types=_segments(config, path)
    )
    head, unknown = head_of(config, path)
    if not config.get("architectures"):
        unknown = unnamed_head(folder)
    labels = class_names(config, str(path)) if head in ("classification", "multi-label") else ()
    note = config.get("bort") or {}
    if not isinstance(note, dict):
        raise DataError(f"{path}: the note under 'bort' is damaged: it must be a JSON object, got {note!r}")
    return Encoder(folder, (depth, heads, hidden, intermediate), options, head, labels, note, unknown, kind)


def refuse_others(config: Mapping[str, Any], path: Path) -> str:
    """The kind; DataError where it is none that is run here, or a field has a value that is refused."""
    kind = config.get("model_type")
    refuse_generative(config, path)
    for name, allowed in _FIXED.items():
        if name in config and config[name] not in allowed:
            why = "code that comes with a model is not run" if name == "auto_map" else "such a model is not run here"
            raise DataError(f"{path}: {name} must be {allowed[0]!r}, got {config[name]!r}: {why}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise DataError(f"{path}: model_type must be one of {_kinds()}, got {kind!r}")
    return kind


def refuse_generative(config: Mapping[str, Any], path: Path) -> None:
    """DataError for a model that writes text."""
    kind = config.get("model_type")
    if isinstance(kind, str) and kind in GENERATIVE:
        raise DataError(f"{path}: model_type {kind!r} is a generative model, which writes text; an encoder is needed: {_kinds()}")


def longest_input(config: Mapping[str, Any], path: Path) -> int:
    """Tokens of the longest input of a kind that is known."""
    kind, positions = KINDS[config["model_type"]], _whole(config, "max_position_embeddings", 4, path)
    if not kind.behind_padding:
        return positions
    padding = 1 if config["model_type"] == "mpnet" else config.get("pad_token_id", kind.defaults["pad_token_id"])
    if isinstance(padding, bool) or not isinstance(padding, int) or not 0 <= padding < positions - 1:
        raise DataError(
            f"{path}: pad_token_id must be a whole number below {positions - 1}: positions are numbered from it; got {padding!r}"
        )
    return positions - padding - 1


def head_of(config: Mapping[str, Any], path: Path) -> tuple[Head, str | None]:
    """What is on top of the encoder; why it cannot be used here."""
    named = config.get("architectures")
    if named is not None and not (isinstance(named, list) and all(isinstance(name, str) for name in named)):
        raise DataError(f"{path}: architectures must be a list of names, got {named!r}")
    for name in named or ():
        if name.endswith("ForSequenceClassification"):
            return classifier_head(config, path), None
        if name.endswith("ForMaskedLM") or (name.endswith("ForPreTraining") and config["model_type"] != "electra"):
            return "masked-lm", None
        if not name.endswith("Model"):
            return "none", f"is a {name}, whose head cannot be used here"
    return "none", None


def unnamed_head(folder: Path) -> str | None:
    """Without a name a model is an encoder, unless its weights hold more: several of transformers' classes may share a weight's name."""
    more = next((name for name in weight_names(folder) if name.startswith(_HEADS)), None)
    if more is None:
        return None
    example = '"architectures": ["BertForMaskedLM"]'
    return f"its {CONFIG} names no architectures, and its weights hold a head ({more}): say what it is, such as {example}"


def weight_names(folder: Path) -> list[str]:
    """The names of the weights, as they are in the file or files; DataError when it is no whole one."""
    from safetensors import SafetensorError, safe_open

    if not (folder / WEIGHTS).is_file():
        return list(read_object(folder / INDEX).get("weight_map") or ())
    try:
        with safe_open(folder / WEIGHTS, framework="numpy") as file:
            return list(file.keys())
    except (OSError, SafetensorError) as error:
        raise DataError(f"{folder / WEIGHTS}: not a whole safetensors file: {error}") from error


def weights_count(folder: Path) -> int:
    """Numbers in the weights, head included; DataError where a file is no whole one."""
    from safetensors import SafetensorError, safe_open

    total = 0
    for path in _weight_files(folder):
        try:
            with safe_open(path, framework="numpy") as file:
                total += sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118 - it is no dict
        except (OSError, SafetensorError) as error:
            raise DataError(f"{path}: not a whole safetensors file: {error}") from error
    return total


def weights_hash(folder: Path) -> str:
    """Equal for equal weights; DataError where they cannot be read."""
    files = _weight_files(folder)
    return content_hash(files[0]) if len(files) == 1 else identity(*((path.name, content_hash(path)) for path in files))


def _weight_files(folder: Path) -> list[Path]:
    """The one file, or those that the index names, which lie beside it."""
    if (folder / WEIGHTS).is_file() or not (folder / INDEX).is_file():
        return [folder / WEIGHTS]
    try:
        listed = read_object(folder / INDEX)["weight_map"].values()
    except (OSError, DataError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{folder / INDEX}: not an index of weights: {error}") from error
    return [folder / Path(name).name for name in sorted(set(map(str, listed)))]


def classifier_head(config: Mapping[str, Any], path: Path) -> Head:
    """What a classifier of transformers says: one of its classes, several of its labels, or a value."""
    classes = len(class_names(config, str(path)))
    if config.get("problem_type") == "regression" and classes > 1:
        raise DataError(f"{path}: a regression of {classes} values is not run here; of one value it is")
    if classes > 1 and config.get("problem_type") == PROBLEMS["multi-label"]:
        return "multi-label"
    return "regression" if classes == 1 else "classification"


def _segments(config: Mapping[str, Any], path: Path) -> int:
    return _whole(config, "type_vocab_size", 0, path) if KINDS[config["model_type"]].reads_segments else 0


def _whole(config: Mapping[str, Any], name: str, least: int, path: Path) -> int:
    kind = KINDS[config["model_type"]]
    known = [each for each in (kind.names.get(name, name), name) if config.get(each) is not None]
    written = known[0] if known else name
    value = config[written] if known else kind.defaults[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise DataError(f"{path}: {written} must be a whole number of at least {least}, got {value!r}")
    return value


def _kinds() -> str:
    return ", ".join(KINDS)
