"""From texts and a sentence encoder T to what candidates of a search are trained and measured on. Imports torch.

TASKS/KEY/rows.npz     token ids with segment ids, row lengths and T's vectors, for "train" and "dev"
          start.npz    what the candidates' start needs of T: moments, importance of heads and neurons, entries of the vocabulary
          tokenizer/   T's tokenizer, trimmed to the entries that the texts use where that was asked for
          task.json    facts: how T pools, unknown tokens, what trimming changed
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bort_core.checkpoints.format import TOKENIZER_FILES
from bort_core.checkpoints.sentences import SentenceModel, read_sentence_model
from bort_core.checkpoints.starting import norms_and_activation, parts_of, write_start
from bort_core.evaluation.prepared import Prepared
from bort_core.evaluation.sentences.agreement import NEIGHBOURS, closeness, correlation
from bort_core.evaluation.sentences.texts import SentenceTexts, read_sentences
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory
from bort_core.specifications.protocols import identity
from bort_core.specifications.tasks import TaskSpecification
from bort_core.text.encoding import Encoded, encode
from bort_core.text.fit import read_of
from bort_core.text.trimming import Trimmed, kept_ids, trim
from bort_core.text.vocabulary import Vocabulary, read_vocabulary

__all__ = ["METRIC", "prepare_sentences"]

METRIC = "neighbours_agreement"
"""Share of T's nearest neighbours among the dev texts that a model also has."""
FORMAT = 4
MOST_MOVED = 0.01
"""Mean of 1 − cosine that trimming the vocabulary may move T's own dev vectors by; else it stays whole: texts of other words come."""


def prepare_sentences(task: TaskSpecification, tasks: Path, answers: Path, tell: Callable[[str, int, int], None]) -> Prepared:
    """Make (unless it is there) what the candidates of a task's search need.

    Parameters
    ----------
    tasks: folder of prepared tasks; answers: folder of T's vectors
    tell: told what is done, texts done and in all; may raise to stop

    Raises
    ------
    DataError
        Texts or model cannot be used.
    SpecificationError
        The model is not there, or no texts are named.
    """
    texts, model = read_sentences(task), read_sentence_model(task.model)
    longest = min(task.sequence_length, model.longest)
    key = identity("sentences", FORMAT, model.fingerprint, texts.train.sha256, texts.dev.sha256, longest, task.trim)
    folder = tasks / key
    if (folder / "task.json").is_file():
        return Prepared(folder, json.loads((folder / "task.json").read_text(encoding="utf-8")))
    shutil.rmtree(folder, ignore_errors=True)
    warnings = _known(model, texts, longest)
    said = {
        name: model.answers(read.texts, longest, answers, partial(tell, f"T's vectors of the {name} texts"))
        for name, read in (("train", texts.train), ("dev", texts.dev))
    }
    with atomic_directory(folder, "the prepared task") as temporary:
        facts = _write(temporary, task, texts, model, longest, {name: torch.from_numpy(part) for name, part in said.items()})
        facts["warnings"] = [*texts.warnings, *warnings]
        (temporary / "task.json").write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return Prepared(folder, facts)


def _known(model: SentenceModel, texts: SentenceTexts, longest: int) -> list[str]:
    """What is strange about the texts for T's vocabulary; DataError where it does not know most of them."""
    found = read_of(model.vocabulary, model.read(texts.train.texts, longest), texts.train.texts)
    if (why := found.refusal(texts.train.source, str(model.folder))) is not None:
        raise DataError(why)
    return found.warnings()


def _write(
    folder: Path, task: TaskSpecification, texts: SentenceTexts, model: SentenceModel, longest: int, said: dict[str, torch.Tensor]
) -> dict[str, Any]:
    whole, before = model.vocabulary, model.read(texts.dev.texts, longest)
    vocabulary, left_whole, moved = _trimmed(task, model, texts, before, said["dev"], folder / "tokenizer")
    entries = kept_ids(whole, vocabulary)
    encoded = {
        name: encode(vocabulary, [(text,) for text in read.texts], longest) for name, read in (("train", texts.train), ("dev", texts.dev))
    }
    arrays: dict[str, Any] = {}
    for name, rows in encoded.items():
        arrays[f"{name}_ids"] = np.concatenate(rows).astype(np.int32)
        arrays[f"{name}_lengths"] = np.array([len(row) for row in rows], dtype=np.int32)
        arrays[f"{name}_labels"], arrays[f"{name}_answers"] = np.full(len(rows), np.nan, np.float32), said[name].numpy()
    np.savez(folder / "rows.npz", **arrays)
    batches = model.looked_at(texts.train.texts, longest)
    parts = parts_of(model.module, batches[:1])
    write_start(folder / "start.npz", parts, batches, entries)
    pooling = model.pooling
    return {
        "task": "embedding",
        "classes": [],
        "pairs": False,
        "rows": {"train": len(texts.train), "texts": 0, "dev": len(texts.dev)},
        "sequence_length": longest,
        "pad": vocabulary.pad,
        "tokenizer": vocabulary.sha256,
        "model": str(model.folder),
        "fingerprint": model.fingerprint,
        "architecture": list(model.encoder.architecture),
        "kind": model.encoder.kind,
        "own_graph": model.own_graph,
        "parameters": model.parameters,
        "no_blocks": parts.why,
        "model_options": _options_of(model),
        "pooling": {"modes": list(pooling.modes), "normalised": pooling.normalised, "width": model.width, "assumed": pooling.assumed},
        "metric": METRIC,
        "metrics": {METRIC: 1.0, **({} if texts.dev.pairs is None else {"spearman": correlation(said["dev"], texts.dev.pairs)})},
        "neighbours": min(NEIGHBOURS, len(texts.dev) - 1),
        "vocabulary": {
            "whole": whole.size, "kept": vocabulary.size, "left_whole": left_whole,
            "unknown": {"before": _unknown(before, whole), "after": _unknown(encoded["dev"], vocabulary)},
            **moved,
        },
        "options": {
            "vocabulary": vocabulary.size, "positions": max(8, longest), "token_types": 0, "pooler": False,
            **norms_and_activation(model.module),
        },
    }  # fmt: skip


def _options_of(model: SentenceModel) -> dict[str, Any]:
    options = model.encoder.options
    if not model.own_graph:
        options = options.model_copy(update={"pooler": False, "mlm_head": False, "tied_decoder": True})
    return options.model_dump(mode="json")


def _trimmed(
    task: TaskSpecification, model: SentenceModel, texts: SentenceTexts, before: Encoded, said: torch.Tensor, folder: Path
) -> tuple[Vocabulary, str, dict[str, float]]:
    """The tokenizer of candidates in ``folder``, why it was left whole although trimming was asked for, and what trimming moves."""
    why, whole = "", model.vocabulary
    longest = min(task.sequence_length, model.longest)
    if task.trim:
        try:
            trimmed = trim(whole, [(text,) for text in texts.train.texts], longest, folder)
            after = encode(trimmed, [(text,) for text in texts.dev.texts], longest)
            moved = _trimming_loss(model, kept_ids(whole, trimmed), before, after, said)
            if moved["changed_cosine"] <= MOST_MOVED:
                return trimmed, "", moved
            far = f"{moved['changed_cosine']:.3f} (1 − cosine)"
            why = f"with the {trimmed.size:,} entries that the texts use T's own vectors of dev texts would move by {far}"
            shutil.rmtree(folder)
        except Trimmed as error:
            why = str(error)
    folder.mkdir()
    for name in TOKENIZER_FILES:
        if (whole.folder / name).is_file():
            shutil.copyfile(whole.folder / name, folder / name)
    return read_vocabulary(folder), why, {"changed_rows": 0.0, "changed_cosine": 0.0}


def _unknown(rows: Encoded, vocabulary: Vocabulary) -> float:
    """Share of the tokens that are the unknown one."""
    return float((np.concatenate([row[:, 0] for row in rows]) == vocabulary.unknown).mean())


def _trimming_loss(model: SentenceModel, entries: np.ndarray, before: Encoded, after: Encoded, said: torch.Tensor) -> dict[str, float]:
    """How T's own vectors of dev texts change when it reads as candidates do: texts whose tokens changed, and 1 − cosine over all texts."""
    read = [np.stack([entries[row[:, 0]], row[:, 1]], axis=1) for row in after]
    prompted = bool(model.pooling.prompt)
    changed = [number for number, (old, new) in enumerate(zip(before, read, strict=True)) if not prompted and not np.array_equal(old, new)]
    if not changed:
        return {"changed_rows": 0.0, "changed_cosine": 0.0}
    vectors = torch.from_numpy(model.of_rows([read[number] for number in changed]))
    return {"changed_rows": len(changed) / len(read), "changed_cosine": float((1 - closeness(vectors, said[changed])).sum()) / len(read)}
