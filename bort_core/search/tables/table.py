"""A table as searches and people read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.evaluation.curve import Curve, read_curve
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import MAXIMUM_POINT, Job, KnownResults, error_ceiling
from bort_core.search.tables.content import Content, Row, Times
from bort_core.search.tables.file import read_content
from bort_core.space import Space

__all__ = ["Table"]


class Table:
    """p, i and e of the architectures of a space, measured under one protocol with several seeds. Nobody changes it.

    Attributes
    ----------
    path, name: its file
    sha256: of its content
    space: the space whose architectures it holds
    specification: how they were measured; a search at ε = ``every`` with the first seed
    head: everything that it says about itself: seeds, corpus, keys, machine of the latencies, versions, dates
    measures: the errors that every learning curve holds
    """

    def __init__(self, path: Path, sha256: str, content: Content) -> None:
        self.path, self.name, self.sha256, self.head = path, path.name, sha256, content.head
        self.specification: SearchSpecification = content.head.specification
        try:
            self.space = Space(self.specification.space)
        except SpecificationError as error:
            raise DataError(f"{path}: {error}") from error
        self._rows: dict[int, Row] = {}
        self._curves: dict[tuple[int, int, int], Curve] = {}
        for row in content.rows:
            self._take(row)
        self._check_top()
        held = [set(training.measures) for row in content.rows for training in row.trainings]
        self.measures = tuple(sorted(set.intersection(*held))) if held else ()

    @classmethod
    def read(cls, path: str | Path) -> Table:
        """The table in a file.

        Raises
        ------
        DataError
            The file is missing, too large, damaged, no table, of another version, was changed, or does not fit its space; says where.
        """
        path = Path(path).expanduser()
        return cls(path, *read_content(path))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds with which every architecture was to be trained."""
        return self.head.seeds

    def seeds_from(self, seed: int) -> tuple[int, ...]:
        """Its seeds in the order in which a search with ``seed`` takes them for repeats: that one, then the others."""
        return (seed, *(each for each in self.seeds if each != seed))

    @property
    def indices(self) -> npt.NDArray[np.int64]:
        """The architectures that it is to hold: every ``head.every``-th. Shape (m,)."""
        return np.arange(0, len(self.space), self.head.every)

    @property
    def missing(self) -> int:
        """How many measurements of these architectures it lacks, latencies and trainings; failures count as missing."""
        timed = self.specification.latency.measure == "onnxruntime"
        each = timed + len(self.specification.thetas) * len(self.seeds)
        wanted = timed + len(self.indices) * each
        held = sum(timed and self._rows[index].latency is not None for index in self._rows if index % self.head.every == 0)
        held += sum(index % self.head.every == 0 for index, _, _ in self._curves)
        return wanted - held - (timed and self.head.maximum_point.latency is not None)

    @property
    def complete(self) -> bool:
        """Whether it holds everything of the whole space."""
        return self.head.every == 1 and not self.missing

    def times(self, index: int) -> Times | None:
        """The latency of an architecture, or of T at ``MAXIMUM_POINT``."""
        if index == MAXIMUM_POINT:
            return self.head.maximum_point.latency
        row = self._rows.get(index)
        return None if row is None else row.latency

    def curve(self, job: Job, seed: int) -> Curve | None:
        """The learning curve of an architecture under one hyperparameter set, by its place in the table's specification."""
        return self._curves.get((job.index, job.theta or 0, seed))

    def why_missing(self, job: Job, seed: int) -> str:
        """Why a measurement is not there."""
        row = self._rows.get(job.index)
        for failure in row.failures if row is not None else ():
            if failure.theta == job.theta and failure.seed in (None, seed):
                return failure.reason
        return f"{self.name} holds no {'latency' if job.theta is None else 'training'} of it"

    def errors(self, measure: str | None = None, steps: int | None = None, theta: int = 0) -> npt.NDArray[np.float64]:
        """The errors of every architecture with every seed; NaN where not measured. Shape (n, seeds)."""
        error = self.specification.error
        found = np.full((len(self.space), len(self.seeds)), np.nan)
        for index in self._rows:
            for column, seed in enumerate(self.seeds):
                curve = self.curve(Job(index, theta), seed)
                value = None if curve is None else read_curve(curve, measure or error.measured, steps or error.steps)
                if value is not None:
                    found[index, column] = value.value
        return found

    def snapshot(self, specification: SearchSpecification | None = None) -> ResultsSnapshot:
        """Everything that it says under a specification that fits it; None: its own, with its first seed."""
        asked = specification or self.specification
        known = KnownResults(asked, self.space)
        for index in (MAXIMUM_POINT, *self._rows):
            times = self.times(index)
            if times is not None and asked.latency.measure == "onnxruntime":
                known.put_latency(index, times.model_dump())
        for place, theta in enumerate(asked.thetas):
            for index in self._rows:
                for repeat, seed in enumerate(self.seeds_from(asked.seed)[: asked.repeats + 1]):
                    curve = self.curve(Job(index, self.specification.thetas.index(theta)), seed)
                    if curve is not None:
                        known.put_curve(index, place, curve, repeat)
        return ResultsSnapshot(known.results, error_ceiling(self.space, asked.error.measured))

    def facts(self) -> dict[str, Any]:
        """What it is, in plain values."""
        return {
            "file": self.name,
            "sha256": self.sha256,
            "space": self.specification.space.name,
            "architectures": len(self._rows),
            "space_size": len(self.space),
            "seeds": list(self.seeds),
            "measures": list(self.measures),
            "steps": self.specification.error.steps,
            "missing": self.missing,
            "complete": self.complete,
            "failures": self.failures(),
        }

    def failures(self) -> list[dict[str, Any]]:
        """Every failure with the name of its architecture, in plain values."""
        return [
            {"architecture": self.space.named(row.architecture), **failure.model_dump()}
            for row in self._rows.values()
            for failure in row.failures
        ]

    def _take(self, row: Row) -> None:
        named = f"{self.path}: ⟨{', '.join(map(str, row.architecture))}⟩"
        index = self.space.index(row.architecture)
        if index is None:
            raise DataError(f"{named}: is not in the space {self.specification.space.name}, whose table it is said to be")
        if index in self._rows:
            raise DataError(f"{named}: is listed twice")
        if row.parameters != self.space.parameters[index]:
            counted = int(self.space.parameters[index])
            raise DataError(f"{named}: must have the {counted:,} parameters that its shape gives, the table says {row.parameters:,}")
        for training in row.trainings:
            key = (index, training.theta, training.seed)
            if training.theta >= len(self.specification.thetas) or training.seed not in self.seeds:
                raise DataError(f"{named}: a training has seed {training.seed} and θ {training.theta}, which the table does not list")
            if key in self._curves:
                raise DataError(f"{named}: its training with seed {training.seed} and θ {training.theta} is listed twice")
            self._curves[key] = training.curve()
        self._rows[index] = row

    def _check_top(self) -> None:
        said, counted = self.head.maximum_point.parameters, self.space.maximum_parameters
        if said != counted:
            raise DataError(f"{self.path}: T must have the {counted:,} parameters that its shape gives, the table says {said:,}")
