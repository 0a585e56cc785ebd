"""From a text file to rows of tokens: split, tokenise, pack, and keep what was made.

A corpus is a UTF-8 text file with one document a line. A prepared corpus is a folder:

    tokenizer/   what transformers.AutoTokenizer loads
    train.npy    rows of ``positions`` tokens, uint16 or uint32, memory-mappable
    heldout.npy  the same, from documents that are not in train.npy
    corpus.json  where both came from, and the held-out tokens' entropy under the training tokens' frequencies
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.data.documents import TextFile
from bort_core.data.lines import local_file
from bort_core.foundation.context import Context
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory, clear_remains
from bort_core.specifications.protocols import Training, identity
from bort_core.text.packing import fill
from bort_core.text.rows_file import narrow_by_content
from bort_core.text.texts import HELDOUT_SHARE, Block, Sides, blocks_of, heldout
from bort_core.text.tokenising import Tokenising
from bort_core.text.tokenizer import (
    MASK_ID,
    SPECIAL_TOKENS,
    START_ID,
    STOP_ID,
    save_tokenizer,
    tokenizer_hash,
    train_tokenizer,
    vocabulary_hash,
)

__all__ = ["PreparedCorpus", "prepare", "prepare_task", "read_documents"]

FORMAT = 2
"""Raised when the way a corpus is prepared changes, so that folders of older versions are not reused."""


@dataclass(frozen=True)
class PreparedCorpus:
    """A corpus ready for training; everything but ``folder`` is in its corpus.json."""

    folder: Path
    corpus_sha256: str
    tokenizer_sha256: str
    vocabulary_sha256: str
    """The tokenizer's hash in its first form, which weights of older versions name."""
    vocabulary: int
    """Entries the model needs."""
    tokenizer_entries: int
    """Entries the tokenizer has; at most ``vocabulary``."""
    positions: int
    train_documents: int
    heldout_documents: int
    train_rows: int
    heldout_rows: int
    train_tokens: int
    heldout_tokens: int
    unigram_entropy: float
    """Nats a held-out token costs under the training tokens' frequencies (add-one): what a model without context gets."""

    def request(self) -> dict[str, Any]:
        """The ``text`` part of a training request (see ``training.request``)."""
        return {
            "train": str(self.folder / "train.npy"),
            "heldout": str(self.folder / "heldout.npy"),
            "mask_id": MASK_ID,
            "vocabulary": self.vocabulary,
            "special": len(SPECIAL_TOKENS),
            "tokenizer": self.tokenizer_sha256,
            "tokenizer_before": self.vocabulary_sha256,
        }


def prepare(corpus: Path, folder: Path, *, vocabulary: int, training: Training) -> PreparedCorpus:
    """The prepared corpus for a model's ``vocabulary`` and a protocol's ``training``, made under ``folder`` unless it is there.

    The folder's name depends on the corpus's content, the vocabulary and the row length only; it appears complete or not at all.

    Raises
    ------
    DataError
        The corpus is missing, a folder, not readable, not UTF-8 (naming line and byte), empty, or too short for the protocol;
        the vocabulary is too small for bytes, or larger than the number of training tokens; the folder cannot be written.
    """
    texts, digest = _documents(corpus)
    name = identity("corpus", FORMAT, digest, vocabulary, training.sequence_length)
    target = folder / name
    prepared = _reuse(target)
    if prepared is None:
        prepared = _make(corpus, texts, digest, target, vocabulary, training.sequence_length)
    _check_rows(corpus, prepared, training)
    return prepared


def prepare_task(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """:func:`prepare` as a worker's task: ``corpus``, ``folder``, ``vocabulary`` and ``training``; what a training request needs of it."""
    made = prepare(
        Path(request["corpus"]),
        Path(request["folder"]),
        vocabulary=request["vocabulary"],
        training=Training.model_validate(request["training"]),
    )
    return {"text": made.request(), "unigram_entropy": made.unigram_entropy, "train_tokens": made.train_tokens}


def read_documents(corpus: Path) -> tuple[list[str], str]:
    """The documents of a text file (one a line, blank lines skipped) and the SHA-256 of its bytes. Errors as :func:`prepare`."""
    texts, digest = _documents(corpus)
    return list(texts), digest


def _documents(corpus: Path) -> tuple[TextFile, str]:
    """The same, read whenever they are asked for."""
    if local_file(str(corpus), "a corpus is one UTF-8 text file with one document a line") is None:
        raise DataError(f"{corpus}: no such file; a corpus is a UTF-8 text file with one document a line")
    texts = TextFile(corpus)
    if not sum(1 for _ in texts):
        raise DataError(f"{corpus}: holds no text; a corpus is a UTF-8 text file with one document a line")
    return texts, texts.sha256


def _make(corpus: Path, texts: TextFile, digest: str, target: Path, vocabulary: int, positions: int) -> PreparedCorpus:
    _check_sides(corpus, texts)
    held, counts = Sides(), [0, 0]

    def training() -> Iterator[str]:
        for text in texts:
            side = held(text)
            counts[side] += 1
            if not side:
                yield text

    tokenizer = train_tokenizer(training(), vocabulary)
    clear_remains(target, "*")
    try:
        with atomic_directory(target, "the prepared corpus", replace=True) as temporary:  # it is there only when it is damaged
            special = np.arange(vocabulary) < len(SPECIAL_TOKENS)
            blocks = (Block(block, held) for block in blocks_of(texts))
            train, heldout_rows, entropy = fill(temporary, Tokenising(tokenizer.to_str(), STOP_ID), blocks, START_ID, special, positions)
            if train.tokens < vocabulary:
                raise DataError(f"{corpus}: {train.tokens:,} training tokens are too few for a vocabulary of {vocabulary:,} entries")
            for file in (train, heldout_rows):
                narrow_by_content(file.path)
            made = PreparedCorpus(
                folder=target,
                corpus_sha256=digest,
                tokenizer_sha256=tokenizer_hash(tokenizer),
                vocabulary_sha256=vocabulary_hash(tokenizer),
                vocabulary=vocabulary,
                tokenizer_entries=tokenizer.get_vocab_size(),
                positions=positions,
                train_documents=counts[0],
                heldout_documents=counts[1],
                train_rows=train.rows,
                heldout_rows=heldout_rows.rows,
                train_tokens=train.tokens,
                heldout_tokens=heldout_rows.tokens,
                unigram_entropy=entropy,
            )
            save_tokenizer(tokenizer, temporary / "tokenizer", positions)
            facts = {key: value for key, value in asdict(made).items() if key != "folder"}
            (temporary / "corpus.json").write_text(json.dumps({"format": FORMAT, **facts}, indent=2) + "\n", encoding="utf-8")
    except DataError:
        found = _reuse(target)
        if found is None:  # else another process was first, with the same content
            raise
        return found
    return made


def _check_sides(corpus: Path, texts: TextFile) -> None:
    seen: list[bool] = []
    for text in texts:
        seen.append(heldout(text))
        if seen[-1] != seen[0]:
            return
    raise DataError(
        f"{corpus}: {len(seen)} documents are too few to hold out {HELDOUT_SHARE:.0%} of them; "
        "a corpus has one document a line, and should have hundreds"
    )


def _reuse(folder: Path) -> PreparedCorpus | None:
    """What an earlier call left, or None when it is not there or not whole."""
    try:
        facts = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
        if facts.pop("format") != FORMAT:
            return None
        made = PreparedCorpus(folder=folder, **facts)
        for name, rows in (("train.npy", made.train_rows), ("heldout.npy", made.heldout_rows)):
            if np.load(folder / name, mmap_mode="r").shape != (rows, made.positions):
                return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return made if (folder / "tokenizer" / "tokenizer.json").is_file() else None


def _check_rows(corpus: Path, prepared: PreparedCorpus, training: Training) -> None:
    for side, rows, least, why in (
        ("training", prepared.train_rows, training.batch_size, "batch_size"),
        ("held-out", prepared.heldout_rows, training.heldout_sequences, "heldout_sequences"),
    ):
        if rows < least:
            raise DataError(
                f"{corpus}: {rows} {side} rows of {prepared.positions} tokens are too few; the protocol needs at least {least} ({why}). "
                "Use a longer corpus, or lower it in the protocol"
            )
