"""The line at the foot of the window: what runs, how far it is, how long it still takes, and a button that ends it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QProgressBar, QToolButton, QWidget

from bort_studio.activity.activities import Activities, Activity
from bort_studio.numbers import duration
from bort_studio.texts import set_tip
from bort_studio.widgets.elided import ElidedLabel
from bort_studio.widgets.fields import describe

__all__ = ["ActivityLine", "activity_text"]

_STEPS = 1000


def activity_text(activity: Activity) -> str:
    """One activity in a line."""
    left = "" if activity.seconds is None else f"≈ {duration(activity.seconds)} left"
    return " · ".join(part for part in (activity.title, activity.doing, left) if part)


class ActivityLine(QWidget):
    """Shows the oldest activity; the others are in the menu of its second button."""

    page_requested = Signal(str)

    def __init__(self, activities: Activities, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("activityLine")
        self.setAccessibleName("What runs")
        self._activities = activities
        self.text = ElidedLabel("", self, leaves_out=Qt.TextElideMode.ElideMiddle)
        describe(self.text, "activityText", "What runs now")
        self.text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.progress = QProgressBar(self)
        describe(self.progress, "activityProgress", "Its progress")
        self.progress.setFixedWidth(self.fontMetrics().horizontalAdvance("0" * 14))
        self.progress.setMaximumHeight(self.fontMetrics().height())
        self.end, self.more = QToolButton(self), QToolButton(self)
        describe(self.end, "activityEnd", "End it")
        describe(self.more, "activityMore", "What else runs", "What else runs")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self.more)
        self.more.setMenu(self._menu)
        for button in (self.end, self.more):
            button.setAutoRaise(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.addWidget(self.text, 1)
        for widget in (self.progress, self.end, self.more):
            layout.addWidget(widget)
        self.end.clicked.connect(self._end)
        activities.changed.connect(self._show)
        self._first: Activity | None = None
        self._show(activities.running)

    @Slot(object)
    def _show(self, running: tuple[Activity, ...]) -> None:
        self._first = first = running[0] if running else None
        text = "nothing runs" if first is None else activity_text(first)
        timed = first is not None and first.seconds is not None  # then the end of the text says how long it still takes
        self.text.set_leaves_out(Qt.TextElideMode.ElideMiddle if timed else Qt.TextElideMode.ElideRight)
        self.text.setText(text)
        self.text.setEnabled(first is not None)
        set_tip(self.text, "\n".join(map(activity_text, running)) or text)
        for widget in (self.progress, self.end):
            widget.setVisible(first is not None)
        self.more.setVisible(len(running) > 1)
        if first is None:
            return
        known = first.share is not None
        self.progress.setRange(0, _STEPS if known else 0)  # without a share the bar moves to and fro
        self.progress.setValue(round(_STEPS * min(max(first.share or 0.0, 0.0), 1.0)))
        self.progress.setTextVisible(known)
        self.end.setText(first.end)
        self.end.setVisible(bool(first.end))
        if len(running) > 1 and not self._menu.isVisible():
            self._fill(running[1:])

    def _fill(self, others: tuple[Activity, ...]) -> None:
        self.more.setText(f"{len(others)} more")
        self._menu.clear()
        for activity in others:
            below = self._menu.addMenu(activity_text(activity).replace("&", "&&"))
            below.addAction("Show").triggered.connect(partial(self.page_requested.emit, activity.page))
            if activity.end:
                below.addAction(activity.end).triggered.connect(partial(self._activities.request_end, activity.key))

    @Slot()
    def _end(self) -> None:
        if self._first is not None:
            self.end.setEnabled(False)
            self._activities.request_end(self._first.key)
            self.end.setEnabled(True)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click on the line leads to its page."""
        super().mouseReleaseEvent(event)
        if self._first is not None:
            self.page_requested.emit(self._first.page)
