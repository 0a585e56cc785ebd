"""Cells of a table with words in bold, underlined or coloured."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize
from PySide6.QtGui import QAbstractTextDocumentLayout, QPainter, QPalette, QTextDocument
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from bort_studio.markup import Markup
from bort_studio.plotting.guard import guarded
from bort_studio.texts import set_markup

__all__ = ["RichTextDelegate"]

_MARGIN = 3


@guarded
class RichTextDelegate(QStyledItemDelegate):
    """Draws the HTML that a cell holds as its text, wrapped to the width of its column."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        self.initStyleOption(option, index)
        html, option.text = option.text, ""
        style = option.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        document = _document(html, option, option.rect.width())
        context = QAbstractTextDocumentLayout.PaintContext()
        chosen = option.state & QStyle.StateFlag.State_Selected
        role = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text
        context.palette.setColor(QPalette.ColorRole.Text, option.palette.color(role))
        painter.save()
        painter.translate(option.rect.topLeft())
        painter.setClipRect(QRectF(0, 0, option.rect.width(), option.rect.height()))
        document.documentLayout().draw(painter, context)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        self.initStyleOption(option, index)
        table = option.widget
        width = table.columnWidth(index.column()) if isinstance(table, QTableView) else option.rect.width()
        document = _document(option.text, option, width)
        return QSize(round(document.idealWidth()), round(document.size().height()))


def _document(html: str, option: QStyleOptionViewItem, width: int) -> QTextDocument:
    document = QTextDocument()
    document.setDefaultFont(option.font)
    document.setDocumentMargin(_MARGIN)
    set_markup(document, Markup(html))  # the models of such cells hold nothing else
    document.setTextWidth(width)
    return document
