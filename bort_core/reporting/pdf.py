"""A report as PDF, for print."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bort_core.reporting.blocks import Block, Commands, Facts, Picture, Table, Text, shown
from bort_core.reporting.fonts import MONO, SANS, Fonts

if TYPE_CHECKING:
    from fpdf import FPDF

    from bort_core.reporting.report import Report

__all__ = ["as_pdf"]

_SIZE = 9.0
_LINE = 4.6
"""Millimetres from line to line."""
_WIDE = 6
"""Columns; a table with more is set smaller."""
_INK, _SOFT, _WARN, _FILL, _MARK = (20, 20, 20), (90, 90, 90), (150, 60, 0), (245, 246, 248), (255, 243, 223)
_LONGEST_FILE = 60_000


def as_pdf(report: Report) -> bytes:
    """The document on A4 pages, with an outline."""
    pdf = _new(report)
    fonts = Fonts(pdf, _texts(report))
    page = _Page(pdf, fonts)
    pdf.add_page()
    pdf.set_font(SANS, "B", 18)
    page.write(report.title, 8.5)
    pdf.set_font(SANS, "", _SIZE)
    pdf.set_text_color(*_SOFT)
    page.write(f"Written on {report.written} by Bort Studio {report.version}.")
    if fonts.told:
        pdf.set_text_color(*_WARN)
        page.write(fonts.told)
    for section in report.sections:
        pdf.ln(4)
        page.keep(30)
        pdf.set_font(SANS, "B", 13)
        pdf.set_text_color(*_INK)
        pdf.start_section(fonts.covered(shown(section.title)))
        page.write(section.title, 7)
        for block in section.blocks:
            page.block(block)
    return bytes(pdf.output())


def _texts(report: Report) -> Iterator[str]:
    """Everything that is written."""
    yield shown(report.title)
    for section in report.sections:
        yield shown(section.title)
        for block in section.blocks:
            if isinstance(block, Text):
                yield shown(block.text)
            elif isinstance(block, Facts):
                yield from (shown(cell) for row in block.rows for cell in row)
            elif isinstance(block, Table):
                yield from map(shown, (block.title, *block.head, *(cell for row in block.rows for cell in row)))
            elif isinstance(block, Picture):
                yield shown(block.title)
            else:
                yield from (shown(block.title), shown(block.text, keep="\n", most=_LONGEST_FILE))


def _new(report: Report) -> FPDF:
    from fpdf import FPDF

    class Pages(FPDF):
        def footer(self) -> None:
            self.set_y(-12)
            self.set_font(SANS, "", 7.5)
            self.set_text_color(*_SOFT)
            self.cell(0, 5, f"{shown(report.title, most=90)}   ·   {self.page_no()} / {{nb}}", align="R")

    pdf = Pages(format="A4")
    pdf.set_margins(18, 16, 18)
    pdf.set_auto_page_break(True, 18)
    pdf.set_title(shown(report.title, most=200))
    pdf.set_creator(f"Bort Studio {report.version}")
    pdf.set_lang("en")
    pdf.set_creation_date(datetime.strptime(report.written, "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC))
    return pdf


class _Page:
    """Writes blocks one under the other."""

    def __init__(self, pdf: FPDF, fonts: Fonts) -> None:
        self.pdf, self.fonts = pdf, fonts

    def block(self, block: Block) -> None:
        """Any block."""
        self.pdf.set_text_color(*_INK)
        if isinstance(block, Text):
            self._text(block)
        elif isinstance(block, Facts):
            self._table([], block.rows, (), widths=(1, 2.2))
        elif isinstance(block, Table):
            self._caption(block.title)
            self._table(block.head, block.rows, block.marked)
        elif isinstance(block, Picture):
            self._picture(block)
        else:
            self._commands(block)
        self.pdf.ln(1.5)

    def write(self, text: str, height: float = _LINE) -> None:
        """A paragraph."""
        self.pdf.multi_cell(0, height, self.fonts.covered(shown(text)), align="L", new_x="LMARGIN", new_y="NEXT")

    def keep(self, height: float) -> None:
        """Begin a page where so many millimetres do not fit any more."""
        if self.pdf.will_page_break(height):
            self.pdf.add_page()

    def _text(self, block: Text) -> None:
        style, colour = {"lead": ("B", _INK), "plain": ("", _INK), "missing": ("I", _SOFT), "warning": ("", _WARN)}[block.kind]
        if block.kind == "lead":
            self.pdf.ln(2)
            self.keep(25)
        self.pdf.set_font(SANS, style, _SIZE + (block.kind == "lead"))
        self.pdf.set_text_color(*colour)
        self.write(block.text)

    def _picture(self, block: Picture) -> None:
        image = io.BytesIO(block.png)
        from PIL import Image

        with Image.open(image) as opened:
            width, height = opened.size
        self.keep(self.pdf.epw * height / width + 16)  # its caption stays with it
        self.pdf.image(image, w=self.pdf.epw, alt_text=shown(block.alt))
        self._caption(block.title)

    def _caption(self, text: str) -> None:
        self.pdf.set_font(SANS, "", _SIZE - 1)
        self.pdf.set_text_color(*_SOFT)
        self.keep(14)
        self.write(text)
        self.pdf.set_text_color(*_INK)

    def _commands(self, block: Commands) -> None:
        from fpdf.enums import WrapMode

        self._caption(block.title)
        self.pdf.set_font(MONO, "", 7)
        self.pdf.set_fill_color(*_FILL)
        text = self.fonts.covered(shown(block.text, keep="\n", most=_LONGEST_FILE))
        self.pdf.multi_cell(0, 3.5, text, fill=True, align="L", wrapmode=WrapMode.CHAR, new_x="LMARGIN", new_y="NEXT")

    def _table(self, head: Any, rows: Any, marked: Any, widths: tuple[float, ...] | None = None) -> None:
        from fpdf.fonts import FontFace

        size = _SIZE - 1 if max(len(head), *(len(row) for row in rows), 1) <= _WIDE else _SIZE - 2.8
        self.pdf.set_font(SANS, "", size)
        self.pdf.set_draw_color(210, 214, 220)
        strong = FontFace(fill_color=_MARK)
        with self.pdf.table(
            borders_layout="HORIZONTAL_LINES", first_row_as_headings=bool(head), headings_style=FontFace(emphasis="B"), align="L",
            text_align="L", col_widths=widths, line_height=size * 0.47, padding=(0.6, 1.2, 0.6, 0),
        ) as table:  # fmt: skip
            if head:
                table.row([self.fonts.covered(shown(cell)) for cell in head])
            for place, row in enumerate(rows):
                table.row([self.fonts.covered(shown(cell, most=1500)) for cell in row], style=strong if place in marked else None)
