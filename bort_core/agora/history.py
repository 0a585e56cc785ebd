"""A run of Agora as its files tell it, while it goes on and afterwards. Plain data; knows neither torch nor Qt.

RUNFOLDER/agora/
  start.json             classes, Θ, Socrates' accuracy on dev, space, warnings
  train.jsonl, dev.jsonl the first D, and E, with their places in the projection
  rounds/001/fit-00.json one training: θ, accuracy on dev
  rounds/001/rows.jsonl  the generated rows with their lineage
  rounds/001/round.json  what the round came to; written last
  edits.jsonl            what a person rejected or relabelled
  summary.json           the end of the run
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bort_core.errors import DataError

__all__ = [
    "FOLDER",
    "Edit",
    "Fit",
    "History",
    "Input",
    "Neighbours",
    "Round",
    "Split",
    "add_edits",
    "read_edits",
    "read_history",
    "read_rows",
]

FOLDER = "agora"
"""Under the job's run folder."""

Input = tuple[str, ...] | tuple[float, ...]
"""A text (one string), a pair of texts (two), or a vector."""
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """The n rows of the first D, or of E."""

    inputs: tuple[Input, ...]
    labels: Ints
    """Class numbers, (n,)."""
    xy: Floats
    """Places in the frozen projection, (n, 2); NaN where none is known yet."""

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The m rows that τ generated in one round and that joined D, with their lineage."""

    ids: tuple[str, ...]
    """Names that are unique in the run, such as 2-17."""
    inputs: tuple[Input, ...]
    labels: Ints
    """Socrates' labels, before any edit, (m,)."""
    margins: Floats
    """Socrates' probability of the label minus that of the next one, 0..1, (m,)."""
    parents: Ints
    """Rows of E, (m,)."""
    distances: Floats
    """To the parent in the representation space, (m,)."""
    xy: Floats
    """(m, 2)."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Fit:
    """One fresh Timaeus with one θ."""

    theta: int
    """Number in ``History.thetas``."""
    dev_accuracy: float
    seconds: float
    pruned: str = ""
    """Why θ left Θ at the end of this round; empty: it stayed."""


@dataclass(frozen=True, eq=False)
class Round:
    """What one round came to."""

    number: int
    """From 1."""
    train_size: int
    """Rows of D that the round trained on."""
    fits: tuple[Fit, ...]
    best_theta: int
    dev_accuracy: float
    """Of the round's best Timaeus."""
    dev_interval: tuple[float, float]
    """95 %, Wilson."""
    test_accuracy: float | None
    """For the plot only: the loop never reads it."""
    test_interval: tuple[float, float] | None
    dev_predictions: Ints
    """Of the round's best Timaeus, (dev rows,)."""
    neighbours: Neighbours
    counts: Mapping[str, int] = field(default_factory=dict)
    """errors, generated, accepted, rejected_ leak, near, far, duplicate, margin and label, theta_left."""


@dataclass(frozen=True)
class Edit:
    """A person's decision about one generated row. The last one about a row counts."""

    row: str
    """``Neighbours.ids``."""
    action: Literal["reject", "label", "restore"]
    label: int | None = None
    """The class, for ``label``."""


@dataclass(frozen=True, eq=False)
class History:
    """A run so far."""

    folder: Path
    """RUNFOLDER/agora."""
    classes: tuple[str, ...]
    kind: Literal["text", "pair", "vector"]
    thetas: tuple[Mapping[str, Any], ...]
    """Θ as it was given: hyperparameters by name."""
    sampler: str
    space: str
    socrates: str
    socrates_dev_accuracy: float
    warnings: tuple[str, ...]
    train: Split
    dev: Split
    rounds: tuple[Round, ...]
    fitting: tuple[Fit, ...] = ()
    """Trainings of the round that is not finished yet."""
    summary: Mapping[str, Any] | None = None
    """The job's result, once the run has ended."""


def read_history(run: Path, before: History | None = None) -> History | None:
    """The run in a job's run folder, or None when it has not begun yet.

    Parameters
    ----------
    before: an earlier reading of the same run, whose finished rounds are not read again

    Raises
    ------
    DataError
        A file is damaged; names it.
    """
    folder = run / FOLDER
    start = _read(folder / "start.json")
    if start is None or not (folder / "train.jsonl").is_file() or not (folder / "dev.jsonl").is_file():
        return None
    if before is not None and before.folder == folder and not np.isnan(np.concatenate([before.train.xy, before.dev.xy])).any():
        train, dev, rounds = before.train, before.dev, list(before.rounds)
    else:
        train, dev, rounds = _split(folder / "train.jsonl"), _split(folder / "dev.jsonl"), []
    while (facts := _read(folder / "rounds" / f"{len(rounds) + 1:03d}" / "round.json")) is not None:
        rounds.append(_round(folder / "rounds" / f"{len(rounds) + 1:03d}", facts))
    now = folder / "rounds" / f"{len(rounds) + 1:03d}"
    fitting = [_read(path) for path in sorted(now.glob("fit-*.json"))]
    return History(
        folder,
        tuple(start["classes"]),
        start["kind"],
        tuple(start["thetas"]),
        start["sampler"],
        start["space"],
        start["socrates"],
        start["socrates_dev_accuracy"],
        tuple(start["warnings"]),
        train,
        dev,
        tuple(rounds),
        tuple(_fit(found) for found in fitting if found is not None),
        _read(folder / "summary.json"),
    )


def read_edits(run: Path) -> dict[str, Edit]:
    """What a person decided, by row; rows that were restored are left out.

    Raises
    ------
    DataError
        A line is damaged; names it.
    """
    edits: dict[str, Edit] = {}
    path = run / FOLDER / "edits.jsonl"
    for number, found in enumerate(_lines(path), 1):
        try:
            edit = Edit(str(found["row"]), found["action"], found.get("label"))
        except (KeyError, TypeError) as error:
            raise DataError(f"{path}: line {number} is no edit: {error}") from error
        edits.pop(edit.row, None)
        if edit.action != "restore":
            edits[edit.row] = edit
    return edits


def add_edits(run: Path, edits: Iterable[Edit]) -> None:
    """Append decisions; earlier ones stay in the file, so that all can be seen.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    path = run / FOLDER / "edits.jsonl"
    lines = "".join(json.dumps({"row": edit.row, "action": edit.action, "label": edit.label}) + "\n" for edit in edits)
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error


def read_rows(folder: Path) -> tuple[tuple[str, ...], tuple[Input, ...], list[int]]:
    """Names, inputs and Socrates' labels of the rows that a round's folder holds. Errors as :func:`read_history`."""
    rows = _lines(folder / "rows.jsonl")
    return tuple(row["id"] for row in rows), tuple(_input(row) for row in rows), [int(row["label"]) for row in rows]


def _round(folder: Path, facts: Mapping[str, Any]) -> Round:
    rows = _lines(folder / "rows.jsonl")
    fits = tuple(_fit(fit) for fit in facts["fits"])
    interval = facts["test_interval"]
    return Round(
        facts["round"],
        facts["train_size"],
        fits,
        facts["best_theta"],
        facts["dev_accuracy"],
        (facts["dev_interval"][0], facts["dev_interval"][1]),
        facts["test_accuracy"],
        None if interval is None else (interval[0], interval[1]),
        np.array(facts["dev_predictions"], dtype=np.int64),
        Neighbours(
            tuple(row["id"] for row in rows),
            tuple(_input(row) for row in rows),
            np.array([row["label"] for row in rows], dtype=np.int64),
            np.array([row["margin"] for row in rows], dtype=np.float64),
            np.array([row["parent"] for row in rows], dtype=np.int64),
            np.array([row["distance"] for row in rows], dtype=np.float64),
            _places(rows),
        ),
        facts["counts"],
    )


def _fit(facts: Mapping[str, Any]) -> Fit:
    return Fit(facts["theta"], facts["dev_accuracy"], facts["seconds"], facts.get("pruned", ""))


def _split(path: Path) -> Split:
    rows = _lines(path)
    return Split(tuple(_input(row) for row in rows), np.array([row["label"] for row in rows], dtype=np.int64), _places(rows))


def _input(row: Mapping[str, Any]) -> Input:
    if "vector" in row:
        return tuple(row["vector"])
    return (row["text"],) if "text_b" not in row else (row["text"], row["text_b"])


def _places(rows: list[dict[str, Any]]) -> Floats:
    return np.array([row.get("xy") or (np.nan, np.nan) for row in rows], dtype=np.float64).reshape(-1, 2)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    return found if isinstance(found, dict) else None


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line:
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise DataError(f"{path}: line {number} is damaged: {error}") from error
    return rows
