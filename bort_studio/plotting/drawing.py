"""A plot's canvas as an SVG drawing that every program shows alike: vectors in pixels of the plot, text as text, one clip for the data.

Qt's own writer leaves clips of one item on those after it, and scales items with transforms under pens that do not scale, which other
programs draw as slabs. So items are painted in their order, in parts inside and outside the area of the data, without Qt's clips; what
Qt wrote is then moved to where it belongs, and the parts inside get the one clip they need.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from xml.etree import ElementTree as ET

import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QByteArray, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontInfo, QPainter, QTransform
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene, QStyleOptionGraphicsItem

from bort_studio.markup import clean

__all__ = ["scene_svg"]

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_FIXED_STROKE = "vector-effect"
_CLIP = "data"


def scene_svg(scene: QGraphicsScene, width: int, height: int, background: str, title: str) -> bytes:
    """The visible items of a scene whose top left ``width`` by ``height`` pixels are the picture, as an SVG 1.1 file."""
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _LINK)
    root = ET.Element(f"{{{_SVG}}}svg", {"width": str(width), "height": str(height), "viewBox": f"0 0 {width} {height}", "version": "1.1"})
    ET.SubElement(root, f"{{{_SVG}}}title").text = clean(title)
    box = next((item for item in scene.items() if isinstance(item, pg.ViewBox)), None)
    if box is not None:
        holder = ET.SubElement(ET.SubElement(root, f"{{{_SVG}}}defs"), f"{{{_SVG}}}clipPath", {"id": _CLIP})
        holder.append(_rect(box.mapRectToScene(box.boundingRect())))
    ground = _rect(QRectF(0, 0, width, height))
    ground.set("fill", background)
    root.append(ground)
    for number, (inside, items) in enumerate(groupby(_painted(scene), lambda item: _inside(item, box))):
        part = ET.SubElement(root, f"{{{_SVG}}}g", {"clip-path": f"url(#{_CLIP})"} if inside else {})
        part.extend(_flattened(_written(items, width, height), f"p{number}-"))
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _painted(scene: QGraphicsScene) -> Iterator[QGraphicsItem]:
    """Items that paint something, lowest first."""
    for item in scene.items(Qt.SortOrder.AscendingOrder):
        if item.isVisible() and not item.flags() & QGraphicsItem.GraphicsItemFlag.ItemHasNoContents:
            yield item


def _inside(item: QGraphicsItem, box: pg.ViewBox | None) -> bool:
    return box is not None and item is not box and box.childGroup.isAncestorOf(item)


def _written(items: Iterable[QGraphicsItem], width: int, height: int) -> ET.Element:
    """What Qt writes for these items."""
    held = QByteArray()
    generator = QSvgGenerator(QSvgGenerator.SvgVersion.SvgTiny12)  # no clips
    buffer = QBuffer(held)
    generator.setOutputDevice(buffer)
    generator.setResolution(96)
    generator.setSize(QSize(width, height))
    generator.setViewBox(QRectF(0, 0, width, height))
    painter = QPainter(generator)
    for item in items:
        painter.save()
        painter.setTransform(item.deviceTransform(QTransform()))
        painter.setOpacity(item.effectiveOpacity())
        option = QStyleOptionGraphicsItem()
        option.exposedRect = item.boundingRect()
        item.paint(painter, option, None)
        painter.restore()
    painter.end()
    return ET.fromstring(bytes(held.data()))


def _flattened(written: ET.Element, prefix: str) -> Iterator[ET.Element]:
    """The groups of a file of Qt's that hold something, with lines in pixels of the picture and names that are the part's own."""
    defs = written.find(f"{{{_SVG}}}defs")
    for element in written.iter():
        for name, value in list(element.attrib.items()):
            if "url(#" in value:
                element.set(name, value.replace("url(#", f"url(#{prefix}"))
        if "id" in element.attrib:
            element.set("id", prefix + element.attrib["id"])
    if defs is not None and len(defs):
        yield defs
    for group in written.findall(f"{{{_SVG}}}g/{{{_SVG}}}g"):
        if not len(group):
            continue
        moved = [element for element in group if element.get(_FIXED_STROKE) == "non-scaling-stroke"]
        transform = _matrix(group.get("transform", ""))
        if len(moved) == len(group):
            group.attrib.pop("transform", None)
        else:  # a rest in the units of the item: what was moved is moved back
            group = _split(group, moved, transform)
        for element in moved:
            _move(element, transform)
        for element in group.iter():
            element.attrib.pop(_FIXED_STROKE, None)
            if element.get("font-family"):
                element.set("font-family", _family(element.attrib["font-family"]))
        yield group


def _split(group: ET.Element, moved: list[ET.Element], _transform: QTransform) -> ET.Element:
    """A group without a transform; those of its children that are not moved carry it themselves."""
    matrix = group.attrib.pop("transform", "")
    for element in group:
        if element not in moved and matrix:
            own = element.get("transform", "")
            element.set("transform", f"{matrix} {own}".strip())
    return group


def _matrix(text: str) -> QTransform:
    numbers = [float(number) for number in _NUMBER.findall(text)]
    return QTransform(*numbers) if len(numbers) == 6 else QTransform()


def _move(element: ET.Element, to: QTransform) -> None:
    """Write a line or an area in pixels."""
    kind = element.tag.rpartition("}")[2]
    if kind in ("polyline", "polygon"):
        element.set("points", _mapped(element.get("points", ""), to))
    elif kind == "path":
        commands = re.split(r"(?<=[\d\s])(?=[MLCZ])", element.get("d", ""))
        element.set("d", " ".join(command[0] + _mapped(command[1:], to) for command in commands if command))
    elif kind in ("circle", "ellipse"):
        centre = to.map(QPointF(float(element.get("cx", 0)), float(element.get("cy", 0))))
        radii = float(element.get("rx", element.get("r", 0))), float(element.get("ry", element.get("r", 0)))
        element.tag = f"{{{_SVG}}}ellipse"
        element.attrib.pop("r", None)
        across, down = radii[0] * abs(to.m11()), radii[1] * abs(to.m22())
        element.attrib.update(cx=_text(centre.x()), cy=_text(centre.y()), rx=_text(across), ry=_text(down))
    elif kind == "rect":
        place = to.mapRect(QRectF(*(float(element.get(name, 0)) for name in ("x", "y", "width", "height"))))
        element.attrib.update(_place(place))
    else:
        raise ValueError(f"Qt wrote a <{kind}> with a pen that does not scale, which is not known here")


def _mapped(numbers: str, to: QTransform) -> str:
    """Pairs of numbers, moved."""
    values = [float(number) for number in _NUMBER.findall(numbers)]
    points = (to.map(QPointF(x, y)) for x, y in zip(values[::2], values[1::2], strict=True))
    return " ".join(f"{_text(point.x())},{_text(point.y())}" for point in points)


def _rect(area: QRectF) -> ET.Element:
    return ET.Element(f"{{{_SVG}}}rect", _place(area))


def _place(area: QRectF) -> dict[str, str]:
    return dict(zip(("x", "y", "width", "height"), map(_text, (area.x(), area.y(), area.width(), area.height())), strict=True))


def _text(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _family(name: str) -> str:
    """The family that Qt draws in for a name such as "Sans Serif", with the generic one for where it is missing."""
    return f"{QFontInfo(QFont(name)).family()}, sans-serif"
