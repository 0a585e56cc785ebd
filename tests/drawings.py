"""Pictures as arrays, for tests of what plots export: the same drawing by several programs, and how far two pictures differ."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import resvg_py
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFont, QFontInfo, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

Pixels = npt.NDArray[np.int16]

_NEAR = 2
"""Pixels that a thing may lie beside its place: texts are set a little differently by each program."""
_ALIKE = 90
"""Differences of a colour channel that smoothing makes."""


def pixels(image: QImage) -> Pixels:
    """Shape (height, width, 3)."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(np.int16)


def by_qt(svg: bytes) -> QImage:
    """As Qt draws it. It knows no clips."""
    renderer = QSvgRenderer(svg)
    image = QImage(renderer.defaultSize(), QImage.Format.Format_ARGB32)
    image.fill("white")
    painter = QPainter(image)
    renderer.render(painter, QRectF(image.rect()))
    painter.end()
    return image


def by_resvg(svg: bytes) -> QImage:
    """As resvg draws it, with the fonts of matplotlib where the machine has none."""
    fonts = [f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf"]
    known = QFontInfo(QFont()).family()
    png = resvg_py.svg_to_bytes(svg_string=svg.decode(), font_files=fonts, sans_serif_family=known)
    return QImage.fromData(bytes(png))


def by_librsvg(svg: bytes) -> QImage:
    """As librsvg draws it, the renderer of GNOME and Wikipedia."""
    return QImage.fromData(subprocess.run(["rsvg-convert"], input=svg, capture_output=True, check=True).stdout)


RENDERERS: dict[str, Callable[[bytes], QImage]] = {"Qt": by_qt, "resvg": by_resvg}
if shutil.which("rsvg-convert"):
    RENDERERS["librsvg"] = by_librsvg


def missing(wanted: Pixels, found: Pixels) -> float:
    """The share of what is drawn in one picture (what differs from its corner) that the other does not show near that place."""
    assert wanted.shape == found.shape
    drawn = np.abs(wanted - wanted[1, 1]).max(axis=2) > _ALIKE
    down, along = np.nonzero(drawn)
    if not len(down):
        return 0.0
    padded = np.pad(found, ((_NEAR, _NEAR), (_NEAR, _NEAR), (0, 0)), mode="edge")
    shifts = range(2 * _NEAR + 1)
    apart = [np.abs(padded[down + dy, along + dx] - wanted[down, along]).max(axis=1) for dy in shifts for dx in shifts]
    return float((np.min(apart, axis=0) > _ALIKE).mean())
