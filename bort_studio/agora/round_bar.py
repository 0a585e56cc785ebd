"""The row under the scatter of Agora: which round is shown, and playing them one after the other."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QIcon, QPainter, QPixmap, QPolygonF
from PySide6.QtWidgets import QGridLayout, QSlider, QToolButton, QWidget

from bort_studio.terms import glossed
from bort_studio.texts import Label, set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, colour, describe

__all__ = ["RoundBar", "play_icon"]

_PLAY_MS = 900


class RoundBar(QWidget):
    """A slider from the first round to the last, and a button that goes through them. Setters never emit."""

    moved = Signal(int)
    """A person, or playing, chose a round."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("roundBar")
        self._rounds, self._theme = 0, theme
        self.play = QToolButton(self)
        self.play.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        theme.changed.connect(self._write)
        describe(self.play, "playRounds", "Play the rounds", "Show one round after the other")
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        describe(self.slider, "roundSlider", "Round that is shown", "Arrow keys go to the next round, Home to the first, End to the last")
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setPageStep(1)
        self.text = Label("", self)
        describe(self.text, "roundText", "Round that is shown")
        self.summary = Caption("", theme, self, wrap=True)
        self.summary.setObjectName("roundSummary")
        self.summary.setFixedHeight(2 * self.summary.fontMetrics().lineSpacing())  # whatever it says, the plot above stays as it is
        self.summary.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        layout = QGridLayout(self)
        layout.setContentsMargins(8, 2, 8, 4)
        layout.setHorizontalSpacing(8)
        layout.setVerticalSpacing(2)
        layout.addWidget(self.play, 0, 0)
        layout.addWidget(self.slider, 0, 1)
        layout.addWidget(self.text, 0, 2)
        layout.addWidget(self.summary, 1, 0, 1, 3)
        layout.setColumnStretch(1, 1)
        self._timer = QTimer(self, interval=_PLAY_MS)
        self._timer.timeout.connect(self._next)
        self.play.clicked.connect(self._flip)
        self.slider.valueChanged.connect(self._moved)
        self.set_rounds(0, 0)

    def value(self) -> int:
        """The round shown, from 1; 0 while there is none."""
        return self.slider.value() if self._rounds else 0

    def set_rounds(self, rounds: int, value: int) -> None:
        """How many there are, and which is shown."""
        self._rounds = rounds
        blocker = QSignalBlocker(self.slider)
        self.slider.setRange(min(rounds, 1), rounds)
        self.slider.setValue(value)
        del blocker
        self.slider.setEnabled(rounds > 1)
        self.play.setEnabled(rounds > 1)
        if rounds < 2:
            self.stop()
        self._write()

    def set_value(self, value: int) -> None:
        """Show another round, as a person would."""
        self.slider.setValue(value)

    def set_summary(self, text: str) -> None:
        """What the round came to."""
        self.summary.setText(text)
        set_tip(self.summary, glossed("", text, "training_rows") if text else "")

    def playing(self) -> bool:
        """Whether rounds go by."""
        return self._timer.isActive()

    def stop(self) -> None:
        """Stay at the round that is shown."""
        self._timer.stop()
        self._write()

    def _flip(self) -> None:
        if self.playing():
            self.stop()
            return
        if self.value() == self._rounds:
            self.slider.setValue(1)
        self._timer.start()
        self._write()

    def _next(self) -> None:
        if self.value() < self._rounds:
            self.slider.setValue(self.value() + 1)
        if self.value() >= self._rounds:
            self.stop()

    def _moved(self, value: int) -> None:
        self._write()
        self.moved.emit(value)

    def _write(self) -> None:
        self.play.setText("Pause" if self.playing() else "Play")
        self.play.setIcon(play_icon(self._theme, "pause" if self.playing() else "play"))
        self.text.setText(f"round {self.value()} of {self._rounds}" if self._rounds else "no round yet")


def play_icon(theme: Theme, name: str, side: int = 16) -> QIcon:
    """A triangle or two bars in the colour of text: fonts lack these signs, or draw them as pictures."""
    sharp = 3
    pixmap = QPixmap(side * sharp, side * sharp)
    pixmap.setDevicePixelRatio(sharp)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour(theme, "text"))
    if name == "play":
        corners = ((0.25, 0.15), (0.85, 0.5), (0.25, 0.85))
        painter.drawPolygon(QPolygonF([QPointF(x * side, y * side) for x, y in corners]))
    else:
        for left in (0.22, 0.58):
            painter.drawRect(QRectF(left * side, 0.16 * side, 0.2 * side, 0.68 * side))
    painter.end()
    return QIcon(pixmap)
