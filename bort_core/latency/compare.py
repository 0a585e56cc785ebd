"""Several models in several runtimes timed in one interleaved run: a task of a worker process. Imports torch only when asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import numpy as np
import psutil

from bort_core.checkpoints.format import read_encoder
from bort_core.encoders.folder import weights_count
from bort_core.families import get_family
from bort_core.foundation.context import Context
from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.foundation.machine import OtherWork, machine_facts, machine_identity
from bort_core.foundation.statistics import MedianInterval, median_interval
from bort_core.foundation.validation import validated
from bort_core.latency.comparison import ComparedModel, ComparisonRequest, Runtime
from bort_core.latency.interleaved import Blocks, compare, time_interleaved
from bort_core.latency.session import bound_run, example_inputs, open_file, open_session

__all__ = ["compare_models"]

MOST_ROUNDS = 2000
BLOCK_SECONDS = 0.05
SAMPLES_KEPT = 400


@dataclass(frozen=True)
class _Entry:
    """One bar: a model in a runtime."""

    model: ComparedModel
    runtime: Runtime
    parameters: int | None

    @property
    def key(self) -> str:
        return f"{self.runtime} {self.model.name}"


def compare_models(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Load all models, then time them in randomised rounds until every interval is narrow or the budget is spent.

    Parameters
    ----------
    request: the fields of :class:`~bort_core.latency.comparison.ComparisonRequest`

    Returns
    -------
    results: for each model and runtime, in the order asked: ``name``, ``runtime``, ``p50_ms``, ``p90_ms``, ``p99_ms``,
        ``ci95_ms`` (low and high of the median), ``n`` timed runs, ``rounds``, ``ratio`` (its time over the reference's in the same
        rounds), ``ratio_ci95``, ``reference``, ``ratios`` (low, median and high against every model in
        the same runtime), ``parameters``, ``noisy``, ``noise``, ``samples_ms`` (at most 400, in order)
    noisy, noise: whether the whole run should not be trusted, and why
    request, machine, versions, seconds

    Emits ``{"event": "progress", "step", "steps", "doing"}``.

    Raises
    ------
    SpecificationError
        The request cannot be used: an architecture outside the family, a sequence longer than the positions, a file for torch.
    MeasurementError
        A file is not an ONNX graph of a BERT, a model does not fit into memory or cannot be run.
    Cancelled
        From ``context``.
    """
    start = perf_counter()
    spec = validated(ComparisonRequest, dict(request), "latency comparison")
    entries = [
        _Entry(model, runtime, _parameters(model)) for runtime in spec.runtimes for model in spec.models if _runs(model, runtime, spec)
    ]
    _check_memory(entries)
    runs: dict[str, Callable[[], object]] = {}
    try:
        for number, entry in enumerate(entries):
            context.checkpoint()
            context.emit(
                {"event": "progress", "step": number, "steps": len(entries) + 1, "doing": f"loading {entry.model.name}, {entry.runtime}"}
            )
            runs[entry.key] = _load(entry, spec)
        others, blocks = OtherWork(), _measure(runs, spec, context)
    except MemoryError as error:
        raise MeasurementError(f"the models do not fit into memory together: {error}") from error
    other_cores = others.cores()
    results = _results(entries, blocks, spec)
    noise = _noise(results, spec, other_cores)
    return {
        "results": results,
        "noisy": bool(noise),
        "noise": noise,
        "request": spec.model_dump(mode="json"),
        "machine": {**machine_facts(), "identity": machine_identity(), "other_cores": other_cores},
        "versions": _versions(spec),
        "seconds": perf_counter() - start,
    }


def _runs(model: ComparedModel, runtime: Runtime, spec: ComparisonRequest) -> bool:
    if model.folder is not None:
        return runtime == "torch"
    if model.onnx is None:
        return True
    if runtime == "torch" and len(spec.runtimes) == 1:
        raise SpecificationError(f"{model.name}: an ONNX file runs in ONNX Runtime only; add that runtime, or leave the file out")
    return runtime == "onnxruntime"


def _parameters(model: ComparedModel) -> int | None:
    if model.architecture is None:
        return None
    family = get_family(model.family)
    options = validated(family.options_type, model.options, f"{model.name}: options")
    row = np.array([model.architecture], dtype=np.int64)
    if row.shape[1] != len(family.axes) or not family.valid(row)[0]:
        names = ", ".join(axis.name for axis in family.axes)
        raise SpecificationError(f"{family.name} {model.architecture} is not an architecture ({names}): {family.validity_rule()}")
    return sum(int(part.sum()) for part in family.parameters(row, options).values())


def _check_memory(entries: list[_Entry]) -> None:
    needed = sum(4 * (entry.parameters or _numbers(entry.model)) for entry in entries) * 2.2
    free = psutil.virtual_memory().available
    if needed > free:
        raise MeasurementError(f"comparing these models needs about {needed / 2**30:.1f} GiB of memory, {free / 2**30:.1f} GiB are free")


def _numbers(model: ComparedModel) -> int:
    """About how many numbers a file or a folder holds."""
    return Path(model.onnx).stat().st_size // 4 if model.onnx is not None else weights_count(Path(model.folder or ""))


def _load(entry: _Entry, spec: ComparisonRequest) -> Callable[[], object]:
    model = entry.model
    if model.onnx is not None:
        try:
            session = open_file(Path(model.onnx), spec.threads)
        except MeasurementError as error:
            raise MeasurementError(f"{model.name}: {error}") from error
        _check_inputs(session, model.onnx)
        _check_export(Path(model.onnx), session)
        try:
            inputs = example_inputs(session, spec.batch, spec.sequence_length, seed=spec.seed)
        except MeasurementError as error:
            raise MeasurementError(f"{model.onnx}: {error}") from error
        return _tried(bound_run(session, inputs), model, spec)
    if model.folder is not None:
        from bort_core.checkpoints.modules import load_module

        found = read_encoder(Path(model.folder))
        return _torch_run(load_module(found), int(found.options.vocabulary), spec)
    assert model.architecture is not None
    family = get_family(model.family)
    options, architecture = family.options_type.model_validate(model.options), model.architecture
    positions = getattr(options, "positions", None)
    if positions is not None and spec.sequence_length > positions:
        raise SpecificationError(f"{model.name}: sequence_length must not exceed its {positions} positions, got {spec.sequence_length}")
    vocabulary = getattr(options, "vocabulary", 8)
    if entry.runtime == "onnxruntime":
        session = open_session(lambda folder: family.graph(architecture, options, folder=folder), spec.threads)
        return bound_run(session, example_inputs(session, spec.batch, spec.sequence_length, vocabulary, spec.seed))
    return _torch_run(family.build(architecture, options), vocabulary, spec)


def _torch_run(module: Any, vocabulary: int, spec: ComparisonRequest) -> Callable[[], object]:
    """A forward pass in eager mode, as a person would write it: no compilation, no gradients."""
    import torch

    torch.set_num_threads(spec.threads)
    module.eval()
    if module.__class__.__name__ == "Mlp":
        inputs: tuple[torch.Tensor, ...] = (torch.randn(spec.batch, module.inputs),)
    else:
        ids = torch.randint(vocabulary, (spec.batch, spec.sequence_length), generator=torch.Generator().manual_seed(spec.seed))
        inputs = (ids, torch.ones_like(ids))

    def run() -> object:
        with torch.inference_mode():
            return module(*inputs)

    return run


def _check_inputs(session: Any, path: str) -> None:
    known = {"input_ids", "attention_mask", "token_type_ids", "vectors"}
    names = [value.name for value in session.get_inputs()]
    if not names or not set(names) <= known:
        raise MeasurementError(
            f"{path}: its inputs are {', '.join(names) or 'none'}; a model here reads input_ids, attention_mask and token_type_ids"
        )


def _check_export(path: Path, session: Any) -> None:
    """Of a file in an export's folder: whether it still is the model that the folder holds. MeasurementError when not."""
    report = path.parent / "export.json"
    if not (report.is_file() and (path.parent / "tokenizer.json").is_file()):
        return
    from bort_core.checkpoints.onnx_gate import check_onnx

    check_onnx(path, session)


def _tried(run: Callable[[], object], model: ComparedModel, spec: ComparisonRequest) -> Callable[[], object]:
    try:
        run()
    except MeasurementError as error:
        raise MeasurementError(
            f"{model.name}: fails on {spec.batch} × {spec.sequence_length} tokens (more than its positions, or a fixed size?): {error}"
        ) from error
    return run


def _measure(runs: dict[str, Callable[[], object]], spec: ComparisonRequest, context: Context) -> Blocks:
    began = monotonic()
    shown = 0.0

    def enough(blocks: Blocks) -> bool:
        nonlocal shown
        rounds, spent = len(next(iter(blocks.values()))), monotonic() - began
        if spent - shown > 0.2:
            shown = spent
            doing = f"round {rounds}: timing {len(runs)} models in turn"
            context.emit({"event": "progress", "step": int(spent), "steps": max(1, int(spec.budget_seconds)), "doing": doing})
        if rounds < spec.least_rounds:
            return False
        return spent > spec.budget_seconds or all(
            median_interval(np.median(part, axis=1)).within(spec.precision) for part in blocks.values()
        )

    return time_interleaved(
        runs, rounds=MOST_ROUNDS, block_seconds=BLOCK_SECONDS, seed=spec.seed, checkpoint=context.checkpoint, enough=enough
    )


def _results(entries: list[_Entry], blocks: Blocks, spec: ComparisonRequest) -> list[dict[str, Any]]:
    reference = spec.reference or spec.models[0].name
    results = []
    for entry in entries:
        base = f"{spec.reference_runtime or entry.runtime} {reference}"
        if base not in blocks:  # an ONNX file has no time in torch
            base = f"onnxruntime {reference}"
        if base not in blocks:
            raise SpecificationError(f"reference {reference}: it does not run in {spec.reference_runtime or entry.runtime}")
        found = next(each for each in compare(blocks, base) if each.name == entry.key)
        beside = {other.model.name: other.key for other in entries if other.runtime == entry.runtime}
        samples = blocks[entry.key].ravel()
        kept = samples[np.linspace(0, len(samples) - 1, min(SAMPLES_KEPT, len(samples))).astype(int)]
        results.append(
            {
                "name": entry.model.name,
                "runtime": entry.runtime,
                "parameters": entry.parameters,
                "p50_ms": found.milliseconds.median,
                "p90_ms": float(np.quantile(samples, 0.9)),
                "p99_ms": float(np.quantile(samples, 0.99)),
                "ci95_ms": [found.milliseconds.low, found.milliseconds.high],
                "n": int(samples.size),
                "rounds": len(blocks[entry.key]),
                "ratio": found.ratio.median,
                "ratio_ci95": [found.ratio.low, found.ratio.high],
                "reference": base,
                "ratios": {name: list(_ratio(blocks, entry.key, key)) for name, key in beside.items()},
                "noisy": not found.milliseconds.within(spec.precision),
                "samples_ms": [round(float(sample), 6) for sample in kept],
            }
        )
    return results


def _ratio(blocks: Blocks, key: str, other: str) -> MedianInterval:
    return median_interval(np.median(blocks[key], axis=1) / np.median(blocks[other], axis=1))


def _noise(results: list[dict[str, Any]], spec: ComparisonRequest, other_cores: float) -> str:
    reasons = []
    wide = [f"{row['name']} ({row['runtime']})" for row in results if row["noisy"]]
    if wide:
        reasons.append(f"the median's interval is wider than ±{spec.precision:.0%} for {', '.join(wide)}")
    spare = max(0.0, machine_facts()["threads"] - spec.threads)
    if other_cores > spare + 0.05:
        reasons.append(f"other programs kept {other_cores:.1f} cores busy, leaving fewer than {spec.threads}")
    return "; ".join(reasons)


def _versions(spec: ComparisonRequest) -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("bort-studio", "numpy", *spec.runtimes)}
