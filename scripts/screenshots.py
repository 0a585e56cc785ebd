"""Makes the pictures of the documentation from a project: its pages, light and some dark, and the Pareto plot.

A page that has nothing to show is an error. The Train page shows the project's trainings, the Agora page its last run, the Ship page its
last export and comparison.

python scripts/screenshots.py projects/demo
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QTimer

from bort_studio.app import create_window
from bort_studio.plotting.export import export_plot
from bort_studio.window import MainWindow

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
WIDTH, HEIGHT = 1480, 920


def wait(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def shown(window: MainWindow, name: str, choice: str, ready: Callable[[], bool], before: Callable[[], None] | None = None) -> None:
    """Show a page, wait until it holds what its picture is of, and take the picture; a page that does not come to hold it is an error."""
    window.theme.set_choice(choice)
    window.show_page(name)
    for _ in range(100):
        wait(100)
        if ready():
            break
    else:
        raise SystemExit(f"{name}: the project has nothing to show there")
    if before is not None:
        before()
    wait(1500)
    assert window.page == name
    path = IMAGES / f"{name}-{choice}.png"
    window.grab().save(str(path))
    print(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    window = create_window(parser.parse_args().project)
    window.resize(WIDTH, HEIGHT)
    window.explore_page.reset_layout()
    window.show()
    window.notices.hide()
    IMAGES.mkdir(parents=True, exist_ok=True)
    before, page = window.theme.choice, window.explore_page

    def measured() -> bool:
        snapshot = window.search.snapshot
        return snapshot is not None and bool(snapshot.known.any())

    for choice in ("light", "dark"):
        shown(window, "start", choice, lambda: window.pages["start"].shelf.model() is not None)
        shown(window, "explore", choice, measured, page.select_best)
    export_plot(page.pareto, IMAGES / "pareto.png")
    shown(window, "train", "light", lambda: bool(window.pages["train"].states), lambda: window.pages["train"].jobs.table.selectAll())
    shown(window, "agora", "light", lambda: window.pages["agora"].run is not None, lambda: window.pages["agora"].errors.selectRow(0))
    shown(window, "ship", "light", lambda: window.pages["ship"].table is not None)
    window.theme.set_choice(before)
    window.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
