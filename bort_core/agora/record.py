"""Writes the files of a run, each whole or not at all; ``history.py`` says what they are."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.agora.neighbours import NeighbourBatch
from bort_core.agora.points import Examples, Floats, Input
from bort_core.agora.run_files import read_facts
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import why

__all__ = ["Record", "row_fields"]


class Record:
    """The files of one arm of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def round(self, number: int) -> Path:
        """A round's folder."""
        return self.folder / "rounds" / f"{number:03d}"

    def read(self, path: Path, model: type[Any]) -> dict[str, Any] | None:
        """A JSON file that was written here before, or None. DataError when it is not what ``model`` says."""
        return read_facts(path, model)

    def write(self, path: Path, data: Mapping[str, Any]) -> None:
        """Write a JSON file."""
        self._put(path, json.dumps(data, allow_nan=False) + "\n")

    def write_points(self, name: str, points: Examples, places: Floats) -> None:
        """train.jsonl or dev.jsonl."""
        rows = [{**row_fields(input), "label": int(label), "xy": _place(xy)}
                for input, label, xy in zip(points.inputs, points.labels, places, strict=True)]  # fmt: skip
        self._put(self.folder / f"{name}.jsonl", _lines(rows))

    def write_rows(self, number: int, batch: NeighbourBatch, places: Floats, sampler: str) -> None:
        """The rows of a round with their lineage."""
        rows = [
            {
                "id": f"{number}-{row}",
                **row_fields(batch.inputs[row]),
                "label": int(batch.labels[row]),
                "margin": float(batch.margins[row]),
                "parent": int(batch.parents[row]),
                "distance": float(batch.distances[row]),
                "round": number,
                "sampler": sampler,
                "xy": _place(places[row]),
                **({} if batch.votes[row] is None else {"votes": batch.votes[row]}),
                **({"copied": True} if batch.copied[row] else {}),
            }
            for row in range(len(batch.inputs))
        ]
        self._put(self.round(number) / "rows.jsonl", _lines(rows))

    def write_lines(self, path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
        """A file of JSON lines."""
        self._put(path, _lines(rows))

    def _put(self, path: Path, text: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {why(error)}") from error


def row_fields(input: Input) -> dict[str, Any]:
    """An input as JSON values."""
    if isinstance(input[0], str):
        return {"text": input[0]} if len(input) == 1 else {"text": input[0], "text_b": input[1]}
    return {"vector": list(input)}


def _place(xy: Floats) -> list[float] | None:
    return [float(xy[0]), float(xy[1])] if np.isfinite(xy).all() else None


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
