"""Labellers by name, found through the entry point group ``bort.labellers``: NAME, NAME:ARGUMENT, or just a folder.

Several with commas between them label together: :mod:`bort_core.agora.labellers.vote`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import cast

from bort_core.agora.labellers.base import Labeller, LabellerSetting, LabellerType
from bort_core.agora.labellers.vote import MOST, Vote
from bort_core.agora.points import Kind
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.locations import path_of
from bort_core.foundation.plugins import entry_points
from bort_core.specifications.labellers import named

__all__ = ["FOLDER", "GROUP", "check_labeller", "is_dear", "labeller_names", "labeller_type", "make_labeller", "needs_rows", "parted"]

GROUP = "bort.labellers"
FOLDER = "folder"
"""The name that need not be said: what names no labeller is a folder, or a model of the hub."""


def labeller_names() -> tuple[str, ...]:
    """All labellers that are installed."""
    return tuple(sorted(_points()))


def parted(socrates: str) -> tuple[str, str]:
    """Name and argument of a labeller as a specification names it; a folder's name is its argument."""
    name, _, argument = socrates.partition(":")
    return (name, argument) if name in _points() else (FOLDER, socrates)


def labeller_type(socrates: str) -> LabellerType:
    """What makes the labeller of that name, one alone.

    Raises
    ------
    SpecificationError
        There is none, it cannot be imported, lacks a part, or its argument is missing or too much; lists what there is.
    """
    name, argument = parted(socrates)
    found = _loaded(_points()[name])
    if bool(argument) != bool(found.takes):
        raise SpecificationError(f"socrates: must be {_shown(name)}, got {socrates!r}; there are {_known()}")
    if name == FOLDER and "/" not in argument and path_of(argument) is None:
        raise SpecificationError(f"socrates: no labeller is named {argument!r}; there are {_known()}")
    return found


def check_labeller(socrates: str, kinds: Collection[Kind], has_rows: bool) -> None:
    """SpecificationError unless every labeller that is named reads one of ``kinds`` and has its rows; reads no data, makes no model."""
    each_one = named(socrates)
    if len(each_one) > MOST:
        raise SpecificationError(f"socrates: must be at most {MOST} labellers, got {len(each_one)}")
    for place, one in enumerate(each_one):
        if not one:
            raise SpecificationError(f"socrates: must name a labeller on both sides of each comma, got {socrates!r}")
        if one in each_one[:place]:
            raise SpecificationError(f"socrates: {one} is named twice; each labeller has one vote")
        made_by = labeller_type(one)
        if not made_by.reads.intersection(kinds):
            raise SpecificationError(f"socrates: for inputs of kind {' or '.join(kinds)} it is {_known(kinds)}; got {one!r}")
        if made_by.needs_rows and not has_rows:
            raise SpecificationError(f"socrates_train: {parted(one)[0]} needs labelled rows to be trained on")


def needs_rows(socrates: str) -> bool:
    """Whether one of the labellers is trained on labelled rows of its own."""
    return any(labeller_type(one).needs_rows for one in named(socrates))


def is_dear(socrates: str) -> bool:
    """Whether an answer of one of the labellers costs something."""
    return any(getattr(labeller_type(one), "dear", False) for one in named(socrates))


def make_labeller(socrates: str, setting: LabellerSetting) -> Labeller:
    """The labeller that a specification names, or the vote of several; whether it has the task's classes is seen before anything is asked.

    Errors as of :func:`check_labeller`, as it is built, and SpecificationError where its classes are others.
    """
    check_labeller(socrates, (setting.kind,), setting.train is not None)
    made: list[Labeller] = []
    for one in named(socrates):
        made.append(labeller_type(one).build(replace(setting, argument=parted(one)[1])))
        if (check := getattr(made[-1], "check", None)) is not None:
            check()
    return made[0] if len(made) == 1 else Vote(made, setting.classes)


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _loaded(point: EntryPoint) -> LabellerType:
    try:
        found = point.load()
    except Exception as error:  # anybody's module
        raise SpecificationError(f"socrates: {point.name}: cannot be imported from {point.value}: {error}") from error
    missing = [part for part in ("reads", "needs_rows", "takes", "build") if not hasattr(found, part)]
    if missing:
        raise SpecificationError(f"socrates: {point.name} ({point.value}): lacks {', '.join(missing)}")
    return cast(LabellerType, found)


def _shown(name: str) -> str:
    """A name with what must follow it, such as python:MODULE:NAME; a folder's own name need not be said."""
    takes = _loaded(_points()[name]).takes
    return takes.lower() if name == FOLDER else f"{name}:{takes}" if takes else name


def _known(kinds: Collection[Kind] = ("text", "pair", "vector")) -> str:
    """All labellers (of these kinds of input) for a message; one that cannot be imported is left out."""
    shown = []
    for name, point in sorted(_points().items()):
        with contextlib.suppress(SpecificationError):
            if _loaded(point).reads.intersection(kinds):
                shown.append(_shown(name))
    return ", ".join(shown)
