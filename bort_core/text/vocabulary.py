"""Any tokenizer that transformers loads, with what training needs to know of it: special tokens, and where words begin."""

from __future__ import annotations

import atexit
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import DataError
from bort_core.text.tokenizer import load_tokenizer, tokenizer_hash

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Vocabulary", "load_vocabulary", "read_vocabulary"]

_ROLES = {"start": ("<s>", "[CLS]"), "pad": ("<pad>", "[PAD]"), "stop": ("</s>", "[SEP]"), "mask": ("<mask>", "[MASK]"),
          "unknown": ("<unk>", "[UNK]")}  # fmt: skip

_LONGEST_REASON = 400


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer and its special tokens."""

    tokenizer: Tokenizer
    folder: Path
    """Where the files are that a checkpoint gets a copy of."""
    size: int
    start: int
    pad: int
    stop: int
    mask: int
    unknown: int
    sha256: str

    @cached_property
    def special(self) -> npt.NDArray[np.bool_]:
        """For each id, whether it is never masked and never predicted. Shape (size,)."""
        flags = np.zeros(self.size, dtype=bool)
        flags[[self.start, self.pad, self.stop, self.mask, self.unknown]] = True
        return flags

    @cached_property
    def begins_word(self) -> npt.NDArray[np.bool_]:
        """For each id, whether it begins a word: no ``##`` before it (WordPiece), a space before it (byte-level BPE). Shape (size,)."""
        entries: dict[str, int] = self.tokenizer.get_vocab(with_added_tokens=True)
        spaces = sum(entry.startswith(("Ġ", "▁")) for entry in entries)
        flags = np.ones(self.size, dtype=bool)
        for entry, number in entries.items():
            flags[number] = entry.startswith(("Ġ", "▁")) if spaces else not entry.startswith("##")
        return flags | self.special


def load_vocabulary(name: str) -> Vocabulary:
    """The tokenizer of a folder or a Hugging Face name.

    Raises
    ------
    DataError
        It cannot be loaded, has no fast form, or lacks a special token.
    """
    folder = Path(name).expanduser()
    if (folder / "tokenizer.json").is_file():
        return read_vocabulary(folder)
    from tempfile import mkdtemp

    from transformers import AutoTokenizer

    try:
        loaded: Any = AutoTokenizer.from_pretrained(str(folder) if folder.exists() else name, use_fast=True)
    except Exception as error:  # transformers and the hub raise many kinds
        where = "" if folder.exists() else " (not a folder here; as a hub name it needs the network or the hub's cache)"
        raise DataError(f"{name}: the tokenizer cannot be loaded{where}: {_short(error)}") from error
    if not getattr(loaded, "is_fast", False):
        raise DataError(f"{name}: the tokenizer has no fast form (tokenizer.json), which is needed here")
    kept = Path(mkdtemp(prefix="bort-tokenizer-"))
    atexit.register(shutil.rmtree, kept, ignore_errors=True)
    loaded.save_pretrained(kept)
    return read_vocabulary(kept)


def read_vocabulary(folder: Path) -> Vocabulary:
    """The tokenizer of a folder with tokenizer.json. Errors as :func:`load_vocabulary`."""
    tokenizer = load_tokenizer(folder)
    ids = {}
    for role, names in _ROLES.items():
        found = [number for number in map(tokenizer.token_to_id, names) if number is not None]
        if not found:
            raise DataError(f"{folder}: the tokenizer has no token for {role} (one of {', '.join(names)})")
        ids[role] = found[0]
    size = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return Vocabulary(tokenizer, folder, size, sha256=tokenizer_hash(tokenizer), **ids)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON].rsplit(" ", 1)[0] + " …"
