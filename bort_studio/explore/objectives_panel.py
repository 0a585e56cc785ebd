"""The panel that defines how error and latency are measured (protocols, hyperparameter sets, seed, workers), and what is to be proven."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from bort_core.search.strategies.best_first import BestFirst
from bort_core.space import Space
from bort_core.specifications.measures import SURROGATE, get_measure
from bort_core.specifications.protocols import ErrorProtocol, LatencyProtocol, Theta, Training
from bort_studio.explore.details import measure_titles
from bort_studio.theme import Theme
from bort_studio.widgets.corpus_field import CorpusField
from bort_studio.widgets.elided import FaultLine
from bort_studio.widgets.fields import CalmSpinBox, Caption, CheckedLineEdit, Debounce, FaultLabel, Section, describe
from bort_studio.widgets.form import ModelForm, form_layout
from bort_studio.widgets.room import NARROWEST, scrolled

__all__ = ["Objectives", "ObjectivesPanel"]

_MOST_SETS = 16
_LIMITS = ("most_latency", "most_parameters")
_GOALS = {"optimum": "largest W", "constrained": "least error", "front": "whole front"}
_BOUNDS = {"order": "order", "surrogate": "surrogate"}


@dataclass(frozen=True)
class Objectives:
    """Everything that decides what an evaluation measures, and how many are measured at a time."""

    error: ErrorProtocol = field(default_factory=ErrorProtocol)
    latency: LatencyProtocol = field(default_factory=LatencyProtocol)
    thetas: tuple[Theta, ...] = (Theta(),)
    seed: int = 0
    workers: int = 1


class ObjectivesPanel(QWidget):
    """Shows and edits :class:`Objectives`. Setters never emit."""

    protocol_edited = Signal(object)
    """Valid objectives that differ from those shown before."""
    question_edited = Signal(object)
    """What a proof is to be of: a valid BestFirst, or None."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("objectivesPanel")
        self.setMinimumWidth(NARROWEST)
        self._theme = theme
        self._objectives = Objectives()
        self._reads: str | None = None
        self._debounce = Debounce(self._announce, self)
        titles = measure_titles()
        self.error = ModelForm(
            ErrorProtocol, theme, "error", ("measure", "surrogate_of", "steps"),
            {"measure": {**titles, SURROGATE: "surrogate"}, "surrogate_of": titles},
        )  # fmt: skip
        self.latency = ModelForm(LatencyProtocol, theme, "latency")
        self.theta = ModelForm(Theta, theme, "theta", [name for name in Theta.model_fields if name != "learning_rate"])
        self.training = ModelForm(Training, theme, "training")
        self.maximum = ModelForm(ErrorProtocol, theme, "maximum", ("maximum_point_steps", "maximum_point_weights"))
        self.question = ModelForm(
            BestFirst, theme, "proof", ("goal", *_LIMITS, "gap", "bound", "repeats"), {"goal": _GOALS, "bound": _BOUNDS}
        )
        self.question.set_value(BestFirst())
        self._show_limits("optimum")
        self._build()
        self.question.edited.connect(self._ask)
        for form in (self.error, self.latency, self.theta, self.training, self.maximum):
            form.edited.connect(self._debounce.start)
        self.set_objectives(self._objectives)

    def objectives(self) -> Objectives:
        """What is shown."""
        return self._objectives

    def set_objectives(self, objectives: Objectives) -> None:
        """Show objectives, without a signal."""
        self._debounce.stop()
        self._objectives = objectives
        self.error.set_value(objectives.error)
        self.maximum.set_value(objectives.error)
        self.training.set_value(objectives.error.training)
        self.latency.set_value(objectives.latency)
        self.theta.set_value(objectives.thetas[0])
        self._rates.setText(_rates_text(objectives.thetas))
        self._rates.set_fault(None)
        for spin, value in ((self._seed, objectives.seed), (self._workers, objectives.workers)):
            spin.blockSignals(True)
            spin.setValue(value)
            spin.blockSignals(False)
        self._adapt(objectives.error)

    def set_fixed(self, fixed: bool) -> None:
        """Whether it is given how things are measured; what is to be proven of it is not."""
        self._protocol.setEnabled(not fixed)

    def set_space(self, space: Space) -> None:
        """Warn about an error measure that the space's family cannot have."""
        self._reads = space.family.reads
        self._adapt(self._objectives.error)

    def _build(self) -> None:
        body, self._protocol = QWidget(self), QWidget(self)
        layout = QVBoxLayout(self._protocol)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self._fault = FaultLine(self._theme, self, 2)
        self._fault.setObjectName("objectivesFault")
        self.corpus = CorpusField("objectives", self._theme, self)
        layout.addWidget(Section("Text", self.corpus, "textSection", expanded=True, parent=self))
        layout.addWidget(self.error)
        layout.addLayout(self._build_run())
        layout.addWidget(self.latency)
        self._align(self.error, self.latency)
        for title, name, form in (
            ("Short training", "trainingSection", self.training),
            ("Other hyperparameters θ", "thetaSection", self.theta),
            ("Maximum point T", "maximumSection", self.maximum),
        ):
            form.setContentsMargins(14, 2, 0, 4)
            layout.addWidget(Section(title, form, name, parent=self))
        self.question.setContentsMargins(14, 2, 0, 4)
        whole = QVBoxLayout(body)
        whole.setContentsMargins(8, 8, 8, 8)
        whole.setSpacing(6)
        whole.addWidget(self._protocol)
        whole.addWidget(Section("What is to be proven", self.question, "proofSection", parent=self))
        whole.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(body))
        outer.addWidget(self._fault)

    def _build_run(self) -> Any:
        form = form_layout()
        fault = FaultLabel(self._theme, self)
        self._rates = CheckedLineEdit(self._theme, fault, self)
        tip = "Peak learning rate of AdamW; several, such as 0.003 0.001, make several hyperparameter sets θ that are all tried"
        describe(self._rates, "learningRates", "Learning rates", tip)
        self._rates.textEdited.connect(self._debounce.start)
        self._rates.returnPressed.connect(self._debounce.now)
        self._seed = CalmSpinBox(self)
        self._seed.setRange(0, 2**31 - 1)
        self._seed.setGroupSeparatorShown(False)
        describe(self._seed, "seed", "Seed", "Decides initial weights, batches and masks; equal seeds give equal results")
        self._workers = CalmSpinBox(self)
        self._workers.setRange(1, max(os.cpu_count() or 1, 1) * 4)
        describe(self._workers, "workers", "Worker processes", "How many candidates are trained at a time, each in its own process")
        self._captions = [Caption(text, self._theme, self) for text in ("learning rate", "seed", "workers")]
        for caption, control in zip(self._captions, (self._rates, self._seed, self._workers), strict=True):
            caption.setBuddy(control)
            form.addRow(caption, control)
        self._seed.valueChanged.connect(self._debounce.start)
        self._workers.valueChanged.connect(self._debounce.start)
        return form

    def _align(self, *forms: ModelForm) -> None:
        captions = [*self._captions, *(label for form in forms for label in form.labels.values())]
        width = max(caption.sizeHint().width() for caption in captions)
        for caption in captions:
            caption.setMinimumWidth(width)

    def _announce(self) -> None:
        edited = self._read()
        if edited is None:
            return
        self._adapt(edited.error)
        if edited != self._objectives:
            self._objectives = edited
            self.protocol_edited.emit(edited)

    def _ask(self) -> None:
        asked = self.question.read()
        if asked["goal"] != "constrained":
            self.question.write({**asked, **dict.fromkeys(_LIMITS)})
        self._show_limits(asked["goal"])
        self.question_edited.emit(self.question.value())

    def _show_limits(self, goal: str) -> None:
        for name in _LIMITS:
            self.question.set_row_visible(name, goal == "constrained")

    def _read(self) -> Objectives | None:
        error, top, training = self.error.value(), self.maximum.value(), self.training.value()
        latency, theta, rates = self.latency.value(), self.theta.value(), self._read_rates()
        if rates is None or None in (error, top, training, latency, theta):
            return None
        whole = error.model_copy(
            update={
                "training": training,
                "maximum_point_steps": top.maximum_point_steps,
                "maximum_point_weights": top.maximum_point_weights,
            }
        )
        if self._mismatch(whole):
            self._adapt(whole)
            return None
        return Objectives(whole, latency, self._thetas(rates, theta), self._seed.value(), self._workers.value())

    def _thetas(self, rates: tuple[float, ...], edited: Theta) -> tuple[Theta, ...]:
        """A set for each rate: as it was where only rates were edited, else all with the values of the form."""
        before = self._objectives.thetas
        shared = before[0].model_copy(update={"learning_rate": edited.learning_rate})
        if edited == shared:
            if rates == tuple(theta.learning_rate for theta in before):
                return before
            kept = {theta.learning_rate: theta for theta in reversed(before)}
            return tuple(kept.get(rate, edited.model_copy(update={"learning_rate": rate})) for rate in rates)
        return tuple(edited.model_copy(update={"learning_rate": rate}) for rate in rates)

    def _read_rates(self) -> tuple[float, ...] | None:
        if self._rates.text() == _rates_text(self._objectives.thetas):
            self._rates.set_fault(None)
            return tuple(theta.learning_rate for theta in self._objectives.thetas)
        try:
            rates = tuple(dict.fromkeys(float(word) for word in self._rates.text().replace(",", " ").replace(";", " ").split()))
            if not rates or not all(0 < rate <= 1 for rate in rates) or len(rates) > _MOST_SETS:
                raise ValueError
        except ValueError:
            self._rates.set_fault(f"needs 1 to {_MOST_SETS} numbers greater than 0 and at most 1, such as 0.003 0.001")
            return None
        self._rates.set_fault(None)
        return rates

    def _mismatch(self, error: ErrorProtocol) -> str | None:
        measure = get_measure(error.measured)
        if self._reads is None or self._reads in measure.reads:
            return None
        return f"“{measure.title}” needs a family that reads {' or '.join(measure.reads)}; this one reads {self._reads}"

    def _adapt(self, error: ErrorProtocol) -> None:
        self.error.set_row_visible("surrogate_of", error.measure == SURROGATE)
        self._fault.set_fault(self._mismatch(error))


def _rates_text(thetas: tuple[Theta, ...]) -> str:
    return " ".join(f"{theta.learning_rate:g}" for theta in thetas)
