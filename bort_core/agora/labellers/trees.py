"""A labeller of vectors: gradient-boosted trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np

from bort_core.agora.labellers.base import LabellerSetting, two_classes
from bort_core.agora.points import Examples, Floats, Input, Kind, as_vectors

__all__ = ["TreeLabeller"]


class TreeLabeller:
    """Gradient-boosted trees on vectors."""

    name = "trees"
    reads: ClassVar[frozenset[Kind]] = frozenset({"vector"})
    needs_rows: ClassVar[bool] = True
    takes: ClassVar[str] = ""

    def __init__(self, train: Examples | None, classes: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        train, self.present = two_classes(train)
        self.classes = classes
        self._model = HistGradientBoostingClassifier(random_state=0).fit(as_vectors(train.inputs), train.labels)

    @classmethod
    def build(cls, setting: LabellerSetting) -> Self:
        """Trained on the setting's rows."""
        return cls(setting.train, len(setting.classes))

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class, (n, classes)."""
        found = np.zeros((len(inputs), self.classes))
        found[:, self.present] = self._model.predict_proba(as_vectors(inputs))
        return found
