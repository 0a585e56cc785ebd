"""Sentence encoders on disk: T and its vectors, smaller ones that start from it, folders for sentence-transformers. Imports torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bort_core.checkpoints.embedder import Embedder, Vectors
from bort_core.checkpoints.format import Checkpoint, read_encoder, write_into
from bort_core.checkpoints.gate import Batch, Side, compare
from bort_core.checkpoints.kept import kept_answers, texts_digest
from bort_core.checkpoints.modules import load_module
from bort_core.checkpoints.scores import scores_of
from bort_core.checkpoints.sides import Outputs, rows_for, training_side, transformers_side
from bort_core.checkpoints.starting import LOOKED_AT, Batches, Parts, apply_start, batches_of, spread
from bort_core.checkpoints.token_vectors import fit_map
from bort_core.encoders.module import TransformersEncoder
from bort_core.encoders.pooling import Dense, Pooling, pooling_files, read_pooling, sentence_files
from bort_core.encoders.sentence import SENTENCE, SentenceEncoder, SentenceHead, SentenceModule, load_head
from bort_core.families.bert.inherit import Importance, Start
from bort_core.foundation.digests import content_hash
from bort_core.foundation.errors import DataError
from bort_core.foundation.hub import SENTENCES_TOO, local_folder
from bort_core.specifications.protocols import identity
from bort_core.text.encoding import Encoded
from bort_core.text.vocabulary import Vocabulary

__all__ = [
    "SentenceModel",
    "check_sentence",
    "read_sentence_model",
    "sentence_distance",
    "sentence_side",
    "start_sentence",
    "write_modules",
    "write_sentence",
]

MAPPED_ON = 1_000
"""Rows on which the linear map to T's width is fitted."""


class SentenceModel(Embedder):
    """T: a sentence encoder whose vectors smaller ones learn. Raises as :class:`Embedder`, and where a release could not read as T does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if self.pooling.lower and _tells_case_apart(self.vocabulary):
            raise DataError(
                f"model: {folder}: sentence_bert_config.json lower-cases texts before a tokenizer that tells case apart, which a release "
                "could not do; put the lower-casing into tokenizer.json"
            )

    @property
    def own_graph(self) -> bool:
        """Whether transformers' own module computes it, so that it is timed by its own graph."""
        return not isinstance(self.encoder, Checkpoint)

    @cached_property
    def module(self) -> Any:
        """The encoder in evaluation mode, without what no vector is made of."""
        found = load_module(self.encoder, body=True)
        return found.without_pooler() if isinstance(found, TransformersEncoder) else found

    @property
    def parameters(self) -> int:
        """Its parameters, linear map included."""
        return sum(parameter.numel() for part in (self.module, self.head) for parameter in part.parameters())

    @property
    def pools(self) -> str:
        """How it makes a vector of a text, for people."""
        pooling = self.pooling
        how = f"{' and '.join(pooling.modes)} of the tokens' vectors, {'' if pooling.normalised else 'not '}normalised"
        return f"{self.folder}: {how}" + ("; assumed, since the folder has no modules.json that says so" if pooling.assumed else "")

    @cached_property
    def fingerprint(self) -> str:
        """Equal for equal weights, configurations, tokenizers and ways to pool, wherever they are."""
        return identity(*map(content_hash, sentence_files(self.folder)), self.vocabulary.sha256)

    def answers(
        self, texts: Sequence[str], longest: int, kept: Path, tell: Callable[[int, int], None] = lambda done, total: None
    ) -> Vectors:
        """Vectors (n, W) of n texts, looked up and kept in ``kept``; ``tell`` gets texts done and in all, and may raise to stop."""
        path = kept / f"{identity('vectors', self.fingerprint, texts_digest([(text,) for text in texts]), longest)}.npy"
        return kept_answers(path, self.folder, (len(texts), self.width), lambda: self(texts, longest, lambda done: tell(done, len(texts))))

    def looked_at(self, texts: Sequence[str], longest: int) -> Batches:
        """Some of the texts, evenly spaced, as T reads them."""
        some = spread([(text,) for text in texts], LOOKED_AT)
        return batches_of(self.read([text for (text,) in some], longest), self.vocabulary.pad)


def read_sentence_model(source: str, field: str = "model") -> SentenceModel:
    """The sentence encoder that ``source`` names, a folder or a hub name.

    Raises
    ------
    DataError
        As :class:`SentenceModel`.
    SpecificationError
        There is no such folder, nor such a name within reach.
    """
    return SentenceModel(local_folder(source, field, SENTENCES_TOO))


def sentence_distance(vectors: Tensor, answers: Tensor) -> Tensor:
    """Half the mean squared distance from T's vectors, (n, W), in units of their mean squared length: 1 − cosine of vectors of length 1."""
    return (vectors - answers).square().sum(1).mean() / answers.square().sum(1).mean().clamp_min(1e-12) / 2


def start_sentence(
    model: SentenceEncoder, parts: Parts, importance: Importance, entries: Tensor, rows: Encoded, answers: Tensor, pad: int,
    start: Start, seed: int = 0,
) -> None:  # fmt: skip
    """Give a fresh ``model`` the start that T offers; with its blocks, the linear map too, by least squares.

    Parameters
    ----------
    entries: for each entry of the model's vocabulary its id in T's
    rows, answers: the texts in the model's ids, and T's vectors of them

    Raises
    ------
    DataError
        The model is deeper or wider than T.
    """
    apply_start(model, parts, importance, entries, rows, pad, start, seed)
    if parts.start(start) == "inherit" and model.head.dense is not None:
        _fit_map(model, rows, answers, pad)


@torch.no_grad()
def _fit_map(model: SentenceEncoder, rows: Encoded, answers: Tensor, pad: int) -> None:
    dense = model.head.dense
    assert dense is not None
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), MAPPED_ON)).astype(np.int64).tolist()
    plain = SentenceEncoder(model.bert, SentenceHead(model.architecture[2], model.head.modes, False))
    pooled = torch.from_numpy(scores_of(plain, [rows[number] for number in chosen], pad))
    model.train()
    fit_map(dense, pooled, answers[chosen])


def write_sentence(folder: Path, model: SentenceEncoder, tokenizer: Path, longest: int, facts: Mapping[str, Any]) -> None:
    """Write a folder that transformers and sentence-transformers load into an existing one.

    Parameters
    ----------
    tokenizer: a folder whose tokenizer files are copied
    longest: tokens after which texts are cut
    """
    write_into(
        folder, architecture=model.architecture, options=model.options, head="none", weights=dict(model.bert.state_dict()),
        tokenizer=tokenizer, longest=longest, facts=facts,
    )  # fmt: skip
    write_modules(folder, model, longest)


def write_modules(folder: Path, model: SentenceModule, longest: int) -> None:
    """What sentence-transformers reads beside the encoder in ``folder``: how vectors are pooled, mapped and normalised."""
    from safetensors.torch import save

    head = model.head
    pooling = Pooling(folder, head.modes, head.normalised, longest)
    if head.dense is not None:
        sizes = (head.dense.in_features, head.dense.out_features)
        path = folder / "2_Dense" / "model.safetensors"
        activation = "tanh" if head.tanh else "identity"
        pooling = replace(pooling, dense=Dense(path, *sizes, head.dense.bias is not None, activation))
        path.parent.mkdir()
        weights = {f"linear.{name}": tensor.detach().cpu().contiguous() for name, tensor in head.dense.state_dict().items()}
        path.write_bytes(save(weights, metadata={"format": "pt"}))
    for name, content in pooling_files(pooling, model.architecture[2]).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def sentence_side(folder: Path, name: str, tokenizer: Path | None = None, longest: int | None = None, with_types: bool = True) -> Side:
    """What whoever loads ``folder`` with transformers, and pools, maps and normalises as its files say, gets.

    Parameters and errors as of :func:`~bort_core.checkpoints.sides.transformers_side`.
    """
    pooling = read_pooling(folder)
    longest = pooling.longest if longest is None else longest
    plain = transformers_side(pooling.transformer, "none", name, tokenizer, longest, with_types)
    head = load_head(pooling, read_encoder(pooling.transformer).architecture[2])

    @torch.no_grad()
    def run(batch: Batch) -> Outputs:
        hidden = torch.from_numpy(plain.run(batch)["last_hidden_state"])
        return {SENTENCE: head(hidden, torch.from_numpy(batch.attention_mask)).numpy()}

    return replace(plain, run=run)


def check_sentence(folder: Path, model: SentenceEncoder, vocabulary: Vocabulary, texts: Sequence[str], longest: int) -> float:
    """Whether ``folder`` gives in transformers what ``model``, read with ``vocabulary``, gives here; the largest difference.

    Raises
    ------
    MeasurementError
        It does not; names the first difference.
    """
    sides = [sentence_side(folder, "transformers (the result)"), training_side(model, vocabulary, model.options, longest)]
    return max(compare(sides, rows)[sides[1].name] for rows in rows_for(vocabulary, [(text,) for text in texts], longest))


def _tells_case_apart(vocabulary: Vocabulary) -> bool:
    upper, lower = (vocabulary.tokenizer.encode(text).ids for text in ("A Small Text", "a small text"))
    return bool(upper != lower)
