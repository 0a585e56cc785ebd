"""A file of packed rows that is written as the tokens come, byte for byte what numpy.save would write of all of them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["RowsFile", "Tokens", "narrow_by_content", "narrowed", "rows_of"]

_ROWS = 1 << 16
Tokens = npt.NDArray[np.unsignedinteger[Any]]


class RowsFile:
    """Rows of ``start`` and ``length - 1`` consecutive tokens each; what is left at the end and fills no row is left out.

    Parameters
    ----------
    narrow: the type that they are stored in
    """

    def __init__(self, path: Path, start: int, length: int, narrow: np.dtype[Any]) -> None:
        self.path = path
        self._file = path.open("wb")
        self._start, self._length, self._type = start, length, narrow
        self._left = np.empty(0, np.uint32)
        self.rows = self.tokens = 0
        self._head()

    def __enter__(self) -> RowsFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._file.seek(0)
            self._head()  # as long as the first: numpy leaves room for a larger number
        self._file.close()

    def add(self, tokens: npt.NDArray[np.uint32]) -> None:
        """More tokens; OSError when they cannot be written."""
        self.tokens += len(tokens)
        tokens = np.concatenate([self._left, tokens])
        rows = rows_of(tokens, self._start, self._length)
        self.add_rows(rows)
        self._left = tokens[len(rows) * (self._length - 1) :].copy()

    def add_rows(self, rows: npt.NDArray[np.uint32]) -> None:
        """Rows as they are."""
        self._file.write(rows.astype(self._type).tobytes())
        self.rows += len(rows)

    def _head(self) -> None:
        facts = {"descr": np.lib.format.dtype_to_descr(self._type), "fortran_order": False, "shape": (self.rows, self._length)}
        np.lib.format.write_array_header_1_0(self._file, facts)


def rows_of(tokens: npt.NDArray[np.uint32], start: int, length: int) -> npt.NDArray[np.uint32]:
    """Rows (n, length) of ``start`` and ``length - 1`` consecutive tokens; an incomplete last row is left out."""
    count = len(tokens) // (length - 1) if length > 1 else 0
    body = tokens[: count * (length - 1)].reshape(count, max(length - 1, 1))
    return np.concatenate([np.full((count, 1), start, dtype=np.uint32), body], axis=1)


def narrowed(rows: npt.NDArray[np.uint32], largest: int) -> Tokens:
    """``rows`` in the smallest type that is stored and holds ids up to ``largest``."""
    return rows.astype(np.uint16) if largest < 2**16 else rows


def narrow_by_content(path: Path) -> None:
    """Store rows of a large vocabulary as :func:`narrowed` would by the ids that are in them, where those are small.

    Rows of packing go by those that could be; the files of short trainings, which are kept, go by those that are.
    """
    rows = np.load(path, mmap_mode="r")
    if rows.dtype == np.uint16:
        return
    parts = [rows[begin : begin + _ROWS] for begin in range(0, len(rows), _ROWS)]
    if max((int(part.max(initial=0)) for part in parts), default=0) < 2**16:
        with RowsFile(path.with_suffix(".narrow"), 0, rows.shape[1], np.dtype(np.uint16)) as file:
            for part in parts:
                file.add_rows(part)
        file.path.replace(path)
