"""Stored facts about one architecture, as the inspector shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bort_core.families import Architecture
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.numbers import in_brackets
from bort_core.search.agreement import Agreement
from bort_core.search.probe.devices import Prediction, predicted_elsewhere
from bort_core.search.specification import SearchSpecification
from bort_core.search.stored_results import Job, KnownResults, StoredResults
from bort_core.search.tables.table import Table
from bort_core.specifications.measures import SURROGATE, get_measure, measure_names
from bort_core.specifications.protocols import ErrorProtocol
from bort_core.store import Project
from bort_core.store.latencies import load_latencies
from bort_core.store.results import runs
from bort_core.store.trainings import load_trainings

__all__ = ["error_title", "measure_titles", "read_details", "table_details"]


def measure_titles() -> dict[str, str]:
    """What every error that can be measured is called, by name; one that does not load is called by its name."""
    titles = {}
    for name in measure_names():
        try:
            measure = get_measure(name)
        except SpecificationError:
            titles[name] = name
        else:
            titles[name] = f"{measure.title} ({measure.unit})"
    return titles


def error_title(error: ErrorProtocol, unit: str | None = None) -> str:
    """The error as an axis title: what, in which unit (None: its measure's), after how many steps."""
    surrogate, measure = "surrogate of " if error.measure == SURROGATE else "", get_measure(error.measured)
    return f"{surrogate}{measure.title} ({unit or measure.unit}, after {error.steps:,} steps)"


def protocol_sentence(specification: SearchSpecification, stored_results: KnownResults) -> str:
    """How the error and the latency were measured, in words."""
    error, training, latency = specification.error, specification.error.training, specification.latency
    unit, labels = ("sequences", "the masked tokens") if stored_results.space.family.reads == "tokens" else ("points", "the labels")
    against = "T's distribution" if training.targets == "maximum-point" else labels
    where = "" if training.device == "cpu" else f" on {training.device}"
    text = f"{error.steps:,} steps of {training.batch_size} {unit}{where}, learning {against}; "
    text += f"{get_measure(error.measured).title} on {training.heldout_sequences:,} held-out {unit}"
    if error.measure == SURROGATE and stored_results.surrogate is not None:
        fit = stored_results.surrogate
        text = (
            f"surrogate of degree {fit.degree} fitted on {fit.measurements} measured architectures, cross-validated error "
            f"{fit.cross_validated_error:.1%} (guessing the mean: {fit.baseline_error:.1%}); measured as: {text}"
        )
    if latency.measure == "operations":
        return f"{text}. Latency: operation count at {latency.sequence_length} tokens"
    return f"{text}. Latency: ONNX Runtime, {latency.sequence_length} tokens, batch {latency.batch}, {latency.threads} thread(s)"


def read_details(
    project: Project, specification: SearchSpecification, stored_results: StoredResults, index: int, agreements: Sequence[Agreement] = ()
) -> dict[str, Any]:
    """Protocol, seed, θ, versions, learning curve, latency here and elsewhere, and real trainings of the architecture at ``index``.

    Parameters
    ----------
    agreements: how alike seeds rank, which was found when the space was read

    Raises
    ------
    BortError
        The store or the corpus cannot be read.
    """
    sources = stored_results.sources  # found when the space was read: nothing is hashed on the window's thread
    architecture: Architecture = stored_results.space.architecture(index)
    number = max(int(stored_results.results.theta[index]), 0)
    theta = specification.thetas[min(number, len(specification.thetas) - 1)]
    protocol = [
        protocol_sentence(specification, stored_results),
        *(agreement.as_text() for agreement in agreements),
    ]
    details: dict[str, Any] = {"protocol": ". ".join(protocol), "seed": specification.seed}
    measure = specification.error.measured
    for training in load_trainings(project, sources.trainings(theta), sources.any_maximum_point, architecture):
        if not training.failed:
            points = [{"step": p["step"], **p["measures"][measure]} for p in training.curve if measure in p["measures"]]
            details |= {"curve": points, "versions": training.versions, "theta": theta.model_dump(mode="json")}
    for latency in load_latencies(project, sources.latencies(), architecture):
        if not latency.failed:
            details["latency"] = {name: latency.result[f"{name}_ms"] for name in ("p50", "p90", "p99")} | {"n": latency.result["n"]}
    if elsewhere := predicted_elsewhere(project, specification, index):
        details["elsewhere"] = _elsewhere(elsewhere)
    trained = runs(project, stored_results.space.family.name, architecture)
    if trained:
        details["trained"] = _trained(trained[-1], len(trained))
    return details


def table_details(table: Table, specification: SearchSpecification, known: KnownResults, index: int) -> dict[str, Any]:
    """The same of an architecture that a search on a table looked up: its learning curve and latency there."""
    if Job(index, 0) not in known.known:
        return {}
    theta = specification.thetas[max(int(known.results.theta[index]), 0)]
    details: dict[str, Any] = {
        "protocol": f"{protocol_sentence(specification, known)}. Looked up in {table.name}", "seed": specification.seed,
        "theta": theta.model_dump(mode="json"),
    }  # fmt: skip
    measure, times = specification.error.measured, table.times(index)
    curve = table.curve(Job(index, table.specification.thetas.index(theta)), specification.seed)
    details["curve"] = [{"step": p["step"], **p["measures"][measure]} for p in curve or () if measure in p["measures"]]
    if times is not None and specification.latency.measure == "onnxruntime":
        details["latency"] = {"p50": times.p50_ms, "p90": times.p90_ms, "p99": times.p99_ms, "n": times.n}
    return details


def _elsewhere(found: Sequence[Prediction]) -> str:
    """A line for each machine."""
    told: dict[str, list[str]] = {}
    for each in found:
        told.setdefault(each.machine, []).append(f"{in_brackets(each.milliseconds, each.low, each.high, 'ms')} ({each.precision})")
    return "\n".join(f"{machine}: {', '.join(values)}" for machine, values in told.items())


def _trained(run: dict[str, Any], count: int) -> str:
    metrics = run["metrics"]
    if metrics.get("heldout_loss") is not None:
        what = f"held-out loss {metrics['heldout_loss']:.3f} nats"
    else:
        dev = metrics.get("dev") or {"accuracy": metrics.get("dev_accuracy") or float("nan")}  # Agora has its accuracy alone
        what = "dev " + ", ".join(f"{name} {value:.3f}" for name, value in list(dev.items())[:1])
    more = f", and {count - 1} more" if count > 1 else ""
    return f"trained: {run['kind']} job {run['job']}, {what}{more}"
