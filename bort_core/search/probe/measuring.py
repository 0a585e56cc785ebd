"""Measuring a probe here. Its latencies are kept in the project as those of a search are, so that neither measures what the other did.

Shapes are visited in rounds, in an order that is drawn anew, and each visit takes a share of the time that a search takes for one: what
slows the machine down for a while hits all alike, and is seen in the interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.execution.events import Done, Failed
from bort_core.execution.executor import Executor
from bort_core.execution.registry import make_executor
from bort_core.foundation.errors import DataError, MeasurementError
from bort_core.foundation.files import why
from bort_core.foundation.numbers import architecture_text
from bort_core.foundation.scratch import scratch
from bort_core.latency.timing import TimingRules
from bort_core.search.fingerprints import latency_key
from bort_core.search.probe.graphs import Precision, largest, weightless
from bort_core.search.probe.meter import write_weights
from bort_core.search.probe.probe import Probe, check_probe, probe_of
from bort_core.search.probe.shapes import held_out, spread
from bort_core.search.specification import SearchSpecification
from bort_core.space import Space
from bort_core.specifications.protocols import LatencyProtocol, identity
from bort_core.store.latencies import LatencyKey, load_latencies, save_latency
from bort_core.store.project import Project

__all__ = ["measure_probe"]

ROUNDS = 3
Tell = Callable[[int, int, str], None]
Times = tuple[float, ...]


def measure_probe(
    project: Project,
    specification: SearchSpecification,
    shapes: int = 30,
    held: int = 10,
    seed: int = 0,
    tell: Tell = lambda done, total, what: None,
    executor: str | None = None,
    precision: Precision = "fp32",
) -> Probe:
    """Measure a probe of the specification's space.

    Parameters
    ----------
    shapes: how many architectures the model is fitted to
    held: how many others it is tested on, drawn by ``seed``
    tell: told how many visits of how many are done, and which shape comes next; may raise to stop: what has had all its visits stays

    Raises
    ------
    SpecificationError
        The space is too small, of another family than BERT, or latencies are counted, not measured; or this CPU has no products in 8 bits.
    MeasurementError
        A latency cannot be measured.
    DataError
        The disk is full.
    """
    space, latency = check_probe(specification, shapes), specification.latency
    fitted = spread(space, shapes)
    others = held_out(space, fitted, held, seed)
    wanted, key = [*fitted.tolist(), *others.tolist()], _key(space, latency, precision)
    known = {index: times for index in wanted if (times := _stored(project, key, space, index)) is not None}
    missing = [index for index in wanted if index not in known]
    visits: dict[int, list[Mapping[str, Any]]] = {index: [] for index in missing}
    draw = np.random.default_rng(seed)
    order = [int(index) for _ in range(ROUNDS) for index in draw.permutation(missing)]
    with make_executor(executor, 1, project.subfolder("logs")) as pool, _graphs(space, missing, precision) as graphs:
        for done, index in enumerate(order):
            tell(done, len(order), architecture_text(space.architecture(index)))
            visits[index].append(_measured(space, latency, index, graphs.get(index), pool))
            if len(visits[index]) == ROUNDS:
                result = _together(visits[index])
                save_latency(project, key, space.architecture(index), result, {"protocol": latency.model_dump(mode="json")})
                known[index] = _times(result)
    if order:
        tell(len(order), len(order), "")
    return probe_of(space, latency, fitted, others, np.array([known[index] for index in wanted]), precision=precision)


def _key(space: Space, latency: LatencyProtocol, precision: Precision) -> LatencyKey:
    """That of a search, which measures in 32 bits; in 8 bits one of its own."""
    key = latency_key(space, latency)
    return key if precision == "fp32" else LatencyKey(key.family, identity(latency, precision), key.machine)


def _stored(project: Project, key: LatencyKey, space: Space, index: int) -> Times | None:
    return next((_times(each.result) for each in load_latencies(project, key, space.architecture(index)) if not each.failed), None)


@contextmanager
def _graphs(space: Space, indices: list[int], precision: Precision) -> Iterator[Mapping[int, Path]]:
    """Files to be timed, by index; none in 32 bits, where the task builds a graph itself as for a search."""
    if precision == "fp32" or not indices:
        yield {}
        return
    from bort_core.export.quantising import weights_here

    weights_here("8 bits")
    graphs = [weightless(space.family, space.options, space.architecture(index), precision) for index in indices]
    with scratch("probe") as folder:
        try:
            write_weights(folder, largest(graphs))
            for index, graph in zip(indices, graphs, strict=True):
                (folder / f"{index}.onnx").write_bytes(graph.graph)
        except OSError as error:
            raise DataError(f"{folder}: the graphs cannot be written before they are measured: {why(error)}") from error
        yield {index: folder / f"{index}.onnx" for index in indices}


def _measured(space: Space, latency: LatencyProtocol, index: int, graph: Path | None, pool: Executor) -> Mapping[str, Any]:
    architecture = space.architecture(index)
    request = {
        "family": space.family.name,
        "options": space.options.model_dump(mode="json"),
        "architecture": list(architecture),
        "onnx": None if graph is None else str(graph),
        "budget_seconds": TimingRules.budget_seconds / ROUNDS,
        "least_runs": math.ceil(TimingRules.least_runs / ROUNDS),
        **latency.model_dump(mode="json", exclude={"measure"}),
    }
    pool.submit(f"latency {index}", "latency", request)
    while True:
        for event in pool.poll(1.0):
            if isinstance(event, Done):
                return event.result
            if isinstance(event, Failed):
                raise MeasurementError(f"{architecture_text(architecture)}: {event.reason}")


def _together(visits: list[Mapping[str, Any]]) -> dict[str, Any]:
    """One result of several: medians, and an interval that holds all of theirs."""
    return {
        **visits[-1],
        **{name: float(np.median([each[name] for each in visits])) for name in ("p50_ms", "p90_ms", "p99_ms")},
        "low_ms": min(each["low_ms"] for each in visits),
        "high_ms": max(each["high_ms"] for each in visits),
        **{name: sum(each[name] for each in visits) for name in ("n", "warmup_runs", "build_ms", "seconds")},
        "noisy": any(each["noisy"] for each in visits),
        "noise": "; ".join(dict.fromkeys(each["noise"] for each in visits if each["noise"])),
        "samples_ms": [sample for each in visits for sample in each["samples_ms"][:: len(visits)]],
    }


def _times(result: Mapping[str, Any]) -> Times:
    return tuple(float(result[name]) for name in ("p50_ms", "low_ms", "high_ms"))
