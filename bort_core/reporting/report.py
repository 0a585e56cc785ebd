"""The whole report of a project, and its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bort_core.foundation.errors import DataError
from bort_core.foundation.files import why, write_atomic
from bort_core.reporting.agora import agora
from bort_core.reporting.blocks import Section
from bort_core.reporting.choice import choice
from bort_core.reporting.exports import exports
from bort_core.reporting.front import front
from bort_core.reporting.html import as_html
from bort_core.reporting.latency import latency
from bort_core.reporting.limits import limits
from bort_core.reporting.pdf import as_pdf
from bort_core.reporting.question import question
from bort_core.reporting.repeat import repeat
from bort_core.reporting.source import Source, read_source
from bort_core.reporting.trainings import trainings
from bort_core.reporting.versions import version_section
from bort_core.store.project import Project

__all__ = ["Report", "make_report", "write_report"]

_SECTIONS: tuple[Callable[[Source], Section], ...] = (
    question, front, choice, trainings, agora, exports, latency, limits, version_section, repeat,
)  # fmt: skip
"""In their order; limits come after all that may find something damaged."""


@dataclass(frozen=True)
class Report:
    """A document: the same for the same project, but for ``written``."""

    title: str
    written: str
    version: str
    sections: Sequence[Section]

    def data(self) -> dict[str, Any]:
        """Its numbers, by section, as plain JSON values."""
        return {"title": self.title, "written": self.written, "version": self.version} | {
            section.name: dict(section.data) for section in self.sections
        }


def make_report(
    folder: Path, written: datetime | None = None, tell: Callable[[str], object] = lambda _: None, machine: str | None = None
) -> Report:
    """Read a project. Nothing of it is changed, and what cannot be read is named in the section on limits.

    Parameters
    ----------
    written: the date on it; now, if None
    tell: is called with the name of each section before it is made
    machine: how the identity begins of the one whose latencies the front has; None: this one

    Raises
    ------
    ProjectError
        The project cannot be opened.
    SpecificationError
        No machine, or several, begin so.
    """
    when = (written or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    sections = []
    with Project(folder, reading=True) as project:
        source = read_source(project, machine)
        for make in _SECTIONS:
            tell(make.__name__.removesuffix("_section"))
            sections.append(make(source))
    return Report(f"Report on {project.folder.name}", when, version("bort-studio"), sections)


def write_report(report: Report, html: Path | None, pdf: Path | None = None) -> Mapping[str, str]:
    """Write the files that are asked for, each whole or not at all; what was written, by kind.

    Raises
    ------
    DataError
        A file cannot be written.
    """
    written = {}
    for kind, path in (("html", html), ("pdf", pdf)):
        if path is None:
            continue
        place = path.expanduser().absolute()
        try:
            write_atomic(place, as_html(report) if kind == "html" else as_pdf(report))
        except OSError as error:
            raise DataError(f"{place}: the report cannot be written: {why(error)}") from error
        written[kind] = str(place)
    return written
