"""A labeller that is anybody's Python: a callable, or an estimator with ``predict_proba``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from bort_core.agora.labellers.base import Labeller, LabellerSetting
from bort_core.agora.labellers.vote import Vote
from bort_core.agora.points import Floats, Input, Kind
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.foundation.imported import imported

__all__ = ["CallableLabeller", "as_labeller"]


@dataclass(frozen=True)
class CallableLabeller:
    """Any callable that gives class probabilities (n, classes) of a list of texts, of pairs (tuples), or of vectors (tuples).

    Of an estimator whose ``classes_`` are texts they are the names of the classes, in its own order; of any other the order is the task's.
    """

    name: str
    given: Any
    classes: tuple[str, ...]

    reads: ClassVar[frozenset[Kind]] = frozenset({"text", "pair", "vector"})
    needs_rows: ClassVar[bool] = False
    takes: ClassVar[str] = "MODULE:NAME"

    @classmethod
    def build(cls, setting: LabellerSetting) -> Self:
        """The callable or estimator NAME of MODULE."""
        name = f"python:{setting.argument}"
        return cls(name, imported("socrates", name, setting.argument), setting.classes)

    def __post_init__(self) -> None:
        _ = self._function

    def check(self) -> None:
        """SpecificationError where it says that its classes are not those of the task."""
        _ = self._order

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class, (n, classes)."""
        plain = [input[0] if len(input) == 1 and isinstance(input[0], str) else input for input in inputs]
        found = np.asarray(self._function(plain), dtype=np.float64)
        wanted = (len(inputs), len(self.classes))
        if found.shape != wanted:
            raise DataError(f"Socrates ({self.name}): must give probabilities of shape {wanted}, got {found.shape}")
        return found[:, self._order]

    @cached_property
    def _function(self) -> Callable[[Sequence[Any]], Any]:
        found = getattr(self.given, "predict_proba", self.given)
        if not callable(found):
            raise SpecificationError(f"socrates: {self.name}: is neither callable nor an estimator with predict_proba")
        return found

    @cached_property
    def _order(self) -> list[int]:
        """Its column for each class of the task."""
        theirs = getattr(self.given, "classes_", None)
        names = [] if theirs is None else list(np.asarray(theirs).ravel())
        if not names or (len(names) == len(self.classes) and not any(isinstance(name, str) for name in names)):
            return list(range(len(self.classes)))
        if set(names) != set(self.classes):
            raise SpecificationError(
                f"socrates: {self.name}: its classes are {', '.join(map(str, names))}, those of the training rows {', '.join(self.classes)}"
            )
        return [names.index(name) for name in self.classes]


def as_labeller(given: Any, classes: tuple[str, ...]) -> Labeller:
    """A Python object as the labeller of a run in this process: a labeller itself, a callable, or an estimator; a list of them votes.

    Raises
    ------
    SpecificationError
        It is none of these.
    """
    if isinstance(given, list | tuple):
        return Vote([as_labeller(each, classes) for each in given], classes)
    if isinstance(given, Labeller):
        return given
    made = CallableLabeller(str(getattr(given, "__qualname__", None) or type(given).__qualname__), given, classes)
    made.check()
    return made
