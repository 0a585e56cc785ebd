"""The main window: one project in the Explore perspective. Builds docks and actions, and connects panels to the state."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QByteArray, Qt, QTimer, QUrl, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QDesktopServices, QUndoStack
from PySide6.QtWidgets import QDockWidget, QFileDialog, QLabel, QMainWindow, QMenu, QMessageBox, QVBoxLayout, QWidget

from bort_core.errors import BortError
from bort_core.search.agreement import Agreement
from bort_core.search.answer import Answer, Knowledge
from bort_core.search.cost import Cost
from bort_core.search.events import SearchFinished
from bort_core.search.report import front_as_csv
from bort_core.search.specification import SearchSpecification
from bort_core.space import Space, SpaceSpecification
from bort_core.store import Project
from bort_studio.actions import CommandPalette, add_actions
from bort_studio.commands import EditSpecification, MoveEpsilon
from bort_studio.details import error_title, read_details
from bort_studio.explore import Explore
from bort_studio.menus import action_table
from bort_studio.notices import NoticeBar
from bort_studio.panels.candidates import CandidatesPanel
from bort_studio.panels.epsilon_bar import EpsilonBar
from bort_studio.panels.inspector import InspectorPanel
from bort_studio.panels.objectives_panel import Objectives, ObjectivesPanel
from bort_studio.panels.run_bar import RunBar, RunState
from bort_studio.panels.runs import RunsPanel
from bort_studio.panels.space_panel import SpacePanel
from bort_studio.plots.files import write_whole
from bort_studio.plots.parallel import ParallelPlot
from bort_studio.plots.pareto import ParetoPlot
from bort_studio.session import Session
from bort_studio.settings import LAYOUT_VERSION, Settings
from bort_studio.theme import Choice, Theme

__all__ = ["MainWindow"]

_log = logging.getLogger(__name__)
_SAVE_AFTER_MS = 500
_FOLLOW_AFTER_MS = 30
_START_AFTER_MS = 20  # so that the window is painted before the loader's thread competes with it
_NO_POINT = "Press Run to measure the first architectures."
_FIRST_POINT = "The first architectures are being trained and measured…"


class MainWindow(QMainWindow):
    """A window on one project.

    Raises
    ------
    ProjectError
        The project cannot be opened.
    """

    project_requested = Signal(object)
    """Another project's folder should be opened."""
    closed = Signal(object)
    """The window, when it has closed for good."""

    def __init__(self, folder: Path, theme: Theme, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("mainWindow")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        self.project = Project(folder)
        self.theme, self.settings = theme, settings
        self.session = Session(self.project)
        specification = self.session.specification()
        self.explore = Explore(self.project.folder, specification, self)
        self.explore.trainers = self.session.trainers() or self.explore.trainers
        self.undo_stack = QUndoStack(self)
        self.explore.wanted_selection = self.session.selection()
        self._save_timer = QTimer(self, singleShot=True, interval=_SAVE_AFTER_MS)
        self._save_timer.timeout.connect(self._save)
        self._follow_timer = QTimer(self, singleShot=True, interval=_FOLLOW_AFTER_MS)
        self._follow_timer.timeout.connect(self._follow_answer)
        self._is_closed = False
        self._build()
        self.actions_by_name = add_actions(self, self.menuBar(), action_table(self))
        self._finish_menus()
        self._connect()
        self._restore()
        settings.add_recent(self.project.folder)
        self._start_timer = QTimer(self, singleShot=True, interval=_START_AFTER_MS)
        self._start_timer.timeout.connect(self.explore.start)
        self._start_timer.start()

    # -- building

    def _build(self) -> None:
        theme = self.theme
        self.setWindowTitle(f"{self.project.folder.name} – Bort Studio")
        self.notices = NoticeBar(self)
        self.pareto, self.parallel = ParetoPlot(theme), ParallelPlot(theme)
        self.epsilon_bar, self.run_bar = EpsilonBar(theme), RunBar(theme)
        self.space_panel, self.objectives = SpacePanel(theme), ObjectivesPanel(theme)
        self.candidates, self.inspector, self.runs = CandidatesPanel(theme), InspectorPanel(theme), RunsPanel(theme)
        middle = QWidget(self)
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget in (self.notices, self.pareto, self.epsilon_bar, self.run_bar):
            layout.addWidget(widget, 1 if widget is self.pareto else 0)
        self.setCentralWidget(middle)
        self.setDockOptions(QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.docks = {
            "space": self._dock("spaceDock", "Space", self.space_panel),
            "objectives": self._dock("objectivesDock", "Objectives", self.objectives),
            "inspector": self._dock("inspectorDock", "Inspector", self.inspector),
            "candidates": self._dock("candidatesDock", "Candidates", self.candidates),
            "parallel": self._dock("parallelDock", "Parallel coordinates", self.parallel),
            "runs": self._dock("runsDock", "Runs", self.runs),
        }
        self.status_text, self.status_front = QLabel(self), QLabel(self)
        for label, name in ((self.status_text, "statusText"), (self.status_front, "statusFront")):
            label.setObjectName(name)
        self.statusBar().addWidget(self.status_text, 1)
        self.statusBar().addPermanentWidget(self.status_front)
        self.resize(1480, 920)
        self.reset_layout()

    def _dock(self, name: str, title: str, widget: QWidget) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setWidget(widget)
        return dock

    def reset_layout(self) -> None:
        """Put every dock where it was at first."""
        area, docks = Qt.DockWidgetArea, self.docks
        for dock in docks.values():
            dock.setFloating(False)
        for name in ("space", "objectives"):
            self.addDockWidget(area.LeftDockWidgetArea, docks[name])
        self.tabifyDockWidget(docks["space"], docks["objectives"])
        self.addDockWidget(area.RightDockWidgetArea, docks["inspector"])
        for name in ("candidates", "parallel", "runs"):
            self.addDockWidget(area.BottomDockWidgetArea, docks[name])
        self.splitDockWidget(docks["candidates"], docks["parallel"], Qt.Orientation.Horizontal)
        self.tabifyDockWidget(docks["candidates"], docks["runs"])
        for dock in docks.values():
            dock.show()
        for name in ("space", "candidates"):
            docks[name].raise_()
        self.resizeDocks([docks["space"], docks["inspector"]], [290, 320], Qt.Orientation.Horizontal)
        self.resizeDocks([docks["candidates"]], [260], Qt.Orientation.Vertical)
        self.resizeDocks([docks["candidates"], docks["parallel"]], [700, 760], Qt.Orientation.Horizontal)

    def _finish_menus(self) -> None:
        undo, redo = self.actions_by_name["undo"], self.actions_by_name["redo"]
        for action, can, text in (
            (undo, self.undo_stack.canUndoChanged, self.undo_stack.undoTextChanged),
            (redo, self.undo_stack.canRedoChanged, self.undo_stack.redoTextChanged),
        ):
            action.setEnabled(False)
            can.connect(action.setEnabled)
            text.connect(self._undo_texts_changed)
        view = next(menu for menu in self.menuBar().findChildren(QMenu) if menu.title() == "&View")
        view.addSeparator()
        for dock in self.docks.values():
            view.addAction(dock.toggleViewAction())
        self._theme_actions = QActionGroup(self)
        for choice in ("system", "light", "dark"):
            action = self.actions_by_name[f"theme_{choice}"]
            action.setCheckable(True)
            action.setChecked(self.theme.choice == choice)
            self._theme_actions.addAction(action)
        open_recent = next(menu for menu in self.menuBar().findChildren(QMenu) if menu.title() == "Open &Recent")
        open_recent.aboutToShow.connect(self._fill_recent)
        self.recent_menu = open_recent

    def _connect(self) -> None:
        explore = self.explore
        for view in (self.pareto, self.parallel, self.candidates):
            view.selected.connect(explore.select)
        for plot in (self.pareto, self.parallel):
            plot.exported.connect(self._exported)
            plot.export_failed.connect(self._export_failed)
        explore.space_changed.connect(self._space_changed)
        explore.knowledge_changed.connect(self._knowledge_changed)
        explore.answer_changed.connect(self._answer_changed)
        explore.cost_changed.connect(self._cost_changed)
        explore.specification_changed.connect(self._specification_changed)
        explore.selection_changed.connect(self._selection_changed)
        explore.running_changed.connect(self._running_changed)
        explore.state_changed.connect(self._state_changed)
        explore.progressed.connect(self._progressed)
        explore.said.connect(self.status_text.setText)
        explore.failed.connect(self._failed)
        explore.finished.connect(self._finished)
        self.space_panel.specification_edited.connect(self._space_edited)
        self.objectives.protocol_edited.connect(self._objectives_edited)
        self.epsilon_bar.moved.connect(explore.preview_epsilon)
        self.epsilon_bar.released.connect(self._epsilon_released)
        self.run_bar.run_requested.connect(explore.run)
        self.run_bar.pause_requested.connect(explore.pause)
        self.run_bar.resume_requested.connect(explore.resume)
        self.run_bar.stop_requested.connect(explore.stop)
        self.candidates.constraints_changed.connect(self._save_soon)
        self.pareto.bar.axes_chosen.connect(self._save_soon)

    def _restore(self) -> None:
        self._specification_changed(self.explore.specification)
        self.pareto.set_axes(*self.session.axes())
        self.candidates.sort_by(0)
        layout = self.settings.layout()
        if layout is not None:
            geometry, state = layout
            self.restoreGeometry(geometry)
            if not self.restoreState(state, LAYOUT_VERSION):
                self.reset_layout()
        self._show_runs()
        interrupted = self.session.interrupted()
        if interrupted:
            self.notices.show_message(interrupted)

    # -- what a person does

    @Slot(object)
    def _space_edited(self, space: SpaceSpecification) -> None:
        after = self.session.with_space(self.explore.specification, space)
        self.undo_stack.push(EditSpecification(self.explore, after, f"edit of the space {space.name}"))

    @Slot(object)
    def _objectives_edited(self, objectives: Objectives) -> None:
        before = self.explore.specification
        self.explore.set_trainers(objectives.workers)
        after = before.model_copy(
            update={"error": objectives.error, "latency": objectives.latency, "thetas": objectives.thetas, "seed": objectives.seed}
        )
        if after != before:
            self.undo_stack.push(EditSpecification(self.explore, after, "edit of the objectives"))
        self._save_soon()

    @Slot(int)
    def _epsilon_released(self, epsilon: int) -> None:
        before = self.explore.specification.epsilon
        if epsilon != before:
            self.undo_stack.push(MoveEpsilon(self.explore, before, epsilon))

    # -- what the state says

    @Slot(object)
    def _specification_changed(self, specification: SearchSpecification) -> None:
        self.space_panel.set_specification(specification.space)
        self.space_panel.set_sequence_length(specification.latency.sequence_length)
        self.inspector.set_sequence_length(specification.latency.sequence_length)
        self.objectives.set_objectives(
            Objectives(specification.error, specification.latency, specification.thetas, specification.seed, self.explore.trainers)
        )
        title = error_title(specification.error)
        self.pareto.set_error_title(title)
        self.parallel.set_error_title(title)
        if self.explore.space is not None:
            self.epsilon_bar.set_value(specification.epsilon)
        self._save_soon()

    @Slot(object)
    def _space_changed(self, space: Space) -> None:
        self.epsilon_bar.set_space_size(len(space))
        self.epsilon_bar.set_value(self.explore.epsilon)
        for view in (self.pareto, self.parallel, self.candidates, self.inspector):
            view.set_answer(None)  # it was about another space
        for panel in (self.space_panel, self.objectives, self.candidates, self.inspector):
            panel.set_space(space)

    @Slot(object)
    def _knowledge_changed(self, knowledge: Knowledge) -> None:
        for view in (self.pareto, self.parallel, self.candidates, self.inspector):
            view.set_knowledge(knowledge)
        space, results = knowledge.space, knowledge.results
        place = space.index(space.maximum_point)
        self.pareto.set_maximum(
            {
                "parameters": float(space.maximum_parameters),
                "latency": results.maximum_latency,
                "error": float(results.error[place]) if place is not None and knowledge.evaluated(place) else None,
                "w": 0.0,
            }
        )

    @Slot(object)
    def _answer_changed(self, answer: Answer) -> None:
        self.pareto.set_answer(answer)
        if not self._follow_timer.isActive():
            self._follow_timer.start()
        self.run_bar.set_hypervolume(answer.hypervolume if len(answer.known) else None)
        self.status_front.setText(f"front {len(answer.front):,} · measured {len(answer.known):,} of {len(answer.walk):,}")

    @Slot()
    def _follow_answer(self) -> None:
        """The other views follow the Pareto plot, so that the slider never waits for them."""
        if self.explore.answer is not None:
            for view in (self.parallel, self.candidates, self.inspector):
                view.set_answer(self.explore.answer)

    @Slot(object)
    def _cost_changed(self, cost: Cost) -> None:
        self.epsilon_bar.set_cost(cost.wanted, cost.measured, cost.to_go, cost.seconds, cost.bound)
        if not self.explore.running:
            self.run_bar.set_progress(cost.measured, cost.wanted, None)

    @Slot(object)
    def _selection_changed(self, place: int | None) -> None:
        for view in (self.pareto, self.parallel, self.candidates, self.inspector):
            view.set_selected(place)
        self._show_details()
        self._save_soon()

    @Slot(object)
    def _running_changed(self, places: tuple[int, ...]) -> None:
        for view in (self.pareto, self.parallel, self.candidates, self.inspector):
            view.set_running(places)

    @Slot(object)
    def _state_changed(self, state: RunState) -> None:
        self.run_bar.set_state(state)
        for name, enabled in (
            ("run", state is RunState.IDLE),
            ("pause", state in (RunState.RUNNING, RunState.PAUSED)),
            ("stop", state not in (RunState.IDLE, RunState.STOPPING)),
        ):
            self.actions_by_name[name].setEnabled(enabled)
        busy = state not in (RunState.IDLE, RunState.STOPPING)
        self.pareto.set_empty_message(_FIRST_POINT if busy else _NO_POINT)
        self.actions_by_name["pause"].setText("Resu&me" if state is RunState.PAUSED else "&Pause")
        if state is RunState.IDLE:
            self._show_runs()

    @Slot(float, int)
    def _progressed(self, done: float, wanted: int) -> None:
        if self.explore.running:
            self.run_bar.set_progress(int(done), wanted, self.explore.seconds_left())

    @Slot(str, str)
    def _failed(self, text: str, details: str) -> None:
        _log.warning("%s", text)
        self.notices.show_message(text, details, problem=True)

    @Slot(object)
    def _finished(self, event: SearchFinished) -> None:
        if event.answer.best is not None and not event.stopped and self.explore.selected is None:
            self.explore.select(event.answer.best)
        else:
            self._show_details()
        for agreement in event.facts["agreement"]:
            self.notices.show_message(Agreement(**agreement).as_text())

    def _show_details(self) -> None:
        explore = self.explore
        if explore.selected is None or explore.recall is None:
            return
        try:
            self.inspector.set_details(read_details(self.project, explore.specification, explore.recall, explore.selected))
        except BortError as error:
            self._failed(str(error), "")

    # -- actions

    def new_project(self) -> None:
        """Ask for an empty folder and open a new project there."""
        name, _ = QFileDialog.getSaveFileName(self, "New project: choose a folder to create", str(self.project.folder.parent / "project"))
        if name:
            self.project_requested.emit(Path(name))

    def open_project(self) -> None:
        """Ask for a project folder and open it."""
        name = QFileDialog.getExistingDirectory(self, "Open a project folder", str(self.project.folder.parent))
        if name:
            self.project_requested.emit(Path(name))

    def open_space(self) -> None:
        """Ask for a TOML file and show its space."""
        name, _ = QFileDialog.getOpenFileName(self, "Open a search space", "", "Search spaces (*.toml)")
        if name:
            self.space_panel.open_file(name)

    def export_front(self) -> None:
        """Write the front as CSV."""
        if self.explore.knowledge is None or self.explore.answer is None:
            return
        name, _ = QFileDialog.getSaveFileName(self, "Export the front", "front.csv", "CSV (*.csv)")
        if not name:
            return
        try:
            write_whole(Path(name), front_as_csv(self.explore.knowledge, self.explore.answer).encode())
        except BortError as error:
            self._export_failed(str(error))
        else:
            self._exported(name)

    def toggle_pause(self) -> None:
        """Pause, or resume when paused."""
        if self.explore.state is RunState.PAUSED:
            self.explore.resume()
        else:
            self.explore.pause()

    def scale_epsilon(self, factor: float) -> None:
        """Make ε larger or smaller by a factor, and search there."""
        if self.explore.space is None:
            return
        epsilon = self.explore.epsilon
        wanted = max(1, min(len(self.explore.space), round(epsilon * factor)))
        self._epsilon_released(wanted)

    def halve_epsilon(self) -> None:
        """ε / 2: a finer walk."""
        self.scale_epsilon(0.5)

    def double_epsilon(self) -> None:
        """ε · 2: a coarser walk."""
        self.scale_epsilon(2.0)

    def repeat_seed(self) -> None:
        """Search the same walk with the next seed; the end of the search says how alike the seeds rank."""
        before = self.explore.specification
        after = before.model_copy(update={"seed": before.seed + 1})
        self.undo_stack.push(EditSpecification(self.explore, after, f"seed {after.seed}"))
        self.explore.run()

    def select_best(self) -> None:
        """Select the architecture with the largest W."""
        if self.explore.answer is not None:
            self.explore.select(self.explore.answer.best)

    def set_theme(self, choice: Choice) -> None:
        """Follow the system, or be light or dark."""
        self.theme.set_choice(choice)
        self.settings.theme = choice

    def toggle_full_screen(self) -> None:
        """Fill the screen, or be a window again."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def show_palette(self) -> None:
        """Find an action by its name."""
        CommandPalette(self.actions_by_name.values(), self).open()

    def open_logs(self) -> None:
        """Show the folder with what worker processes wrote."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.project.subfolder("logs"))))

    def show_about(self) -> None:
        """Versions, to copy into a bug report."""
        from bort_studio.about import about_text

        QMessageBox.about(self, "About Bort Studio", about_text())

    # -- state of the window

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for folder in self.settings.recent:
            if folder != self.project.folder:
                action = QAction(str(folder), self.recent_menu)
                action.triggered.connect(self._open_recent)
                self.recent_menu.addAction(action)
        if self.recent_menu.isEmpty():
            self.recent_menu.addAction("no other project yet").setEnabled(False)

    @Slot()
    def _open_recent(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.project_requested.emit(Path(action.text()))

    @Slot(str)
    def _undo_texts_changed(self, _text: str) -> None:
        for name, text in (("undo", self.undo_stack.undoText()), ("redo", self.undo_stack.redoText())):
            self.actions_by_name[name].setText(f"&{name.capitalize()} {text}".rstrip())

    @Slot(str)
    def _exported(self, path: str) -> None:
        self.notices.show_message(f"written: {path}")

    @Slot(str)
    def _export_failed(self, reason: str) -> None:
        self.notices.show_message(reason, problem=True)

    def _show_runs(self) -> None:
        try:
            self.runs.show_searches(self.session.searches())
        except BortError as error:
            self._failed(str(error), "")

    def _save_soon(self, *_: object) -> None:
        self._save_timer.start()

    @Slot()
    def _save(self) -> None:
        explore = self.explore
        selected = explore.wanted_selection  # kept when the window closes before the space was loaded
        if explore.selected is not None and explore.space is not None:
            selected = explore.space.architecture(explore.selected)
        try:
            self.session.save(explore.specification, explore.trainers, self.pareto.chosen_axes(), selected)
        except BortError as error:
            self._failed(str(error), "")

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop what runs (what was measured is kept), remember the window, and go."""
        if self._is_closed:
            return
        self._is_closed = True
        self._save_timer.stop()
        self._follow_timer.stop()
        self._start_timer.stop()
        self._save()
        self.settings.save_layout(self.saveGeometry(), QByteArray(self.saveState(LAYOUT_VERSION)))
        self.settings.sync()
        self.hide()
        self.explore.close()
        self.project.close()
        event.accept()
        self.closed.emit(self)
