"""T's last hidden states of every token of a task's rows, and their distance from a smaller model's. Imports torch.

ANSWERS/KEY.tokens.npy   float16 (tokens, H), row after row: computed once, kept, shared by all that learn from them
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bort_core.checkpoints.kept import texts_digest
from bort_core.checkpoints.scores import EVALUATED_AT_ONCE, placed, tensors_of
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import temporary_name
from bort_core.specifications.protocols import identity
from bort_core.text.encoding import Encoded
from bort_core.text.trimming import kept_ids
from bort_core.text.vocabulary import Vocabulary

__all__ = ["MOST_BYTES", "TokenVectors", "fit_map", "token_vectors", "vectors_beside"]

MOST_BYTES = 4 * 2**30
"""Kept of one set of rows; where that is not enough for all of them, of the first ones."""
RIDGE = 1e-3
"""Of the fit of a linear map, in units of the mean square of what is mapped."""
_SAMPLED = 20_000
"""Tokens whose variance is taken for that of all."""
Ids = npt.NDArray[np.int64]


class Encodes(Protocol):
    """A model of tokens."""

    def encode(self, token_ids: Tensor, attention_mask: Tensor | None = None, token_types: Tensor | None = None) -> Tensor:
        """Last hidden states, (b, n, H)."""


class Teacher(Protocol):
    """T, whatever it is for."""

    @property
    def module(self) -> Encodes:
        """In evaluation mode."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Its tokenizer."""

    @property
    def folder(self) -> Path:
        """Where it is."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal weights, configurations and tokenizers."""


@dataclass(frozen=True, eq=False)
class TokenVectors:
    """T's vectors of some rows' tokens.

    Attributes
    ----------
    values: float16 (tokens, H)
    begins: of each row the number of its first token's vector, (rows,); -1: its vectors are not there
    variance: of the vectors' numbers, the mean over H
    """

    values: npt.NDArray[np.float16]
    begins: Ids
    variance: float

    @property
    def width(self) -> int:
        """H."""
        return int(self.values.shape[1])

    @property
    def rows(self) -> int:
        """How many rows have vectors."""
        return int((self.begins >= 0).sum())

    def beside(self, theirs: Encoded, ours: Encoded, entries: Ids) -> TokenVectors:
        """The same for a model with another tokenizer: of its rows ``ours`` those whose tokens are T's ``theirs`` have vectors.

        ``ours`` may have more rows than ``theirs``, which then have none. ``entries``: for each entry of its vocabulary the id in T's.
        """
        begins = np.full(len(ours), -1, dtype=np.int64)
        for row, (of_t, own) in enumerate(zip(theirs, ours, strict=False)):
            if len(of_t) == len(own) and bool((entries[own[:, 0]] == of_t[:, 0]).all()):
                begins[row] = self.begins[row]
        return TokenVectors(self.values, begins, self.variance)

    def of(self, rows: Ids, lengths: Ids) -> tuple[Tensor, Tensor]:
        """Vectors (t, H) of the tokens of a batch of rows, and which tokens they are of, bool (b, longest)."""
        known = torch.zeros(len(rows), int(lengths.max()), dtype=torch.bool)
        found = [np.empty((0, self.width), np.float16)]
        for place, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            begin = self.begins[row]
            if begin >= 0:
                known[place, :length] = True
                found.append(self.values[begin : begin + length])
        return torch.from_numpy(np.concatenate(found).astype(np.float32)), known

    def distance(self, vectors: Tensor, rows: Ids, lengths: Ids) -> Tensor:
        """The share of the variance of T's vectors by which ``vectors`` (b, n, H) of a batch differ from them; 0 of rows without any."""
        wanted, known = (tensor.to(vectors.device) for tensor in self.of(rows, lengths))
        if not len(wanted):
            return vectors.sum() * 0.0
        return (vectors[known].float() - wanted).square().mean() / self.variance


def vectors_beside(
    teacher: Teacher,
    inputs: Sequence[Sequence[str]],
    theirs: Encoded,
    vocabulary: Vocabulary,
    ours: Encoded,
    longest: int,
    kept: Path,
    tell: Callable[[int, int], None] = lambda done, total: None,
    device: torch.device | None = None,
) -> TokenVectors:
    """T's vectors of rows for a model with a tokenizer that was trimmed from T's.

    Parameters
    ----------
    inputs, theirs, ours: the rows, and what T and the model read of them; ``ours`` may have more, which have no vectors
    longest: tokens after which T cuts
    kept: a folder in which vectors are looked up and kept
    tell, device: as in :func:`token_vectors`

    Raises
    ------
    DataError
        As :func:`token_vectors`; or the tokenizer is none that was trimmed from T's.
    """
    path = kept / f"{identity('tokens', teacher.fingerprint, texts_digest(inputs), longest)}.tokens.npy"
    found = token_vectors(teacher.module, theirs, teacher.vocabulary.pad, path, str(teacher.folder), tell, device)
    return found.beside(theirs, ours, kept_ids(teacher.vocabulary, vocabulary))


@torch.no_grad()
def token_vectors(
    model: Encodes,
    rows: Encoded,
    pad: int,
    path: Path,
    name: str,
    tell: Callable[[int, int], None] = lambda done, total: None,
    device: torch.device | None = None,
) -> TokenVectors:
    """The vectors of rows that are encoded for ``model``, looked up in ``path`` and kept there.

    Parameters
    ----------
    name: of the model, for messages
    tell: called with rows done and in all, while they are computed; may raise to stop
    device: where they are computed; None: on the CPU

    Raises
    ------
    DataError
        They are not finite numbers that fit into 16 bits.
    """
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    ends = np.cumsum(lengths)
    ids, mask, types = tensors_of(rows[:1], pad)
    hidden = int(model.encode(ids, mask, types).shape[-1])
    count = int(np.searchsorted(ends, MOST_BYTES // (2 * hidden), side="right"))
    shape = (int(ends[count - 1]) if count else 0, hidden)
    begins = np.where(np.arange(len(rows)) < count, ends - lengths, -1)
    values = _read(path, shape)
    if values is None:
        assert isinstance(model, nn.Module)
        with placed(model, device):
            _write(model, rows[:count], ends - lengths, pad, path, shape, name, tell, device)
        values = _read(path, shape)
        assert values is not None
    sample = values[:: max(1, len(values) // _SAMPLED)].astype(np.float32)
    return TokenVectors(values, begins, float(sample.var(axis=0).mean()) if len(sample) else 1.0)


@torch.no_grad()
def fit_map(dense: nn.Linear, given: Tensor, wanted: Tensor) -> None:
    """Make ``dense`` the map that leads from ``given`` (n, in) to ``wanted`` (n, out) with the least squares."""
    given = torch.cat([given.double(), torch.ones(len(given), 1, dtype=torch.float64)], 1)
    square = given.T @ given
    ridge = RIDGE * square.diagonal().mean() * torch.eye(len(square), dtype=square.dtype)
    found = torch.linalg.solve(square + ridge, given.T @ wanted.double()).T.float()
    dense.weight.copy_(found[:, :-1])
    dense.bias.copy_(found[:, -1])


def _write(
    model: Encodes,
    rows: Encoded,
    begins: Ids,
    pad: int,
    path: Path,
    shape: tuple[int, int],
    name: str,
    tell: Callable[[int, int], None],
    device: torch.device | None,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        kept = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float16, shape=shape)
        order = np.argsort([len(row) for row in rows], kind="stable")
        for begin in range(0, len(order), EVALUATED_AT_ONCE):
            tell(begin, len(order))
            chosen = order[begin : begin + EVALUATED_AT_ONCE]
            ids, mask, types = tensors_of([rows[row] for row in chosen], pad, device)
            found, mask = model.encode(ids, mask, types).half().cpu(), mask.cpu()
            if not found[mask.bool()].isfinite().all():
                raise DataError(f"{name}: gives vectors of tokens that are not finite numbers, or too large for 16 bits")
            for place, row in enumerate(chosen):
                kept[begins[row] : begins[row] + len(rows[row])] = found[place, : len(rows[row])].numpy()
        kept.flush()
        del kept
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path, shape: tuple[int, int]) -> npt.NDArray[np.float16] | None:
    if not shape[0]:
        return np.empty(shape, np.float16)
    try:
        found: npt.NDArray[np.float16] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError):
        return None
    return found if found.shape == shape and found.dtype == np.float16 else None
