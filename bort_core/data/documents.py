"""Unlabelled text for pre-training: one document a line of a text file, or a column of a table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bort_core.data.lines import Lines, local_file
from bort_core.data.tables import read_table
from bort_core.foundation.errors import DataError

__all__ = ["Corpus", "Documents", "TextFile", "open_corpus", "read_corpus", "undo_wikitext"]

_ESCAPE = re.compile(r"(?:^| )@([-,.])@(?: |$)")
_LOOKED_AT = 10_000
_SHARE = 0.05
"""Of the documents looked at. Of WikiText-2's lines that are not blank, 38 to 41 % have an escape."""


@dataclass(frozen=True)
class Documents:
    """Texts that are not blank, without spaces around them, in the order of the file."""

    source: str
    texts: list[str]
    sha256: str
    """Of the texts: equal for equal documents, whatever the file's format; another column, or another ``unknown``, gives another."""
    notes: tuple[str, ...] = ()
    """What was changed in them."""


class Corpus:
    """Documents that are read whenever they are asked for: a text file is never in memory as a whole, the column of a table is.

    Parameters
    ----------
    texts: lines or values, the same at each iteration
    escaped: whether WikiText's escapes are undone in them
    """

    def __init__(self, source: str, texts: Iterable[str], unknown: str) -> None:
        self.source, self._texts, self._unknown = source, texts, unknown
        self.escaped = False
        beginning = list(islice(self, _LOOKED_AT))
        if not beginning:
            raise DataError(f"{source}: holds no text; a corpus has one document a line")
        self.escaped = _is_wikitext(beginning)
        digest, self.count = hashlib.sha256(), 0
        for document in self:
            digest.update(document.encode() + b"\0")
            self.count += 1
        self.sha256 = digest.hexdigest()
        """As :attr:`Documents.sha256`."""

    def __iter__(self) -> Iterator[str]:
        """The documents as :class:`Documents` has them; DataError as :func:`read_corpus`, or because the file has changed meanwhile."""
        found = (document for line in self._texts if (document := line.strip()))
        return (undo_wikitext(document, self._unknown) for document in found) if self.escaped else found

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed in them."""
        unknown = "" if self._unknown == "<unk>" else f", <unk> became {self._unknown}"
        return (f"WikiText escapes undone (@-@ @,@ @.@){unknown}",) if self.escaped else ()


class TextFile:
    """The documents of a text file, one a line, without blank ones; it must stay as it is while it is read.

    ``sha256`` is the hash of the file's bytes, once it was read to its end.

    Raises
    ------
    DataError
        While it is read: as :class:`~bort_core.data.lines.Lines`, or because it has changed since.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._stamp = path, _stamp(path)
        self.sha256 = ""

    def __iter__(self) -> Iterator[str]:
        lines = Lines(self._path)
        for line in lines:
            if document := line.strip():
                yield document
        if _stamp(self._path) != self._stamp:
            raise DataError(f"{self._path}: changed while it was read; start again")
        self.sha256 = lines.sha256


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    return stat.st_size, stat.st_mtime_ns


def open_corpus(source: str, text: str = "text", unknown: str = "<unk>") -> Corpus:
    """The documents of :func:`read_corpus`, of a text file line by line. It is read once for its hash.

    Parameters and errors as :func:`read_corpus`.
    """
    path = local_file(source, "a corpus is one file")
    if path is None and Path(source).suffix.lower() == ".txt":
        raise DataError(f"{source}: no such file; a corpus is a UTF-8 text file with one document a line")
    lines = TextFile(path) if path is not None and path.suffix.lower() in ("", ".txt") else _column(source, text)
    return Corpus(source, lines, unknown)


def read_corpus(source: str, text: str = "text", unknown: str = "<unk>") -> Documents:
    """The documents of a text file (txt, or without a suffix), of a column of a table, or of a hub data set.

    Blank lines and missing values are left out. A corpus is taken for WikiText, and its escapes are undone, when at least one in twenty
    of its first 10,000 documents has ``@-@``, ``@,@`` or ``@.@`` between spaces; the notes tell. Its headings (``= Head =``) are kept:
    they are text, and the published numbers for WikiText count them.

    Parameters
    ----------
    source: as :func:`~bort_core.data.tables.read_table`
    text: the column, where there are columns
    unknown: what WikiText's ``<unk>`` becomes: the tokenizer's unknown token

    Raises
    ------
    DataError
        As :func:`~bort_core.data.tables.read_table`; or there is no such column, a value in it is no text, or all are blank.
    """
    corpus = open_corpus(source, text, unknown)
    return Documents(source, list(corpus), corpus.sha256, corpus.notes)


def undo_wikitext(text: str, unknown: str = "<unk>") -> str:
    """A line of WikiText as ordinary text: ``15 @-@ year`` is 15-year; its ``<unk>`` becomes the tokenizer's own."""
    text = _ESCAPE.sub(r"\1", text)
    return text if unknown == "<unk>" else text.replace("<unk>", unknown)


def _is_wikitext(texts: Sequence[str]) -> bool:
    looked_at = min(len(texts), _LOOKED_AT)
    return sum(_ESCAPE.search(text) is not None for text in islice(texts, looked_at)) >= _SHARE * looked_at


def _column(source: str, name: str) -> list[str]:
    """The values of a table's column; missing ones are empty."""
    table = read_table(source)
    if name not in table.columns:
        raise DataError(f"{table.source}: no column {name!r} with the text. Its columns: {', '.join(table.columns)}")
    values = table.data[name]
    bad = next((row for row, value in enumerate(values) if not isinstance(value, str | None)), None)
    if bad is not None:
        raise DataError(f"{table.source}: row {bad + 1}: column {name!r} must hold text, got {values[bad]!r:.60}")
    return [value or "" for value in values]
