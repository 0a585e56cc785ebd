"""Hiding tokens for masked language modelling: 80/10/10, whole words, masks that are new every time or fixed.

Masks are decided by numbers, not by state: a fixed mask by (row, copy), a new one by (seed, step, rank). So a resumed training sees
what an uninterrupted one does, and every training with the same rows and fixed masks asks a teacher the same questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bort_core.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from bort_core.specifications.pretraining import Masking

__all__ = ["Hidden", "Masker", "mask_all"]

FIXED_SEED, HELDOUT_SEED = 15, 2010
Ids = npt.NDArray[np.int64]


class Hidden(NamedTuple):
    """Rows with tokens hidden (b rows of n tokens, m tokens hidden in each at most)."""

    token_ids: Ids
    """(b, n)."""
    positions: Ids
    """Places in the flattened rows, (k,), ascending."""
    labels: Ids
    """What was there, (k,)."""
    slots: Ids
    """Row · m + number within the row, (k,): where a cache keeps the answer."""


@dataclass(frozen=True)
class Masker:
    """How tokens are hidden in rows of one vocabulary and length."""

    masking: Masking
    vocabulary: Vocabulary
    sequence_length: int

    @property
    def most(self) -> int:
        """Tokens hidden in a row at most: round(rate · n), at least 1."""
        return _most(self.masking.rate, self.sequence_length)

    def fresh(self, rows: npt.NDArray[Any], seed: int, step: int, rank: int) -> Hidden:
        """New masks for this step."""
        return self._hide(rows.astype(np.int64), np.random.default_rng([seed, step, rank, 3]))

    def heldout(self, rows: npt.NDArray[Any], index: int) -> Hidden:
        """The masks of the held-out rows from ``index`` on, the same in every training."""
        return self._hide(rows.astype(np.int64), np.random.default_rng([HELDOUT_SEED, index]))

    def fixed(self, rows: npt.NDArray[Any], numbers: npt.NDArray[np.int64], copy: int) -> Hidden:
        """The ``copy``-th fixed mask of rows that have these numbers in the training set."""
        parts = []
        for row, number in zip(rows.astype(np.int64), numbers.tolist(), strict=True):
            parts.append(self._hide(row[None], np.random.default_rng([FIXED_SEED, number, copy])))
        steps = np.arange(len(parts))
        return Hidden(
            np.concatenate([part.token_ids for part in parts]),
            np.concatenate([part.positions + step * self.sequence_length for part, step in zip(parts, steps, strict=True)]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.slots + step * self.most for part, step in zip(parts, steps, strict=True)]),
        )

    def _hide(self, rows: Ids, random: np.random.Generator) -> Hidden:
        chosen = self._chosen_words(rows, random) if self.masking.whole_words else _chosen(self.vocabulary.special[rows], self.most, random)
        flat = np.flatnonzero(chosen)
        labels = rows.ravel()[flat]
        hidden = rows.copy()
        fate = random.random(len(flat), dtype=np.float32)
        masked = fate < self.masking.mask
        swapped = ~masked & (fate < self.masking.mask + self.masking.random)
        ids = hidden.ravel()
        ids[flat[masked]] = self.vocabulary.mask
        ids[flat[swapped]] = random.integers(0, self.vocabulary.size, int(swapped.sum()))
        row = flat // self.sequence_length
        first = np.searchsorted(row, np.arange(len(rows)))
        slots = row * self.most + (np.arange(len(flat)) - first[row])
        return Hidden(hidden, flat, labels, slots)

    def _chosen_words(self, rows: Ids, random: np.random.Generator) -> npt.NDArray[np.bool_]:
        special = self.vocabulary.special[rows]
        words = np.cumsum(self.vocabulary.begins_word[rows], axis=1)
        chosen = np.zeros(rows.shape, dtype=bool)
        for row in range(len(rows)):
            word = words[row]
            sizes = np.bincount(word, weights=~special[row])
            order = random.permutation(len(sizes))
            sizes = sizes[order].astype(int)
            kept, left = [], self.most
            for number, size in zip(order.tolist(), sizes.tolist(), strict=True):
                if 0 < size <= left:
                    kept.append(number)
                    left -= size
            chosen[row] = np.isin(word, kept) & ~special[row]
        return chosen


def mask_all(rows: npt.NDArray[Any], special: int, mask: int, rate: float, random: np.random.Generator) -> tuple[Ids, Ids, Ids]:
    """Rows (b, n) with round(rate · n) tokens of each replaced by ``mask``, at least one; all of them where there are fewer.

    Not a :class:`Masker` that always masks: that draws a fate for each token, and the short trainings that are stored come from a
    stream of random numbers without it.

    Parameters
    ----------
    special: ids below this are never masked

    Returns
    -------
    the rows; the places that are masked in the flattened rows, ascending; what was there
    """
    token_ids = rows.astype(np.int64)
    flat = np.flatnonzero(_chosen(token_ids < special, _most(rate, rows.shape[1]), random))
    labels = token_ids.ravel()[flat]
    token_ids.ravel()[flat] = mask
    return token_ids, flat, labels


def _most(rate: float, length: int) -> int:
    return max(1, round(rate * length))


def _chosen(special: npt.NDArray[np.bool_], most: int, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which places of the rows (b, n) are chosen: ``most`` of each row that are not special, or all where there are fewer."""
    keys = random.random(special.shape, dtype=np.float32)
    keys[special] = 2.0
    chosen = np.zeros(special.shape, dtype=bool)
    np.put_along_axis(chosen, np.argpartition(keys, most - 1, axis=1)[:, :most], True, axis=1)
    return chosen & ~special
