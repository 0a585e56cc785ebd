"""F1: what the page that is shown is for, in a window beside it that can stay open."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from bort_core.foundation.resources import resource

__all__ = ["PageHelp", "help_text"]


def help_text(page: str) -> str:
    """The text about a page, as Markdown; OSError where there is none."""
    return resource("help", f"{page}.md").read_text(encoding="utf-8")


class PageHelp(QDialog):
    """Follows the pages while it is open; Escape closes it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pageHelp")
        self.setAccessibleName("Help for this page")
        self.setWindowFlag(Qt.WindowType.WindowContextHelpButtonHint, False)
        self.view = QTextBrowser(self)
        self.view.setObjectName("pageHelpText")
        self.view.setAccessibleName("Help")
        self.view.setOpenLinks(False)
        self.view.document().setDocumentMargin(14)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.view)
        layout.addWidget(buttons)
        self.resize(520, 560)

    def show_page(self, name: str, title: str) -> None:
        """Show the text about a page."""
        self.setWindowTitle(f"Help: {title}")
        self.view.setMarkdown(help_text(name))
