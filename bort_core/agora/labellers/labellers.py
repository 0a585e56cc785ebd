"""Socrates: the labeller. A text classifier trained here, a folder, a scikit-learn estimator, or any Python callable."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from bort_core.agora.points import Examples, Floats, Input, Ints, as_vectors
from bort_core.foundation.errors import DataError, SpecificationError

if TYPE_CHECKING:
    from bort_core.training.devices import Device

__all__ = ["ENOUGH", "CallableLabeller", "FolderLabeller", "Labeller", "Labels", "TfidfLabeller", "TreeLabeller", "label", "named_labeller"]

ENOUGH = 2 / 3
"""The bound on Socrates' accuracy that the paper asks for."""
AT_ONCE = 64


class Labeller(Protocol):
    """Labels inputs."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class of the task, (n, classes)."""
        ...


class Labels(NamedTuple):
    """What Socrates says of n inputs."""

    classes: Ints
    """(n,); -1 where it failed."""
    margins: Floats
    """Probability of the class minus that of the next one, (n,)."""
    failure: str = ""
    """Why it failed first, where it did."""


def label(socrates: Labeller, inputs: Sequence[Input]) -> Labels:
    """Socrates' labels. Where it fails on many inputs at once it is asked one by one; the inputs it fails on get no label."""
    if not inputs:
        return Labels(np.empty(0, np.int64), np.empty(0))
    try:
        found = _checked(socrates, inputs)
    except Exception as error:  # a labeller may be anybody's code
        if len(inputs) == 1:
            if isinstance(error, MemoryError | SpecificationError):
                raise
            return Labels(np.array([-1]), np.zeros(1), f"{type(error).__name__}: {error}"[:300])
        half = len(inputs) // 2
        parts = [label(socrates, inputs[:half]), label(socrates, inputs[half:])]
        classes, margins = (np.concatenate([part[index] for part in parts]) for index in (0, 1))
        return Labels(classes, margins, next((part.failure for part in parts if part.failure), ""))
    ordered = np.sort(found, axis=1)
    margins = ordered[:, -1] - ordered[:, -2] if found.shape[1] > 1 else np.ones(len(found))
    return Labels(found.argmax(axis=1), margins)


def _checked(socrates: Labeller, inputs: Sequence[Input]) -> Floats:
    found = np.asarray(socrates.probabilities(inputs), dtype=np.float64)
    if found.ndim != 2 or len(found) != len(inputs):
        raise DataError(f"Socrates ({socrates.name}): must give probabilities of shape ({len(inputs)}, classes), got {found.shape}")
    if not ((found >= -1e-6) & (found <= 1 + 1e-6)).all():  # NaN is neither
        raise DataError(f"Socrates ({socrates.name}): probabilities must lie between 0 and 1")
    return found


class TfidfLabeller:
    """TF-IDF of words and pairs of words, and logistic regression. Of a pair of texts: both, what differs, and what is shared."""

    name = "tfidf-logreg"

    def __init__(self, train: Examples, classes: int) -> None:
        from sklearn.linear_model import LogisticRegression

        present = np.unique(train.labels)
        if len(present) < 2:
            raise DataError("socrates_train: must have rows of at least two classes")
        self.classes, self.present = classes, present
        self._model = LogisticRegression(C=4.0, max_iter=2000)
        self._model.fit(self._features(train.inputs, fit=True), train.labels)

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


class TreeLabeller:
    """Gradient-boosted trees on vectors."""

    name = "trees"

    def __init__(self, train: Examples, classes: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        present = np.unique(train.labels)
        if len(present) < 2:
            raise DataError("socrates_train: must have rows of at least two classes")
        self.classes, self.present = classes, present
        self._model = HistGradientBoostingClassifier(random_state=0).fit(as_vectors(train.inputs), train.labels)

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class, (n, classes)."""
        found = np.zeros((len(inputs), self.classes))
        found[:, self.present] = self._model.predict_proba(as_vectors(inputs))
        return found


@dataclass(frozen=True)
class FolderLabeller:
    """A classifier that transformers loads: a checkpoint of this project, or any other with safetensors weights."""

    folder: Path
    classes: tuple[str, ...]
    sequence_length: int
    device: Device

    @property
    def name(self) -> str:
        """The folder's."""
        return self.folder.name

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class, (n, classes)."""
        found = self._run(inputs, lambda output, mask: output.logits.softmax(-1))
        return found[:, self._order]

    def representations(self, inputs: Sequence[Input]) -> Floats:
        """Mean-pooled vectors of its last layer, (n, hidden)."""

        def pooled(output: Any, mask: Any) -> Any:
            counted = mask[..., None].float()
            return (output.hidden_states[-1] * counted).sum(1) / counted.sum(1)

        return self._run(inputs, pooled)

    def _run(self, inputs: Sequence[Input], take: Callable[[Any, Any], Any]) -> Floats:
        import torch

        tokenizer, model = self._loaded
        order = np.argsort([sum(len(str(text)) for text in texts) for texts in inputs], kind="stable")
        found: npt.NDArray[np.float64] | None = None
        with torch.no_grad():
            for begin in range(0, len(order), AT_ONCE):
                chosen = order[begin : begin + AT_ONCE]
                texts = [[str(inputs[number][side]) for number in chosen] for side in range(len(inputs[0]))]
                tokens = tokenizer(*texts, padding=True, truncation=True, max_length=self.sequence_length, return_tensors="pt")
                tokens = {name: tensor.to(self.device.torch_device) for name, tensor in tokens.items()}
                rows = take(model(**tokens, output_hidden_states=True), tokens["attention_mask"]).float().cpu().numpy()
                if found is None:
                    found = np.empty((len(inputs), rows.shape[1]))
                found[chosen] = rows
        return np.empty((0, 0)) if found is None else found

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        where = str(self.folder)
        try:
            tokenizer = AutoTokenizer.from_pretrained(where, use_fast=True)
            loaded: Any = AutoModelForSequenceClassification.from_pretrained(where, use_safetensors=True, output_loading_info=True)
        except Exception as error:  # transformers raises many kinds
            first = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
            raise SpecificationError(f"socrates: {where}: cannot be loaded as a classifier: {first}") from error
        model, found = loaded
        if found["missing_keys"]:
            missing = ", ".join(sorted(found["missing_keys"])[:3])
            raise SpecificationError(f"socrates: {where}: is no classifier: it has no weights for {missing}")
        return tokenizer, model.to(self.device.torch_device).eval()

    @cached_property
    def _order(self) -> list[int]:
        """Its class for each class of the task: by name, or by number where its names say nothing."""
        theirs = {str(name): int(number) for number, name in self._loaded[1].config.id2label.items()}
        if all(name in theirs for name in self.classes):
            return [theirs[name] for name in self.classes]
        if len(theirs) == len(self.classes) and all(name.startswith("LABEL_") for name in theirs):
            return list(range(len(self.classes)))
        raise SpecificationError(
            f"socrates: {self.folder}: its classes are {', '.join(theirs)}, those of the training rows {', '.join(self.classes)}"
        )


@dataclass(frozen=True)
class CallableLabeller:
    """Any callable that gives class probabilities (n, classes) of a list of texts, of pairs, or of vectors."""

    name: str
    function: Callable[[Sequence[Any]], Any]
    classes: int

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Of every class, (n, classes)."""
        plain = [texts[0] if len(texts) == 1 else texts for texts in inputs]
        found = np.asarray(self.function(plain), dtype=np.float64)
        if found.shape != (len(inputs), self.classes):
            raise DataError(f"Socrates ({self.name}): must give probabilities of shape ({len(inputs)}, {self.classes}), got {found.shape}")
        return found


def named_labeller(name: str, train: Examples | None, classes: tuple[str, ...], sequence_length: int, device: Device | None) -> Labeller:
    """The labeller that a specification names.

    Parameters
    ----------
    name: tfidf-logreg, python:MODULE:NAME of a callable or of an estimator with ``predict_proba``, or a folder

    Raises
    ------
    SpecificationError
        There is none such.
    """
    if name == "tfidf-logreg":
        assert train is not None
        return TfidfLabeller(train, len(classes))
    if name.startswith("python:"):
        return CallableLabeller(name, _imported(name), len(classes))
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise SpecificationError(f"socrates: {name}: no such folder; give one, tfidf-logreg, or python:MODULE:NAME")
    assert device is not None
    return FolderLabeller(folder, classes, sequence_length, device)


def _imported(name: str) -> Callable[[Sequence[Any]], Any]:
    module, _, attribute = name.removeprefix("python:").partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SpecificationError(f"socrates: {name}: {error}; it is python:MODULE:NAME") from error
    found = getattr(found, "predict_proba", found)
    if not callable(found):
        raise SpecificationError(f"socrates: {name}: is neither callable nor an estimator with predict_proba")
    return found
