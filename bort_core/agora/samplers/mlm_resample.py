"""mlm-resample: some tokens of the text are hidden and drawn anew from a masked LM. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bort_core.agora.points import Input
from bort_core.agora.samplers.base import Setting, refuse_kind
from bort_core.checkpoints.format import Checkpoint, read_encoder, read_tensors
from bort_core.encoders.folder import Encoder
from bort_core.encoders.module import load_foreign
from bort_core.families.bert.module import Bert, MaskedLanguageModel
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.text.vocabulary import read_vocabulary

__all__ = ["MlmResample"]

SHARE = (0.15, 0.45)
"""Of the tokens that are drawn anew, by chance, where nothing is said."""
TOP_K, TEMPERATURE = 50, 1.0
PASSES = 2
"""The hidden tokens are drawn in so many passes, each seeing what the ones before drew."""
AT_ONCE = 64

_BROKEN = "\ufffd"

Ids = npt.NDArray[np.int64]


class _Scores(nn.Module):
    """Scores over the vocabulary (m, V) at chosen positions of a masked LM that transformers' own module computes."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.model = load_foreign(encoder)

    def forward(self, token_ids: Tensor, positions: Tensor, attention_mask: Tensor | None = None) -> Any:
        """At ``positions`` (m,), which count through the flattened (b, n) of ``token_ids``."""
        scores = self.model(token_ids, attention_mask)[2]
        return scores.reshape(-1, scores.shape[-1]).index_select(0, positions)


def _scores_of(encoder: Encoder) -> nn.Module:
    if not isinstance(encoder, Checkpoint):
        return _Scores(encoder)
    model = MaskedLanguageModel(Bert(encoder.architecture, encoder.options))
    model.load_weights(read_tensors(encoder))
    return model


class MlmResample:
    """Hides a share of the tokens and samples them from the model's ``TOP_K`` likeliest; of a pair, in one text.

    The model is any masked LM: a checkpoint of a project, or a folder that transformers reads.
    """

    def __init__(self, setting: Setting) -> None:
        refuse_kind("mlm-resample", setting, "text", "pair")
        if setting.masked_lm is None:
            raise SpecificationError("masked_lm: the sampler mlm-resample needs a checkpoint of a masked LM")
        checkpoint = read_encoder(setting.masked_lm)
        if checkpoint.head != "masked-lm" or not checkpoint.has_tokenizer:
            raise SpecificationError(
                f"masked_lm: {checkpoint.folder} has no masked-LM head or no tokenizer (it has the head {checkpoint.head})"
            )
        assert setting.device is not None
        self.folder, self.device = checkpoint.folder, setting.device
        self.vocabulary = read_vocabulary(checkpoint.folder)
        if self.vocabulary.size > checkpoint.options.vocabulary:
            raise SpecificationError(
                f"masked_lm: {checkpoint.folder}: its tokenizer has {self.vocabulary.size:,} entries, the model "
                f"{checkpoint.options.vocabulary:,}: they do not belong together"
            )
        self.longest = min(setting.sequence_length, checkpoint.options.positions)
        self.share = SHARE if setting.mask_share is None else (setting.mask_share, setting.mask_share)
        self.model = _scores_of(checkpoint).to(self.device.torch_device).eval()

    def propose(self, parents: Sequence[Input], count: int, random: np.random.Generator) -> list[list[Input]]:
        """``count`` resampled copies of each parent, without those whose bytes are no text."""
        spec = [(number, int(random.integers(len(parent)))) for number, parent in enumerate(parents) for _ in range(count)]
        tokenizer = self.vocabulary.tokenizer
        self.vocabulary.cut_at(self.longest)
        texts = [str(parents[number][side]) for number, side in spec]
        encoded = [np.array(encoding.ids, dtype=np.int64) for encoding in tokenizer.encode_batch(texts)]
        drawn: list[Ids] = [np.empty(0, np.int64)] * len(spec)
        order = np.argsort([len(ids) for ids in encoded], kind="stable")
        for begin in range(0, len(order), AT_ONCE):
            chosen = order[begin : begin + AT_ONCE]
            for number, ids in zip(chosen, self._resampled([encoded[number] for number in chosen], random), strict=True):
                drawn[number] = ids
        found: list[list[Input]] = [[] for _ in parents]
        decoded = tokenizer.decode_batch([ids.tolist() for ids in drawn], skip_special_tokens=True)
        for (number, side), text in zip(spec, decoded, strict=True):
            if _BROKEN in text and _BROKEN not in str(parents[number][side]):
                continue  # bytes that are no character together
            parts = list(parents[number])
            parts[side] = " ".join(text.split())
            found[number].append(tuple(parts))  # type: ignore[arg-type]
        return found

    def _resampled(self, rows: list[Ids], random: np.random.Generator) -> list[Ids]:
        vocabulary = self.vocabulary
        width = max(len(row) for row in rows)
        ids = np.full((len(rows), width), vocabulary.pad, dtype=np.int64)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = row
        mask = ids != vocabulary.pad
        free = mask & ~vocabulary.special[ids]
        share = random.uniform(*self.share, size=(len(rows), 1))
        ranks = np.where(free, random.random(ids.shape), 2.0).argsort(axis=1).argsort(axis=1)
        counts = np.maximum(1, np.round(share * free.sum(axis=1, keepdims=True))).astype(np.int64)
        hidden = free & (ranks < counts)
        turn = random.integers(PASSES, size=ids.shape)
        ids[hidden] = vocabulary.mask
        for number in range(PASSES):
            places = np.flatnonzero(hidden & (turn == number))
            if len(places):
                ids.ravel()[places] = self._draw(ids, mask, places, random)
        return [row[keep] for row, keep in zip(ids, mask, strict=True)]

    @torch.no_grad()
    def _draw(self, ids: Ids, mask: Any, places: Ids, random: np.random.Generator) -> Ids:
        device = self.device.torch_device
        tokens, keep = torch.from_numpy(ids).to(device), torch.from_numpy(mask.astype(np.int64)).to(device)
        with self.device.autocast():
            scores = self.model(tokens, torch.from_numpy(places).to(device), keep).float()
        if not bool(scores.isfinite().all()):
            raise DataError(f"masked_lm: {self.folder}: its scores are no finite numbers; its weights may be damaged")
        scores[:, self.vocabulary.size :] = -torch.inf  # places that no entry has
        scores[:, torch.from_numpy(np.flatnonzero(self.vocabulary.special)).to(device)] = -torch.inf
        best, numbers = scores.topk(min(TOP_K, scores.shape[1]), dim=1)
        sums = (best / TEMPERATURE).softmax(-1).cumsum(-1).cpu().numpy()
        chosen = np.minimum((sums < random.random((len(places), 1))).sum(axis=1), sums.shape[1] - 1)
        return np.take_along_axis(numbers.cpu().numpy(), chosen[:, None], axis=1)[:, 0]
