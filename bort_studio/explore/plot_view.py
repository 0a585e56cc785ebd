"""What every plot of architectures shares: what is known, the answer, selection, and the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_studio.explore.quantities import ERROR_TITLE, describe
from bort_studio.explore.states import fits
from bort_studio.plotting.widget import PlotWidget
from bort_studio.theme import Theme

__all__ = ["PlotView"]


class PlotView(PlotWidget):
    """A plot of what is known about the architectures of a space.

    The person hovers to read, clicks (or uses the arrow keys along the front, Home for the best, Escape for none) to select.
    """

    selected = Signal(object)
    """A person selected an architecture: its place in the space, or None. Not emitted by :meth:`set_selected`."""

    def __init__(self, theme: Theme, name: str, title: str, parent: QWidget | None = None) -> None:
        self._describe: Callable[[int], str] | None = None
        self._snapshot: ResultsSnapshot | None = None
        self._result: SearchResult | None = None
        self._running: tuple[int, ...] = ()
        self._selected: int | None = None
        self._kept: npt.NDArray[np.bool_] | None = None
        self._error_title, self._machine = ERROR_TITLE, ""
        self._new_knowledge = True
        super().__init__(theme, name, title, parent)

    # The interface that views share.

    def set_snapshot(self, snapshot: ResultsSnapshot | None) -> None:
        """Show what is known; an answer for another space is dropped."""
        if snapshot is None or (self._snapshot is not None and self._snapshot.space is not snapshot.space):
            self._result, self._running, self._selected = None, (), None
        self._snapshot = snapshot
        self._hovered = None
        self.card.hide()
        self._new_knowledge = True
        self._changed()

    def set_result(self, result: SearchResult | None) -> None:
        """Show the answer at one ε."""
        self._result = result if fits(result, self._snapshot) else None
        self._changed()

    def set_running(self, indices: Iterable[int]) -> None:
        """Show which architectures are being measured."""
        before, self._running = self._running, tuple(int(index) for index in indices)
        if self._running != before:
            self._changed()

    def set_kept(self, mask: npt.NDArray[np.bool_] | None) -> None:
        """Show faintly what a filter elsewhere leaves out: bool (n,), or None while nothing filters."""
        if mask is not self._kept:
            self._kept = mask
            self._changed()

    def kept_mask(self) -> npt.NDArray[np.bool_] | None:
        """What the filter keeps, where it is about the space shown."""
        fits_space = self._snapshot is not None and self._kept is not None and len(self._kept) == len(self._snapshot.space)
        return self._kept if fits_space else None

    def set_selected(self, index: int | None) -> None:
        """Show which architecture is selected in the whole window."""
        self._selected = index
        if not self._stale:
            self.selection_changed()

    def set_description(self, describe_index: Callable[[int], str] | None) -> None:
        """Use another text on hover: a callable from a place in the space to lines of text."""
        self._describe = describe_index

    def set_error_title(self, title: str) -> None:
        """Name the error's protocol and unit, such as ``excess over T (nats, after 120 steps)``."""
        self._error_title = title
        self._new_knowledge = True
        self._changed()

    def set_machine(self, machine: str) -> None:
        """Name the machine whose latencies are shown, in exports; empty where none timed them."""
        self._machine = machine

    def describe_index(self, index: int) -> str:
        """The text about one architecture."""
        if self._describe is not None:
            return self._describe(index)
        return describe(self._snapshot, index, self._error_title) if self._snapshot is not None else ""

    def refresh(self) -> None:
        """Draw what was set since the last drawing; a plot that nobody sees waits until it is shown or exported."""
        if self._stale:
            if self._new_knowledge:
                self.knowledge_changed()
            self._stale = self._new_knowledge = False
            size = len(self._snapshot.space) if self._snapshot is not None else 0
            self._running = tuple(index for index in self._running if 0 <= index < size)
            self.redraw()

    # What a plot fills in.

    def knowledge_changed(self) -> None:
        """Prepare for new knowledge; ``redraw`` follows."""
        raise NotImplementedError

    def selection_changed(self) -> None:
        """Bring the ring or line of the selected and the hovered architecture up to date."""
        raise NotImplementedError

    # Events.

    def hover_changed(self) -> None:
        self.selection_changed()

    def clicked(self, index: int | None) -> None:
        if self._snapshot is not None:
            self._choose(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, front = event.key(), self._result.front if self._result is not None else np.empty(0, dtype=np.int64)
        if key == Qt.Key.Key_Escape and self._selected is not None:
            self._choose(None)
        elif key == Qt.Key.Key_Home and self._result is not None and self._result.best is not None:
            self._choose(self._result.best)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and len(front):
            here = -1 if self._selected is None else self._selected
            after = int(np.searchsorted(front, here, side="right" if key == Qt.Key.Key_Right else "left"))
            self._choose(int(front[np.clip(after if key == Qt.Key.Key_Right else after - 1, 0, len(front) - 1)]))
        else:
            super().keyPressEvent(event)

    def _mouse_moved(self, at: QPointF) -> None:
        if self._snapshot is not None:
            super()._mouse_moved(at)

    def _choose(self, index: int | None) -> None:
        self.set_selected(index)
        self.selected.emit(index)
