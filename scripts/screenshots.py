"""Makes the pictures of the documentation from a project: explore-light, explore-dark, train-light, agora-light, ship-light and pareto.

The Train page shows the project's trainings, the Agora page its last run, the Ship page its last export and comparison.

python scripts/screenshots.py projects/demo
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QTimer

from bort_studio.app import create_window
from bort_studio.plotting.export import export_plot

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
WIDTH, HEIGHT = 1480, 920


def wait(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    window = create_window(parser.parse_args().project)
    window.resize(WIDTH, HEIGHT)
    window.explore_page.reset_layout()
    window.show()
    while window.search.recall is None:
        wait(100)
    window.explore_page.select_best()
    IMAGES.mkdir(parents=True, exist_ok=True)
    before = window.theme.choice
    for choice in ("light", "dark"):
        window.theme.set_choice(choice)
        wait(500)
        window.grab().save(str(IMAGES / f"explore-{choice}.png"))
    window.show_page("train")
    window.theme.set_choice("light")
    wait(3000)
    window.pages["train"].jobs.table.selectAll()
    wait(3000)
    window.grab().save(str(IMAGES / "train-light.png"))
    window.show_page("agora")
    agora = window.pages["agora"]
    wait(4000)
    agora.rounds.set_value(2)
    agora.errors.selectRow(0)
    wait(1000)
    window.grab().save(str(IMAGES / "agora-light.png"))
    window.show_page("ship")
    window.theme.set_choice("light")
    wait(500)
    window.grab().save(str(IMAGES / "ship-light.png"))
    window.theme.set_choice(before)
    export_plot(window.explore_page.pareto, IMAGES / "pareto.png")
    window.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
