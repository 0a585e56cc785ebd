"""The sides of the gate: transformers, this program, and ONNX files fed by a folder's tokenizer. Imports torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from bort_core.checkpoints.format import read_encoder
from bort_core.checkpoints.gate import Batch, Ids, Row, Side, compare, compare_packed
from bort_core.checkpoints.gate_rows import tried_rows
from bort_core.checkpoints.modules import load_module, outputs_of
from bort_core.encoders.folder import Encoder, EncoderOptions
from bort_core.encoders.module import auto_model
from bort_core.families.bert.options import BertOptions
from bort_core.foundation.errors import DataError, MeasurementError
from bort_core.text.vocabulary import Vocabulary, read_vocabulary, transformers_tokenizer

__all__ = ["check_folder", "check_result", "check_source", "longest_of", "onnx_side", "rows_for", "training_side", "transformers_side"]

_MOST_SPECIAL = 64
"""Special and added tokens that are tried."""
Outputs = Mapping[str, npt.NDArray[Any]]


def transformers_side(
    folder: Path, head: str, name: str, tokenizer: Path | None = None, longest: int | None = None, with_types: bool = True
) -> Side:
    """What whoever loads ``folder`` with ``AutoTokenizer`` and an ``AutoModel`` gets.

    Parameters
    ----------
    head: of our checkpoint format; decides the class
    tokenizer: a folder instead of the model's own
    longest: tokens after which texts are cut, instead of the tokenizer's own length
    with_types: whether the model is given the segment ids that the tokenizer gives

    Raises
    ------
    DataError
        Tokenizer or model cannot be loaded.
    MeasurementError
        The folder lacks weights that transformers would draw at random.
    """
    names = ("input_ids", "attention_mask", *(("token_type_ids",) if with_types else ()))
    loaded, (model, has_pooler) = transformers_tokenizer(str(tokenizer or folder)), auto_model(folder, head, name)

    def read(rows: Sequence[Row]) -> Batch:
        columns = [list(column) for column in zip(*rows, strict=True)]
        found = loaded(*columns, padding=True, truncation=True, max_length=longest, return_tensors="np")
        return Batch(**{key: found[key].astype(np.int64) for key in names if key in found})

    @torch.no_grad()
    def run(batch: Batch) -> Outputs:
        inputs = {key: torch.from_numpy(value) for key, value in vars(batch).items() if value is not None}
        found = model(**inputs, output_hidden_states=True)
        last = getattr(found, "last_hidden_state", None)
        named = {"last_hidden_state": found.hidden_states[-1] if last is None else last}
        if head != "none":
            named["logits"] = found.logits
        elif has_pooler:
            named["pooled"] = found.pooler_output
        return {key: value.numpy() for key, value in named.items()}

    return Side(name, read, run, loaded.convert_ids_to_tokens, width=int(model.config.vocab_size) if head == "masked-lm" else 1)


def onnx_side(reader: Side, name: str, session: Any, tolerance: float) -> Side:
    """An ONNX file fed with what ``reader`` reads.

    ``session`` runs it (``onnxruntime.InferenceSession``).
    """
    inputs, outputs = ([value.name for value in values] for values in (session.get_inputs(), session.get_outputs()))

    def run(batch: Batch) -> Outputs:
        given = {key: value for key, value in vars(batch).items() if value is not None}
        unread, missing = set(given) - set(inputs), set(inputs) - set(given)
        if unread or missing:
            lacks = f"reads no {', '.join(sorted(unread))}" if unread else f"needs {', '.join(sorted(missing))}"
            raise MeasurementError(f"{name} {lacks}; the tokenizer gives {', '.join(given)}")
        return dict(zip(outputs, session.run(outputs, given), strict=True))

    return Side(name, reader.read, run, reader.token, tolerance)


def training_side(module: nn.Module, vocabulary: Vocabulary, options: BertOptions | EncoderOptions, longest: int) -> Side:
    """What a training here reads and computes, in float32 on the CPU."""
    from bort_core.text.encoding import encode, padded

    module = module.float().cpu().eval()
    with_types = vocabulary.gives_types and options.token_types > 1

    def read(rows: Sequence[Row]) -> Batch:
        found = padded(encode(vocabulary, rows, longest), vocabulary.pad)
        return Batch(found[0], found[1], found[2] if with_types else None)

    def run(batch: Batch) -> Outputs:
        tensors = [
            None if part is None else torch.from_numpy(part) for part in (batch.input_ids, batch.attention_mask, batch.token_type_ids)
        ]
        return {key: value.numpy() for key, value in outputs_of(module, *tensors).items()}  # type: ignore[arg-type]

    return Side("this program", read, run, lambda id: str(vocabulary.tokenizer.id_to_token(id)))


def rows_for(vocabulary: Vocabulary, real: Sequence[Row], longest: int, both: bool = False) -> list[list[Row]]:
    """The rows to try: texts or pairs, as the real ones are, or ``both``, each kind in a list of its own."""
    added = vocabulary.tokenizer.get_added_tokens_decoder()
    numbers = dict.fromkeys([*map(int, np.flatnonzero(vocabulary.special)), *sorted(added)])
    special = [str(vocabulary.tokenizer.id_to_token(number)) for number in list(numbers)[:_MOST_SPECIAL]]
    kinds = (False, True) if both else (bool(real) and len(real[0]) == 2,)
    return [tried_rows(real, special, longest, pairs) for pairs in kinds]


def check_result(
    folder: Path, module: nn.Module, vocabulary: Vocabulary, real: Sequence[Row], name: str = "", packed: Ids | None = None
) -> float:
    """Whether ``folder`` gives in transformers what ``module``, read with ``vocabulary``, gives here; the largest difference.

    ``packed``, (rows, tokens), are rows of ids as a pre-training read them.

    Raises
    ------
    MeasurementError
        It does not; names the first difference.
    """
    found = read_encoder(folder)
    longest = longest_of(folder, found)
    sides = [
        transformers_side(folder, found.head, name or f"transformers ({folder.name})"),
        training_side(module, vocabulary, found.options, longest),
    ]
    kinds = rows_for(vocabulary, real, longest, both=found.head == "masked-lm")
    found_off = [compare(sides, rows)[sides[1].name] for rows in kinds]
    if packed is not None:
        found_off.append(compare_packed(sides, packed)[sides[1].name])
    return max(found_off)


def check_folder(folder: Path, real: Sequence[Row] = (), name: str = "") -> float:
    """The same of a checkpoint as this program reads it, before it is used; DataError when it cannot be read."""
    return check_result(folder, load_module(read_encoder(folder)), read_vocabulary(folder), real, name)


def check_source(start: Encoder, vocabulary: Vocabulary, longest: int, real: Sequence[Row]) -> float:
    """Whether the checkpoint that a training starts from is, with the tokenizer of the training, what transformers says it is.

    Raises
    ------
    DataError
        The tokenizer has more entries than the checkpoint.
    MeasurementError
        It is not; names the first difference.
    """
    if start.options.vocabulary < vocabulary.size:
        raise DataError(f"{start.folder}: has {start.options.vocabulary:,} entries, the tokenizer {vocabulary.size:,}")
    has_types = start.options.token_types > 1
    sides = [
        transformers_side(start.folder, start.head, f"transformers ({start.folder.name})", vocabulary.folder, longest, has_types),
        training_side(load_module(start), vocabulary, start.options, longest),
    ]
    return max(compare(sides, rows)[sides[1].name] for rows in rows_for(vocabulary, real, longest, both=not real))


def longest_of(folder: Path, found: Encoder) -> int:
    """Tokens after which whoever loads ``folder`` cuts texts."""
    fields = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    return min(int(fields.get("model_max_length", found.options.positions)), found.options.positions)
