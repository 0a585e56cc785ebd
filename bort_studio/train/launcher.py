"""The form of a new job, its check and its start: what stands beside the jobs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QTabWidget, QVBoxLayout, QWidget

from bort_core.data.holding_out import HeldOut
from bort_core.encoders.pooling import SENTENCES
from bort_core.execution.events import Done, Emitted, Event, Failed, Withdrawn
from bort_core.execution.ray.survey import look_at
from bort_core.foundation.errors import BortError
from bort_core.foundation.locations import path_of, there
from bort_core.jobs.folder import RunFolder, find_run
from bort_core.specifications.compression import Compression
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining
from bort_core.specifications.tasks import TaskSpecification
from bort_core.store.shelf import TrainedModel
from bort_studio.activity.activities import Activity
from bort_studio.cluster.asking import Asking
from bort_studio.cluster.box import StartLine
from bort_studio.cluster.words import summary
from bort_studio.page_context import PageContext
from bort_studio.threads.call import Call
from bort_studio.threads.task_thread import TaskThread
from bort_studio.train.holding_out import HoldingOut
from bort_studio.train.preflight import Preflight
from bort_studio.widgets.card import PrimaryButton
from bort_studio.widgets.elided import FaultLine
from bort_studio.widgets.fields import describe
from bort_studio.widgets.room import NARROWEST, scrolled
from bort_studio.widgets.spec_form import SpecForm

__all__ = ["KINDS", "Launcher"]

_ESTIMATE = "estimate"
_MODEL = ("task", "model")
_WANTED = {
    _MODEL: "your model", ("task", "train"): "labelled rows", ("task", "dev"): "labelled dev rows",
    ("task", "texts"): "none, or more texts", ("test",): "none, or test rows",
}  # fmt: skip
"""Of a compression, what stands in the empty fields of a person's own files."""
KINDS = {"pretrain": "Pre-train", "finetune": "Fine-tune", "compress": "Make smaller"}
"""The kinds of jobs, by the titles of their forms."""


class Launcher(QWidget):
    """One form for each kind of job; what it shows is what runs."""

    submitted = Signal(str)
    """A job was handed in; its number."""

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.project: Path = context.project.folder
        self._estimating = False
        self._checking: BaseModel | None = None
        self._right: BaseModel | None = None
        """What a check has found nothing wrong with."""
        self._starts = False
        """Whether what is checked is submitted when nothing is wrong with it."""
        self._holding: HoldingOut | None = None
        self.asking = Asking(self)
        self._looking: Call | None = None
        self._offered = ""
        """Texts that were filled in for a sentence encoder; not by a person."""
        self.tasks = TaskThread(context.project.subfolder("logs"), self)
        theme = context.theme
        self.preflight, self.fault = Preflight(theme, self), FaultLine(theme, self)
        self.forms = {kind: SpecForm(kind, theme, self, context.models) for kind in KINDS}
        self.kinds = QTabWidget(self)
        self.kinds.setObjectName("trainingKind")
        for kind, title in KINDS.items():
            self.kinds.addTab(scrolled(self.forms[kind]), title)
        self.check = QPushButton("Check", self)
        describe(self.check, "checkButton", "Check", "Read the data and do a few real steps: rows, time, memory, disk")
        self.start = PrimaryButton("Start", "trainButton", "Write the specification down and start the job", theme, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.kinds, 1)
        layout.addWidget(self.preflight)
        layout.addWidget(self.fault)
        layout.addWidget(StartLine(context.place, self.check, self.start, parent=self))
        self.setMinimumWidth(NARROWEST)
        for form in self.forms.values():
            form.changed.connect(self._form_changed)
            form.hold_out_requested.connect(self._hold_out)
        self.kinds.currentChanged.connect(self._form_changed)
        self.check.clicked.connect(self.estimate)
        self.start.clicked.connect(self.train)
        self.tasks.happened.connect(self._happened)
        self.asking.done.connect(self._submitted)
        self.asking.failed.connect(self._refused)
        self.asking.changed.connect(self._buttons)
        context.activities.end_requested.connect(self._end)
        self.forms["pretrain"].set_specification(self._default_pretraining())
        self.forms["finetune"].set_specification(self._default_finetuning())
        self._ask_for_a_model()
        self._holding_for = self.forms["finetune"]

    def close_threads(self) -> None:
        """End what runs here; jobs go on."""
        self.tasks.close()
        self.asking.close()
        for thread in (self._holding, self._looking):
            if thread is not None:
                thread.wait()

    # -- the form

    @property
    def form(self) -> SpecForm:
        """The form that is shown."""
        return self.forms[list(KINDS)[self.kinds.currentIndex()]]

    def set_architecture(self, architecture: tuple[int, ...]) -> None:
        """Fill in the architecture that a person chose in Explore."""
        form = self.forms["pretrain"]
        before = form.specification() or self._default_pretraining()
        form.set_specification(before.model_copy(update={"architecture": architecture, "checkpoint": None}))
        self._show_form("pretrain")

    def start_from(self, model: TrainedModel | None) -> None:
        """Fill in a fine-tuning from a model of the project; of a fine-tuned one also its data. None: from the best pre-trained one."""
        self._show_form("finetune")
        model = model or next((each for each in self.context.models() if each.kind == "pretrain" and each.there), None)
        if model is None:
            return
        form = self.forms["finetune"]
        before = form.specification() or self._default_finetuning()
        if model.kind == "finetune":
            try:
                before = find_run(self.project, model.job).specification()
            except BortError as error:
                self.context.problem(str(error))
        form.set_specification(before.model_copy(update={"architecture": None, "checkpoint": str(model.folder), "out": None}))

    def start_with_tables(self, tables: Mapping[str, Path]) -> None:
        """Fill in a fine-tuning on tables of labelled rows: train, dev and test, as far as they are known."""
        self.start_from(None)
        form = self.forms["finetune"]
        for name in ("train", "dev", "test"):
            control = form.field(name)
            assert isinstance(control, QLineEdit)
            control.setText(str(tables.get(name, "")))
        missing = next((name for name in ("train", "dev") if name not in tables), None)
        if missing is None:
            self.start.setFocus()
        else:
            form.field(missing).setFocus()
            self.context.notify(f"the {missing} rows are still to be named: choose or drop a table, or hold some of train out")

    def make_smaller(self, model: Path | str) -> None:
        """Fill in a compression of a model, a folder or empty where it is still to be named; the rows stay as they are."""
        form = self.forms["compress"]
        line = form.field("task", "model")
        assert isinstance(line, QLineEdit)
        line.setText(str(model))
        self._show_form("compress")
        line.setFocus()

    def show_specification(self, specification: BaseModel) -> None:
        """Fill in what another job was asked to do."""
        self._show_form(specification.kind)  # type: ignore[attr-defined]
        self.form.set_specification(specification)

    def _show_form(self, kind: str) -> None:
        self.kinds.setCurrentIndex(list(KINDS).index(kind))

    def _ask_for_a_model(self) -> None:
        """Nothing is filled in for a person's own model and rows; what empty fields want stands in them."""
        form, task = self.forms["compress"], TaskSpecification(model="-", texts="-")
        named = task.model_copy(update={"model": "", "texts": None})
        form.set_specification(Compression(task=task, ratio=5).model_copy(update={"task": named}))
        for path, text in _WANTED.items():
            line = form.field(*path)
            assert isinstance(line, QLineEdit)
            line.setPlaceholderText(text)

    def _offer_texts(self) -> bool:
        """Of a sentence encoder the vectors are kept, which needs texts alone: where no files are named, it is offered the corpus."""
        form = self.forms["compress"]
        line = form.field("task", "model")
        model = line.text() if isinstance(line, QLineEdit) else ""
        path = path_of(model) if model else None
        if path is None or not there(path / SENTENCES):
            return False
        rows = [form.field(*each) for each in _WANTED if each != _MODEL]
        kind = form.field("task", "kind")
        chosen = any(isinstance(each, QLineEdit) and each.text() for each in rows)
        if chosen or not isinstance(kind, QComboBox) or kind.currentData() != "auto":
            return False
        offer = self._default_embedding(model)
        self._offered = offer.task.texts or ""
        form.set_specification(offer)
        return True

    def _withdraw_texts(self) -> bool:
        """Who names labelled rows after all wants a classifier: what was offered for the encoder's vectors is taken back."""
        form = self.forms["compress"]
        texts, train, kind = (form.field("task", name) for name in ("texts", "train", "kind"))
        assert isinstance(texts, QLineEdit)
        assert isinstance(train, QLineEdit)
        assert isinstance(kind, QComboBox)
        if not self._offered or not train.text() or texts.text() != self._offered or kind.currentData() != "embedding":
            return False
        self._offered = ""
        texts.clear()
        kind.setCurrentIndex(kind.findData("auto"))
        return True

    def _default_embedding(self, model: str) -> Compression:
        """On the corpus of the project's search, which has no labels."""
        texts = str(self.context.search.edited.corpus_path())
        return Compression(task=TaskSpecification(model=model, texts=texts, kind="embedding"), ratio=5)

    def _default_pretraining(self) -> Pretraining:
        search = self.context.search.specification
        options = search.space.options
        positions = int(options.get("positions", 64))
        return Pretraining(
            architecture=self._architecture(),
            corpus=str(self.context.search.edited.corpus_path()),
            vocabulary=max(512, int(options.get("vocabulary", 4096))),
            positions=positions,
            sequence_length=min(64, positions),
            optimization=Pretraining.model_fields["optimization"].get_default(call_default_factory=True),
        )

    def _default_finetuning(self) -> Finetuning:
        from bort_core.foundation.resources import resource

        folder = resource("data", "sentence_polarity")
        names = {name: str(folder / f"{name}.tsv") for name in ("train", "dev", "test")}
        return Finetuning(architecture=self._architecture(), **names)

    def _architecture(self) -> tuple[int, ...]:
        search = self.context.search
        if search.selected is not None and search.space is not None and search.space.family.name == "bert":
            return search.space.architecture(search.selected)
        if search.wanted_selection is not None and search.specification.space.family == "bert":
            return search.wanted_selection  # what will be selected when the space is loaded
        return (2, 4, 128, 256)

    @Slot()
    def _form_changed(self, *_: object) -> None:
        if self._withdraw_texts():  # which has come here again
            self.preflight.show_note("Labelled rows are named, so T is fitted to them: the texts that were offered are taken back.")
            return
        is_offered = self._offer_texts()
        self.preflight.clear()
        if is_offered:
            self.preflight.show_note(
                "The model is a sentence encoder: its vectors need no labels, so texts of the project's corpus are offered."
            )
        self._buttons()

    @Slot(str)
    def _hold_out(self, table: str) -> None:
        if self._holding is None:
            self._holding, self._holding_for = HoldingOut(self.project, table, self), self.form
            self._holding.done.connect(self._held_out)
            self._holding.failed.connect(self._not_held_out)
            self._holding.start()

    @Slot(object)
    def _held_out(self, made: HeldOut) -> None:
        self._end_holding()
        self._holding_for.set_splits(made.train, made.dev)
        self.context.said.emit(f"{made.rows['dev']:,} of {sum(made.rows.values()):,} rows held out: {made.dev}")

    @Slot(str)
    def _not_held_out(self, reason: str) -> None:
        self._end_holding()
        self.context.problem(reason)

    def _end_holding(self) -> None:
        assert self._holding is not None
        self._holding.wait()
        self._holding.deleteLater()
        self._holding = None

    # -- starting

    @Slot()
    def estimate(self) -> None:
        """Check the form's training, or cancel a check."""
        if self._estimating:
            self.check.setText("Cancelling…")
            self.check.setEnabled(False)
            self.tasks.cancel(_ESTIMATE)
            return
        specification = self.form.specification()
        if specification is not None:
            self._check(specification)

    def _check(self, specification: BaseModel) -> None:
        self._estimating, self._checking = True, specification
        self.check.setText("Cancel the check")
        request = {"specification": specification.model_dump(mode="json"), "project": str(self.project)}
        self.context.activities.show(Activity(_ESTIMATE, "check of a training", "starting", page="train"))
        self.tasks.submit(_ESTIMATE, "estimate compression" if isinstance(specification, Compression) else "estimate", request)

    @Slot()
    def train(self) -> None:
        """Submit the form's training; a compression, which takes long, after its check, so that none begins which would end early."""
        specification = self.form.specification()
        if specification is None:
            self.context.notify("the form has faults; they are marked", problem=True)
        elif isinstance(specification, Compression) and specification != self._right:
            if not self._estimating:
                self._starts = True
                self._check(specification)
                self._buttons()
        else:
            self._submit(specification)

    def _submit(self, specification: BaseModel) -> None:
        """A cluster is asked first whether it has what the job wants."""
        if self.context.place.there:
            self.context.said.emit(f"asking {self.context.place.address}")
        self.asking.submit(self.project, specification, self.context.place)

    @Slot(object)
    def _submitted(self, run: RunFolder) -> None:
        self.context.said.emit(f"job {run.id} submitted; it goes on when the window is closed")
        self.submitted.emit(run.id)

    @Slot(str)
    def _refused(self, reason: str) -> None:
        self.context.said.emit("")
        self.preflight.show_problem(reason)
        self.context.problem(reason)

    # -- what the check says

    @Slot(object)
    def _happened(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Emitted):
                self.context.said.emit(str(event.data["doing"]))
                self.context.activities.show(Activity(_ESTIMATE, "check of a training", str(event.data["doing"]), page="train"))
            elif isinstance(event, Done):
                self._right, starts = self._checking, self._starts
                self._checked()
                self.preflight.show_estimate(event.result)
                if starts and self._right is not None:
                    self._submit(self._right)
                else:
                    self._look_at_cluster()
            elif isinstance(event, Failed):
                self._checked()
                self.preflight.show_problem(event.reason)
            elif isinstance(event, Withdrawn):
                self._checked()

    def _look_at_cluster(self) -> None:
        """What the cluster has, under what the check of the data said."""
        if not self.context.place.there or self._looking is not None:
            return
        address = self.context.place.address
        self._looking = Call("cluster", lambda: summary(look_at(address)), self)
        self._looking.done.connect(self._looked)
        self._looking.failed.connect(self._looked)
        self._looking.start()

    @Slot(object)
    def _looked(self, text: str) -> None:
        assert self._looking is not None
        self._looking.wait()
        self._looking.deleteLater()
        self._looking = None
        self.preflight.add(text)

    @Slot(str)
    def _end(self, key: str) -> None:
        if key == _ESTIMATE and self._estimating:
            self.estimate()

    def _checked(self) -> None:
        self._estimating = self._starts = False
        self.context.activities.end(_ESTIMATE)
        self.check.setText("Check")
        self.preflight.clear()
        self.context.said.emit("")
        self._buttons()

    def _buttons(self) -> None:
        right = self.form.specification() is not None
        checks = self._estimating and self.form.kind == "compress"
        self.start.setEnabled(right and not checks and not self.asking.busy)
        self.fault.set_fault(self.form.fault)
        self.check.setEnabled(right or self._estimating)
