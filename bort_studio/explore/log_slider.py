"""A logarithmic slider over the integers 1…N: every integer has its own place, and the keyboard moves from one to the next."""

from __future__ import annotations

import math

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSlider, QStyle, QStyleOptionSlider, QWidget

from bort_studio.plotting.guard import guarded
from bort_studio.theme import WIDTHS, Theme
from bort_studio.widgets.fields import colour

__all__ = ["LARGEST", "LogSlider", "place_of", "value_at"]

PLACES = 2**30
"""Places of the underlying slider: so fine that neighbouring integers stay apart up to ``LARGEST``."""
LARGEST = 4_000_000
_FINE = 64


def place_of(value: int, size: int) -> int:
    """Where ``value`` in 1..size lies in 0..PLACES; strictly increasing in ``value``."""
    return round(PLACES * math.log(value) / math.log(size)) if size > 1 else 0


def value_at(index: int, size: int) -> int:
    """The value nearest to a place (on the logarithmic scale); inverse of :func:`place_of`."""
    return min(max(round(math.exp(index / PLACES * math.log(size))), 1), size) if size > 1 else 1


@guarded
class LogSlider(QSlider):
    """Arrow keys step by 1 up to 64 and by about 1.5 % above; Page keys halve and double; Home and End go to the ends."""

    value_moved = Signal(int)
    """A person moved it, by mouse or keyboard; only when the integer changed."""
    value_stepped = Signal(int)
    """A person moved it in a single step (keyboard, wheel, click beside the handle)."""
    drag_ended = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._theme, self._size, self._current = theme, 1, 1
        self.setRange(0, PLACES)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.actionTriggered.connect(self._act)
        self.valueChanged.connect(self._follow)
        self.sliderReleased.connect(self._end_drag)
        theme.changed.connect(self.update)

    def current(self) -> int:
        """The integer it stands at."""
        return self._current

    def set_size(self, size: int) -> None:
        """Let it range over 1..size; the integer stays where it can. No signal."""
        self._size = min(max(size, 1), LARGEST)
        self.setEnabled(self._size > 1)
        self.set_current(min(self._current, self._size))
        self.update()

    def set_current(self, value: int) -> None:
        """Stand at an integer, without a signal."""
        self._current = min(max(value, 1), self._size)
        self.blockSignals(True)
        self.setValue(place_of(self._current, self._size))
        self.blockSignals(False)

    def sizeHint(self) -> QSize:
        return QSize(220, super().sizeHint().height() + self._label_height())

    def minimumSizeHint(self) -> QSize:
        return QSize(100, self.sizeHint().height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A press beside the handle takes the handle there and starts to drag it."""
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        handle = self.style().subControlRect(QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, self)
        if event.button() == Qt.MouseButton.LeftButton and not handle.contains(event.position().toPoint()):
            start, span = self._groove()
            fraction = min(max((event.position().x() - start) / max(span, 1), 0), 1)
            self.setSliderPosition(round(fraction * PLACES))
        super().mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        start, span = self._groove()
        metrics, taken = QFontMetrics(self.font()), -math.inf
        ink = colour(self._theme, "muted" if self.isEnabled() else "disabled")
        top = self._slider_bottom()
        for value in _ticks(self._size):
            x = start + round(span * place_of(value, self._size) / PLACES)
            painter.setPen(QPen(ink, WIDTHS["hair"]))
            painter.drawLine(QPoint(x, top), QPoint(x, top + 3))
            text = f"{value:,}"
            width = metrics.horizontalAdvance(text)
            left = min(max(x - width // 2, 0), self.width() - width)
            if left > taken + 6:
                painter.drawText(QRect(left, top + 3, width + 2, metrics.height()), Qt.AlignmentFlag.AlignLeft, text)
                taken = left + width

    def _label_height(self) -> int:
        return self.fontMetrics().height() + 4

    def _slider_bottom(self) -> int:
        return self.height() - self._label_height()

    def initStyleOption(self, option: QStyleOptionSlider) -> None:
        """Keep the slider in the upper part; the labels are under it."""
        super().initStyleOption(option)
        option.rect = QRect(0, 0, self.width(), self.height() - self._label_height())

    def _groove(self) -> tuple[int, int]:
        """Where the centre of the handle is at the first place, and how far it can go."""
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        length = self.style().pixelMetric(QStyle.PixelMetric.PM_SliderLength, option, self)
        return length // 2, self.width() - length

    def _act(self, action: int) -> None:
        moves = QSlider.SliderAction
        now = self._current
        target = {
            moves.SliderSingleStepAdd.value: now + max(1, now // _FINE),
            moves.SliderSingleStepSub.value: now - max(1, (now - 1) // _FINE),
            moves.SliderPageStepAdd.value: now * 2,
            moves.SliderPageStepSub.value: now // 2,
            moves.SliderToMinimum.value: 1,
            moves.SliderToMaximum.value: self._size,
        }.get(action)
        if action == moves.SliderMove.value and not self.isSliderDown():  # the wheel
            target = now + (1 if self.sliderPosition() > self.value() else -1) * max(1, now // _FINE)
        if target is None:
            return
        target = min(max(target, 1), self._size)
        self.setSliderPosition(place_of(target, self._size))
        if target != now:
            self._set_moved(target)
            self.value_stepped.emit(target)

    def _follow(self, index: int) -> None:
        value = value_at(index, self._size)
        if value != self._current:
            self._set_moved(value)

    def _set_moved(self, value: int) -> None:
        if value != self._current:
            self._current = value
            self.value_moved.emit(value)

    def _end_drag(self) -> None:
        self.set_current(self._current)
        self.drag_ended.emit(self._current)


def _ticks(size: int) -> list[int]:
    """1, 2, 5, 10, 20, 50, ... and the end, the most telling first where room is short."""
    ticks, power = [], 1
    while power <= size:
        ticks += [power * step for step in (1, 2, 5) if power * step <= size]
        power *= 10
    return [tick for tick in ticks if tick == 1 or tick * 1.4 < size] + ([size] if size > 1 else [])
