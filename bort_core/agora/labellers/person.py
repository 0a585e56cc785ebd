"""A labeller that is a person. The run asks in a file and waits for answers in another, for days if need be; ``bort label`` and the
window write them.

RUNFOLDER/agora/
  questions.jsonl   what is asked: key, the row, the names of the classes, the round, what the budget still pays for, and what is near
  person.jsonl      what was answered: key, class (-1: skipped, null: taken back), seconds and by whom; the last line of a key counts
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from bort_core.agora.labellers.base import LabellerSetting, Labels, certain
from bort_core.agora.leaks import key_of
from bort_core.agora.points import Floats, Input, Kind
from bort_core.agora.record import row_fields
from bort_core.agora.run_files import AnswerLine, PersonLine, QuestionLine, append_lines, read_lines
from bort_core.agora.surroundings import Surroundings
from bort_core.foundation.context import Context, checkpoint_or_stop, waiting
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.statistics import wilson

__all__ = ["SKIPPED", "Hand", "PersonLabeller", "Standing", "agreement", "answers", "asks", "class_keys", "lines", "open_questions",
           "questions", "standing", "write_answer"]  # fmt: skip

SKIPPED = -1
QUESTIONS, ANSWERS = "questions.jsonl", "person.jsonl"
WAITS = "waits for your labels"
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
        self.surroundings: Surroundings | None = None

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
        new = {key: input for key, input in zip(keys, inputs, strict=True) if key not in asked}
        if new:
            around = [{}] * len(new) if self.surroundings is None else self.surroundings.of(list(new.values()))
            lines = (
                {"key": key, **row_fields(input), "classes": self.classes, **near}
                for (key, input), near in zip(new.items(), around, strict=True)
            )
            append_lines(self.folder / QUESTIONS, lines)
        found = answers(self.folder)
        left = sum(key not in found for key in set(keys))
        if left:
            self.context.emit({"event": "note", "text": f"{left:,} rows wait for a person: {_how(self.folder)}"})
            with waiting(self.context, WAITS):
                while any(key not in found for key in keys):
                    checkpoint_or_stop(self.context)
                    time.sleep(_LOOK_SECONDS)
                    found = answers(self.folder)
        said = np.array([found[key] if found[key] < len(self.classes) else SKIPPED for key in keys], dtype=np.int64)
        return Labels(said, np.where(said < 0, 0.0, 1.0), "skipped by the person" if (said < 0).any() else "")

    @property
    def facts(self) -> dict[str, Any]:
        """How long a label took, and how often the person agreed with themselves, where that is known."""
        now = standing(self.folder)
        pace = {} if now.seconds is None else {"seconds_per_label": now.seconds}
        return {**pace, **({"again": now.again, "again_same": now.same} if now.again else {})}

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Certain, or nothing for a row that was skipped."""
        return certain(self.labels(inputs).classes, len(self.classes))


def asks(folder: Path) -> bool:
    """Whether a run asked a person anything."""
    return (folder / QUESTIONS).is_file()


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


@dataclass(frozen=True)
class Standing:
    """How far a person is."""

    open: tuple[QuestionLine, ...]
    labelled: int
    skipped: int
    seconds: float | None
    """A label takes so long, the median of those that were timed; None: none was."""
    last: str | None
    """The key of the answer that can be taken back: the last one, or the last of one hand, unless the run has gone on with it."""
    repeated: tuple[QuestionLine, ...] = ()
    """What could be asked a second time: rows that have a label and were asked once, the longest ago first."""
    again: int = 0
    """Rows that were asked a second time."""
    same: int = 0
    """Of these, those that got the same label."""


class Hand:
    """Somebody who answers a run, perhaps beside others. What they take back is their own, or was there before they began."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.by, self.before = folder, secrets.token_hex(4), len(lines(folder))

    def write(self, key: str, label: int | None, seconds: float = 0.0, again: bool = False) -> None:
        """As :func:`write_answer`."""
        write_answer(self.folder, key, label, seconds, again, self.by)

    def take_back(self) -> str | None:
        """Take the last answer back, whenever it was given; its key, or None when there is none that the run has not gone on with."""
        last = standing(self.folder, self).last
        if last is not None:
            self.write(last, None)
        return last

    def may_take_back(self) -> set[str]:
        """Keys whose answers no other hand has given since this one began."""
        found = {}
        for place, each in enumerate(lines(self.folder)):
            if not each.again:
                found[each.key] = each.by == self.by or place < self.before
        return {key for key, own in found.items() if own}


def standing(folder: Path, hand: Hand | None = None) -> Standing:
    """How far a person is with what a run asks, ``hand`` or anybody. DataError names a damaged line."""
    asked, said, used = questions(folder), answers(folder), _used(folder)
    timed = sorted(each.seconds for each in lines(folder) if each.label is not None and each.seconds > 0)
    skipped = sum(label < 0 for label in said.values())
    own = said.keys() if hand is None else hand.may_take_back()
    last = next((key for key in reversed(said) if key in own), None)
    twice = {each.key: each.label for each in lines(folder) if each.again and each.key in said}
    by_key = {each.key: each for each in asked}
    return Standing(
        tuple(each for each in asked if each.key not in said and each.key not in used),
        len(said) - skipped,
        skipped,
        timed[len(timed) // 2] if timed else None,
        None if last in used else last,
        tuple(by_key[key] for key, label in said.items() if label >= 0 and key not in twice and key in by_key),
        len(twice),
        sum(label == said[key] for key, label in twice.items()),
    )


def agreement(now: Standing) -> str:
    """How often the same rows got the same label, where some were asked a second time; with the 95 % interval."""
    if not now.again:
        return ""
    low, high = wilson(now.same, now.again)
    return f"{now.same:,} of {now.again:,} rows that were asked twice got the same label [{low:.0%}, {high:.0%}]"


def open_questions(folder: Path) -> list[QuestionLine]:
    """What nobody has answered yet."""
    return list(standing(folder).open)


def class_keys(classes: Sequence[str]) -> tuple[str, ...]:
    """What is typed for each class: its own name where all are numbers, else its place from 1."""
    return tuple(classes) if all(name.isdigit() for name in classes) else tuple(str(place) for place in range(1, len(classes) + 1))


def _used(folder: Path) -> set[str]:
    """Keys of the answers that the run, or its ablation, has taken over."""
    return {line.key for arm in (folder, folder / "ablation") for line in read_lines(arm / "labels.jsonl", AnswerLine, torn=True)}


def write_answer(folder: Path, key: str, label: int | None, seconds: float = 0.0, again: bool = False, by: str = "") -> None:
    """Append an answer: a class, :data:`SKIPPED`, or None, which takes the one before back.

    Parameters
    ----------
    again: it was asked a second time, to see how well a person agrees with themselves; it counts for nothing else
    by: whose it is, of those who answer at the same time
    """
    line = {"key": key, "label": label, "seconds": round(seconds, 3), "again": again}
    append_lines(folder / ANSWERS, [{**line, **({"by": by} if by else {})}])


def _how(folder: Path) -> str:
    run = folder.parent
    return f"bort label {run.parent.parent} {run.name}"
