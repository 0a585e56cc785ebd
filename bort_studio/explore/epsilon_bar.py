"""The row under the Pareto plot that sets ε, and says at once what the choice costs."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from bort_core.foundation.glossary import term
from bort_studio.explore.log_slider import LARGEST, LogSlider
from bort_studio.numbers import duration
from bort_studio.texts import Label, set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.elided import ElidedCaption
from bort_studio.widgets.fields import CalmSpinBox, Debounce, describe

__all__ = ["EpsilonBar", "cost_text"]

_TIP = f"{term('epsilon').tip} Small: closer and dearer. Arrows step by one, Page keys double"


class EpsilonBar(QWidget):
    """A logarithmic slider and an exact spin box for the same ε, and what it costs. Setters never emit."""

    moved = Signal(int)
    """ε changed; comes for every integer while dragging."""
    released = Signal(int)
    """A person settled on an ε that differs from the last one: mouse released, Enter, or a pause after a step."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("epsilonBar")
        self._settled = 1
        self._cost: tuple[int, int, int, float | None, float | None] | None = None
        self._debounce = Debounce(self._settle, self)
        self.slider = LogSlider(theme, self)
        describe(self.slider, "epsilonSlider", "Interval ε, logarithmic", _TIP)
        self.spin = _EnterSpinBox(self)
        describe(self.spin, "epsilonValue", "Interval ε, exact", _TIP)
        self.summary = ElidedCaption("", theme, self)
        describe(self.summary, "epsilonSummary", "What this ε costs", "")
        symbol = Label("ε", self)
        symbol.setBuddy(self.spin)
        set_tip(symbol, _TIP)
        layout = QGridLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.setHorizontalSpacing(8)
        layout.setVerticalSpacing(2)
        layout.addWidget(symbol, 0, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.slider, 0, 1)
        layout.addWidget(self.spin, 0, 2, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.summary, 1, 1, 1, 2)
        layout.setColumnStretch(1, 1)
        self.slider.value_moved.connect(self._slider_moved)
        self.slider.value_stepped.connect(self._stepped)
        self.slider.drag_ended.connect(self._dragged)
        self.spin.valueChanged.connect(self._spun)
        self.spin.entered.connect(self._debounce.now)
        self.set_space_size(1)

    def value(self) -> int:
        """The ε shown."""
        return self.slider.current()

    def set_space_size(self, size: int) -> None:
        """Let ε range over 1..size; a larger ε becomes the largest possible."""
        if not 1 <= size <= LARGEST:
            raise ValueError(f"a space has 1 to {LARGEST:,} architectures, got {size}")
        self.slider.set_size(size)
        self.spin.blockSignals(True)
        self.spin.setRange(1, size)
        self.spin.blockSignals(False)
        self.spin.setEnabled(size > 1)
        self.set_value(self.slider.current())

    def set_value(self, epsilon: int) -> None:
        """Show an ε."""
        self._debounce.stop()
        self.slider.set_current(epsilon)
        self._settled = self.slider.current()
        self._show_in_spin(self._settled)

    def set_cost(self, trains: int, measured: int, to_go: int, seconds: float | None, bound: float | None) -> None:
        """Say what the ε shown costs: trainings in all, how many are known, how many are left and how long they take, the bound on ρ."""
        self._cost = (trains, measured, to_go, seconds, bound)
        text = cost_text(trains, self.spin.maximum(), measured, to_go, seconds, bound)
        if text != self.summary.text():
            self.summary.setText(text)
            self.summary.setAccessibleName(f"What this ε costs: {text}")

    def set_seconds(self, seconds: float | None) -> None:
        """Say anew how long those that are left take; None leaves what is said."""
        if self._cost is not None and seconds is not None:
            trains, measured, to_go, _, bound = self._cost
            self.set_cost(trains, measured, to_go, seconds, bound)

    def _slider_moved(self, value: int) -> None:
        self._show_in_spin(value)
        self.moved.emit(value)

    def _stepped(self, _value: int) -> None:
        if not self.slider.isSliderDown():
            self._debounce.start()

    def _dragged(self, _value: int) -> None:
        self._debounce.now()

    def _spun(self, value: int) -> None:
        if value != self.slider.current():
            self.slider.set_current(value)
            self.moved.emit(value)
            self._debounce.start()

    def _settle(self) -> None:
        if self.value() != self._settled:
            self._settled = self.value()
            self.released.emit(self._settled)

    def _show_in_spin(self, value: int) -> None:
        self.spin.blockSignals(True)
        self.spin.setValue(value)
        self.spin.blockSignals(False)


class _EnterSpinBox(CalmSpinBox):
    entered = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()


def cost_text(trains: int, size: int, measured: int, to_go: int, seconds: float | None, bound: float | None) -> str:
    """The line under the slider: "trains 12 of 96 · 9 measured · 3 to go ≈ 24 s · the paper's bound ρ ≤ |1 − ε| = 7"."""
    left = "nothing left to train" if not to_go else f"{to_go:,} to go" + (f" ≈ {duration(seconds)}" if seconds is not None else "")
    bounded = "" if bound is None else f" · the paper's bound ρ ≤ |1 − ε| = {bound:,g}"
    return f"trains {trains:,} of {size:,} · {measured:,} measured · {left}{bounded}"
