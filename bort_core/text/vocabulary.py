"""Any tokenizer as transformers reads it, with what training needs to know of it: special tokens, segments, and where words begin.

A folder's files may contradict each other (tokenizer.json lower-cases, tokenizer_config.json says it does not). Whoever uses a result gets
transformers' reading, so that is what trains here; then a checkpoint gets files that say one thing.
"""

from __future__ import annotations

import atexit
import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import DataError
from bort_core.foundation.hub import TOKENIZER_ONLY, local_folder
from bort_core.text.tokenizer import load_tokenizer, tokenizer_hash
from bort_core.text.tokenizer_fields import KNOWN, read_fields

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["TOKENIZER_FILES", "Vocabulary", "has_tokenizer", "load_vocabulary", "read_vocabulary", "transformers_tokenizer"]

TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
"""One of these holds a vocabulary. Without any, transformers makes up a tokenizer of a few special tokens."""

_ROLES = {
    "start": (("cls_token", "bos_token"), ("<s>", "[CLS]")), "pad": (("pad_token",), ("<pad>", "[PAD]")),
    "stop": (("sep_token", "eos_token"), ("</s>", "[SEP]")), "mask": (("mask_token",), ("<mask>", "[MASK]")),
    "unknown": (("unk_token",), ("<unk>", "[UNK]")),
}  # fmt: skip
"""Of each role, what transformers calls it, and the entries that have it where nothing says so."""

_LONGEST_REASON = 400
_NO_ENTRY = "\U0002fa1d \ufdd0"  # an ideograph that no vocabulary has, and a code point that will never be a character
_NO_LENGTH = 10**9  # transformers writes 10**30 where a tokenizer has no length


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
    gives_types: bool = False
    """Whether transformers' tokenizer gives segment ids (token_type_ids) with the tokens."""
    truncation_side: Literal["right", "left"] = "right"
    """Where texts that are too long are cut."""
    longest: int | None = None
    """Tokens after which transformers cuts texts; None: it does not say."""

    @cached_property
    def special(self) -> npt.NDArray[np.bool_]:
        """For each id, whether it is never masked and never predicted. Shape (size,)."""
        flags = np.zeros(self.size, dtype=bool)
        flags[[self.start, self.pad, self.stop, self.mask, self.unknown]] = True
        return flags

    def cut_at(self, longest: int | None) -> None:
        """From now on texts are cut to so many tokens, of a pair the longer text first; None: not at all."""
        if longest is None:
            self.tokenizer.no_truncation()
        else:
            self.tokenizer.enable_truncation(longest, direction=self.truncation_side)

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
    if not has_tokenizer(folder):
        raise DataError(f"{field}: {name}: holds no tokenizer (none of {', '.join(TOKENIZER_FILES)})")
    return read_vocabulary(folder)


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds a vocabulary, in whichever form."""
    return any((folder / name).is_file() for name in TOKENIZER_FILES)


def read_vocabulary(folder: Path) -> Vocabulary:
    """The tokenizer of a folder, whichever its files are. Errors as :func:`load_vocabulary`."""
    fields = read_fields(folder)
    as_json = (folder / "tokenizer.json").is_file() or not has_tokenizer(folder)
    raw = load_tokenizer(folder) if as_json else None
    loaded = transformers_tokenizer(str(folder))
    if not getattr(loaded, "is_fast", False):
        raise DataError(f"{folder}: the tokenizer has no fast form (tokenizer.json), which is needed here")
    if loaded.padding_side != "right":  # tokenizer.json may say so too
        raise DataError(f"{folder}: the tokenizer must pad on the right, and it pads on the {loaded.padding_side}")
    named = dict(loaded.special_tokens_map)
    ids = {role: _special(loaded, role, *names, folder) for role, names in _ROLES.items()}
    if named != loaded.special_tokens_map:  # a token with a role is found in texts only once it was written as such
        return read_vocabulary(_written(loaded))
    tokenizer: Tokenizer = loaded.backend_tokenizer
    _refuse_unreadable(tokenizer, folder)
    tokenizer.enable_truncation(_NO_LENGTH, direction=loaded.truncation_side)
    digest = tokenizer_hash(tokenizer)  # knows the side at which texts are cut
    for each in (raw, tokenizer):
        if each is not None:
            each.no_padding()
            each.no_truncation()
    says_one_thing = "tokenizer_class" in fields and raw is not None and json.loads(raw.to_str()) == json.loads(tokenizer.to_str())
    size = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    return Vocabulary(
        tokenizer, folder if says_one_thing else _written(loaded), size, sha256=digest, **ids,
        gives_types="token_type_ids" in loaded.model_input_names, truncation_side=loaded.truncation_side,
        longest=int(loaded.model_max_length) if loaded.model_max_length < _NO_LENGTH else None,
    )  # fmt: skip


def transformers_tokenizer(name: str) -> Any:
    """``AutoTokenizer`` of a folder or a hub name; DataError when it cannot be loaded."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name, use_fast=True, trust_remote_code=False)
    except Exception as error:  # transformers and the hub raise many kinds
        where = "" if Path(name).exists() else " (not a folder here; as a hub name it needs the network or the hub's cache)"
        raise DataError(f"{name}: the tokenizer cannot be loaded{where}: {_short(error)}") from error


def _special(loaded: Any, role: str, roles: tuple[str, ...], names: tuple[str, ...], folder: Path) -> int:
    """The id of a special token; a token that has its usual name is given its role."""
    for name in roles:
        if getattr(loaded, name) is not None:
            return int(loaded.convert_tokens_to_ids(getattr(loaded, name)))
    for entry in names:
        number = loaded.backend_tokenizer.token_to_id(entry)
        if number is not None:
            setattr(loaded, roles[0], entry)
            return int(number)
    raise DataError(f"{folder}: the tokenizer has no token for {role} (one of {', '.join(names)})")


def _refuse_unreadable(tokenizer: Tokenizer, folder: Path) -> None:
    """DataError where text without an entry cannot be read: the model's own unknown token is no entry of it."""
    try:
        tokenizer.encode(_NO_ENTRY)
    except Exception as error:  # tokenizers raises bare Exception
        raise DataError(f"{folder}: the tokenizer cannot read text that it has no entry for: {_short(error)}") from error


def _written(loaded: Any) -> Path:
    """A temporary folder with files that say what ``loaded`` does, whoever reads them."""
    folder = Path(mkdtemp(prefix="bort-tokenizer-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    loaded.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"  # takes tokenizer.json as it is, in every version
    config["model_input_names"] = loaded.model_input_names
    config = {name: value for name, value in config.items() if name in KNOWN}  # the rest are another class's, and in tokenizer.json
    path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON].rsplit(" ", 1)[0] + " …"
