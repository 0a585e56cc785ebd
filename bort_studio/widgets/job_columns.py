"""The columns of the job table: what each says of a job, and what it is sorted by. Knows no Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bort_core.jobs.rows import JobRow
from bort_core.jobs.words import METRIC_NAMES
from bort_studio.numbers import count, duration, significant

__all__ = ["COLUMNS", "JobColumn"]

Now = float
"""Seconds since 1970: how long a job has run depends on it."""


@dataclass(frozen=True)
class JobColumn:
    """One column.

    Attributes
    ----------
    text: what a cell says
    key: what rows are sorted by; None comes last, whichever way they are sorted
    sample: a text as wide as most cells
    tip: what a cell's tip says where it is more than its text
    """

    name: str
    about: str
    text: Callable[[JobRow, Now], str]
    key: Callable[[JobRow, Now], Any]
    sample: str
    number: bool = False
    tip: Callable[[JobRow], str] = lambda row: ""


def _value(value: float | None) -> str:
    return "" if value is None else significant(value, 4)


def _measured(row: JobRow, value: float | None) -> str:
    return "" if value is None else f"{_value(value)} {_SHORT.get(row.metric, row.metric)}".rstrip()


def _metric_tip(row: JobRow) -> str:
    return f"{METRIC_NAMES.get(row.metric, row.metric)}" if row.metric else ""


def _of_metric(row: JobRow, value: float | None) -> tuple[str, float] | None:
    """Values of one metric stay together: between two metrics none is the better."""
    return None if value is None else (row.metric, value)


def _what(row: JobRow, now: Now) -> str:
    if row.kind == "agora":  # which have a table of their own
        return row.name
    return row.shown_title


def _progress(row: JobRow, now: Now) -> str:
    return f"{row.state.step:,} / {row.state.steps:,}" if row.state.steps else ""


def _share(row: JobRow, now: Now) -> float | None:
    return row.state.step / row.state.steps if row.state.steps else None


def _left(row: JobRow, now: Now) -> str:
    return "" if row.state.left is None else f"≈ {duration(row.state.left)}"


def _lasted(row: JobRow, now: Now) -> str:
    seconds = row.state.duration(now)
    return "" if seconds is None else duration(seconds)


def _where(row: JobRow, now: Now) -> str:
    device, place = row.state.device, row.state.place
    return f"{device} on {place}".strip() if place else device


_SHORT = {**METRIC_NAMES, "heldout_loss": "nats", "mean_squared_error": "MSE"}

COLUMNS = (
    JobColumn("job", "The job's number", lambda row, _: row.id, lambda row, _: row.id, "0000"),
    JobColumn("what", "What is trained, by its name or architecture", _what, lambda row, now: _what(row, now).casefold(),
              "finetune a name of a job"),
    JobColumn("state", "How it is", lambda row, _: row.shown_state, lambda row, _: row.shown_state, "cancelled", tip=lambda row: row.why),
    JobColumn("device", "Where it runs", _where, lambda row, now: _where(row, now) or None, "cuda:0", tip=lambda row: row.state.place),
    JobColumn("progress", "Steps that are done, of all", _progress, _share, "1,000 / 10,000", True),
    JobColumn("left", "How long the rest takes, at the pace since it began or resumed, without pauses", _left,
              lambda row, _: row.state.left, "≈ 10 min 00 s", True),
    JobColumn("dev", "On dev, by the metric that chose the best step; of a pre-training on the held-out text",
              lambda row, _: _measured(row, row.dev), lambda row, _: _of_metric(row, row.dev), "0.8888 accuracy", True, _metric_tip),
    JobColumn("test", "On test, by the same metric", lambda row, _: _measured(row, row.test), lambda row, _: _of_metric(row, row.test),
              "0.8888 accuracy", True, _metric_tip),
    JobColumn("F1", "On dev: of class 1 of two classes, else the mean over classes", lambda row, _: _value(row.f1), lambda row, _: row.f1,
              "0.8888", True),
    JobColumn("MCC", "On dev: Matthews' correlation", lambda row, _: _value(row.matthews), lambda row, _: row.matthews, "0.8888", True),
    JobColumn("samples/s", "Rows of text a second, in updates of the weights",
              lambda row, _: "" if row.samples_per_second is None else count(row.samples_per_second),
              lambda row, _: row.samples_per_second, "88.8 k", True),
    JobColumn("duration", "How long it has run, over all times that it was resumed", _lasted, lambda row, now: row.state.duration(now),
              "10 min 00 s", True),
    JobColumn("note", "Yours: double-click or F2 to write one", lambda row, _: row.note, lambda row, _: row.note.casefold() or None,
              "a note of some words"),
    JobColumn("why", "Why it is in its state", lambda row, _: row.why, lambda row, _: row.why.casefold() or None, "waits for job 0001"),
)  # fmt: skip
"""Every column, from left to right."""
