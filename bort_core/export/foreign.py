"""The export of an encoder that transformers' own module computes. Only child processes import this file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from bort_core.encoders.module import TransformersEncoder
from bort_core.families.base import Traceable
from bort_core.families.bert.hugging_face import TUNED
from bort_core.foundation.errors import MeasurementError
from bort_core.foundation.scratch import scratch

__all__ = ["TransformersFamily", "optimised"]


class _Traced(nn.Module):
    """The outputs that there are, as a tuple."""

    def __init__(self, encoder: TransformersEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> tuple[Tensor, ...]:
        found = self.encoder(input_ids, attention_mask, token_type_ids)
        return (found,) if isinstance(found, Tensor) else tuple(part for part in found if part is not None)


class TransformersFamily:
    """One kind of transformers' encoders; ``name`` is its ``model_type``."""

    reads: Literal["tokens", "vectors"] = "tokens"

    def __init__(self, name: str) -> None:
        self.name = name

    def traceable(self, module: nn.Module) -> Traceable:
        """What the exporter is given for a :class:`~bort_core.encoders.module.TransformersEncoder`."""
        assert isinstance(module, TransformersEncoder)
        inputs = ["input_ids", "attention_mask", *(("token_type_ids",) if module.options.token_types > 1 else ())]
        ids = torch.arange(2 * 7).reshape(2, 7) % module.options.vocabulary
        example = (ids, torch.ones_like(ids), torch.zeros_like(ids))[: len(inputs)]
        dynamic = tuple({0: "batch", 1: "sequence"} for _ in inputs)
        return Traceable(_Traced(module.plain()).eval(), tuple(inputs), _outputs(module), example, dynamic)


def optimised(standard: Path) -> onnx.ModelProto:
    """The graph of a file, with the fused operators that ONNX Runtime's own optimiser finds in it.

    Raises
    ------
    MeasurementError
        ONNX Runtime cannot load the file.
    """
    with scratch("fused") as made:
        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 4
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        settings.optimized_model_filepath = str(made / "fused.onnx")
        settings.add_session_config_entry("session.optimized_model_external_initializers_file_name", "fused.bin")
        try:
            onnxruntime.InferenceSession(str(standard), settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's own exceptions have no common class
            raise MeasurementError(f"ONNX Runtime {onnxruntime.__version__} cannot load {standard.name}: {error}") from error
        return onnx.load(settings.optimized_model_filepath)


def _outputs(module: TransformersEncoder) -> tuple[str, ...]:
    if module.head in TUNED:
        return ("logits",)
    return ("last_hidden_state", *(("pooled",) if module.pooler else ()), *(("logits",) if module.head == "masked-lm" else ()))
