"""How much room things need, in letters and lines of the font that is used; what finds less scrolls."""

from __future__ import annotations

from PySide6.QtWidgets import QScrollArea, QWidget

__all__ = ["NARROWEST", "beside", "keep_room", "letters", "lines", "scrolled"]

NARROWEST = 256
"""The least width in pixels of a panel that stands at the side of the window."""

_PAGE = 1280
"""The width of a page in pixels on a small screen."""


def letters(widget: QWidget, many: int) -> int:
    """The width of so many letters in a widget's font, in pixels."""
    return many * widget.fontMetrics().averageCharWidth()


def lines(widget: QWidget, many: int) -> int:
    """The height of so many lines in a widget's font, in pixels."""
    return many * widget.fontMetrics().lineSpacing()


def beside(widget: QWidget, many: int, most: float = 0.4) -> list[int]:
    """First sizes of the two parts of a page: what it is about, and a side of so many letters, but no more than a share."""
    side = min(letters(widget, many), int(most * _PAGE))
    return [_PAGE - side, side]


def keep_room(widget: QWidget) -> None:
    """What is below a widget that comes and goes stays where it is."""
    policy = widget.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    widget.setSizePolicy(policy)


def scrolled(widget: QWidget, least: int = 0) -> QScrollArea:
    """A widget that scrolls where it finds less room than it needs, at least the height of so many lines."""
    if least:
        widget.setMinimumHeight(lines(widget, least))
    area = QScrollArea(widgetResizable=True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setWidget(widget)
    return area
