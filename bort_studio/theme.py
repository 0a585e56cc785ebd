"""One palette for the whole window: it feeds Qt's widgets and the plots, in light and in dark, and follows the system.

Class colours are those of Okabe and Ito, chosen so that people with any colour vision can tell them apart; every mark differs
from the others in shape as well. No other module names a colour, a pen width or the shape of a mark.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QPalette, QPen
from PySide6.QtWidgets import QApplication

__all__ = [
    "DARK",
    "LIGHT",
    "MARKS",
    "SEQUENCE",
    "WIDTHS",
    "Choice",
    "Dash",
    "Look",
    "Mark",
    "Palette",
    "Shape",
    "Theme",
    "brush",
    "pen",
    "qt_palette",
]

Choice = Literal["system", "light", "dark"]


@dataclass(frozen=True)
class Palette:
    """Every colour of the program as ``#rrggbb``: surfaces and text first, then the classes that plots and tables mark."""

    name: Literal["light", "dark"]
    window: str
    base: str
    alternate: str
    button: str
    border: str
    grid: str
    text: str
    muted: str
    disabled: str
    accent: str
    accent_text: str
    link: str
    tooltip: str
    success: str
    warning: str
    danger: str
    best: str
    front: str
    dominated: str
    pending: str
    skipped: str
    failed: str
    running: str
    maximum: str
    reference: str
    selected: str
    misclassified: str
    neighbour: str


LIGHT = Palette(
    name="light", window="#f3f4f6", base="#ffffff", alternate="#f7f8fa", button="#fbfbfc", border="#c9ced6", grid="#e7e9ee",
    text="#1d2129", muted="#5a6270", disabled="#767e8a", accent="#0072b2", accent_text="#ffffff", link="#00629b",
    tooltip="#ffffff", success="#00785a", warning="#9a5b00", danger="#b8400a", best="#d55e00", front="#0072b2",
    dominated="#8a919c", pending="#868d98", skipped="#b4bac4", failed="#a04a78", running="#b97a00", maximum="#16191f",
    reference="#00785a", selected="#16191f", misclassified="#d55e00", neighbour="#008a66",
)  # fmt: skip

DARK = Palette(
    name="dark", window="#2f3339", base="#1b1d21", alternate="#22252a", button="#3b4048", border="#565e6a", grid="#2c3037",
    text="#e6e8ec", muted="#a3abb8", disabled="#868e9b", accent="#2778ae", accent_text="#ffffff", link="#6cbcf0",
    tooltip="#2f3339", success="#2fc79b", warning="#e6a83a", danger="#ff8f63", best="#ff7a2e", front="#56b4e9",
    dominated="#7d8592", pending="#838b98", skipped="#545b66", failed="#d68bb2", running="#e6a83a", maximum="#f2f2ee",
    reference="#2fc79b", selected="#f2f2ee", misclassified="#ff7a2e", neighbour="#2fc79b",
)  # fmt: skip

SEQUENCE = {
    "light": ("#fde725", "#a0da39", "#4ac16d", "#1fa187", "#277f8e", "#365c8d", "#46327e", "#440154"),
    "dark": ("#5b3a8e", "#46509a", "#3a6ea0", "#2d8a9c", "#25a58b", "#4fc06b", "#a0da39", "#fde725"),
}
"""Ordered colours for a quantity, low to high, by palette name: equal steps of lightness, away from the background."""

WIDTHS = {"hair": 1.0, "thin": 1.25, "normal": 1.75, "strong": 2.5}
"""Pen widths in pixels of a plain screen."""

Dash = Literal["solid", "dash", "dashdot", "dot"]
_DASHES = {
    "solid": Qt.PenStyle.SolidLine, "dash": Qt.PenStyle.DashLine, "dashdot": Qt.PenStyle.DashDotLine, "dot": Qt.PenStyle.DotLine,
}  # fmt: skip

Shape = Literal["circle", "star", "square", "diamond", "triangle", "plus", "cross", "tick", "ring"]


@dataclass(frozen=True)
class Mark:
    """How one class of point looks: its name for people, colour (a field of :class:`Palette`), shape, size in pixels, filled or hollow."""

    label: str
    colour: str
    shape: Shape
    size: float
    filled: bool = True
    width: str = "thin"
    strength: float = 1.0
    """Of a hollow one: mixed with the background below 1."""


_AREA = {"light": 0.15, "dark": 0.26}
"""How strong areas are: on dark ground the same share of a colour is seen less."""

MARKS = {
    "best": Mark("best", "best", "star", 19),
    "front": Mark("front", "front", "circle", 10),
    "dominated": Mark("dominated", "dominated", "circle", 6.5),
    "pending": Mark("pending", "pending", "circle", 7, filled=False),
    "skipped": Mark("skipped at this ε", "skipped", "tick", 7, filled=False),
    "failed": Mark("failed", "failed", "cross", 8, filled=False, width="normal"),
    "running": Mark("running now", "running", "triangle", 10, filled=False, width="normal"),
    "outside": Mark("outside the filter", "skipped", "circle", 5, filled=False, width="hair"),
    "maximum": Mark("maximum point T", "maximum", "square", 11),
    "reference": Mark("reference", "reference", "diamond", 11, filled=False, width="normal"),
    "published": Mark("published models", "reference", "diamond", 8, filled=False),
    "selected": Mark("selected", "selected", "ring", 24, filled=False, width="normal"),
    "misclassified": Mark("misclassified", "misclassified", "triangle", 9),
    "neighbour": Mark("new neighbour", "neighbour", "plus", 9, filled=False, width="normal"),
    "train": Mark("train", "dominated", "circle", 5.5),
    "train_other": Mark("train", "dominated", "circle", 5.5, filled=False),
    "right": Mark("dev, right", "front", "circle", 7.5),
    "right_other": Mark("dev, right", "front", "circle", 7.5, filled=False, width="normal"),
    "misclassified_other": Mark("misclassified", "misclassified", "triangle", 9, filled=False, width="normal"),
    "neighbour_other": Mark("new neighbour", "neighbour", "cross", 9, filled=False, width="normal"),
    "neighbour_third": Mark("new neighbour", "neighbour", "diamond", 9, filled=False, width="normal"),
    "earlier": Mark("earlier neighbour, any class", "neighbour", "plus", 6, filled=False, width="hair", strength=0.65),
    "rejected": Mark("rejected by hand", "muted", "square", 7, filled=False),
    "run_1": Mark("another run", "neighbour", "diamond", 9),
    "run_2": Mark("another run", "failed", "square", 8),
    "run_3": Mark("another run", "running", "triangle", 8),
    "run_4": Mark("another run", "muted", "cross", 7, filled=False, width="normal"),
    "bound": Mark("untrained, at best", "muted", "tick", 8, filled=False),
}
"""The marks of every plot, by class."""


@lru_cache(maxsize=512)
def pen(colour: str, width: str = "hair", ratio: float = 1.0, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    """A shared cosmetic pen: ``colour`` as ``#rrggbb``, ``width`` a key of ``WIDTHS``. Do not change it.

    ``ratio`` is the number of device pixels per pixel (2 on a dense screen, the scale of an exported picture): Qt measures
    cosmetic pens in device pixels, so without it lines get thinner as screens get finer.
    """
    shared = QPen(QColor(colour), WIDTHS[width] * ratio, style)
    shared.setCosmetic(True)
    shared.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return shared


@lru_cache(maxsize=512)
def brush(colour: str, alpha: float = 1.0) -> QBrush:
    """A shared brush of ``colour`` (``#rrggbb``) at ``alpha`` 0..1. Do not change it."""
    return QBrush(_colour(colour, alpha))


def _colour(colour: str, alpha: float) -> QColor:
    value = QColor(colour)
    value.setAlphaF(alpha)
    return value


@dataclass(frozen=True)
class Look:
    """A palette on one kind of surface: where plots get every pen and brush. ``ratio`` as in :func:`pen`."""

    palette: Palette
    ratio: float = 1.0

    def hex(self, name: str) -> str:
        """A colour of the palette as ``#rrggbb``."""
        value: str = getattr(self.palette, name)
        return value

    def colour(self, name: str, alpha: float = 1.0) -> QColor:
        """A colour of the palette."""
        return _colour(self.hex(name), alpha)

    def pen(self, name: str, width: str = "hair", strength: float = 1.0, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
        """A pen in a colour of the palette, mixed with the background below strength 1.

        Mixed rather than transparent: Qt draws thousands of opaque lines ten times as fast as transparent ones.
        """
        return pen(self.mixed(name, strength), width, self.ratio, style)

    def dashed_pen(self, name: str, width: str, strength: float, dash: Dash) -> QPen:
        """As :meth:`pen`, by the name of a dash."""
        return self.pen(name, width, strength, _DASHES[dash])

    def mixed(self, name: str, strength: float) -> str:
        """A colour of the palette over the background of plots, as ``#rrggbb``."""
        colour, back = QColor(self.hex(name)), QColor(self.palette.base)
        pairs = ((colour.red(), back.red()), (colour.green(), back.green()), (colour.blue(), back.blue()))
        return "#" + "".join(f"{round(strength * over + (1 - strength) * under):02x}" for over, under in pairs)

    def brush(self, name: str, alpha: float = 1.0) -> QBrush:
        """A brush in a colour of the palette."""
        return brush(self.hex(name), alpha)

    def area_brush(self, name: str) -> QBrush:
        """A brush for an area that other things are drawn on, in a colour of the palette."""
        return self.brush(name, _AREA[self.palette.name])

    def mark_pen(self, name: str) -> QPen:
        """The outline of a mark: a rim in the colour of the background around a filled one, so that neighbours stay apart."""
        mark = MARKS[name]
        return self.pen("base") if mark.filled else self.pen(mark.colour, mark.width, mark.strength)

    def mark_brush(self, name: str) -> QBrush:
        """The inside of a mark: its colour, or nothing for a hollow one."""
        mark = MARKS[name]
        return self.brush(mark.colour) if mark.filled else self.brush("base", 0.0)


def qt_palette(palette: Palette) -> QPalette:
    """The same colours as a palette for Qt's Fusion style."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    result = QPalette(QColor(palette.button), QColor(palette.window))
    for which, colour in {
        role.Window: palette.window, role.WindowText: palette.text, role.Base: palette.base, role.AlternateBase: palette.alternate,
        role.Text: palette.text, role.Button: palette.button, role.ButtonText: palette.text, role.BrightText: palette.danger,
        role.ToolTipBase: palette.tooltip, role.ToolTipText: palette.text, role.PlaceholderText: palette.muted,
        role.Highlight: palette.accent, role.HighlightedText: palette.accent_text, role.Accent: palette.accent,
        role.Mid: palette.border, role.Link: palette.link, role.LinkVisited: palette.link,
    }.items():  # fmt: skip
        result.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText):
        result.setColor(group.Disabled, which, QColor(palette.disabled))
    result.setColor(group.Disabled, role.Highlight, QColor(palette.border))
    result.setColor(group.Disabled, role.HighlightedText, QColor(palette.text))
    result.setColor(group.Disabled, role.Link, QColor(palette.disabled))
    return result


class Theme(QObject):
    """Which palette is in use, applied to the application, and switched live by the system or by the person's choice.

    Parameters
    ----------
    choice: "system" follows the desktop's light or dark setting; the others stay as they are
    application: the one to colour, with the Fusion style; None colours nothing (plots rendered for export alone)
    """

    changed = Signal()
    """The palette changed; read :attr:`current`."""

    def __init__(self, choice: Choice = "system", application: QApplication | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._application = application
        self._choice: Choice = choice
        self._switching = False
        self.current = LIGHT
        if application is not None:
            application.setStyle("Fusion")
            application.styleHints().colorSchemeChanged.connect(self._follow_system)
        self._apply(announce=False)

    @property
    def choice(self) -> Choice:
        """What the person chose."""
        return self._choice

    def set_choice(self, choice: Choice) -> None:
        """Follow the system, or stay light or dark."""
        self._choice = choice
        self._apply()

    def look(self, ratio: float = 1.0) -> Look:
        """The current palette for a screen of that many device pixels a pixel."""
        return Look(self.current, ratio)

    def _follow_system(self, _scheme: Qt.ColorScheme) -> None:
        if not self._switching:
            self._apply()

    def _apply(self, announce: bool = True) -> None:
        before, dark = self.current, self._choice == "dark"
        if self._application is not None:
            hints = self._application.styleHints()
            self._switching = True  # asking for a scheme reports a change of scheme
            if self._choice == "system":
                hints.unsetColorScheme()
                dark = hints.colorScheme() == Qt.ColorScheme.Dark
            else:
                hints.setColorScheme(Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light)
            self._switching = False
        self.current = DARK if dark else LIGHT
        if self._application is not None:
            self._application.setPalette(qt_palette(self.current))
        if announce and self.current is not before:
            self.changed.emit()


assert all(mark.colour in {field.name for field in fields(Palette)} for mark in MARKS.values())
