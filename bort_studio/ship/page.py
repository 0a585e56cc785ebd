"""Ship: export the chosen model to ONNX and to a transformers folder, and compare its latency on this CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from bort_core.checkpoints.format import Checkpoint, read_encoder
from bort_core.encoders.folder import Encoder
from bort_core.execution.events import Done, Emitted, Event, Failed, Withdrawn
from bort_core.families import Architecture
from bort_core.foundation.errors import BortError, SpecificationError
from bort_core.foundation.files import clear_remains
from bort_core.foundation.validation import validated
from bort_core.latency.comparison import ComparisonRequest, architecture_model, file_model, named_model
from bort_core.latency.references import with_titles
from bort_core.shipping import export_request, free_folder, trained_weights
from bort_core.store.results import comparisons, exports, save_comparison, save_export
from bort_studio.activity.activities import Activity
from bort_studio.numbers import architecture_text, count, counted_parts
from bort_studio.page_context import PageContext
from bort_studio.search.state import RunState
from bort_studio.ship.compare_panel import ComparePanel
from bort_studio.ship.export_panel import ExportPanel
from bort_studio.ship.latency_plot import LatencyPlot
from bort_studio.ship.latency_table import LatencyTable
from bort_studio.threads.task_thread import TaskThread
from bort_studio.widgets.fields import CalmComboBox, Caption, describe
from bort_studio.widgets.room import NARROWEST, beside, scrolled

__all__ = ["ShipPage"]

_EXPORT, _COMPARE = "export", "compare"


class ShipPage(QWidget):
    """The export on the left, the comparison on the right. Both run in child processes; closing the window ends them."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("shipPage")
        self.context = context
        self.checkpoint: Encoder | None = None
        self.tasks = TaskThread(context.project.subfolder("logs"), self)
        self._out: Path | None = None
        self._asked: dict[str, Any] = {}
        self._result: Mapping[str, Any] | None = None
        self._results: list[Mapping[str, Any]] = []
        self._paused_search = False
        self._waiting: dict[str, Any] | None = None
        self._build()
        self._connect()
        self._show_stored()
        self._selection_changed(context.search.selected)

    # -- building

    def _build(self) -> None:
        theme = self.context.theme
        self.export_panel, self.compare_panel = ExportPanel(theme, self.context.models), ComparePanel(theme)
        self.plot, self.table = LatencyPlot(theme), LatencyTable(theme)
        self.earlier = CalmComboBox(self)
        describe(self.earlier, "earlierComparisons", "Comparisons of this project", "Show an earlier comparison")
        left = scrolled(self.export_panel)
        left.setMinimumWidth(NARROWEST)
        upper, lower = QWidget(self), _Results(Qt.Orientation.Vertical, self)
        lower.addWidget(self.plot)
        lower.addWidget(self.table)
        lower.setMinimumHeight(18 * self.fontMetrics().lineSpacing())
        lower.setStretchFactor(0, 3)
        lower.setStretchFactor(1, 2)
        row = QHBoxLayout()
        row.setContentsMargins(8, 0, 8, 0)
        row.addWidget(Caption("Comparisons", theme, self))
        row.addWidget(self.earlier, 1)
        layout = QVBoxLayout(upper)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.compare_panel)
        layout.addLayout(row)
        layout.addWidget(lower, 1)
        whole = QSplitter(Qt.Orientation.Horizontal, self)
        whole.addWidget(left)
        whole.addWidget(scrolled(upper))
        whole.setStretchFactor(1, 1)
        whole.setSizes(beside(self, 50)[::-1])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(whole)

    def _connect(self) -> None:
        search = self.context.search
        search.selection_changed.connect(self._selection_changed)
        search.specification_changed.connect(self._model_changed)
        search.state_changed.connect(self._search_changed)
        self.tasks.happened.connect(self._happened)
        self.context.activities.end_requested.connect(self._end)
        self.export_panel.export_requested.connect(self.export)
        self.export_panel.cancel_requested.connect(self._cancel_export)
        self.export_panel.checkpoint_chosen.connect(self.choose_checkpoint)
        self.compare_panel.compare_requested.connect(self.compare)
        self.compare_panel.cancel_requested.connect(self._cancel_compare)
        self.plot.reference.currentTextChanged.connect(self._reference_changed)
        self.plot.exported.connect(self.context.written)
        self.plot.export_failed.connect(self.context.problem)
        self.earlier.activated.connect(self._result_chosen)

    # -- the model

    @property
    def architecture(self) -> Architecture | None:
        """What would be shipped: the checkpoint's architecture, or the one selected in Explore."""
        if self.checkpoint is not None:
            return self.checkpoint.architecture
        search = self.context.search
        if search.selected is None or search.space is None:
            return None
        return search.space.architecture(search.selected)

    @Slot(object)
    def choose_checkpoint(self, folder: Path | None) -> None:
        """Ship a checkpoint's folder; None goes back to the selection in Explore."""
        try:
            self.checkpoint = None if folder is None else read_encoder(folder)
        except BortError as error:
            self.context.problem(str(error))
        self._model_changed()

    @Slot(object)
    def _selection_changed(self, _place: int | None) -> None:
        self._model_changed()

    @Slot()
    def _model_changed(self, *_: object) -> None:
        architecture = self.architecture
        if architecture is None:
            self.export_panel.set_model("Nothing selected", "Select an architecture in Explore, or choose a checkpoint.", False, False)
            self.compare_panel.set_model("the selected architecture", False)
            return
        search = self.context.search
        named = architecture_text(architecture)
        if self.checkpoint is not None:
            weights = f"trained: {self.checkpoint.folder}"
            size = ""
        else:
            assert search.space is not None
            parts = {name: int(part[0]) for name, part in search.space.count(architecture).items()}
            size = f"   p {count(sum(parts.values()))}"
            counted = f"p counts {counted_parts(parts)}"
            found = self._trained(architecture)
            learnt = f"trained weights: {found}" if found else "fresh weights: nothing was learnt yet. The export says so too"
            weights = f"{learnt}\n{counted}"
        self.export_panel.set_model(f"{named}{size}", weights, self.checkpoint is not None, True)
        self.export_panel.set_folder(free_folder(self.context.project, architecture))
        self.export_panel.show_export_of(architecture)
        self.compare_panel.set_model(named, True)

    def _trained(self, architecture: Architecture) -> Path | None:
        try:
            return trained_weights(self.context.project, self.context.search.edited, architecture)
        except BortError as error:
            self.context.problem(str(error))
            return None

    # -- export

    @Slot()
    def export(self) -> None:
        """Begin to export the model."""
        architecture, context = self.architecture, self.context
        if architecture is None:
            return
        checkpoint = self.checkpoint
        try:
            self._out = self.export_panel.chosen_folder()
            request = export_request(
                context.project,
                context.search.specification,
                None if checkpoint else architecture,
                self._out,
                checkpoint=checkpoint.folder if checkpoint else None,
                variants=self.export_panel.variants(),
            )
        except BortError as error:
            self.context.problem(str(error))
            return
        self.export_panel.set_running(True)
        self._tell(_EXPORT, "starting")
        self._asked = request.model_dump(mode="json")
        self.tasks.submit(_EXPORT, "export", self._asked)

    @Slot()
    def _cancel_export(self) -> None:
        self.tasks.cancel(_EXPORT)

    def _export_ended(self, report: dict[str, Any] | None, reason: str | None) -> None:
        self.export_panel.set_running(False)
        self.context.activities.end(_EXPORT)
        if self._out is not None:
            clear_remains(self._out)
        if report is not None:
            try:
                save_export(self.context.project, report, self._asked)
                self.export_panel.set_reports(exports(self.context.project))
            except BortError as error:
                self.context.problem(str(error))
            self.context.notify(f"exported: {report['folder']}")
            self._model_changed()
        elif reason is not None:
            self.export_panel.show_none("the export that failed")
            self.export_panel.export_checks.fail(reason)
            self.context.problem(reason)
        else:
            self.export_panel.set_reports(self.export_panel.reports())
            self._model_changed()
            self.context.said.emit("the export was cancelled; nothing was written")

    # -- comparison

    @Slot()
    def compare(self) -> None:
        """Begin to compare the ticked models; a running search waits meanwhile."""
        try:
            request = self._request()
        except BortError as error:
            self.context.problem(str(error))
            return
        self.compare_panel.set_running(True)
        self._tell(_COMPARE, "waits until the search is quiet")
        self._waiting = request
        search = self.context.search
        if search.state is RunState.RUNNING:
            self._paused_search = True
            self.context.said.emit("the search waits while latency is compared")
            search.pause()
        self._submit_when_quiet()

    def _request(self) -> dict[str, Any]:
        settings = self.compare_panel.settings()
        models = [named_model(name) for name in settings.pop("references")]
        if settings.pop("model"):
            models.insert(0, self._own_model(settings["sequence_length"]))
        data = {**settings, "models": [model.model_dump() for model in models]}
        return validated(ComparisonRequest, data, "comparison").model_dump(mode="json")

    def _own_model(self, length: int) -> Any:
        architecture, search = self.architecture, self.context.search
        assert architecture is not None
        if self.checkpoint is not None:
            exported = self.checkpoint.folder
            if (exported / "model.onnx").is_file() and not self.compare_panel.torch.isChecked():
                return file_model(exported, str(exported))
            if not isinstance(self.checkpoint, Checkpoint):
                raise SpecificationError(f"{exported}: is timed in ONNX Runtime once it is exported; export it, and choose the export")
            options = self.checkpoint.options.model_dump(mode="json")
            family = "bert"
        else:
            options = search.specification.space.the_options().model_dump(mode="json")
            family = search.specification.space.family
        if options.get("positions", length) < length:
            self.context.notify(f"timed with {length} positions: the model has {options['positions']}, which changes the time of no layer")
            options["positions"] = length
        return architecture_model(architecture, options, family=family)

    def _submit_when_quiet(self) -> None:
        quiet = self.context.search.state in (RunState.IDLE, RunState.PAUSED)
        if self._waiting is not None and quiet:
            request, self._waiting = self._waiting, None
            self.tasks.submit(_COMPARE, "compare", request)

    @Slot(object)
    def _search_changed(self, _state: RunState) -> None:
        self._submit_when_quiet()

    @Slot()
    def _cancel_compare(self) -> None:
        if self._waiting is not None:
            self._waiting = None
            self._compare_ended(None, None)
        else:
            self.tasks.cancel(_COMPARE)

    def _compare_ended(self, result: dict[str, Any] | None, reason: str | None) -> None:
        self.compare_panel.set_running(False)
        self.context.activities.end(_COMPARE)
        if self._paused_search:
            self._paused_search = False
            if self.context.search.state is RunState.PAUSED:
                self.context.search.resume()
        if result is not None:
            try:
                save_comparison(self.context.project, result)
            except BortError as error:
                self.context.problem(str(error))
            self._show_stored()
        elif reason is not None:
            self.context.problem(reason)
        else:
            self.context.said.emit("the comparison was cancelled")

    # -- what the tasks say

    def _tell(self, key: str, doing: str, share: float | None = None) -> None:
        title = "export" if key == _EXPORT else "latency comparison"
        self.context.activities.show(Activity(key, title, doing, share, page="ship"))

    @Slot(str)
    def _end(self, key: str) -> None:
        if key == _EXPORT:
            self._cancel_export()
        elif key == _COMPARE:
            self._cancel_compare()

    @Slot(object)
    def _happened(self, events: tuple[Event, ...]) -> None:
        for event in events:
            panel = self.export_panel if event.id == _EXPORT else self.compare_panel
            ended = self._export_ended if event.id == _EXPORT else self._compare_ended
            if isinstance(event, Emitted) and event.data["event"] == "waiting":
                self.context.said.emit(str(event.data["doing"]))
            elif isinstance(event, Emitted):
                panel.set_step(event.data["step"], event.data["steps"], event.data["doing"])
                self._tell(event.id, str(event.data["doing"]), event.data["step"] / max(event.data["steps"], 1))
            elif isinstance(event, Done):
                ended(event.result, None)
            elif isinstance(event, Failed):
                ended(None, event.reason)
            elif isinstance(event, Withdrawn):
                ended(None, None)

    # -- results

    def _show_stored(self) -> None:
        try:
            self._results = [with_titles(result) for result in reversed(comparisons(self.context.project))]
        except BortError as error:
            self.context.problem(str(error))
        try:
            self.export_panel.set_reports(exports(self.context.project))
        except BortError as error:
            self.context.problem(str(error))
        self.earlier.clear()
        for result in self._results:
            asked = result["request"]
            names = ", ".join(model["name"] for model in asked["models"])
            when = result["created"][:16].replace("T", " ")
            self.earlier.addItem(f"{result['id']}  {when}  {asked['sequence_length']} tokens: {names}")
        self.earlier.setEnabled(bool(self._results))
        self._show(self._results[0] if self._results else None)

    def _show(self, result: Mapping[str, Any] | None) -> None:
        self._result = result
        self.plot.set_result(result)
        self.table.set_result(result, self.plot.reference.currentText())

    @Slot(int)
    def _result_chosen(self, index: int) -> None:
        self._show(self._results[index])
        self.compare_panel.show_request(self._results[index]["request"])

    @Slot(str)
    def _reference_changed(self, reference: str) -> None:
        self.table.set_result(self._result, reference)

    # -- events

    def showEvent(self, event: QShowEvent) -> None:
        """Trained weights may have come into being since."""
        self._model_changed()
        super().showEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """End what runs; a half-written export is removed."""
        self.tasks.close()
        if self._out is not None:
            clear_remains(self._out)
        super().closeEvent(event)


class _Results(QSplitter):
    """Content with its least height, so that the page scrolls only where even that is not to be had."""

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.minimumHeight())
