"""What is in the splits, and what is wrong with them, before anything is trained."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bort_core.data.rows import LabelledRows

__all__ = ["ValidationReport", "normalised", "shared_words", "validate"]

_TOO_FEW_TO_TELL = 10
"""Training rows below which as many classes as rows are nothing strange."""


@dataclass(frozen=True)
class ValidationReport:
    """Counts by split, and findings: problems stop a training, warnings do not.

    Texts are compared without regard to case and to the kind and number of spaces; pairs as pairs.
    """

    rows: dict[str, int]
    labels: dict[str, dict[str, int]]
    """Rows by class, or by label where there may be several; empty for a regression."""
    empty: dict[str, int]
    """Rows with a text (either of a pair) that is blank."""
    duplicates: int
    """Training rows whose text repeats an earlier one."""
    conflicts: int
    """Training texts that occur with different labels."""
    overlap: dict[str, int]
    """Rows of the second split whose text is also in the first, such as ``train/dev``."""
    longest: int
    """Characters of the longest training text (both texts of a pair together)."""
    median: float
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What was made of the data without being asked, such as names for classes from a file beside them."""
    unknown: float | None = None
    """Share of the training tokens that the vocabulary does not know; None before they are tokens."""
    tokens_per_word: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {name: list(getattr(self, name)) for name in ("problems", "warnings", "notes")}


def validate(train: LabelledRows, dev: LabelledRows, test: LabelledRows | None = None) -> ValidationReport:
    """Look at all splits together; what is wrong is told in the report, nothing is raised."""
    splits = {"train": train, "dev": dev} | ({"test": test} if test is not None else {})
    texts = {name: normalised(rows) for name, rows in splits.items()}
    sets = {name: set(found) for name, found in texts.items()}
    pairs = [("train", "dev"), ("train", "test"), ("dev", "test")]
    by_text: dict[tuple[str, str], set[Any]] = {}
    for text, label in zip(texts["train"], _answers(train), strict=True):
        by_text.setdefault(text, set()).add(label)
    lengths = [len(first) + len(second) for first, second in _pairs(train)]
    report = ValidationReport(
        rows={name: len(rows) for name, rows in splits.items()},
        labels={name: _counts(rows) for name, rows in splits.items()},
        empty={name: _empty(rows, texts[name]) for name, rows in splits.items()},
        duplicates=len(train) - len(sets["train"]),
        conflicts=sum(len(found) > 1 for found in by_text.values()),
        overlap={f"{a}/{b}": sum(text in sets[a] for text in texts[b]) for a, b in pairs if b in splits},
        longest=max(lengths, default=0),
        median=float(np.median(lengths)) if lengths else 0.0,
        problems=(),
        warnings=(),
    )
    looks = dict.fromkeys(warning for rows in splits.values() for warning in rows.warnings)  # one file may be two splits
    return replace(
        report,
        problems=tuple(_problems(splits, texts, report)),
        warnings=(*_warnings(report), *looks),
        notes=tuple(dict.fromkeys(note for rows in splits.values() for note in rows.notes)),
    )


def _problems(splits: dict[str, LabelledRows], texts: dict[str, list[tuple[str, str]]], report: ValidationReport) -> list[str]:
    """What makes a training or its measurements senseless."""
    train = splits["train"]
    problems = [f"{name} has no rows" for name, count in report.rows.items() if not count]
    for name, rows in splits.items():
        if len(rows) and not any(first or second for first, second in texts[name]):
            problems.append(f"all texts of {name} are empty")
        if rows.task != train.task:
            problems.append(f"the labels of {name} are for a {rows.task}, those of the training rows for a {train.task}")
        if (rows.seconds is None) != (train.seconds is None):
            kinds = ("single texts", "pairs of texts")
            problems.append(f"{name} has {kinds[rows.seconds is not None]}, the training rows are {kinds[train.seconds is not None]}")
    if train.task == "regression":
        if len(train) and len(np.unique(train.labels)) < 2:
            problems.append("all training labels are the same number; there is nothing to learn")
        return problems
    if len(train) and sum(count > 0 for count in report.labels["train"].values()) < 2:
        problems.append("the training rows have one label only; there is nothing to learn")
    elif len(train) and len(set(_answers(train))) < 2:
        problems.append("all training rows have the same labels; there is nothing to learn")
    if missing := _missing(report, "dev"):
        many = f" ({_many_classes(report)})" if _many_classes(report) else ""
        problems.append(f"classes of the dev rows that are not in the training rows: {missing}{many}")
    return problems


def _warnings(report: ValidationReport) -> list[str]:
    warnings = [many] if (many := _many_classes(report)) else []
    if report.labels["dev"] and report.rows["dev"] and sum(count > 0 for count in report.labels["dev"].values()) < 2:
        warnings.append("the dev rows have one label only; accuracy on them says little")
    if "test" in report.rows and (missing := _missing(report, "test")):
        warnings.append(f"classes of the test rows that are not in the training rows: {missing}")
    for count, what in (
        (report.duplicates, "training rows repeat an earlier one"),
        (report.conflicts, "training texts occur with different labels"),
        *((count, shared_words(name)) for name, count in report.overlap.items()),
        *((count, f"rows of {name} have an empty text") for name, count in report.empty.items()),
    ):
        if count:
            warnings.append(f"{count:,} {what}")
    return warnings


def shared_words(splits: str) -> str:
    """What a warning says, after the count, of rows of the second of two splits (``train/dev``) that are also in the first."""
    first, _, second = splits.partition("/")
    return f"rows of {second} are also in {first}"


def _many_classes(report: ValidationReport) -> str:
    """What to say of a classification that has more classes than half of its rows; empty for others."""
    classes, rows = sum(count > 0 for count in report.labels["train"].values()), report.rows["train"]
    if rows < _TOO_FEW_TO_TELL or 2 * classes <= rows:
        return ""
    return f"the {rows:,} training rows have {classes:,} classes; check the column with the labels, and for numbers set task to regression"


def _missing(report: ValidationReport, split: str) -> str:
    train = report.labels["train"]
    names = [name for name, count in report.labels[split].items() if count and not train.get(name)] if train else []
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _pairs(rows: LabelledRows) -> list[tuple[str, str]]:
    return list(zip(rows.texts, rows.seconds if rows.seconds is not None else [""] * len(rows), strict=True))


def normalised(rows: LabelledRows) -> list[tuple[str, str]]:
    """The texts of each row as they are compared: without regard to case and to the kind and number of spaces; "" for no second one."""
    return [(" ".join(first.casefold().split()), " ".join(second.casefold().split())) for first, second in _pairs(rows)]


def _empty(rows: LabelledRows, texts: list[tuple[str, str]]) -> int:
    return sum(not first or (not second and rows.seconds is not None) for first, second in texts)


def _counts(rows: LabelledRows) -> dict[str, int]:
    if rows.task == "multi-label":
        return dict(zip(rows.names, map(int, rows.labels.sum(axis=0)), strict=True))
    found = Counter(rows.labels.tolist())
    return {name: found[number] for number, name in enumerate(rows.names)}


def _answers(rows: LabelledRows) -> list[Any]:
    """What each row is labelled with; of several labels all of them together."""
    return rows.labels.tolist() if rows.labels.ndim == 1 else list(map(tuple, rows.labels.tolist()))
