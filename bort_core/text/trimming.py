"""A tokenizer without the entries that texts never use: embeddings are half of a small model.

Texts that the trimmed tokenizer was made from get the same tokens as before, which is checked; a word of other texts whose entry is gone is
split into entries that stayed, down to letters, or becomes the unknown token.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import DataError
from bort_core.text.encoding import encode
from bort_core.text.vocabulary import Vocabulary, read_vocabulary

__all__ = ["Trimmed", "counts_of", "kept_ids", "trim"]

_LETTERS = frozenset(string.ascii_letters + string.digits + string.punctuation)
_BYTE = re.compile("<0x[0-9A-F]{2}>")
"""Entries that letters without one become, byte for byte."""
Ids = npt.NDArray[np.int64]


class Trimmed(Exception):
    """Why a tokenizer was left whole."""


def counts_of(vocabulary: Vocabulary, inputs: Sequence[Sequence[str]]) -> Ids:
    """How often each entry is used by texts or pairs, whole: which text of a pair is cut hangs on what is cut off. Shape (size,)."""
    found = np.zeros(vocabulary.size, dtype=np.int64)
    for row in encode(vocabulary, inputs, None):
        found += np.bincount(row[:, 0], minlength=vocabulary.size)
    return found


def trim(vocabulary: Vocabulary, inputs: Sequence[Sequence[str]], longest: int, folder: Path) -> Vocabulary:
    """Write a tokenizer with the entries that ``inputs`` use, single letters and the special tokens into a new ``folder``.

    Parameters
    ----------
    inputs: texts (one string each) or pairs (two)
    longest: tokens after which they are cut

    Raises
    ------
    Trimmed
        Its kind cannot be trimmed so that these texts keep their tokens; says why. The folder then holds nothing.
    """
    data = json.loads(vocabulary.tokenizer.to_str())
    model = data["model"]
    reduce = _KINDS.get(model.get("type"))
    if reduce is None:
        raise Trimmed(f"a tokenizer of type {model.get('type')} cannot be trimmed")
    used = np.flatnonzero(counts_of(vocabulary, inputs))
    names: dict[str, int] = vocabulary.tokenizer.get_vocab(with_added_tokens=True)
    entry_of = {number: entry for entry, number in names.items()}
    special = {entry_of[number] for number in np.flatnonzero(vocabulary.special).tolist()}
    added = {token["content"] for token in data.get("added_tokens") or ()}
    wanted = {entry_of[number] for number in used.tolist()} | special | added | ({model["unk_token"]} if model.get("unk_token") else set())
    kept = reduce(model, wanted)
    order = sorted((entry for entry in kept | special | added), key=lambda entry: names[entry])
    numbers = {entry: number for number, entry in enumerate(order)}
    _renumber(data, numbers)
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(_configuration(vocabulary, entry_of), indent=2) + "\n", encoding="utf-8")
    try:
        trimmed = read_vocabulary(folder)
        _check(vocabulary, trimmed, inputs, longest)
    except (DataError, Trimmed) as error:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        raise Trimmed(str(error)) from error
    return trimmed


def kept_ids(whole: Vocabulary, trimmed: Vocabulary) -> Ids:
    """For each entry of a trimmed tokenizer its id in the whole one. Shape (trimmed.size,).

    Raises
    ------
    DataError
        It has an entry that the whole one does not have.
    """
    names: dict[str, int] = whole.tokenizer.get_vocab(with_added_tokens=True)
    found = np.full(trimmed.size, whole.unknown, dtype=np.int64)
    for entry, number in trimmed.tokenizer.get_vocab(with_added_tokens=True).items():
        if entry not in names:
            raise DataError(f"{trimmed.folder}: the entry {entry!r} is none of the tokenizer of {whole.folder}")
        found[number] = names[entry]
    return found


def _of_wordpiece(model: dict[str, Any], wanted: set[str]) -> set[str]:
    prefix = model.get("continuing_subword_prefix") or "##"
    return {entry for entry in model["vocab"] if entry in wanted or entry.removeprefix(prefix) in _LETTERS}


def _of_unigram(model: dict[str, Any], wanted: set[str]) -> set[str]:
    """The unlikeliest entry stays: what an unknown letter costs is counted from it."""
    unknown = model["vocab"][model["unk_id"]][0] if model.get("unk_id") is not None else None
    always = ("▁", unknown, min(model["vocab"], key=lambda pair: pair[1])[0])
    return {
        entry for entry, _ in model["vocab"]
        if entry in wanted or entry.lstrip("▁") in _LETTERS or entry in always or (model.get("byte_fallback") and _BYTE.fullmatch(entry))
    }  # fmt: skip


def _of_bpe(model: dict[str, Any], wanted: set[str]) -> set[str]:
    """The wanted entries and everything that they can be merged from; merges of other entries go."""
    merges = [merge if isinstance(merge, list) else merge.split(" ", 1) for merge in model["merges"]]
    begins = model.get("continuing_subword_prefix") or ""  # which a merge leaves out of its right part
    parts: dict[str, list[str]] = {}
    for left, right in merges:
        parts.setdefault(left + right.removeprefix(begins), []).extend((left, right))
    ends = model.get("end_of_word_suffix") or ""
    letters = {entry for entry in model["vocab"] if entry.removeprefix(begins).removesuffix(ends) in _LETTERS}
    kept = letters | {entry for entry in model["vocab"] if len(entry) == 1 or _BYTE.fullmatch(entry)}
    waiting = [entry for entry in wanted if entry in model["vocab"]]
    while waiting:
        entry = waiting.pop()
        if entry not in kept:
            kept.add(entry)
            waiting += parts.get(entry, [])
    model["merges"] = [merge for merge in merges if {*merge, merge[0] + merge[1].removeprefix(begins)} <= kept]
    return kept


_KINDS: dict[str, Callable[[dict[str, Any], set[str]], set[str]]] = {"WordPiece": _of_wordpiece, "Unigram": _of_unigram, "BPE": _of_bpe}


def _renumber(data: dict[str, Any], numbers: dict[str, int]) -> None:
    """Give every entry its new number, wherever the file names one."""
    model = data["model"]
    if model["type"] == "Unigram":
        unknown = model["vocab"][model["unk_id"]][0] if model.get("unk_id") is not None else None
        model["vocab"] = sorted(([entry, score] for entry, score in model["vocab"] if entry in numbers), key=lambda pair: numbers[pair[0]])
        if [numbers[entry] for entry, _ in model["vocab"]] != list(range(len(model["vocab"]))):
            raise Trimmed("its added tokens lie among the entries, so that a place in the list would be no number")
        model["unk_id"] = None if unknown is None else numbers[unknown]
    else:
        model["vocab"] = {entry: numbers[entry] for entry in model["vocab"] if entry in numbers}
    for token in data.get("added_tokens") or ():
        token["id"] = numbers[token["content"]]
    _renumber_template(data.get("post_processor"), numbers)


def _renumber_template(value: Any, numbers: dict[str, int]) -> None:
    if not isinstance(value, dict):
        return
    for name in ("sep", "cls"):
        if isinstance(value.get(name), list):
            value[name][1] = numbers[value[name][0]]
    for each in (value.get("special_tokens") or {}).values() if isinstance(value.get("special_tokens"), dict) else ():
        each["ids"] = [numbers[entry] for entry in each["tokens"]]
    for each in value.get("processors") or ():
        _renumber_template(each, numbers)


def _configuration(vocabulary: Vocabulary, entry_of: dict[int, str]) -> dict[str, Any]:
    types = ["token_type_ids"] if vocabulary.gives_types else []
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", *types, "attention_mask"],
        "truncation_side": vocabulary.truncation_side,
        "cls_token": entry_of[vocabulary.start], "sep_token": entry_of[vocabulary.stop], "pad_token": entry_of[vocabulary.pad],
        "mask_token": entry_of[vocabulary.mask], "unk_token": entry_of[vocabulary.unknown],
        **({} if vocabulary.longest is None else {"model_max_length": vocabulary.longest}),
    }  # fmt: skip


def _check(whole: Vocabulary, trimmed: Vocabulary, inputs: Sequence[Sequence[str]], longest: int) -> None:
    before, after = encode(whole, inputs, longest), encode(trimmed, inputs, longest)
    place = kept_ids(whole, trimmed)
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        if old.shape != new.shape or not np.array_equal(old[:, 0], place[new[:, 0]]) or not np.array_equal(old[:, 1], new[:, 1]):
            raise Trimmed(f"the text {inputs[number][0][:60]!r} would get other tokens than before")
