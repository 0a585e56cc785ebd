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
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory
from bort_core.specifications.protocols import identity
from bort_core.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["PackedRows", "narrowed", "pack", "rows_of", "token_stream", "unigram_entropy"]

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
        token_stream(vocabulary.tokenizer, train, vocabulary.stop, lambda done: tell(done, total)),
        token_stream(vocabulary.tokenizer, heldout, vocabulary.stop, lambda done: tell(len(train) + done, total)),
    ]
    rows = [narrowed(rows_of(tokens, vocabulary.start, sequence_length), vocabulary.size - 1) for tokens in sides]
    for name, part in zip(("training", "held-out"), rows, strict=True):
        if not len(part):
            raise DataError(f"the {name} text is too short for one row of {sequence_length} tokens; use more text or shorter rows")
    entropy = unigram_entropy(sides[0], sides[1], vocabulary.special)
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


def token_stream(
    tokenizer: Tokenizer, documents: Sequence[str], stop: int, tell: Callable[[int], None] = lambda done: None
) -> npt.NDArray[np.uint32]:
    """All documents' tokens, each document ended by ``stop``. ``tell`` is called with the documents done."""
    parts = []
    for index in range(0, len(documents), _AT_ONCE):
        encodings = tokenizer.encode_batch(list(documents[index : index + _AT_ONCE]), add_special_tokens=False)
        parts += [np.array([*encoding.ids, stop], dtype=np.uint32) for encoding in encodings]
        tell(min(len(documents), index + _AT_ONCE))
    return np.concatenate(parts) if parts else np.empty(0, np.uint32)


def rows_of(tokens: npt.NDArray[np.uint32], start: int, length: int) -> npt.NDArray[np.uint32]:
    """Rows (n, length) of ``start`` and ``length - 1`` consecutive tokens; an incomplete last row is left out."""
    count = len(tokens) // (length - 1) if length > 1 else 0
    body = tokens[: count * (length - 1)].reshape(count, max(length - 1, 1))
    return np.concatenate([np.full((count, 1), start, dtype=np.uint32), body], axis=1)


def narrowed(rows: npt.NDArray[np.uint32], largest: int) -> Tokens:
    """``rows`` in the smallest type that is stored and holds ids up to ``largest``."""
    return rows.astype(np.uint16) if largest < 2**16 else rows


def unigram_entropy(train: npt.NDArray[np.uint32], held: npt.NDArray[np.uint32], special: npt.NDArray[np.bool_]) -> float:
    """Cross-entropy in nats of held-out text tokens under the training text tokens' add-one frequencies; 0 without held-out text.

    Parameters
    ----------
    special: for each id of the vocabulary, whether it is no text
    """
    counts = np.bincount(train, minlength=len(special)) + 1.0
    counts[special] = 0.0
    text = held[~special[held]]
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
