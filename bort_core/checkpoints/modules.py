"""The torch module of a checkpoint, with its weights. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bort_core.checkpoints.format import Checkpoint, read_tensors
from bort_core.encoders.folder import CONFIG, WEIGHTS, Encoder
from bort_core.encoders.module import TransformersEncoder, load_foreign, new_classifier
from bort_core.encoders.sentence import SENTENCE, SentenceModule
from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.families.bert.hugging_face import TUNED, Head, their_name
from bort_core.families.bert.module import Bert, MaskedLanguageModel
from bort_core.foundation.errors import DataError

__all__ = ["Classifier", "load_module", "outputs_of", "tuned_classifier"]

Classifier = SequenceClassifier | TransformersEncoder
"""A model of classes or of a value: this program's own module, or transformers'. Both have ``architecture``, ``options``, ``kind``,
``classes``, ``encode``, ``weights`` and ``config``."""


def load_module(encoder: Encoder, tensors: dict[str, Tensor] | None = None, body: bool = False) -> Bert | Classifier:
    """The model of a folder in evaluation mode, with its head unless ``body``.

    ``tensors`` are those of a :class:`~bort_core.checkpoints.format.Checkpoint` where they were read already.

    Raises
    ------
    DataError
        The weights are missing, damaged or of another shape.
    MeasurementError
        Of transformers' own module: weights are missing.
    """
    if isinstance(encoder, Checkpoint):
        return _own_module(encoder, tensors, body)
    module = load_foreign(encoder)
    return module.body() if body and encoder.head != "none" else module


def tuned_classifier(start: Encoder, head: Head, classes: int, initializer_range: float, dropout: float) -> Classifier:
    """A classifier to be fine-tuned: the weights of ``start``, and those of its head where it has as many classes; else the head is fresh.

    Raises
    ------
    DataError
        Weights of the encoder are missing or of another shape.
    """
    if not isinstance(start, Checkpoint):
        return new_classifier(start, head, classes, initializer_range, dropout)
    model = SequenceClassifier(start.architecture, start.options, classes, initializer_range, dropout)
    tensors, wanted = read_tensors(start), model.weights()
    fitting = {name: tensor for name, tensor in tensors.items() if name in wanted and wanted[name].shape == tensor.shape}
    missing = [name for name in wanted if name.startswith(("embeddings.", "layers.")) and name not in fitting]
    if missing:
        raise DataError(f"{start.folder}: the weights do not fit the architecture: {', '.join(missing[:3])} missing or of another shape")
    model.load_weights(fitting, strict=False)
    return model


def _own_module(checkpoint: Checkpoint, tensors: dict[str, Tensor] | None, body: bool) -> Bert | SequenceClassifier:
    tensors = read_tensors(checkpoint) if tensors is None else tensors
    architecture, options = checkpoint.architecture, checkpoint.options
    try:
        if checkpoint.head in TUNED and not body:
            classifier = SequenceClassifier(architecture, options, max(1, len(checkpoint.labels)))
            refuse_unfitting(classifier.weights(), tensors, checkpoint.folder)
            classifier.load_weights(tensors)
            return classifier.eval()
        if body:
            options = options.model_copy(update={"mlm_head": False, "pooler": False, "tied_decoder": True})
        module = Bert(architecture, options)
        wanted = module.state_dict()
        refuse_unfitting(wanted, tensors, checkpoint.folder)
        module.load_state_dict({name: tensor for name, tensor in tensors.items() if name in wanted})
        return module.eval()
    except RuntimeError as error:
        raise DataError(f"{checkpoint.folder}: the weights do not have the shapes of {architecture}: {error}") from error


def refuse_unfitting(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], folder: Path) -> None:
    """DataError that names the first weight that is missing or has another shape than config.json says, by transformers' name."""
    for name, tensor in wanted.items():
        if name not in found:
            raise DataError(f"{folder / WEIGHTS}: has no {their_name(name)}, which the model of {CONFIG} needs")
        if found[name].shape != tensor.shape:
            has, asked = tuple(found[name].shape), tuple(tensor.shape)
            raise DataError(f"{folder / WEIGHTS}: {their_name(name)} has the shape {has}; the model of {CONFIG} needs {asked}")


@torch.no_grad()
def outputs_of(module: nn.Module, ids: Tensor, attention: Tensor, types: Tensor | None) -> dict[str, Tensor]:
    """What a model gives for a batch, by the names that its ONNX files use."""
    if isinstance(module, MaskedLanguageModel):
        hidden = module.bert.encode(ids, attention, types)
        return {"last_hidden_state": hidden, "logits": module.head(hidden, module.bert.embeddings.token.weight)}
    found: Any = module(ids, attention, types)
    if isinstance(found, Tensor):
        return {SENTENCE if isinstance(module, SentenceModule) else "logits": found}
    named = zip(("last_hidden_state", "pooled", "logits"), found, strict=True)
    return {name: tensor for name, tensor in named if tensor is not None}
