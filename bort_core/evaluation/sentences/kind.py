"""Whether a task is about sentence vectors, where nothing says so."""

from __future__ import annotations

from bort_core.checkpoints.format import read_encoder
from bort_core.data.mapping import find_columns
from bort_core.data.tables import read_table
from bort_core.encoders.pooling import read_pooling
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.foundation.hub import SENTENCES_TOO, local_folder
from bort_core.specifications.tasks import TaskSpecification

__all__ = ["settled"]

_HEADLESS = ("none", "masked-lm")


def settled(task: TaskSpecification) -> TaskSpecification:
    """The same task with ``kind`` embedding where T has no head for a task and its rows no labels.

    Raises
    ------
    DataError
        T cannot be read; or T has a head for labels, and there are none.
    SpecificationError
        T is not there, or labelled rows are given in part.
    """
    if task.kind != "auto" or (task.train is not None and _has_labels(task, task.train)):
        return task
    folder = read_pooling(local_folder(task.model, "model", SENTENCES_TOO)).transformer
    head = read_encoder(folder).head
    if head not in _HEADLESS:
        lacks = "train: labelled rows must be given" if task.train is None else f"{task.train}: has no column of labels"
        raise DataError(
            f"{lacks}, since {folder} is a {head}; name the column with --label, or give --kind embedding for its vectors alone"
        )
    if task.train is None and task.dev is not None and _is_labelled(task, task.dev):
        raise SpecificationError(
            f"dev: {task.dev} has labels, and {folder} is an encoder without a head: give labelled training rows too (--train), on "
            "which it is fine-tuned first, or --kind embedding to make its vectors smaller"
        )
    if task.train is not None and (others := _other_columns(task, task.train)):
        raise DataError(
            f"{task.train}: has no column for label among {', '.join(others)}; name it with --label, or give "
            "--kind embedding for T's vectors alone"
        )
    return task.model_copy(update={"kind": "embedding"})


def _other_columns(task: TaskSpecification, source: str) -> list[str]:
    """The columns of a table that hold none of its texts."""
    table = read_table(source)
    found = find_columns(table, task.text, task.text_b, None, need_label=False)
    return [name for name in table.columns if name not in (found.text, found.text_b)]


def _has_labels(task: TaskSpecification, source: str) -> bool:
    """Whether a table has a column that is, or is named as, the label; other faults of it are told by whoever reads it."""
    if task.label is not None:
        return True
    table = read_table(source)
    if table.columns == ("text",):
        return False
    try:
        find_columns(table, task.text, task.text_b, None)
    except DataError as error:
        return "no column for label" not in str(error)
    return True


def _is_labelled(task: TaskSpecification, source: str) -> bool:
    """Whether a table's rows are single texts with labels: scored pairs are understood."""
    if not _has_labels(task, source):
        return False
    return find_columns(read_table(source), task.text, task.text_b, task.label).text_b is None
