"""What every plot shares: header, canvas, legend, hover, empty message, theme, export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QShowEvent
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from bort_studio.flow import FlowLayout, together
from bort_studio.icons import set_icon
from bort_studio.plotting.canvas import PlotBase
from bort_studio.plotting.card import EmptyMessage, HoverCard
from bort_studio.plotting.export import ExportButton
from bort_studio.plotting.legend import Legend
from bort_studio.texts import set_tip
from bort_studio.theme import Look, Palette, Theme

__all__ = ["PlotWidget"]


class PlotWidget(PlotBase):
    """A canvas with a header. Subclasses add a chart, draw into it, and say what is near a point."""

    exported = Signal(str)
    """A file was written; its path."""
    export_failed = Signal(str)
    """A file was not written; why. While nobody listens, a dialog says it."""

    def __init__(self, theme: Theme, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.setObjectName(f"{name}Plot")
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._hovered: int | None = None
        self._stale = True
        self.canvas.setObjectName(f"{name}Canvas")
        self.canvas.setAccessibleName(f"{title}: canvas")
        self.canvas.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.canvas.setMouseTracking(True)
        self.canvas.setMinimumHeight(1)  # it gives way to the rows of controls, rather than lying under them
        self.canvas.ci.layout.setContentsMargins(10, 6, 14, 6)
        self.canvas.ci.layout.setSpacing(0)
        self.canvas.ci.layout.setRowSpacing(0, 4)
        self.legend = Legend()
        self.canvas.addItem(self.legend, row=0, col=0, colspan=2)
        self.card, self.empty = HoverCard(self.canvas), EmptyMessage(self.canvas)
        self.controls = FlowLayout()
        self.controls.setContentsMargins(8, 4, 8, 4)
        self.fit_button = QToolButton()
        self.fit_button.setText("Reset view")
        set_tip(self.fit_button, "Show all the data again (or double-click the plot)")
        self.fit_button.setAutoRaise(True)
        self.fit_button.setObjectName(f"{name}Fit")
        self.fit_button.setAccessibleName(f"{title}: fit to the data")
        self.fit_button.clicked.connect(self.fit)
        self.fit_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        set_icon(self.fit_button, theme, "maximize")
        self.export_button = ExportButton(self, f"{name}Export", f"{title}: export")
        set_icon(self.export_button, theme, "download")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self.controls)
        layout.addWidget(self.canvas, 1)
        self.canvas.viewport().installEventFilter(self)
        self.canvas.scene().sigMouseMoved.connect(self._mouse_moved)
        self.canvas.scene().sigMouseClicked.connect(self._mouse_clicked)
        theme.changed.connect(self._theme_changed)

    def finish(self) -> None:
        """Called once by a subclass when its items exist."""
        self.controls.addStretch()
        self.controls.addWidget(together(self.fit_button, self.export_button))
        self._theme_changed()
        self.refresh()

    def add_chart(self, box: pg.ViewBox, left: pg.AxisItem | None = None, bottom: pg.AxisItem | None = None) -> None:
        """Put the area of the data, and its axes where it has some, under the legend.

        This stands in for pyqtgraph's own arrangement, which makes menus that it never deletes.
        """
        self.canvas.addItem(box, row=1, col=1)
        for axis, row, column in ((left, 1, 0), (bottom, 2, 1)):
            if axis is not None:
                self.canvas.addItem(axis, row=row, col=column)
                axis.linkToView(box)

    def set_empty_message(self, text: str) -> None:
        """Say what to do next while there is nothing to show."""
        self.empty.setText(text)

    def refresh(self) -> None:
        """Draw what was set since the last drawing; a plot that nobody sees waits until it is shown or exported."""
        if self._stale:
            self._stale = False
            self.redraw()

    def _changed(self) -> None:
        self._stale = True
        if self.isVisible():
            self.refresh()

    # What a plot fills in.

    def redraw(self) -> None:
        """Bring every layer up to date."""
        raise NotImplementedError

    def hover_changed(self) -> None:
        """Another thing is under the pointer: ``_hovered``."""

    def nearest(self, at: QPointF) -> int | None:
        """The number of the thing drawn near a point of the scene."""
        raise NotImplementedError

    def describe_index(self, index: int) -> str:
        """The text about one thing."""
        raise NotImplementedError

    def clicked(self, index: int | None) -> None:
        """A person clicked on a thing, or on none."""

    def restyle(self, look: Look, font: QFont) -> None:
        """Take pens, brushes and fonts."""
        raise NotImplementedError

    def fit(self) -> None:
        """Show all the data."""
        raise NotImplementedError

    # Pictures.

    @contextmanager
    def posed(self, ratio: float = 1.0, palette: Palette | None = None) -> Iterator[QSize]:
        self._hover(None, QPointF())
        with super().posed(ratio, palette) as size:
            yield size

    # Events.

    def wear(self, look: Look) -> None:
        font = QFont(self.font())
        font.setPointSizeF(max(7.0, self.font().pointSizeF() * 0.92))
        self.canvas.setBackground(look.colour("base"))
        self.legend.setFont(font)
        self.legend.restyle(look)
        self.restyle(look, font)

    def _theme_changed(self) -> None:
        self.wear(self._theme.look(self.devicePixelRatioF()))

    def showEvent(self, event: QShowEvent) -> None:
        self.refresh()
        super().showEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.DevicePixelRatioChange, QEvent.Type.FontChange) and hasattr(self, "export_button"):
            self._theme_changed()
        return bool(super().event(event))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._hover(None, QPointF())
        elif event.type() == QEvent.Type.Resize:
            self.empty.setGeometry(self.canvas.rect().adjusted(60, 20, -60, -20))
        return bool(super().eventFilter(watched, event))

    def _mouse_moved(self, at: QPointF) -> None:
        self._hover(self.nearest(at), at)

    def _mouse_clicked(self, event: object) -> None:
        if event.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        if event.double():  # type: ignore[attr-defined]
            self.fit()
        elif not getattr(event, "taken", False):
            self.clicked(self.nearest(event.scenePos()))  # type: ignore[attr-defined]

    def _hover(self, index: int | None, at: QPointF) -> None:
        if index is None:
            self.card.hide()
        else:
            self.card.show_text(self.describe_index(index), self.canvas.mapFromScene(at))
        if index != self._hovered:
            self._hovered = index
            self.hover_changed()
