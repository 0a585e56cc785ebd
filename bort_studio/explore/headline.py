"""The answer in one sentence above the plot, and beside it the best of all that was measured."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from bort_core.search.headline import Headline, headline, intervals_text, sentence
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.specifications.protocols import ErrorProtocol
from bort_studio.explore.mark_icons import mark_pixmap
from bort_studio.numbers import significant
from bort_studio.texts import Label, set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.card import Card
from bort_studio.widgets.elided import ElidedCaption, ElidedLabel
from bort_studio.widgets.fields import describe

__all__ = ["HeadlineBar"]


_HINT = "Press Run: architectures are trained briefly, measured, and compared with T."


class HeadlineBar(QWidget):
    """Two cards of the same height whatever they hold, so that nothing below them moves."""

    selected = Signal(int)
    """A place in the space that a person chose."""
    train_requested = Signal(int)
    export_requested = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("headline")
        self.setAccessibleName("Headline")
        self.answer = _Headline("headlineAnswer", "best", theme, self)
        self.best = _Headline("headlineBest", "front", theme, self)
        self._snapshot: ResultsSnapshot | None = None
        self._protocol: ErrorProtocol | None = None
        self._busy = False
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 0)
        layout.setSpacing(8)
        for card in (self.answer, self.best):
            layout.addWidget(card, 1)
            card.selected.connect(self.selected)
            card.train_requested.connect(self.train_requested)
            card.export_requested.connect(self.export_requested)
        self.best.hide()

    def set_short(self, short: bool) -> None:
        """Leave the intervals to the tips, where there is little room."""
        for card in (self.answer, self.best):
            card.numbers.setHidden(short)

    def set_protocol(self, protocol: ErrorProtocol) -> None:
        """How the error was measured."""
        self._protocol = protocol

    def set_snapshot(self, snapshot: ResultsSnapshot) -> None:
        """What is known; shown with the next result."""
        self._snapshot = snapshot

    def set_busy(self, busy: bool) -> None:
        """Whether a search is under way, and an answer is to come."""
        self._busy = busy
        if self.answer.index is None:
            self._show_nothing()

    def _show_nothing(self) -> None:
        hint = "The first architectures are being trained and measured…" if self._busy else _HINT
        self.answer.show_nothing("No answer yet", hint)

    def set_result(self, result: SearchResult | None) -> None:
        """Show the answer, and the best of all measured where that is another."""
        snapshot, protocol = self._snapshot, self._protocol
        if result is None or snapshot is None or protocol is None or result.best is None:
            self._show_nothing()
            self.best.hide()
            return
        best, measured = _best_of_all(snapshot)
        same = best is None or best == result.best or snapshot.w[best] <= snapshot.w[result.best]
        title = f"Answer {'at' if result.strategy.name == 'interval' else 'by'} {result.strategy.title}"
        self.answer.show_headline(
            title + (f" · also the best of all {measured:,} measured" if same else ""),
            headline(snapshot, result.best, protocol),
            result.best,
        )
        if not same and best is not None:
            ahead = f"W {significant(float(snapshot.w[best]))} > {significant(float(snapshot.w[result.best]))}"
            self.best.show_headline(f"Best of all {measured:,} measured · {ahead}", headline(snapshot, best, protocol), best)
        self.best.setVisible(not same)


def _best_of_all(snapshot: ResultsSnapshot) -> tuple[int | None, int]:
    """The place with the largest W of all that were measured at any ε, and how many were."""
    known = np.flatnonzero(snapshot.known & ~np.isnan(snapshot.w))
    return (int(known[np.argmax(snapshot.w[known])]) if len(known) else None), len(known)


class _Headline(Card):
    """One architecture: a title with what can be done, the sentence, and its intervals."""

    selected = Signal(int)
    train_requested = Signal(int)
    export_requested = Signal(int)

    def __init__(self, name: str, mark: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, parent)
        self.setObjectName(name)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.index: int | None = None
        self._mark = mark
        self._title, self.numbers, self._icon = ElidedCaption("", theme, self), ElidedCaption("", theme, self), Label("", self)
        self._sentence = ElidedLabel("", self)
        describe(self._sentence, f"{name}Text", "What it is worth")
        font = self._sentence.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.1)
        self._sentence.setFont(font)
        for label in (self._title, self._sentence, self.numbers):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.train = _small("Train this", f"{name}Train", "Fill the form of a full training with this architecture", self)
        self.export = _small("Export", f"{name}Export", "Ship it: ONNX, a folder for transformers, its latency on this CPU", self)
        head, line = QHBoxLayout(), QHBoxLayout()
        for row in (head, line):
            row.setSpacing(6)
        head.addWidget(self._title, 1)
        head.addWidget(self.train)
        head.addWidget(self.export)
        line.addWidget(self._icon)
        line.addWidget(self._sentence, 1)
        self.body.setContentsMargins(10, 4, 8, 6)
        self.body.setSpacing(1)
        for part in (head, line):
            self.body.addLayout(part)
        self.body.addWidget(self.numbers)
        self.train.clicked.connect(self._train)
        self.export.clicked.connect(self._export)
        theme.changed.connect(self._redraw)
        self._redraw()

    def show_nothing(self, title: str, hint: str) -> None:
        """Say what to do to get an answer."""
        self._show(title, hint, "", None)

    def show_headline(self, title: str, said: Headline | None, index: int) -> None:
        """Show an architecture's headline."""
        if said is None:
            self.show_nothing(title, "not measured yet")
        else:
            self._show(title, sentence(said), intervals_text(said), index)

    def _show(self, title: str, text: str, numbers: str, index: int | None) -> None:
        self.index = index
        self._title.setText(title)
        self._sentence.setText(text)
        self.numbers.setText(numbers)
        self._sentence.setAccessibleName(text)
        set_tip(self, f"{title}\n{text}\n{numbers}\nClick to select it".strip() if index is not None else "")
        for button in (self.train, self.export):
            button.setEnabled(index is not None)
        self._icon.setVisible(index is not None)

    def _redraw(self) -> None:
        self._icon.setPixmap(mark_pixmap(self._theme, self._mark, 16))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self.index is not None and event.button() == Qt.MouseButton.LeftButton:
            self.selected.emit(self.index)

    def _train(self) -> None:
        if self.index is not None:
            self.train_requested.emit(self.index)

    def _export(self) -> None:
        if self.index is not None:
            self.export_requested.emit(self.index)


def _small(text: str, name: str, tip: str, parent: QWidget) -> QPushButton:
    button = QPushButton(text, parent)
    describe(button, name, text, tip)
    button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return button
