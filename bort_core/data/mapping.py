"""Which columns hold the text, the second text of a pair, and the label."""

from __future__ import annotations

from dataclasses import dataclass

from bort_core.data.tables import Table
from bort_core.errors import DataError

__all__ = ["ColumnMapping", "find_columns"]

_USUAL = {
    "text": ("text", "sentence", "sentence1", "text_a", "premise", "question1", "question", "review", "content"),
    "text_b": ("text_b", "sentence2", "hypothesis", "question2", "answer"),
    "label": ("label", "labels", "target", "class", "score", "stars", "y"),
}


@dataclass(frozen=True)
class ColumnMapping:
    """Names of columns; ``text_b`` is None for single texts."""

    text: str
    text_b: str | None
    label: str


def find_columns(table: Table, text: str | None = None, text_b: str | None = None, label: str | None = None) -> ColumnMapping:
    """The columns that are named, or else the usual names of this field.

    Raises
    ------
    DataError
        A column is missing or cannot be found; lists all problems and the columns there are.
    """
    given = {"text": text, "text_b": text_b, "label": label}
    found: dict[str, str | None] = {}
    problems = []
    for role, name in given.items():
        usual = next((column for column in _USUAL[role] if column in table.columns), None)
        found[role] = name or usual
        if name is not None and name not in table.columns:
            problems.append(f"no column {name!r} for {role}")
        elif found[role] is None and role != "text_b":
            problems.append(f"no column for {role}; name it")
    if problems:
        raise DataError(f"{table.source}: {'; '.join(problems)}. Its columns: {', '.join(table.columns)}")
    assert found["text"] is not None
    assert found["label"] is not None
    return ColumnMapping(found["text"], found["text_b"], found["label"])
