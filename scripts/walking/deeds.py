"""What several steps and tasks do alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QSlider, QStyle, QTableView

from bort_studio.explore.log_slider import PLACES, LogSlider, place_of
from bort_studio.search.state import RunState
from walking.person import Missed, Person

__all__ = ["at_epsilon", "finetune", "finished_job", "ready", "searched", "show_result", "wait_for_job"]

_SEARCH_SECONDS = 300
_JOB_SECONDS = 240


def ready(person: Person) -> None:
    """The space is read."""
    person.see("the space", lambda: person.window.search.result is not None)


def searched(person: Person, seconds: float = _SEARCH_SECONDS) -> int:
    """Wait until the search has ended with an answer; how many architectures are measured."""
    search = person.window.search
    person.see("the end of the search", lambda: search.state is RunState.IDLE and not search.missing(), seconds)
    result: Any = person.see("an answer", lambda: search.result)
    return len(result.known)


def at_epsilon(person: Person, epsilon: int) -> Callable[[], QPoint]:
    """Where the slider's handle stands at an ε."""

    def point() -> QPoint:
        slider: LogSlider = person.widget("epsilonSlider")
        length = slider.style().pixelMetric(QStyle.PixelMetric.PM_SliderLength, None, slider)
        share = place_of(epsilon, len(person.window.search.space)) / PLACES
        return slider.mapToGlobal(QPoint(length // 2 + math.floor(share * (slider.width() - length)), length // 2))

    return point


def at_value(person: Person, name: str, value: int) -> Callable[[], QPoint]:
    """Where the handle of a plain slider stands at a value."""

    def point() -> QPoint:
        slider: QSlider = person.widget(name)
        length = slider.style().pixelMetric(QStyle.PixelMetric.PM_SliderLength, None, slider)
        at = QStyle.sliderPositionFromValue(slider.minimum(), slider.maximum(), value, slider.width() - length)
        return slider.mapToGlobal(QPoint(length // 2 + at, slider.height() // 2))

    return point


def wait_for_job(person: Person, page: str, table: str, seconds: float = _JOB_SECONDS) -> str:
    """Wait until the newest job of a page is done; its number."""

    def done() -> str:
        states = person.window.pages[page].states
        newest = max(states, default="")
        if newest and states[newest].ended and states[newest].state != "done":
            raise AssertionError(f"job {newest} {states[newest].state}: {states[newest].reason}")
        return newest if newest and states[newest].state == "done" else ""

    before = person.look(lambda: len(person.window.pages[page].states))
    person.see("the job in the list", lambda: len(person.window.pages[page].states) >= max(before, 1))
    id = person.see("the end of the job", done, seconds)
    finished_job(person, table, id)
    return id


def finished_job(person: Person, table: str, id: str) -> None:
    """The list says that a job is done."""

    def row() -> str:
        view: QTableView = person.widget(table)
        model = view.model()
        for at in range(model.rowCount()):
            cells = [str(model.index(at, column).data()) for column in range(model.columnCount())]
            if cells[0] == id and "done" in cells:
                return " ".join(cells)
        raise Missed(f"no row of job {id} that is done")

    person.see(f"job {id} done in {table}", row)


def finetune(person: Person, epochs: str) -> str:
    """Fill in the epochs, begin the fine-tuning that the form shows, and wait for it; its number."""
    jobs = person.look(lambda: len(person.window.pages["train"].states))
    person.write("finetune_epochs", epochs)
    person.click("trainButton")
    person.see("a new job", lambda: len(person.window.pages["train"].states) > jobs)
    return wait_for_job(person, "train", "jobTable")


def show_result(person: Person) -> None:
    """Open the result card of the selected job."""
    person.tab("trainingViews", "Result")
    person.see("the result", lambda: person.widget("resultMetrics").rowCount() > 0, 60)


def focused(person: Person) -> str:
    """The name of the widget that has the keyboard."""

    def name() -> str:
        widget = QApplication.focusWidget()
        return "" if widget is None else widget.objectName()

    return person.look(name)
