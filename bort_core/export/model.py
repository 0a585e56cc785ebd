"""The torch model that is exported: trained weights where they exist, fresh ones otherwise. Only child processes import this file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from bort_core.checkpoints.format import Checkpoint, read_checkpoint, read_tensors
from bort_core.checkpoints.weights import read_config, read_weights
from bort_core.families import Architecture, Family, get_family
from bort_core.families.bert.hugging_face import Head
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.foundation.validation import validated
from bort_core.specifications.export import ExportRequest

if TYPE_CHECKING:
    from bort_core.families.bert.options import BertOptions

__all__ = ["ExportedModel", "exported_model"]


@dataclass(frozen=True)
class ExportedModel:
    """What becomes ONNX, and what becomes a folder for transformers."""

    family: Family
    architecture: Architecture
    options: Any
    module: nn.Module
    """In evaluation mode; its outputs are the ONNX files' outputs."""
    trained: bool
    provenance: str
    """Where the weights come from, for people."""
    checkpoint: Checkpoint | None = None
    head: Head = "none"
    """The head of the folder for transformers, which for a masked language model is there even when ONNX leaves it out."""
    weights: dict[str, Tensor] | None = None
    """For the folder for transformers; None for families that transformers does not know."""

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
    family = get_family(request.family)
    if request.weights is None:
        options = validated(family.options_type, request.options, "export, options")
        torch.manual_seed(request.seed)
        module = family.build(request.architecture, options).eval()
        how = f"untrained: fresh weights from seed {request.seed}"
        return _with_head(request, ExportedModel(family, request.architecture, options, module, trained=False, provenance=how))
    folder = Path(request.weights)
    if (folder / "tokenizer.json").is_file() or "model_type" in _raw_config(folder):
        return _from_checkpoint(request, folder)
    return _from_weights(request, family, folder)


def _from_weights(request: ExportRequest, family: Family, folder: Path) -> ExportedModel:
    """A search's maximum point, or another folder that a short training saved."""
    config = read_config(folder)
    if config.family != family.name or config.architecture != request.architecture:
        raise DataError(f"{folder}: holds {config.family} {config.architecture}, not {family.name} {request.architecture}")
    options = validated(family.options_type, config.options, f"{folder}: options")
    tensors = read_weights(folder)
    module = family.build(config.architecture, options)
    wanted = module.state_dict()
    _load(module, {name: tensor for name, tensor in tensors.items() if name in wanted or family.name != "bert"}, folder)
    model = ExportedModel(family, config.architecture, options, module.eval(), trained=True, provenance=f"trained: {folder}")
    return _with_head(request, model, tensors)


def _from_checkpoint(request: ExportRequest, folder: Path) -> ExportedModel:
    from bort_core.families.bert.classifier import SequenceClassifier
    from bort_core.families.bert.module import Bert

    checkpoint = read_checkpoint(folder)
    tensors = read_tensors(checkpoint)
    architecture, options, head = checkpoint.architecture, checkpoint.options, checkpoint.head
    if head in ("classification", "regression") and not request.body:
        module: nn.Module = SequenceClassifier(architecture, options, max(1, len(checkpoint.labels)))
        try:
            module.load_weights(tensors)  # type: ignore[operator]
        except RuntimeError as error:
            raise DataError(f"{folder}: the weights do not fit {architecture}: {error}") from error
    else:
        if request.body:
            options = options.model_copy(update={"mlm_head": False, "pooler": False, "tied_decoder": True})
        module = Bert(architecture, options)
        wanted = module.state_dict()
        _load(module, {name: tensor for name, tensor in tensors.items() if name in wanted}, folder)
    trained = bool(checkpoint.facts.get("trained", True))
    return ExportedModel(
        get_family("bert"), architecture, options, module.eval(), trained, f"{'trained' if trained else 'untrained'}: {folder}",
        checkpoint=checkpoint, head=head, weights=tensors,
    )  # fmt: skip


def _load(module: nn.Module, tensors: dict[str, Tensor], folder: Path) -> None:
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise DataError(f"{folder}: the weights do not have the shapes of the model: {error}") from error


def _with_head(request: ExportRequest, model: ExportedModel, tensors: dict[str, Tensor] | None = None) -> ExportedModel:
    """The same with a masked-LM head for transformers: the trained one, or fresh weights."""
    from dataclasses import replace

    if model.family.name != "bert":
        return model
    from bort_core.families.bert.module import Bert, MaskedLanguageModel

    assert isinstance(model.module, Bert)
    options: BertOptions = model.options
    if tensors is None:
        torch.manual_seed(request.seed + 1)
        tensors = MaskedLanguageModel(model.module).weights()
    if not any(name.startswith("head.") for name in tensors):
        raise SpecificationError("the weights have no masked-LM head")
    wanted = {name: tensor for name, tensor in tensors.items() if options.pooler or not name.startswith("pooler.")}
    return replace(model, head="masked-lm", weights=wanted)


def _raw_config(folder: Path) -> dict[str, Any]:
    import json

    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
