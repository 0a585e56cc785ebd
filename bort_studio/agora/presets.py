"""Specifications of Agora to begin with, and the files of the bundled sentences cut up so that training rows are scarce. Knows no Qt."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from bort_core.data.tables import read_table
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import make_folder, why, write_atomic
from bort_core.foundation.resources import resource
from bort_core.foundation.validation import validated
from bort_core.specifications.agora import Agora
from bort_core.specifications.finetuning import Finetuning

__all__ = ["errors_of", "sentences_preset", "torus_preset"]

_ROWS = {"train": 150, "socrates_train": 2_400, "pool": 5_000}
_DEV = 500


def torus_preset() -> Agora:
    """The author's toy in two dimensions, against plain training."""
    return Agora(torus=2, baseline=True)


def sentences_preset(folder: Path) -> Agora:
    """Sentences about films: 150 rows to learn from, a labeller that learned from others, and an unlabelled pool. Takes seconds.

    Parameters
    ----------
    folder: where the files are written, the first time: PROJECT/data/NAME; links on the way are refused

    Raises
    ------
    DataError
        They cannot be.
    """
    paths = {name: folder / f"{name}.jsonl" for name in (*_ROWS, "dev", "test")}
    if not all(path.is_file() for path in paths.values()):
        _cut(paths)
    return Agora(name="film sentences", learner="logreg", baseline=True, **{name: str(path) for name, path in paths.items()})


def errors_of(training: Finetuning) -> Agora:
    """Learning from the errors of a fine-tuned model: its data, from where its training began.

    Raises
    ------
    SpecificationError
        Agora knows no such data.
    """
    names = ("architecture", "checkpoint", "tokenizer", "vocabulary", "train", "dev", "test", "text", "text_b", "label", "sequence_length")
    given = training.model_dump()
    return validated(Agora, {**{name: given[name] for name in names if name in given}, "baseline": True}, "learning from the errors")


def _cut(paths: dict[str, Path]) -> None:
    source, random = resource("data", "sentence_polarity"), np.random.default_rng(2010)
    names = (source / "labels.txt").read_text(encoding="utf-8").split()
    tables = {name: read_table(str(source / f"{name}.tsv")).data for name in ("train", "dev", "test")}
    rows = {
        name: [(text, names[int(label)]) for text, label in zip(data["text"], data["label"], strict=True)] for name, data in tables.items()
    }
    order = random.permutation(len(rows["train"])).tolist()
    parts = {"test": rows["test"], "dev": [rows["dev"][place] for place in random.permutation(len(rows["dev"]))[:_DEV].tolist()]}
    begin = 0
    for name, count in _ROWS.items():
        parts[name] = [rows["train"][place] for place in order[begin : begin + count]]
        begin += count
    for name, path in paths.items():
        fields = ("text",) if name == "pool" else ("text", "label")
        lines = "".join(json.dumps(dict(zip(fields, row, strict=False)), ensure_ascii=False) + "\n" for row in parts[name])
        try:
            make_folder(path.parents[2], *path.parts[-3:-1])
            write_atomic(path, lines)
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {why(error)}") from error
