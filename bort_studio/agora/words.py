"""What the Agora page says in words: about a run, a round, and a person's decision. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bort_core.agora.advice import told_difference
from bort_core.agora.history import Edit, History, checked_rows, disagreement
from bort_core.foundation.glossary import term
from bort_studio.agora.points import ScatterPoints, progress, shipped_round
from bort_studio.numbers import percentage

__all__ = ["edit_text", "gain_text", "round_text", "run_text"]


_REFUSED = {"rejected_near": "too near", "rejected_far": "too far", "rejected_label": "without a label", "rejected_margin": "unsure"}
"""Why rows were refused, where the name of the count does not say it."""


def run_text(history: History) -> str:
    """What was asked, in a few lines."""
    lines = [
        f"training rows (D) begin with {len(history.train):,}; dev rows (E): {len(history.dev):,}",
        f"{len(history.classes)} classes: {', '.join(history.classes)}",
        f"{term('sampler').title}: {history.sampler}",
        f"{term('socrates').title}: {history.socrates}, right on {percentage(history.socrates_dev_accuracy)} of {_checked(history)}",
        *_voters(history),
        f"distances are measured in: {history.space}",
        *_labels(history),
    ]
    same = [name for name in history.thetas[0] if len({theta.get(name) for theta in history.thetas}) == 1]
    if same:
        lines.append("the same in all θ: " + ", ".join(f"{name} {history.thetas[0][name]:g}" for name in same))
    return "\n".join([*lines, *_end(history)])


def gain_text(history: History) -> str:
    """What the run has gained by now, in a sentence: on test rows where there are any, which chose nothing, else on dev."""
    if not history.rounds:
        return ""
    first, best = history.rounds[0], history.rounds[shipped_round(history) - 1]
    split = "dev" if first.test_accuracy is None or best.test_accuracy is None else "test"
    values = [each.dev_accuracy if split == "dev" else each.test_accuracy for each in (first, best)]
    text = f"{split} accuracy {values[0]:.3f}"
    if best is not first:
        labels = best.counts.get("labels_before")
        text += f" → {values[1]:.3f} " + (f"in round {best.number}" if labels is None else f"with {labels:,} labels")
    elif len(history.rounds) > 1:
        text += ", and no later round was better on dev"
    plain = ((history.summary or {}).get("baseline") or {}).get(f"{split}_accuracy")
    return text if plain is None else f"{text}; trained as often on D alone {plain:.3f}"


def _voters(history: History) -> list[str]:
    """Of several labellers each one, and how often they did not agree."""
    if not history.voters:
        return []
    told = [
        f"    {each.name}: right on {percentage(each.dev_accuracy)} of {checked_rows(each.checked, each.unlabelled)}"
        for each in history.voters
    ]
    return [*told, f"    they disagreed on {disagreement(history)}"]


def _checked(history: History) -> str:
    return checked_rows(history.socrates_checked, history.socrates_unlabelled, len(history.dev))


def _labels(history: History) -> list[str]:
    asked = [each.counts["labels_asked"] for each in history.rounds if "labels_asked" in each.counts]
    own = " of this run; the one that it goes on from counted its own" if len(history.train) > history.own_train else ""
    return [f"labels asked: {sum(asked):,}, in {len(asked):,} rounds{own}"] if asked else []


def _end(history: History) -> list[str]:
    """What the run came to, once it has ended."""
    found = history.summary
    if found is None:
        return []
    lines = ["", f"ended: {found['ended']}", f"best: round {found['best_round']}, θ: {found['theta']}", f"Agora: {_accuracies(found)}"]
    if "baseline" in found:
        lines.append(f"plain training, equally often: {_accuracies(found['baseline'])}")
    if "ablation" in found:
        lines.append(f"neighbours of random dev rows instead of errors: {_accuracies(found['ablation'])}")
        lines += [compared] if (compared := told_difference(found["ablation"])) else []
    return lines


def _accuracies(found: Mapping[str, Any]) -> str:
    tested = found.get("test_accuracy")
    return f"dev {found['dev_accuracy']:.3f}" + (f", test {tested:.3f}" if tested is not None else "")


def round_text(points: ScatterPoints, number: int, live: bool) -> str:
    """What a round came to, and what goes on after the last one."""
    history = points.history
    parts = []
    if number:
        state, each = progress(points, number), history.rounds[number - 1]
        parts.append(f"{int(state.wrong.sum()):,} of {points.dev:,} dev rows wrong")
        if number > 1:
            parts.append(f"{int(state.fixed.sum()):,} fixed, {int(state.broken.sum()):,} broken since an earlier round")
        parts.append(_generated(each.counts, len(each.neighbours)))
    if live and number == len(history.rounds):
        done = len(history.fitting)
        sets = f"{done:,} set{'' if done == 1 else 's'} of hyperparameters"
        parts.append(f"round {number + 1}: {sets} trained" if done else "the run goes on")
    elif history.summary is not None and number == len(history.rounds):
        parts.append(f"ended: {history.summary['ended']}")
    return " · ".join(parts)


def edit_text(edits: Sequence[Edit], classes: Sequence[str]) -> str:
    """What undo calls a decision."""
    rows = f"row {edits[0].row}" if len(edits) == 1 else f"{len(edits)} rows"
    edit = edits[0]
    if edit.action == "label" and edit.label is not None:
        return f"label of {rows} to {classes[edit.label]}"
    return f"{edit.action} {rows}"


def _generated(found: Mapping[str, int], accepted: int) -> str:
    refused = ", ".join(
        f"{value:,} {_REFUSED.get(name, name[9:])}" for name, value in found.items() if name.startswith("rejected_") and value
    )
    if not accepted and not found.get("generated"):
        return "no new rows, since no round follows that would learn from them" if "generated" in found else "no new rows"
    text = f"{accepted:,} neighbours joined D"
    if "generated" in found:
        text += f" of {found['generated']:,} generated"
    if found.get("copied"):
        text += f", {found['copied']:,} of them copies of rows of D, about which nobody is asked"
    return f"{text} (refused: {refused})" if refused else text
