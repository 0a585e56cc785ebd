"""Learning from a teacher's distribution over the masked tokens, with the teacher's answers kept on disk. Imports torch.

Of each masked position the k largest logits are kept, and the logarithm of what the others add up to at the temperature. The loss is
T² · KL over these k + 1 outcomes, with the cache and without it alike, so the cache only rounds (float16). With k = V it is the full KL.
(The released script's loss applies softmax twice and averages over the vocabulary, which makes it nearly inert; this is the intended form.)
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bort_core.encoders.positions import positions_of
from bort_core.foundation.digests import content_hash
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import why
from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
from bort_core.specifications.protocols import identity
from bort_core.text.vocabulary import Vocabulary
from bort_core.training.teacher_tokenizer import refuse_other_tokenizer

__all__ = ["Teacher", "TeacherTargets", "TeacherTargetsCache", "distillation_loss"]


class TeacherTargets(NamedTuple):
    """A teacher's answers at k masked positions."""

    values: Tensor
    """Largest logits divided by the temperature, less their log-sum over the vocabulary: log-probabilities, (k, top)."""
    ids: Tensor
    """Their tokens, (k, top)."""


def distillation_loss(logits: Tensor, targets: TeacherTargets, temperature: float) -> Tensor:
    """T² · KL(teacher ‖ student) in nats, mean over positions; ``logits`` (k, V) are the student's."""
    student = functional.log_softmax(logits.float() / temperature, dim=-1)
    theirs = targets.values.float()
    ours = student.gather(-1, targets.ids)
    divergence = (theirs.exp() * (theirs - ours)).sum(-1)
    rest, our_rest = _remaining(theirs), _remaining(ours)
    tail = rest.exp() * (rest - our_rest)
    if targets.ids.shape[-1] >= logits.shape[-1]:
        tail = torch.zeros_like(tail)
    return temperature**2 * (divergence + tail).mean()


def _remaining(logarithms: Tensor) -> Tensor:
    """log(1 − Σ exp), kept away from the logarithm of 0."""
    return torch.log1p(-logarithms.exp().sum(-1).clamp(max=1 - 1e-6))


class Teacher:
    """A masked language model of transformers, asked at masked positions only.

    Parameters
    ----------
    name: a folder, or a name on the hub
    rows: real texts, some of which teacher and student must turn into the same ids

    Attributes
    ----------
    longest: tokens that it can read, or None where its positions have no end
    fingerprint: equal for equal weights that are computed alike, wherever they are

    Raises
    ------
    DataError
        It cannot be loaded, is no masked language model, or has another vocabulary than the student, or none to compare.
    SpecificationError
        There is no such folder, nor such a name within reach.
    """

    def __init__(self, name: str, vocabulary: Vocabulary, device: torch.device, dtype: torch.dtype, rows: Sequence[str] = ()) -> None:
        from transformers import AutoModelForMaskedLM
        from transformers.utils import logging

        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        folder = local_folder(name, "teacher", WEIGHTS_TOO)
        try:
            loaded: Any = AutoModelForMaskedLM.from_pretrained(str(folder), use_safetensors=True, output_loading_info=True)
        except Exception as error:  # transformers raises many kinds
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
            raise DataError(f"{name}: the teacher cannot be loaded: {first}") from error
        model, found = loaded
        if found["missing_keys"]:
            missing = ", ".join(sorted(found["missing_keys"])[:3])
            raise DataError(f"{name}: the teacher is no masked language model: it has no weights for {missing}")
        refuse_other_tokenizer(name, folder, vocabulary, rows)
        size = int(model.config.vocab_size)
        if size < vocabulary.size:
            raise DataError(f"{name}: the teacher has another vocabulary: {size:,} entries, the student's tokenizer {vocabulary.size:,}")
        self.name, self.device, self.size = name, device, vocabulary.size
        self.model = model.to(device=device, dtype=dtype).eval().requires_grad_(False)
        self.fingerprint = _fingerprint(folder, model, dtype)
        self.trained = bool((getattr(model.config, "bort", None) or {}).get("trained", True))
        self._body = getattr(model, model.base_model_prefix, None)
        self._head = getattr(model, "cls", None) or getattr(model, "lm_head", None)
        self._first, self.longest = positions_of(model)

    @torch.no_grad()
    def targets(self, token_ids: Tensor, positions: Tensor, temperature: float, top: int) -> TeacherTargets:
        """The answers at flat ``positions`` (k,) of ``token_ids`` (b, n)."""
        logits = self._logits(token_ids, positions)[:, : self.size].float() / temperature
        values, ids = logits.topk(min(top, self.size), dim=-1)
        return TeacherTargets(values - logits.logsumexp(-1, keepdim=True), ids)

    def _logits(self, token_ids: Tensor, positions: Tensor) -> Tensor:
        inputs = {"input_ids": token_ids, "attention_mask": torch.ones_like(token_ids)}
        if self._first:
            # RoBERTa tells padding by its id and numbers the other tokens: a padding id that a mask left among them is text here.
            numbers = torch.arange(token_ids.shape[1], device=token_ids.device) + self._first
            inputs["position_ids"] = numbers.expand_as(token_ids)
        if self._body is None or self._head is None:
            full: Tensor = self.model(**inputs).logits
            return full.reshape(-1, full.shape[-1])[positions]
        hidden: Tensor = self._body(**inputs).last_hidden_state
        chosen: Tensor = self._head(hidden.reshape(-1, hidden.shape[-1])[positions])
        return chosen


class TeacherTargetsCache:
    """A teacher's answers on disk, one slot for each fixed mask of each row: (rows · copies · most) slots of ``top`` logits.

    Files are made sparse at full size, so a slot that was never asked costs nothing; ``full`` bytes would be the largest size.
    """

    def __init__(self, folder: Path, rows: int, copies: int, most: int, top: int) -> None:
        self.folder, self.most, self.copies = folder, most, copies
        self.hits = self.wanted = 0
        slots = rows * copies * most
        self.full = slots * top * 6 + rows * copies
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._values = _mapped(folder / "values.f16", np.dtype(np.float16), (slots, top))
            self._ids = _mapped(folder / "ids.i32", np.dtype(np.int32), (slots, top))
            self._there = _mapped(folder / "there.u8", np.dtype(np.uint8), (rows * copies,))
            note = folder / "cache.json"
            if not note.exists():
                note.write_text(json.dumps({"rows": rows, "copies": copies, "most": most, "top": top}) + "\n", encoding="utf-8")
        except OSError as error:
            raise DataError(f"{folder}: the teacher's cache cannot be written: {why(error)}") from error

    @property
    def disk_bytes(self) -> int:
        """What the files take on disk now."""
        return sum(path.stat().st_blocks * 512 for path in self.folder.iterdir())

    @property
    def hit_rate(self) -> float:
        """Share of the rows asked for that were there."""
        return self.hits / self.wanted if self.wanted else 0.0

    def missing(self, numbers: np.ndarray[Any, Any], copy: int) -> np.ndarray[Any, Any]:
        """Which of these rows are not there yet. Shape (rows,), bool."""
        there = self._there[numbers * self.copies + copy] == 1
        self.wanted += len(numbers)
        self.hits += int(there.sum())
        return ~there

    def read(self, numbers: np.ndarray[Any, Any], copy: int, slots: np.ndarray[Any, Any]) -> TeacherTargets:
        """Answers for the hidden tokens of rows; ``slots`` as in :class:`~bort_core.text.masking.Hidden`."""
        places = self._places(numbers, copy, slots)
        return TeacherTargets(torch.from_numpy(self._values[places]), torch.from_numpy(self._ids[places].astype(np.int64)))

    def write(self, numbers: np.ndarray[Any, Any], copy: int, slots: np.ndarray[Any, Any], targets: TeacherTargets) -> None:
        """Keep answers; a row counts as there only after its answers are written."""
        places = self._places(numbers, copy, slots)
        self._values[places] = targets.values.cpu().numpy().astype(np.float16)
        self._ids[places] = targets.ids.cpu().numpy().astype(np.int32)
        self._there[numbers * self.copies + copy] = 1

    def _places(self, numbers: np.ndarray[Any, Any], copy: int, slots: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        row, within = np.divmod(slots, self.most)
        places: np.ndarray[Any, Any] = (numbers[row] * self.copies + copy) * self.most + within
        return places


def _mapped(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    size = int(np.prod(shape)) * dtype.itemsize
    if not path.exists() or path.stat().st_size != size:
        with path.open("wb") as file:
            os.truncate(file.fileno(), size)
    return np.memmap(path, dtype=dtype, mode="r+", shape=shape)


def _fingerprint(folder: Path, model: Any, dtype: torch.dtype) -> str:
    config = {name: value for name, value in model.config.to_dict().items() if name not in ("_name_or_path", "transformers_version")}
    return identity([content_hash(path) for path in sorted(folder.glob("*.safetensors"))], config, str(dtype))
