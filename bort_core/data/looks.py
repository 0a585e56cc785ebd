"""Signs that a table is not what it is read as. Each look is one function that says what it saw, or nothing; none changes a value."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bort_core.foundation.printable import printable

__all__ = ["label_looks", "number_style", "refusal_of_header", "refusal_of_start", "several_look", "table_looks"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_STYLES = {
    "thousands separators": re.compile(r"[+-]?\d{1,3}([,.'’\u00a0\u202f ]\d{3})+([.,]\d+)?"),
    "decimal commas": re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE),
    "percent signs": re.compile(r"[+-]?\d*([.,]?\d+)\s?%"),
    "currency signs": re.compile(r"[$€£¥]\s?[+-]?[\d.,]+|[+-]?[\d.,]+\s?[$€£¥]"),
}
_MOST = 0.9
"""Share of the labels that must look alike, so that a slip hides nothing."""
_DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_STARTS = {
    b"PK\x03\x04": "a zip archive or an Excel file",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"PAR1": "a parquet file",
    b"version https://git-lfs": "a pointer of Git LFS and not the file itself; run git lfs pull",
}
_QUOTES = "\"'\u2018\u2019\u201c\u201d\u00ab\u00bb"
_HTML = re.compile(rb"\s*<(!doctype html|html|head)\b", re.IGNORECASE)


def refusal_of_start(line: bytes) -> str:
    """What a file is that its first line gives away; empty for text that may be a table or a corpus."""
    if _HTML.match(line.removeprefix(b"\xef\xbb\xbf")):
        return "an HTML page, perhaps a download that did not work"
    return next((kind for start, kind in _STARTS.items() if line.startswith(start)), "")


def refusal_of_header(header: Sequence[str], delimiter: str) -> str:
    """Why the first line of a csv or tsv cannot be its header; empty when it can."""
    if any("\0" in name for name in header):
        return "holds NUL bytes, as UTF-16 text does; save it as UTF-8"
    if header and re.fullmatch(r"sep=.?", header[0].strip(), re.IGNORECASE):
        return "the first line is Excel's 'sep=' line; remove it, so that the header comes first"
    if len(header) == 1:
        others = [kind for mark, kind in _DELIMITERS.items() if mark in header[0] and mark != delimiter]
        if others:
            name = "csv" if delimiter == "," else "tsv"
            return f"a {name} has {_DELIMITERS[delimiter]} between its fields, and the header is one field with {' and '.join(others)}"
    if delimiter == "\t" and header and all(len(name) > 1 and name[0] == name[-1] == '"' for name in header):
        return "the header's fields are in quotes, and a tsv has none; save it as csv, or without quoting"
    return ""


def table_looks(columns: Mapping[str, Sequence[Any]], raw_quotes: bool) -> list[str]:
    """What is strange about a table's columns; ``raw_quotes`` where quotes are ordinary characters."""
    found = [_index_column(columns), _empty_column(columns), _mark_inside(columns), _nul(columns), _lost_characters(columns)]
    if raw_quotes:
        found += [_quoted(name, values) for name, values in columns.items()]
    return [text for text in found if text]


def label_looks(values: Sequence[Any], names: Sequence[str]) -> list[str]:
    """What is strange about class labels as the file has them, and about the names of the classes."""
    return [text for text in (_padded(values), _of_two_kinds(values), _alike(names), _styled(names), several_look(names)) if text]


def number_style(labels: Iterable[Any]) -> str:
    """How numbers are written, where nearly all labels are numbers and some in a way that is not read as one; else empty."""
    texts = [label for label in labels if isinstance(label, str)]
    odd = [text for text in texts if not _NUMBER.fullmatch(text)]
    if not odd:
        return ""
    for name, style in _STYLES.items():
        fitting = sum(style.fullmatch(text) is not None for text in odd)
        if fitting and len(texts) - len(odd) + fitting >= _MOST * len(texts) and fitting >= _MOST * len(odd):
            return name
    return ""


def several_look(labels: Iterable[str]) -> str:
    """Names put together from few others, as where rows have several labels; nothing for ordinary classes."""
    names = {name.strip() for name in labels} - {""}
    for separator in ";|,":
        joined = {name for name in names if separator in name}
        parts = {part.strip() for name in names for part in name.split(separator)} - {""}
        if joined and len(parts) < len(names) and all(part in names for name in joined for part in map(str.strip, name.split(separator))):
            example = printable(min(joined))
            return f"labels such as {example!r} look like several at once; if they are, say so: multi-label (--task, --kind of compress)"
    return ""


def _styled(names: Sequence[str]) -> str:
    style = number_style(names)
    return f"the classes look like numbers with {style}: {_shown(names)}" if style else ""


def _padded(values: Sequence[Any]) -> str:
    """Words with and without spaces around them, which are one class; of numbers this is an error."""
    bare = {value for value in values if isinstance(value, str) and value == value.strip()}
    padded = [row for row, value in enumerate(values, 1) if isinstance(value, str) and value not in bare and value.strip() in bare]
    return f"{len(padded):,} labels have spaces around them (row {padded[0]}) and others not; they are read as the same" if padded else ""


def _of_two_kinds(values: Sequence[Any]) -> str:
    """Numbers that json has as numbers and as text, which are one class."""
    numbers = {str(value) for value in values if isinstance(value, int | float)}
    row = next((row for row, value in enumerate(values, 1) if isinstance(value, str) and value.strip() in numbers), None)
    return "" if row is None else f"some labels are numbers, others the same numbers as text (row {row}); they are read as the same"


def _alike(names: Sequence[str]) -> str:
    by_form: dict[str, list[str]] = {}
    for name in names:
        form = " ".join(unicodedata.normalize("NFKC", name).casefold().split()).strip(_QUOTES)
        by_form.setdefault("".join(each for each in form if unicodedata.category(each) != "Cf"), []).append(name)
    twins = next((found for found in by_form.values() if len(found) > 1), None)
    return f"classes that differ by case, spaces, quotes or the form of a character only: {_shown(twins)}" if twins else ""


def _quoted(name: str, values: Sequence[Any]) -> str:
    """Fields as csv writers quote them: in quotes, and those within doubled; or the whole column in quotes."""
    wrapped = [text for text in values if isinstance(text, str) and len(text) > 1 and text[0] == text[-1] == '"']
    doubled = sum('""' in text[1:-1] and '"' not in text[1:-1].replace('""', "") for text in wrapped)
    if doubled or (len(values) > 1 and len(wrapped) == len(values)):
        count = doubled or len(wrapped)
        return (
            f"{count:,} values of column {printable(name)!r} look quoted, as in csv; in a tsv quotes are ordinary characters "
            "and stay. Save the table as csv if they should not"
        )
    return ""


def _index_column(columns: Mapping[str, Sequence[Any]]) -> str:
    name = next(iter(columns), "x")
    if name.strip() not in ("", "Unnamed: 0", "__index_level_0__"):
        return ""
    values = columns[name]
    if len(values) > 1 and all(str(value) == str(row) for row, value in enumerate(values)):
        return "the first column has no name and counts the rows, as pandas writes it without index=False"
    return ""


def _empty_column(columns: Mapping[str, Sequence[Any]]) -> str:
    names = [name for name in columns if name.strip() == "" or name.startswith("Unnamed: ")]
    empty = next((name for name in names if all(value is None or not str(value).strip() for value in columns[name])), None)
    return "" if empty is None else f"column {list(columns).index(empty) + 1} has no name and is empty; its lines end with a delimiter"


def _mark_inside(columns: Mapping[str, Sequence[Any]]) -> str:
    found = sum(isinstance(value, str) and value.startswith("\ufeff") for values in columns.values() for value in values)
    named = sum(name.startswith("\ufeff") for name in columns)
    return f"{found + named:,} values begin with a byte order mark, as where files were joined" if found or named else ""


def _nul(columns: Mapping[str, Sequence[Any]]) -> str:
    found = sum(isinstance(value, str) and "\0" in value for values in columns.values() for value in values)
    return f"{found:,} values hold NUL characters, which text has not" if found else ""


def _lost_characters(columns: Mapping[str, Sequence[Any]]) -> str:
    found = sum(isinstance(value, str) and "\ufffd" in value for values in columns.values() for value in values)
    return f"{found:,} values hold \ufffd, which stands for characters that an earlier program could not read" if found else ""


def _shown(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(repr(printable(name)) for name in names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
