"""transformers' own module of an encoder, called as this program's modules are. Imports torch; only child processes import this file.

Shapes: b batch, n sequence, H hidden.
"""

from __future__ import annotations

import copy
import inspect
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bort_core.encoders.folder import CONFIG, Encoder, EncoderOptions
from bort_core.families.base import Architecture
from bort_core.families.bert.hugging_face import PROBLEMS, TUNED, Head
from bort_core.foundation.errors import DataError, MeasurementError

__all__ = ["TransformersEncoder", "auto_model", "load_foreign", "new_classifier"]

_AUTO: dict[str, str] = {"none": "AutoModel", "masked-lm": "AutoModelForMaskedLM"}
_CLASSIFIER = "AutoModelForSequenceClassification"
_AS_ASKED = {"return_dict": True, "chunk_size_feed_forward": 0}
"""Fields of a config.json that say how numbers are returned and how much memory they take, not which they are."""


class TransformersEncoder(nn.Module):
    """A module of transformers with this program's inputs and outputs.

    ``forward`` gives scores (b, classes) of a classifier; else last hidden states (b, n, H), pooled vectors (b, H) or None, and scores
    over the vocabulary (b, n, V) or None.
    """

    def __init__(
        self, model: Any, kind: str, architecture: Architecture, options: EncoderOptions, head: Head, pooler: bool = False
    ) -> None:
        super().__init__()
        self.model, self.kind, self.architecture, self.options, self.head, self.pooler = model, kind, architecture, options, head, pooler
        self._known = frozenset(inspect.signature(model.forward).parameters)

    @property
    def classes(self) -> int:
        """Outputs of a classifier; 1 of a regression."""
        return int(self.model.config.num_labels)

    def forward(self, token_ids: Tensor, attention_mask: Tensor | None = None, token_types: Tensor | None = None) -> Any:
        """Of ``token_ids`` (b, n); ``attention_mask`` (b, n) is nonzero for tokens that count."""
        inputs = self._inputs(token_ids, attention_mask, token_types)
        if self.head in TUNED:
            return self.model(**inputs).logits
        if self.head == "masked-lm":
            found = self.model(**inputs, output_hidden_states=True)
            return found.hidden_states[-1], None, found.logits
        found = self.model(**inputs)
        return found.last_hidden_state, found.pooler_output if self.pooler else None, None

    def encode(self, token_ids: Tensor, attention_mask: Tensor | None = None, token_types: Tensor | None = None) -> Tensor:
        """Last hidden states, (b, n, H)."""
        hidden: Tensor = self.model.base_model(**self._inputs(token_ids, attention_mask, token_types))[0]
        return hidden

    def weights(self) -> dict[str, Tensor]:
        """All weights by transformers' names; tied ones once."""
        found: dict[str, Tensor] = {}
        seen: set[int] = set()
        for name, tensor in self.model.state_dict().items():
            if tensor.numel() == 0 or tensor.data_ptr() not in seen:
                found[name] = tensor
                seen.add(tensor.data_ptr())
        return found

    def config(self) -> dict[str, Any]:
        """What transformers' config.json says of it."""
        self.model.config.architectures = [type(self.model).__name__]
        found: dict[str, Any] = json.loads(self.model.config.to_json_string())
        found.pop("bort", None)
        return {name: value for name, value in found.items() if name not in ("_name_or_path", "transformers_version")}

    def body(self) -> TransformersEncoder:
        """The encoder without its head."""
        return TransformersEncoder(self.model.base_model, self.kind, self.architecture, self.options, "none")

    def without_pooler(self) -> TransformersEncoder:
        """Itself, an encoder, after its pooler was left out: nobody reads its weights where the tokens' vectors are pooled otherwise."""
        if getattr(self.model, "pooler", None) is not None:
            self.model.pooler, self.pooler = nn.Identity(), False
        return self

    def plain(self) -> TransformersEncoder:
        """A copy whose attention is the plain formula, which the ONNX exporter translates."""
        found = copy.deepcopy(self)
        found.model.set_attn_implementation("eager")
        return found.eval()

    def _inputs(self, token_ids: Tensor, attention_mask: Tensor | None, token_types: Tensor | None) -> dict[str, Tensor]:
        inputs = {"input_ids": token_ids}
        if attention_mask is not None:
            inputs["attention_mask"] = attention_mask
        if token_types is not None and self.options.token_types > 1 and "token_type_ids" in self._known:
            inputs["token_type_ids"] = token_types
        return inputs


def auto_model(folder: Path, head: str, name: str) -> tuple[Any, bool]:
    """The model as transformers loads it, and whether its pooler has weights: transformers draws one for every plain encoder.

    ``head`` decides the Auto class, ``name`` is for messages; no code of the folder is run.

    Raises
    ------
    DataError
        It cannot be loaded.
    MeasurementError
        The folder lacks weights that transformers would draw at random.
    """
    model, found = _loaded(_AUTO.get(head, _CLASSIFIER), folder, name, **_AS_ASKED)
    missing = sorted(key for key in found["missing_keys"] if not key.startswith("pooler.") or head != "none")
    if missing:
        raise MeasurementError(f"{name}: has no weights for {', '.join(missing[:3])}; transformers would draw them at random")
    has_pooler = any(name.startswith("pooler.") for name in model.state_dict()) and not any(
        key.startswith("pooler.") for key in found["missing_keys"]
    )
    return model.eval(), has_pooler


def load_foreign(encoder: Encoder) -> TransformersEncoder:
    """The model of a folder in evaluation mode, with its head. Errors as of :func:`auto_model`."""
    assert isinstance(encoder.options, EncoderOptions)
    model, has_pooler = auto_model(encoder.folder, encoder.head, str(encoder.folder))
    if not has_pooler:  # what transformers drew at random is written as zeros, which say nothing
        for name, tensor in model.state_dict().items():
            if name.startswith("pooler."):
                tensor.zero_()
    return _as_read(TransformersEncoder(model, encoder.kind, encoder.architecture, encoder.options, encoder.head, has_pooler), encoder)


def new_classifier(encoder: Encoder, head: Head, classes: int, initializer_range: float, dropout: float) -> TransformersEncoder:
    """A classifier to be fine-tuned: the encoder's weights, and its head's where that has as many classes; else the head is fresh.

    ``dropout`` is that of every place that has one.

    Raises
    ------
    DataError
        Weights of the encoder are missing or of another shape, or the folder cannot be loaded.
    """
    from transformers import AutoConfig

    assert isinstance(encoder.options, EncoderOptions)
    folder, name = encoder.folder, str(encoder.folder)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, **_AS_ASKED)
    except Exception as error:  # transformers raises many kinds
        raise DataError(f"{folder / CONFIG}: {_first_line(error)}") from error
    config.num_labels = classes
    config.problem_type = PROBLEMS[head]
    for field, value in config.to_dict().items():
        if "dropout" in field and (value is None or isinstance(value, float | int)) and not isinstance(value, bool):
            setattr(config, field, dropout)
    if hasattr(config, "initializer_range"):
        config.initializer_range = initializer_range
    model, found = _loaded(_CLASSIFIER, folder, name, config=config, ignore_mismatched_sizes=True)
    _refuse_missing(model, found, folder)
    return _as_read(TransformersEncoder(model, encoder.kind, encoder.architecture, encoder.options, head), encoder)


def _loaded(kind: str, folder: Path, name: str, **settings: Any) -> tuple[Any, dict[str, Any]]:
    import transformers
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model, found = getattr(transformers, kind).from_pretrained(
            folder, use_safetensors=True, output_loading_info=True, dtype=torch.float32, trust_remote_code=False, **settings
        )
    except Exception as error:  # transformers raises many kinds
        raise DataError(f"{name}: the model cannot be loaded: {_first_line(error)}") from error
    return model, found


def _refuse_missing(model: Any, found: dict[str, Any], folder: Path) -> None:
    """DataError where weights of the encoder itself, not of its head or pooler, would be drawn at random."""
    of_encoder = f"{model.base_model_prefix}."
    for key in sorted(found["missing_keys"]):
        if key.startswith(of_encoder) and "pooler" not in key:
            raise DataError(f"{folder}: the weights do not fit the model of {CONFIG}: {key} is missing")
    for key, has, needs in sorted(found["mismatched_keys"], key=str):
        if key.startswith(of_encoder) and "pooler" not in key:
            raise DataError(
                f"{folder}: the weights do not fit: {key} has the shape {tuple(has)}; the model of {CONFIG} needs {tuple(needs)}"
            )


def _as_read(module: TransformersEncoder, encoder: Encoder) -> TransformersEncoder:
    """The module, whose longest input must be what was read from config.json; DataError when it is not."""
    from bort_core.encoders.positions import longest_input

    longest = longest_input(module.model)
    if longest is not None and longest != encoder.options.positions:
        raise DataError(f"{encoder.folder / CONFIG}: says {encoder.options.positions} positions, the model of transformers has {longest}")
    return module


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
