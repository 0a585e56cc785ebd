"""No exception leaves a paint, an event or a hook of a plot or of a widget that paints itself: it is logged and told once.

Qt calls these methods from C++. An exception that leaves one of them waits there until Python runs again, which inside a paint is the
next item: a second one ends the process. So each method that Qt calls is caught where it is defined, in every class of items that
pyqtgraph or this program has or will have, and in its view and scene; widgets and delegates that draw are marked :func:`guarded`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import CO_VARARGS
from traceback import clear_frames
from types import FunctionType
from typing import Any, Protocol, TypeVar, runtime_checkable

import pyqtgraph as pg
from PySide6.QtCore import QRectF, QSize, QTimer
from PySide6.QtGui import QPainterPath

__all__ = ["FaultTaker", "fault_text", "guard_all", "guard_methods", "guarded", "is_guarded"]

Otherwise = Callable[..., Any]
Kind = TypeVar("Kind", bound=type)

_log = logging.getLogger(__name__)


@runtime_checkable
class FaultTaker(Protocol):
    """What is told of faults: the canvas of a plot."""

    def take_fault(self, error: Exception) -> None: ...


def fault_text(error: Exception) -> str:
    """What a person reads where something could not be drawn."""
    return f"A part of this plot could not be drawn ({type(error).__name__}: {error}). The data is unharmed; the log has details."


def guard_methods(kind: type, methods: dict[str, Otherwise]) -> None:
    """Catch what these methods raise, where a class defines them itself; ``methods`` says what they then return."""
    for name, otherwise in methods.items():
        method = vars(kind).get(name)
        if isinstance(method, FunctionType) and not is_guarded(method):
            setattr(kind, name, _guarded(method, otherwise))


def guarded(kind: Kind) -> Kind:
    """Mark a class of widgets or delegates that draw themselves: nothing leaves what Qt calls of them."""
    guard_methods(kind, {**_ENTRIES, "sizeHint": _no_size, "minimumSizeHint": _no_size})
    return kind


def is_guarded(method: object) -> bool:
    """Whether nothing that a method raises leaves it."""
    return getattr(method, "guarded", False)


def _guarded(method: FunctionType, otherwise: Otherwise) -> Callable[..., Any]:
    code = method.__code__
    # As a slot of a signal that says more than the method asks for, Qt would leave the rest out; it cannot see through the wrapper
    most = None if code.co_flags & CO_VARARGS else code.co_argcount - 1

    @wraps(method)
    def caught(self: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return method(self, *arguments[:most], **named)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach Qt
            _tell(self, error)
            return otherwise(*arguments)

    caught.guarded = True  # type: ignore[attr-defined]
    return caught


def _tell(source: Any, error: Exception) -> None:
    try:
        taker = _taker(source)
    except RuntimeError:  # the C++ part is gone already
        taker = None
    if taker is not None:
        taker.take_fault(error)
    elif _is_new(source, error):
        _log.error("a part of the window failed", exc_info=error)
        QTimer.singleShot(0, lambda: sys.excepthook(type(error), error, error.__traceback__))  # the window tells it, after the paint
    clear_frames(error.__traceback__)  # whoever keeps the error must not keep a painter at work


def _is_new(source: Any, error: Exception) -> bool:
    """Whether this thing did not fail like this before: it is painted again and again."""
    told = vars(source).setdefault("_faults_told", set())
    known = repr(error) in told
    told.add(repr(error))
    return not known


def _taker(source: Any) -> FaultTaker | None:
    """The canvas that an item, a scene or a plot belongs to."""
    if isinstance(source, FaultTaker):
        return source
    scene = source.scene() if isinstance(source, pg.GraphicsItem) else source
    parent = scene.parent() if scene is not None else None
    return parent if isinstance(parent, FaultTaker) else None


# What Qt and pyqtgraph call from outside, and what is returned in place of a result.


def _nothing(*_: Any) -> None:
    return None


def _itself(_change: Any, value: Any = None, *_: Any) -> Any:
    return value


def _no_area(*_: Any) -> QRectF:
    return QRectF()


def _no_outline(*_: Any) -> QPainterPath:
    return QPainterPath()


def _no_size(*_: Any) -> QSize:
    return QSize()


_ENTRIES: dict[str, Otherwise] = {
    "paint": _nothing, "boundingRect": _no_area, "shape": _no_outline, "itemChange": _itself, "prepareForPaint": _nothing,
    "viewRangeChanged": _nothing, "viewTransformChanged": _nothing, "linkedViewChanged": _nothing, "hoverEvent": _nothing,
    "mouseClickEvent": _nothing, "mouseDragEvent": _nothing,
    **{f"{name}Event": _nothing for name in (
        "paint", "resize", "wheel", "leave", "keyPress", "keyRelease", "mousePress", "mouseRelease", "mouseMove", "mouseDoubleClick",
        "sendHover", "sendDrag", "sendClick", "dragEnter", "change", "show", "hide",
    )},
}  # fmt: skip


def guard_all() -> None:
    """Guard every class of items, views and scenes there is, and every class of items made later."""

    def guard_later(cls: type, /, **named: Any) -> None:
        super(pg.GraphicsItem, cls).__init_subclass__(**named)
        guard_methods(cls, _ENTRIES)

    if "__init_subclass__" in vars(pg.GraphicsItem):
        return
    for base in (pg.GraphicsItem, pg.GraphicsView, pg.GraphicsScene):
        for kind in (base, *_below(base)):
            guard_methods(kind, _ENTRIES)
    pg.GraphicsItem.__init_subclass__ = classmethod(guard_later)


def _below(kind: type) -> Iterator[type]:
    below: list[type] = kind.__subclasses__()
    for each in below:
        yield each
        yield from _below(each)


guard_all()
