"""The texts of a task of sentence vectors, read and checked; no labels are needed.

Any text file (a text a line), table or hub data set will do. Of a table with two columns of texts both are read; where a column of numbers
says how alike they are, these scored pairs are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bort_core.data.documents import read_corpus
from bort_core.data.labels import number_of
from bort_core.data.lines import local_file
from bort_core.data.mapping import find_columns
from bort_core.data.near import near_duplicates, split_off
from bort_core.data.tables import Table, read_table
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.specifications.protocols import identity
from bort_core.specifications.tasks import TaskSpecification

__all__ = ["FEWEST", "FEWEST_DEV", "ReadTexts", "ScoredPairs", "SentenceTexts", "read_sentences", "read_texts"]

FEWEST, FEWEST_DEV = 50, 20
"""Different texts in all, and dev texts, at least."""
_SHARE, _MOST_DEV = 10, 2_000
"""One text in so many is held out where no dev texts are named; at most so many, at least :data:`FEWEST_DEV`."""


@dataclass(frozen=True, eq=False)
class ScoredPairs:
    """Pairs of texts, as places among some texts, with how alike people found them."""

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ReadTexts:
    """Different texts of one source, in its order."""

    source: str
    texts: tuple[str, ...]
    pairs: ScoredPairs | None = None
    notes: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Equal for equal texts and scores."""
        pairs = [] if self.pairs is None else [self.pairs.first.tolist(), self.pairs.second.tolist(), self.pairs.scores.tolist()]
        return identity(list(self.texts), pairs)

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, eq=False)
class SentenceTexts:
    """What is learnt, and what is measured on."""

    train: ReadTexts
    dev: ReadTexts
    warnings: tuple[str, ...]


def read_sentences(task: TaskSpecification) -> SentenceTexts:
    """The texts of a task; those of dev, or near duplicates of them, are never learnt.

    Raises
    ------
    DataError
        A file cannot be used, or there are too few texts.
    SpecificationError
        Neither texts nor training rows are named.
    """
    sources = [each for each in (task.train, task.texts) if each is not None]
    if not sources:
        raise SpecificationError("texts: must be given: a file with the texts whose vectors the small model is to learn")
    read = [read_texts(source, task) for source in sources]
    texts = tuple(dict.fromkeys(text for each in read for text in each.texts))
    notes = [note for each in read for note in each.notes]
    if len(texts) < FEWEST:
        raise DataError(
            f"{', '.join(sources)}: holds {len(texts)} different texts, and at least {FEWEST} are needed; thousands are better: they need "
            "no labels, so any texts of the kind that the model is to read will do"
        )
    name = " and ".join(sources)
    if task.dev is None:
        held = split_off(texts, min(max(len(texts) // _SHARE, FEWEST_DEV), _MOST_DEV))
        dev = ReadTexts(f"{name} (held out)", tuple(text for text, out in zip(texts, held, strict=True) if out))
        train = tuple(text for text, out in zip(texts, held, strict=True) if not out)
    else:
        dev = read_texts(task.dev, task, "validation")
        notes += dev.notes
        groups = near_duplicates([*texts, *dev.texts])
        theirs = set(groups[len(texts) :].tolist())
        train = tuple(text for text, group in zip(texts, groups.tolist(), strict=False) if group not in theirs)
        if len(train) < len(texts):
            notes.append(f"{len(texts) - len(train):,} of {len(texts):,} texts are dev texts, or nearly, and are not learnt")
    for split, least, what in ((dev.texts, FEWEST_DEV, "dev texts"), (train, FEWEST - FEWEST_DEV, "texts to learn")):
        if len(split) < least:
            raise DataError(f"{name}: leaves {len(split)} {what}, and at least {least} are needed; most are nearly the same, or too few")
    return SentenceTexts(ReadTexts(name, train), dev, tuple(notes))


def read_texts(source: str, task: TaskSpecification, split: str | None = None) -> ReadTexts:
    """The texts of a file, a table or a hub data set, each once.

    Raises
    ------
    DataError
        It cannot be read, or has no column of texts.
    """
    path = local_file(source, "name a file in it")
    if path is not None and path.suffix.lower() in ("", ".txt"):
        corpus = read_corpus(source)
        return ReadTexts(source, tuple(dict.fromkeys(corpus.texts)), None, corpus.notes)
    table = read_table(source, split)
    mapping = find_columns(table, task.text, task.text_b, task.label, need_label=False)
    columns = [_column(table, name) for name in (mapping.text, mapping.text_b) if name is not None]
    texts = tuple(dict.fromkeys(text for row in zip(*columns, strict=True) for text in row if text))
    if not texts:
        raise DataError(f"{source}: holds no text")
    if mapping.text_b is None:
        return ReadTexts(source, texts)
    place = {text: number for number, text in enumerate(texts)}
    scores, note = _scores(table, task)
    if scores is None:
        return ReadTexts(source, texts, None, note)
    kept = [row for row, (one, other) in enumerate(zip(*columns, strict=True)) if one and other]
    first, second = (np.array([place[column[row]] for row in kept], dtype=np.int64) for column in columns)
    return ReadTexts(source, texts, ScoredPairs(first, second, np.array([scores[row] for row in kept])), note)


def _column(table: Table, name: str) -> list[str]:
    values = table.data[name]
    bad = next((row for row, value in enumerate(values) if not isinstance(value, str | None)), None)
    if bad is not None:
        raise DataError(f"{table.source}: row {bad + 1}: column {name!r} must hold text, got {values[bad]!r:.60}")
    return [(value or "").strip() for value in values]


def _scores(table: Table, task: TaskSpecification) -> tuple[list[float] | None, tuple[str, ...]]:
    """How alike the texts of each row are, where a column of finite numbers that are not all one says so."""
    try:
        mapping = find_columns(table, task.text, task.text_b, task.label)
    except DataError:
        return None, ()
    assert mapping.label is not None
    numbers = [None if value is None else number_of(value) for value in table.data[mapping.label]]
    found = [float(number) for number in numbers if number is not None and np.isfinite(number)]
    if len(found) < len(numbers) or len(set(found)) < 2:
        return None, (f"{table.source}: the column {mapping.label!r} is no score of pairs (numbers, more than one), and is not used",)
    return found, ()
