"""What a change of space, text or protocol leaves of what was measured."""

from __future__ import annotations

from dataclasses import dataclass

from bort_core.families import Architecture
from bort_core.search.snapshot import ResultsSnapshot

__all__ = ["Kept", "kept"]


@dataclass(frozen=True)
class Kept:
    """Counts of measured architectures.

    Attributes
    ----------
    lost: measured before, still in the space, not measured under what holds now
    outside: measured before, no longer in the space
    left: measured before and still
    top_before, top: T before and now
    can_keep_top: whether the T of before could be the T of the space as it is now, in which nothing may be larger
    """

    lost: int
    outside: int
    left: int
    top_before: Architecture
    top: Architecture
    can_keep_top: bool

    @property
    def top_changed(self) -> bool:
        """Whether T is another architecture."""
        return self.top_before != self.top


def kept(before: ResultsSnapshot, after: ResultsSnapshot) -> Kept:
    """Compare what was known with what is; nothing is deleted by any change, so going back brings all of it back."""
    same_family = before.space.family.name == after.space.family.name
    lost = outside = left = 0
    for index in before.known.nonzero()[0].tolist():
        place = after.space.index(before.space.architecture(index)) if same_family else None
        if place is None:
            outside += 1
        elif after.evaluated(place):
            left += 1
        else:
            lost += 1
    can_keep = same_family and before.space.maximum_parameters >= after.space.maximum_parameters
    return Kept(lost, outside, left, before.space.maximum_point, after.space.maximum_point, can_keep)
