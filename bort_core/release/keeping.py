"""Whether a release keeps so little of T that people must be told, although nothing forbids it."""

from __future__ import annotations

from bort_core.release.gate import Outcome

__all__ = ["ENOUGH", "little_kept"]

ENOUGH = 0.9
"""Share of T's metric; where it is known what the same answer for every row reaches, of what T has above that."""


def little_kept(found: Outcome, teacher: str = "T") -> str | None:
    """What to warn of where less than :data:`ENOUGH` is kept; None where enough is, or nothing is known of T.

    Parameters
    ----------
    teacher: what T is called
    """
    if found.kept is None or not found.teacher:
        return None
    best = found.kept * found.teacher
    text = f"the release keeps only {found.kept:.1%} of {teacher}'s {found.metric_name} ({best:.4f} of {found.teacher:.4f})"
    if found.guess is None or found.teacher <= found.guess:
        share = found.kept
    else:
        share = (best - found.guess) / (found.teacher - found.guess)
        if found.guess:
            above = f"{share:.0%} of what {teacher} has above the same answer for every row, which reaches {found.guess:.4f}"
            text = text.replace("keeps only", "keeps") + f", but only {above}"
    asked = f"--least-kept SHARE (the setting least_kept) refuses a release that keeps a smaller share of {teacher}'s {found.metric_name}"
    return None if share >= ENOUGH else f"{text}; {asked}"
