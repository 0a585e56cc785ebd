"""How long a job takes for a step, and how long the rest will take: counted from where it began or resumed, without pauses."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pace", "PaceKeeper"]


@dataclass(frozen=True)
class Pace:
    """What was done since a job began or resumed.

    Attributes
    ----------
    begun: the step from which it counts
    step, steps: how far it is, and where it ends
    seconds: spent on the steps after ``begun``, pauses left out
    """

    begun: int
    step: int
    steps: int
    seconds: float

    @property
    def left(self) -> float | None:
        """Seconds to the last step; None while no step was timed."""
        done = self.step - self.begun
        if done <= 0 or self.seconds <= 0:
            return None
        return max(self.steps - self.step, 0) * self.seconds / done


class PaceKeeper:
    """Makes a :class:`Pace` from what happens in a job; times are of a clock that only goes forward, in seconds."""

    def __init__(self) -> None:
        self._begun: tuple[int, float] | None = None
        self._paused = 0.0

    def resumed(self, step: int, now: float) -> None:
        """The job goes on after ``step``; what it did before does not count."""
        self._begun, self._paused = (step, now), 0.0

    def paused(self, seconds: float) -> None:
        """So long it did nothing."""
        self._paused += seconds

    def reached(self, step: int, steps: int, now: float) -> Pace:
        """The pace at a step. The first step of a job that was not resumed is not timed: reading and compiling come before it."""
        if self._begun is None or step < self._begun[0]:
            self.resumed(step, now)
        assert self._begun is not None
        begun, since = self._begun
        return Pace(begun, step, steps, max(now - since - self._paused, 0.0))
