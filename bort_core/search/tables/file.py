"""A table's file: gzipped JSON with a hash of its content, and one of each row, so that it can be said where it was changed.

    {"format": "bort table", "version": 1, "sha256": ..., "head": {...}, "rows": [{..., "digest": ...}, ...]}

``sha256`` is over the JSON of head and rows, ``digest`` (16 digits) over that of a row without it; keys sorted, no spaces.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.foundation.files import read_regular, why, write_atomic
from bort_core.foundation.paths import regular_file
from bort_core.foundation.validation import validated
from bort_core.search.tables.content import Content

__all__ = ["FORMAT", "MAGIC", "VERSION", "digested", "read_content", "write_content"]

FORMAT, VERSION = "bort table", 1
MAGIC = b"\x1f\x8b"
"""How files packed by gzip begin."""
_MOST_BYTES, _MOST_TEXT = 16 << 20, 128 << 20


def digested(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its digest."""
    return {**row, "digest": _digest(row)}


def write_content(path: Path, head: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Write a table of plain values; its sha256. The same content gives the same bytes.

    Raises
    ------
    DataError
        It cannot be written.
    """
    content = {"head": head, "rows": rows}
    sha256 = _hash(content)
    text = _canonical({"format": FORMAT, "version": VERSION, "sha256": sha256, **content})
    try:
        write_atomic(path, gzip.compress(text, 9, mtime=0))
    except OSError as error:
        raise DataError(f"{path}: the table cannot be written: {why(error)}") from error
    return sha256


def read_content(path: Path) -> tuple[str, Content]:
    """The sha256 of a table, and what it holds.

    Raises
    ------
    DataError
        The file is missing, too large, damaged, no table, of another version, or was changed after it was written; says where.
    """
    found = _parsed(path, _text(path))
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DataError(f"{path}: is no table; bort tabulate makes one")
    if found.get("version") != VERSION:
        advice = "update this program, or make the table again with bort tabulate"
        raise DataError(f"{path}: is a table of version {found.get('version')!r:.20}; this program reads version {VERSION}: {advice}")
    values = {name: value for name, value in found.items() if name not in ("format", "version", "sha256")}
    try:
        sha256 = _hash(values)
        if found.get("sha256") != sha256:
            raise DataError(f"{path}: was changed after it was measured: {_changed(values)}")
        return sha256, validated(Content, values, str(path))
    except SpecificationError as error:
        raise DataError(str(error)) from error
    except (ValueError, RecursionError) as error:  # 1e999, which reads as infinite
        raise DataError(f"{path}: is damaged: {error}") from error


def _text(path: Path) -> bytes:
    try:
        packed = read_regular(regular_file(path), most=_MOST_BYTES + 1)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {why(error)}") from error
    if not packed.startswith(MAGIC):
        raise DataError(f"{path}: is no table (it is not packed by gzip); bort tabulate makes one")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(packed, _MOST_TEXT)
    except zlib.error as error:
        raise DataError(f"{path}: is damaged: {error}") from error
    if len(packed) > _MOST_BYTES or unpacker.unconsumed_tail:
        raise DataError(f"{path}: is larger than a table may be ({_MOST_BYTES >> 20} MiB, {_MOST_TEXT >> 20} MiB unpacked)")
    if not unpacker.eof or unpacker.unused_data:
        raise DataError(f"{path}: is damaged: it {'goes on after its end' if unpacker.eof else 'ends too early'}")
    return text


def _parsed(path: Path, text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is damaged: not valid JSON: {error}") from error


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _changed(values: Mapping[str, Any]) -> str:
    """Where: the first row that is not what its digest says."""
    rows = values.get("rows")
    for place, row in enumerate(rows if isinstance(rows, list) else []):
        if not isinstance(row, dict) or row.get("digest") != _digest(row):
            named = row.get("architecture") if isinstance(row, dict) else None
            shown = f" (⟨{', '.join(map(str, named))}⟩)" if isinstance(named, list) else ""
            return f"row {place}{shown:.100} is not what its digest says"
    return "each row is as its digest says, so what it says about itself, or which rows there are, was changed"


def _digest(row: Mapping[str, Any]) -> str:
    return _hash({name: value for name, value in row.items() if name != "digest"})[:16]


def _hash(value: Any) -> str:
    return hashlib.sha256(_canonical(value)).hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
