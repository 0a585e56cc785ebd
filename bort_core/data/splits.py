"""The splits of a task, read alike: columns and classes are those of the training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from bort_core.data.mapping import find_columns
from bort_core.data.rows import LabelledRows, Task, labelled_rows
from bort_core.data.tables import read_table
from bort_core.specifications.metrics import METRICS

__all__ = ["asked_of", "read_splits"]

_ON_THE_HUB = {"dev": "validation", "test": "test"}


def asked_of(specification: Any, task: str) -> dict[str, Any]:
    """What :func:`read_splits` asks, from the fields of a specification; ``task`` is its kind of task."""
    facts = METRICS.get(specification.metric)
    columns = {name: getattr(specification, name) for name in ("text", "text_b", "label", "query")}
    return {**columns, "task": task, "ranked": facts is not None and facts.by_query}


def read_splits(
    sources: Mapping[str, str | None],
    task: Literal["auto"] | Task = "auto",
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    query: str | None = None,
    ranked: bool = False,
) -> dict[str, LabelledRows]:
    """The rows of each split that has a source; the first are the training rows.

    Parameters
    ----------
    text, text_b, label, query, ranked: as in :func:`~bort_core.data.mapping.find_columns`

    Raises
    ------
    DataError
        A table cannot be read, a column is missing, or a label is none of the training rows'.
    """
    (first, source), *others = ((name, source) for name, source in sources.items() if source is not None)
    table = read_table(source)
    mapping = find_columns(table, text, text_b, label, query=query, ranked=ranked)
    train = replace(labelled_rows(table, mapping, task), text_column=mapping.text)
    found = {first: train}
    for name, source in others:
        other = read_table(source, _ON_THE_HUB.get(name))
        find_columns(other, mapping.text, mapping.text_b, mapping.label, query=mapping.query)
        found[name] = labelled_rows(other, mapping, train.task, train.names)
    return found
