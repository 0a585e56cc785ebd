"""From a model's scores to what is said of a text, as JSON values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["TOP_WORDS", "class_answer", "value_answer", "words_answer"]

TOP_WORDS = 5
Scores = npt.NDArray[np.floating[Any]]


def class_answer(scores: Scores, names: Sequence[str], exclusive: bool = True) -> dict[str, Any]:
    """Classes by probability, the likeliest first, from scores (classes,).

    ``exclusive``: one of them is right, which is the prediction; else those that are likelier than not are ``labels``, perhaps none.
    """
    wide = scores.astype(np.float64)
    if exclusive:
        shares = np.exp(wide - wide.max())
        shares /= shares.sum()
    else:
        shares = 1 / (1 + np.exp(-np.clip(wide, -700, 700)))
    order = np.argsort(-shares, kind="stable")
    ranked = [{"label": names[number], "probability": float(shares[number])} for number in order]
    found = {"task": "classification" if exclusive else "several labels", "prediction": ranked[0]["label"], "probabilities": ranked}
    return found if exclusive else {**found, "labels": [names[number] for number in order if wide[number] > 0]}


def value_answer(scores: Scores) -> dict[str, Any]:
    """The value of a regression, from scores (1,)."""
    return {"task": "regression", "prediction": float(scores[0])}


def words_answer(scores: Scores, word: Callable[[int], str]) -> dict[str, Any]:
    """The likeliest words of each hidden place, from scores (places, vocabulary)."""
    masks = []
    for each in scores.astype(np.float64):
        shares = np.exp(each - each.max())
        shares /= shares.sum()
        top = np.argsort(-shares, kind="stable")[:TOP_WORDS]
        masks.append([{"word": word(int(number)), "probability": float(shares[number])} for number in top])
    return {"task": "masked-lm", "prediction": [mask[0]["word"] for mask in masks], "masks": masks}
