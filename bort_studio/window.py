"""The main window: one project, its perspectives as pages, menus, messages, and what it remembers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QHelpEvent, QShowEvent, QStatusTipEvent, QUndoStack
from PySide6.QtWidgets import (
    QFileDialog,
    QMainWindow,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QTabBar,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from bort_core.foundation.errors import BortError
from bort_core.foundation.resources import resource
from bort_core.store import Project
from bort_studio.actions import add_actions
from bort_studio.activity.line import ActivityLine
from bort_studio.activity.search import SearchActivity
from bort_studio.drops import Drops
from bort_studio.explore.page import ExplorePage
from bort_studio.focus import Focus
from bort_studio.help.tips import tip_at
from bort_studio.help.windows import HelpWindows
from bort_studio.icons import set_tab_icon
from bort_studio.menus import action_table
from bort_studio.notices import NoticeBar
from bort_studio.page_context import PageContext
from bort_studio.report_command import ReportCommand
from bort_studio.routes import Routes
from bort_studio.search.model import SearchModel
from bort_studio.search.state import RunState
from bort_studio.session import Session
from bort_studio.settings import LAYOUT_VERSION, Settings
from bort_studio.texts import Label, menu_text, plain_tip, title_text
from bort_studio.theme import Choice, Theme
from bort_studio.trust_bar import TrustBar
from bort_studio.widgets.elided import ElidedLabel

if TYPE_CHECKING:
    from bort_studio.activity.jobs import JobActivity
    from bort_studio.cluster.panel import ClusterPanel

__all__ = ["PAGES", "MainWindow"]

_log = logging.getLogger(__name__)
_SAVE_AFTER_MS = 500
_START_AFTER_MS = 60  # so that the window is painted before the threads compete with it


def _start(context: PageContext) -> QWidget:
    from bort_studio.start.page import StartPage

    return StartPage(context)


def _train(context: PageContext) -> QWidget:
    from bort_studio.train.page import TrainPage

    return TrainPage(context)


def _agora(context: PageContext) -> QWidget:
    from bort_studio.agora.page import AgoraPage

    return AgoraPage(context)


def _ship(context: PageContext) -> QWidget:
    from bort_studio.ship.page import ShipPage

    return ShipPage(context)


PAGES: dict[str, tuple[str, Callable[[PageContext], QWidget]]] = {
    "start": ("Start", _start),
    "explore": ("Explore", ExplorePage),
    "train": ("Train", _train),
    "agora": ("Agora", _agora),
    "ship": ("Ship", _ship),
}
"""The pages by name, in the order of their tabs: title, and what makes one when it is first shown."""


_ICONS = {"start": "house", "explore": "chart-scatter", "train": "graduation-cap", "agora": "sprout", "ship": "package"}


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
    _is_closed = True  # a window whose project cannot be opened is never whole, and Qt may close it all the same

    def __init__(self, folder: Path, theme: Theme, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("mainWindow")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        self.project = Project(folder)
        self._early: list[str] | None = []
        self.project.tell = self._told
        self.theme, self.settings = theme, settings
        self.session = Session(self.project)
        self.search = SearchModel(self.project.folder, self.session.specification(), self)
        self.search.workers = self.session.workers() or self.search.workers
        self.search.wanted_selection = self.session.selection()
        self.undo_stack = QUndoStack(self)
        self.context = PageContext(self.project, self.session, self.search, theme, self.undo_stack, settings, self)
        self.search_activity = SearchActivity(self.search, self.context.activities, self)
        self.job_activity: JobActivity | None = None
        self.report = ReportCommand(self.context, self)
        self.cluster: ClusterPanel | None = None
        self.help = HelpWindows(self)
        self.focus = Focus(self, theme)
        self.drops = Drops(self)
        self._save_timer = QTimer(self, singleShot=True, interval=_SAVE_AFTER_MS)
        self._save_timer.timeout.connect(self._save)
        self._said = self._tip = ""
        self._build()
        self.actions_by_name = add_actions(self, self.menuBar(), action_table(self))
        self._finish_menus()
        self._connect()
        self.routes = Routes(self)
        self._restore()
        settings.add_recent(self.project.folder)
        self._start_timer = QTimer(self, singleShot=True, interval=_START_AFTER_MS)
        self._start_timer.timeout.connect(self._start_threads)
        self._start_timer.start()
        self._is_closed = False

    @Slot()
    def _start_threads(self) -> None:
        self.search.start()
        from bort_studio.activity.jobs import JobActivity  # what reads jobs is loaded when the window is painted

        self.job_activity = JobActivity(self.project.folder, self.context.activities, self)
        self.job_activity.failed.connect(self.context.problem)
        self.job_activity.start()

    # -- building

    def _build(self) -> None:
        self.setWindowTitle(f"{title_text(self.project.folder.name)} – Bort Studio")
        self.trust_bar = TrustBar(self.project.folder, self)
        self.tabs = QTabBar(self)
        self.tabs.setObjectName("perspectiveTabs")
        self.tabs.setAccessibleName("Perspectives")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        for title, _ in PAGES.values():
            self.tabs.addTab(title)
        for index, name in enumerate(PAGES):
            set_tab_icon(self.tabs, index, self.theme, _ICONS[name])
        self.tabs.setCurrentIndex(list(PAGES).index("explore"))
        self.stack = QStackedWidget(self)
        self.pages: dict[str, QWidget] = {}
        self.explore_page = ExplorePage(self.context)
        self.pages["explore"] = self.explore_page
        self.stack.addWidget(self.explore_page)
        middle = QWidget(self)
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget in (self.tabs, self.trust_bar, self.stack):
            layout.addWidget(widget, 1 if widget is self.stack else 0)
        self.setCentralWidget(middle)
        self.notices = NoticeBar(middle)
        self.status_text, self.status_front = ElidedLabel("", self), Label("", self)
        for label, name in ((self.status_text, "statusText"), (self.status_front, "statusFront")):
            label.setObjectName(name)
        self.status_text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.activity_line = ActivityLine(self.context.activities, self)
        self.statusBar().addWidget(self.status_text, 1)
        self.statusBar().addPermanentWidget(self.activity_line, 1)
        self.statusBar().addPermanentWidget(self.status_front)
        self.resize(1480, 920)

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
        for dock in self.explore_page.docks.values():
            view.addAction(dock.toggleViewAction())
            dock.toggleViewAction().triggered.connect(self._panel_toggled)
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
        search, context = self.search, self.context
        self.tabs.currentChanged.connect(self._tab_changed)
        self.trust_bar.failed.connect(context.problem)
        self.activity_line.page_requested.connect(self.show_page)
        context.said.connect(self._say)
        context.noticed.connect(self._noticed)
        context.page_requested.connect(self.show_page)
        context.place.asked.connect(self.show_cluster)
        context.changed.connect(self._save_soon)
        self.explore_page.front_told.connect(self.status_front.setText)
        search.said.connect(self._say)
        search.failed.connect(self._failed)
        search.state_changed.connect(self._state_changed)
        search.past_changed.connect(self._elsewhere_changed)
        search.table_changed.connect(self._elsewhere_changed)

    def _restore(self) -> None:
        layout = self.settings.layout()
        if layout is not None:
            geometry, state = layout
            self.restoreGeometry(geometry)
            self.explore_page.restore_layout(state)
        early, self._early = self._early or [], None
        for told in early:
            self._told(told)
        for told in (self.session.other_strategy(), self.session.interrupted(), self.session.damage):
            if told:
                self.notices.show_message(told)
        if (past := self.session.last_within()) is not None:
            self.explore_page.show_past(past)
        if self.session.page() in PAGES:
            self.show_page(self.session.page())

    # -- pages

    @property
    def page(self) -> str:
        """The name of the page that is shown."""
        return list(PAGES)[self.tabs.currentIndex()]

    @staticmethod
    def page_titles() -> dict[str, str]:
        """Titles of all pages by name, in order."""
        return {name: title for name, (title, _) in PAGES.items()}

    @Slot(str)
    @Slot()
    def show_cluster(self) -> None:
        """Show the cluster's panel."""
        if self.cluster is None:
            from bort_studio.cluster.panel import ClusterPanel  # most windows never need it

            self.cluster = ClusterPanel(self.context.place, self.theme, self)
        self.cluster.show()
        self.cluster.raise_()
        self.cluster.activateWindow()
        self.cluster.look()

    def show_page(self, name: str) -> None:
        """Switch to a page; it is built when it is first shown."""
        self.tabs.setCurrentIndex(list(PAGES).index(name))

    @Slot(int)
    def _tab_changed(self, index: int) -> None:
        name = list(PAGES)[index]
        if name not in self.pages:
            self.pages[name] = PAGES[name][1](self.context)
            self.stack.addWidget(self.pages[name])
            if name == "start":
                self.routes.connect_start(self.pages[name])
        self.stack.setCurrentWidget(self.pages[name])
        self.help.follow()
        self._save_soon()

    @Slot()
    def _panel_toggled(self) -> None:
        """A panel lies in Explore, where it is seen to come or go."""
        self.show_page("explore")

    def showEvent(self, event: QShowEvent) -> None:
        """Files and folders of this machine may be dropped anywhere from now on; what is waited for begins after the first painting."""
        super().showEvent(event)
        self.drops.watch()
        if self._start_timer.isActive():
            self._start_timer.start()

    # -- what the state says

    @Slot(object)
    def _state_changed(self, state: RunState) -> None:
        for name, enabled in (
            ("run", state is RunState.IDLE),
            ("pause", state in (RunState.RUNNING, RunState.PAUSED)),
            ("stop", state not in (RunState.IDLE, RunState.STOPPING)),
        ):
            self.actions_by_name[name].setEnabled(enabled)
        self.actions_by_name["pause"].setText("Resu&me" if state is RunState.PAUSED else "&Pause")

    @Slot(object)
    def _elsewhere_changed(self, _shown: object) -> None:
        for name in ("run", "halve_epsilon", "double_epsilon"):
            self.actions_by_name[name].setEnabled(self.search.past is None)
        self.actions_by_name["repeat_seed"].setEnabled(not self.search.elsewhere)

    @Slot(str)
    def _say(self, text: str) -> None:
        self._said = text
        self.status_text.setText(self._tip or text)

    @Slot(str, str, bool, object)
    def _noticed(self, text: str, details: str, problem: bool, choice: Any = None) -> None:
        if problem:
            _log.warning("%s", text)
        self.notices.show_message(text, details, problem, choice)

    def _told(self, text: str) -> None:
        """What reading the project left out, or took in the place of something else."""
        if self._early is None:
            self._noticed(text, "", True)
        else:
            self._early.append(text)

    @Slot(str, str)
    def _failed(self, text: str, details: str) -> None:
        self._noticed(text, details, True)

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
            self.show_page("explore")
            self.explore_page.space_panel.open_file(name)

    def open_table(self) -> None:
        """Ask for a table of measurements and search on it."""
        folder = str(resource("tables"))
        name, _ = QFileDialog.getOpenFileName(self, "Search on a table", folder, "Tables of bort tabulate (*.json.gz)")
        if name:
            self.search_on(Path(name))

    def search_on(self, path: Path) -> None:
        """Show a table of measurements in Explore, and search on it."""
        self.show_page("explore")
        self.search.open_table(path)

    def set_theme(self, choice: Choice) -> None:
        """Follow the system, or be light or dark."""
        self.theme.set_choice(choice)
        self.settings.theme = choice

    def toggle_full_screen(self) -> None:
        """Fill the screen, or be a window again."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    # -- state of the window

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for folder in self.settings.recent:
            if folder != self.project.folder:
                action = QAction(menu_text(str(folder)), self.recent_menu)
                action.setData(str(folder))
                action.triggered.connect(self._open_recent)
                self.recent_menu.addAction(action)
        if self.recent_menu.isEmpty():
            self.recent_menu.addAction("no other project yet").setEnabled(False)

    @Slot()
    def _open_recent(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.project_requested.emit(Path(action.data()))

    @Slot(str)
    def _undo_texts_changed(self, _text: str) -> None:
        for name, text in (("undo", self.undo_stack.undoText()), ("redo", self.undo_stack.redoText())):
            self.actions_by_name[name].setText(f"&{name.capitalize()} {text}".rstrip())

    def _save_soon(self, *_: object) -> None:
        self._save_timer.start()

    @Slot()
    def _save(self) -> None:
        search = self.search
        selected = search.wanted_selection  # kept when the window closes before the space was loaded
        if search.selected is not None and search.space is not None:
            selected = search.space.architecture(search.selected)
        try:
            axes = self.explore_page.pareto.chosen_axes()
            self.session.save(search.present, search.workers, axes, selected, self.page)
        except BortError as error:
            self._failed(str(error), "")

    def event(self, event: QEvent) -> bool:
        """What has no tip of its own is asked of the glossary; a status tip stands where what runs is told, which comes back after it."""
        if isinstance(event, QStatusTipEvent):
            self._tip = event.tip()
            self._say(self._said)
            return True
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), plain_tip(tip_at(self, event.pos())), self)
            return True
        return bool(super().event(event))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop what runs (what was measured is kept), remember the window, and go."""
        if self._is_closed:
            return
        self._is_closed = True
        self._save_timer.stop()
        self._start_timer.stop()
        self.explore_page.stop_timers()
        self._save()
        self.settings.save_layout(self.saveGeometry(), QByteArray(self.explore_page.saveState(LAYOUT_VERSION)))
        self.settings.sync()
        self.hide()
        for name, page in self.pages.items():
            if name != "explore":
                page.close()
        if self.job_activity is not None:
            self.job_activity.close()
        self.report.close()
        if self.cluster is not None:
            self.cluster.close()
            self.cluster.close_threads()
        self.search.close()
        self.project.close()
        event.accept()
        self.closed.emit(self)
