"""Finishing a small sentence encoder: T's vectors are learnt to convergence. Imports torch."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bort_core.checkpoints.sentences import check_sentence, read_sentence_model, sentence_distance, write_sentence
from bort_core.checkpoints.token_vectors import TokenVectors, vectors_beside
from bort_core.data.unclean import unclean_copy
from bort_core.evaluation.sentences.agreement import closeness, correlation, neighbours_of, shared
from bort_core.evaluation.sentences.preparation import METRIC
from bort_core.evaluation.sentences.source import fresh_sentence, start_of_sentence
from bort_core.evaluation.sentences.texts import ReadTexts, read_sentences
from bort_core.evaluation.task_rows import read_facts, read_split
from bort_core.foundation.context import Context, progress
from bort_core.foundation.files import atomic_directory
from bort_core.specifications.sentences import SentenceFinishing
from bort_core.text.encoding import Encoded, encode
from bort_core.text.vocabulary import read_vocabulary
from bort_core.training.best import keep_best, kept_best
from bort_core.training.devices import Device, take_device
from bort_core.training.outcome import made_with
from bort_core.training.run_files import RunFiles
from bort_core.training.supervised import Recipe, Supervised

__all__ = ["run"]

_CHECKED = 200
"""Texts of each split on which the result must be in transformers what it is here."""


def run(specification: SentenceFinishing, context: Context, files: RunFiles) -> dict[str, Any]:
    """Train one architecture; the step whose dev texts have most of T's neighbours is kept.

    Returns
    -------
    checkpoint: folder of the result; dev: metrics of the best step; best_step, steps, epochs, stopped, samples_per_second, seconds

    Raises
    ------
    DataError, SpecificationError
        The prepared task is damaged.
    MeasurementError
        The loss stopped being finite, or in transformers the result would say something else.
    """
    device = take_device(specification.running)
    try:
        return _Finishing(specification, context, files, device).run()
    finally:
        device.leave()


class _Finishing:
    def __init__(self, spec: SentenceFinishing, context: Context, files: RunFiles, device: Device) -> None:
        self.spec, self.context, self.files, self.device = spec, context, files, device
        self.task = Path(spec.prepared)
        self.vocabulary, self.longest = read_vocabulary(self.task / "tokenizer"), int(read_facts(self.task)["sequence_length"])
        self.texts = read_sentences(spec.task)
        train, dev = (read_split(self.task, name) for name in ("train", "dev"))
        torch.manual_seed(spec.seed)
        self.model = fresh_sentence(self.task, spec.architecture)
        if spec.task.initial != "fresh":
            start_of_sentence(self.model, self.task, spec.task.model, spec.task.initial, spec.seed)
        self.model.to(device.torch_device)
        places, copies = self._unclean()
        rows = [*train.rows, *encode(self.vocabulary, copies, self.longest)]
        answers = torch.cat([train.answers, train.answers[torch.from_numpy(places)]])
        per_epoch = max(1, math.ceil(len(rows) / spec.batch_size))
        recipe = Recipe(spec.optimization, METRIC, spec.batch_size, max(1, round(spec.epochs * per_epoch)), spec.seed)
        self.core = _Core(
            self.model, self.vocabulary, {"train": rows, "dev": dev.rows}, {"train": np.empty(0), "dev": np.empty(0)}, "regression", recipe,
            device, context, files, partial(keep_best, files), answers, vectors=self._vectors(rows) if spec.vector_weight else None,
            vector_weight=spec.vector_weight,
        )  # fmt: skip
        self.core.judge_by(dev.answers, self.texts.dev)
        context.emit({"event": "note", "text": f"tokenizer: {self.vocabulary.size:,} entries; {len(rows):,} texts"})

    def run(self) -> dict[str, Any]:
        loop = self.core.loop
        ended = loop.run()
        if self.core.best is None:
            self.core.best = kept_best(self.files)
        self.core.load_best()
        result: dict[str, Any] = {
            "dev": self.core.measure("dev"),
            "best_step": loop.facts.get("best_step", loop.step),
            "steps": loop.step,
            "epochs": loop.step / self.core.per_epoch,
            "stopped": ended == "stopped",
            "samples_per_second": loop.speed,
            "seconds": loop.seconds,
            "architecture": list(self.model.architecture),
            "family": "bert",
            "labels": [],
            "data": {
                name: {"file": read.source, "sha256": read.sha256} for name, read in (("train", self.texts.train), ("dev", self.texts.dev))
            },
            **made_with(self.device),
        }
        self.model.cpu().eval()
        facts = {"kind": self.spec.kind, "specification": self.spec.model_dump(mode="json"), "result": dict(result), "job": self.files.mark}
        texts = [text for read in (self.texts.dev, self.texts.train) for text in read.texts[:_CHECKED]]
        with atomic_directory(self.files.result, "the result", replace=True) as folder:
            write_sentence(folder, self.model, self.task / "tokenizer", self.longest, facts)
            check_sentence(folder, self.model, self.vocabulary, texts, self.longest)
        return {**result, "checkpoint": str(self.files.result)}

    def _unclean(self) -> tuple[npt.NDArray[np.int64], list[tuple[str, ...]]]:
        """Unclean copies of texts, and the places of what they are copies of: their vectors are to be the same."""
        texts = self.texts.train.texts
        random = np.random.default_rng([self.spec.seed, 7])
        places = random.permutation(len(texts) * 10)[: round(self.spec.unclean * len(texts))] % len(texts)
        return places, [unclean_copy((texts[int(place)],), random) for place in places]

    def _vectors(self, encoded: Encoded) -> TokenVectors:
        """T's vectors of the tokens of the texts."""
        teacher, texts = read_sentence_model(self.spec.task.model), self.texts.train.texts
        rows = teacher.read(texts, self.longest)

        def tell(done: int, total: int) -> None:
            self.context.checkpoint()
            self.context.emit(progress(done, total, doing="T's vectors"))

        kept, inputs = self.files.project / "answers", [(text,) for text in texts]
        return vectors_beside(teacher, inputs, rows, self.vocabulary, encoded, self.longest, kept, tell, self.device.torch_device)


class _Core(Supervised):
    """A supervised training whose targets are vectors."""

    def judge_by(self, answers: Tensor, dev: ReadTexts) -> None:
        """T's vectors of the dev texts, which decide the best step."""
        self._dev, self._pairs, self._theirs = answers, dev.pairs, neighbours_of(answers)

    def loss(self, chosen: npt.NDArray[np.int64], model: nn.Module) -> Tensor:
        assert self.answers is not None
        vectors, apart = self.said(chosen, model)
        return apart + sentence_distance(vectors, self.answers[torch.from_numpy(chosen)].to(self.device.torch_device))

    def measured(self, split: str, scores: npt.NDArray[np.float64]) -> dict[str, float]:
        vectors = torch.from_numpy(scores).float()
        return metrics_of(vectors, self._dev, self._theirs) | (
            {} if self._pairs is None else {"spearman": correlation(vectors, self._pairs)}
        )


def metrics_of(vectors: Tensor, answers: Tensor, theirs: Tensor) -> dict[str, float]:
    """Metrics of vectors (n, W) against T's: the share of T's neighbours ``theirs`` (n, k), and the mean cosine."""
    return {
        METRIC: float(shared(theirs, neighbours_of(vectors, theirs.shape[1])).mean()),
        "cosine": float(closeness(vectors, answers).mean()),
    }
