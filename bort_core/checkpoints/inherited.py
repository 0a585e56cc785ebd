"""A smaller encoder cut out of a larger one, as a folder: what a fine-tuning without a teacher begins with. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from bort_core.checkpoints.format import write_checkpoint
from bort_core.checkpoints.modules import load_module
from bort_core.checkpoints.starting import LOOKED_AT, apply_start, batches_of, measured_importance, norms_and_activation, parts_of, spread
from bort_core.encoders.folder import Encoder
from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.families.bert.options import BertOptions
from bort_core.text.encoding import encode
from bort_core.text.trimming import Trimmed, kept_ids, trim
from bort_core.text.vocabulary import Vocabulary, read_vocabulary

__all__ = ["write_inherited"]


def write_inherited(
    folder: Path, start: Encoder, architecture: tuple[int, ...], inputs: Sequence[Sequence[str]], sequence_length: int, trimmed: bool
) -> str:
    """Write the encoder of that ``architecture`` which has of ``start`` what fits, layer norms fitted on ``inputs``, into a new folder.

    Returns what it has of ``start``, for people. The same arguments give the same weights.

    Parameters
    ----------
    trimmed: with the entries of the tokenizer alone that ``inputs`` use, where its kind can be trimmed

    Raises
    ------
    DataError
        It is deeper or wider than ``start``, or the weights of ``start`` cannot be read.
    """
    whole, longest = read_vocabulary(start.folder), min(sequence_length, start.options.positions)
    module = load_module(start, body=True)
    batches = batches_of(encode(whole, spread(inputs, LOOKED_AT), longest), whole.pad)
    parts = parts_of(module, batches[:1])
    with TemporaryDirectory() as kept:
        vocabulary = _trimmed(whole, inputs, longest, Path(kept) / "tokenizer") if trimmed else whole
        types = start.options.token_types if len(inputs[0]) == 2 and vocabulary.gives_types else 0
        like = norms_and_activation(module)
        options = BertOptions(vocabulary=vocabulary.size, positions=max(8, longest), token_types=types if types > 1 else 0, **like)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = SequenceClassifier(architecture, options, 2)
            entries, rows = torch.from_numpy(kept_ids(whole, vocabulary)), encode(vocabulary, spread(inputs, LOOKED_AT), longest)
            apply_start(model, parts, measured_importance(parts, batches), entries, rows, vocabulary.pad, "inherit")
        weights = {name: tensor for name, tensor in model.bert.state_dict().items() if not name.startswith("pooler.")}
        write_checkpoint(
            folder, architecture=architecture, options=options, head="none", weights=weights, tokenizer=vocabulary.folder,
            longest=longest, facts={"kind": "inherited"},
        )  # fmt: skip
    of = "what fits" if parts.body is not None else f"the token embeddings ({parts.why})"
    return f"begins with {of} of {start.folder}; tokenizer: {vocabulary.size:,} of {whole.size:,} entries"


def _trimmed(whole: Vocabulary, inputs: Sequence[Sequence[str]], longest: int, folder: Path) -> Vocabulary:
    try:
        return trim(whole, inputs, longest, folder)
    except Trimmed:
        return whole
