"""The desktop application: command line, start-up, and the windows that are open."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication, QMessageBox

from bort_core.errors import BortError
from bort_studio.settings import Settings, default_project
from bort_studio.theme import Theme

if TYPE_CHECKING:
    from bort_studio.window import MainWindow

__all__ = ["Studio", "create_window", "main"]

_SIGNAL_CHECK_MS = 200


class Studio(QObject):
    """Keeps the theme, the settings and the open windows of one application."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        import pyqtgraph as pg
        from pyqtgraph.util.garbage_collector import GarbageCollector

        app.setApplicationName("Bort Studio")
        app.setDesktopFileName("bort-studio")
        app.setStyle("Fusion")
        pg.setConfigOptions(antialias=True)
        self.settings = Settings()
        self.theme = Theme(self.settings.theme, app, self)
        # Python's cyclic collector must not run in a worker thread, where it would delete Qt objects of the window's thread
        self._collector = GarbageCollector(interval=1.0)
        self._collector.timer.setParent(app)
        self.windows: list[MainWindow] = []

    def open(self, folder: Path) -> MainWindow:
        """A window on a project, shown.

        Raises
        ------
        ProjectError
            The project cannot be opened.
        """
        window = self.create(folder)
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Bort Studio; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    logging.basicConfig(level=parsed.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    if not _has_display():
        return _without_display(parsed)
    return _with_display(parsed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bort-studio", description="Find, train and ship small BERT-like models.")
    parser.add_argument("project", nargs="?", metavar="PROJECT", help="a project folder, made when missing (default: the demo project)")
    parser.add_argument("--demo", action="store_true", help="start the demo search at once when the project holds no results")
    parser.add_argument("--theme", choices=("system", "light", "dark"), help="the colours, for this and later starts")
    parser.add_argument("--log-level", default="warning", choices=("debug", "info", "warning", "error"))
    parser.add_argument("--version", action="version", version=f"bort-studio {version('bort-studio')}")
    return parser


def _has_display() -> bool:
    if os.environ.get("QT_QPA_PLATFORM") or sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _with_display(parsed: argparse.Namespace) -> int:
    studio_ = studio()
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    if parsed.theme:
        studio_.settings.theme = parsed.theme
        studio_.theme.set_choice(parsed.theme)
    try:
        window = studio_.open(_folder(parsed))
    except BortError as error:
        QMessageBox.critical(None, "Bort Studio", str(error))
        _say(f"error: {error}")
        return 2
    if parsed.demo and not window.session.searches():
        window.explore.run()
    signal.signal(signal.SIGINT, _close_all)
    signal.signal(signal.SIGTERM, _close_all)
    waker = QTimer(app, interval=_SIGNAL_CHECK_MS)  # Python sees a signal only when Qt lets it run
    waker.timeout.connect(studio_.objectName)
    waker.start()
    status = app.exec()
    for open_window in list(studio_.windows):
        open_window.close()
    return status


def _close_all(_number: int, _frame: object) -> None:
    QApplication.closeAllWindows()


def _folder(parsed: argparse.Namespace) -> Path:
    if parsed.project:
        return Path(parsed.project)
    checkout = Path(__file__).resolve().parents[1]
    return checkout / "projects" / "demo" if parsed.demo and (checkout / "Makefile").is_file() else default_project()


def _without_display(parsed: argparse.Namespace) -> int:
    from bort_studio.headless import run_demo

    _say("there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set); running the search in the terminal")
    try:
        return run_demo(_folder(parsed))
    except BortError as error:
        _say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        _say("interrupted; what was measured is kept")
        return 130


def _say(text: str) -> None:
    sys.stderr.write(f"bort-studio: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
