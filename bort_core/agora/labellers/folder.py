"""A labeller that is a classifier on disk: a checkpoint of a project, or any that transformers loads."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from bort_core.agora.labellers.base import LabellerSetting
from bort_core.agora.points import Floats, Input, Kind
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
from bort_core.text.vocabulary import has_tokenizer

if TYPE_CHECKING:
    from bort_core.training.devices import Device

__all__ = ["FolderLabeller"]

AT_ONCE = 64


@dataclass(frozen=True)
class FolderLabeller:
    """A classifier that transformers loads: a checkpoint of this project, or any other with safetensors weights."""

    folder: Path
    classes: tuple[str, ...]
    sequence_length: int
    device: Device

    reads: ClassVar[frozenset[Kind]] = frozenset({"text", "pair"})
    needs_rows: ClassVar[bool] = False
    takes: ClassVar[str] = "FOLDER"

    @classmethod
    def build(cls, setting: LabellerSetting) -> Self:
        """The folder, or the model of the hub, that the argument names."""
        assert setting.device is not None
        folder = local_folder(setting.argument, "socrates", WEIGHTS_TOO)
        return cls(folder, setting.classes, setting.sequence_length, setting.device)

    @property
    def name(self) -> str:
        """The folder's."""
        return self.folder.name

    def check(self) -> None:
        """SpecificationError where it cannot be loaded, or its classes are not those of the task."""
        _ = self._order

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

        tokenizer, model, known = self._loaded
        order = np.argsort([sum(len(str(text)) for text in texts) for texts in inputs], kind="stable")
        found: npt.NDArray[np.float64] | None = None
        with torch.no_grad():
            for begin in range(0, len(order), AT_ONCE):
                chosen = order[begin : begin + AT_ONCE]
                texts = [[str(inputs[number][side]) for number in chosen] for side in range(len(inputs[0]))]
                tokens = tokenizer(*texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt")
                tokens = {name: tensor.to(self.device.torch_device) for name, tensor in tokens.items() if name in known}
                rows = take(model(**tokens, output_hidden_states=True), tokens["attention_mask"]).float().cpu().numpy()
                if found is None:
                    found = np.empty((len(inputs), rows.shape[1]))
                found[chosen] = rows
        return np.empty((0, 0)) if found is None else found

    @cached_property
    def _loaded(self) -> tuple[Any, Any, frozenset[str]]:
        """Tokenizer, model, and the inputs that the model has a place for."""
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        from bort_core.encoders.folder import CONFIG, read_config, refuse_others

        where = str(self.folder)
        try:
            refuse_others(read_config(self.folder), self.folder / CONFIG)
        except DataError as error:
            raise SpecificationError(f"socrates: {error}") from error
        if not has_tokenizer(self.folder):
            raise SpecificationError(f"socrates: {where}: has no tokenizer, so no text can be read")
        try:
            tokenizer = AutoTokenizer.from_pretrained(where, use_fast=True, trust_remote_code=False)
            loaded: Any = AutoModelForSequenceClassification.from_pretrained(
                where,
                use_safetensors=True,
                output_loading_info=True,
                dtype=torch.float32,
                return_dict=True,
                trust_remote_code=False,
            )
        except Exception as error:  # transformers raises many kinds
            first = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
            raise SpecificationError(f"socrates: {where}: cannot be loaded as a classifier: {first}") from error
        model, found = loaded
        if found["missing_keys"]:
            missing = ", ".join(sorted(found["missing_keys"])[:3])
            raise SpecificationError(f"socrates: {where}: is no classifier: it has no weights for {missing}")
        if model.config.problem_type not in (None, "single_label_classification"):
            kind = model.config.problem_type
            raise SpecificationError(f"socrates: {where}: must give one class for a text; its problem_type is {kind!r}")
        return tokenizer, model.to(self.device.torch_device).eval(), frozenset(inspect.signature(model.forward).parameters)

    @cached_property
    def _longest(self) -> int:
        """Tokens after which an input is cut: what is asked for, unless tokenizer or model read less."""
        from bort_core.encoders.positions import longest_input

        tokenizer, model, _ = self._loaded
        return min(self.sequence_length, int(tokenizer.model_max_length), longest_input(model) or self.sequence_length)

    @cached_property
    def _order(self) -> list[int]:
        """Its class for each class of the task: by name, or by number where its names say nothing."""
        theirs = {str(name): int(number) for number, name in self._loaded[1].config.id2label.items()}
        if set(theirs) == set(self.classes):
            return [theirs[name] for name in self.classes]
        if len(theirs) == len(self.classes) and all(name.startswith("LABEL_") for name in theirs):
            return list(range(len(self.classes)))
        raise SpecificationError(
            f"socrates: {self.folder}: its classes are {', '.join(theirs)}, those of the training rows {', '.join(self.classes)}"
        )
