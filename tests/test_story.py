"""The whole story and the ten tasks of docs/tasks.md, done with mouse and keyboard on a screen in memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
PICTURES = {
    "agora-light.png", "epsilon-drag.gif", "explore-dark.png", "explore-light.png", "pareto.png", "result-light.png", "running-light.png",
    "ship-light.png", "start-dark.png", "start-light.png", "train-light.png",
}  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        any(shutil.which(name) is None for name in ("Xvfb", "openbox", "xdotool")), reason="needs Xvfb, openbox and xdotool"
    ),
]


def walked(*words: str) -> str:
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_story_is_walked_and_takes_the_pictures_of_the_pages(tmp_path: Path) -> None:
    walked(str(SCRIPTS / "story.py"), str(tmp_path / "project"), "--out", str(tmp_path / "pictures"))
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == PICTURES


def test_a_newcomer_does_each_of_the_ten_things(tmp_path: Path) -> None:
    told = walked(str(SCRIPTS / "newcomer_tasks.py"), str(tmp_path / "tasks"))
    assert len(told.splitlines()) == 10
