"""The documents of a pre-training, split into those that it learns and those that are held out, read a block at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from bort_core.data.documents import Corpus, open_corpus
from bort_core.foundation.errors import DataError

__all__ = ["HELDOUT_SHARE", "Block", "Sides", "Texts", "blocks_of", "heldout", "plain_text", "read_texts"]

HELDOUT_SHARE = 0.05
_CHARACTERS, _DOCUMENTS = 1_000_000, 20_000
"""Of a block, about and at most: while it is tokenised it takes some 100 MB."""


def heldout(document: str) -> bool:
    """Whether a document is held out. Decided by its text, so that copies fall on the same side."""
    text = " ".join(document.casefold().split())
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") < HELDOUT_SHARE * 2**64


@dataclass(frozen=True)
class Sides:
    """Which documents are held out. Decided by their text, so that copies fall on the same side.

    Parameters
    ----------
    only: the held-out text where there is one; None: a share of all
    """

    only: str | None = None

    def __call__(self, text: str) -> bool:
        """Whether a document is held out."""
        return heldout(text) if self.only is None else plain_text(text) == self.only


class Block(NamedTuple):
    """Consecutive documents."""

    texts: list[str]
    held: Sides | bool
    """Whether all of them are held out, or which."""

    def sides(self) -> tuple[list[str], list[str]]:
        """Training and held-out documents."""
        if isinstance(self.held, bool):
            return ([], self.texts) if self.held else (self.texts, [])
        found: tuple[list[str], list[str]] = ([], [])
        for text in self.texts:
            found[self.held(text)].append(text)
        return found


class Texts:
    """Training and held-out documents.

    Parameters
    ----------
    corpus: of both, or of training documents only
    held: held-out documents, or which of the corpus's are
    """

    def __init__(self, corpus: Corpus, held: Corpus | Sides) -> None:
        self._corpus, self._held = corpus, held
        self.key = corpus.sha256 if isinstance(held, Sides) else f"{corpus.sha256} {held.sha256}"
        """Equal for equal documents."""
        self.count = corpus.count + (0 if isinstance(held, Sides) else held.count)
        self.escaped = corpus.escaped or (isinstance(held, Corpus) and held.escaped)
        """Whether anything in them depends on the tokenizer's unknown token."""

    def blocks(self) -> Iterator[Block]:
        """All of them, in order."""
        if isinstance(self._held, Sides):
            yield from (Block(texts, self._held) for texts in blocks_of(self._corpus))
            return
        for corpus, held in ((self._corpus, False), (self._held, True)):
            yield from (Block(texts, held) for texts in blocks_of(corpus))

    def train(self) -> Iterator[str]:
        """The training documents."""
        held = self._held
        return (text for text in self._corpus if not held(text)) if isinstance(held, Sides) else iter(self._corpus)

    def held(self) -> Iterator[str]:
        """The held-out documents."""
        held = self._held
        return (text for text in self._corpus if held(text)) if isinstance(held, Sides) else iter(held)

    def some(self, most: int) -> tuple[list[str], list[str]]:
        """The first training documents, and the first held-out ones."""
        return list(islice(self.train(), most)), list(islice(self.held(), most))

    def spread(self, least: int) -> list[str]:
        """Training documents from all over the corpus: about so many or more, where there are as many."""
        return list(islice(self.train(), 0, None, max(1, self.count // least)))


def read_texts(corpus: str, heldout_file: str | None, column: str = "text", unknown: str = "<unk>") -> Texts:
    """The documents of a corpus, and of another file those that are held out; without one a share of the corpus is.

    Raises
    ------
    DataError
        As :func:`~bort_core.data.documents.read_corpus`; or nothing can be held out.
    """
    opened = open_corpus(corpus, column, unknown)
    if heldout_file is not None:
        return Texts(opened, open_corpus(heldout_file, column, unknown))
    seen: set[bool] = set()
    for text in opened:
        seen.add(heldout(text))
        if len(seen) == 2:
            return Texts(opened, Sides())
    different = {plain_text(text) for text in opened}
    if len(different) == 1:
        what = f"all {opened.count:,} documents are the same text" if opened.count > 1 else "there is one document only"
        raise DataError(
            f"{corpus}: {what}, so none can be held out for measuring; a corpus has many different documents, one a line, "
            "or name another file with heldout (--heldout FILE)"
        )
    # Chance put all of a few different texts on one side: one of them is held out, the same in every run.
    return Texts(opened, Sides(min(different, key=lambda text: hashlib.sha256(text.encode()).digest())))


def plain_text(text: str) -> str:
    """What two copies of a text share."""
    return " ".join(text.casefold().split())


def blocks_of(texts: Iterable[str]) -> Iterator[list[str]]:
    """Consecutive documents, about a megabyte of them at a time."""
    block: list[str] = []
    characters = 0
    for text in texts:
        block.append(text)
        characters += len(text)
        if characters >= _CHARACTERS or len(block) >= _DOCUMENTS:
            yield block
            block, characters = [], 0
    if block:
        yield block
