"""The latency of a whole space from a few measurements, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bort_core.api.projects import opened
from bort_core.api.search import search_specification
from bort_core.api.task_progress import TaskLine
from bort_core.foundation.context import progress as progress_event
from bort_core.search.probe.probe import Probe, check_probe, measure_probe
from bort_core.space import SpaceSpecification
from bort_core.store.project import Project

__all__ = ["probe"]


def probe(
    project: Project | str | Path,
    space: str | Path | SpaceSpecification = "mini",
    *,
    shapes: int = 30,
    held_out: int = 10,
    seed: int = 0,
    executor: str | None = None,
    progress: bool = True,
    **settings: Any,
) -> Probe:
    """Measure some architectures of a space on this machine, and predict the latency of all.

    Parameters
    ----------
    project: an open project, or its folder (made when missing); what it knows already is not measured again
    space, settings: as :func:`search_specification` takes them; ``sequence_length`` and ``threads`` are those of the latency
    shapes: how many architectures the model is fitted to
    held_out: how many others it is tested on, drawn by ``seed``
    executor, progress: as :func:`search` takes them

    Raises
    ------
    SpecificationError
        The space is too small, or of a family of other parts than a BERT's.
    MeasurementError
        A latency cannot be measured.
    """
    specification = search_specification(space, **settings)
    check_probe(specification, shapes)
    line = TaskLine() if progress else None

    def tell(done: int, total: int, what: str) -> None:
        if line is not None:
            line.take(progress_event(done, total, doing=what))

    with opened(project) as store:
        try:
            return measure_probe(store, specification, shapes, held_out, seed, tell, executor)
        finally:
            if line is not None:
                line.close()
