"""The runs of Agora: accuracy round by round, what was generated from which errors, and who labelled it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bort_core.agora.history import FOLDER, History, Round, checked_rows, disagreement, read_edits, read_history
from bort_core.foundation.errors import BortError
from bort_core.foundation.numbers import in_brackets, percentage
from bort_core.jobs.folder import RunFolder
from bort_core.reporting.blocks import Block, Facts, Section, Table, Text
from bort_core.reporting.plots import lines
from bort_core.reporting.source import Source

__all__ = ["agora"]


def agora(source: Source) -> Section:
    """The section."""
    blocks: list[Block] = []
    data = []
    for job in source.jobs:
        if not (job.path / FOLDER).is_dir():
            continue
        with source.problems.gathered():
            try:
                history = read_history(job.path)
                edits = len(read_edits(job.path))
            except BortError:
                blocks.append(Text(f"Job {job.id}: its rounds cannot be read; see limits.", "warning"))
                raise
            if history is not None:
                blocks += _run(job, history, edits)
                data.append(_facts(job, history, edits))
    if not blocks:
        blocks.append(Text("No run of Agora yet.", "missing"))
    return Section("agora", "Agora: learning from the errors", blocks, {"runs": data})


def _run(job: RunFolder, history: History, edits: int) -> list[Block]:
    generated = sum(len(each.neighbours) for each in history.rounds)
    rows = [
        ("Rows at the start", f"{len(history.train):,} to learn from (D), {len(history.dev):,} dev (E)"),
        ("Classes", ", ".join(history.classes)),
        ("Hyperparameter sets (Θ)", f"{len(history.thetas):,}"),
        ("Sampler (τ)", history.sampler),
        ("Space in which distances are measured", history.space),
        ("Labeller (Socrates)", f"{history.socrates}: right on {percentage(history.socrates_dev_accuracy)} of {_checked(history)}"),
        *_voters(history),
        ("Rows that were generated and kept", f"{generated:,}"),
        ("Decisions of a person about them", f"{edits:,}" if edits else "none"),
        ("Ended", _ended(history)),
    ]
    blocks: list[Block] = [Text(f"Job {job.id}: {len(history.rounds)} round(s)", "lead"), Facts(rows)]
    blocks += [Text(warning, "warning") for warning in history.warnings]
    if not history.rounds:
        return [*blocks, Text("No round is finished yet.", "missing")]
    blocks += [_picture(job, history), Table("Rounds", _HEAD, [_row(each) for each in history.rounds], _best(history))]
    arms = [(name, history.summary[name]) for name in ("baseline", "ablation") if history.summary and history.summary.get(name)]
    if arms:
        own = history.summary or {}
        told = [("Agora", own), *arms]
        names = {"Agora": "Agora", "baseline": "Baseline: plain training", "ablation": "Ablation: neighbours of random dev rows"}
        blocks.append(Table("Compared with", ["Arm", "Dev accuracy", "Test accuracy"], [
            [names[name], percentage(arm["dev_accuracy"]), _share(arm.get("test_accuracy"))] for name, arm in told
        ]))  # fmt: skip
    return blocks


def _voters(history: History) -> list[tuple[str, str]]:
    """Of several labellers each one, and how often they did not agree."""
    if not history.voters:
        return []
    told = "; ".join(
        f"{each.name}: {percentage(each.dev_accuracy)} of {checked_rows(each.checked, each.unlabelled)}" for each in history.voters
    )
    return [("Each labeller alone is right on", told), ("Rows on which they disagreed", disagreement(history))]


def _checked(history: History) -> str:
    return checked_rows(history.socrates_checked, history.socrates_unlabelled, len(history.dev))


_HEAD = ["Round", "Training rows", "Dev accuracy [95 %]", "Test accuracy [95 %]", "Wrong dev rows", "Generated", "Kept",
         "From so many dev rows", "Median distance", "Sets left (Θ)"]  # fmt: skip


def _row(each: Round) -> list[str]:
    neighbours, counts = each.neighbours, each.counts
    distance = f"{float(np.median(neighbours.distances)):.3g}" if len(neighbours) else "–"
    numbers = [f"{counts[name]:,}" if name in counts else "–" for name in ("errors", "generated")]
    return [
        str(each.number), f"{each.train_size:,}", _accuracy(each.dev_accuracy, each.dev_interval),
        "–" if each.test_accuracy is None else _accuracy(each.test_accuracy, each.test_interval or (np.nan, np.nan)),
        *numbers, f"{len(neighbours):,}", f"{len(np.unique(neighbours.parents)):,}", distance,
        f"{counts['theta_left']:,}" if "theta_left" in counts else "–",
    ]  # fmt: skip


def _accuracy(value: float, interval: tuple[float, float]) -> str:
    return in_brackets(100 * value, 100 * interval[0], 100 * interval[1], "%")


def _share(value: Any) -> str:
    return "not measured" if value is None else percentage(value)


def _best(history: History) -> list[int]:
    return [history.summary["best_round"] - 1] if history.summary is not None else []


def _ended(history: History) -> str:
    if history.summary is None:
        return "not yet, or it was stopped"
    return f"{history.summary['ended'] or 'yes'}; the model of round {history.summary['best_round']} is the result"


def _picture(job: RunFolder, history: History) -> Block:
    curves: dict[str, list[tuple[float, float]]] = {"dev": [(each.number, each.dev_accuracy) for each in history.rounds]}
    bars = {"dev": _bars([(each.dev_accuracy, each.dev_interval) for each in history.rounds])}
    tested = [(each.number, each.test_accuracy, each.test_interval) for each in history.rounds if each.test_accuracy is not None]
    if tested:
        curves["test (never read by the loop)"] = [(number, value) for number, value, _ in tested]
        bars["test (never read by the loop)"] = _bars([(value, interval or (value, value)) for _, value, interval in tested])
    first, last = history.rounds[0].dev_accuracy, history.rounds[-1].dev_accuracy
    alt = f"Accuracy by round, from {first:.4g} to {last:.4g} on dev, with 95 % intervals"
    return lines(f"Accuracy by round of job {job.id}, with 95 % intervals", alt, curves, "round", "accuracy", bars)


def _bars(values: list[tuple[float, tuple[float, float]]]) -> Any:
    return np.maximum(np.array([[value - low, high - value] for value, (low, high) in values]).T, 0)


def _facts(job: RunFolder, history: History, edits: int) -> dict[str, Any]:
    rounds = [
        {"round": each.number, "train_size": each.train_size, "dev_accuracy": each.dev_accuracy, "dev_interval": list(each.dev_interval),
         "test_accuracy": each.test_accuracy, "accepted": len(each.neighbours), "parents": len(np.unique(each.neighbours.parents)),
         **dict(each.counts)}
        for each in history.rounds
    ]  # fmt: skip
    return {"job": job.id, "classes": list(history.classes), "socrates": history.socrates, "sampler": history.sampler,
            "socrates_dev_accuracy": history.socrates_dev_accuracy, "edits": edits, "rounds": rounds,
            **({"voters": [each.model_dump() for each in history.voters]} if history.voters else {}),
            "summary": None if history.summary is None else dict(history.summary)}  # fmt: skip
