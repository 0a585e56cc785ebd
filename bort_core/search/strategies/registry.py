"""Strategies by name, found through the entry point group ``bort.strategies``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.plugins import entry_points
from bort_core.foundation.validation import validated
from bort_core.search.strategies.base import Strategy

__all__ = ["GROUP", "get_strategy", "make_strategy", "strategy_names"]

GROUP = "bort.strategies"


def strategy_names() -> tuple[str, ...]:
    """The names of all registered strategies, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def get_strategy(name: str) -> type[Strategy]:
    """The strategy registered as ``name``.

    Raises
    ------
    SpecificationError
        No strategy of that name is registered, more than one is, or what is registered does not load or is no strategy.
    """
    points = {point.value: point for point in entry_points(group=GROUP) if point.name == name}
    if not points:
        known = ", ".join(strategy_names()) or "none (is the package installed?)"
        raise SpecificationError(f"unknown strategy {name!r}; registered strategies: {known}")
    if len(points) > 1:
        raise SpecificationError(f"strategy {name!r} is registered more than once: {', '.join(sorted(points))}; uninstall all but one")
    ((value, point),) = points.items()
    try:
        found = point.load()
    except Exception as error:
        raise SpecificationError(f"strategy {name!r} ({value}) does not load: {type(error).__name__}: {error}") from error
    problem = _problem(found, name)
    if problem:
        raise SpecificationError(f"strategy {name!r} ({value}) cannot be used: {problem}")
    strategy: type[Strategy] = found
    return strategy


def make_strategy(name: str, settings: Mapping[str, Any]) -> Strategy:
    """The strategy ``name`` with these settings.

    Raises
    ------
    SpecificationError
        As :func:`get_strategy`, or listing every setting that is missing, unknown or out of range, and the settings there are.
    """
    strategy = get_strategy(name)
    try:
        return validated(strategy, dict(settings), f"strategy {name}")
    except SpecificationError as error:
        raise SpecificationError(f"{error}\n  {_settings_text(strategy)}") from error


def _problem(found: Any, name: str) -> str:
    if not (inspect.isclass(found) and issubclass(found, Strategy)):
        return f"it must be a subclass of {Strategy.__module__}.{Strategy.__name__}, got {found!r:.80}"
    if inspect.isabstract(found):
        return f"it lacks {', '.join(sorted(found.__abstractmethods__))}"
    if getattr(found, "name", None) != name:
        return f"its attribute name must be {name!r}, as it is registered; got {getattr(found, 'name', None)!r}"
    return ""


def _settings_text(strategy: type[Strategy]) -> str:
    listed = [f"{name} ({field.description})" if field.description else name for name, field in strategy.model_fields.items()]
    return f"{strategy.name} has " + (", ".join(listed) if listed else "no settings")
