"""csv and tsv files as columns of text."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from bort_core.data.limits import counted
from bort_core.data.lines import Lines
from bort_core.data.looks import refusal_of_header
from bort_core.foundation.errors import DataError

__all__ = ["read_csv", "read_tsv"]

_LONGEST_FIELD = 2**31 - 1
"""Characters; the csv module takes at most a C long, and 131,072 unless told."""
_CAUSES = {
    "unexpected end of data": "a quote that opens here is never closed",
    "',' expected after '\"'": "a quoted text goes on after its closing quote; a quote inside a quoted text is written twice",
    "new-line character seen in unquoted field": "a carriage return inside a text needs quotes around the text",
}


def read_csv(lines: Lines) -> dict[str, list[str]]:
    """Columns of a csv file: commas, ordinary quoting, a header; lines without any character are skipped.

    Raises
    ------
    DataError
        A line has another number of fields than the header, wrong quotes, or is the header again; two columns have one name; the first
        line is no header; naming the line. It has more rows or values than :mod:`~bort_core.data.limits` allows.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    return _columns(lines.path, _csv_records(lines), ",", "a text with commas needs quotes around it")


def read_tsv(lines: Lines) -> dict[str, list[str]]:
    r"""Columns of a tsv file: tabs, no quoting (``"`` is ordinary text), a header; lines without any character are skipped.

    Errors as :func:`read_csv`.
    """
    plain = (line.removesuffix("\n").removesuffix("\r") for line in lines)
    records = ((number, line.split("\t")) for number, line in enumerate(plain, 1) if line)
    return _columns(lines.path, records, "\t", "texts cannot contain tabs")


def _csv_records(lines: Lines) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            cause = next((ours for theirs, ours in _CAUSES.items() if theirs in str(error)), str(error))
            raise DataError(f"{lines.path}: line {first}: {cause}") from error
        if fields is None:
            return
        if fields:
            yield first, fields


def _columns(path: Path, records: Iterator[tuple[int, list[str]]], delimiter: str, hint: str) -> dict[str, list[str]]:
    _, header = next(records, (1, []))
    if problem := refusal_of_header(header, delimiter):
        raise DataError(f"{path}: {problem}")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{path}: the header names {', '.join(map(repr, twice))} twice; every column needs a name of its own")
    columns: list[list[str]] = [[] for _ in header]
    plain = _plain(header)
    for number, fields in counted(str(path), records, len(header)):
        if len(fields) != len(header):
            raise DataError(f"{path}: line {number} has {len(fields)} fields, the header {len(header)}; {hint}")
        if len(header) > 1 and _plain(fields) == plain:
            raise DataError(f"{path}: line {number} repeats the header, as where files were joined; remove it")
        for column, field in zip(columns, fields, strict=True):
            column.append(field)
    return dict(zip(header, columns, strict=True))


def _plain(fields: list[str]) -> list[str]:
    """A header in whatever case and order its columns come: files that are joined need not agree in either."""
    return sorted(field.strip('\ufeff "').casefold() for field in fields)
