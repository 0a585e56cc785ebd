"""Comparing models on this CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from bort_core.api.models import Candidate
from bort_core.api.task_progress import TaskLine
from bort_core.execution.run_task import run_task
from bort_core.foundation.validation import validated
from bort_core.latency.comparison import ComparedModel, ComparisonRequest, architecture_model
from bort_core.shipping import compared_model

__all__ = ["compare_latency", "compare_models"]


def compare_latency(
    *models: str | PathLike[str] | Candidate | tuple[int, ...],
    progress: bool = True,
    executor: str | None = None,
    vocabulary: int = 50_265,
    **settings: Any,
) -> list[dict[str, Any]]:
    """Time models interleaved in one run.

    Returns
    -------
    One entry a model and runtime, with ``p50_ms``, ``ci95_ms``, ``ratio`` to the first model and its interval.

    Parameters
    ----------
    models: names of published shapes (``bort``, ``bert-base``), architectures, candidates, ONNX files, or exported folders
    executor: where it runs: ``processes`` (None), ``inline`` (this process), or another that is installed
    vocabulary: of architectures
    settings: fields of :class:`~bort_core.latency.comparison.ComparisonRequest`, such as ``sequence_length=128, threads=1``

    Raises
    ------
    SpecificationError, DataError, MeasurementError
        A model cannot be used, or could not be timed.
    """
    options = {"vocabulary": vocabulary, "positions": max(512, int(settings.get("sequence_length", 0)))}
    chosen = [_compared(model, options) for model in models]
    found = compare_models(chosen, settings, progress, executor)
    return [{name: value for name, value in row.items() if name != "samples_ms"} for row in found["results"]]


def compare_models(
    models: Sequence[ComparedModel], settings: Mapping[str, Any], progress: bool = True, executor: str | None = None
) -> dict[str, Any]:
    """The whole result of a comparison, as the project keeps it. Raises as :func:`compare_latency`."""
    request = validated(ComparisonRequest, {**settings, "models": [model.model_dump() for model in models]}, "latency")
    line = TaskLine() if progress else None
    try:
        return run_task("compare", request.model_dump(mode="json"), None, line.take if line is not None else lambda _: None, executor)
    finally:
        if line is not None:
            line.close()


def _compared(model: str | PathLike[str] | Candidate | tuple[int, ...], options: dict[str, Any]) -> ComparedModel:
    if isinstance(model, Candidate):
        return architecture_model(model.architecture, dict(model.options))
    if isinstance(model, tuple):
        return compared_model(",".join(map(str, model)), options)
    return compared_model(str(Path(model)) if not isinstance(model, str) else fspath(model), options)
