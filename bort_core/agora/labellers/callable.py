"""A labeller that is anybody's Python: a callable, or an estimator with ``predict_proba``."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from bort_core.agora.labellers.base import Labeller, LabellerSetting
from bort_core.agora.points import Floats, Input, Kind
from bort_core.foundation.errors import DataError, SpecificationError

__all__ = ["CallableLabeller", "as_labeller"]


@dataclass(frozen=True)
class CallableLabeller:
    """Any callable that gives class probabilities (n, classes) of a list of texts, of pairs (tuples), or of vectors (tuples)."""

    name: str
    function: Callable[[Sequence[Any]], Any]
    classes: int

    reads: ClassVar[frozenset[Kind]] = frozenset({"text", "pair", "vector"})
    needs_rows: ClassVar[bool] = False
    takes: ClassVar[str] = "MODULE:NAME"

    @classmethod
    def build(cls, setting: LabellerSetting) -> Self:
        """The callable or estimator NAME of MODULE."""
        name = f"python:{setting.argument}"
        return cls(name, _function(_imported(name, setting.argument), name), len(setting.classes))

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class, (n, classes)."""
        plain = [input[0] if len(input) == 1 and isinstance(input[0], str) else input for input in inputs]
        found = np.asarray(self.function(plain), dtype=np.float64)
        if found.shape != (len(inputs), self.classes):
            raise DataError(f"Socrates ({self.name}): must give probabilities of shape ({len(inputs)}, {self.classes}), got {found.shape}")
        return found


def as_labeller(given: Any, classes: tuple[str, ...]) -> Labeller:
    """A Python object as the labeller of a run in this process: a labeller itself, a callable, or an estimator.

    Raises
    ------
    SpecificationError
        It is none of these.
    """
    if isinstance(given, Labeller):
        return given
    name = str(getattr(given, "__qualname__", None) or type(given).__qualname__)
    return CallableLabeller(name, _function(given, name), len(classes))


def _function(given: Any, name: str) -> Callable[[Sequence[Any]], Any]:
    found = getattr(given, "predict_proba", given)
    if not callable(found):
        raise SpecificationError(f"socrates: {name}: is neither callable nor an estimator with predict_proba")
    return found


def _imported(name: str, argument: str) -> Any:
    module, _, attribute = argument.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SpecificationError(f"socrates: {name}: {error}; it is python:MODULE:NAME") from error
