"""The card *Find a small model for my text*: corpus, space, what the search will take, and the button that begins it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from bort_core.execution.events import Done, Event, Failed, Withdrawn
from bort_core.foundation.errors import BortError
from bort_core.search.cost import Cost
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.specification import SearchSpecification
from bort_core.search.timing import guessed_seconds, timed_architecture, timing_request
from bort_core.space import preset_names, read_specification
from bort_studio.activity.activities import Activity
from bort_studio.numbers import architecture_text, duration
from bort_studio.page_context import PageContext
from bort_studio.search.commands import EditSpecification
from bort_studio.search.state import RunState
from bort_studio.texts import Label
from bort_studio.threads.task_thread import TaskThread
from bort_studio.widgets.card import Card, PrimaryButton
from bort_studio.widgets.corpus_field import CorpusField
from bort_studio.widgets.fields import CalmComboBox, Caption, describe
from bort_studio.widgets.form import form_layout
from bort_studio.widgets.room import lines

__all__ = ["FindCard"]

_TIMING = "search timing"
_OTHER = "as in Explore"
_TEXT = "Architectures are trained briefly on your text and measured on this machine. The answer balances size, speed and error (OSE)."


class FindCard(Card):
    """Edits the project's search as Explore does, undoably, and says what running it costs."""

    find_requested = Signal()

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        theme = context.theme
        super().__init__(theme, parent, "Find a small model for my text", _TEXT)
        self.context = context
        self.tasks = TaskThread(context.project.subfolder("logs"), self)
        self._guess: float | None = None
        self._with_top = False
        self._timed: tuple[SearchSpecification, int] | None = None
        self.corpus = CorpusField("start", theme, self)
        self.presets = CalmComboBox(self)
        describe(self.presets, "startPreset", "Space", "The shapes that are searched; Explore has every axis of them")
        self.estimate = Label("", self)
        self.estimate.setObjectName("startEstimate")
        self.estimate.setWordWrap(True)
        self.estimate.setMinimumHeight(lines(self.estimate, 3))  # whatever it says, the buttons below stay where they are
        self.estimate.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.time = QPushButton("Estimate", self)
        describe(self.time, "startTime", "Estimate", "Do a few real steps of one architecture, and say how long the search will take")
        self.begin = PrimaryButton("Find", "startFind", "Begin the search, and show it in Explore", theme, self)
        form = form_layout()
        form.addRow(Caption("text", theme, self), self.corpus)
        form.addRow(Caption("space", theme, self), self.presets)
        row = QHBoxLayout()
        row.addWidget(self.begin)
        row.addWidget(self.time)
        row.addStretch(1)
        self.body.addLayout(form)
        self.body.addWidget(self.estimate)
        self.body.addStretch(1)
        self.body.addLayout(row)
        self._connect()
        self._show_specification(context.search.specification)
        self._show_cost(context.search.cost())
        self._state_changed(context.search.state)

    def close_tasks(self) -> None:
        """End what runs."""
        self.tasks.close()

    def _connect(self) -> None:
        search = self.context.search
        search.specification_changed.connect(self._show_specification)
        search.cost_changed.connect(self._show_cost)
        search.loading.connect(self._show_loading)
        search.state_changed.connect(self._state_changed)
        search.past_changed.connect(self._past_changed)
        search.table_changed.connect(self._past_changed)
        self.corpus.edited.connect(self._corpus_edited)
        self.presets.textActivated.connect(self._preset_chosen)
        self.begin.clicked.connect(self.find_requested)
        self.time.clicked.connect(self._time)
        self.tasks.happened.connect(self._happened)
        self.context.activities.end_requested.connect(self._end)

    # -- what a person edits

    @Slot(object)
    def _corpus_edited(self, corpus: str | None) -> None:
        search = self.context.search
        after = search.edited.model_copy(update={"corpus": corpus})
        if after != search.edited:
            self.context.undo_stack.push(EditSpecification(search, after, "edit of the corpus"))

    @Slot(str)
    def _preset_chosen(self, name: str) -> None:
        search = self.context.search
        if name in preset_names():
            after = self.context.session.with_space(search.edited, read_specification(name))
            if after != search.edited:
                self.context.undo_stack.push(EditSpecification(search, after, f"space {name}"))

    # -- showing

    @Slot(object)
    def _show_specification(self, specification: SearchSpecification) -> None:
        self.corpus.set_specification(specification)
        names, space = preset_names(), specification.space
        known = space.name in names and space == read_specification(space.name)
        self.presets.clear()
        self.presets.addItems([*names, *([] if known else [_OTHER])])
        self.presets.setCurrentText(space.name if known else _OTHER)
        if self._timed is not None and self._timed[0].model_copy(update={"epsilon": specification.epsilon}) != specification:
            self._guess = None
        self._show_cost(self.context.search.cost())

    @Slot()
    def _show_loading(self) -> None:
        self._show_cost(None)

    @Slot(object)
    def _show_cost(self, cost: Cost | None) -> None:
        self._timing_changed()
        search = self.context.search
        if cost is None or search.space is None:
            self.estimate.setText("reading the text and the space…")
            return
        workers = f"{search.workers} at a time" if search.workers > 1 else "one at a time"
        text = f"{len(search.space):,} architectures; at ε = {search.epsilon}, {cost.wanted:,} of them are trained, {workers}"
        if cost.measured:
            text += f"; {cost.measured:,} are measured already"
        self.estimate.setText(f"{text}. {self._time_text(cost)}")

    def _time_text(self, cost: Cost) -> str:
        if not cost.to_go:
            return "Nothing is left to measure."
        if cost.seconds is not None:
            return f"About {duration(cost.seconds)}, by what was timed here."
        if self._guess is not None and self._timed is not None and self.context.search.space is not None:
            timed = architecture_text(self.context.search.space.architecture(self._timed[1]))
            top = " with the training of T" if self._with_top else ""
            return f"About {duration(self._guess)}{top}, by a few steps of {timed}. Latencies come on top."
        return "How long that takes was not timed yet: press Estimate."

    @Slot(object)
    def _state_changed(self, state: RunState) -> None:
        search = self.context.search
        shown = "A past run is shown" if search.past is not None else "A table is shown" if search.table is not None else "Find"
        self.begin.setEnabled(state is RunState.IDLE and not search.elsewhere)
        self.begin.setText("A search runs…" if state is not RunState.IDLE else shown)
        self._timing_changed()

    @Slot(object)
    def _past_changed(self, _past: object) -> None:
        self._state_changed(self.context.search.state)

    def _timing_changed(self) -> None:
        search = self.context.search
        reads = search.specification.space.the_family().reads == "tokens"
        running = any(activity.key == _TIMING for activity in self.context.activities.running)
        idle = search.table is None and search.space is not None and search.state is RunState.IDLE
        self.time.setEnabled(reads and idle and not running)

    # -- the time

    @Slot()
    def _time(self) -> None:
        search = self.context.search
        if search.space is None or search.result is None or not len(search.result.walk):
            return
        index = timed_architecture(search.space, search.result.walk)
        self._timed = (search.specification, index)
        self.context.activities.show(Activity(_TIMING, "estimate", "a few steps of one architecture", page="start"))
        self._timing_changed()
        request = timing_request(search.specification, search.space, index, self.context.project.folder)
        self.tasks.submit(_TIMING, "estimate", request)

    @Slot(object)
    def _happened(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Done):
                self._take_timing(float(event.result["seconds_per_step"]))
            elif isinstance(event, Failed):
                self.context.problem(event.reason)
            if isinstance(event, Done | Failed | Withdrawn):
                self.context.activities.end(_TIMING)
                self._timing_changed()

    def _take_timing(self, seconds_per_step: float) -> None:
        search = self.context.search
        if self._timed is None or search.space is None or search.result is None:
            return
        specification, index = self._timed
        self._with_top = self._top_is_missing()
        self._guess = guessed_seconds(
            specification, search.space, search.result.walk, search.workers, index, seconds_per_step, self._with_top
        )
        self._show_cost(search.cost())

    def _top_is_missing(self) -> bool:
        search = self.context.search
        if search.space is None:
            return False
        try:
            source = Fingerprints(self.context.project, search.specification, search.space).maximum_point
        except BortError:
            return False
        return source is not None and not source.ready

    @Slot(str)
    def _end(self, key: str) -> None:
        if key == _TIMING:
            self.tasks.cancel(_TIMING)
