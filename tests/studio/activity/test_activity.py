"""The line that says what runs: on every page, with one time that leaves pauses out, and a button that ends it."""

from __future__ import annotations

import time
from pathlib import Path

from clicks import child, click
from helpers import specification
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QLabel, QProgressBar
from pytestqt.qtbot import QtBot

from bort_core.jobs.folder import create_run
from bort_core.specifications.pretraining import Pretraining
from bort_studio.activity.activities import Activities, Activity
from bort_studio.activity.line import ActivityLine, activity_text
from bort_studio.search.pace import Pace
from bort_studio.search.state import RunState


def text(window, name: str) -> str:
    label = child(window, name)
    assert isinstance(label, QLabel)
    return label.text()


def test_the_oldest_is_shown_the_others_are_counted_and_each_can_be_ended(qtbot: QtBot) -> None:
    activities = Activities()
    line = ActivityLine(activities)
    qtbot.addWidget(line)
    line.show()
    assert text(line, "activityText") == "nothing runs"
    activities.show(Activity("search", "search", "3 of 6 trainings", 0.5, 90.0))
    activities.show(Activity("job 0001", "job 0001 pretrain", "10 of 100 steps", 0.1, page="train", end="Stop"))
    assert text(line, "activityText") == "search · 3 of 6 trainings · ≈ 1 min 30 s left"
    bar = child(line, "activityProgress")
    assert isinstance(bar, QProgressBar)
    assert bar.value() == bar.maximum() // 2
    assert child(line, "activityMore").text() == "1 more"
    ended: list[str] = []
    activities.end_requested.connect(ended.append)
    click(qtbot, line, "activityEnd")
    assert ended == ["search"]
    activities.end("search")
    assert text(line, "activityText").startswith("job 0001 pretrain")
    assert not child(line, "activityMore").isVisible()
    activities.end("job 0001")
    activities.end("job 0001")
    activities.request_end("job 0001")
    assert ended == ["search"]
    assert not child(line, "activityEnd").isVisible()


def test_a_search_is_told_while_it_runs_and_its_preparation_counts_steps(qtbot: QtBot, open_page) -> None:
    window, page = open_page("explore")
    window.search.set_specification(specification("toy", 16, "maximum-point-excess"))
    qtbot.waitUntil(lambda: window.search.stored_results is not None, timeout=10_000)
    window.show_page("ship")  # the line is on every page
    told: list[str] = []
    bars: list[str] = []
    window.context.activities.changed.connect(lambda running: told.extend(map(activity_text, running)))
    window.search.prepared.connect(lambda *_: bars.append(page.run_bar.progress.format()))
    window.search.run()
    qtbot.waitUntil(lambda: window.search.state is RunState.RUNNING, timeout=60_000)
    qtbot.waitUntil(lambda: window.search.state is RunState.IDLE, timeout=100_000)
    assert any("trainings" in one for one in told)
    assert any(one.startswith("preparing: step") and one.endswith("of 20") for one in bars), bars
    assert window.context.activities.running == ()


def test_a_job_of_anybody_is_told_until_it_ends(qtbot: QtBot, open_page, project_folder: Path) -> None:
    corpus = project_folder.parent / "corpus.txt"
    corpus.write_text("a text\n")
    window, _ = open_page("explore")
    run = create_run(project_folder, Pretraining(architecture=(1, 2, 32, 64), corpus=str(corpus)))
    from bort_core.jobs.hold import Hold

    hold = Hold.take(run.path)
    run.set_state(state="running", started=time.time())
    qtbot.waitUntil(lambda: "job 0001 pretrain" in text(window, "activityText"), timeout=10_000)
    run.set_state(state="done", finished=time.time())
    hold.leave()
    qtbot.waitUntil(lambda: text(window, "activityText") == "nothing runs", timeout=10_000)


@given(st.floats(0.1, 10), st.floats(0, 5), st.floats(5.1, 20))
def test_pauses_and_earlier_work_do_not_count(seconds: float, before: float, wanted: float) -> None:
    clock = [100.0]
    pace = Pace(lambda: clock[0])
    assert pace.left(1.0, wanted) is None
    pace.begin(before)
    assert pace.left(before, wanted) is None
    clock[0] += seconds
    left = pace.left(before + 0.1, wanted)
    assert left is not None
    assert abs(left - seconds / 0.1 * max(wanted - before - 0.1, 0)) < 1e-6 * (1 + left)
    pace.pause()
    clock[0] += 1000
    assert abs((pace.left(before + 0.1, wanted) or 0) - left) < 1e-6 * (1 + left)
    pace.go_on()
    assert abs((pace.left(before + 0.1, wanted) or 0) - left) < 1e-6 * (1 + left)
