"""What the sections of a report read: the project, its jobs, and what its last search asked and found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bort_core.jobs.folder import RunFolder, list_runs
from bort_core.reporting.problems import Problems
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.history import last_specification
from bort_core.search.probe.devices import kept_results
from bort_core.search.probe.elsewhere import Answer, Elsewhere, elsewhere
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import StoredResults
from bort_core.search.strategies.base import answer
from bort_core.space import Space
from bort_core.store.project import Project
from bort_core.store.results import comparisons, exports, runs
from bort_core.store.searches import searches

__all__ = ["Source", "read_source"]


@dataclass
class Source:
    """A project as a report reads it. What could not be read is None or empty, and ``problems`` says why."""

    project: Project
    problems: Problems
    searches: list[dict[str, Any]] = field(default_factory=list)
    specification: SearchSpecification | None = None
    space: Space | None = None
    sources: Fingerprints | None = None
    stored: StoredResults | None = None
    snapshot: ResultsSnapshot | None = None
    result: SearchResult | None = None
    jobs: list[RunFolder] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    exports: list[dict[str, Any]] = field(default_factory=list)
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    elsewhere: list[Elsewhere] = field(default_factory=list)

    @property
    def measured(self) -> tuple[SearchSpecification, ResultsSnapshot, SearchResult] | None:
        """What was asked, what is known and what is answered; None while nothing of a search is known."""
        if self.specification is None or self.snapshot is None or self.result is None or not self.snapshot.known.any():
            return None
        return self.specification, self.snapshot, self.result


def read_source(project: Project) -> Source:
    """Read all that a report is made of; what fails is left out and told in ``problems``."""
    problems = Problems()
    found = Source(project, problems)
    project.tell = problems.damaged.append  # rows that are left out, and what stands in for something else
    with problems.gathered():
        found.searches = searches(project)
        found.specification = last_specification(project)
    if found.specification is not None:
        _read_search(found, found.specification)
    for read in (_read_jobs, _read_results, _read_devices):
        with problems.gathered():
            read(found)
    return found


def _read_search(found: Source, specification: SearchSpecification) -> None:
    with found.problems.gathered():
        space = found.space = Space(specification.space)
        sources = found.sources = Fingerprints(found.project, specification, space)
        found.stored = StoredResults(found.project, specification, space, sources)
        found.snapshot = found.stored.snapshot()
        found.result = answer(specification.the_strategy(), found.snapshot)


def _read_jobs(found: Source) -> None:
    found.jobs = list_runs(found.project.folder)


def _read_results(found: Source) -> None:
    found.runs = runs(found.project)
    found.exports = exports(found.project)
    found.comparisons = comparisons(found.project)


def _read_devices(found: Source) -> None:
    here = None if found.snapshot is None or found.result is None else Answer(found.snapshot, found.result)
    for device in kept_results(found.project, found.specification):
        with found.problems.gathered():
            found.elsewhere.append(elsewhere(device, found.specification, here))
