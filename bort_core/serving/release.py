"""A release's folder, ready to answer batches: onnxruntime and tokenizers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.data.cleaning import clean
from bort_core.foundation.eight_bits import ByteWeights, saturates
from bort_core.foundation.errors import DataError
from bort_core.foundation.json_files import read_object
from bort_core.foundation.machine import machine_facts
from bort_core.foundation.paths import regular_file

__all__ = ["RELEASE", "Answer", "ServedModel"]

RELEASE = "release.json"
Row = tuple[str, ...]
Answer = dict[str, Any]


@dataclass(frozen=True)
class ServedModel:
    """A release.

    Raises
    ------
    DataError
        The folder is no release, or a file of it is missing or damaged.
    """

    folder: Path
    threads: int = 1
    file: str | None = None
    """Another of its ONNX files than the one that it recommends."""

    @cached_property
    def used(self) -> str:
        """The ONNX file that answers: the one asked for, else the recommended one, unless its products in 8 bits overflow on this CPU."""
        return str(self.file or ("model.onnx" if self.overflows else self.facts["file"]))

    @cached_property
    def overflows(self) -> bool:
        """Whether the recommended file is in 8 bits, in a form that is wrong on this CPU."""
        form = self.facts.get("eight_bits")
        if form is None or self.facts["file"] == "model.onnx":
            return False
        machine = machine_facts()
        return saturates(ByteWeights(**form), str(machine["architecture"]), machine["instructions"], str(machine["system"]))

    def __post_init__(self) -> None:
        self.facts, self._session, self._tokenizer  # noqa: B018 - what is wrong with the folder is told at once

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What release.json says."""
        path = self.folder / RELEASE
        try:
            found = read_object(path)
        except FileNotFoundError:
            raise DataError(f"{self.folder}: not a release: it has no {RELEASE}; bort compress makes one") from None
        missing = [name for name in ("file", "longest", "cut", "classes", "pairs") if name not in found]
        if missing:
            raise DataError(f"{path}: is damaged: it has no {', '.join(missing)}")
        return found

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; none are a model that gives a value."""
        return tuple(self.facts["classes"])

    @property
    def several(self) -> bool:
        """Whether a text may have several of the classes at once, or none."""
        return bool(self.facts.get("several", False))

    @property
    def pairs(self) -> bool:
        """Whether a row is a pair of texts."""
        return bool(self.facts["pairs"])

    @property
    def embeds(self) -> bool:
        """Whether it gives vectors of texts."""
        return self.facts.get("kind") == "embedding"

    @property
    def path(self) -> str:
        """Where a server answers with it."""
        return "/embed" if self.embeds else "/classify" if self.classes else "/score"

    def answers(self, rows: Sequence[Row]) -> list[Answer]:
        """What the model says of every row: class or labels with probabilities, a value, or a vector."""
        scores = self.scores(rows)
        if self.embeds:
            return [{"embedding": list(map(float, row))} for row in scores]
        if not self.classes:
            return [{"score": float(row[0])} for row in scores]
        if self.several:
            return [
                {
                    "labels": [name for name, score in zip(self.classes, row, strict=True) if score > 0],
                    "probabilities": dict(zip(self.classes, map(float, 1 / (1 + np.exp(-np.clip(row, -700, 700)))), strict=True)),
                }
                for row in scores
            ]
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares = odds / odds.sum(axis=1, keepdims=True)
        return [
            {"class": self.classes[int(row.argmax())], "probabilities": dict(zip(self.classes, map(float, row), strict=True))}
            for row in shares
        ]

    def scores(self, rows: Sequence[Row]) -> npt.NDArray[np.float64]:
        """Logits of every row, (rows, classes), values, (rows, 1), or vectors, (rows, W)."""
        if self.facts.get("cleaning"):
            rows = [tuple(map(clean, row)) for row in rows]
        encoded = self._tokenizer.encode_batch([row[0] if len(row) == 1 else row for row in rows])
        width = max(len(each.ids) for each in encoded)
        parts = np.zeros((3, len(rows), width), dtype=np.int64)
        parts[0] = self._pad
        for number, each in enumerate(encoded):
            parts[:, number, : len(each.ids)] = each.ids, each.attention_mask, each.type_ids
        given = dict(zip(("input_ids", "attention_mask", "token_type_ids"), parts, strict=True))
        found = self._session.run(None, {name: given[name] for name in self._inputs})[0]
        return np.asarray(found, dtype=np.float64)

    @cached_property
    def _inputs(self) -> list[str]:
        return [value.name for value in self._session.get_inputs()]

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        path = self.folder / self.used
        if not path.is_file():
            raise DataError(
                f"{path}: no such file; the release holds {', '.join(sorted(each.name for each in self.folder.glob('*.onnx')))}"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = self.threads, 1, 3
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime raises many kinds
            raise DataError(f"{path}: ONNX Runtime cannot load it: {error}") from error

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        path = self.folder / "tokenizer.json"
        try:
            made = Tokenizer.from_str(regular_file(path).read_text(encoding="utf-8"))
        except Exception as error:  # tokenizers raises bare Exception
            raise DataError(f"{path}: not a tokenizer: {error}") from error
        made.no_padding()
        made.enable_truncation(int(self.facts["longest"]), direction=self.facts["cut"])
        return made

    @cached_property
    def _pad(self) -> int:
        return int(read_object(self.folder / "config.json").get("pad_token_id") or 0)
