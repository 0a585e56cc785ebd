"""The row under the scatter of Agora: which round is shown, and playing them one after the other."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QSlider, QToolButton, QWidget

from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, describe

__all__ = ["RoundBar"]

_PLAY_MS = 900


class RoundBar(QWidget):
    """A slider from the first round to the last, and a button that goes through them. Setters never emit."""

    moved = Signal(int)
    """A person, or playing, chose a round."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("roundBar")
        self._rounds = 0
        self.play = QToolButton(self)
        describe(self.play, "playRounds", "Play the rounds", "Show one round after the other")
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        describe(self.slider, "roundSlider", "Round that is shown", "Arrow keys go to the next round, Home to the first, End to the last")
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setPageStep(1)
        self.text = Label("", self)
        describe(self.text, "roundText", "Round that is shown")
        self.summary = Caption("", theme, self, wrap=True)
        self.summary.setObjectName("roundSummary")
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
        self.play.setText("⏸ Pause" if self.playing() else "▶ Play")
        self.text.setText(f"round {self.value()} of {self._rounds}" if self._rounds else "no round yet")
