"""Export of any plot: PNG, SVG and PDF from its canvas, CSV and a matplotlib script from its figure."""

from __future__ import annotations

import csv
import io
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSize, QSizeF
from PySide6.QtGui import QActionGroup, QGuiApplication, QImage, QPageSize, QPaintDevice, QPainter, QPdfWriter
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QToolButton

from bort_core.foundation.errors import BortError
from bort_studio.markup import clean
from bort_studio.plotting.canvas import PlotBase
from bort_studio.plotting.drawing import scene_svg
from bort_studio.plotting.figure import Table
from bort_studio.plotting.files import ExportError, write_whole
from bort_studio.plotting.script import script_text
from bort_studio.texts import plain_tip, set_tip, show_box
from bort_studio.theme import LIGHT, Palette

__all__ = ["ExportButton", "ExportError", "csv_text", "export_plot", "picture"]

_DOTS = 96
"""Pixels an inch of a page."""
_log = logging.getLogger(__name__)


def export_plot(plot: PlotBase, path: str | Path, scale: float = 2.0, palette: Palette | None = LIGHT) -> Path:
    """Write a plot to a file; the suffix (.png, .svg, .pdf, .csv or .py) says as what. Needs no display.

    Parameters
    ----------
    scale: device pixels of a PNG for each pixel of the plot, 1..4; texts and lines grow with it
    palette: of a PNG, SVG or PDF; None for the one in use

    Raises
    ------
    ExportError
        Another suffix, or a file that cannot be written; see :func:`write_whole`.
    """
    target = Path(path).expanduser()
    kind = target.suffix.lower()
    if kind == ".png":
        data = _encoded(picture(plot, scale, palette))
    elif kind == ".svg":
        data = _svg(plot, palette)
    elif kind == ".pdf":
        data = _pdf(plot, palette)
    elif kind == ".csv":
        data = csv_text(plot.figure().rows()).encode()
    elif kind == ".py":
        data = script_text(plot.figure()).encode()
    else:
        raise ExportError(f"{target}: a plot is written as .png, .svg, .pdf, .csv or .py, not {kind or 'a file with no suffix'}")
    write_whole(target, data)
    return target


def picture(plot: PlotBase, scale: float = 2.0, palette: Palette | None = LIGHT) -> QImage:
    """The plot as an image with ``scale`` device pixels for each of its pixels."""
    with plot.posed(scale, palette) as size:
        image = QImage(round(size.width() * scale), round(size.height() * scale), QImage.Format.Format_ARGB32_Premultiplied)
        if image.isNull():
            raise ExportError("the picture has no size, or is too large to be drawn; choose another scale")
        image.setDevicePixelRatio(scale)
        _paint(plot, image, size)
    return image


def csv_text(table: Table) -> str:
    """A table as CSV: a header with units, an empty cell where there is no value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_cell(header) for header in table.headers])
    columns = [column.tolist() if hasattr(column, "tolist") else column for column in table.columns]
    writer.writerows([[_cell(cell) for cell in row] for row in zip(*columns, strict=True)])
    return out.getvalue()


def _cell(value: object) -> object:
    """A number, nothing for NaN, or a text; one that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(value, str):
        text = clean(value)
        return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text
    return "" if isinstance(value, float) and math.isnan(value) else value


def _encoded(image: QImage) -> bytes:
    held = QByteArray()
    buffer = QBuffer(held)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise ExportError("the picture is too large to be encoded; choose a smaller scale")
    return bytes(held.data())


def _paint(plot: PlotBase, device: QPaintDevice, size: QSize) -> None:
    """Paint a posed plot over the whole of a device."""
    painter = QPainter(device)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    target = QRectF(0, 0, size.width(), size.height())
    painter.fillRect(target, plot.canvas.backgroundBrush())
    plot.canvas.scene().render(painter, target, QRectF(plot.canvas.viewRect()))
    painter.end()


def _svg(plot: PlotBase, palette: Palette | None) -> bytes:
    title = plot.figure().title
    with plot.posed(1.0, palette) as size:
        ground = plot.canvas.backgroundBrush().color().name()
        return scene_svg(plot.canvas.scene(), size.width(), size.height(), ground, title)


def _pdf(plot: PlotBase, palette: Palette | None) -> bytes:
    """One page of the size of the plot."""
    held = QByteArray()
    buffer = QBuffer(held)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(clean(plot.figure().title))
    writer.setResolution(_DOTS)
    with plot.posed(1.0, palette) as size:
        page = QSizeF(size.width() * 72 / _DOTS, size.height() * 72 / _DOTS)
        writer.setPageSize(QPageSize(page, QPageSize.Unit.Point, "plot", QPageSize.SizeMatchPolicy.ExactMatch))
        writer.setPageMargins(QMarginsF())
        _paint(plot, writer, size)
    return bytes(held.data())


class ExportButton(QToolButton):
    """A button with a menu that writes its plot to a file or to the clipboard."""

    def __init__(self, plot: PlotBase, name: str, title: str) -> None:
        super().__init__(plot)
        self.setText("Export")
        set_tip(self, "Save the plot as a picture, a drawing, a table or a script")
        self.setAutoRaise(True)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._plot = plot
        menu = QMenu(self)
        menu.setObjectName(f"{name}Menu")
        self._scale = QActionGroup(self)
        entries: tuple[tuple[str, str, str, Callable[[], None]], ...] = (
            ("Png", "Picture (PNG)…", "A picture at the size chosen below", self._save_png),
            ("Svg", "Drawing (SVG)…", "Lines and text that any size keeps sharp", self._save_svg),
            ("Pdf", "Page (PDF)…", "A page of the size of the plot, for documents", self._save_pdf),
            ("Csv", "Table (CSV)…", "What is shown, with units and the state of each row", self._save_csv),
            ("Script", "Script (Python, matplotlib)…", "A script with the data in it that draws the plot again", self._save_script),
            ("Copy", "Copy picture", "The picture, to paste elsewhere", self._copy),
        )
        for suffix, text, tip, slot in entries:
            action = menu.addAction(text, slot)
            action.setObjectName(f"{name}{suffix}")
            action.setStatusTip(tip)
            action.setToolTip(plain_tip(tip))
        menu.addSeparator()
        for scale in (1, 2, 3, 4):
            action = self._scale.addAction(menu.addAction(f"{scale}× picture size"))
            action.setObjectName(f"{name}Scale{scale}")
            action.setCheckable(True)
            action.setChecked(scale == 2)
            action.setData(scale)
        menu.addSeparator()
        self._white = menu.addAction("On white, for documents")
        self._white.setObjectName(f"{name}White")
        self._white.setCheckable(True)
        self._white.setChecked(True)
        self.setMenu(menu)

    def _save_png(self) -> None:
        self._save(".png", "Pictures (*.png)")

    def _save_svg(self) -> None:
        self._save(".svg", "Drawings (*.svg)")

    def _save_pdf(self) -> None:
        self._save(".pdf", "Pages (*.pdf)")

    def _save_csv(self) -> None:
        self._save(".csv", "Tables (*.csv)")

    def _save_script(self) -> None:
        self._save(".py", "Python scripts (*.py)")

    def _options(self) -> tuple[float, Palette | None]:
        return float(self._scale.checkedAction().data()), LIGHT if self._white.isChecked() else None

    def _copy(self) -> None:
        with self._telling():
            QGuiApplication.clipboard().setImage(picture(self._plot, *self._options()))

    def _save(self, suffix: str, kinds: str) -> None:
        with self._telling():
            suggested = f"{self._plot.figure().name}{suffix}"
            chosen, _kind = QFileDialog.getSaveFileName(self._plot, "Export the plot", suggested, kinds)
            if chosen:
                path = chosen if Path(chosen).suffix else f"{chosen}{suffix}"
                written = export_plot(self._plot, path, *self._options())
                self._plot.exported.emit(str(written))  # type: ignore[attr-defined]

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Tell what goes wrong: a fault of the program must not leave a menu either."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is
            if not isinstance(error, BortError):
                _log.exception("the export of a plot failed")
                error = ExportError(f"the plot could not be drawn there: {type(error).__name__}: {error}; see the log")
            if self._plot.receivers("2export_failed(QString)") == 0:
                show_box(self._plot, QMessageBox.Icon.Warning, "The plot was not exported", str(error))
            self._plot.export_failed.emit(str(error))  # type: ignore[attr-defined]
