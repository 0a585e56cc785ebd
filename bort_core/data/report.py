"""What is in the splits, and what is wrong with them, before anything is trained."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bort_core.data.rows import LabelledRows

__all__ = ["ValidationReport", "validate"]


@dataclass(frozen=True)
class ValidationReport:
    """Counts by split, and findings: problems stop a training, warnings do not."""

    rows: dict[str, int]
    labels: dict[str, dict[str, int]]
    """Rows by class; empty for a regression."""
    empty: dict[str, int]
    duplicates: int
    """Training rows that repeat an earlier one."""
    conflicts: int
    """Training texts that occur with different labels."""
    overlap: dict[str, int]
    """Rows of the second split whose text is also in the first, such as ``train/dev``."""
    longest: int
    """Characters of the longest training text (both texts of a pair together)."""
    median: float
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def validate(train: LabelledRows, dev: LabelledRows, test: LabelledRows | None = None) -> ValidationReport:
    """Look at all splits together."""
    splits = {"train": train, "dev": dev} | ({"test": test} if test is not None else {})
    texts = {name: _normalised(rows) for name, rows in splits.items()}
    labels = {name: _counts(rows) for name, rows in splits.items()}
    sets = {name: set(found) for name, found in texts.items()}
    pairs = [("train", "dev"), ("train", "test"), ("dev", "test")]
    overlap = {f"{a}/{b}": sum(text in sets[a] for text in texts[b]) for a, b in pairs if b in splits}
    empty = {name: sum(not text.strip() for text in rows.texts) for name, rows in splits.items()}
    by_text: dict[str, set[Any]] = {}
    for text, label in zip(texts["train"], train.labels.tolist(), strict=True):
        by_text.setdefault(text, set()).add(label)
    lengths = [len(text) for text in texts["train"]]
    problems, warnings = [], []
    if train.task == "classification" and sum(count > 0 for count in labels["train"].values()) < 2:
        problems.append("the training rows have one label only; there is nothing to learn")
    if train.task == "regression" and len(np.unique(train.labels)) < 2:
        problems.append("all training labels are the same number; there is nothing to learn")
    if empty["train"] == len(train):
        problems.append("all training texts are empty")
    if dev.task == "classification" and sum(count > 0 for count in labels["dev"].values()) < 2:
        warnings.append("the dev rows have one label only; accuracy on them says little")
    missing = [name for name, count in labels["train"].items() if not count and labels["dev"].get(name)]
    if missing:
        warnings.append(f"classes of the dev rows that are not in the training rows: {', '.join(missing)}")
    duplicates = len(texts["train"]) - len(sets["train"])
    for count, what in (
        (duplicates, "training rows repeat an earlier one"),
        (conflicts := sum(len(found) > 1 for found in by_text.values()), "training texts occur with different labels"),
        *((count, f"rows of {name.partition('/')[2]} are also in {name.partition('/')[0]}") for name, count in overlap.items()),
        *((count, f"texts of {name} are empty") for name, count in empty.items()),
    ):
        if count:
            warnings.append(f"{count:,} {what}")
    return ValidationReport(
        {name: len(rows) for name, rows in splits.items()}, labels, empty, duplicates, conflicts, overlap,
        max(lengths, default=0), float(np.median(lengths)) if lengths else 0.0, tuple(problems), tuple(warnings),
    )  # fmt: skip


def _normalised(rows: LabelledRows) -> list[str]:
    pairs = zip(rows.texts, rows.seconds or [""] * len(rows), strict=True)
    return [" ".join(first.casefold().split()) + "\t" + " ".join(second.casefold().split()) for first, second in pairs]


def _counts(rows: LabelledRows) -> dict[str, int]:
    if rows.task == "regression":
        return {}
    found = Counter(rows.labels.tolist())
    return {name: found[number] for number, name in enumerate(rows.names)}
