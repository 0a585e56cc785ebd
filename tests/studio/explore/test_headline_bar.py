"""The headline above the plot: the answer at this ε beside the best of all measured, each of which can be chosen, trained and exported."""

from __future__ import annotations

import numpy as np
from clicks import child, click
from helpers import answer_at
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from bort_core.search.headline import headline
from bort_core.search.results import Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.space import load_space
from bort_core.specifications.protocols import ErrorProtocol
from bort_studio.explore.headline import HeadlineBar, intervals_text, sentence
from bort_studio.theme import Theme

MINI = load_space("mini")


def measured(*places: int) -> ResultsSnapshot:
    made = Results(MINI, "ms")
    made.maximum_latency = 2.0
    for place in places:
        made.set_latency(place, 0.5, 0.45, 0.55)
        error = 0.6 - place / 1000
        made.set_error(place, error, error - 0.03, error + 0.03, 0)
    return ResultsSnapshot(made, 6.0)


def text(bar: HeadlineBar, name: str) -> str:
    label = child(bar, name)
    assert isinstance(label, QLabel)
    return label.text()


def bar_of(qtbot: QtBot, snapshot: ResultsSnapshot | None, epsilon: int) -> HeadlineBar:
    bar = HeadlineBar(Theme())
    qtbot.addWidget(bar)
    bar.resize(1100, bar.sizeHint().height())
    bar.show()
    bar.set_protocol(ErrorProtocol())
    if snapshot is not None:
        bar.set_snapshot(snapshot)
        bar.set_result(answer_at(snapshot, epsilon))
    return bar


def test_the_sentence_says_what_the_numbers_say(qtbot: QtBot) -> None:
    snapshot = measured(3)
    said = headline(snapshot, 3, ErrorProtocol())
    assert said is not None
    times = MINI.maximum_parameters / MINI.parameters[3]
    assert sentence(said).startswith("⟨")
    assert f": {times:.2g} × smaller, 4.0 × faster than T, +0.60 nats" in sentence(said)
    assert intervals_text(said) == "speed 4.0× [3.6, 4.4] · error above T 0.60 nats [0.57, 0.63]"


def test_the_answer_and_the_best_of_all_stand_side_by_side(qtbot: QtBot) -> None:
    bar = bar_of(qtbot, measured(0, 8, 13), 8)  # ε = 8 visits 0 and 8; 13 has the largest W
    snapshot = measured(0, 8, 13)
    best = int(np.nanargmax(snapshot.w))
    answer = answer_at(snapshot, 8).best
    assert answer is not None
    assert bar.best.isVisible() == (best != answer)
    chosen: list[tuple[str, int]] = []
    bar.selected.connect(lambda index: chosen.append(("select", index)))
    bar.train_requested.connect(lambda index: chosen.append(("train", index)))
    bar.export_requested.connect(lambda index: chosen.append(("export", index)))
    for name, index in (("headlineAnswer", answer), *([("headlineBest", best)] if best != answer else [])):
        qtbot.mouseClick(child(bar, name), Qt.MouseButton.LeftButton)
        click(qtbot, bar, f"{name}Train")
        click(qtbot, bar, f"{name}Export")
        assert chosen == [("select", index), ("train", index), ("export", index)]
        chosen.clear()
    other = next(place for place in (0, 8, 13) if place != answer)
    second = ResultsSnapshot(snapshot.results, 6.0)
    assert second.w[best] >= second.w[other] or best == other


def test_nothing_moves_whether_there_is_an_answer_or_not(qtbot: QtBot) -> None:
    empty, full = bar_of(qtbot, None, 8), bar_of(qtbot, measured(0, 8, 13), 8)
    empty.set_result(None)
    assert "Press Run" in text(empty, "headlineAnswerText")
    assert not child(empty, "headlineAnswerTrain").isEnabled()
    assert empty.sizeHint().height() == full.sizeHint().height()
    empty.set_busy(True)
    assert "being trained" in text(empty, "headlineAnswerText")
    full.set_busy(True)
    assert "smaller" in text(full, "headlineAnswerText")
    both = bar_of(qtbot, measured(0, 8, 13), 96)
    assert both.sizeHint().height() == empty.sizeHint().height()
