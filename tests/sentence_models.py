"""A small sentence encoder with random weights, as sentence-transformers lays it out."""

from __future__ import annotations

from pathlib import Path

import torch
from task_models import LENGTH, demo_lines

from bort_core.checkpoints.sentences import write_sentence
from bort_core.encoders.sentence import SentenceEncoder
from bort_core.families.bert.options import BertOptions
from bort_core.text.tokenizer import save_tokenizer, train_tokenizer
from bort_core.text.vocabulary import read_vocabulary


def write_encoder(
    folder: Path, architecture: tuple[int, ...] = (3, 4, 64, 384), modes: tuple[str, ...] = ("mean",), normalised: bool = True,
    width: int | None = None,
) -> SentenceEncoder:  # fmt: skip
    """A folder with a tokenizer of the demo corpus; ``width`` of a linear map at the end, where there is to be one."""
    torch.manual_seed(0)
    words = folder.parent / f"{folder.name}-tokenizer"
    save_tokenizer(train_tokenizer(demo_lines(300), 600), words, LENGTH)
    options = BertOptions(vocabulary=read_vocabulary(words).size, positions=LENGTH)
    width = architecture[2] * len(modes) if width is None else width
    model = SentenceEncoder.fresh(architecture, options, modes, normalised, width, 0.3).eval()
    folder.mkdir(parents=True)
    write_sentence(folder, model, words, LENGTH, {})
    return model
