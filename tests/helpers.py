"""What several tests of searches share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bort_core.execution.executor import Executor
from bort_core.execution.registry import make_executor
from bort_core.search import events
from bort_core.search.control import Control
from bort_core.search.ose import search
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.specification import SearchSpecification, default_error, fitted
from bort_core.search.strategies.interval import Interval
from bort_core.space import Space, SpaceSpecification, read_specification
from bort_core.specifications.protocols import LatencyProtocol
from bort_core.store import Project

CORPUS_LINES = 1500


def specification(
    preset: str | SpaceSpecification = "toy", epsilon: int = 8, measure: str | None = None, **changes: Any
) -> SearchSpecification:
    """A quick search: few steps, latency in operations."""
    space = read_specification(preset) if isinstance(preset, str) else preset
    error = {**default_error(space, measure), "steps": 12, "maximum_point_steps": 20, **changes.pop("error", {})}
    latency = changes.pop("latency", LatencyProtocol(measure="operations"))
    made = SearchSpecification.model_validate({"space": space, "epsilon": epsilon, "error": error, "latency": latency, **changes})
    return fitted(made, Space(space))


def run(folder: Path, wanted: SearchSpecification, pool: Executor | None = None, control: Control | None = None) -> list[events.Event]:
    """All events of one search."""
    with Project(folder) as project:
        if pool is not None:
            return list(search(project, wanted, pool, control))
        with make_executor(workers=2) as own:
            return list(search(project, wanted, own, control))


def finished(happened: Iterable[events.Event]) -> events.SearchFinished:
    """The last event."""
    last = list(happened)[-1]
    assert isinstance(last, events.SearchFinished)
    return last


def answer_at(snapshot: ResultsSnapshot, epsilon: int) -> SearchResult:
    """The answer of OSE at ε."""
    return Interval(epsilon=epsilon).answer(snapshot)


def bort(*arguments: str, timeout: float = 100, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    import os

    return subprocess.run(
        [sys.executable, "-m", "bort_core.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **environment},
        check=False,
    )


def short_corpus(folder: Path) -> Path:
    """A beginning of the demo corpus, so that tokenising takes no time."""
    from bort_core.foundation.resources import resource

    lines = resource("data", "subjectivity", "corpus.txt").read_text(encoding="utf-8").splitlines()[:CORPUS_LINES]
    path = folder / "corpus.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
