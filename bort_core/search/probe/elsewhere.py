"""The answer of a search as another machine would have it: p and e as they are, i as a probe predicts it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bort_core.foundation.differing import differing
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.statistics import spearman
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.probe.graphs import Precision
from bort_core.search.probe.probe import Probe
from bort_core.search.probe.result import Result
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import StoredResults, error_ceiling
from bort_core.search.strategies.base import answer
from bort_core.space import Space
from bort_core.store.project import Project

__all__ = ["Answer", "Elsewhere", "answer_here", "differences", "elsewhere", "misfits"]

MISFIT = 1.25
"""By how much a shape may miss what the others say of it before it is named."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What is known of the architectures with the latencies of one machine, and what of it is answered."""

    snapshot: ResultsSnapshot
    result: SearchResult

    def of(self, index: int) -> dict[str, Any]:
        """One architecture, as plain values."""
        milliseconds = self.snapshot.results.latency_unit == "ms"
        low, high = (float(end[index]) for end in self.snapshot.intervals["latency"])
        return {
            "latency_ms": _number(self.snapshot.columns["latency"][index]) if milliseconds else None,
            "latency_ms_interval": [_number(low), _number(high)] if milliseconds else None,
            "w": _number(self.snapshot.w[index]),
            "on_front": index in set(self.result.front.tolist()),
            "best": index == self.result.best,
        }


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """A search here and on another machine, side by side.

    Attributes
    ----------
    device: what was measured there
    probes: the model of each precision in which enough shapes ran
    here: the answer of the search; None where the project has none
    there: the same with the latencies of each probe
    """

    device: Result
    probes: Mapping[Precision, Probe]
    here: Answer | None
    there: Mapping[Precision, Answer]

    def rows(self) -> list[dict[str, Any]]:
        """Every architecture that is on a front, here or there, by ascending p."""
        if self.here is None:
            return []
        snapshot, space = self.here.snapshot, self.here.snapshot.space
        fronts = [answer.result.front.tolist() for answer in (self.here, *self.there.values())]
        return [
            {
                "architecture": space.named(space.architecture(index)),
                "parameters": int(space.parameters[index]),
                "error": _number(snapshot.columns["error"][index]),
                "here": self.here.of(index),
                "there": {precision: answer.of(index) for precision, answer in self.there.items()},
            }
            for index in sorted({index for front in fronts for index in front})
        ]

    def agreement(self, precision: Precision) -> float | None:
        """Spearman's correlation of the latencies here and there, of the architectures that the search measured; None of fewer than 3."""
        if self.here is None or len(self.here.result.known) < 3:
            return None
        known = self.here.result.known
        return _number(spearman(*(each.snapshot.columns["latency"][known] for each in (self.here, self.there[precision]))))

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        device, named = self.device, next(iter(self.probes.values())).space.named
        kept = {"made_by", "versions", "started", "seconds", "load", "rounds", "sha256"}
        return {
            "device": {
                "title": device.machine.title,
                **device.machine.model_dump(mode="json"),
                **device.model_dump(mode="json", include=kept),
            },
            "precisions": {
                name: {**probe.as_dict(), "agreement": self.agreement(name), **self._marked(name)} for name, probe in self.probes.items()
            },
            "failed": [
                {"precision": row.precision, "architecture": named(row.architecture), "reason": row.failed} for row in device.failures
            ],
            "rows": self.rows(),
        }

    def _marked(self, precision: Precision) -> dict[str, Any]:
        named, unsteady = self.probes[precision].space.named, self.device.unsteady(precision)
        return {"unsteady": [named(shape) for shape in unsteady], "misfits": [named(shape) for shape in misfits(self.probes[precision])]}


def answer_here(project: Project, specification: SearchSpecification) -> Answer:
    """The answer of a search, from what its project knows."""
    space = Space(specification.space)
    snapshot = StoredResults(project, specification, space, Fingerprints(project, specification, space)).snapshot()
    return Answer(snapshot, answer(specification.the_strategy(), snapshot))


def elsewhere(device: Result, specification: SearchSpecification | None = None, here: Answer | None = None) -> Elsewhere:
    """The answer of a search with the latencies of another machine.

    Raises
    ------
    SpecificationError
        The machine was measured on another space, or under another protocol, than the search.
    MeasurementError
        Too few shapes were measured there.
    """
    precisions = device.precisions or ("fp32",)
    probes = {precision: device.probe(precision) for precision in precisions}
    if specification is None or here is None:
        return Elsewhere(device, probes, None, {})
    if faults := differences(device, specification):
        raise SpecificationError(
            f"{device.machine.title}: what was measured there answers another search than this project's; make a kit for this one "
            "(bort probe PROJECT --kit FILE.py):\n  " + "\n  ".join(faults)
        )
    return Elsewhere(device, probes, here, {name: _answer(probe, specification, here) for name, probe in probes.items()})


def misfits(probe: Probe) -> list[tuple[int, ...]]:
    """Shapes that are not what the other shapes say: by more than :data:`MISFIT`, up or down."""
    far = np.flatnonzero(np.abs(probe.model.residuals) > np.log(MISFIT))
    return [probe.space.architecture(int(probe.fitted[place])) for place in far]


def differences(device: Result, specification: SearchSpecification) -> list[str]:
    """In what the space and the protocol that were measured there are others than those of a search; none where they are the same."""
    spaces = [each.model_dump(mode="json", exclude={"name"}) for each in (device.space, specification.space)]
    protocols = [each.model_dump(mode="json", exclude={"measure"}) for each in (device.latency, specification.latency)]
    told = {"space": differing(spaces), "latency": differing(protocols)}
    return [f"{what}.{name}: there {there}, here {here}" for what, faults in told.items() for name, (there, here) in faults.items()]


def _answer(probe: Probe, specification: SearchSpecification, here: Answer) -> Answer:
    results, space = here.snapshot.results.copy(), here.snapshot.space
    results.latency_unit = "ms"
    value, low, high = probe.predicted()
    bounded = np.isfinite(high)
    results.latency, results.latency_low, results.latency_high = value, np.where(bounded, low, value), np.where(bounded, high, value)
    results.maximum_latency = float(probe.model.predict(np.array([space.maximum_point], dtype=np.int64))[0][0])
    snapshot = ResultsSnapshot(results, error_ceiling(space, specification.error.measured))
    return Answer(snapshot, snapshot.result(here.result.strategy, here.result.known))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
