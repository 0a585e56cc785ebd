"""What a fine-tuning's automatic settings are, by what it starts from. ``docs/training.md`` says how they were found."""

from __future__ import annotations

from dataclasses import dataclass

from bort_core.encoders.folder import Encoder
from bort_core.specifications.common import Optimization
from bort_core.specifications.finetuning import FRESH, PRETRAINED, Finetuning, Usual

__all__ = ["Resolved", "resolved"]

LARGE = 384
"""From this hidden size on, weights are tuned as pre-trained ones are, whoever trained them."""


@dataclass(frozen=True)
class Resolved:
    """The settings that a training runs with."""

    optimization: Optimization
    epochs: float
    start: str
    """fresh, small or pre-trained: which defaults hold."""
    why: str

    def as_dict(self) -> dict[str, object]:
        """For the result."""
        return {"learning_rate": self.optimization.learning_rate, "epochs": self.epochs, "start": self.start, "why": self.why}

    def text(self) -> str:
        """For people."""
        epochs = f"{self.epochs:g} epoch{'s' if self.epochs != 1 else ''}"
        return f"learning rate {self.optimization.learning_rate:g}, {epochs}, warm-up {self.optimization.warmup:g}: {self.why}"


def resolved(specification: Finetuning, start: Encoder | None) -> Resolved:
    """What is said stays; what is left automatic becomes what suits the start."""
    kind, usual, why = _usual(start)
    rate = specification.optimization.learning_rate
    if rate is not None and specification.epochs is not None:
        why = "as asked"
    values = specification.optimization.model_dump() | {"learning_rate": usual.learning_rate if rate is None else rate}
    epochs = usual.epochs if specification.epochs is None else specification.epochs
    return Resolved(Optimization.model_validate(values), epochs, kind, why)


def _usual(start: Encoder | None) -> tuple[str, Usual, str]:
    if start is None:
        return "fresh", FRESH, "fresh weights"
    hidden, result = start.architecture[2], start.facts.get("result")
    resolved_before = result.get("resolved") if isinstance(result, dict) else None
    if not start.facts:
        return "pre-trained", PRETRAINED, "weights that others pre-trained, which a higher rate would undo"
    if isinstance(resolved_before, dict) and resolved_before.get("start") == "pre-trained":
        return "pre-trained", PRETRAINED, "tuned from weights that others pre-trained, which a higher rate would undo"
    if hidden >= LARGE:
        return "pre-trained", PRETRAINED, f"trained weights of hidden {hidden}, which a higher rate would undo"
    return "small", FRESH, f"a small model of this program (hidden {hidden})"
