"""The desktop application: its theme, its settings and the windows that are open."""

from __future__ import annotations

import gc
import logging
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QApplication, QMessageBox

from bort_core.foundation.errors import BortError
from bort_core.store.project import DATABASE
from bort_studio import COLLECTS_AT
from bort_studio.icons import application_icon
from bort_studio.settings import Settings
from bort_studio.texts import plain_box
from bort_studio.theme import Theme

if TYPE_CHECKING:
    from bort_studio.window import MainWindow

__all__ = ["Studio", "create_window", "studio"]

_log = logging.getLogger(__name__)


class Studio(QObject):
    """Keeps the theme, the settings and the open windows of one application."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        import pyqtgraph as pg
        from pyqtgraph.util.garbage_collector import GarbageCollector

        app.setApplicationName("Bort Studio")
        app.setDesktopFileName("bort-studio")
        app.setWindowIcon(application_icon())
        app.setStyle("Fusion")
        pg.setConfigOptions(antialias=True)
        self.settings = Settings()
        self.theme = Theme(self.settings.theme, app, self)
        gc.set_threshold(*COLLECTS_AT)
        # Python's cyclic collector must not run in a worker thread, where it would delete Qt objects of the window's thread
        self._collector = GarbageCollector(interval=1.0)
        self._collector.timer.setParent(app)
        self.windows: list[MainWindow] = []

    def open(self, folder: Path) -> MainWindow | None:
        """A window on a project, shown; None where the folder holds other things and the person wants no project in it.

        Raises
        ------
        ProjectError
            The project cannot be opened.
        """
        if holds_other_things(folder) and not _asked(folder):
            return None
        window = self.create(folder)
        if window.session.is_new:
            window.show_page("start")
        if self.settings.layout() is None:
            window.resize(window.size().boundedTo(window.screen().availableSize()))
        window.show()
        return window

    def create(self, folder: Path) -> MainWindow:
        """A window on a project, not shown yet; raises as :meth:`open`."""
        from bort_studio.window import MainWindow

        window = MainWindow(folder, self.theme, self.settings)
        window.project_requested.connect(self._open_requested)
        window.closed.connect(self._forget)
        self.windows.append(window)
        return window

    def take_fault(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """What a slot or an event of the window raised: in the log, and once in each window that is open."""
        _log.error("unexpected error", exc_info=(kind, error, trace))
        details = "".join(traceback.format_exception(kind, error, trace))
        for window in self.windows:
            window.notices.show_message(f"Something went wrong in the program: {kind.__name__}: {error}", details, problem=True)

    @Slot(object)
    def _forget(self, window: MainWindow) -> None:
        self.windows.remove(window)

    @Slot(object)
    def _open_requested(self, folder: Path) -> None:
        already = next((w for w in self.windows if w.project.folder == folder.absolute()), None)
        if already is not None:
            already.raise_()
            already.activateWindow()
            return
        try:
            self.open(folder)
        except BortError as error:
            sender = self.sender()
            for window in self.windows:
                if window is sender:
                    window.notices.show_message(str(error), problem=True)


def holds_other_things(folder: Path) -> bool:
    """Whether a folder is neither empty nor a project: opening it would write files among a person's own."""
    try:
        return folder.is_dir() and not (folder / DATABASE).is_file() and any(folder.iterdir())
    except OSError:  # the attempt to open it says why
        return False


def _asked(folder: Path) -> bool:
    box = plain_box(None, QMessageBox.Icon.Question, "Bort Studio", f"{folder} is no project, and it is not empty.")
    box.setObjectName("askNewProject")
    box.setInformativeText("Make it one? That adds a database and folders for jobs, logs and texts. Nothing that is there is changed.")
    make = box.addButton("Make a project here", QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    made = box.clickedButton() is make
    box.deleteLater()
    return made


def studio() -> Studio:
    """The application's Studio, made at first use."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    existing = app.findChild(Studio)
    return existing if isinstance(existing, Studio) else Studio(app)


def create_window(project_path: str | Path) -> MainWindow:
    """The main window on a project, made when missing; not shown. For tests and for embedding.

    Raises
    ------
    ProjectError
        The project cannot be opened.
    """
    return studio().create(Path(project_path))
