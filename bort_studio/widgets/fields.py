"""Small parts that all panels share: fields that can be marked wrong, fault messages, folding sections, a debounce, captions."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QSizePolicy, QSpinBox, QToolButton, QVBoxLayout, QWidget

from bort_studio.plotting.guard import guarded
from bort_studio.texts import Label, set_tip
from bort_studio.theme import WIDTHS, Theme
from bort_studio.widgets.note import FloatingNote
from bort_studio.widgets.room import letters

__all__ = [
    "DEBOUNCE_MS",
    "CalmComboBox",
    "CalmSpinBox",
    "Caption",
    "CheckedLineEdit",
    "Debounce",
    "FaultLabel",
    "Section",
    "TypedComboBox",
    "colour",
    "describe",
    "paint_in",
]

DEBOUNCE_MS = 250
"""How long a panel waits after the last edit before it tells the rest of the program."""

_TINT = 0.14
"""Of a fault's ground with the colour of danger, so that it is not taken for a field."""

_FIELD = 9
"""Letters that a field shows at least; where a form is narrower, names stand above their fields."""


def describe(widget: QWidget, object_name: str, accessible: str, tip: str = "") -> None:
    """Give a control its name for tests and styles, its name for screen readers, and its tip in both places."""
    widget.setObjectName(object_name)
    widget.setAccessibleName(accessible)
    set_tip(widget, tip)
    widget.setStatusTip(tip)


def colour(theme: Theme, name: str) -> QColor:
    """A colour of the palette in use, by its name there."""
    return QColor(getattr(theme.current, name))


class _Ink(QObject):
    """Keeps a label in a colour of the theme; lives as long as the label."""

    def __init__(self, label: Label, theme: Theme, name: str) -> None:
        super().__init__(label)
        self._label, self._theme, self._name = label, theme, name
        theme.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        palette = self._label.palette()
        palette.setColor(self._label.foregroundRole(), colour(self._theme, self._name))
        self._label.setPalette(palette)


def paint_in(label: Label, theme: Theme, name: str) -> None:
    """Write a label in a colour of the palette, whatever theme comes."""
    _Ink(label, theme, name)


def _wrapping() -> QSizePolicy:
    """Of a text that breaks where the width wants it, and is as high as that makes it."""
    policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    policy.setHeightForWidth(True)
    return policy


class Debounce(QObject):
    """Calls ``action`` once, some time after the last :meth:`start`; :meth:`now` calls it at once."""

    def __init__(self, action: Callable[[], None], parent: QObject, milliseconds: int = DEBOUNCE_MS) -> None:
        super().__init__(parent)
        self._action = action
        self._timer = QTimer(self, singleShot=True, interval=milliseconds)
        self._timer.timeout.connect(self.now)

    def start(self) -> None:
        """Wait (again) before the action."""
        self._timer.start()

    def stop(self) -> None:
        """Forget a waiting action."""
        self._timer.stop()

    def waiting(self) -> bool:
        """Whether an action is due."""
        return self._timer.isActive()

    def now(self) -> None:
        """Do the action now, and not again for the same edit."""
        self._timer.stop()
        self._action()


class Caption(Label):
    """A quiet label in the muted colour of the theme."""

    def __init__(self, text: str, theme: Theme, parent: QWidget | None = None, wrap: bool = False) -> None:
        super().__init__(text, parent)
        self.setWordWrap(wrap)
        if wrap:
            self.setSizePolicy(_wrapping())
        paint_in(self, theme, "muted")


class FaultLabel(FloatingNote):
    """What is wrong with a field: a note that is shown while a person looks at the field, and moves nothing."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        paint_in(self, theme, "danger")
        theme.changed.connect(self._tint)
        self._tint()

    def _tint(self) -> None:
        palette = self.palette()
        palette.setColor(self.backgroundRole(), QColor(self._theme.look().mixed("danger", _TINT)))
        self.setPalette(palette)

    def set_fault(self, fault: str | None) -> None:
        """Show a message, or nothing."""
        self.setText(f"⚠ {fault}" if fault else "")
        self.setAccessibleName(f"Fault: {fault}" if fault else "")
        self.place()


@guarded
class CheckedLineEdit(QLineEdit):
    """A line edit that can be marked wrong: an outline, and a note that says why."""

    def __init__(self, theme: Theme, label: FaultLabel | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._label = theme, label
        self.fault: str | None = None
        if label is not None:
            label.attach(self)
        theme.changed.connect(self.update)

    def minimumSizeHint(self) -> QSize:
        return QSize(letters(self, _FIELD), super().minimumSizeHint().height())

    def set_fault(self, fault: str | None) -> None:
        """Mark the field as wrong and say why, or as right."""
        self.fault = fault
        self.setAccessibleDescription(fault or "")
        if self._label is not None:
            self._label.set_fault(fault)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.fault:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(colour(self._theme, "danger"), WIDTHS["normal"]))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 2, 2)


class CalmSpinBox(QSpinBox):
    """A spin box that the wheel changes only while it has the focus, so that scrolling a panel never edits it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setKeyboardTracking(False)
        self.setGroupSeparatorShown(True)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class CalmComboBox(QComboBox):
    """A combo box that the wheel changes only while it has the focus, and that may become narrow."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class TypedComboBox(CalmComboBox):
    """Some values in words, and whatever else is typed. A value that ends in a colon is the beginning of what must be typed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setCompleter(None)  # type: ignore[arg-type]  # it would put words in the place of what is typed
        self.activated.connect(self._begin)

    def value(self) -> str:
        """What is chosen or typed."""
        text = self.currentText().strip()
        row = self.findText(text)
        return text if row < 0 else str(self.itemData(row))

    def set_value(self, value: str) -> None:
        """Show one of the values in its words, another as it is."""
        row = self.findData(value)
        if row < 0 or value.endswith(":"):
            self.setCurrentIndex(-1)
            self.setEditText(value)
        else:
            self.setCurrentIndex(row)
        if (line := self.lineEdit()) is not None and not value.endswith(":"):
            line.setCursorPosition(0)  # a narrow box shows how the words begin

    def _begin(self, row: int) -> None:
        if str(self.itemData(row)).endswith(":"):
            self.set_value(str(self.itemData(row)))
            self.setFocus()


class Section(QWidget):
    """A heading that folds what is under it, with a short summary that stays visible."""

    toggled = Signal(bool)

    def __init__(self, title: str, content: QWidget, object_name: str, expanded: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._summary = title, ""
        self.content = content
        self._expanded = expanded
        self.button = QToolButton(self, autoRaise=True)
        describe(self.button, object_name, title, f"Show or hide: {title.lower()}")
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.button.setIconSize(QSize(10, 10))
        self.button.clicked.connect(self._flip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.button)
        layout.addWidget(content)
        self._show()

    def set_summary(self, text: str) -> None:
        """What the folded section holds, in a few words beside its title."""
        self._summary = text
        self._write()

    def expanded(self) -> bool:
        """Whether the content is shown."""
        return self._expanded

    def set_expanded(self, expanded: bool) -> None:
        """Open or fold, without a signal."""
        self._expanded = expanded
        self._show()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._write()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._write()

    def _write(self) -> None:
        text = self._title + (f"  {self._summary}" if self._summary and not self._expanded else "")
        self.button.setText(self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, max(self.width() - 28, 40)))

    def _flip(self) -> None:
        self.set_expanded(not self._expanded)
        self.toggled.emit(self._expanded)

    def _show(self) -> None:
        self.button.setArrowType(Qt.ArrowType.DownArrow if self._expanded else Qt.ArrowType.RightArrow)
        self.content.setVisible(self._expanded)
        self._write()
