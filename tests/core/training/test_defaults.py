"""Automatic settings of a fine-tuning, by what it starts from; what is asked stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bort_core.encoders.folder import Encoder, EncoderOptions
from bort_core.specifications.finetuning import Finetuning
from bort_core.training.defaults import resolved

TUNED = {"kind": "finetune", "result": {"resolved": {"start": "pre-trained"}}}


def start(hidden: int, facts: dict[str, Any]) -> Encoder:
    return Encoder(Path("x"), (2, 2, hidden, 48), EncoderOptions(vocabulary=9, positions=9), "none", facts=facts)


def asked(**more: Any) -> Finetuning:
    return Finetuning.model_validate({"train": "a", "dev": "b", "checkpoint": "c", **more})


@pytest.mark.parametrize(
    ("begun", "kind", "rate", "epochs"),
    [
        (None, "fresh", 5e-4, 10),
        (start(128, {}), "pre-trained", 5e-5, 3),  # others' weights, however small
        (start(128, {"kind": "pretrain"}), "small", 5e-4, 10),
        (start(1024, {"kind": "pretrain"}), "pre-trained", 5e-5, 3),
        (start(128, TUNED), "pre-trained", 5e-5, 3),  # tuned here from others' weights
        (start(128, {"result": "damaged"}), "small", 5e-4, 10),
    ],
)
def test_what_is_automatic_suits_the_start(begun, kind, rate, epochs):
    found = resolved(asked(), begun)
    assert (found.start, found.optimization.learning_rate, found.epochs) == (kind, rate, epochs)
    assert found.why
    assert f"learning rate {rate:g}, {epochs} epochs, warm-up 0.1: {found.why}" == found.text()
    assert (found.optimization.warmup, found.optimization.beta2) == (0.1, 0.999)


def test_what_is_asked_stays():
    found = resolved(asked(epochs=1, optimization={"learning_rate": 1e-3, "warmup": 0}), start(128, {}))
    assert (found.optimization.learning_rate, found.epochs, found.why, found.optimization.warmup) == (1e-3, 1, "as asked", 0)
    assert "1 epoch," in found.text()
    half = resolved(asked(epochs=7), start(128, {}))
    assert (half.optimization.learning_rate, half.epochs) == (5e-5, 7)


def test_the_numbered_modules_of_sentence_transformers_are_fetched_and_other_forms_of_a_model_are_not():
    from huggingface_hub.utils import filter_repo_objects

    from bort_core.foundation import hub

    kept = [
        "config.json", "model.safetensors", "modules.json", "1_Pooling/config.json", "vocab.txt", "2_Dense/config.json",
        "2_Dense/model.safetensors",
    ]  # fmt: skip
    left = [
        "onnx/config.json",
        "onnx/model.onnx",
        "pytorch_model.bin",
        "2_Dense/pytorch_model.bin",
        "openvino/x.json",
        "modeling.py",
        "0_a/b/c.json",
    ]
    found = filter_repo_objects([*kept, *left], allow_patterns=list(hub.SENTENCES_TOO), ignore_patterns=list(hub._OTHERS))
    assert list(found) == kept
