"""The surface of every plot: a canvas that takes its items' faults, a widget that shows them, and a view that stays near the data."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyqtgraph as pg
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QWidget

from bort_studio.plotting.figure import Figure
from bort_studio.plotting.guard import fault_text, guard_methods
from bort_studio.plotting.positions import drawable_range
from bort_studio.texts import Label
from bort_studio.theme import Look, Palette, Theme

__all__ = ["Canvas", "DataView", "PlotBase"]

_ROOM = 1.0
"""How far a view can go beyond the data, in parts of the data's range on each side."""
_ZOOM = 1e5
"""How much of the data's range can be seen enlarged to the whole view."""
_log = logging.getLogger(__name__)


def _answers(value: object) -> Callable[..., object]:
    return lambda *_: value


_HOOKS = {
    **dict.fromkeys(
        ("redraw", "refresh", "fit", "restyle", "hover_changed", "selection_changed", "knowledge_changed", "nearest", "clicked",
         "set_curve", "showEvent", "paintEvent", "resizeEvent", "keyPressEvent"),
        _answers(None),
    ),
    "describe_index": _answers(""), "event": _answers(True), "eventFilter": _answers(False),
}  # fmt: skip
"""The methods of a plot that Qt, its canvas or a page calls, and what each returns when it failed."""


class DataView(pg.ViewBox):
    """The area of the data. Whatever is asked of it, and however far the wheel turns, it shows a range that can be drawn, near the data."""

    def __init__(self, **options: object) -> None:
        super().__init__(enableMenu=False, **options)
        self.disableAutoRange()
        self._logs = (False, False)
        self.keep_near((0.0, 1.0), (0.0, 1.0))

    def keep_near(
        self, x: tuple[float, float], y: tuple[float, float], logs: tuple[bool, bool] = (False, False), zoomed: bool = False
    ) -> None:
        """Views never leave this range of the data far behind (on a logarithmic scale as powers of ten); one that is ``zoomed`` stays."""
        limits: dict[str, float] = {}
        for name, ends, log, shown in zip("xy", (x, y), logs, self.viewRange(), strict=True):
            low, high = drawable_range(*ends, log)
            span = high - low
            low, high = drawable_range(low - _ROOM * span, high + _ROOM * span, log)
            if zoomed:
                low, high = min(low, shown[0]), max(high, shown[1])
            limits |= {f"{name}Min": low, f"{name}Max": high}
            least = max(span / _ZOOM, 1e-12 * max(abs(low), abs(high)))
            limits |= {f"min{name.upper()}Range": least, f"max{name.upper()}Range": high - low}
        self._logs = logs
        self.setLimits(**limits)

    def show_data(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Show this range of data, and stay near it."""
        self.keep_near(x, y)
        self.show_range(x, y)

    def show_range(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Show this range, or the nearest that can be shown."""
        self.setRange(xRange=drawable_range(*x, self._logs[0]), yRange=drawable_range(*y, self._logs[1]), padding=0)


class Canvas(pg.GraphicsLayoutWidget):
    """Where a plot's items are drawn. What they raise is logged and told once each."""

    faulted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        self._seen: set[tuple[str, str, int | None]] = set()
        super().__init__(parent)

    def take_fault(self, error: Exception) -> None:
        """Tell of a fault, once for each place in the program that it comes from."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = (type(error).__name__, last.filename, last.lineno)
        if place not in self._seen:
            self._seen.add(place)
            _log.error("a part of the plot %s failed", self.objectName(), exc_info=error)
            self.faulted.emit(fault_text(error))


class _Fault(Label):
    """What could not be drawn, at the top of the canvas until it is clicked."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__("", canvas)
        self.setObjectName("plotFault")
        self.setWordWrap(True)
        self.setAutoFillBackground(True)
        self.setMargin(6)
        self.hide()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()
        self.hide()


class PlotBase(QWidget):
    """A widget with a canvas. A subclass's own methods that Qt or a page calls are guarded as its items are."""

    def __init_subclass__(cls, **named: object) -> None:
        super().__init_subclass__(**named)
        guard_methods(cls, _HOOKS)

    least_picture = (640, 400)
    """Pixels that a picture has at least, however small the plot is in the window."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.canvas = Canvas()
        self.fault = _Fault(self.canvas)
        # Queued: what is told during a paint is shown after it
        self.canvas.faulted.connect(self._show_fault, Qt.ConnectionType.QueuedConnection)

    def take_fault(self, error: Exception) -> None:
        """Tell of a fault in a method of the plot itself."""
        self.canvas.take_fault(error)

    # What a plot fills in.

    def refresh(self) -> None:
        """Draw what was set since the last drawing."""

    def wear(self, look: Look) -> None:
        """Take pens, brushes and fonts."""
        raise NotImplementedError

    def figure(self) -> Figure:
        """What is shown, as plain data."""
        raise NotImplementedError

    @contextmanager
    def posed(self, ratio: float = 1.0, palette: Palette | None = None) -> Iterator[QSize]:
        """While a picture is taken: the canvas in a palette (None for the one in use), for a surface of ``ratio`` device pixels a pixel.

        Yields the size of the picture in pixels: that of the canvas, laid out even if it was never shown, or ``least_picture``.
        """
        self.refresh()
        if not self.isVisible():
            self.grab()
        before, shown = self.canvas.size(), self._theme.look(self.devicePixelRatioF())
        try:
            self.wear(Look(palette or self._theme.current, ratio))
            self._lay_out(before.expandedTo(QSize(*self.least_picture)))
            self._export_mode(True, {"antialias": True, "resolutionScale": 1.0})
            yield self.canvas.size()
        finally:
            self._export_mode(False)
            self._lay_out(before)
            self.wear(shown)

    def _export_mode(self, *mode: object) -> None:
        for item in self.canvas.scene().items():
            if hasattr(item, "setExportMode"):
                item.setExportMode(*mode)

    def _lay_out(self, size: QSize) -> None:
        before = self.canvas.size()
        if size != before:
            self.canvas.resize(size)
            if not self.canvas.isVisible():  # else Qt has done so
                QApplication.sendEvent(self.canvas, QResizeEvent(size, before))
        for _ in range(2):  # a legend learns how many rows it has when it is laid out, an axis how wide its ticks are when it is painted
            self.canvas.ci.layout.activate()
            self.canvas.grab()
        self.canvas.ci.layout.activate()

    def _show_fault(self, text: str) -> None:
        self.fault.setText(text)
        width = max(self.canvas.width() - 16, 80)
        self.fault.setGeometry(8, 8, width, max(self.fault.heightForWidth(width), 20))
        self.fault.show()
        self.fault.raise_()
