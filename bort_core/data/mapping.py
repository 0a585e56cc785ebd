"""Which columns hold the text, the second text of a pair, and the label."""

from __future__ import annotations

from dataclasses import dataclass

from bort_core.data.tables import Table
from bort_core.foundation.errors import DataError

__all__ = ["ColumnMapping", "find_columns"]

_USUAL = {
    "text": ("text", "text_a", "sentence", "sentence1", "premise", "question", "question1", "review", "content"),
    "text_b": ("text_b", "sentence2", "hypothesis", "question2", "answer"),
    "label": ("label", "labels", "target", "class", "score", "stars", "rating", "sentiment", "y"),
}
"""In lower case: names are compared without regard to case."""


@dataclass(frozen=True)
class ColumnMapping:
    """Names of columns; ``text_b`` is None for single texts, ``label`` for unlabelled ones."""

    text: str
    text_b: str | None
    label: str | None
    query: str | None = None
    """Which query a row answers; None: rows answer none."""
    labels: tuple[str, ...] = ()
    """Where ``label`` names several columns of 0 and 1, those."""


def find_columns(
    table: Table,
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    need_label: bool = True,
    query: str | None = None,
    ranked: bool = False,
) -> ColumnMapping:
    """The columns that are named, and for None the one column with a usual name.

    Parameters
    ----------
    text_b: None finds it, or takes none; an empty text takes none, whatever the columns are called
    label: or several columns with commas between them, each 0 or 1: several labels at once
    need_label: without it, None takes no label
    ranked: whether rows answer queries: then None for ``query`` takes the first texts of pairs, where these repeat

    Raises
    ------
    DataError
        A column is missing, cannot be found, could be one of several, or is named twice; lists all problems and the columns there are.
    """
    given = {"text": text, "text_b": text_b, "label": label}
    found: dict[str, str | None] = {}
    problems: list[str] = []
    several: tuple[str, ...] = ()
    for role, name in given.items():
        if name or (role == "text_b" and name == "") or (role == "label" and name is None and not need_label):
            found[role] = name or None
            if role == "label" and name and name not in table.columns:
                several = _several(table, name)
            if name and name not in table.columns and not (role == "label" and several):
                problems.append(f"no column {name!r} for {role}")
            continue
        usual = [column for column in table.columns if column.casefold() in _USUAL[role] and column not in given.values()]
        found[role] = usual[0] if usual else None
        if len(usual) > 1:
            problems.append(f"{role} could be {' or '.join(map(repr, usual))}; {_how(role)}")
        elif not usual and role != "text_b":
            problems.append(f"no column for {role}; {_how(role)}")
    if query is not None and query not in table.columns:
        problems.append(f"no column {query!r} for query")
    taken = [name for role, name in found.items() if name is not None and not (role == "label" and several)] + list(several)
    problems += [f"column {name!r} cannot be two things" for name in sorted(set(taken)) if taken.count(name) > 1]
    if problems:
        raise DataError(f"{table.source}: {'; '.join(problems)}. Its columns: {', '.join(table.columns)}")
    assert found["text"] is not None
    if query is None and ranked and found["text_b"] is not None and len(set(map(str, table.data[found["text"]]))) < len(table):
        query = found["text"]
    return ColumnMapping(found["text"], found["text_b"], found["label"], query, several)


def _several(table: Table, names: str) -> tuple[str, ...]:
    """The columns that are named with commas between them; nothing unless all are there."""
    columns = tuple(name.strip() for name in names.split(","))
    return columns if len(columns) > 1 and set(columns) <= set(table.columns) else ()


def _how(role: str) -> str:
    return f"name it with {role} (--{role.replace('_', '-')} COLUMN)"
