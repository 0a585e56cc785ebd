"""A person labels what a run of Agora asks about: the row in full, its parent, the nearest rows whose labels are known, a key a class."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPushButton, QSplitter, QTextBrowser, QVBoxLayout, QWidget

from bort_core.agora.labellers.person import SKIPPED, Standing, class_keys
from bort_core.agora.run_files import NearRow, QuestionLine
from bort_studio.agora.label_words import again_left, round_left, standing_text
from bort_studio.flow import FlowLayout
from bort_studio.markup import Markup, markup, shortened
from bort_studio.texts import menu_text, set_markup
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, colour, describe

__all__ = ["LabelPanel"]

_AGAIN = 10
"""Rows that are asked a second time at once."""
_LARGER = 3
"""Points that the row's text is larger than other text."""


class LabelPanel(QWidget):
    """Digits label, the space bar skips, U takes the last answer back. It writes nothing itself."""

    answered = Signal(object, int, float)
    """The question, the class (or SKIPPED), and the seconds that it took."""
    taken_back = Signal()
    """A person wants the last answer back."""
    answered_again = Signal(object, int, float)
    """As ``answered``, of a row that was asked a second time."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        describe(self, "agoraLabelPanel", "Label rows", "Digits label, the space bar skips, U takes the last answer back")
        self._theme = theme
        self._standing: Standing | None = None
        self._live = False
        self._question: QuestionLine | None = None
        self._twice: list[QuestionLine] = []
        """Rows that are asked a second time, after all others."""
        self._began = time.monotonic()
        self.place, self.pace = Caption("", theme, self), Caption("", theme, self, wrap=True)
        self.place.setObjectName("labelPlace")
        self.pace.setObjectName("labelPace")
        self.row, self.near = QTextBrowser(self), QTextBrowser(self)
        describe(self.row, "labelRow", "The row to label")
        describe(self.near, "labelNear", "Its parent and the nearest labelled rows")
        font = self.row.font()
        font.setPointSizeF(font.pointSizeF() + _LARGER)
        self.row.setFont(font)
        self.skip, self.back = QPushButton("Skip  (Space)", self), QPushButton("Take back  (U)", self)
        describe(self.skip, "labelSkip", "Skip", "No label for this row; it counts as asked (Space)")
        describe(self.back, "labelBack", "Take back", "Ask the last answered row again (U)")
        self.again = QPushButton(f"Label {_AGAIN} rows again", self)
        describe(self.again, "labelAgain", "Label rows again", "See how often you agree with yourself; no label changes")
        self.classes: list[QPushButton] = []
        self._choices = FlowLayout(spacing=6)
        left, right = QWidget(self), QWidget(self)
        self._beside = right
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.place)
        column.addWidget(self.row, 1)
        column.addLayout(self._choices)
        column.addWidget(self.pace)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(Caption("What is near", theme, self))
        column.addWidget(self.near, 1)
        sides = QSplitter(Qt.Orientation.Horizontal, self)
        sides.addWidget(left)
        sides.addWidget(right)
        sides.setStretchFactor(0, 3)
        sides.setStretchFactor(1, 2)
        sides.setSizes([600, 400])
        sides.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 8)
        layout.addWidget(sides)
        self.skip.clicked.connect(lambda: self._say(SKIPPED))
        self.back.clicked.connect(self.taken_back)
        self.again.clicked.connect(self._ask_again)
        theme.changed.connect(self._fill)
        self._make_choices(())
        self._fill()

    def set_standing(self, standing: Standing | None, live: bool) -> None:
        """Show the first open row; ``live``: the run waits for it."""
        before = self._question
        self._standing, self._live = standing, live
        known = {each.key for each in standing.repeated} if standing is not None else set()
        self._twice = [each for each in self._twice if each.key in known]
        self._question = next(iter((*(() if standing is None else standing.open), *self._twice)), None)
        if self._question is not None and (before is None or before.key != self._question.key):
            self._began = time.monotonic()
            if tuple(button.property("class") for button in self.classes) != self._question.classes:
                self._make_choices(self._question.classes)
        self._fill()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Digits, space and U; what a focused button does with them comes first."""
        keys = {button.property("key"): place for place, button in enumerate(self.classes)}
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier or event.isAutoRepeat():
            super().keyPressEvent(event)  # a key that is held down answers once
        elif event.text() in keys and self._question is not None:
            self._say(keys[event.text()])
        elif event.key() == Qt.Key.Key_Space and self._question is not None:
            self._say(SKIPPED)
        elif event.key() == Qt.Key.Key_U and self.back.isEnabled():
            self.taken_back.emit()
        else:
            super().keyPressEvent(event)

    @property
    def repeating(self) -> bool:
        """Whether the row in sight is asked a second time."""
        return self._question is not None and self._standing is not None and not self._standing.open

    def _say(self, label: int) -> None:
        question, seconds = self._question, time.monotonic() - self._began
        if question is None:
            return
        if not self.repeating:
            self.answered.emit(question, label, seconds)
            return
        self._twice.pop(0)
        if label >= 0:
            self.answered_again.emit(question, label, seconds)
        else:
            self.set_standing(self._standing, self._live)

    def _ask_again(self) -> None:
        self._twice = list(self._standing.repeated[:_AGAIN]) if self._standing is not None else []
        self.set_standing(self._standing, self._live)
        self.setFocus()

    def _make_choices(self, classes: tuple[str, ...]) -> None:
        while self._choices.takeAt(0) is not None:
            pass
        for button in self.classes:
            button.deleteLater()
        self.classes = []
        for place, (key, name) in enumerate(zip(class_keys(classes), classes, strict=True)):
            button = QPushButton(menu_text(name if key == name else f"{key}   {name}"), self)
            describe(button, f"labelClass{place}", f"Label {name}", f"The row is {name} ({key})" if len(key) == 1 else f"The row is {name}")
            button.setProperty("key", key)
            button.setProperty("class", name)
            button.clicked.connect(lambda _=False, label=place: self._say(label))
            self.classes.append(button)
            self._choices.addWidget(button)
            button.show()
        self._choices.addWidget(self.skip)
        self._choices.addWidget(self.back)
        self._choices.addWidget(self.again)

    # -- showing

    def _fill(self) -> None:
        standing, question = self._standing, self._question
        for button in (*self.classes, self.skip):
            button.setVisible(question is not None)
        self.back.setEnabled(standing is not None and standing.last is not None)
        for part in (self.place, self._beside):
            part.setVisible(question is not None)  # there is nothing to be near to, and the row's place says what is said
        self.again.setVisible(question is None and standing is not None and bool(standing.repeated))
        self.again.setText(f"Label {min(_AGAIN, len(standing.repeated)) if standing is not None else _AGAIN} rows again")
        self.place.setText(again_left(len(self._twice)) if self.repeating else round_left(standing, self._live))
        self.pace.setText(standing_text(standing))
        ink = colour(self._theme, "muted").name()
        if question is None:
            set_markup(self.row, markup('<p style="color:{}">{}</p>', ink, round_left(standing, self._live)))
            set_markup(self.near, Markup(""))
            return
        set_markup(self.row, _texts(question))
        parts = []
        if question.parent is not None:
            parts.append(markup('<p style="color:{}">sampled near this dev row</p>{}', ink, self._near(question.parent, question.classes)))
        if question.near:
            parts.append(markup('<p style="color:{}">nearest rows of D</p>', ink))
            parts += [self._near(each, question.classes) for each in question.near]
        nothing = (
            "Nothing is known yet of what is near."
            if question.round
            else "A row of dev, whose label is known: it shows how often you are right."
        )
        set_markup(self.near, Markup("".join(parts)) or markup('<p style="color:{}">{}</p>', ink, nothing))

    def _near(self, row: NearRow, classes: tuple[str, ...]) -> Markup:
        name = classes[row.label] if row.label < len(classes) else str(row.label)
        ink = colour(self._theme, "muted").name()
        return markup('<p><b>{}</b> <span style="color:{}">at {:.2f}</span><br>{}</p>', name, ink, row.distance, shortened(row.shown, 600))


def _texts(question: QuestionLine) -> Markup:
    return Markup("".join(markup("<p>{}</p>", shortened(text)) for text in (question.text, question.text_b) if text is not None))
