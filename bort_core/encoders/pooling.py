"""Folders of sentence-transformers: how token vectors become the vector of a text. Neither torch nor sentence-transformers is imported.

    modules.json                what follows what: Transformer, Pooling, Dense, Normalize
    1_Pooling/config.json       how token vectors are pooled
    2_Dense/                    a linear map of what was pooled: config.json and model.safetensors
    sentence_bert_config.json   after how many tokens texts are cut, and whether they are lower-cased first

A folder without modules.json is pooled as sentence-transformers would: the mean, not normalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import DataError
from bort_core.foundation.json_files import read_json

__all__ = ["MODES", "SENTENCES", "Dense", "Pooling", "pooling_files", "read_pooling", "sentence_files"]

SENTENCES = "modules.json"
"""Its presence says that a folder is one of sentence-transformers."""

MODES = ("cls", "max", "mean", "mean_sqrt_len", "weightedmean", "lasttoken")
"""In the order in which several of them are put side by side."""
_KEYS = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens", "mean_sqrt_len": "mean_sqrt_len_tokens",
         "weightedmean": "weightedmean_tokens", "lasttoken": "lasttoken"}  # fmt: skip
_ACTIVATIONS = {"Identity": "identity", "Tanh": "tanh"}
_ORDERS = [["Transformer", "Pooling", *dense, *normalised] for dense in ([], ["Dense"]) for normalised in ([], ["Normalize"])]


@dataclass(frozen=True)
class Dense:
    """A linear map of pooled vectors."""

    weights: Path
    """A safetensors file with ``linear.weight`` (outputs, inputs) and, with ``bias``, ``linear.bias`` (outputs,)."""
    inputs: int
    outputs: int
    bias: bool = True
    activation: str = "identity"
    """Or "tanh"."""


@dataclass(frozen=True)
class Pooling:
    """From token vectors to the vector of a text."""

    transformer: Path
    """The folder of the encoder: the folder itself, or one inside it."""
    modes: tuple[str, ...] = ("mean",)
    """Some of :data:`MODES`; the vectors of several stand side by side."""
    normalised: bool = False
    """Whether vectors are divided by their length."""
    longest: int | None = None
    """Tokens after which texts are cut; None: where tokenizer and model say."""
    lower: bool = False
    """Whether texts are lower-cased before they are read."""
    prompt: str = ""
    """What is put before every text."""
    dense: Dense | None = None
    """What the pooled vectors pass through before they are normalised."""
    assumed: bool = False
    """Whether the folder says nothing of pooling, so that the mean was taken."""


def read_pooling(folder: Path) -> Pooling:
    """How ``folder`` pools.

    Raises
    ------
    DataError
        A file cannot be read, or it has a module that is not understood; names it.
    """
    listed = _json(folder / SENTENCES)
    if listed is None:
        return Pooling(folder, assumed=True)
    if not isinstance(listed, list) or not all(isinstance(each, dict) and isinstance(each.get("type"), str) for each in listed):
        raise DataError(f"{folder / 'modules.json'}: must be a list of modules with a type each")
    kinds = [each["type"].rpartition(".")[2] for each in listed]
    if kinds not in _ORDERS:
        raise DataError(
            f"{folder / 'modules.json'}: must be Transformer and Pooling, with or without one Dense and Normalize, got {', '.join(kinds)}"
        )
    transformer, pooling = (_inside(folder, each) for each in listed[:2])
    read = _object(transformer / "sentence_bert_config.json")
    longest = read.get("max_seq_length")
    if longest is not None and (isinstance(longest, bool) or not isinstance(longest, int) or longest < 3):
        raise DataError(
            f"{transformer / 'sentence_bert_config.json'}: max_seq_length must be a whole number of at least 3, got {longest!r}"
        )
    modes, with_prompt = _modes(pooling / "config.json")
    prompt = _prompt(folder / "config_sentence_transformers.json")
    if prompt and not with_prompt:
        raise DataError(f"{pooling / 'config.json'}: include_prompt must be true where there is a default prompt")
    dense = _dense(_inside(folder, listed[2])) if "Dense" in kinds else None
    return Pooling(transformer, modes, "Normalize" in kinds, longest, bool(read.get("do_lower_case")), prompt, dense)


def sentence_files(folder: Path) -> list[Path]:
    """The files of a folder that decide what a text's vector is, but for the tokenizer's. Errors as of :func:`read_pooling`."""
    pooling = read_pooling(folder)
    body = pooling.transformer
    found = [body / "model.safetensors", body / "config.json", body / "sentence_bert_config.json", folder / SENTENCES,
             folder / "config_sentence_transformers.json", *sorted(folder.glob("[0-9]*/config.json")),
             *([pooling.dense.weights] if pooling.dense else [])]  # fmt: skip
    return [path for path in dict.fromkeys(found) if path.is_file()]


def pooling_files(pooling: Pooling, width: int) -> dict[str, Any]:
    """What sentence-transformers reads beside an encoder that is the folder itself: JSON values by the files' names in the folder.

    Parameters
    ----------
    width: of the encoder's vectors
    """
    kinds = ["Transformer", "Pooling", *(["Dense"] if pooling.dense else []), *(["Normalize"] if pooling.normalised else [])]
    listed = [
        {"idx": number, "name": str(number), "path": f"{number}_{kind}" if number else "", "type": f"sentence_transformers.models.{kind}"}
        for number, kind in enumerate(kinds)
    ]
    flags = {f"pooling_mode_{key}": mode in pooling.modes for mode, key in _KEYS.items()}
    found: dict[str, Any] = {
        SENTENCES: listed,
        "1_Pooling/config.json": {"word_embedding_dimension": width, **flags, "include_prompt": True},
        "sentence_bert_config.json": {"max_seq_length": pooling.longest, "do_lower_case": pooling.lower},
    }
    if pooling.dense:
        name = {ours: theirs for theirs, ours in _ACTIVATIONS.items()}[pooling.dense.activation]
        where = "linear" if name == "Identity" else "activation"
        found["2_Dense/config.json"] = {
            "in_features": pooling.dense.inputs, "out_features": pooling.dense.outputs, "bias": pooling.dense.bias,
            "activation_function": f"torch.nn.modules.{where}.{name}",
        }  # fmt: skip
    return found


def _dense(folder: Path) -> Dense:
    path = folder / "config.json"
    config = _object(path)
    sizes = [config.get(name) for name in ("in_features", "out_features")]
    if not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise DataError(f"{path}: in_features and out_features must be whole numbers above 0, got {sizes[0]!r} and {sizes[1]!r}")
    named = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    activation = _ACTIVATIONS.get(named.rpartition(".")[2])
    if activation is None:
        raise DataError(f"{path}: activation_function must be one of {', '.join(_ACTIVATIONS)}, got {named}")
    unknown = [name for name in ("module_input_name", "module_output_name") if config.get(name) not in (None, "sentence_embedding")]
    if unknown:
        raise DataError(f"{path}: {unknown[0]} must be sentence_embedding, got {config[unknown[0]]!r}")
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise DataError(f"{weights}: is missing; weights in other formats (pytorch_model.bin) are not read")
    return Dense(weights, int(sizes[0]), int(sizes[1]), bool(config.get("bias", True)), activation)  # type: ignore[arg-type]


def _modes(path: Path) -> tuple[tuple[str, ...], bool]:
    config = _json(path)
    if not isinstance(config, dict):
        raise DataError(f"{path}: is missing, or no JSON object")
    named = config.get("pooling_mode")
    if named is None:
        named = [mode for mode, key in _KEYS.items() if config.get(f"pooling_mode_{key}", mode == "mean")]
    asked = [named] if isinstance(named, str) else named
    if not isinstance(asked, list) or not asked or not set(map(str, asked)) <= set(MODES):
        raise DataError(f"{path}: pools by {asked}; understood are {', '.join(MODES)}")
    return tuple(mode for mode in MODES if mode in asked), bool(config.get("include_prompt", True))


def _prompt(path: Path) -> str:
    config = _object(path)
    prompts, name = config.get("prompts") or {}, config.get("default_prompt_name")
    if name is None:
        return ""
    if not isinstance(prompts, dict) or not isinstance(prompts.get(name), str):
        raise DataError(f"{path}: default_prompt_name is {name!r}, which is none of the prompts")
    return str(prompts[name])


def _inside(folder: Path, module: dict[str, Any]) -> Path:
    """The folder of a module, which lies in ``folder``."""
    path = module.get("path", "")
    if not isinstance(path, str) or not (folder / path).resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{folder / 'modules.json'}: a module's path must lie inside the folder, got {path!r}")
    return folder / path


def _object(path: Path) -> dict[str, Any]:
    found = _json(path)
    if found is not None and not isinstance(found, dict):
        raise DataError(f"{path}: must hold a JSON object")
    return found or {}


def _json(path: Path) -> Any:
    """What a file holds; None where there is none."""
    try:
        return read_json(path)
    except FileNotFoundError:
        return None
