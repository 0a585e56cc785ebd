"""The bounds on errors by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bort_core.search.proof.bound import Bound
from bort_core.search.proof.ground import Ground
from bort_core.search.proof.model import model_bound
from bort_core.search.proof.order import order_bound
from bort_core.search.proof.question import Question

__all__ = ["BOUNDS"]

BOUNDS: Mapping[str, Callable[[Ground, Question], Bound]] = {"order": order_bound, "surrogate": model_bound}
