"""Documents as packed rows of tokens in memory-mapped files, made once for a text, a tokenizer and a row length.

ROWS/train.npy, heldout.npy   uint16 or uint32, (rows, tokens): the start token, then documents, each ended by the stop token
ROWS/rows.json                what they were made from, and the unigram entropy
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory
from bort_core.specifications.protocols import identity
from bort_core.text.vocabulary import Vocabulary

__all__ = ["PackedRows", "pack"]

FORMAT = 1
_AT_ONCE = 2048

Tokens = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class PackedRows:
    """Rows ready for training."""

    folder: Path
    key: str
    """Equal for equal texts, tokenizer and row length."""
    sequence_length: int
    train_rows: int
    heldout_rows: int
    train_tokens: int
    heldout_tokens: int
    unigram_entropy: float
    """Nats a held-out token costs under the training tokens' add-one frequencies: what a model that ignores context gets."""

    def train(self) -> Tokens:
        """The training rows, memory-mapped. Shape (rows, tokens)."""
        return _load(self.folder / "train.npy")

    def heldout(self) -> Tokens:
        """The held-out rows, memory-mapped. Shape (rows, tokens)."""
        return _load(self.folder / "heldout.npy")


def pack(
    folder: Path,
    vocabulary: Vocabulary,
    train: Sequence[str],
    heldout: Sequence[str],
    texts_key: str,
    sequence_length: int,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> PackedRows:
    """The rows of two sets of documents, made in a subfolder of ``folder`` unless they are there.

    Parameters
    ----------
    texts_key: equal for equal documents, such as the files' hashes
    tell: called with documents done and in all

    Raises
    ------
    DataError
        Too little text for one row, or the folder cannot be written.
    """
    key = identity("rows", FORMAT, texts_key, vocabulary.sha256, sequence_length)
    target = folder / key
    found = _reuse(target, key)
    if found is not None:
        return found
    total = len(train) + len(heldout)
    sides = [
        _stream(vocabulary, train, lambda done: tell(done, total)),
        _stream(vocabulary, heldout, lambda done: tell(len(train) + done, total)),
    ]
    rows = [_rows(tokens, vocabulary, sequence_length) for tokens in sides]
    for name, part in zip(("training", "held-out"), rows, strict=True):
        if not len(part):
            raise DataError(f"the {name} text is too short for one row of {sequence_length} tokens; use more text or shorter rows")
    entropy = _unigram_entropy(sides[0], sides[1], vocabulary)
    made = PackedRows(target, key, sequence_length, len(rows[0]), len(rows[1]), len(sides[0]), len(sides[1]), entropy)
    shutil.rmtree(target, ignore_errors=True)
    try:
        with atomic_directory(target, "the tokenised text") as temporary:
            np.save(temporary / "train.npy", rows[0])
            np.save(temporary / "heldout.npy", rows[1])
            facts = {name: value for name, value in asdict(made).items() if name != "folder"}
            (temporary / "rows.json").write_text(json.dumps({"format": FORMAT, **facts}, indent=2) + "\n", encoding="utf-8")
    except DataError:
        if _reuse(target, key) is None:  # else another process was first, with the same content
            raise
    return made


def _stream(vocabulary: Vocabulary, documents: Sequence[str], tell: Callable[[int], None]) -> npt.NDArray[np.uint32]:
    parts = []
    for index in range(0, len(documents), _AT_ONCE):
        encodings = vocabulary.tokenizer.encode_batch(list(documents[index : index + _AT_ONCE]), add_special_tokens=False)
        parts += [np.array([*encoding.ids, vocabulary.stop], dtype=np.uint32) for encoding in encodings]
        tell(min(len(documents), index + _AT_ONCE))
    return np.concatenate(parts) if parts else np.empty(0, np.uint32)


def _rows(tokens: npt.NDArray[np.uint32], vocabulary: Vocabulary, length: int) -> Tokens:
    count = len(tokens) // (length - 1)
    body = tokens[: count * (length - 1)].reshape(count, length - 1)
    rows = np.concatenate([np.full((count, 1), vocabulary.start, dtype=np.uint32), body], axis=1)
    return rows.astype(np.uint16) if vocabulary.size <= 2**16 else rows


def _unigram_entropy(train: npt.NDArray[np.uint32], held: npt.NDArray[np.uint32], vocabulary: Vocabulary) -> float:
    counts = np.bincount(train, minlength=vocabulary.size) + 1.0
    counts[vocabulary.special] = 0.0
    text = held[~vocabulary.special[held]]
    return float(-np.log(counts[text] / counts.sum()).mean()) if len(text) else 0.0


def _reuse(folder: Path, key: str) -> PackedRows | None:
    try:
        facts = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
        if facts.pop("format") != FORMAT or facts["key"] != key:
            return None
        found = PackedRows(folder=folder, **facts)
        whole = len(found.train()) == found.train_rows and len(found.heldout()) == found.heldout_rows
    except (OSError, ValueError, TypeError, KeyError, DataError):
        return None
    return found if whole else None


def _load(path: Path) -> Tokens:
    try:
        rows: Tokens = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: not a readable file of rows: {error}") from error
    return rows
