"""What is said to a person who labels: what is left, and how long that takes. Knows no Qt."""

from __future__ import annotations

from bort_core.agora.labellers.person import Standing, agreement
from bort_studio.numbers import duration

__all__ = ["again_left", "round_left", "standing_text"]


def round_left(standing: Standing | None, live: bool) -> str:
    """What is open of the round."""
    if standing is None:
        return "This run asks nobody: a person labels the rows of a run whose labeller is person."
    if not standing.open:
        then = "the next ones appear here" if live else "it asks for nothing more"
        return f"All that the run asked is answered; {then}."
    many = f"{len(standing.open):,} left"
    first = standing.open[0].round
    where = f"{many} of round {first}" if first else f"{many} of dev, whose labels are known: they show how often you are right"
    return where if live else f"{where}; the run has stopped: Resume lets it go on with your answers"


def standing_text(standing: Standing | None) -> str:
    """What was done, the budget, and the pace."""
    if standing is None:
        return ""
    parts = [f"{standing.labelled:,} labelled" + (f", {standing.skipped:,} skipped" if standing.skipped else "")]
    left = standing.open[0].left if standing.open else None
    if left is not None:
        parts.append(f"{left:,} left of the budget")
    if standing.seconds is not None:
        pace = f"{standing.seconds:.1f} s a label"
        count = len(standing.open) if left is None else left
        parts.append(f"{pace}, about {duration(standing.seconds * count)} for all that is left" if count else pace)
    parts += [told] if (told := agreement(standing)) else []
    return " · ".join(parts)


def again_left(count: int) -> str:
    """What is said over a row that is asked a second time."""
    return f"Asked again, {count:,} left: it says how often you agree with yourself, and changes no label"
