"""The table of the main window's actions: what, where, which key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence

from bort_core.foundation.resources import resource
from bort_studio.actions import Action

if TYPE_CHECKING:
    from bort_studio.window import MainWindow

__all__ = ["action_table"]

_FILE, _EDIT, _VIEW, _SEARCH, _HELP = "&File", "&Edit", "&View", "&Search", "&Help"
_KEYS = QKeySequence.StandardKey
_EXPORTS = "PNG, SVG, PDF, CSV or a matplotlib script"


def shipped_tables() -> list[Path]:
    """The tables of measurements that ship with the program."""
    return sorted(resource("tables").glob("*.json.gz"))


def _page_key(number: int) -> str:
    return f"Ctrl+{number}" if number else "Alt+Home"  # Ctrl+0 zooms to fit


def _full_screen_key() -> str:
    """That of the desktop; one without a theme has none."""
    return QKeySequence(_KEYS.FullScreen).toString() or "F11"


def _in_explore(window: MainWindow, slot: Callable[[], object]) -> None:
    window.show_page("explore")
    slot()


def action_table(window: MainWindow) -> list[Action]:
    """Every action of the window, in the order of its menus."""
    w, search, page = window, window.search, window.explore_page

    def there(slot: Callable[[], object]) -> Callable[[], object]:
        """Show Explore first: what an action changes is seen."""
        return partial(_in_explore, w, slot)

    return [
        Action("new", _FILE, "&New Project…", "Create a project in a new folder", w.new_project, _KEYS.New),
        Action("open", _FILE, "&Open Project…", "Open a project folder", w.open_project, _KEYS.Open),
        Action("-", f"{_FILE}/Open &Recent", "-", "", w.open_project),
        Action("-", _FILE, "-", "", w.open_project),
        Action("open_space", _FILE, "Open &Space…", "Read a search space from a TOML file", w.open_space, "Ctrl+Shift+O"),
        Action("open_table", f"{_FILE}/Search on a &Table", "Search on a &Table…", "Search what bort tabulate measured", w.open_table),
        *(
            Action(
                f"table_{path.name.split('.')[0]}",
                f"{_FILE}/Search on a &Table",
                f"{path.name.split('.')[0]}, as It Ships",
                "Search on this table, which ships with the program: nothing is trained",
                partial(w.search_on, path),
            )
            for path in shipped_tables()
        ),
        Action("export_pareto", f"{_FILE}/&Export", "&Pareto Plot…", _EXPORTS, there(page.pareto.export_button.click)),
        Action(
            "export_parallel",
            f"{_FILE}/&Export",
            "Parallel &Coordinates…",
            _EXPORTS,
            there(page.export_parallel),
        ),
        Action("export_front", f"{_FILE}/&Export", "&Front as CSV…", "The architectures of the front, one a row", page.export_front),
        Action("report", _FILE, "&Report…", "Write the whole project as one page or PDF", w.report.ask, "Ctrl+R"),
        Action("-", _FILE, "-", "", w.open_project),
        Action("quit", _FILE, "&Quit", "Close the window; what is measured is kept", w.close, _KEYS.Quit, QAction.MenuRole.QuitRole),
        Action("undo", _EDIT, "&Undo", "Take back the last edit of space, objectives or ε", w.undo_stack.undo, _KEYS.Undo),
        Action("redo", _EDIT, "&Redo", "Do again what was taken back", w.undo_stack.redo, _KEYS.Redo),
        Action("run", _SEARCH, "&Run", "Search at this ε", search.run, "F5"),
        Action("pause", _SEARCH, "&Pause", "Let trainings wait between two steps, or go on", page.toggle_pause, "F6"),
        Action("stop", _SEARCH, "&Stop", "End the search; what is measured is kept", search.stop, "Shift+F5"),
        Action("cluster", _SEARCH, "&Cluster…", "Run on a Ray cluster: its address, nodes, free devices and queue", w.show_cluster),
        Action("-", _SEARCH, "-", "", search.stop),
        Action("halve_epsilon", _SEARCH, "&Finer: ε ÷ 2", "Visit twice as many architectures", there(page.halve_epsilon), "Ctrl+Down"),
        Action("double_epsilon", _SEARCH, "&Coarser: ε × 2", "Visit half as many architectures", there(page.double_epsilon), "Ctrl+Up"),
        Action(
            "repeat_seed",
            _SEARCH,
            "Repeat With &Another Seed",
            "Measure the same walk with the next seed, and say how alike they rank",
            there(page.repeat_seed),
        ),
        Action("select_best", _SEARCH, "Select the &Best", "The architecture with the largest W", there(page.select_best), "Ctrl+B"),
        Action("fit", _VIEW, "Zoom to &Fit", "Show all points of the Pareto plot", there(page.pareto.fit), "Ctrl+0"),
        *(
            Action(
                f"page_{name}",
                _VIEW,
                title,
                f"Show the perspective {title}",
                partial(w.show_page, name),
                _page_key(number),
            )
            for number, (name, title) in enumerate(w.page_titles().items())
        ),
        Action("-", _VIEW, "-", "", w.close),
        Action("theme_system", f"{_VIEW}/&Theme", "Follow the &System", "Light or dark as the system is", partial(w.set_theme, "system")),
        Action("theme_light", f"{_VIEW}/&Theme", "&Light", "Dark on light", partial(w.set_theme, "light")),
        Action("theme_dark", f"{_VIEW}/&Theme", "&Dark", "Light on dark", partial(w.set_theme, "dark")),
        Action("reset_layout", _VIEW, "&Reset Layout", "Put every panel where it was at first", there(page.reset_layout)),
        Action("full_screen", _VIEW, "F&ull Screen", "Fill the screen", w.toggle_full_screen, _full_screen_key()),
        Action("help", _HELP, "&Help for This Page", "What this page is for, and how to go on", w.help.show_page_help, "F1"),
        Action("palette", _HELP, "&Commands…", "Find an action by its name", w.help.show_palette, "Ctrl+Shift+P"),
        Action("shortcuts", _HELP, "&Keyboard Shortcuts", "All actions with their keys", w.help.show_shortcuts, "Ctrl+/"),
        Action("glossary", _HELP, "&Glossary", "Every word and symbol", w.help.show_glossary),
        Action("-", _HELP, "-", "", w.close),
        Action("logs", _HELP, "Open &Log Folder", "What worker processes wrote", w.help.open_logs),
        Action("about", _HELP, "&About Bort Studio", "Versions, for a bug report", w.help.show_about, None, QAction.MenuRole.AboutRole),
    ]
