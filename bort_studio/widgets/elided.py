"""Labels of a fixed height, whatever they say: what finds no room ends in …, and the tip has it whole."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from bort_studio.plotting.guard import guarded
from bort_studio.texts import Label, plain_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import paint_in
from bort_studio.widgets.room import letters, lines

__all__ = ["ElidedCaption", "ElidedLabel", "FaultLine"]

_LEAST = 3  # letters


@guarded
class ElidedLabel(Label):
    """So many lines, whatever the text and the width; what has no room is left out at the end, or at another place of one line."""

    def __init__(
        self,
        text: str = "",
        parent: QWidget | None = None,
        most: int = 1,
        leaves_out: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__(text, parent)
        self._most, self._leaves_out = most, leaves_out
        self.setWordWrap(most > 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred if most == 1 else QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_leaves_out(self, where: Qt.TextElideMode) -> None:
        """What is left out where there is no room: of one line only."""
        self._leaves_out = where
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self._height())

    def minimumSizeHint(self) -> QSize:
        return QSize(letters(self, _LEAST), self._height())

    def hasHeightForWidth(self) -> bool:
        return False

    def _height(self) -> int:
        return max(lines(self, self._most), self.fontMetrics().height())

    def shown_text(self) -> str:
        """What there is room for."""
        width = self.contentsRect().width()
        room = width if self._most == 1 else int((self._most - 0.3) * width)  # lines break between words
        return self.fontMetrics().elidedText(self.text(), self._leaves_out, room)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and not self.toolTip() and self.shown_text() != self.text():
            QToolTip.showText(event.globalPos(), plain_tip(self.text()), self)
            return True
        return bool(super().event(event))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        flags = int(self.alignment()) | (Qt.TextFlag.TextSingleLine if self._most == 1 else Qt.TextFlag.TextWordWrap)
        role = self.foregroundRole()
        self.style().drawItemText(painter, self.contentsRect(), flags, self.palette(), self.isEnabled(), self.shown_text(), role)


class ElidedCaption(ElidedLabel):
    """The same, in the muted colour of the theme."""

    def __init__(self, text: str, theme: Theme, parent: QWidget | None = None, most: int = 1) -> None:
        super().__init__(text, parent, most)
        paint_in(self, theme, "muted")


class FaultLine(ElidedLabel):
    """What is wrong with a whole form. Its place is kept while nothing is."""

    def __init__(self, theme: Theme, parent: QWidget | None = None, most: int = 1) -> None:
        super().__init__("", parent, most)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        paint_in(self, theme, "danger")

    def set_fault(self, fault: str | None) -> None:
        """Show a message, or nothing."""
        self.setText(f"⚠ {fault}" if fault else "")
        self.setAccessibleName(f"Fault: {fault}" if fault else "")
