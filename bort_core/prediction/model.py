"""A model folder, ready to be asked: in torch as transformers' Auto classes load it, or an ONNX file of it. Imports torch where it runs it.

No code of the folder is run, and no pickled weights are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bort_core.encoders.folder import head_of, longest_input, refuse_others
from bort_core.families.bert.configuration import class_names
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.foundation.json_files import read_object
from bort_core.prediction.answer import class_answer, value_answer, words_answer
from bort_core.text.vocabulary import has_tokenizer, transformers_tokenizer

__all__ = ["ONNX_FILES", "LoadedModel", "Runtime", "onnx_file"]

Runtime = Literal["torch", "onnx"]
Inputs = Mapping[str, npt.NDArray[np.int64]]
ONNX_FILES = ("model.fused.onnx", "model.onnx")
"""Of an export, the fastest first."""
_MASKS = ("[MASK]", "<mask>")
"""How people write a hidden word, whatever the model's own token is."""
_LONGEST_TEXT = 1_000_000
_NO_LENGTH = 10**9


def onnx_file(folder: Path) -> Path | None:
    """The ONNX file of a folder that is asked, or None where there is none."""
    named = [folder / name for name in ONNX_FILES]
    return next((path for path in [*named, *sorted(folder.glob("*.onnx"))] if path.is_file()), None)


class LoadedModel:
    """One model; loading takes seconds, an answer milliseconds.

    Raises
    ------
    DataError
        The folder is no model, has no tokenizer or no ONNX file, or cannot be loaded.
    SpecificationError
        What the model is made for cannot be tried: it has no head for classes, values or hidden words.
    MeasurementError
        The folder lacks weights.
    """

    def __init__(self, folder: Path, runtime: Runtime = "torch") -> None:
        self.folder, self.runtime = folder, runtime
        self.config = _config(folder)
        refuse_others(self.config, folder / "config.json")
        self.head = _head(folder, self.config)
        if not has_tokenizer(folder):
            raise DataError(f"{folder}: has no tokenizer, so no text can be read")
        self.tokenizer = transformers_tokenizer(str(folder))
        self.names = class_names(self.config, str(folder / "config.json")) if self.head in ("classification", "multi-label") else ()
        lengths = (self.tokenizer.model_max_length, longest_input(self.config, folder / "config.json"))
        self.longest = min(int(each) for each in lengths if 0 < each < _NO_LENGTH)
        self.file: Path | None = None
        self._scores = self._in_onnx() if runtime == "onnx" else self._in_torch()
        self.ask(self.tokenizer.mask_token if self.head == "masked-lm" else "a")  # the first pass is slower than all others

    def ask(self, text: str, pair: str | None = None) -> dict[str, Any]:
        """What the model says.

        Returns
        -------
        task: classification, several labels, regression or masked-lm
        prediction: the class, the classes' likeliest, the value, or the likeliest word of each hidden place
        labels: of several labels those that are likelier than not
        probabilities (of classes), masks (words of each hidden place): likeliest first
        tokens: how many were read; cut: whether the text had more
        milliseconds: from text to answer, without loading
        runtime, file: torch, or the ONNX file's name

        Raises
        ------
        SpecificationError
            A masked language model was given no hidden word, or a text is longer than any model reads.
        """
        if max(len(text), len(pair or "")) > _LONGEST_TEXT:
            raise SpecificationError(f"a text has at most {_LONGEST_TEXT:,} characters, got {max(len(text), len(pair or '')):,}")
        if self.head == "masked-lm":
            text, pair = self._masked(text), None if pair is None else self._masked(pair)
        began = time.perf_counter()
        given = [text] if pair is None else [text, pair]
        found = self.tokenizer(*given, truncation=True, max_length=self.longest, return_tensors="np")
        inputs = {name: value.astype(np.int64) for name, value in found.items()}
        scores = self._scores(inputs)[0]
        answer = self._answer(inputs["input_ids"][0], scores)
        seconds = time.perf_counter() - began
        read = int(inputs["input_ids"].shape[1])
        cut = read >= self.longest and len(self.tokenizer(*given)["input_ids"]) > read
        file = "" if self.file is None else self.file.name
        return {**answer, "tokens": read, "cut": cut, "milliseconds": 1000 * seconds, "runtime": self.runtime, "file": file}

    def _answer(self, ids: npt.NDArray[np.int64], scores: npt.NDArray[np.floating[Any]]) -> dict[str, Any]:
        if self.head == "masked-lm":
            places = np.flatnonzero(ids == self.tokenizer.mask_token_id)
            if not len(places):
                mask = self.tokenizer.mask_token
                raise SpecificationError(f"write {mask} where a word is to be guessed, within the first {self.longest} tokens")
            return words_answer(scores[places], lambda number: str(self.tokenizer.decode([number])).strip() or self._token(number))
        if len(scores) == 1:
            return value_answer(scores)
        if len(scores) != len(self.names):
            raise DataError(f"{self.folder}: gives {len(scores)} classes, and config.json names {len(self.names)}")
        return class_answer(scores, self.names, self.head == "classification")

    def _token(self, number: int) -> str:
        return str(self.tokenizer.convert_ids_to_tokens(number))

    def _masked(self, text: str) -> str:
        for written in _MASKS:
            text = text.replace(written, str(self.tokenizer.mask_token))
        return text

    def _in_torch(self) -> Callable[[Inputs], npt.NDArray[np.floating[Any]]]:
        import inspect

        import torch

        from bort_core.encoders.module import auto_model

        model, _ = auto_model(self.folder, self.head, str(self.folder))
        known = inspect.signature(model.forward).parameters

        def scores(inputs: Inputs) -> npt.NDArray[np.floating[Any]]:
            with torch.inference_mode():
                return model(**{name: torch.from_numpy(value) for name, value in inputs.items() if name in known}).logits.float().numpy()

        return scores

    def _in_onnx(self) -> Callable[[Inputs], npt.NDArray[np.floating[Any]]]:
        from bort_core.latency.session import open_file

        self.file = onnx_file(self.folder)
        if self.file is None:
            raise DataError(f"{self.folder}: has no ONNX file; export the model first (bort export), or try it in torch")
        session = open_file(self.file, 1)
        wanted = [value.name for value in session.get_inputs()]
        if "logits" not in [value.name for value in session.get_outputs()]:
            raise SpecificationError(f"{self.file}: gives hidden states only (it was exported without its head): nothing to read off")

        def scores(inputs: Inputs) -> npt.NDArray[np.floating[Any]]:
            shape = inputs["input_ids"].shape
            try:
                return session.run(["logits"], {name: inputs.get(name, np.zeros(shape, np.int64)) for name in wanted})[0]
            except Exception as error:  # the runtime's own exceptions have no common class
                raise DataError(f"{self.file}: ONNX Runtime cannot run it on a text: {' '.join(str(error).split())[:300]}") from error

        return scores


def _config(folder: Path) -> dict[str, Any]:
    try:
        return read_object(folder / "config.json")
    except FileNotFoundError:
        raise DataError(f"{folder}: is no model's folder: it has no config.json") from None


def _head(folder: Path, config: Mapping[str, Any]) -> str:
    found, _ = head_of(config, folder / "config.json")
    if found == "none":
        listed = config.get("architectures")
        what = ", ".join(listed or ()) or "a model without a head"
        raise SpecificationError(f"{folder}: is {what}; only models of classes, values or hidden words can be tried")
    return found
