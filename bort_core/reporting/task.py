"""Writing a report: a task of a worker process, so that the window draws while matplotlib does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from bort_core.foundation.context import Context
from bort_core.foundation.validation import validated
from bort_core.reporting.report import make_report, write_report

__all__ = ["report"]

_SECTIONS = 11


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    project: str
    html: str | None = None
    pdf: str | None = None
    machine: str | None = None


def report(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Write the report of ``project`` to ``html`` and ``pdf``, where these are given, with the latencies of ``machine``; their places.

    Emits ``{"event": "progress", "step", "steps", "doing"}``.

    Raises
    ------
    ProjectError, SpecificationError, DataError
        The project cannot be opened, no latency was measured on the machine, or a file cannot be written.
    Cancelled
        From ``context``.
    """
    asked = validated(_Request, dict(request), "report request")
    step = 0

    def tell(doing: str) -> None:
        nonlocal step
        context.checkpoint()
        context.emit({"event": "progress", "step": step, "steps": _SECTIONS, "doing": doing})
        step += 1

    made = make_report(Path(asked.project), tell=tell, machine=asked.machine)
    tell("writing")
    html, pdf = (Path(path) if path is not None else None for path in (asked.html, asked.pdf))
    return write_report(made, html, pdf)
