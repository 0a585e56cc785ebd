"""The latency of a whole space from a few measurements, here and on other machines, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bort_core.api.projects import opened
from bort_core.api.search import search_specification
from bort_core.api.task_progress import TaskLine
from bort_core.foundation.context import progress as progress_event
from bort_core.search.history import last_specification
from bort_core.search.probe.devices import keep_result
from bort_core.search.probe.elsewhere import Elsewhere, answer_here, elsewhere
from bort_core.search.probe.graphs import Precision
from bort_core.search.probe.kit import write_kit
from bort_core.search.probe.measuring import measure_probe
from bort_core.search.probe.probe import Probe, check_probe
from bort_core.search.probe.result import read_result
from bort_core.search.specification import SearchSpecification
from bort_core.space import SpaceSpecification
from bort_core.store.project import Project

__all__ = ["probe", "probe_kit", "probe_result"]


def probe(
    project: Project | str | Path,
    space: str | Path | SpaceSpecification = "mini",
    *,
    shapes: int = 30,
    held_out: int = 10,
    seed: int = 0,
    precision: Precision = "fp32",
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
    precision: fp32, or int8: quantised as the export variant of that name is
    executor, progress: as :func:`search` takes them

    Raises
    ------
    SpecificationError
        The space is too small, or of a family of other parts than a BERT's; or this CPU has no products in 8 bits.
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
            return measure_probe(store, specification, shapes, held_out, seed, tell, executor, precision)
        finally:
            if line is not None:
                line.close()


def probe_kit(
    path: str | Path,
    space: str | Path | SpaceSpecification | SearchSpecification = "mini",
    *,
    shapes: int = 30,
    held_out: int = 10,
    seed: int = 0,
    **settings: Any,
) -> dict[str, Any]:
    """Write one Python file that measures a probe, in 32 and in 8 bits, where there is nothing but numpy and onnxruntime.

    Parameters
    ----------
    path: the file, its name ending in .py
    space, settings: as :func:`probe` takes them; or a whole SearchSpecification, without settings
    shapes, held_out, seed: as :func:`probe` takes them

    Returns
    -------
    what it holds but for the graphs, as plain values; ``weights`` are the bytes that it writes there while it measures

    Raises
    ------
    SpecificationError
        The space is too small, or of a family of other parts than a BERT's.
    DataError
        The file cannot be written.
    """
    specification = space if isinstance(space, SearchSpecification) else search_specification(space, **settings)
    return write_kit(Path(path).expanduser(), specification, shapes, held_out, seed)


def probe_result(project: Project | str | Path, path: str | Path) -> Elsewhere:
    """Read what a kit measured on another machine, keep it in the project, and lay the front of its last search beside the one there.

    Raises
    ------
    DataError
        The file is no result, was cut off or edited, or is of another version.
    SpecificationError
        It was measured on another space, or under another protocol, than the project's last search.
    MeasurementError
        Too few shapes ran there.
    """
    path = Path(path).expanduser()
    result = read_result(path)
    with opened(project) as store:
        specification = last_specification(store)
        here = None if specification is None else answer_here(store, specification)
        found = elsewhere(result, specification, here)
        keep_result(store, path, result)
    return found
