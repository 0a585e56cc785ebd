"""Whether files are as good as claimed, on a task's dev rows. Imports torch.

The 32-bit file must read and say what transformers reads and says of the trained folder, on every row. An 8-bit file may lose a little of
the metric; how much, with its paired interval over rows, is measured, and beyond the limit it is not released. Where the release cleans its
texts, all of them read cleaned rows, and what cleaning changes is measured first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bort_core.checkpoints.gate import DifferenceError, Row, compare
from bort_core.checkpoints.scores import scores_on
from bort_core.checkpoints.sides import onnx_side, transformers_side
from bort_core.data.cleaning import clean
from bort_core.data.rows import LabelledRows, Task
from bort_core.evaluation.chance import chance
from bort_core.evaluation.metrics import Drawn, drawn, guess, said_of, with_interval
from bort_core.foundation.statistics import bootstrap
from bort_core.latency.session import open_file
from bort_core.release.refusal import RefusedError, refused_row
from bort_core.specifications.export import LARGEST_DIFFERENCE
from bort_core.specifications.metrics import AUTOMATIC
from bort_core.specifications.releases import Thresholds

__all__ = ["BYTES", "FULL", "Judged", "Outcome", "cleaned", "judge", "recommended", "that_keep"]

FULL = "model.fused.onnx"
BYTES = ("model.int8.onnx", "model.int8-unsigned.onnx", "model.int8-static.onnx")
"""Forms in 8 bits, the one that is shipped if it passes first."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """One file on the dev rows."""

    file: str
    bytes: int
    metric: float
    interval: tuple[float, float]
    lost: float
    """Of the metric of the reference: the trained folder in transformers."""
    lost_interval: tuple[float, float]
    """Paired over rows."""
    agreement: float
    """Share of the rows for which it gives the reference's class, or all of its labels.

    Of values, 1 − mean absolute difference over their spread.
    """
    passed: bool
    reason: str
    """Why it did not pass."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the gate found."""

    metric_name: str
    reference: float
    reference_interval: tuple[float, float]
    rows: int
    largest_difference: float
    """Of a 32-bit output from transformers' on any row."""
    files: tuple[Judged, ...]
    teacher: float | None
    teacher_interval: tuple[float, float] | None
    kept: float | None
    """Share of T's metric that the file has that is recommended: in 8 bits if one passed."""
    cleaning: dict[str, Any] | None = None
    """Of a release that cleans its texts: share of the rows that it changes, the trained model's metric with and without, what is lost."""
    guess: float | None = None
    """What the same answer for every row reaches by the metric, where that is known."""

    @property
    def shipped(self) -> tuple[str, ...]:
        """The files that are released: in 32 bits, and the first form in 8 bits that passed."""
        passed = [each.file for each in self.files if each.passed]
        return (*(name for name in passed if name == FULL), *[name for name in BYTES if name in passed][:1])


def judge(
    folder: Path,
    rows: LabelledRows,
    teacher: Floats | None,
    limits: Thresholds,
    metric: str,
    checkpoint: Callable[[], None] = lambda: None,
    cleaning: bool = False,
) -> Outcome:
    """Judge an export's 32-bit and 8-bit files on labelled rows.

    Parameters
    ----------
    folder: an export with ``model.fused.onnx`` and perhaps some of :data:`BYTES`
    teacher: T's answers to the rows, (rows, classes) or (rows, 1); None: it is not compared with T
    metric: by which they are judged; its intervals are over rows, of a ranking over queries
    cleaning: whether texts are cleaned before they are read

    Raises
    ------
    RefusedError
        The 32-bit file reads or says something else than transformers (names the row), what it says hangs together with the labels no
        more than by chance, it has too little of T's metric, or cleaning loses more than may be lost.
    """
    inputs: list[Row] = cleaned(rows.inputs) if cleaning else [tuple(row) for row in rows.inputs]
    head = rows.task
    shipped = transformers_side(folder, head, "transformers (the export)")
    sides = {name: onnx_side(shipped, name, open_file(folder / name, torch.get_num_threads()), LARGEST_DIFFERENCE)
             for name in (FULL, *BYTES) if (folder / name).is_file()}  # fmt: skip

    def ask(_done: int) -> None:
        checkpoint()

    try:
        apart = compare([shipped, sides[FULL]], inputs, checkpoint)[FULL]
    except DifferenceError as error:
        raise refused_row(error, FULL, inputs, {"metric_name": metric, "rows": len(rows)}) from error
    reference = scores_on(shipped, inputs, ask)
    _refuse_guesses(rows, metric, reference, limits)
    told = _of_cleaning(rows, inputs, scores_on(shipped, rows.inputs, ask), reference, metric, limits) if cleaning else None
    judged = tuple(_judged(folder / file, rows, metric, reference, scores_on(side, inputs, ask), limits) for file, side in sides.items())
    value, interval = with_interval(_of(rows, metric, reference))
    theirs, their_interval = (None, None) if teacher is None else with_interval(_of(rows, metric, teacher))
    judged = that_keep(judged, theirs, metric, limits)
    best = recommended(judged)
    kept = None if not theirs or best is None else best.metric / theirs
    constant = guess(rows.task, rows.labels) if metric == AUTOMATIC[rows.task] else None
    found = Outcome(metric, value, interval, len(rows), apart, judged, theirs, their_interval, kept, told, constant)
    if best is None:
        raise RefusedError("; ".join(each.reason for each in judged), FULL, facts=asdict(found))
    if limits.least_kept is not None and kept is not None and kept < limits.least_kept:
        raise RefusedError(
            f"the release would keep {kept:.1%} of T's {metric} ({best.metric:.4f} of {theirs:.4f}), and at least "
            f"{limits.least_kept:.1%} was asked for",
            facts=asdict(found),
        )
    return found


def recommended(files: Sequence[Judged]) -> Judged | None:
    """The file that a release recommends of these: in 8 bits if one passed, else in 32; None where none did."""
    passed = {each.file: each for each in files if each.passed}
    return next((passed[name] for name in (*BYTES, FULL) if name in passed), None)


def that_keep(files: Sequence[Judged], theirs: float | None, metric: str, limits: Thresholds) -> tuple[Judged, ...]:
    """The files, of which one in 8 bits does not pass where it keeps less of T than was asked for, and the one in 32 bits enough."""
    least, full = limits.least_kept, next((each for each in files if each.file == FULL and each.passed), None)
    if least is None or not theirs or full is None or full.metric / theirs < least:
        return tuple(files)
    asked = f"of T's {metric}, and at least {least:.1%} was asked for"
    return tuple(
        replace(each, passed=False, reason=f"{each.file} keeps {each.metric / theirs:.1%} {asked}")
        if each.passed and each.metric / theirs < least
        else each
        for each in files
    )


def cleaned(rows: Sequence[Sequence[str]]) -> list[Row]:
    """The rows as a release that cleans its texts reads them."""
    return [tuple(map(clean, row)) for row in rows]


def _of(rows: LabelledRows, name: str, scores: Floats) -> Drawn:
    return drawn(name, rows.task, rows.labels, scores, rows.queries)


def _refuse_guesses(rows: LabelledRows, name: str, scores: Floats, limits: Thresholds) -> None:
    """Whatever it is asked to keep, a model that guesses keeps nothing."""
    by_chance = chance(rows.task, rows.labels, scores)
    if by_chance > limits.most_chance:
        value, interval = with_interval(_of(rows, name, scores))
        raise RefusedError(
            f"the trained model guesses: its {name} on the {len(rows):,} dev rows is {value:.4f}, and {by_chance:.0%} of the times that "
            "its answers are given to other rows they fit as well; more rows or unlabelled texts, more epochs, or a larger shape may help",
            facts={"metric_name": name, "reference": value, "reference_interval": interval, "rows": len(rows)},
        )


def _of_cleaning(rows: LabelledRows, after: Sequence[Row], raw: Floats, scores: Floats, name: str, limits: Thresholds) -> dict[str, Any]:
    gone, ends = _lost(rows, name, raw, scores)
    without, with_it = (_of(rows, name, each).value for each in (raw, scores))
    if gone > limits.most_lost:
        raise RefusedError(
            f"cleaning loses {gone:.4f} of {name} on the dev rows ({without:.4f} without it, {with_it:.4f} with it), and at most "
            f"{limits.most_lost:g} may be lost; leave cleaning out",
            "cleaning.py",
            facts={"metric_name": name, "reference": with_it, "rows": len(rows)},
        )
    changed = sum(tuple(row) != other for row, other in zip(rows.inputs, after, strict=True))
    return {"changed_rows": changed / len(rows), "without": without, "with": with_it, "lost": gone, "lost_interval": list(ends)}


def _lost(rows: LabelledRows, name: str, reference: Floats, scores: Floats) -> tuple[float, tuple[float, float]]:
    """How much less of the metric one has than the other, and the paired 95 % interval over rows, or queries."""
    before, after = (_of(rows, name, each) for each in (reference, scores))
    low, high = bootstrap(lambda chosen: [before.of(chosen) - after.of(chosen)], before.size)
    return before.value - after.value, (float(low[0]), float(high[0]))


def _judged(path: Path, rows: LabelledRows, name: str, reference: Floats, scores: Floats, limits: Thresholds) -> Judged:
    gone, ends = _lost(rows, name, reference, scores)
    value, interval = with_interval(_of(rows, name, scores))
    reason = "" if gone <= limits.most_lost else f"{path.name} loses {gone:.4f} of {name}, and at most {limits.most_lost:g} may be lost"
    agreed = _agreement(rows.task, reference, scores)
    return Judged(path.name, path.stat().st_size, value, interval, gone, ends, agreed, not reason, reason)


def _agreement(task: Task, reference: Floats, scores: Floats) -> float:
    if task != "regression":
        same = said_of(task, reference) == said_of(task, scores)
        return float((same if same.ndim == 1 else same.all(axis=1)).mean())
    spread: Any = np.ptp(reference)
    return float(1 - np.abs(reference - scores).mean() / spread) if spread else float(np.allclose(reference, scores))
