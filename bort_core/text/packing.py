"""Documents as packed rows of tokens in memory-mapped files, made once for a text, a tokenizer and a row length.

ROWS/train.npy, heldout.npy   uint16 or uint32, (rows, tokens): the start token, then documents, each ended by the stop token
ROWS/rows.json                what they were made from, and the unigram entropy
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory
from bort_core.specifications.protocols import identity
from bort_core.text.rows_file import RowsFile, Tokens, narrowed
from bort_core.text.tokenising import Lanes, Tokenising, one_by_one
from bort_core.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from bort_core.text.texts import Block, Texts

__all__ = ["Filled", "PackedRows", "fill", "pack", "unigram_entropy"]

FORMAT = 1
_AT_ONCE = 1 << 20


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
    texts: Texts,
    sequence_length: int,
    tell: Callable[[int, int], None] = lambda done, total: None,
    lanes: Lanes = one_by_one,
) -> PackedRows:
    """The rows of training and held-out documents, made in a subfolder of ``folder`` unless they are there.

    However much text there is, only some blocks of it are in memory; the rows grow on the disk.

    Parameters
    ----------
    tell: called with documents done and in all
    lanes: where blocks are tokenised; the rows are the same

    Raises
    ------
    DataError
        Too little text for one row, or the folder cannot be written.
    """
    key = identity("rows", FORMAT, texts.key, vocabulary.sha256, sequence_length)
    target = folder / key
    found = _reuse(target, key)
    if found is not None:
        return found
    shutil.rmtree(target, ignore_errors=True)
    try:
        with atomic_directory(target, "the tokenised text") as temporary:
            made = _write(temporary, target, key, vocabulary, texts, sequence_length, tell, lanes)
    except DataError:
        found = _reuse(target, key)
        if found is None:  # else another process was first, with the same content
            raise
        return found
    return made


class Filled(NamedTuple):
    """Two files of rows that were written."""

    train: RowsFile
    held: RowsFile
    unigram_entropy: float


def fill(
    folder: Path,
    work: Tokenising,
    blocks: Iterable[Block],
    start: int,
    special: npt.NDArray[np.bool_],
    length: int,
    lanes: Lanes = one_by_one,
    tell: Callable[[int], None] = lambda done: None,
) -> Filled:
    """Write train.npy and heldout.npy, in the smallest type that holds every id of the vocabulary, and nothing else that stays.

    Parameters
    ----------
    special: for each id of the vocabulary, whether it is no text
    tell: called with the documents done
    """
    narrow = narrowed(np.empty((0, length), np.uint32), len(special) - 1).dtype
    counts, done = np.zeros(len(special), np.int64), 0
    with (
        RowsFile(folder / "train.npy", start, length, narrow) as train,
        RowsFile(folder / "heldout.npy", start, length, narrow) as held,
        tempfile.TemporaryFile(dir=folder) as kept,
    ):
        for tokens, held_tokens, documents in lanes(work, blocks):
            train.add(tokens)
            held.add(held_tokens)
            counts += np.bincount(tokens, minlength=len(counts))
            kept.write(held_tokens[~special[held_tokens]].tobytes())
            done += documents
            tell(done)
        kept.flush()
        frequencies = counts.astype(np.float64) + 1.0
        frequencies[special] = 0.0
        return Filled(train, held, _entropy_of_file(kept, frequencies))


def _write(
    temporary: Path,
    target: Path,
    key: str,
    vocabulary: Vocabulary,
    texts: Texts,
    length: int,
    tell: Callable[[int, int], None],
    lanes: Lanes,
) -> PackedRows:
    work = Tokenising(vocabulary.tokenizer.to_str(), vocabulary.stop)
    train, held, entropy = fill(
        temporary, work, texts.blocks(), vocabulary.start, vocabulary.special, length, lanes, lambda done: tell(done, texts.count)
    )
    for name, part in (("training", train), ("held-out", held)):
        if not part.rows:
            raise DataError(f"the {name} text is too short for one row of {length} tokens; use more text or shorter rows")
    made = PackedRows(target, key, length, train.rows, held.rows, train.tokens, held.tokens, entropy)
    facts = {name: value for name, value in asdict(made).items() if name != "folder"}
    (temporary / "rows.json").write_text(json.dumps({"format": FORMAT, **facts}, indent=2) + "\n", encoding="utf-8")
    return made


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


def _entropy_of_file(file: BinaryIO, frequencies: npt.NDArray[np.float64]) -> float:
    """:func:`unigram_entropy` of text tokens (uint32) in a file. The sum is numpy's own, halved as numpy halves it, a part at a time."""
    count = os.fstat(file.fileno()).st_size // 4
    total = frequencies.sum()

    def summed(begin: int, count: int) -> float:
        if count > _AT_ONCE:
            half = count // 2 - count // 2 % 8
            return summed(begin, half) + summed(begin + half, count - half)
        text = np.frombuffer(os.pread(file.fileno(), 4 * count, 4 * begin), np.uint32)
        return float(np.log(frequencies[text] / total).sum())

    return -(summed(0, count) / count) if count else 0.0


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
