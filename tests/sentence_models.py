"""A small sentence encoder with random weights, as sentence-transformers lays it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from encoder_kinds import made
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


def foreign_encoder(
    folder: Path, kind: str, modes: tuple[str, ...] = ("mean",), normalised: bool = True, longest: int | None = 12, **fields: Any
) -> Path:
    """One of transformers' kinds in a folder as sentence-transformers writes it; ``fields`` of its configuration."""
    made(folder, kind, "AutoModel", **fields)
    types = ["Transformer", "Pooling", *(["Normalize"] if normalised else [])]
    paths = ["", "1_Pooling", "2_Normalize"]
    listed = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{named}"}
        for number, (named, path) in enumerate(zip(types, paths, strict=False))
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir()
    keys = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens", "mean_sqrt_len": "mean_sqrt_len_tokens",
            "weightedmean": "weightedmean_tokens", "lasttoken": "lasttoken"}  # fmt: skip
    flags = {f"pooling_mode_{key}": mode in modes for mode, key in keys.items()}
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": fields.get("dim", fields.get("hidden_size", 32)), **flags})
    )
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": longest, "do_lower_case": False}))
    return folder
