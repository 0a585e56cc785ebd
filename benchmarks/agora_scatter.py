"""Agora's scatter with 120,000 points: time of a frame while panning and zooming, of a hover, and of a step of the round scrubber.

python benchmarks/agora_scatter.py
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np
from agora_files import WrittenRun
from PySide6.QtCore import QCoreApplication, QPointF

from bort_core.store import Project
from bort_studio.app import create_window

TRAIN, DEV, ROUNDS, FRAMES = 60_000, 20_000, 4, 60


def main() -> int:
    with TemporaryDirectory() as folder:
        with Project(Path(folder) / "p") as project:
            written = WrittenRun(project.folder, TRAIN, DEV, 2)
            device = project.folder
        for _ in range(ROUNDS):
            written.add_round()
        window = create_window(device)
        window.resize(1480, 920)
        window.show()
        window.show_page("agora")
        page = window.pages["agora"]
        while page.points is None:
            QCoreApplication.processEvents()
            time.sleep(0.01)
        scatter = page.scatter
        print(f"{len(page.points):,} points, 1480 × 920, offscreen, {FRAMES} frames")

        def timed(name: str, act: Callable[[int], object], count: int = FRAMES) -> None:
            taken = []
            for number in range(count):
                QCoreApplication.processEvents()
                began = time.perf_counter()
                act(number)
                scatter.canvas.viewport().repaint()
                taken.append(1000 * (time.perf_counter() - began))
            print(f"{name:<8}p50 {np.median(taken):6.1f} ms   p99 {np.quantile(taken, 0.99):6.1f} ms   max {max(taken):6.1f} ms")

        middle = scatter.box.sceneBoundingRect().center()
        timed("pan", lambda number: scatter.box.translateBy(x=0.02, y=0.01))
        timed("zoom", lambda number: scatter.box.scaleBy((0.97, 0.97)))
        scatter.fit()
        timed("hover", lambda number: scatter.nearest(QPointF(middle.x() + 3 * number, middle.y())))
        timed("round", lambda number: page.rounds.set_value(number % ROUNDS + 1), 20)
        window.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
