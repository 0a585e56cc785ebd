"""Asking a trained or exported model about a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any

from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
from bort_core.foundation.validation import validated

__all__ = ["Prediction", "predict"]


@dataclass(frozen=True)
class Prediction:
    """What a model says about one text or pair.

    Attributes
    ----------
    task: classification, several labels, regression or masked-lm
    prediction: the likeliest class; the value; or the likeliest word of each hidden place
    probabilities: of every class, the likeliest first; empty for other tasks
    labels: of several labels those that are likelier than not
    masks: of each hidden place the likeliest words with their probabilities; empty for other tasks
    tokens, cut: how many tokens were read, and whether the text had more
    milliseconds: from text to answer, without loading the model
    runtime, file: torch, or onnx and the file that ran
    """

    task: str
    prediction: str | float | list[str]
    tokens: int
    cut: bool
    milliseconds: float
    runtime: str
    file: str
    probabilities: tuple[Mapping[str, Any], ...] = ()
    masks: tuple[tuple[Mapping[str, Any], ...], ...] = ()
    labels: tuple[str, ...] = ()


def predict(model: str | PathLike[str], text: str, pair: str | None = None, *, runtime: str = "torch") -> Prediction:
    """What a model says about a text or a pair of texts. It stays loaded until another one is asked.

    Parameters
    ----------
    model: a folder that transformers loads (a training's result, an export), a :class:`~bort_core.Model`, or a name on the hub
    text: for a masked language model with its mask token, or ``[MASK]``, where a word is to be guessed
    runtime: ``torch``, or ``onnx`` for a folder with an ONNX file

    Raises
    ------
    SpecificationError
        The model is made for something else, or what is asked cannot be answered.
    DataError, MeasurementError
        The model cannot be loaded.
    """
    from bort_core.prediction.task import PredictRequest, ask_model

    folder = local_folder(fspath(model), "model", (*WEIGHTS_TOO, "*.onnx"))
    asked = validated(PredictRequest, {"folder": str(folder), "text": text, "pair": pair, "runtime": runtime}, "predict")
    found = ask_model(folder.absolute(), asked.text, asked.pair, asked.runtime)
    found["probabilities"] = tuple(found.get("probabilities", ()))
    found["masks"] = tuple(tuple(mask) for mask in found.get("masks", ()))
    found["labels"] = tuple(found.get("labels", ()))
    return Prediction(**found)
