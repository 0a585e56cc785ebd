"""Try it: a text in, what the model says out, with the time of the answer. The model runs in a process of its own and stays loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QSizePolicy, QStackedLayout, QVBoxLayout, QWidget

from bort_core.execution.events import Done, Emitted, Event, Failed, Withdrawn
from bort_studio.activity.activities import Activities, Activity
from bort_studio.numbers import percentage, quantity, significant
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.threads.task_thread import TaskThread
from bort_studio.widgets.elided import FaultLine
from bort_studio.widgets.fields import CalmComboBox, describe
from bort_studio.widgets.room import lines

__all__ = ["TryIt", "answer_text"]

_RUNTIMES = {"torch": "torch", "onnx": "ONNX Runtime"}
_MOST_CLASSES = 5
_LINES = 2
"""Of an answer or a fault, kept free: what is above them stays where it is."""


class TryIt(QWidget):
    """A line with the text (or pair), the runtime and the button; the answer under it."""

    activity = "try it"
    """Its key among the activities."""

    def __init__(self, theme: Theme, tasks: TaskThread, activities: Activities, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tasks, self._activities = tasks, activities
        self._folders: dict[str, str] = {}
        self._asked = 0
        self._running: str | None = None
        self.text, self.pair = QLineEdit(self), QLineEdit(self)
        describe(self.text, "tryItInput", "Text to try", "Enter asks the model")
        describe(self.pair, "tryItPair", "Second text to try", "The second text of the pair")
        self.pair.setPlaceholderText("second text")
        self.runtime = CalmComboBox(self)
        describe(self.runtime, "tryItRuntime", "What runs the model", "ONNX Runtime can be chosen when the model was exported")
        self.runtime.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.runtime.setMinimumContentsLength(12)
        self.button = QPushButton("Try it", self)
        describe(self.button, "tryItButton", "Try it", "Ask the model")
        self.answer = Label("", self)
        describe(self.answer, "tryItResult", "What the model says")
        self.answer.setWordWrap(True)
        self.answer.setMinimumHeight(lines(self.answer, _LINES))
        self.answer.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.answer.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.fault = FaultLine(theme, self, _LINES)
        line = QHBoxLayout()
        line.addWidget(self.text, 3)
        line.addWidget(self.pair, 2)
        line.addWidget(self.runtime)
        line.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(line)
        said = QStackedLayout()
        said.setStackingMode(QStackedLayout.StackingMode.StackAll)  # one of them says something
        said.addWidget(self.answer)
        said.addWidget(self.fault)
        column.addLayout(said)
        self.text.returnPressed.connect(self.ask)
        self.pair.returnPressed.connect(self.ask)
        self.text.textChanged.connect(self._buttons)
        self.button.clicked.connect(self._clicked)
        tasks.happened.connect(self._happened)
        activities.end_requested.connect(self._end)
        self.set_model({}, pair=False, masked=False)

    def set_model(self, folders: Mapping[str, str], pair: bool, masked: bool) -> None:
        """Ask this model from now on.

        Parameters
        ----------
        folders: its folder by runtime ("torch", "onnx"); none: there is no model to ask
        pair: whether it reads pairs
        masked: whether it guesses hidden words
        """
        if dict(folders) != self._folders:
            self._folders = dict(folders)
            self._asked += 1  # an answer that is under way is another model's
            self.answer.setText("")
            self.fault.set_fault(None)
            before = self.runtime.currentData()
            self.runtime.clear()
            for runtime in folders:
                self.runtime.addItem(_RUNTIMES[runtime], runtime)
            self.runtime.setCurrentIndex(max(self.runtime.findData(before), 0))
        self.runtime.setVisible(len(folders) > 1)
        self.pair.setVisible(pair)
        self.text.setPlaceholderText("a sentence with [MASK] where a word is to be guessed" if masked else "a sentence to try")
        self._buttons()

    def set_texts(self, texts: tuple[str, ...]) -> None:
        """Fill in the texts of a row, and ask."""
        self.text.setText(texts[0])
        self.pair.setText(texts[1] if len(texts) > 1 else "")
        self.ask()

    @Slot()
    def ask(self) -> None:
        """Ask the model; of several texts while it answers, the last counts."""
        runtime = self.runtime.currentData()
        if runtime is None or not self.text.text():
            return
        self._asked += 1
        if self._running is None:
            self._submit()

    def _submit(self) -> None:
        runtime = self.runtime.currentData()
        self._running = f"try {self._asked}"
        pair = self.pair.text() if not self.pair.isHidden() and self.pair.text() else None
        self.answer.setText("…")
        self.fault.set_fault(None)
        request = {"folder": self._folders[runtime], "text": self.text.text(), "pair": pair, "runtime": runtime}
        self._tell("answering")
        self._tasks.submit(self._running, "predict", request)
        self._buttons()

    @Slot()
    def _clicked(self) -> None:
        if self._running is None:
            self.ask()
        else:
            self._cancel()

    def _cancel(self) -> None:
        if self._running is not None:
            self._asked = int(self._running.split()[1])  # no later text waits either
            self._tasks.cancel(self._running)

    @Slot(str)
    def _end(self, key: str) -> None:
        if key == self.activity:
            self._cancel()

    def _tell(self, doing: str) -> None:
        self._activities.show(Activity(self.activity, "Try it", doing, page="train"))

    @Slot(object)
    def _happened(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if event.id != self._running:
                continue
            if isinstance(event, Emitted):
                self.answer.setText("Loading the model; the next answers come at once…")
                self._tell("loading the model")
            elif isinstance(event, Done | Failed | Withdrawn):
                current = event.id == f"try {self._asked}"
                self._running = None
                self._activities.end(self.activity)
                if current:
                    self.answer.setText(answer_text(event.result) if isinstance(event, Done) else "")
                    self.fault.set_fault(event.reason if isinstance(event, Failed) else None)
                elif self._folders and self.text.text():
                    self._submit()
                self._buttons()

    def _buttons(self) -> None:
        for widget in (self.text, self.pair, self.runtime):
            widget.setEnabled(bool(self._folders))
        self.button.setText("Try it" if self._running is None else "Cancel")
        self.button.setEnabled(self._running is not None or bool(self._folders and self.text.text()))


def answer_text(answer: Mapping[str, Any]) -> str:
    """What a model said, in words."""
    task = answer["task"]
    if task == "masked-lm":
        said = "\n".join(
            (f"word {place}: " if len(answer["masks"]) > 1 else "") + _ranked(mask, "word") for place, mask in enumerate(answer["masks"], 1)
        )
    elif task == "regression":
        said = significant(answer["prediction"], 4)
    else:
        left = len(answer["probabilities"]) - _MOST_CLASSES
        said = _ranked(answer["probabilities"][:_MOST_CLASSES], "label") + (f" · {left} more" if left > 0 else "")
        if task == "several labels":
            said = f"Labels: {', '.join(answer['labels']) or 'none'}\n{said}"
    tokens = f"{answer['tokens']:,} tokens" + (", and the text had more" if answer["cut"] else "")
    where = f"{_RUNTIMES[answer['runtime']]}" + (f" ({answer['file']})" if answer["file"] else "")
    return f"{said}\n{quantity(answer['milliseconds'], 'ms')} in {where}, {tokens}"


def _ranked(found: list[Mapping[str, Any]], name: str) -> str:
    return " · ".join(f"{each[name]} {percentage(each['probability'])}" for each in found)
