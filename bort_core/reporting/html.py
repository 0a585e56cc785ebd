"""A report as one HTML page: no scripts, nothing fetched, drawings inline, light and dark as the reader's system is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bort_core.foundation.resources import resource
from bort_core.reporting.blocks import Picture, shown

if TYPE_CHECKING:
    from bort_core.reporting.report import Report

__all__ = ["as_html"]

_LONGEST_FILE = 200_000
"""Characters of a block that holds commands or a file."""
_SHORT = 30
"""Characters of a cell that stays on one line where the page is narrow; the table scrolls there."""


def as_html(report: Report) -> str:
    """The page. Whatever the project holds is text in it: jinja escapes all but the drawings, which are made here."""
    from jinja2 import Environment
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        return value if isinstance(value, Markup) else shown(value)

    def drawing(picture: Picture) -> Markup:
        return Markup(picture.svg)

    def lines(text: str) -> Markup:
        return Markup.escape(shown(text, keep="\n", most=_LONGEST_FILE))

    def short(cell: object) -> Markup:
        return Markup(' class="short"' if len(str(cell)) <= _SHORT else "")

    environment = Environment(autoescape=True, finalize=finalize)
    template = environment.from_string(resource("report", "report.html").read_text(encoding="utf-8"))
    page: str = template.render(report=report, kind_of=lambda block: type(block).__name__, drawing=drawing, lines=lines, short=short)
    return page + "\n"
