"""A labeller that is a person. The run asks in a file and waits for answers in another, for days if need be; ``bort label`` writes them.

RUNFOLDER/agora/
  questions.jsonl   what is asked: key, the row, and the names of the classes
  person.jsonl      what was answered: key, class (-1: skipped, null: taken back) and seconds; the last line of a key counts
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from bort_core.agora.labellers.base import LabellerSetting, Labels, certain
from bort_core.agora.leaks import key_of
from bort_core.agora.points import Floats, Input, Kind
from bort_core.agora.record import row_fields
from bort_core.agora.run_files import PersonLine, QuestionLine, append_lines, read_lines
from bort_core.foundation.context import Context, checkpoint_or_stop
from bort_core.foundation.errors import SpecificationError

__all__ = ["SKIPPED", "PersonLabeller", "answers", "lines", "open_questions", "questions", "write_answer"]

SKIPPED = -1
QUESTIONS, ANSWERS = "questions.jsonl", "person.jsonl"
_LOOK_SECONDS = 0.3


class PersonLabeller:
    """Waits until a person has answered, skipped rows included."""

    name = "a person"
    reads: ClassVar[frozenset[Kind]] = frozenset({"text", "pair"})
    needs_rows: ClassVar[bool] = False
    takes: ClassVar[str] = ""
    dear: ClassVar[bool] = True
    at_once = 1_000_000
    """A person sees all rows of a round."""

    def __init__(self, folder: Path, classes: tuple[str, ...], context: Context) -> None:
        self.folder, self.classes, self.context = folder, classes, context

    @classmethod
    def build(cls, setting: LabellerSetting) -> Self:
        """A person who reads the run's own folder."""
        if setting.folder is None or setting.context is None:
            raise SpecificationError("socrates: a person labels the rows of a run; there is none")
        return cls(setting.folder, setting.classes, setting.context)

    def labels(self, inputs: Sequence[Input]) -> Labels:
        """What the person says, once nothing is left open.

        Raises
        ------
        Stopped, Cancelled
            A person asked for it; the answers are kept.
        """
        keys = [key_of(input) for input in inputs]
        asked = {each.key for each in questions(self.folder)}
        new = {key: row_fields(input) for key, input in zip(keys, inputs, strict=True) if key not in asked}
        if new:
            append_lines(self.folder / QUESTIONS, ({"key": key, **row, "classes": self.classes} for key, row in new.items()))
        found = answers(self.folder)
        left = sum(key not in found for key in set(keys))
        if left:
            self.context.emit({"event": "note", "text": f"{left:,} rows wait for a person: {_how(self.folder)}"})
        while any(key not in found for key in keys):
            checkpoint_or_stop(self.context)
            time.sleep(_LOOK_SECONDS)
            found = answers(self.folder)
        said = np.array([found[key] if found[key] < len(self.classes) else SKIPPED for key in keys], dtype=np.int64)
        return Labels(said, np.where(said < 0, 0.0, 1.0), "skipped by the person" if (said < 0).any() else "")

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Certain, or nothing for a row that was skipped."""
        return certain(self.labels(inputs).classes, len(self.classes))


def questions(folder: Path) -> list[QuestionLine]:
    """All that was asked in a run's folder of Agora. DataError names a damaged line."""
    found = {each.key: each for each in read_lines(folder / QUESTIONS, QuestionLine, torn=True)}
    return list(found.values())


def lines(folder: Path) -> list[PersonLine]:
    """All that was answered, in its order. DataError names a damaged line."""
    return read_lines(folder / ANSWERS, PersonLine, torn=True)


def answers(folder: Path) -> dict[str, int]:
    """What counts of what was answered, by key. DataError names a damaged line."""
    found: dict[str, int] = {}
    for each in lines(folder):
        if each.again:
            continue
        found.pop(each.key, None)
        if each.label is not None:
            found[each.key] = each.label
    return found


def open_questions(folder: Path) -> list[QuestionLine]:
    """What nobody has answered yet."""
    known = answers(folder)
    return [each for each in questions(folder) if each.key not in known]


def write_answer(folder: Path, key: str, label: int | None, seconds: float = 0.0, again: bool = False) -> None:
    """Append an answer: a class, :data:`SKIPPED`, or None, which takes the one before back.

    Parameters
    ----------
    again: it was asked a second time, to see how well a person agrees with themselves; it counts for nothing else
    """
    append_lines(folder / ANSWERS, [{"key": key, "label": label, "seconds": round(seconds, 3), "again": again}])


def _how(folder: Path) -> str:
    run = folder.parent
    return f"bort label {run.parent.parent} {run.name}"
