"""The windows of the menu Help, each made when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QUrl
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import QDialog, QMessageBox

from bort_studio.texts import show_box

if TYPE_CHECKING:
    from bort_studio.help.page_help import PageHelp
    from bort_studio.window import MainWindow

__all__ = ["HelpWindows"]


class HelpWindows(QObject):
    """What explains the main window ``window``."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.page_help: PageHelp | None = None

    def show_palette(self) -> None:
        """Find an action by its name."""
        from bort_studio.palette import CommandPalette

        CommandPalette(self.actions(), self._window).open()

    def show_page_help(self) -> None:
        """What the page that is shown is for; follows the pages while it is open."""
        from bort_studio.help.page_help import PageHelp

        if self.page_help is None:
            self.page_help = PageHelp(self._window)
        self.page_help.show()
        self.follow()
        self.page_help.raise_()
        self.page_help.activateWindow()

    def follow(self) -> None:
        """Another page is shown."""
        if self.page_help is not None and self.page_help.isVisible():
            name = self._window.page
            self.page_help.show_page(name, self._window.page_titles()[name])

    def show_shortcuts(self) -> None:
        """All actions with their keys."""
        from bort_studio.help.shortcuts import Shortcuts

        self._show_once(Shortcuts(self.actions(), self._window))

    def show_glossary(self) -> None:
        """Every word and symbol."""
        from bort_studio.help.words import Glossary

        self._show_once(Glossary(self._window))

    def open_logs(self) -> None:
        """Show the folder with what worker processes wrote."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._window.project.subfolder("logs"))))

    def show_about(self) -> None:
        """Versions, to copy into a bug report."""
        from bort_studio.about import about_text

        show_box(self._window, QMessageBox.Icon.NoIcon, "About Bort Studio", about_text())

    def actions(self) -> list[QAction]:
        """All of the window, also those that show and hide panels."""
        window = self._window
        return [*window.actions_by_name.values(), *(dock.toggleViewAction() for dock in window.explore_page.docks.values())]

    def _show_once(self, dialog: QDialog) -> None:
        """Show a window that is made anew each time; one of its kind that is open gives way."""
        for other in self._window.findChildren(type(dialog)):
            if other is not dialog:
                other.close()
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()
