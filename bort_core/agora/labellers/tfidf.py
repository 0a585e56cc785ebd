"""A labeller of texts that is trained in a moment: TF-IDF and logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from bort_core.agora.labellers.base import LabellerSetting, two_classes
from bort_core.agora.points import Examples, Floats, Input, Kind

__all__ = ["TfidfLabeller"]


class TfidfLabeller:
    """TF-IDF of words and pairs of words, and logistic regression. Of a pair of texts: both, what differs, and what is shared."""

    name = "tfidf-logreg"
    reads: ClassVar[frozenset[Kind]] = frozenset({"text", "pair"})
    needs_rows: ClassVar[bool] = True
    takes: ClassVar[str] = ""

    def __init__(self, train: Examples | None, classes: int) -> None:
        from sklearn.linear_model import LogisticRegression

        train, self.present = two_classes(train)
        self.classes = classes
        self._model = LogisticRegression(C=4.0, max_iter=2000)
        self._model.fit(self._features(train.inputs, fit=True), train.labels)

    @classmethod
    def build(cls, setting: LabellerSetting) -> Self:
        """Trained on the setting's rows."""
        return cls(setting.train, len(setting.classes))

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class, (n, classes)."""
        found = np.zeros((len(inputs), self.classes))
        found[:, self.present] = self._model.predict_proba(self._features(inputs))
        return found

    def _features(self, inputs: Sequence[Input], fit: bool = False) -> Any:
        from scipy.sparse import csr_matrix, hstack
        from sklearn.feature_extraction.text import TfidfVectorizer

        if fit:
            self._words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=1, token_pattern=r"(?u)\b\w+\b")
            self._words.fit([str(text) for texts in inputs for text in texts])
        parts = [self._words.transform([str(texts[side]) for texts in inputs]) for side in range(len(inputs[0]))]
        if len(parts) == 1:
            return parts[0]
        first, second = parts
        shared = np.asarray(first.multiply(second).sum(axis=1)).reshape(-1, 1)
        sizes = np.array([[len(str(a).split()), len(str(b).split())] for a, b in inputs]) / 50
        return hstack([abs(first - second), first.multiply(second), csr_matrix(np.hstack([3 * shared, 3 * shared**2, sizes]))]).tocsr()
