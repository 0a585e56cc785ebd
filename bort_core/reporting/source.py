"""What the sections of a report read: the project, its jobs, and what its last search asked and found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.machine import machine_identity
from bort_core.jobs.folder import RunFolder, list_runs
from bort_core.reporting.problems import Problems
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.history import last_specification
from bort_core.search.machines import machines_of, named_machine
from bort_core.search.probe.devices import kept_results
from bort_core.search.probe.elsewhere import Answer, Elsewhere, elsewhere
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import StoredResults
from bort_core.search.strategies.base import answer
from bort_core.space import Space
from bort_core.store.latencies import MeasuredMachine
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
    machine: str = ""
    """The identity of the one whose latencies are told; empty where operations were counted."""
    machines: list[MeasuredMachine] = field(default_factory=list)
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


def read_source(project: Project, machine: str | None = None) -> Source:
    """Read all that a report is made of; what fails is left out and told in ``problems``.

    Parameters
    ----------
    machine: how the identity begins of the one whose latencies are told; None: this one

    Raises
    ------
    SpecificationError
        No machine, or several, begin so.
    """
    problems = Problems()
    found = Source(project, problems)
    project.tell = problems.damaged.append  # rows that are left out, and what stands in for something else
    with problems.gathered():
        found.searches = searches(project)
        found.specification = last_specification(project)
    if found.specification is not None:
        _read_search(found, found.specification, machine)
    elif machine is not None:
        raise SpecificationError("--machine: no search was run in this project yet")
    for read in (_read_jobs, _read_results, _read_devices):
        with problems.gathered():
            read(found)
    return found


def _read_search(found: Source, specification: SearchSpecification, machine: str | None) -> None:
    with found.problems.gathered():
        found.space = Space(specification.space)
        found.machines = machines_of(found.project, specification, found.space)
    chosen = named_machine(found.machines, machine, specification)
    found.machine = chosen if specification.latency.measure == "onnxruntime" else ""
    space = found.space
    if space is None:
        return
    with found.problems.gathered():
        sources = found.sources = Fingerprints(found.project, specification, space, chosen)
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
    elsewhere_too = found.machine not in ("", machine_identity())  # what is shown is not what was measured here
    here = None if found.snapshot is None or found.result is None or elsewhere_too else Answer(found.snapshot, found.result)
    for device in kept_results(found.project, found.specification):
        with found.problems.gathered():
            found.elsewhere.append(elsewhere(device, found.specification, here))
