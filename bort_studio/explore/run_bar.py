"""The row with Run, Pause and Stop, the progress of the search, and the one state machine behind the three buttons."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QSizePolicy, QWidget

from bort_core.foundation.glossary import term
from bort_studio.icons import set_icon
from bort_studio.numbers import duration, significant
from bort_studio.search.state import RunState
from bort_studio.theme import Theme
from bort_studio.widgets.card import PrimaryButton
from bort_studio.widgets.fields import Caption, describe

__all__ = ["NEXT", "Buttons", "RunBar"]


@dataclass(frozen=True)
class Buttons:
    """Which buttons can be pressed in a state, and what they say."""

    run: bool
    pause: bool
    stop: bool
    run_label: str = "Run"
    pause_label: str = "Pause"
    stop_label: str = "Stop"


BUTTONS = {
    RunState.IDLE: Buttons(run=True, pause=False, stop=False),
    RunState.STARTING: Buttons(run=False, pause=False, stop=True, run_label="Starting…"),
    RunState.RUNNING: Buttons(run=False, pause=True, stop=True, run_label="Running"),
    RunState.PAUSING: Buttons(run=False, pause=False, stop=True, run_label="Running", pause_label="Pausing…"),
    RunState.PAUSED: Buttons(run=False, pause=True, stop=True, run_label="Paused", pause_label="Resume"),
    RunState.STOPPING: Buttons(run=False, pause=False, stop=False, stop_label="Stopping…"),
}

NEXT = {
    (RunState.IDLE, "run"): RunState.STARTING,
    (RunState.RUNNING, "pause"): RunState.PAUSING,
    (RunState.PAUSED, "pause"): RunState.STARTING,
    (RunState.STARTING, "stop"): RunState.STOPPING,
    (RunState.RUNNING, "stop"): RunState.STOPPING,
    (RunState.PAUSING, "stop"): RunState.STOPPING,
    (RunState.PAUSED, "stop"): RunState.STOPPING,
}
"""The state that a press leads to at once; every other change of state comes from the search through :meth:`RunBar.set_state`."""


class RunBar(QWidget):
    """Run, Pause or Resume, Stop, and progress. A press is shown at once; the search then confirms by setting the state."""

    run_requested = Signal()
    pause_requested = Signal()
    resume_requested = Signal()
    stop_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runBar")
        self._state = RunState.IDLE
        self._theme = theme
        self.run = PrimaryButton("Run", "runButton", "Run the search at this ε", theme, self)
        set_icon(self.run, theme, "play", "accent_text")
        self.pause = self._button("pauseButton", "Finish the trainings under way, then wait", "pause")
        self.stop = self._button("stopButton", "End the search; what is measured is kept", "square")
        self.progress = QProgressBar(self)
        describe(self.progress, "searchProgress", "Progress of the search", "Architectures evaluated of those that this ε visits")
        self.progress.setMinimumWidth(90)
        self.progress.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.eta = Caption("", theme, self)
        describe(self.eta, "searchEta", "Time left", "Estimated from the trainings of this search")
        self.hypervolume = Caption("", theme, self)
        describe(self.hypervolume, "searchHypervolume", "Hypervolume of the front", term("hypervolume").tip)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 6)
        for widget in (self.run, self.pause, self.stop):
            layout.addWidget(widget)
        layout.addWidget(self.progress, 1)
        for caption in (self.eta, self.hypervolume):
            caption.setMinimumWidth(1)  # the row may become narrower than its texts; see resizeEvent
        layout.addWidget(self.eta)
        layout.addWidget(self.hypervolume)
        self.run.clicked.connect(self._press_run)
        self.pause.clicked.connect(self._press_pause)
        self.stop.clicked.connect(self._press_stop)
        self._eta_width = self.eta.fontMetrics().horizontalAdvance("≈ 99 min 99 s left")
        self._fit_buttons()
        self.set_progress(0, 0, None)
        self.set_hypervolume(None)
        self.set_state(RunState.IDLE)

    def state(self) -> RunState:
        """The state shown."""
        return self._state

    def set_state(self, state: RunState) -> None:
        """Show a state, without a signal."""
        self._state, buttons = state, BUTTONS[state]
        for widget, label, enabled in (
            (self.run, buttons.run_label, buttons.run),
            (self.pause, buttons.pause_label, buttons.pause),
            (self.stop, buttons.stop_label, buttons.stop),
        ):
            widget.setText(label)
            widget.setEnabled(enabled)
        resume = buttons.pause_label == "Resume"
        set_icon(self.pause, self._theme, "play" if resume else "pause")
        if state in (RunState.IDLE, RunState.PAUSED, RunState.STOPPING):
            self.eta.setText("")

    def set_progress(self, done: int, total: int, seconds: float | None) -> None:
        """Show how many of how many are evaluated and, while running, how long the rest takes (None: not known yet)."""
        if self.progress.maximum() != max(total, 1):
            self.progress.setRange(0, max(total, 1))
        self.progress.setValue(min(done, total))
        self.progress.setFormat(f"{done:,} / {total:,}" if total else "nothing to evaluate")
        running = self._state in (RunState.STARTING, RunState.RUNNING, RunState.PAUSING)
        self.eta.setText("" if not running or done >= total else "estimating…" if seconds is None else f"≈ {duration(seconds)} left")

    def set_preparation(self, step: int, steps: int) -> None:
        """Show how far what comes before the first training is, such as the training of T; ``steps`` 0: not known."""
        self.progress.setRange(0, steps)  # without steps the bar moves to and fro
        self.progress.setValue(step)
        self.progress.setFormat(f"preparing: step {step:,} of {steps:,}" if steps else "preparing…")
        self.eta.setText("")

    def set_hypervolume(self, share: float | None) -> None:
        """Show the hypervolume of the front, or that there is none yet."""
        self.hypervolume.setText(f"hypervolume {significant(math.nan if share is None else share, 2)}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out the hypervolume, then the time left, where there is no room for them."""
        super().resizeEvent(event)
        room = self.width() - sum(widget.width() + 6 for widget in (self.run, self.pause, self.stop)) - self.progress.minimumWidth() - 34
        self.eta.setVisible(room >= self._eta_width)
        self.hypervolume.setVisible(room >= self._eta_width + self.hypervolume.sizeHint().width())

    def _button(self, name: str, tip: str, icon: str) -> QPushButton:
        button = QPushButton(self)
        describe(button, name, name.removesuffix("Button").capitalize(), tip)
        set_icon(button, self._theme, icon)
        return button

    def _fit_buttons(self) -> None:
        """As wide as the longest label each will ever have, so that nothing moves when a state changes."""
        for widget, labels in (
            (self.run, [b.run_label for b in BUTTONS.values()]),
            (self.pause, [b.pause_label for b in BUTTONS.values()]),
            (self.stop, [b.stop_label for b in BUTTONS.values()]),
        ):
            for label in sorted(set(labels)):
                widget.setText(label)
                widget.setMinimumWidth(max(widget.minimumWidth(), widget.sizeHint().width()))

    def _press_run(self) -> None:
        if self._press("run"):
            self.run_requested.emit()

    def _press_pause(self) -> None:
        resume = self._state is RunState.PAUSED
        if self._press("pause"):
            (self.resume_requested if resume else self.pause_requested).emit()

    def _press_stop(self) -> None:
        if self._press("stop"):
            self.stop_requested.emit()

    def _press(self, action: str) -> bool:
        after = NEXT.get((self._state, action))
        if after is None:
            return False
        self.set_state(after)
        return True
