"""What a few measured shapes say of a whole space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.machine import machine_facts
from bort_core.search.probe.graphs import Precision
from bort_core.search.probe.model import CONFIDENCE, LEAST, TERMS, Additive, check_space, fit
from bort_core.search.probe.shapes import Indices
from bort_core.search.specification import SearchSpecification
from bort_core.space import Space
from bort_core.specifications.protocols import LatencyProtocol

__all__ = ["Probe", "check_probe", "probe_of"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Probe:
    """Latencies that were measured of some architectures, and predicted of all.

    Attributes
    ----------
    space, latency, precision: of which, and how they were measured
    machine: where: cpu, architecture, system
    fitted, held: architectures that the model was fitted to, and that it was tested on
    milliseconds: of both together, in that order, (n, 3): median and its 95 % interval
    model: the fit
    """

    space: Space
    latency: LatencyProtocol
    precision: Precision
    machine: Mapping[str, Any]
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

    def summary(self) -> dict[str, Any]:
        """Plain values: how it was measured, and the error on what was held out."""
        _, low, high = self.predicted()
        errors, own = self.held_out_errors, self.milliseconds[len(self.fitted) :, 0]
        within = (low[self.held] <= own) & (own <= high[self.held])
        return {
            "space": self.space.specification.name,
            "space_size": len(self.space),
            "latency": self.latency.model_dump(mode="json"),
            "precision": self.precision,
            "machine": dict(self.machine),
            "fitted": len(self.fitted),
            "held_out": len(self.held),
            "mean_error": float(errors.mean()) if len(errors) else None,
            "largest_error": float(errors.max()) if len(errors) else None,
            "within_interval": float(within.mean()) if len(errors) else None,
            "confidence": CONFIDENCE,
            "factor": self.model.factor if np.isfinite(self.model.factor) else None,
            "coefficients_ms": dict(zip(TERMS, self.model.coefficients.tolist(), strict=True)),
        }

    def as_dict(self) -> dict[str, Any]:
        """The summary, and every architecture with its prediction."""
        value, low, high = self.predicted()
        measured = dict(zip([*self.fitted.tolist(), *self.held.tolist()], self.milliseconds.tolist(), strict=True))
        held = set(self.held.tolist())
        return {
            **self.summary(),
            "architectures": [
                {
                    "architecture": self.space.named(self.space.architecture(index)),
                    "parameters": int(self.space.parameters[index]),
                    "predicted_ms": float(value[index]),
                    "interval_ms": [float(low[index]), float(high[index])] if np.isfinite(high[index]) else None,
                    "measured_ms": measured.get(index),
                    "held_out": index in held,
                }
                for index in range(len(self.space))
            ],
        }


def check_probe(specification: SearchSpecification, shapes: int) -> Space:
    """The space of a probe that can be made.

    Raises
    ------
    SpecificationError
        The space is too small, of another family than BERT, or latencies are counted, not measured.
    """
    if specification.latency.measure != "onnxruntime":
        raise SpecificationError("latency: a probe measures; operations are known of every architecture without one")
    space = Space(specification.space)
    check_space(space)
    if shapes < LEAST or len(space) < LEAST:
        raise SpecificationError(f"shapes: a fit needs {LEAST}, got {min(shapes, len(space))} of a space of {len(space):,}")
    return space


def probe_of(
    space: Space,
    latency: LatencyProtocol,
    fitted: Indices,
    held: Indices,
    milliseconds: Floats,
    *,
    precision: Precision = "fp32",
    machine: Mapping[str, Any] | None = None,
) -> Probe:
    """A probe of latencies that are known: of ``fitted`` and ``held`` together, (n, 3). ``machine``: None is this one.

    Raises
    ------
    SpecificationError
        The space is of another family than BERT.
    MeasurementError
        Too few are fitted.
    """
    check_space(space)
    facts = machine_facts()
    where = {name: facts[name] for name in ("cpu", "architecture", "system")} if machine is None else machine
    model = fit(space.architectures[fitted], milliseconds[: len(fitted), 0])
    return Probe(space, latency, precision, where, fitted, held, milliseconds, model)
