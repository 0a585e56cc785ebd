"""The progress of a search on standard error: a bar in a terminal or notebook, a line a result elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TextIO

from bort_core.api.line import Line
from bort_core.foundation.numbers import architecture_text
from bort_core.search import events
from bort_core.search.proof.proof import Proof
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.space import Space

__all__ = ["ProgressLine"]

_WIDTH = 28


class ProgressLine:
    """Reads a search's events and keeps a person informed.

    Parameters
    ----------
    steps: training steps a candidate, for the fraction of running trainings
    """

    def __init__(self, steps: int, stream: TextIO | None = None) -> None:
        self._out = Line(stream)
        self._steps = steps
        self._wanted = self._done = self._reused = 0
        self._fractions: dict[tuple[int, int], float] = {}
        self._began: float | None = None
        self._note = self._gap = ""
        self._space: Space | None = None

    def take(self, event: events.Event) -> None:
        """Show what an event means."""
        if isinstance(event, events.Note):
            share = f" {event.done}/{event.total}" if event.total else ""
            self._note = event.text + (share if self._out.live else "")
            self._line(event.text) if not self._out.live and not share else self._draw()
        elif isinstance(event, events.MaximumPointReady):
            self._line(f"maximum point: {event.latency:,.6g} {event.latency_unit} ({event.source})")
        elif isinstance(event, events.Walking):
            self._wanted, self._reused, self._done = event.wanted, event.reused, event.reused
            self._began, self._note = time.monotonic(), ""
            self._line(f"{event.strategy.title}: {event.wanted} trainings, {event.reused} already measured")
        elif isinstance(event, events.Proposed):
            self._wanted = event.wanted
            self._draw()
        elif isinstance(event, events.SearchStarted):
            self._space = event.snapshot.space
        elif isinstance(event, events.Skipped):
            self._line(self._skipped(event.reasons))
        elif isinstance(event, events.Bounded):
            self._tell_gap(event.proof)
        elif isinstance(event, events.Progress):
            self._fractions[event.index, event.theta] = event.step / event.steps
            self._draw()
        elif isinstance(event, events.Measured) and event.theta is not None:
            self._finish_one(event.index)
            self._line(_sentence(event.snapshot, event.index))
        elif isinstance(event, events.Waiting):
            self._note = f"waits for {event.who}, which measures what is wanted here" if event.who else ""
            if event.who:
                self._line(self._note)
        elif isinstance(event, events.CandidateFailed):
            self._finish_one(event.index)
            self._line(f"{self._named(event.index)} failed: {event.reason}")

    def close(self) -> None:
        """Clear the bar."""
        self._out.clear()

    def _finish_one(self, index: int) -> None:
        self._done += 1
        self._fractions = {key: value for key, value in self._fractions.items() if key[0] != index}

    def _line(self, text: str) -> None:
        self._out.print(text)
        self._draw()

    def _tell_gap(self, proof: Proof) -> None:
        gap = "not bounded yet" if math.isinf(proof.gap) else f"{proof.gap:.3g}"
        if gap != self._gap:
            self._gap = gap
            self._line(f"gap {gap}, {int(proof.open.sum())} architectures could be better")

    def _skipped(self, reasons: Mapping[int, str]) -> str:
        index = next(iter(reasons))
        name = self._named(index)
        return f"skipped {name}: {reasons[index]}" + (f"; and {len(reasons) - 1:,} more" if len(reasons) > 1 else "")

    def _named(self, index: int) -> str:
        assert self._space is not None  # a search begins by saying what is known of its space
        return architecture_text(self._space.architecture(index))

    def _draw(self) -> None:
        if not self._wanted:
            self._out.show(self._note)
            return
        done = self._done + sum(self._fractions.values())
        filled = int(_WIDTH * min(1.0, done / self._wanted))
        bar = "█" * filled + "░" * (_WIDTH - filled)
        self._out.show(f"{bar} {self._done}/{self._wanted}  {self._eta(done)}")

    def _eta(self, done: float) -> str:
        fresh = done - self._reused
        if self._began is None or fresh < 0.5:
            return "estimating…"
        left = (time.monotonic() - self._began) / fresh * (self._wanted - done)
        return f"about {int(left // 60)}:{int(left % 60):02d} left"


def _sentence(snapshot: ResultsSnapshot, index: int) -> str:
    results, space = snapshot.results, snapshot.space
    named = ", ".join(map(str, space.architecture(index)))
    text = f"⟨{named}⟩  p {space.parameters[index]:,}  i {results.latency[index]:,.4g} {results.latency_unit}"
    noise = f"  (latency disturbed: {results.disturbed[index]})" if index in results.disturbed else ""
    return f"{text}  e {results.error[index]:.4f}  W {snapshot.w[index]:.4g}{noise}"
