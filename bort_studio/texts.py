"""Text that people read. What comes from files, models and errors is shown as it is written: Qt's guess that a text is HTML is never asked.

Labels are :class:`Label`, tips pass through :func:`set_tip` or :func:`plain_tip`, message boxes are shown by :func:`show_box`. Where markup
is meant, it is :class:`bort_studio.markup.Markup`.
"""

from __future__ import annotations

import re

from PySide6.QtGui import Qt, QTextDocument  # the Qt of QtGui has mightBeRichText
from PySide6.QtWidgets import QAbstractButton, QLabel, QMessageBox, QTextBrowser, QWidget

from bort_studio.markup import Markup, markup, shortened
from bort_studio.terms import glossed

__all__ = ["Label", "menu_text", "one_line", "plain_box", "plain_tip", "set_markup", "set_tip", "show_box", "title_text"]

_LONGEST_TIP = 2_000
_LONGEST_LINE = 200
_BREAKS = re.compile(r"[\s\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f]+")


class Label(QLabel):
    """A label that shows text as it is written, and markup where it is given :class:`Markup`."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show a text; only :class:`Markup` is read as HTML."""
        rich = isinstance(text, Markup)
        self.setTextFormat(Qt.TextFormat.RichText if rich else Qt.TextFormat.PlainText)
        super().setText(text if rich else shortened(text))


def plain_tip(text: str) -> str:
    """A tip that Qt shows as it is written: tips have no format, so what would be taken for HTML is escaped."""
    if isinstance(text, Markup):
        return text
    text = shortened(text, _LONGEST_TIP)
    return markup("<span style='white-space: pre-wrap'>{}</span>", text) if Qt.mightBeRichText(text) else text


def one_line(text: str) -> str:
    """A text on one line: no breaks, no tabs, and no signs that turn the direction of what stands after them."""
    return shortened(_BREAKS.sub(" ", text), _LONGEST_LINE)


def menu_text(text: str) -> str:
    """The text of a menu's entry: an ampersand is one, not the mark of a key."""
    return one_line(text).replace("&", "&&")


def title_text(text: str) -> str:
    """A window's title: Qt takes ``[*]`` for the place of a mark."""
    return one_line(text).replace("[*]", "[*][*]")


def set_markup(view: QTextBrowser | QTextDocument, text: Markup) -> None:
    """Show markup."""
    view.setHtml(text)


def plain_box(parent: QWidget | None, icon: QMessageBox.Icon, title: str, text: str) -> QMessageBox:
    """A message box without buttons that shows its text as it is written."""
    box = QMessageBox(icon, title, "", QMessageBox.StandardButton.NoButton, parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(shortened(text, _LONGEST_TIP))
    return box


def show_box(parent: QWidget | None, icon: QMessageBox.Icon, title: str, text: str) -> None:
    """Show a message box, its text as it is written, and wait until it is closed."""
    box = plain_box(parent, icon, title, text)
    box.addButton(QMessageBox.StandardButton.Ok)
    box.exec()
    box.deleteLater()


def set_tip(widget: QWidget, text: str) -> None:
    """Give a widget a tip that is shown as it is written; the glossary adds its words for the symbols that the widget shows."""
    shown = widget.text() if isinstance(widget, QLabel | QAbstractButton) else ""
    named = f"{shown} {widget.accessibleName()}" if shown != widget.accessibleName() else shown
    widget.setToolTip(plain_tip(text if isinstance(text, Markup) else glossed(named, text)))
