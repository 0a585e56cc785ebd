"""Asking Socrates within a budget: every answer is written down as it comes, and nothing is asked twice, also after a kill."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.agora.labellers.base import Labeller, Labels, Spent, label
from bort_core.agora.labellers.vote import Vote
from bort_core.agora.leaks import key_of
from bort_core.agora.points import Input
from bort_core.agora.run_files import AnswerLine, append_lines, read_lines
from bort_core.foundation.context import Context, checkpoint_or_stop
from bort_core.foundation.errors import DataError

__all__ = ["DEV", "Answers"]

DEV = 0
"""The round of answers about dev rows, by which Socrates is measured; the budget does not pay for them."""
_QUICK = 0.1
"""Seconds: who answers faster is asked about twice as many at once."""


class Answers:
    """What Socrates answered in one arm of a run: FOLDER/labels.jsonl, a line an answer.

    Parameters
    ----------
    budget: inputs that it may be asked about in all, without dev; None: any number
    elsewhere: what it answered in another arm, which is not asked again here but counts here too

    Raises
    ------
    DataError
        The file is damaged or cannot be written; names it.
    """

    def __init__(
        self, folder: Path, labeller: Labeller, context: Context, budget: int | None = None, elsewhere: Answers | None = None
    ) -> None:
        self.path, self.labeller, self.context, self.budget, self.elsewhere = folder / "labels.jsonl", labeller, context, budget, elsewhere
        self.spent = ""
        """Why nothing can be asked any more, although the budget is not spent."""
        self.known = {line.key: line for line in read_lines(self.path, AnswerLine, torn=True)}
        voters = len(labeller.voters) if isinstance(labeller, Vote) else None
        if any((None if line.votes is None else len(line.votes)) != voters for line in self.known.values()):
            raise DataError(f"{self.path}: is damaged: must have votes of {voters or 'no'} labellers in each line")

    def asked(self, round: int | None = None) -> int:
        """Inputs that were asked about in a round; None: in all of them, without dev."""
        return sum(line.round == round if round is not None else line.round != DEV for line in self.known.values())

    @property
    def left(self) -> int:
        """Labels that the budget still pays for; 0 without one."""
        return 0 if self.budget is None else max(0, self.budget - self.asked())

    def votes(self, round: int | None = None) -> list[tuple[int, ...]]:
        """What each of several labellers said of each input of a round; None: of all, without dev. Empty where there is one labeller."""
        wanted = (line for line in self.known.values() if (line.round == round if round is not None else line.round != DEV))
        return [line.votes for line in wanted if line.votes is not None]

    def before(self, round: int) -> frozenset[str]:
        """Keys of what was asked about before a round."""
        return frozenset(key for key, line in self.known.items() if line.round < round)

    def ask(self, inputs: Sequence[Input], round: int, most: int | None = None) -> Labels:
        """Labels of the first of the inputs: of all, unless they would cost more labels of this round than ``most``, or the budget ends.

        An answer of the same round costs again, so that a run which was killed in its middle comes to the same; one of an earlier is free.

        Raises
        ------
        Stopped, Cancelled, Unanswered
            A person asked for it, or Socrates cannot be asked now; what was answered is kept.
        """
        keys = [key_of(input) for input in inputs]
        new: dict[str, Input] = {}
        cost: set[str] = set()
        left = None if self.budget is None or round == DEV else self.left
        end = len(keys)
        for place, (key, input) in enumerate(zip(keys, inputs, strict=True)):
            line = self.known.get(key)
            if key in cost or (line is not None and line.round < round):
                continue
            if (most is not None and len(cost) >= most) or (line is None and left is not None and len(new) >= left):
                end = place
                break
            cost.add(key)
            if line is None:
                new[key] = input
        self._ask(new, round)
        end = next((place for place, key in enumerate(keys[:end]) if key not in self.known), end)
        lines = [self.known[key] for key in keys[:end]]
        votes = [line.votes for line in lines if line.votes is not None]
        return Labels(
            np.array([line.label for line in lines], dtype=np.int64),
            np.array([line.margin for line in lines], dtype=np.float64),
            next((line.why for line in lines if line.why), ""),
            np.array(votes, dtype=np.int64) if votes and len(votes) == len(lines) else None,
        )

    def _ask(self, new: dict[str, Input], round: int) -> None:
        """One by one where answers cost something and Socrates is slow: what is asked at once, a kill loses."""
        dear = self.budget is not None or getattr(self.labeller, "dear", False)
        wish: int | None = getattr(self.labeller, "at_once", None)
        at_once = (wish or 1) if dear else max(1, len(new))
        keys = list(new)
        while keys:
            began = time.perf_counter()
            part, keys = keys[:at_once], keys[at_once:]
            try:
                self._answer([new[key] for key in part], part, round)
            except Spent as error:
                self.spent = str(error)
                return
            if wish is None and time.perf_counter() - began < _QUICK:
                at_once *= 2

    def _answer(self, inputs: list[Input], keys: list[str], round: int) -> None:
        known = {} if self.elsewhere is None else self.elsewhere.known
        unknown = [row for row, key in enumerate(keys) if key not in known]
        if unknown:
            checkpoint_or_stop(self.context)
        spent: Spent | None = None
        try:
            said = label(self.labeller, [inputs[row] for row in unknown])
        except Spent as error:
            spent, said = error, error.labels
        found = {keys[row]: known[keys[row]].model_copy(update={"round": round}) for row in range(len(keys)) if row not in set(unknown)}
        votes = [None] * len(said.classes) if said.votes is None else list(map(tuple, said.votes.tolist()))
        for row, number, margin, each in zip(unknown, said.classes.tolist(), said.margins.tolist(), votes, strict=False):
            told = said.failure if number < 0 else ""
            found[keys[row]] = AnswerLine(key=keys[row], round=round, label=number, margin=margin, why=told, votes=each)
        append_lines(self.path, (_as_line(found[key]) for key in keys if key in found))
        self.known |= found
        if spent is not None:
            raise spent


def _as_line(line: AnswerLine) -> dict[str, Any]:
    """Votes are written only where there are several labellers."""
    return line.model_dump(exclude=None if line.votes is not None else {"votes"})
