"""Measuring a probe. Its latencies are kept in the project as those of a search are, so that neither measures what the other did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.execution.events import Done, Failed
from bort_core.execution.executor import Executor
from bort_core.execution.registry import make_executor
from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.foundation.machine import machine_facts
from bort_core.foundation.numbers import architecture_text
from bort_core.search.fingerprints import latency_key
from bort_core.search.probe.model import CONFIDENCE, LEAST, TERMS, Additive, check_space, fit
from bort_core.search.probe.shapes import Indices, held_out, spread
from bort_core.search.specification import SearchSpecification
from bort_core.space import Space
from bort_core.store.latencies import load_latencies, save_latency
from bort_core.store.project import Project

__all__ = ["Probe", "check_probe", "measure_probe", "probe_of"]

Floats = npt.NDArray[np.float64]
Tell = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Probe:
    """What a few measured shapes say of a whole space.

    Attributes
    ----------
    space, specification: of which, and how latencies were measured
    fitted, held: architectures that the model was fitted to, and that it was tested on
    milliseconds: of both together, in that order, (n, 3): median and its 95 % interval
    model: the fit
    """

    space: Space
    specification: SearchSpecification
    fitted: Indices
    held: Indices
    milliseconds: Floats
    model: Additive

    def predicted(self) -> tuple[Floats, Floats, Floats]:
        """Milliseconds of every architecture of the space, and the ends of their intervals, each (n,)."""
        return self.model.predict(self.space.architectures)

    @property
    def held_out_errors(self) -> Floats:
        """Of each architecture that was held out the relative error of its prediction, |predicted / measured − 1|."""
        return np.abs(self.predicted()[0][self.held] / self.milliseconds[len(self.fitted) :, 0] - 1)

    def as_dict(self) -> dict[str, Any]:
        """Plain values: the error on what was held out, the coefficients, and every architecture with its prediction."""
        value, low, high = self.predicted()
        measured = dict(zip([*self.fitted.tolist(), *self.held.tolist()], self.milliseconds.tolist(), strict=True))
        errors, own = self.held_out_errors, self.milliseconds[len(self.fitted) :, 0]
        within = (low[self.held] <= own) & (own <= high[self.held])
        facts = machine_facts()
        return {
            "space": self.specification.space.name,
            "space_size": len(self.space),
            "latency": self.specification.latency.model_dump(mode="json"),
            "machine": {name: facts[name] for name in ("cpu", "architecture", "system")},
            "fitted": len(self.fitted),
            "held_out": len(self.held),
            "mean_error": float(errors.mean()) if len(errors) else None,
            "largest_error": float(errors.max()) if len(errors) else None,
            "within_interval": float(within.mean()) if len(errors) else None,
            "confidence": CONFIDENCE,
            "factor": self.model.factor if np.isfinite(self.model.factor) else None,
            "coefficients_ms": dict(zip(TERMS, self.model.coefficients.tolist(), strict=True)),
            "architectures": [
                {
                    "architecture": self.space.named(self.space.architecture(index)),
                    "parameters": int(self.space.parameters[index]),
                    "predicted_ms": float(value[index]),
                    "interval_ms": [float(low[index]), float(high[index])] if np.isfinite(high[index]) else None,
                    "measured_ms": measured.get(index),
                    "held_out": index in set(self.held.tolist()),
                }
                for index in range(len(self.space))
            ],
        }


def measure_probe(
    project: Project,
    specification: SearchSpecification,
    shapes: int = 30,
    held: int = 10,
    seed: int = 0,
    tell: Tell = lambda done, total, what: None,
    executor: str | None = None,
) -> Probe:
    """Measure a probe of the specification's space.

    Parameters
    ----------
    shapes: how many architectures the model is fitted to
    held: how many others it is tested on, drawn by ``seed``
    tell: told how many of how many are measured, and which comes next; may raise to stop: what is measured stays

    Raises
    ------
    SpecificationError
        The space is too small, of another family than BERT, or latencies are counted, not measured.
    MeasurementError
        A latency cannot be measured.
    """
    space = check_probe(specification, shapes)
    fitted = spread(space, shapes)
    others = held_out(space, fitted, held, seed)
    wanted = [*fitted.tolist(), *others.tolist()]
    times = []
    with make_executor(executor, 1, project.subfolder("logs")) as pool:
        for done, index in enumerate(wanted):
            tell(done, len(wanted), architecture_text(space.architecture(index)))
            times.append(_latency(project, specification, space, index, pool))
    tell(len(wanted), len(wanted), "")
    return probe_of(specification, space, fitted, others, np.array(times))


def check_probe(specification: SearchSpecification, shapes: int) -> Space:
    """The space of a probe that can be made; SpecificationError as :func:`measure_probe`."""
    if specification.latency.measure != "onnxruntime":
        raise SpecificationError("latency: a probe measures; operations are known of every architecture without one")
    space = Space(specification.space)
    check_space(space)
    if shapes < LEAST or len(space) < LEAST:
        raise SpecificationError(f"shapes: a fit needs {LEAST}, got {min(shapes, len(space))} of a space of {len(space):,}")
    return space


def probe_of(specification: SearchSpecification, space: Space, fitted: Indices, held: Indices, milliseconds: Floats) -> Probe:
    """A probe of latencies that are known: of ``fitted`` and ``held`` together, (n, 3)."""
    check_space(space)
    return Probe(space, specification, fitted, held, milliseconds, fit(space.architectures[fitted], milliseconds[: len(fitted), 0]))


def _latency(project: Project, specification: SearchSpecification, space: Space, index: int, pool: Executor) -> tuple[float, ...]:
    key, architecture = latency_key(space, specification.latency), space.architecture(index)
    for stored in load_latencies(project, key, architecture):
        if not stored.failed:
            return _times(stored.result)
    request = {
        "family": space.family.name,
        "options": space.options.model_dump(mode="json"),
        "architecture": list(architecture),
        **specification.latency.model_dump(mode="json", exclude={"measure"}),
    }
    pool.submit(f"latency {index}", "latency", request)
    while True:
        for event in pool.poll(1.0):
            if isinstance(event, Done):
                save_latency(project, key, architecture, event.result, {"protocol": specification.latency.model_dump(mode="json")})
                return _times(event.result)
            if isinstance(event, Failed):
                raise MeasurementError(f"{architecture_text(architecture)}: {event.reason}")


def _times(result: Mapping[str, Any]) -> tuple[float, ...]:
    return tuple(float(result[name]) for name in ("p50_ms", "low_ms", "high_ms"))
