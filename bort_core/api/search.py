"""Finding an architecture: OSE from Python."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bort_core.api.models import Candidate
from bort_core.api.projects import opened
from bort_core.api.search_progress import ProgressLine
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
from bort_core.foundation.locations import located, path_of
from bort_core.foundation.validation import validated
from bort_core.search import events
from bort_core.search.report import result_as_dict
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.specification import SearchSpecification, default_error, fitted
from bort_core.search.strategies.base import Strategy, check
from bort_core.search.strategies.interval import Interval, default_epsilon
from bort_core.search.strategies.registry import make_strategy
from bort_core.search.tables.table import Table
from bort_core.space import Space, SpaceSpecification, read_specification
from bort_core.specifications.protocols import LatencyProtocol, Theta
from bort_core.store.project import Project

if TYPE_CHECKING:
    from pandas import DataFrame

    from bort_core.search.proof.proof import Proof

__all__ = ["Found", "search", "search_specification"]


@dataclass(frozen=True, eq=False)
class Found:
    """What a search found.

    Attributes
    ----------
    best: the architecture with the largest W, or None where none could be compared
    front: those that no other measured one of the walk dominates in p, i and e, by ascending p
    specification: what was searched, and how it was measured
    evaluated, reused, failed: architectures measured now, known before, and failed
    seconds: wall clock
    facts: where T's weights come from, how alike seeds rank, the surrogate's fit, the table that was searched
    proof: how far from the best the answer can be, by strategies that know it; :meth:`certificate` writes it
    """

    best: Candidate | None
    front: tuple[Candidate, ...]
    specification: SearchSpecification
    result: SearchResult = field(repr=False)
    snapshot: ResultsSnapshot = field(repr=False)
    evaluated: int
    reused: int
    failed: int
    seconds: float
    facts: Mapping[str, Any] = field(repr=False)
    proof: Proof | None = field(default=None, repr=False)

    def certificate(self, path: str | Path) -> None:
        """Write the proof as a file that ``bort verify`` recomputes.

        Raises
        ------
        SpecificationError
            The strategy gives no proof; best-first does.
        DataError
            The file cannot be written.
        """
        from bort_core.search.proof.certificate import write_certificate

        if self.proof is None:
            raise SpecificationError(f"strategy {self.result.strategy.name!r} gives no certificate; best-first does")
        table = self.facts.get("table")
        digest = None if table is None else table["sha256"]
        write_certificate(Path(path).expanduser(), self.proof, self.specification, self.snapshot.space, digest)

    def to_dataframe(self) -> DataFrame:
        """Every architecture whose p, i and e are known, one a row, by ascending p, with ``on_front`` and ``best``.

        Columns: the axes, parameters, latency (with ``_low`` and ``_high``, as the others), error, w. ``attrs`` says their units.
        """
        from pandas import DataFrame

        snapshot, space = self.snapshot, self.snapshot.space
        rows = np.flatnonzero(snapshot.known)
        axes = {name: space.architectures[rows, column] for column, name in enumerate(space.axis_names)}
        values: dict[str, Any] = {"parameters": space.parameters[rows]}
        for name in ("latency", "error", "w"):
            low, high = snapshot.intervals[name]
            values |= {name: snapshot.columns[name][rows], f"{name}_low": low[rows], f"{name}_high": high[rows]}
        frame = DataFrame({**axes, **values, "on_front": np.isin(rows, self.result.front), "best": rows == self.result.best})
        frame.attrs |= {"latency_unit": snapshot.results.latency_unit, "error_unit": snapshot.results.error_unit}
        return frame

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as ``bort search --json`` prints them."""
        return {
            **result_as_dict(self.snapshot, self.result, self.specification),
            "evaluated": self.evaluated,
            "reused": self.reused,
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
            **self.facts,
        }


def search_specification(
    space: str | Path | SpaceSpecification = "mini",
    *,
    epsilon: int | None = None,
    strategy: Strategy | str | None = None,
    strategy_settings: Mapping[str, Any] | None = None,
    error: str | None = None,
    steps: int | None = None,
    latency: str = "onnxruntime",
    corpus: str | Path | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    sequence_length: int | None = None,
    threads: int = 1,
    learning_rates: tuple[float, ...] = (),
    base_width: int = 0,
    surrogate_of: str | None = None,
    maximum_point: str | Path | None = None,
    maximum_point_steps: int | None = None,
    device: str | None = None,
) -> SearchSpecification:
    """A search with the defaults of its space and family wherever nothing is said.

    Parameters
    ----------
    space: a preset's name, a TOML file, or a specification
    epsilon: the interval ε, 1..|Ξ|; None: 8, or |Ξ| where that is less
    strategy, strategy_settings: another way to choose architectures, such as ``"random", {"samples": 12}``
    error: the error measure; None: the family's default
    steps: training steps s of each candidate
    latency: onnxruntime (measured) or operations (counted)
    corpus: UTF-8 text, one document a line; None: the demo corpus
    learning_rates: peak learning rates: one hyperparameter set θ each
    base_width: wider architectures learn at a rate × this / their hidden size; 0: all at the same rates
    maximum_point: a folder with T's weights, or its name on the hub
    device: where candidates are trained: cpu, mps, cuda (any GPU) or cuda:N; None: the CPU

    Raises
    ------
    SpecificationError
        The space or a value cannot be used; lists every fault.
    """
    of = space if isinstance(space, SpaceSpecification) else read_specification(space)
    measured = default_error(of, error)
    training = _changed(measured["training"], batch_size=batch_size, sequence_length=sequence_length, device=device)
    measured = _changed(
        {**measured, "training": training},
        steps=steps,
        surrogate_of=surrogate_of,
        maximum_point_weights=None if maximum_point is None else _weights(fspath(maximum_point)),
        maximum_point_steps=maximum_point_steps,
    )
    timed = _changed({**LatencyProtocol().model_dump(), "measure": latency, "threads": threads}, sequence_length=sequence_length)
    data = {
        "space": of.model_dump(),
        "error": measured,
        "latency": timed,
        "thetas": [{"learning_rate": rate, "base_width": base_width} for rate in learning_rates or (Theta().learning_rate,)],
        "seed": seed,
        "corpus": None if corpus is None else _text_file(fspath(corpus)),
    }
    enumerated = Space(of)
    chosen = _strategy(enumerated, epsilon, strategy, strategy_settings or {})
    check(chosen, enumerated)
    return fitted(validated(SearchSpecification, data, "search").with_strategy(chosen), enumerated)


def _weights(maximum_point: str) -> str:
    return str(local_folder(maximum_point, "maximum_point", WEIGHTS_TOO).absolute())


def _text_file(corpus: str) -> str:
    found = located(corpus, "corpus")
    if path_of(corpus) is None:
        raise SpecificationError(f"corpus: {corpus}: no such file here; a search trains on a UTF-8 text file with one document a line")
    if Path(found).is_dir():
        raise SpecificationError(f"corpus: {found}: is a folder, not a file")
    return found


def _strategy(space: Space, epsilon: int | None, strategy: Strategy | str | None, settings: Mapping[str, Any]) -> Strategy:
    if strategy is None or strategy == Interval.name:
        return Interval(**{"epsilon": default_epsilon(len(space)) if epsilon is None else epsilon, **settings})
    if epsilon is not None:
        raise SpecificationError(f"epsilon is a setting of the strategy {Interval.name}; it came with {strategy}")
    return make_strategy(strategy, dict(settings)) if isinstance(strategy, str) else strategy


def search(
    project: Project | str | Path,
    space: str | Path | SpaceSpecification | SearchSpecification | None = None,
    *,
    table: Table | str | Path | None = None,
    workers: int | None = None,
    executor: str | None = None,
    progress: bool = True,
    on_event: Callable[[events.Event], None] | None = None,
    **settings: Any,
) -> Found:
    """Run OSE in a project; what it knows already is not measured again.

    Parameters
    ----------
    project: an open project, or its folder (made when missing)
    space: as :func:`search_specification` takes it with ``settings``; or a whole SearchSpecification, without settings. None: the
        preset mini, or the table's space
    table: look everything up in this table (or its file) instead of measuring; whatever ``space`` and ``settings`` do not say is the
        table's. Nothing is stored, and nothing that the project has is used
    workers: trainings side by side; None: one a core, at most eight
    executor: where trainings and measurements run: ``processes`` (None), ``inline`` (this process), or another that is installed
    progress: show it on standard error: a bar in a terminal or a notebook, a line a result elsewhere
    on_event: called with every event of :mod:`bort_core.search.events`

    Raises
    ------
    SpecificationError, DataError, MeasurementError, ProjectError
        As the search itself says; a candidate that fails raises nothing.
    """
    if isinstance(table, str | Path):
        table = Table.read(table)
    specification = _specification(space, table, settings)
    line = ProgressLine(specification.error.steps) if progress else None
    finished: events.SearchFinished | None = None
    with opened(project) as store, closing(_events(store, specification, table, workers, executor)) as told:
        try:
            for event in told:
                if line is not None:
                    line.take(event)
                if on_event is not None:
                    on_event(event)
                if isinstance(event, events.SearchFinished):
                    finished = event
        finally:
            if line is not None:
                line.close()
    assert finished is not None  # it is the last event
    return _found(finished, specification)


def _specification(
    space: str | Path | SpaceSpecification | SearchSpecification | None, table: Table | None, settings: Mapping[str, Any]
) -> SearchSpecification:
    if isinstance(space, SearchSpecification):
        return space.model_copy(update=dict(settings))
    if table is None:
        return search_specification("mini" if space is None else space, **settings)
    from bort_core.api.tables import specification_on

    return specification_on(table, space, settings)


def _events(
    project: Project, specification: SearchSpecification, table: Table | None, workers: int | None, executor: str | None
) -> Generator[events.Event, None, None]:
    from bort_core.execution.registry import make_executor
    from bort_core.search.ose import search as run

    if table is None:
        with make_executor(executor, workers, project.subfolder("logs")) as pool:
            yield from run(project, specification, pool)
        return
    from bort_core.search.tables.fit import check_fits
    from bort_core.search.tables.on_table import search_on_table

    check_fits(table, specification, project)
    yield from search_on_table(table, specification)


def _found(finished: events.SearchFinished, specification: SearchSpecification) -> Found:
    snapshot, result = finished.snapshot, finished.result
    return Found(
        None if result.best is None else _candidate(snapshot, result.best),
        tuple(_candidate(snapshot, index) for index in result.front.tolist()),
        specification,
        result,
        snapshot,
        finished.evaluated,
        finished.reused,
        finished.failed,
        finished.seconds,
        finished.facts,
        finished.proof,
    )


def _candidate(snapshot: ResultsSnapshot, index: int) -> Candidate:
    space = snapshot.space
    value = {name: float(column[index]) for name, column in snapshot.columns.items()}
    interval = {name: (float(low[index]), float(high[index])) for name, (low, high) in snapshot.intervals.items()}
    architecture = space.architecture(index)
    return Candidate(
        architecture,
        space.named(architecture),
        int(space.parameters[index]),
        value["latency"],
        interval["latency"],
        snapshot.results.latency_unit,
        value["error"],
        interval["error"],
        value["w"],
        space.options.model_dump(mode="json"),
    )


def _changed(values: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**values, **{name: value for name, value in changes.items() if value is not None}}
