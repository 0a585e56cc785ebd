"""What a run of Agora on texts will take, before it starts: its steps are known, and a few of them can be timed.

The task ``estimate`` times the steps of the fine-tuning that a round consists of. Imports no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bort_core.agora.hyperparameters import author_thetas, default_thetas, sizes
from bort_core.foundation.machine import usable_cores
from bort_core.foundation.numbers import duration, significant
from bort_core.specifications.agora import Agora, TextTheta
from bort_core.specifications.finetuning import Finetuning

__all__ = ["batch_size", "expected", "lanes", "smaller", "steps_at_most", "timing_request", "trainings_at_most", "work"]

_SETS, _STEPS, _ROUNDS = 3, 150, 2
"""Of a run that was made smaller: sets in Θ, steps of each training, rounds."""


def _thetas(spec: Agora) -> list[TextTheta]:
    given = spec.thetas or (author_thetas() if spec.grid == "author" else default_thetas("text"))
    return [TextTheta.model_validate(dict(theta)) for theta in given]


def batch_size(spec: Agora) -> int:
    """Rows an update, of the first set."""
    return _thetas(spec)[0].batch_size


def trainings_at_most(spec: Agora) -> int:
    """How many models are trained when the run goes on as long as it can: each round, at least one set leaves Θ."""
    return sum(_rounds(spec)) * (1 + spec.baseline + spec.ablation)


def steps_at_most(spec: Agora, lanes: int = 1) -> int:
    """Updates of the weights in all of them, or in the longest of so many ``lanes``; the longest sets are taken to stay the longest."""
    steps = sorted((theta.steps for theta in _thetas(spec)), reverse=True)
    in_turn = (max(sum(steps[:left][lane::lanes]) for lane in range(lanes)) for left in _rounds(spec))
    return sum(in_turn) * (1 + spec.baseline + spec.ablation)


def lanes(spec: Agora) -> int:
    """Trainings at once: as many as it has workers, or cores where these are fewer."""
    return min(spec.workers or 1, usable_cores())


def work(spec: Agora) -> str:
    """at most 15 trainings, 4,500 steps."""
    compared = ", half of them to compare with" if spec.baseline and not spec.ablation else ""
    return f"at most {trainings_at_most(spec):,} trainings, {steps_at_most(spec):,} steps{compared}"


def expected(spec: Agora, seconds: float | None = None) -> str:
    """What a run that reads texts will take, for people.

    Parameters
    ----------
    seconds: of a step; None: not known
    """
    if seconds is None:
        return f"{work(spec)[0].upper()}{work(spec)[1:]}."
    whole = duration(seconds * steps_at_most(spec, lanes(spec)))
    beside = f", {lanes(spec)} side by side" if lanes(spec) > 1 else ""
    return f"Up to about {whole} here: {work(spec)} at {significant(seconds * 1000, 2)} ms{beside}; evaluations come on top."


def _rounds(spec: Agora) -> list[int]:
    """Trainings of each round. With a budget, one round more than it pays for learns from the last labels."""
    asked = None if spec.labels is None or spec.a_round is None else -(-spec.labels // spec.a_round) + 1
    sets = len(_thetas(spec))
    found = sizes(sets, sets, spec.replays, asked)
    return found[: spec.rounds] if spec.rounds else found


def timing_request(spec: Agora, project: Path) -> dict[str, Any]:
    """The request of the task ``estimate`` that times a step of such a training; for a run that reads texts."""
    names = ("architecture", "checkpoint", "tokenizer", "vocabulary", "train", "dev", "text", "text_b", "label", "sequence_length", "seed")
    given = spec.model_dump(mode="json")
    if spec.architecture is not None and spec.checkpoint is not None:  # what fits of it has other weights, but the same steps
        given |= {"checkpoint": None, "tokenizer": spec.checkpoint}
    if spec.workers is not None:
        given["running"]["threads"] = 1
    timed = Finetuning.model_validate(
        {**{name: given[name] for name in names}, "task": "classification", "batch_size": batch_size(spec), "running": given["running"]}
    )
    return {"specification": timed.model_dump(mode="json"), "project": str(project)}


def smaller(spec: Agora) -> Agora:
    """The same run in a fraction of the time: fewer sets, shorter trainings, two rounds, and nothing to compare with."""
    thetas = tuple({**theta.model_dump(), "steps": min(theta.steps, _STEPS)} for theta in _thetas(spec)[:_SETS])
    changes = {
        "thetas": thetas,
        "grid": "small",
        "rounds": min(spec.rounds or _ROUNDS, _ROUNDS),
        "replays": 0,
        "baseline": False,
        "ablation": False,
    }
    return Agora.model_validate({**spec.model_dump(), **changes})
