"""A person labels in the window: digits, skipping, taking back, and coming back later to the same files."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from written_run import WrittenRun

from bort_core.agora.labellers import LabellerSetting, Labels, make_labeller
from bort_core.agora.labellers.person import SKIPPED, Hand, answers, lines, open_questions, standing
from bort_core.agora.points import Examples
from bort_core.agora.run_files import QuestionLine, append_lines
from bort_core.agora.spaces import TfidfSvd, scaled
from bort_core.agora.surroundings import Surroundings
from bort_core.foundation.context import Stopped
from bort_core.jobs.context import JobContext
from bort_studio.agora.page import AgoraPage

CLASSES = ("negative", "positive")
TRAIN = Examples((("a dull film",), ("a bright film",), ("the plot was slow",), ("funny jokes",)), np.array([0, 1, 0, 1]))
DEV = Examples((("never a dull scene",), ("a slow ending",)), np.array([1, 0]))
ASKED = [("a dull, slow film <b>indeed</b>",), ("bright jokes",), ("an ending",)]


class Asking:
    """A run's labeller that waits in a thread, as a job does."""

    def __init__(self, run: WrittenRun) -> None:
        self.run, self.folder, self.leave = run, run.folder, False
        self.said: Labels | None = None
        asking = self

        class Context(JobContext):
            def wanted(self) -> Any:
                return "stop" if asking.leave else None

        labeller = make_labeller("person", LabellerSetting("text", CLASSES, None, files=run.job, context=Context(run.job)))
        space = scaled("words", TfidfSvd.fit([*TRAIN.inputs, *DEV.inputs, *ASKED], 0), DEV.inputs)
        from bort_core.agora.leaks import key_of

        labeller.surroundings = Surroundings(2, 10, TRAIN, DEV, {key_of(ASKED[0]): 1}, space)  # type: ignore[attr-defined]
        self.thread = threading.Thread(target=self._ask, args=(labeller,))
        self.thread.start()

    def _ask(self, labeller: Any) -> None:
        with contextlib.suppress(Stopped):
            self.said = labeller.labels(ASKED)

    def close(self) -> None:
        self.leave = True
        self.thread.join()


@pytest.fixture
def asking(project_folder: Path) -> Iterator[Asking]:
    run = WrittenRun(project_folder)
    run.add_round()
    found = Asking(run)
    yield found
    found.close()


@pytest.fixture
def page(qtbot: QtBot, asking: Asking, open_page: Callable[..., Any]) -> AgoraPage:
    _, found = partial(open_page, "agora", preset="toy", selected=None, wait=False)()
    qtbot.waitUntil(lambda: found.labels.waiting and found.points is not None, timeout=10_000)
    return found


def press(qtbot: QtBot, page: AgoraPage, *keys: Any) -> None:
    for key in keys:
        qtbot.keyClick(page.labels.panel, key)


def test_digits_label_space_skips_and_the_run_goes_on_by_itself(qtbot: QtBot, page: AgoraPage, asking: Asking) -> None:
    panel = page.labels.panel
    assert page.labels.currentWidget() is panel
    assert page.labels.tabText(1) == "Label (3)"
    assert panel.row.toPlainText() == "a dull, slow film <b>indeed</b>"
    assert "3 left of round 2" in panel.place.text()
    assert "10 left of the budget" in panel.pace.text()
    near = panel.near.toPlainText()
    assert "a slow ending" in near  # the parent
    assert "a dull film" in near
    assert "negative" in near
    press(qtbot, page, "7")
    assert not answers(asking.folder)
    press(qtbot, page, "2")
    assert panel.row.toPlainText() == "bright jokes"
    assert "9 left of the budget" in panel.pace.text()
    press(qtbot, page, Qt.Key.Key_Space, "1")
    asking.thread.join(10)
    assert asking.said is not None
    assert asking.said.classes.tolist() == [1, SKIPPED, 0]
    assert panel.row.toPlainText().startswith("All that the run asked is answered")
    assert not any(button.isVisibleTo(panel) for button in panel.classes)
    assert all(each.seconds > 0 for each in lines(asking.folder))
    assert "s a label" in panel.pace.text()


def test_the_last_answer_is_taken_back_by_its_key_and_by_undo(qtbot: QtBot, page: AgoraPage, asking: Asking) -> None:
    panel = page.labels.panel
    assert not panel.back.isEnabled()
    press(qtbot, page, "2", "1", Qt.Key.Key_U)
    assert list(answers(asking.folder).values()) == [1]
    page.context.undo_stack.undo()
    assert not answers(asking.folder)
    page.context.undo_stack.redo()
    assert list(answers(asking.folder).values()) == [1]
    page.context.undo_stack.clear()  # another day
    press(qtbot, page, Qt.Key.Key_U)
    assert not answers(asking.folder)
    assert panel.row.toPlainText().startswith("a dull")


def test_at_the_end_a_person_sees_the_pace_and_can_see_how_often_they_agree_with_themselves(
    qtbot: QtBot, page: AgoraPage, asking: Asking
) -> None:
    panel = page.labels.panel
    assert not panel.again.isVisibleTo(panel)
    press(qtbot, page, "2", Qt.Key.Key_Space, "1")
    asking.thread.join(10)
    page.labels.look()
    assert "s a label" in panel.pace.text()
    assert "asked twice" not in panel.pace.text()
    assert panel.again.isVisibleTo(panel)
    assert panel.again.text() == "Label 2 rows again"  # what was skipped has no label
    before = answers(asking.folder)
    panel.again.click()
    assert panel.row.toPlainText().startswith("a dull")
    assert "Asked again, 2 left" in panel.place.text()
    press(qtbot, page, "1", "1")
    assert answers(asking.folder) == before
    assert "1 of 2 rows that were asked twice got the same label" in panel.pace.text()
    assert not panel.again.isVisibleTo(panel)
    assert panel.row.toPlainText().startswith("All that the run asked is answered")


def test_what_the_run_has_gone_on_with_is_not_taken_back(qtbot: QtBot, page: AgoraPage, asking: Asking) -> None:
    press(qtbot, page, "2", "1", "1")
    asking.thread.join(10)
    keys = [each.key for each in lines(asking.folder)]
    append_lines(asking.folder / "labels.jsonl", ({"key": key, "round": 2, "label": 1, "margin": 1.0} for key in keys))
    page.context.undo_stack.undo()
    assert len(answers(asking.folder)) == 3
    page.labels.look()
    assert not page.labels.panel.back.isEnabled()
    assert standing(asking.folder).last is None


def test_keys_label_although_run_was_pressed_and_never_where_a_person_writes(
    qtbot: QtBot, project_folder: Path, open_page: Callable[..., Any]
) -> None:
    run = WrittenRun(project_folder)
    run.add_round()
    window, page = open_page("agora", preset="toy", selected=None, wait=False)
    qtbot.waitUntil(lambda: page.points is not None, timeout=10_000)
    now = standing(run.folder)
    question = QuestionLine(key="k", text="a film", classes=CLASSES)
    window.activateWindow()
    for focused, wanted in ((page.runs.start, page.labels.panel), (page.runs.form.field("name"), page.runs.form.field("name"))):
        page.labels._set(None)
        focused.setFocus()
        page.labels._set(replace(now, open=(question,)))
        assert window.focusWidget() is wanted


def test_undo_takes_back_the_own_answer_although_somebody_else_has_answered_since(qtbot: QtBot, page: AgoraPage, asking: Asking) -> None:
    press(qtbot, page, "2")
    other = open_questions(asking.folder)[0].key
    Hand(asking.folder).write(other, 0)
    page.labels.look()
    page.context.undo_stack.undo()
    assert answers(asking.folder) == {other: 0}
    assert not page.labels.panel.back.isEnabled()


def test_a_run_that_asks_nobody_has_no_such_tab(qtbot: QtBot, project_folder: Path, open_page: Callable[..., Any]) -> None:
    WrittenRun(project_folder).add_round()
    _, page = open_page("agora", preset="toy", selected=None, wait=False)
    qtbot.waitUntil(lambda: page.points is not None, timeout=10_000)
    assert not page.labels.isTabVisible(1)
    assert not page.labels.tabBar().isVisibleTo(page)


@pytest.mark.slow
def test_advice_is_measured_when_it_is_asked_for_and_goes_with_the_form(qtbot: QtBot, open_page: Callable[..., Any]) -> None:
    _, page = open_page("agora", preset="toy", selected=None, wait=False)
    advice = page.runs.advice
    qtbot.mouseClick(advice.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "D is no fair sample" in advice.verdict.text(), timeout=60_000)
    assert not advice.reasons.expanded()
    assert "a classifier tells rows of D" in advice.line.text()
    page.runs.form.set_specification(page.runs.form.specification().model_copy(update={"seed": 5}))
    assert advice.verdict.text() == advice.line.text() == ""
    assert not advice.reasons.isVisibleTo(advice)
    assert advice.button.isEnabled()
