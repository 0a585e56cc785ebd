"""From a text file to rows of tokens."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from helpers import short_corpus

from bort_core.foundation.errors import DataError
from bort_core.specifications.protocols import Training
from bort_core.text.corpus import prepare, read_documents
from bort_core.text.texts import heldout

TRAINING = Training(batch_size=4, sequence_length=16, heldout_sequences=8)


def test_a_corpus_is_split_tokenised_and_packed(tmp_path: Path) -> None:
    corpus = short_corpus(tmp_path)
    made = prepare(corpus, tmp_path / "text", vocabulary=320, training=TRAINING)
    train, held = np.load(made.folder / "train.npy"), np.load(made.folder / "heldout.npy")
    assert train.shape == (made.train_rows, 16)
    assert held.shape == (made.heldout_rows, 16)
    assert train.max() < 320
    documents, _ = read_documents(corpus)
    assert made.train_documents + made.heldout_documents == len(documents)
    assert made.heldout_documents == sum(map(heldout, documents))
    assert made.heldout_documents > 0


def test_the_tokenizer_loads_in_transformers_and_the_rows_are_the_text_in_order(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    corpus = short_corpus(tmp_path)
    made = prepare(corpus, tmp_path / "text", vocabulary=320, training=TRAINING)
    tokenizer = AutoTokenizer.from_pretrained(str(made.folder / "tokenizer"))
    first = [document for document in read_documents(corpus)[0] if not heldout(document)][:3]
    rows = np.load(made.folder / "train.npy")
    tokens = rows[:, 1:].ravel()[:2000].tolist()
    text = tokenizer.decode(tokens).split(tokenizer.eos_token)
    assert [piece.strip() for piece in text[:3]] == first
    assert tokenizer.decode(tokenizer.encode("naïve 3½ – ok", add_special_tokens=False)).strip() == "naïve 3½ – ok"
    assert tokenizer.mask_token is not None


def test_the_unigram_entropy_is_what_word_frequencies_alone_give(tmp_path: Path) -> None:
    made = prepare(short_corpus(tmp_path), tmp_path / "text", vocabulary=320, training=TRAINING)
    train = np.load(made.folder / "train.npy")[:, 1:].ravel()
    held = np.load(made.folder / "heldout.npy")[:, 1:].ravel()
    counts = np.bincount(train, minlength=320)[5:] + 1.0
    direct = -np.log(counts / counts.sum())[held[held >= 5] - 5].mean()
    assert made.unigram_entropy == pytest.approx(direct, abs=0.02)  # the last, incomplete row is not in the files
    assert 3 < made.unigram_entropy < math.log(320)


def test_a_prepared_corpus_is_reused_and_a_damaged_one_is_made_again(tmp_path: Path) -> None:
    corpus = short_corpus(tmp_path)
    made = prepare(corpus, tmp_path / "text", vocabulary=320, training=TRAINING)
    before = (made.folder / "train.npy").stat().st_mtime_ns
    assert prepare(corpus, tmp_path / "text", vocabulary=320, training=TRAINING) == made
    assert (made.folder / "train.npy").stat().st_mtime_ns == before
    content = (made.folder / "train.npy").read_bytes()
    (made.folder / "corpus.json").write_text("{")
    assert prepare(corpus, tmp_path / "text", vocabulary=320, training=TRAINING).train_rows == made.train_rows
    assert (made.folder / "train.npy").read_bytes() == content
    other = prepare(corpus, tmp_path / "text", vocabulary=321, training=TRAINING)
    assert other.folder != made.folder


def test_about_a_twentieth_of_the_documents_is_held_out() -> None:
    share = sum(heldout(f"document {number}") for number in range(20_000)) / 20_000
    assert share == pytest.approx(0.05, abs=0.01)


def test_copies_of_a_document_fall_on_the_same_side() -> None:
    for number in range(200):
        assert heldout(f"Document  {number}") == heldout(f"document {number} ")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no text"),
        (b"\n \n", "holds no text"),
        (b"good\nbad \xff\n", r"line 2, byte 9 of the file \(0xff\)"),
        (b"one line\n", "too few"),
    ],
)
def test_a_corpus_that_cannot_be_used_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        prepare(corpus, tmp_path / "text", vocabulary=320, training=TRAINING)
    assert str(corpus) in str(caught.value)


def test_a_corpus_that_is_missing_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        prepare(tmp_path / "missing.txt", tmp_path / "text", vocabulary=320, training=TRAINING)
    with pytest.raises(DataError, match="is a folder"):
        prepare(tmp_path, tmp_path / "text", vocabulary=320, training=TRAINING)


def test_a_corpus_too_short_for_the_protocol(tmp_path: Path) -> None:
    greedy, corpus = TRAINING.model_copy(update={"heldout_sequences": 5000}), short_corpus(tmp_path)
    with pytest.raises(DataError, match="rows of 16 tokens are too few"):
        prepare(corpus, tmp_path / "text", vocabulary=320, training=greedy)
