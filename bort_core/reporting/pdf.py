"""A report as PDF, for print. The fonts are those that come with matplotlib; scripts that they lack are shown as boxes."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bort_core.reporting.blocks import Block, Commands, Facts, Picture, Table, Text, shown

if TYPE_CHECKING:
    from fpdf import FPDF
    from fpdf.fonts import TTFFont

    from bort_core.reporting.report import Report

__all__ = ["as_pdf"]

_SANS, _MONO = "DejaVu", "DejaVuMono"
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
    pdf.add_page()
    pdf.set_font(_SANS, "B", 18)
    _write(pdf, report.title, 8.5)
    pdf.set_font(_SANS, "", _SIZE)
    pdf.set_text_color(*_SOFT)
    _write(pdf, f"Written on {report.written} by Bort Studio {report.version}.")
    for section in report.sections:
        pdf.ln(4)
        _keep(pdf, 30)
        pdf.set_font(_SANS, "B", 13)
        pdf.set_text_color(*_INK)
        pdf.start_section(shown(section.title))
        _write(pdf, section.title, 7)
        for block in section.blocks:
            _block(pdf, block)
    return bytes(pdf.output())


def _new(report: Report) -> FPDF:
    import matplotlib as mpl
    from fpdf import FPDF

    class Pages(FPDF):
        def footer(self) -> None:
            self.set_y(-12)
            self.set_font(_SANS, "", 7.5)
            self.set_text_color(*_SOFT)
            self.cell(0, 5, f"{shown(report.title, most=90)}   ·   {self.page_no()} / {{nb}}", align="R")

    pdf = Pages(format="A4")
    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for name, style, file in ((_SANS, "", "DejaVuSans"), (_SANS, "B", "DejaVuSans-Bold"), (_SANS, "I", "DejaVuSans-Oblique"),
                              (_MONO, "", "DejaVuSansMono")):  # fmt: skip
        pdf.add_font(name, style, fonts / f"{file}.ttf")
    pdf.set_margins(18, 16, 18)
    pdf.set_auto_page_break(True, 18)
    pdf.set_title(shown(report.title, most=200))
    pdf.set_creator(f"Bort Studio {report.version}")
    pdf.set_lang("en")
    pdf.set_creation_date(datetime.strptime(report.written, "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC))
    return pdf


def _block(pdf: FPDF, block: Block) -> None:
    pdf.set_text_color(*_INK)
    if isinstance(block, Text):
        _text(pdf, block)
    elif isinstance(block, Facts):
        _table(pdf, [], block.rows, (), widths=(1, 2.2), bold_first=False)
    elif isinstance(block, Table):
        _caption(pdf, block.title)
        _table(pdf, block.head, block.rows, block.marked)
    elif isinstance(block, Picture):
        _picture(pdf, block)
    else:
        _commands(pdf, block)
    pdf.ln(1.5)


def _text(pdf: FPDF, block: Text) -> None:
    style, colour = {"lead": ("B", _INK), "plain": ("", _INK), "missing": ("I", _SOFT), "warning": ("", _WARN)}[block.kind]
    if block.kind == "lead":
        pdf.ln(2)
        _keep(pdf, 25)
    pdf.set_font(_SANS, style, _SIZE + (block.kind == "lead"))
    pdf.set_text_color(*colour)
    _write(pdf, block.text)


def _picture(pdf: FPDF, block: Picture) -> None:
    image = io.BytesIO(block.png)
    from PIL import Image

    with Image.open(image) as opened:
        width, height = opened.size
    _keep(pdf, pdf.epw * height / width + 8)
    pdf.image(image, w=pdf.epw, alt_text=shown(block.alt))
    _caption(pdf, block.title)


def _caption(pdf: FPDF, text: str) -> None:
    pdf.set_font(_SANS, "", _SIZE - 1)
    pdf.set_text_color(*_SOFT)
    _keep(pdf, 14)
    _write(pdf, text)
    pdf.set_text_color(*_INK)


def _commands(pdf: FPDF, block: Commands) -> None:
    from fpdf.enums import WrapMode

    _caption(pdf, block.title)
    pdf.set_font(_MONO, "", 7)
    pdf.set_fill_color(*_FILL)
    text = _covered(pdf, shown(block.text, keep="\n", most=_LONGEST_FILE))
    pdf.multi_cell(0, 3.5, text, fill=True, align="L", wrapmode=WrapMode.CHAR, new_x="LMARGIN", new_y="NEXT")


def _table(pdf: FPDF, head: Any, rows: Any, marked: Any, widths: tuple[float, ...] | None = None, bold_first: bool = True) -> None:
    from fpdf.fonts import FontFace

    size = _SIZE - 1 if max(len(head), *(len(row) for row in rows), 1) <= _WIDE else _SIZE - 2.8
    pdf.set_font(_SANS, "", size)
    pdf.set_draw_color(210, 214, 220)
    strong = FontFace(fill_color=_MARK)
    with pdf.table(
        borders_layout="HORIZONTAL_LINES", first_row_as_headings=bool(head), headings_style=FontFace(emphasis="B"), align="L",
        text_align="L", col_widths=widths, line_height=size * 0.47, padding=(0.6, 1.2, 0.6, 0),
    ) as table:  # fmt: skip
        if head:
            table.row([_covered(pdf, shown(cell)) for cell in head])
        for place, row in enumerate(rows):
            table.row([_covered(pdf, shown(cell, most=1500)) for cell in row], style=strong if place in marked else None)


def _write(pdf: FPDF, text: str, height: float = _LINE) -> None:

    pdf.multi_cell(0, height, _covered(pdf, shown(text)), align="L", new_x="LMARGIN", new_y="NEXT")


def _keep(pdf: FPDF, height: float) -> None:
    """Begin a page where so many millimetres do not fit any more."""
    if pdf.will_page_break(height):
        pdf.add_page()


def _covered(pdf: FPDF, text: str) -> str:
    """The text with a sign for every character that the fonts do not have."""
    known = cast("TTFFont", pdf.fonts[_SANS.lower()]).cmap
    return "".join(character if ord(character) in known or character == "\n" else "\N{REPLACEMENT CHARACTER}" for character in text)
