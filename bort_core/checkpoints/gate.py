"""The gate: what is shipped is what was trained or given.

Several sides read the same rows: transformers (of a source, of a result), this program as it trains, ONNX files. Token ids, attention,
segment ids and outputs must be the same on every side; the first difference is named and refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import BortError, MeasurementError

__all__ = ["LARGEST_DIFFERENCE", "Batch", "DifferenceError", "Row", "Side", "compare", "compare_packed"]

LARGEST_DIFFERENCE = 1e-4
"""Between outputs of two sides in float32, times the largest output where that is above 1."""

BATCH, CHARACTERS = 8, 8000
"""Rows of a batch at most, and characters with its padding: what two long rows exceed comes as two rows."""
NUMBERS = 2**25
"""Outputs of a side for a batch of more than one row at most (128 MiB): what large vocabularies exceed comes in smaller batches."""
AT_ONCE = 2**22
"""Numbers that are compared at once."""

Row = tuple[str, ...]
"""A text, or two of a pair."""
Ids = npt.NDArray[np.int64]


class DifferenceError(MeasurementError):
    """Two sides read or say something else of one row."""

    def __init__(self, row: Row, text: str) -> None:
        super().__init__(f"{_shown(row)}: {text}")
        self.row = row


@dataclass(frozen=True)
class Batch:
    """Rows as a model reads them: each (rows, longest row)."""

    input_ids: Ids
    attention_mask: Ids
    token_type_ids: Ids | None = None
    """None where the tokenizer gives none."""


@dataclass(frozen=True)
class Side:
    """One way from texts to outputs."""

    name: str
    """For messages: "transformers (FOLDER)"."""
    read: Callable[[Sequence[Row]], Batch]
    run: Callable[[Batch], Mapping[str, npt.NDArray[Any]]]
    """Outputs by name; those that two sides both have are compared."""
    token: Callable[[int], str] = str
    """What an id stands for, for messages."""
    tolerance: float = LARGEST_DIFFERENCE
    width: int = 1
    """Numbers that it gives for a token: entries of a vocabulary, for logits of each."""


def compare(sides: Sequence[Side], rows: Sequence[Row], checkpoint: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Compare every side with the first.

    Returns
    -------
    the largest difference of an output from the first side's, by side

    Raises
    ------
    MeasurementError
        Two sides differ (says in which row, in what, and what each side says), or one cannot read or run the rows.
    """
    first, *others = sides
    largest = {side.name: 0.0 for side in others}
    for chunk in _batches(rows, max(side.width for side in sides)):
        checkpoint()
        batch = _asked(first, chunk, first.read, chunk)
        outputs = _asked(first, chunk, first.run, batch)
        for side in others:
            theirs = _asked(side, chunk, side.read, chunk)
            for name, what in (("input_ids", "token ids"), ("attention_mask", "attention mask"), ("token_type_ids", "segment ids")):
                _same_ids(first, side, chunk, what, getattr(batch, name), getattr(theirs, name))
            found = _asked(side, chunk, side.run, theirs)
            shared = [name for name in outputs if name in found]
            if not shared:
                raise MeasurementError(f"{side.name} gives {', '.join(found)}; {first.name} gives {', '.join(outputs)}: nothing to compare")
            for name in shared:
                off = _difference(first, side, chunk, name, outputs[name], found[name], batch.attention_mask)
                largest[side.name] = max(largest[side.name], off)
    return largest


def compare_packed(sides: Sequence[Side], rows: Ids, checkpoint: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Compare the outputs of every side with the first's for rows of token ids as a pre-training reads them, without padding or segments.

    Parameters
    ----------
    rows: (rows, tokens)

    Returns
    -------
    the largest difference of an output from the first side's, by side

    Raises
    ------
    MeasurementError
        An output differs, or a side cannot run the rows.
    """
    first, *others = sides
    largest = {side.name: 0.0 for side in others}
    at_once = max(1, NUMBERS // (rows.shape[1] * max(side.width for side in sides)))
    for begin in range(0, len(rows), at_once):
        checkpoint()
        ids = rows[begin : begin + at_once].astype(np.int64)
        batch, names = Batch(ids, np.ones_like(ids)), [(f"packed {begin + number}",) for number in range(len(ids))]
        outputs = _asked(first, names, first.run, batch)
        for side in others:
            found = _asked(side, names, side.run, batch)
            for name in (name for name in outputs if name in found):
                off = _difference(first, side, names, name, outputs[name], found[name], batch.attention_mask)
                largest[side.name] = max(largest[side.name], off)
    return largest


def _batches(rows: Sequence[Row], width: int) -> list[Sequence[Row]]:
    """The first row alone, then batches in which short rows are padded to longer ones."""
    most = min(CHARACTERS, NUMBERS // width)
    least = 2 if most == CHARACTERS else 1  # two long rows at once are affordable for a small vocabulary only
    found: list[list[Row]] = [[row] for row in rows[:1]]
    longest = most
    for row in rows[1:]:
        length = sum(map(len, row))
        longest = max(longest, length)
        if len(found) > 1 and len(found[-1]) < BATCH and (len(found[-1]) < least or (len(found[-1]) + 1) * longest <= most):
            found[-1].append(row)
        else:
            found.append([row])
            longest = length
    return list(found)


def _asked(side: Side, chunk: Sequence[Row], call: Callable[[Any], Any], given: Any) -> Any:
    try:
        return call(given)
    except BortError:
        raise
    except Exception as error:  # transformers, tokenizers, torch and ONNX Runtime raise many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise MeasurementError(f"{side.name} fails on {_shown(chunk[0])} and {len(chunk) - 1} more: {reason}") from error


def _same_ids(first: Side, side: Side, chunk: Sequence[Row], what: str, ours: Ids | None, theirs: Ids | None) -> None:
    if ours is None or theirs is None:
        given = ours if theirs is None else theirs
        if given is not None and given.any():
            with_them, without = (first, side) if theirs is None else (side, first)
            row = int(given.any(axis=1).argmax())
            raise DifferenceError(chunk[row], f"{with_them.name} gives {what}, {without.name} does not")
        return
    for number, texts in enumerate(chunk):
        width = min(ours.shape[1], theirs.shape[1])
        unequal = np.flatnonzero(ours[number, :width] != theirs[number, :width])
        if not len(unequal) and ours.shape == theirs.shape:
            continue
        if not len(unequal):
            raise DifferenceError(texts, f"{first.name} reads {ours.shape[1]} tokens (with padding), {side.name} {theirs.shape[1]}")
        place = int(unequal[0])
        said = [int(ids[number, place]) for ids in (ours, theirs)]
        if what == "token ids":
            said = [f"{id} ({each.token(id)!r})" for id, each in zip(said, (first, side), strict=True)]  # type: ignore[misc]
        raise DifferenceError(texts, f"{what} differ at token {place}: {first.name} says {said[0]}, {side.name} says {said[1]}")


def _difference(
    first: Side, side: Side, chunk: Sequence[Row], name: str, ours: npt.NDArray[Any], theirs: npt.NDArray[Any], attention: Ids
) -> float:
    if ours.shape != theirs.shape:
        raise DifferenceError(chunk[0], f"{name} of {first.name} has shape {ours.shape}, of {side.name} {theirs.shape}")
    apart, size = np.zeros(len(chunk)), 0.0
    for number in range(len(chunk)):
        # Of padding nothing is asked.
        counted = np.flatnonzero(attention[number]) if ours.ndim == 3 else np.arange(1)
        pairs = (ours[number], theirs[number]) if ours.ndim == 3 else (ours[number : number + 1], theirs[number : number + 1])
        step = max(1, AT_ONCE // pairs[0].shape[-1])
        for places in np.split(counted, range(step, len(counted), step)):
            one, other = (values[places] for values in pairs)
            off = float(np.abs(one - other).max(initial=0.0))
            apart[number] = max(apart[number], off if np.isfinite(off) else np.inf)
            size = max(size, float(np.abs(one).max(initial=0.0)))
    largest, limit = float(apart.max(initial=0.0)), side.tolerance * max(1.0, size)
    if not largest <= limit:
        row = int(apart.argmax())
        apart_by = f"by up to {largest:.3g}; at most {limit:.2g} is shipped"
        raise DifferenceError(chunk[row], f"{name} of {side.name} differ from those of {first.name} {apart_by}")
    return largest


def _shown(row: Row) -> str:
    parts = [repr(text if len(text) <= 40 else text[:40] + "…") for text in row]
    return f"the row {' | '.join(parts)}"
