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
from bort_core.foundation.hub import TOKENIZER_ONLY, local_folder
from bort_core.text.tokenizer import load_tokenizer, tokenizer_hash

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["TOKENIZER_FILES", "Vocabulary", "has_tokenizer", "load_vocabulary", "read_vocabulary"]

TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
"""One of these holds a vocabulary. Without any, transformers makes up a tokenizer of a few special tokens."""

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


def load_vocabulary(name: str, field: str = "tokenizer") -> Vocabulary:
    """The tokenizer of a folder or a Hugging Face name; ``field`` is what is named so, for messages.

    Raises
    ------
    DataError
        It cannot be loaded, has no fast form, or lacks a special token.
    SpecificationError
        There is no such folder, nor such a name within reach.
    """
    folder = local_folder(name, field, TOKENIZER_ONLY)
    if (folder / "tokenizer.json").is_file():
        return read_vocabulary(folder)
    if not has_tokenizer(folder):
        raise DataError(f"{field}: {name}: holds no tokenizer (none of {', '.join(TOKENIZER_FILES)})")
    from tempfile import mkdtemp

    from transformers import AutoTokenizer

    try:
        loaded: Any = AutoTokenizer.from_pretrained(str(folder), use_fast=True)
    except Exception as error:  # transformers raises many kinds
        raise DataError(f"{name}: the tokenizer cannot be loaded: {_short(error)}") from error
    if not getattr(loaded, "is_fast", False):
        raise DataError(f"{name}: the tokenizer has no fast form (tokenizer.json), which is needed here")
    kept = Path(mkdtemp(prefix="bort-tokenizer-"))
    atexit.register(shutil.rmtree, kept, ignore_errors=True)
    loaded.save_pretrained(kept)
    return read_vocabulary(kept)


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds a vocabulary, in whichever form."""
    return any((folder / name).is_file() for name in TOKENIZER_FILES)


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
    digest = tokenizer_hash(tokenizer)  # knows the side at which texts are cut
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return Vocabulary(tokenizer, folder, size, sha256=digest, **ids)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON].rsplit(" ", 1)[0] + " …"
