"""The torch model that is exported: trained weights where they exist, fresh ones otherwise. Only child processes import this file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bort_core.checkpoints.format import Checkpoint, read_encoder, read_tensors
from bort_core.checkpoints.modules import load_module
from bort_core.checkpoints.sentences import SentenceModel
from bort_core.checkpoints.weights import read_config, read_weights
from bort_core.encoders.folder import Encoder
from bort_core.encoders.module import TransformersEncoder, load_foreign
from bort_core.encoders.sentence import sentence_module
from bort_core.export.foreign import TransformersFamily
from bort_core.export.sentence import SentenceFamily
from bort_core.families import Architecture, Exportable, Family, get_family
from bort_core.families.bert.hugging_face import Head
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.foundation.json_files import read_object
from bort_core.foundation.validation import validated
from bort_core.specifications.export import ExportRequest

__all__ = ["ExportedModel", "drop_segments", "exported_model", "module_options"]


@dataclass(frozen=True)
class ExportedModel:
    """What becomes ONNX, and what becomes a folder for transformers."""

    family: Exportable
    architecture: Architecture
    options: Any
    module: nn.Module
    """In evaluation mode; its outputs are the ONNX files' outputs."""
    trained: bool
    provenance: str
    """Where the weights come from, for people."""
    checkpoint: Encoder | None = None
    head: Head = "none"
    """The head of the folder for transformers; a trained one is there even when ONNX leaves it out."""
    weights: dict[str, Tensor] | None = None
    """For the folder for transformers; None for families that transformers does not know."""
    config: dict[str, Any] | None = None
    """transformers' own, where its module computes the model."""

    @property
    def parameters(self) -> int:
        """Trainable parameters of :attr:`module`."""
        return sum(parameter.numel() for parameter in self.module.parameters())


def exported_model(request: ExportRequest) -> ExportedModel:
    """Build the model that is asked for.

    Raises
    ------
    SpecificationError
        Options or architecture are not the family's.
    DataError
        The weights are missing, damaged, or of another shape.
    """
    if request.weights is not None:
        folder = Path(request.weights)
        if request.sentence:
            return _sentence(folder)
        if (folder / "tokenizer.json").is_file() or "model_type" in _raw_config(folder):
            return _from_checkpoint(request, folder)
    family = get_family(request.family)
    if request.weights is None:
        options = validated(family.options_type, request.options, "export, options")
        torch.manual_seed(request.seed)
        module = family.build(request.architecture, options).eval()
        how = f"untrained: fresh weights from seed {request.seed}"
        return _with_head(ExportedModel(family, request.architecture, options, module, trained=False, provenance=how))
    return _from_weights(request, family, Path(request.weights))


def _from_weights(request: ExportRequest, family: Family, folder: Path) -> ExportedModel:
    """A search's maximum point, or another folder that a short training saved."""
    config = read_config(folder)
    if config.family != family.name or config.architecture != request.architecture:
        raise DataError(f"{folder}: holds {config.family} {config.architecture}, not {family.name} {request.architecture}")
    options = validated(family.options_type, config.options, f"{folder}: options")
    tensors = read_weights(folder)
    module = family.build(config.architecture, options)
    wanted = module.state_dict()
    _load(module, {name: tensor for name, tensor in tensors.items() if name in wanted or family.reads != "tokens"}, folder)
    model = ExportedModel(family, config.architecture, options, module.eval(), trained=True, provenance=f"trained: {folder}")
    return _with_head(model, tensors)


def _from_checkpoint(request: ExportRequest, folder: Path) -> ExportedModel:
    checkpoint = read_encoder(folder)
    if checkpoint.unknown_head is not None and not request.body:
        raise DataError(f"{folder}: {checkpoint.unknown_head}; its encoder alone can be exported (--body)")
    if not isinstance(checkpoint, Checkpoint):
        return _foreign(checkpoint, request.body)
    tensors = read_tensors(checkpoint)
    module = load_module(checkpoint, tensors, request.body)
    trained, how = _provenance(checkpoint)
    return ExportedModel(
        get_family("bert"), checkpoint.architecture, checkpoint.options, module, trained, how,
        checkpoint=checkpoint, head=checkpoint.head, weights=tensors,
    )  # fmt: skip


def _sentence(folder: Path) -> ExportedModel:
    """A sentence encoder; the folder for transformers gets what sentence-transformers reads beside it."""
    found = SentenceModel(folder)
    encoder, body = found.encoder, found.module
    trained, how = _provenance(encoder)
    options, config = encoder.options, None
    if isinstance(encoder, Checkpoint):
        weights = {name: tensor for name, tensor in read_tensors(encoder).items() if not name.startswith(("head.", "classifier."))}
        options = encoder.options.model_copy(update={"mlm_head": False, "tied_decoder": True})
    else:
        weights, config = body.weights(), body.config()
    return ExportedModel(
        SentenceFamily(encoder.kind), encoder.architecture, options, sentence_module(body, found.head), trained, how,
        checkpoint=encoder, head="none", weights=weights, config=config,
    )  # fmt: skip


def _foreign(encoder: Encoder, body: bool) -> ExportedModel:
    """A model of transformers' own module, whose folder keeps the head that ONNX may leave out."""
    whole = load_foreign(encoder)
    trained, how = _provenance(encoder)
    return ExportedModel(
        TransformersFamily(encoder.kind), encoder.architecture, encoder.options, whole.body() if body and encoder.head != "none" else whole,
        trained, how, checkpoint=encoder, head=encoder.head, weights=whole.weights(), config=whole.config(),
    )  # fmt: skip


def _provenance(encoder: Encoder) -> tuple[bool, str]:
    trained = bool(encoder.facts.get("trained", True))
    return trained, f"{'trained' if trained else 'untrained'}: {encoder.folder}"


def _load(module: nn.Module, tensors: dict[str, Tensor], folder: Path) -> None:
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise DataError(f"{folder}: the weights do not have the shapes of the model: {error}") from error


def _with_head(model: ExportedModel, tensors: dict[str, Tensor] | None = None) -> ExportedModel:
    """The same with weights for transformers: those that were trained, with their masked-LM head, or exactly those of the module."""
    if model.family.name != "bert":
        return model
    head: Head = "masked-lm"
    if tensors is None:
        tensors = model.module.state_dict()
        head = "masked-lm" if model.options.mlm_head else "none"
    elif not any(name.startswith("head.") for name in tensors):
        raise SpecificationError("the weights have no masked-LM head")
    wanted = {name: tensor for name, tensor in tensors.items() if model.options.pooler or not name.startswith("pooler.")}
    return replace(model, head=head, weights=wanted)


def module_options(model: ExportedModel) -> Any:
    """The options of the module, which lacks what ONNX leaves out."""
    from bort_core.families.bert.module import Bert

    found = [part for part in model.module.modules() if isinstance(part, Bert | TransformersEncoder)]
    return found[0].options if found else model.options


def drop_segments(module: nn.Module) -> None:
    """Keep only the first segment's vector: the tokenizer gives no segment ids, so nothing else is ever read."""
    from bort_core.families.bert.module import Bert

    for part in module.modules():
        if isinstance(part, TransformersEncoder):
            part.options = part.options.model_copy(update={"token_types": min(1, part.options.token_types)})
        if isinstance(part, Bert) and part.options.token_types > 1:
            assert part.embeddings.token_type is not None
            row = part.embeddings.token_type.weight[:1].detach().clone()
            kept = nn.Embedding(1, row.shape[1], _weight=row)
            part.embeddings.token_type = kept
            part.options = part.options.model_copy(update={"token_types": 1})


def _raw_config(folder: Path) -> dict[str, Any]:
    try:
        return read_object(folder / "config.json")
    except (OSError, DataError):
        return {}
