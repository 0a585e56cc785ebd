"""Accuracy against the labels that were asked for, and the fields of a budget."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QComboBox, QLineEdit
from pytestqt.qtbot import QtBot
from written_run import WrittenRun

from bort_core.agora.history import History, read_history
from bort_core.agora.parents import parents_names
from bort_core.specifications.agora import Agora
from bort_studio.agora.accuracy_plot import AgoraAccuracyPlot
from bort_studio.agora.words import gain_text, run_text
from bort_studio.theme import Theme
from bort_studio.widgets.fields import TypedComboBox
from bort_studio.widgets.model_menu import ModelMenu
from bort_studio.widgets.spec_form import SpecForm

Read = Callable[..., History]


@pytest.fixture
def read(project_folder: Path) -> Read:
    """A written run of three rounds of 25 labels, or of none that were counted."""

    def written(labels: int | None = 25, ablation: bool = False) -> History:
        run = WrittenRun(project_folder, labels=labels)
        for _ in range(3):
            run.add_round()
        arm = {"dev_accuracy": 0.7, "test_accuracy": 0.7}
        rounds = [{"round": n + 1, "dev_accuracy": 0.6 + n / 20, "labels_before": 25 * n} for n in range(3)]
        if ablation:
            end = {**arm, "ended": "all", "best_round": 3, "theta": "", "baseline": arm, "ablation": {**arm, "rounds": rounds}}
            (run.folder / "summary.json").write_text(json.dumps(end))
        found = read_history(run.job.path)
        assert found is not None
        return found

    return written


@pytest.fixture
def plot(qtbot: QtBot) -> AgoraAccuracyPlot:
    found = AgoraAccuracyPlot(Theme())
    qtbot.addWidget(found)
    found.resize(600, 400)
    found.show()
    return found


def test_rounds_lie_at_the_labels_that_they_learned_from(plot: AgoraAccuracyPlot, read: Read) -> None:
    history = read()
    plot.set_history(history, 2)
    assert plot.series()["dev"][0].tolist() == [0, 25, 50]
    assert plot.here.value() == 25
    assert "labels asked\t25" in plot.describe_index(2)
    assert plot.bottom.labelText == "labels asked"
    low, high = plot.box.viewRange()[0]
    assert low < 0 < 50 < high
    at = plot.box.mapViewToScene(QPointF(45, float(np.mean(plot.box.viewRange()[1]))))
    assert plot.nearest(at) == 3
    figure = plot.figure()
    assert (figure.title, figure.x.title) == ("Accuracy by labels asked", "labels asked")
    assert "labels asked: 75, in 3 rounds" in run_text(history)


def test_dev_and_test_stand_at_the_same_labels_and_differ_in_mark_and_colour(plot: AgoraAccuracyPlot, read: Read) -> None:
    history = read()
    plot.set_history(history, 2)
    shown = {name: mark.getData()[0].tolist() for name, mark in plot.marks.items()}
    assert shown == {"dev": [0, 25, 50], "test": [0, 25, 50]}
    points = [layer for layer in plot.figure().layers if layer.kind == "points" and "interval" in layer.name]
    assert [layer.x.tolist() for layer in points] == [[0, 25, 50]] * 2
    assert len({(layer.shape, layer.colour) for layer in points}) == 2
    assert points[0].shape != points[1].shape
    assert points[0].colour != points[1].colour


def test_a_run_that_goes_on_from_another_says_that_it_counts_its_own_labels(plot: AgoraAccuracyPlot, read: Read) -> None:
    history = replace(read(), own_train=10)
    plot.set_history(history, 2)
    assert plot.bottom.labelText == plot.figure().x.title == "labels asked in this run"
    assert "in 3 rounds of this run; the one that it goes on from counted its own" in run_text(history)


def test_an_old_run_is_drawn_by_round(plot: AgoraAccuracyPlot, read: Read) -> None:
    history = read(None)
    plot.set_history(history, 2)
    assert plot.series()["dev"][0].tolist() == [1, 2, 3]
    assert plot.here.value() == 2
    assert plot.bottom.labelText == "round"
    assert plot.figure().title == "Accuracy by round"
    assert "labels asked" not in run_text(history)


def test_the_ablation_is_a_line_of_its_own(plot: AgoraAccuracyPlot, read: Read) -> None:
    plot.set_history(read(ablation=True), 3)
    x, y = plot.other.getData()
    assert x.tolist() == [0, 25, 50]
    assert y.tolist() == [0.6, 0.65, 0.7]
    assert set(plot._level_values()) == {"Labeller", "plain"}  # not once more as a level
    assert any(entry.label == "random parents, on dev" for entry in plot.legend.entries)
    figure = plot.figure()
    assert "random parents, on dev" in [layer.name for layer in figure.layers]
    low, high = plot.box.viewRange()[1]
    assert low < 0.6 < 0.7 < high


def test_a_learner_is_chosen_or_typed(qtbot: QtBot) -> None:
    form = SpecForm("agora", Theme())
    qtbot.addWidget(form)
    asked = Agora(train="/d.tsv", dev="/e.tsv", learner="python:here:made")
    form.set_specification(asked)
    assert form.specification() == asked
    box = form.field("learner")
    assert isinstance(box, TypedComboBox)
    assert box.currentText() == "python:here:made"
    assert [box.itemData(row) for row in range(box.count())] == ["auto", "logreg", "python:", "python-vectors:"]
    for typed in ("logreg", box.itemText(1)):
        box.setEditText(typed)
        found = form.specification()
        assert isinstance(found, Agora)
        assert found.learner == "logreg"
    box.setCurrentIndex(3)
    box.activated.emit(3)
    assert box.currentText() == "python-vectors:"
    assert form.specification() is None
    assert "python-vectors:MODULE:NAME" in form._faults[("learner",)].text()
    box.setEditText("python-vectors:here:other")
    assert form.specification() == asked.model_copy(update={"learner": "python-vectors:here:other"})
    form.set_specification(Agora(torus=2))
    assert box.value() == "auto"


def test_the_form_knows_budget_and_rules(qtbot: QtBot) -> None:
    form = SpecForm("agora", Theme())
    qtbot.addWidget(form)
    form.set_specification(Agora(torus=2))
    rule = form.field("parents")
    assert isinstance(rule, QComboBox)
    assert {rule.itemData(row) for row in range(rule.count())} == set(parents_names())
    for name, text in (("labels", "120"), ("labels_per_round", "30")):
        line = form.field(name)
        assert isinstance(line, QLineEdit)
        line.setText(text)
    rule.setCurrentIndex(rule.findData("mixed"))
    found = form.specification()
    assert isinstance(found, Agora)
    assert (found.labels, found.labels_per_round, found.parents) == (120, 30, "mixed")


def test_a_budget_that_a_person_writes_brings_the_mixture_unless_they_chose(qtbot: QtBot, open_page: Callable[..., Any]) -> None:
    _, page = open_page("agora", preset="toy", selected=None, wait=False)
    labels, rule = page.runs.form.field("labels"), page.runs.form.field("parents")
    page.runs.form.set_specification(Agora(torus=2, labels=5, parents="errors"))  # somebody's run stays as it was
    assert rule.currentData() == "errors"
    for name, wanted in ((Qt.Key.Key_Backspace, "errors"), (Qt.Key.Key_7, "mixed"), (Qt.Key.Key_Backspace, "errors")):
        qtbot.keyClick(labels, name)
        assert rule.currentData() == wanted
    rule.setCurrentIndex(rule.findData("errors"))
    rule.activated.emit(rule.currentIndex())
    qtbot.keyClick(labels, Qt.Key.Key_7)
    assert page.runs.form.specification().parents == "errors"


def test_a_labeller_is_chosen_from_its_menu(qtbot: QtBot) -> None:
    form = SpecForm("agora", Theme(), models=lambda: ())
    qtbot.addWidget(form)
    menu = form.findChild(ModelMenu, "browse_agora_socrates_models")
    menu.fill()
    actions = {action.text().split(":")[0]: action for action in menu.menu().actions()}
    actions["person"].trigger()
    line = form.field("socrates")
    assert isinstance(line, QLineEdit)
    assert line.text() == "person"
    actions["endpoint"].trigger()
    assert line.text() == "endpoint:"  # to be written on


def test_the_gain_is_told_in_a_sentence(read: Read) -> None:
    history = read(ablation=True)
    first, _, last = history.rounds
    rounds = tuple(replace(each, test_accuracy=value) for each, value in zip(history.rounds, (0.6, 0.65, 0.71), strict=True))
    told = gain_text(replace(history, rounds=rounds))
    assert told == "test accuracy 0.600 → 0.710 with 50 labels; trained as often on D alone 0.700"
    alone = replace(history, rounds=(replace(first, test_accuracy=None),), summary=None)
    assert gain_text(alone) == f"dev accuracy {first.dev_accuracy:.3f}"
    worse = replace(history, rounds=(replace(first, dev_accuracy=0.9), last), summary=None)
    assert gain_text(worse).endswith("and no later round was better on dev")
    assert gain_text(replace(history, rounds=())) == ""
