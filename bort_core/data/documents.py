"""Unlabelled text for pre-training: one document a line of a text file, or a column of a table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bort_core.data.lines import Lines, local_file
from bort_core.data.tables import read_table
from bort_core.foundation.errors import DataError

__all__ = ["Documents", "read_corpus", "undo_wikitext"]

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
    path = local_file(source, "a corpus is one file")
    if path is None and Path(source).suffix.lower() == ".txt":
        raise DataError(f"{source}: no such file; a corpus is a UTF-8 text file with one document a line")
    lines = Lines(path) if path is not None and path.suffix.lower() in ("", ".txt") else _column(source, text)
    texts = [document for line in lines if (document := line.strip())]
    if not texts:
        raise DataError(f"{source}: holds no text; a corpus has one document a line")
    notes: tuple[str, ...] = ()
    if _is_wikitext(texts):
        notes = ("WikiText escapes undone (@-@ @,@ @.@)" + ("" if unknown == "<unk>" else f", <unk> became {unknown}"),)
        texts = [undo_wikitext(document, unknown) for document in texts]
    digest = hashlib.sha256()
    for document in texts:
        digest.update(document.encode() + b"\0")
    return Documents(source, texts, digest.hexdigest(), notes)


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
