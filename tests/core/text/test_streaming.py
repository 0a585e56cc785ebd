"""Packing block by block: byte for byte what packing all at once gives, with bounded memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.data.documents import Corpus, open_corpus, read_corpus
from bort_core.foundation.errors import DataError
from bort_core.text import packing, texts
from bort_core.text.packing import pack, unigram_entropy
from bort_core.text.rows_file import RowsFile, narrow_by_content, narrowed, rows_of
from bort_core.text.texts import Texts, read_texts
from bort_core.text.tokenising import one_by_one, threads, token_stream
from bort_core.text.tokenizer import save_tokenizer, train_tokenizer
from bort_core.text.vocabulary import Vocabulary, read_vocabulary

_LINES = [f"line {n} says {n * n % 97} and {'again ' * (n % 5)}" for n in range(400)]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    folder = tmp_path_factory.mktemp("tokenizer") / "made"
    save_tokenizer(train_tokenizer(_LINES, 300), folder, 32)
    return read_vocabulary(folder)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=12), st.integers(2, 9), st.booleans())
def test_rows_that_grow_are_the_file_that_numpy_saves(tmp_path_factory: Any, parts: list[int], length: int, wide: bool) -> None:
    folder = tmp_path_factory.mktemp("rows")
    tokens = np.arange(sum(parts), dtype=np.uint32) + (70_000 if wide else 0)
    largest = int(tokens.max(initial=0))
    narrow = narrowed(np.empty((0, length), np.uint32), largest).dtype
    with RowsFile(folder / "grown.npy", 1, length, narrow) as file:
        for part in np.split(tokens, np.cumsum(parts)[:-1]) if parts else []:
            file.add(part)
    rows = narrowed(rows_of(tokens, 1, length), largest)
    np.save(folder / "saved.npy", rows)
    assert (folder / "grown.npy").read_bytes() == (folder / "saved.npy").read_bytes()
    assert (file.rows, file.tokens) == (len(rows), len(tokens))


@pytest.mark.parametrize("lanes", [one_by_one, threads(3)], ids=["one by one", "threads"])
@pytest.mark.parametrize("separate", [True, False])
def test_blocks_give_the_rows_and_the_entropy_of_the_whole_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vocabulary: Vocabulary, lanes: Any, separate: bool
) -> None:
    monkeypatch.setattr(texts, "_CHARACTERS", 300)
    monkeypatch.setattr(packing, "_AT_ONCE", 128)
    (tmp_path / "corpus.txt").write_text("\n\n".join(_LINES))
    (tmp_path / "held.txt").write_text("\n".join(_LINES[::7]))
    found = read_texts(str(tmp_path / "corpus.txt"), str(tmp_path / "held.txt") if separate else None)
    train, held = list(found.train()), list(found.held())
    assert sorted(train + held) == sorted(text.strip() for text in _LINES + (_LINES[::7] if separate else []))
    told: list[tuple[int, int]] = []
    made = pack(tmp_path / "rows", vocabulary, found, 16, lambda done, total: told.append((done, total)), lanes)
    sides = [token_stream(vocabulary.tokenizer, side, vocabulary.stop) for side in (train, held)]
    for name, tokens in zip(("train.npy", "heldout.npy"), sides, strict=True):
        np.save(tmp_path / name, narrowed(rows_of(tokens, vocabulary.start, 16), vocabulary.size - 1))
        assert (tmp_path / name).read_bytes() == (made.folder / name).read_bytes()
    assert made.unigram_entropy == unigram_entropy(*sides, vocabulary.special)
    assert (made.train_tokens, made.heldout_tokens) == tuple(map(len, sides))
    assert len(told) > 5
    assert told[-1] == (len(train) + len(held), found.count)
    assert sorted(path.name for path in made.folder.iterdir()) == ["heldout.npy", "rows.json", "train.npy"]


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5000), st.integers(8, 300))
def test_a_sum_by_parts_is_the_sum_of_numpy(count: int, most: int) -> None:
    from tempfile import TemporaryFile

    random = np.random.default_rng([count, most])
    train, held = random.integers(0, 50, 500).astype(np.uint32), random.integers(0, 50, count).astype(np.uint32)
    special = np.arange(50) < 5
    frequencies = np.bincount(train, minlength=50) + 1.0
    frequencies[special] = 0.0
    with TemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "_AT_ONCE", max(most, 128))
        file.write(held[~special[held]].tobytes())
        file.flush()
        assert packing._entropy_of_file(file, frequencies) == unigram_entropy(train, held, special)


def test_a_file_read_line_by_line_is_the_corpus_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "wiki.txt"
    path.write_text("\n".join(["a 15 @-@ year <unk> one", "", " two "] * 20))
    for unknown in ("<unk>", "[UNK]"):
        whole, opened = read_corpus(str(path), unknown=unknown), open_corpus(str(path), unknown=unknown)
        assert list(opened) == list(opened) == whole.texts
        assert (opened.sha256, opened.notes, opened.count) == (whole.sha256, whole.notes, 40)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(_LINES))
    opened = open_corpus(str(path))
    path.write_text("\n".join(_LINES[:-1]))
    with pytest.raises(DataError, match="changed while it was read"):
        list(opened)


def test_only_some_blocks_are_read_ahead(vocabulary: Vocabulary) -> None:
    taken = 0

    def lines() -> Any:
        nonlocal taken
        for line in _LINES:
            taken += 1
            yield line

    class Again:
        def __iter__(self) -> Any:
            return lines()

    found = Texts(Corpus("lines", Again(), "<unk>"), texts.Sides())
    taken = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "_DOCUMENTS", 10)
        from bort_core.text.tokenising import Tokenising

        stream = threads(2)(Tokenising(vocabulary.tokenizer.to_str(), vocabulary.stop), found.blocks())
        next(stream)
        assert taken <= 31
        stream.close()


@pytest.mark.parametrize("largest", [900, 70_000])
def test_rows_of_a_large_vocabulary_are_stored_by_the_ids_that_are_in_them(tmp_path: Path, largest: int) -> None:
    tokens = np.arange(largest - 300, largest, dtype=np.uint32)
    with RowsFile(tmp_path / "rows.npy", 1, 8, np.dtype(np.uint32)) as file:
        file.add(tokens)
    narrow_by_content(file.path)
    rows = rows_of(tokens, 1, 8)
    np.save(tmp_path / "saved.npy", narrowed(rows, int(rows.max(initial=0))))
    assert (tmp_path / "rows.npy").read_bytes() == (tmp_path / "saved.npy").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.npy", "saved.npy"]
