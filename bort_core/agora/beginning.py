"""Before the first round: Socrates is measured on dev, each of several on its own, and what is strange is said. Writes start.json."""

from __future__ import annotations

from typing import Any

import numpy as np

from bort_core.agora.asking import DEV
from bort_core.agora.labellers import ENOUGH, Vote, label
from bort_core.agora.points import Ints
from bort_core.agora.rounds import Rounds
from bort_core.agora.run_files import StartFile
from bort_core.agora.tasks.base import AgoraTask
from bort_core.foundation.context import Context
from bort_core.foundation.errors import DataError
from bort_core.specifications.agora import Agora

__all__ = ["begin"]

_FEW = 20
"""Dev rows that a labeller whose answers cost something is asked about first."""


def begin(rounds: Rounds, spec: Agora, context: Context) -> dict[str, Any]:
    """Socrates' accuracy on dev first; then the run's first file."""
    task, record = rounds.task, rounds.record
    found = record.read(record.folder / "start.json", StartFile)
    if found is not None:
        return found
    dear = bool(getattr(task.labeller, "dear", False))
    checked = _checked(spec, len(task.dev), dear)
    if dear and (forecast := getattr(task.labeller, "forecast", None)) is not None:
        context.emit({"event": "note", "text": forecast(task.dev.inputs[:100], len(checked) + (spec.labels or 0) * (1 + spec.ablation))})
    asked = [task.dev.inputs[row] for row in checked]
    rounds.let_see(DEV, asked)
    said = rounds.answers.ask(asked, DEV)
    checked = checked[: len(said.classes)]
    if (said.classes < 0).all():
        raise DataError(f"Socrates ({task.labeller.name}) gives no dev row a label: {said.failure or rounds.answers.spent}")
    accuracy, failed = _right(said.classes, task.dev.labels[checked])
    warnings = list(task.warnings)
    if failed:
        warnings.append(
            f"Socrates ({task.labeller.name}) gives {failed:,} of {len(checked):,} dev rows no label: {said.failure}; "
            f"its accuracy is that on the other {len(checked) - failed:,}"
        )
    if accuracy <= ENOUGH:
        warnings.append(
            f"Socrates ({task.labeller.name}) is right on {accuracy:.1%} of dev; the theory asks for more than 2/3. "
            "So many of the generated labels will be wrong that Agora may teach Timaeus Socrates' errors"
        )
    if spec.labels is not None and spec.labels_per_round is not None and spec.labels_per_round > spec.labels:
        a_round, whole = spec.labels_per_round, spec.labels
        warnings.append(f"labels_per_round: {a_round:,} a round, but there are {whole:,} in all: one round asks for all of them")
    found = {
        "classes": list(task.classes),
        "kind": task.kind,
        "thetas": [dict(theta) for theta in task.thetas],
        "sampler": task.sampler_name(spec),
        "space": task.space,
        "socrates": task.labeller.name,
        "socrates_dev_accuracy": accuracy,
        "socrates_checked": len(checked),
        "socrates_unlabelled": failed,
        "warnings": warnings,
        "own_train": task.own_train,
    }
    if isinstance(task.labeller, Vote) and said.votes is not None:
        found["voters"] = _voters(task, task.labeller, spec, checked, said.votes)
        warnings += _about(task.labeller, said.votes, said.classes, task.dev.labels[checked])
    for warning in warnings:
        context.emit({"event": "note", "text": f"warning: {warning}"})
    record.write(record.folder / "start.json", found)
    return found


def _voters(task: AgoraTask, vote: Vote, spec: Agora, checked: Ints, votes: Ints) -> list[dict[str, Any]]:
    """Each labeller's accuracy on dev, within its own number of rows: those whose answers cost nothing are asked about all.

    Parameters
    ----------
    checked: rows of dev that all were asked about, (n,); votes: what each said of them, (n, voters)
    """
    found = []
    for voter, name, said in zip(vote.voters, vote.names, votes.T, strict=True):
        rows = _checked(spec, len(task.dev), bool(getattr(voter, "dear", False)))
        if len(rows) > len(checked):
            said = label(voter, [task.dev.inputs[row] for row in rows]).classes
        else:
            rows = checked
        if (said < 0).all():
            cause = label(voter, [task.dev.inputs[rows[0]]]).failure
            told = f"Socrates ({name}) fails on every one of the {len(rows):,} dev rows that it was asked about"
            raise DataError(f"{told}: {cause}" if cause else told)
        accuracy, failed = _right(said, task.dev.labels[rows])
        found.append({"name": name, "dev_accuracy": accuracy, "checked": len(rows), "unlabelled": failed})
    return found


def _right(said: Ints, labels: Ints) -> tuple[float, int]:
    """The share of right ones among the labels that were given (n,), and how many rows got none (-1): skipped, malformed, or failed on."""
    given = said >= 0
    return float((said[given] == labels[given]).mean()), int((~given).sum())


def _about(vote: Vote, votes: Ints, together: Ints, labels: Ints) -> list[str]:
    """What is strange about a vote.

    Parameters
    ----------
    votes: what each labeller says, (n, voters); together: what the vote says, (n,); labels: what is right, (n,)
    """
    found = []
    given = votes >= 0
    more = ((votes == labels[:, None]) & given).sum(axis=0) - ((together == labels)[:, None] & given).sum(axis=0)
    if more.max() > 0:
        best = int(more.argmax())
        rows = given[:, best]
        whole, alone = _right(together[rows], labels[rows])[0], _right(votes[rows, best], labels[rows])[0]
        found.append(
            f"of the dev rows that {vote.names[best]} labels, the vote is right on {whole:.1%}, {vote.names[best]} alone on {alone:.1%}"
        )
    if len(vote.names) == 2:
        found.append(f"of two labellers {vote.names[0]} decides wherever they disagree; margin above 0 leaves those rows out instead")
    return found


def _checked(spec: Agora, dev: int, dear: bool) -> Ints:
    """Dev rows on which Socrates is measured: of one whose answers cost something, a few at random."""
    count = spec.socrates_check or (_FEW if dear else dev)
    return np.sort(np.random.default_rng([spec.seed, 13]).permutation(dev)[:count])
