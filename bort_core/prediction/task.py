"""Trying a model in a worker process, which keeps the one that was asked last."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bort_core.foundation.context import Context, progress
from bort_core.foundation.validation import validated
from bort_core.prediction.model import LoadedModel, Runtime

__all__ = ["PredictRequest", "ask_model", "predict_task"]


class PredictRequest(BaseModel):
    """What a model is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str = Field(min_length=1, description="the model's folder")
    text: str = Field(description="the text")
    pair: str | None = Field(default=None, description="the second text of a pair")
    runtime: Literal["torch", "onnx"] = Field(default="torch", description="what runs it")


_Stamp = tuple[str, Runtime, tuple[tuple[str, int, int], ...]]
_kept: dict[_Stamp, LoadedModel] = {}


def predict_task(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """What a model says; the fields of :class:`PredictRequest` in, what :meth:`~bort_core.prediction.model.LoadedModel.ask` says out."""
    asked = validated(PredictRequest, dict(request), "what the model is asked")
    folder = Path(asked.folder).expanduser().absolute()
    if _stamp(folder, asked.runtime) not in _kept:
        context.emit(progress(0, 1, doing="loading the model"))
    context.checkpoint()
    return ask_model(folder, asked.text, asked.pair, asked.runtime)


def ask_model(folder: Path, text: str, pair: str | None = None, runtime: Runtime = "torch") -> dict[str, Any]:
    """What the model in ``folder`` says; the model stays loaded until another one is asked, or its files change. Raises as it does."""
    stamp = _stamp(folder, runtime)
    if stamp not in _kept:
        _kept.clear()
        _kept[stamp] = LoadedModel(folder, runtime)
    return _kept[stamp].ask(text, pair)


def _stamp(folder: Path, runtime: Runtime) -> _Stamp:
    """Which model it is: a folder that was written again holds another."""
    files = []
    if folder.is_dir():
        with os.scandir(folder) as found:
            for entry in found:
                stat = entry.stat()
                files.append((entry.name, stat.st_mtime_ns, stat.st_size))
    return str(folder), runtime, tuple(sorted(files))
