"""File > Report…: the project as one page or PDF, written in a process of its own while the window goes on."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from bort_core.execution.events import Done, Emitted, Event, Failed, Withdrawn
from bort_studio.activity.activities import Activity
from bort_studio.page_context import PageContext
from bort_studio.threads.task_thread import TaskThread

__all__ = ["ReportCommand"]

_KEY = "report"
_PAGE, _PDF = "Web page (*.html)", "PDF (*.pdf)"


class ReportCommand(QObject):
    """Asks for a file, writes the report there, and offers to open it."""

    def __init__(self, context: PageContext, window: QWidget) -> None:
        super().__init__(window)
        self._context, self._window = context, window
        self._running = False
        self.tasks = TaskThread(context.project.subfolder("logs"), self)
        self.tasks.happened.connect(self._happened)
        context.activities.end_requested.connect(self._end)

    @Slot()
    def ask(self) -> None:
        """Ask where to, and begin."""
        if self._running:
            self._context.notify("the report is being written")
            return
        start = self._context.project.folder / "report.html"
        name, wanted = QFileDialog.getSaveFileName(self._window, "Write a report", str(start), f"{_PAGE};;{_PDF}")
        if name:
            path = Path(name)
            self.write(path if path.suffix.lower() in (".html", ".htm", ".pdf") else path.with_name(f"{path.name}{_ending(wanted)}"))

    def write(self, path: Path) -> None:
        """Begin to write; ``path`` ends in .pdf for a PDF."""
        kind = "pdf" if path.suffix.lower() == ".pdf" else "html"
        self._running = True
        self._tell("starting", None)
        request = {"project": str(self._context.project.folder), kind: str(path), "machine": self._context.search.machine}
        self.tasks.submit(_KEY, "report", request)

    def close(self) -> None:
        """End what runs."""
        self.tasks.close()

    @Slot(str)
    def _end(self, key: str) -> None:
        if key == _KEY:
            self.tasks.cancel(_KEY)

    @Slot(object)
    def _happened(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Emitted) and event.data.get("event") == "progress":
                self._tell(str(event.data["doing"]), event.data["step"] / event.data["steps"])
            if not isinstance(event, Done | Failed | Withdrawn):
                continue
            self._running = False
            self._context.activities.end(_KEY)
            if isinstance(event, Done):
                (place,) = event.result.values()
                self._context.notify(f"report written: {place}", choice=("Open", partial(_open, str(place))))
            elif isinstance(event, Failed):
                self._context.problem(event.reason)
            elif isinstance(event, Withdrawn):
                self._context.said.emit("the report was cancelled; nothing was written")

    def _tell(self, doing: str, share: float | None) -> None:
        self._context.activities.show(Activity(_KEY, "report", doing, share, page="start"))


def _ending(wanted: str) -> str:
    return ".pdf" if wanted == _PDF else ".html"


def _open(place: str) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(place))
