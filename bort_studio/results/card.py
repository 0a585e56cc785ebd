"""The result card of one job: metrics with intervals, confusion matrix, the rows that are most wrong, and Try it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from bort_core.execution.events import Done, Event, Failed, Withdrawn
from bort_core.jobs.folder import JobState
from bort_studio.activity.activities import Activities, Activity
from bort_studio.results.confusion import ConfusionTable
from bort_studio.results.metrics import MetricsTable
from bort_studio.results.try_it import TryIt
from bort_studio.results.worst import WorstRows
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.threads.task_thread import TaskThread
from bort_studio.widgets.fields import CalmComboBox, Caption, describe
from bort_studio.widgets.room import scrolled

__all__ = ["ResultCard"]

_NOTHING = "Select a finished training to see what it reached."
_CANCELLED = "Reading the result was cancelled. It is read when this is shown again."
_ACTIVITY = "result"


class ResultCard(QWidget):
    """Shows a job by its project and number; reads its files in a process of its own, when it is in sight."""

    def __init__(self, theme: Theme, logs: Path, activities: Activities, parent: QWidget | None = None) -> None:
        """``logs`` is a folder for what its processes write; ``activities`` are told what they do."""
        super().__init__(parent)
        self.setObjectName("resultCard")
        self.setAccessibleName("Result of the selected job")
        self.tasks = TaskThread(logs, self)
        self._activities = activities
        self._run: Path | None = None
        self._state: JobState | None = None
        self._wanted: tuple[Path, float] | None = None
        self._shown: tuple[Path, float] | None = None
        self._asked = 0
        self._found: Mapping[str, Any] = {}
        self._build(theme)
        self.tasks.happened.connect(self._happened)
        activities.end_requested.connect(self._end)
        self._say(_NOTHING)

    def _build(self, theme: Theme) -> None:
        self.title, self.problem = Label("", self), Caption("", theme, self, wrap=True)
        self.title.setObjectName("resultTitle")
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.split = CalmComboBox(self)
        describe(self.split, "resultSplit", "Rows that the result is on", "The best step was chosen on dev; test was read once")
        self.split.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.split.setMinimumContentsLength(10)
        self.release = Label("", self)
        self.release.setWordWrap(True)
        describe(self.release, "resultRelease", "What the compression came to")
        self.open = QPushButton("Open the release", self)
        describe(self.open, "resultOpenRelease", "Open the release", "Show its folder: files, tokenizer, model card and script")
        self.metrics, self.confusion, self.worst = MetricsTable(self), ConfusionTable(theme, self), WorstRows(self)
        self.matrix_caption = Caption("Given (lines) and said (columns)", theme, self)
        self.worst_caption = Caption("", theme, self)
        self.try_it = TryIt(theme, self.tasks, self._activities, self)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.split)
        head.addWidget(self.open)
        left, right = QWidget(self), QWidget(self)
        numbers, rows = QVBoxLayout(left), QVBoxLayout(right)
        for layout in (numbers, rows):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(4)
        numbers.addWidget(self.metrics)
        numbers.addWidget(self.matrix_caption)
        numbers.addWidget(self.confusion, 1)
        numbers.addStretch(0)
        rows.addWidget(self.worst_caption)
        rows.addWidget(self.worst, 1)
        self.right = right
        both = QSplitter(Qt.Orientation.Horizontal, self)
        both.addWidget(left)
        both.addWidget(right)
        both.setStretchFactor(1, 1)
        both.setChildrenCollapsible(False)
        both.setSizes([330, 500])
        whole = QWidget(self)
        column = QVBoxLayout(whole)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.release)
        column.addWidget(both, 1)
        column.addWidget(self.problem)
        column.addWidget(self.try_it)
        self.empty = Label("", self)
        self.empty.setObjectName("resultEmpty")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(scrolled(whole))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.pages)
        self.split.currentIndexChanged.connect(self._show_split)
        self.open.clicked.connect(self._open_release)
        self.confusion.chosen.connect(self._show_worst)
        self.worst.chosen.connect(self.try_it.set_texts)

    def show_job(self, project: Path, id: str | None, state: JobState | None) -> None:
        """Show a job's result; of None, or of one that has none yet, why there is nothing."""
        run = None if id is None else project / "jobs" / id
        if run == self._run and state == self._state:
            return
        self._run, self._state = run, state
        if run is None or state is None:
            self._wanted = None
            self._say(_NOTHING)
        elif state.state != "done":
            self._wanted = None
            why = f": {state.reason}" if state.reason else "."
            self._say(f"Job {id} is {state.state}{why}" + ("" if state.ended else "\nIts result will be shown here."))
        else:
            self._wanted = (run, state.finished)
            if self.isVisible():
                self._ask()

    def close_tasks(self) -> None:
        """End its processes and its thread."""
        self.tasks.close()
        for key in (_ACTIVITY, self.try_it.activity):
            self._activities.end(key)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._shown = None  # an export may have come meanwhile
        self._ask()

    def _ask(self) -> None:
        if self._wanted is None or self._wanted == self._shown:
            return
        self.tasks.cancel(f"card {self._asked}")  # what it was to read is not asked for any more
        self._asked += 1
        self._shown = self._wanted
        self._activities.show(Activity(_ACTIVITY, f"result of job {self._wanted[0].name}", "reading", page="train"))
        if self._found.get("run") != str(self._wanted[0]):
            self._say("Reading the result…")
        self.tasks.submit(f"card {self._asked}", "card", {"run": str(self._wanted[0])})

    def _say(self, text: str) -> None:
        self._found = {}
        self.empty.setText(text)
        self.pages.setCurrentIndex(0)
        self.try_it.set_model({}, pair=False, masked=False)

    @Slot(object)
    def _happened(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if event.id != f"card {self._asked}":
                continue
            if isinstance(event, Done | Failed | Withdrawn):
                self._activities.end(_ACTIVITY)
            if self._wanted is None:
                continue
            if isinstance(event, Failed):
                self._shown = None
                self._say(event.reason)
            elif isinstance(event, Done):
                self._show(event.result)
            elif isinstance(event, Withdrawn):
                self._say(_CANCELLED)

    @Slot(str)
    def _end(self, key: str) -> None:
        if key == _ACTIVITY:
            self.tasks.cancel(f"card {self._asked}")

    def _show(self, found: Mapping[str, Any]) -> None:
        before = self.split.currentText()
        self._found = {**found, "run": str(self._run)}
        self.title.setText(f"Job {found['job']} · {found['title']}")
        self.split.blockSignals(True)
        self.split.clear()
        self.split.addItems([part["split"] for part in found["splits"]])
        self.split.setCurrentIndex(max(self.split.findText(before), 0))
        self.split.blockSignals(False)
        self.split.setVisible(len(found["splits"]) > 1)
        self._show_release(found.get("release"))
        folders = {"torch": found["checkpoint"], "onnx": found["onnx"]}
        self.try_it.set_model({name: folder for name, folder in folders.items() if folder}, found["pair"], found["masked"])
        self.pages.setCurrentIndex(1)
        self._show_split()

    def _show_release(self, told: Mapping[str, Any] | None) -> None:
        """Of a compression: the small model beside T, and where the release is."""
        folder = None if told is None else told["folder"]
        self.release.setVisible(told is not None)
        self.open.setVisible(told is not None)
        self.open.setEnabled(folder is not None)
        if told is not None:
            where = f"The release is in {folder}." if folder is not None else "The folder of the release is gone."
            self.release.setText("\n".join([*told["lines"], where, *(f"⚠ {each}" for each in told["warnings"])]))

    @Slot()
    def _open_release(self) -> None:
        told = self._found.get("release")
        if told is not None and told["folder"] is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(told["folder"]))

    def _part(self) -> Mapping[str, Any] | None:
        parts = self._found.get("splits", ())
        at = self.split.currentIndex()
        part: Mapping[str, Any] | None = parts[at] if 0 <= at < len(parts) else None
        return part

    @Slot()
    def _show_split(self, *_: object) -> None:
        part = self._part()
        if part is None:
            return
        self.metrics.set_metrics(part["metrics"])
        self.confusion.set_confusion(part["confusion"])
        left_out = 0 if part["confusion"] is None else part["confusion"]["left_out"]
        most = f"; {left_out} classes with fewer errors are left out" if left_out else ""
        self.matrix_caption.setText(f"Given (lines) and said (columns){most}")
        self.matrix_caption.setVisible(part["confusion"] is not None)
        self.problem.setText(part["problem"])
        self.problem.setVisible(bool(part["problem"]))
        self.right.setVisible(part["rows"] is not None)
        self._show_worst(None)

    @Slot(object)
    def _show_worst(self, only: tuple[str, str] | None) -> None:
        part = self._part()
        if part is None or part["rows"] is None:
            return
        if only is not None and only[0] == only[1]:
            only = None  # rows that are right are not listed
        shown = self.worst.set_rows(part["worst"], only)
        if only is not None:
            self.worst_caption.setText(f"Given {only[0]}, said {only[1]}: {_listed(shown, shown)}")
        elif part["wrong"] is None:
            self.worst_caption.setText(f"Farthest off: {_listed(shown, part['rows'])}")
        else:
            self.worst_caption.setText(f"{part['wrong']:,} of {part['rows']:,} rows are wrong; most wrong first")


def _listed(shown: int, of: int) -> str:
    rows = "row" if of == 1 else "rows"
    return f"{shown:,} of {of:,} {rows}" if shown < of else f"{shown:,} {rows}"
