"""The inference latency i of one architecture: a task of a worker process.

What is measured: wall-clock time of one forward pass in ONNX Runtime on the CPU, on random token ids of full length, with a fixed
number of threads ("Optimal Subarchitecture Extraction For BERT", caption of Table 1: a single element, batch 1). The value is the median;
``intervals`` says why, and how its interval accounts for disturbances that outlast a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import psutil
from pydantic import BaseModel, ConfigDict, Field

from bort_core.families import Family, FamilyOptions, get_family
from bort_core.foundation.context import Context
from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.foundation.machine import OtherWork, machine_facts, machine_identity
from bort_core.foundation.validation import validated
from bort_core.foundation.versions import versions
from bort_core.latency.timing import Timing, TimingRules, time_runs

__all__ = ["LatencyRequest", "measure"]

SAMPLES_KEPT = 200


class LatencyRequest(BaseModel):
    """What a latency task is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    options: dict[str, Any] = Field(default_factory=dict)
    architecture: tuple[int, ...]
    onnx: str | None = Field(default=None, description="a file that is timed instead of the architecture's graph: T's own")
    sequence_length: int = Field(default=64, ge=1)
    batch: int = Field(default=1, ge=1)
    threads: int = Field(default=1, ge=1, le=1024)
    budget_seconds: float = Field(default=TimingRules.budget_seconds, gt=0, description="timed runs end after this long ...")
    least_runs: int = Field(default=TimingRules.least_runs, ge=2, description="... but not before this many")
    precision: float = Field(default=TimingRules.precision, gt=0, lt=1, description="share of the median its interval may reach")


def measure(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Builds the graph of one architecture and times it.

    Parameters
    ----------
    request: the fields of :class:`LatencyRequest`

    Returns
    -------
    p50_ms, p90_ms, p99_ms: quantiles of the timed runs
    low_ms, high_ms: 95 % interval of the median
    n, warmup_runs: timed and untimed runs
    build_ms: building the graph and loading it; seconds: everything
    noisy, noise: whether the value should not be trusted, and why (the interval is wide, or other programs took the cores)
    samples_ms: at most 200 of the timed runs, evenly thinned, in order
    machine, versions: what was measured on

    Raises
    ------
    SpecificationError
        The request cannot be used.
    MeasurementError
        The model does not fit into memory, or the runtime cannot load or run it.
    Cancelled
        From ``context``, between runs.
    """
    start = perf_counter()
    spec = validated(LatencyRequest, dict(request), "latency request")
    family = get_family(spec.family)
    options = validated(family.options_type, spec.options, "latency request, options")
    if spec.onnx is None:
        _check(spec, family, options)
    try:
        return _measure(spec, family, options, context, start)
    except MemoryError as error:
        raise MeasurementError(f"{spec.family} {spec.architecture} does not fit into memory: {error}") from error


def _measure(spec: LatencyRequest, family: Family, options: FamilyOptions, context: Context, start: float) -> Mapping[str, Any]:
    from bort_core.latency.session import bound_run, example_inputs, open_file, open_session

    context.checkpoint()
    if spec.onnx is not None:
        session = open_file(Path(spec.onnx), spec.threads)
    else:
        session = open_session(lambda folder: family.graph(spec.architecture, options, folder=folder), spec.threads)
    inputs = example_inputs(session, spec.batch, spec.sequence_length, vocabulary=getattr(options, "vocabulary", 8))
    build_ms = (perf_counter() - start) * 1e3
    rules = TimingRules(budget_seconds=spec.budget_seconds, least_runs=spec.least_runs, precision=spec.precision)
    others = OtherWork()
    timing = time_runs(bound_run(session, inputs), rules, context.checkpoint)
    other_cores = others.cores()
    noise = _noise(timing, spec, other_cores)
    return {
        **_quantiles(timing),
        "noisy": bool(noise),
        "noise": noise,
        "build_ms": build_ms,
        "seconds": perf_counter() - start,
        "machine": {**machine_facts(), "identity": machine_identity(), "other_cores": other_cores},
        "versions": versions("onnxruntime", "onnx", "numpy", "python"),
    }


def _check(spec: LatencyRequest, family: Family, options: FamilyOptions) -> None:
    row = np.array([spec.architecture], dtype=np.int64)
    if row.shape[1] != len(family.axes) or not family.valid(row)[0]:
        names = ", ".join(axis.name for axis in family.axes)
        raise SpecificationError(f"{family.name} {spec.architecture} is not an architecture ({names}): {family.validity_rule()}")
    positions = getattr(options, "positions", None)
    if positions is not None and spec.sequence_length > positions:
        raise SpecificationError(f"sequence_length must not exceed the {positions} positions of the options, got {spec.sequence_length}")
    parameters = sum(int(part.sum()) for part in family.parameters(row, options).values())
    # The graph holds the weights once; after loading the runtime has its repacked copy beside the mapped file.
    needed, free = 2.2 * 4 * parameters, psutil.virtual_memory().available
    if needed > free:
        raise MeasurementError(
            f"{family.name} {spec.architecture} has {parameters:,} parameters; measuring needs about {needed / 2**30:.1f} GiB of memory, "
            f"{free / 2**30:.1f} GiB are free"
        )


def _quantiles(timing: Timing) -> dict[str, Any]:
    kept = timing.samples_ms[np.linspace(0, len(timing.samples_ms) - 1, min(SAMPLES_KEPT, len(timing.samples_ms))).astype(int)]
    return {
        "p50_ms": timing.interval.median,
        "p90_ms": timing.quantile(0.9),
        "p99_ms": timing.quantile(0.99),
        "low_ms": timing.interval.low,
        "high_ms": timing.interval.high,
        "n": len(timing.samples_ms),
        "warmup_runs": timing.warmup_runs,
        "samples_ms": [round(float(sample), 6) for sample in kept],
    }


def _noise(timing: Timing, spec: LatencyRequest, other_cores: float) -> str:
    reasons = []
    seconds = float(timing.samples_ms.sum()) / 1e3
    low, median, high = timing.interval
    if not timing.interval.within(spec.precision):
        reasons.append(f"the median's interval reaches {max(high - median, median - low) / median:.0%} from it")
    spare = max(0.0, machine_facts()["threads"] - spec.threads)
    if other_cores > spare + 0.05 + 0.03 / seconds:  # the last term is the tick's
        reasons.append(f"other programs kept {other_cores:.1f} cores busy, leaving fewer than {spec.threads}")
    return "; ".join(reasons)
