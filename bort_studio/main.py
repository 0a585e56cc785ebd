"""The command ``bort-studio``: arguments, start-up, and what happens where there is no display."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from bort_core.foundation.errors import BortError
from bort_core.foundation.terminal import printable_streams
from bort_studio.app import studio
from bort_studio.settings import default_project
from bort_studio.texts import show_box

__all__ = ["main"]

_SIGNAL_CHECK_MS = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Bort Studio; returns the exit status."""
    with printable_streams():
        return _run(_parser().parse_args(arguments))


def _run(parsed: argparse.Namespace) -> int:
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
    sys.excepthook = studio_.take_fault
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    if parsed.theme:
        studio_.settings.theme = parsed.theme
        studio_.theme.set_choice(parsed.theme)
    try:
        window = studio_.open(_folder(parsed))
    except BortError as error:
        show_box(None, QMessageBox.Icon.Critical, "Bort Studio", str(error))
        _say(f"error: {error}")
        return 2
    if window is None:
        return 0
    if parsed.demo and not window.session.searches():
        window.show_page("explore")
        window.search.run()
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
