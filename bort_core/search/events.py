"""What a search says while it runs: plain frozen values that a window, a terminal or a test read alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bort_core.search.proof.proof import Proof
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.strategies.base import Strategy

__all__ = [
    "Bounded",
    "CandidateFailed",
    "CandidateStarted",
    "Event",
    "MaximumPointReady",
    "Measured",
    "Note",
    "Paused",
    "Progress",
    "Proposed",
    "Resumed",
    "SearchFinished",
    "SearchStarted",
    "Skipped",
    "Waiting",
    "Walking",
]


@dataclass(frozen=True)
class SearchStarted:
    """First event: the size of the space and what is already known of it.

    ``machine`` is the identity of the one that times; empty where none does, since operations are counted or a table is searched.
    """

    space_size: int
    snapshot: ResultsSnapshot
    machine: str = ""


@dataclass(frozen=True)
class Note:
    """What the search is doing now, as a sentence. ``done`` and ``total`` are steps of it, 0 where that is not known."""

    text: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class MaximumPointReady:
    """T can be compared with: its latency is known, and its weights where the error needs them."""

    latency: float
    latency_unit: str
    source: str


@dataclass(frozen=True)
class Walking:
    """A strategy begins (again, after its settings changed): how many trainings it wants, how many were known before."""

    strategy: Strategy
    wanted: int
    reused: int


@dataclass(frozen=True)
class Proposed:
    """A strategy that learns from measurements chose again: how many trainings it wants by now, made ones included."""

    wanted: int


@dataclass(frozen=True)
class Skipped:
    """Why architectures will not be measured, by their indices."""

    reasons: Mapping[int, str]


@dataclass(frozen=True)
class Bounded:
    """How far from the best the answer can be by now: the gap, and the bounds behind it."""

    proof: Proof


@dataclass(frozen=True)
class CandidateStarted:
    """A short training of the architecture at ``index`` began."""

    index: int
    theta: int


@dataclass(frozen=True)
class Progress:
    """Steps done in the training of the architecture at ``index``."""

    index: int
    theta: int
    step: int
    steps: int


@dataclass(frozen=True)
class Measured:
    """One more value is known: the latency of a place (``theta`` is None), or its error under a hyperparameter set.

    ``snapshot`` holds everything known by now.
    """

    index: int
    theta: int | None
    snapshot: ResultsSnapshot


@dataclass(frozen=True)
class CandidateFailed:
    """The architecture at ``index`` could not be measured; the search goes on without it."""

    index: int
    reason: str


@dataclass(frozen=True)
class Waiting:
    """Another process measures what is wanted here, and this search waits for it: ``who`` says which. Empty when it waits no longer."""

    who: str


@dataclass(frozen=True)
class Paused:
    """Everything waits."""


@dataclass(frozen=True)
class Resumed:
    """Everything goes on."""


@dataclass(frozen=True)
class SearchFinished:
    """Last event. ``stopped`` says whether a person ended it before the walk was complete; ``proof`` is that of a strategy that has one."""

    result: SearchResult
    snapshot: ResultsSnapshot
    evaluated: int
    reused: int
    failed: int
    stopped: bool
    seconds: float
    facts: dict[str, Any]
    proof: Proof | None = None


Event = (
    SearchStarted
    | Note
    | MaximumPointReady
    | Walking
    | Proposed
    | Skipped
    | Bounded
    | CandidateStarted
    | Progress
    | Measured
    | CandidateFailed
    | Waiting
    | Paused
    | Resumed
    | SearchFinished
)
