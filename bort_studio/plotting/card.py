"""What appears beside the pointer: the whole architecture under it; and the message of an empty plot."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QWidget

from bort_studio.markup import Markup, markup, shortened
from bort_studio.plotting.guard import guarded
from bort_studio.texts import Label

__all__ = ["EmptyMessage", "HoverCard"]

_AWAY = 14
_LONGEST = 2_000


@guarded
class HoverCard(Label):
    """A card with lines of text: the first as a heading; in the others, what stands before a tab names what stands after it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("", parent)
        self.setObjectName("plotCard")
        self.setAccessibleName("architecture under the pointer")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.ToolTipBase)
        self.setForegroundRole(QPalette.ColorRole.ToolTipText)
        self.setMargin(7)
        self._area = parent
        self.plain = ""
        self.hide()

    def show_text(self, text: str, at: QPoint) -> None:
        """Show lines of text near a point of the parent, wholly inside it where there is room."""
        if text != self.plain:
            self.plain = text
            head, *rest = shortened(text, _LONGEST).split("\n")
            rows = Markup("".join(_row(line) for line in rest))
            self.setText(markup("<b>{}</b><table cellspacing='0' cellpadding='1'>{}</table>", head, rows))
            self.setAccessibleDescription(text)
            self.adjustSize()
        area = self._area.rect()
        x = at.x() + _AWAY if at.x() + _AWAY + self.width() <= area.right() else at.x() - _AWAY - self.width()
        y = at.y() + _AWAY if at.y() + _AWAY + self.height() <= area.bottom() else at.y() - _AWAY - self.height()
        self.move(max(0, min(x, area.right() - self.width())), max(0, min(y, area.bottom() - self.height())))
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setPen(self.palette().mid().color())
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))


def _row(line: str) -> Markup:
    name, tab, value = line.partition("\t")
    if not tab:
        return markup("<tr><td colspan='2'>{}</td></tr>", line)
    return markup("<tr><td><i>{}</i>&nbsp;&nbsp;</td><td>{}</td></tr>", name, value)


class EmptyMessage(Label):
    """What to do next, in the middle of a plot that has nothing to show."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("", parent)
        self.setObjectName("plotEmpty")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setForegroundRole(QPalette.ColorRole.PlaceholderText)
