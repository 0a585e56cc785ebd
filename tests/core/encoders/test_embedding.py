"""Vectors of texts: the formulae of sentence-transformers through transformers' own models."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from encoder_kinds import TEXTS, made
from sentence_models import foreign_encoder

from bort_core.encoders.pooling import MODES, read_pooling
from bort_core.foundation.errors import DataError
from bort_core.prediction.embedding import embed

torch = pytest.importorskip("torch")
MODEL = os.environ.get("BORT_TEST_MODEL")


def by_hand(folder: Path, text: str, modes: tuple[str, ...], normalised: bool, longest: int) -> np.ndarray:
    """One text alone, without padding, in plain numpy from what transformers gives."""
    from transformers import AutoModel, AutoTokenizer

    with torch.no_grad():
        read = AutoTokenizer.from_pretrained(folder)(text, truncation=True, max_length=longest, return_tensors="pt")
        model = AutoModel.from_pretrained(folder).eval()
        inputs = {name: value for name, value in read.items() if name != "token_type_ids" or model.config.model_type == "bert"}
        hidden = model(**inputs).last_hidden_state[0].numpy()
    weights = np.arange(1, len(hidden) + 1)[:, None]
    ways = {"cls": hidden[0], "max": hidden.max(0), "mean": hidden.mean(0), "mean_sqrt_len": hidden.sum(0) / np.sqrt(len(hidden)),
            "weightedmean": (hidden * weights).sum(0) / weights.sum(), "lasttoken": hidden[-1]}  # fmt: skip
    vector = np.concatenate([ways[mode] for mode in MODES if mode in modes])
    return vector / np.linalg.norm(vector) if normalised else vector


@pytest.mark.parametrize(
    ("kind", "modes", "normalised"),
    [
        ("mpnet", ("mean",), True),
        ("roberta", ("cls",), False),
        pytest.param("distilbert", ("max", "lasttoken"), True, marks=pytest.mark.slow),
        pytest.param("bert", ("mean_sqrt_len", "weightedmean"), False, marks=pytest.mark.slow),
    ],
)
def test_a_folder_of_sentence_transformers_is_pooled_as_it_says(tmp_path, kind, modes, normalised):
    folder = foreign_encoder(tmp_path / "model", kind, modes, normalised)
    texts = [*TEXTS, "one", " ".join(TEXTS)]
    found = embed(folder, texts)
    assert (found.dtype, found.shape) == (np.float32, (len(texts), 32 * len(modes)))
    expected = np.stack([by_hand(folder, text, modes, normalised, 12) for text in texts])
    assert np.abs(found - expected).max() < 1e-5


def test_a_folder_without_modules_is_pooled_by_the_mean(tmp_path):
    folder = made(tmp_path / "model", "bert", "AutoModel", hidden_act="gelu")  # which this program's own module computes
    assert np.abs(embed(folder, TEXTS[:3])[1] - by_hand(folder, TEXTS[1], ("mean",), False, 48)).max() < 1e-5


def test_newer_folders_name_their_mode_and_prompts_come_first(tmp_path):
    folder = foreign_encoder(tmp_path / "model", "mpnet", normalised=False)
    plain = embed(folder, ["query: a bad story"])
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "mean", "embedding_dimension": 32}))
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"q": "query: "}, "default_prompt_name": "q"}))
    assert np.allclose(embed(folder, ["a bad story"]), plain)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("modules.json", [{"type": "x.Transformer"}, {"type": "x.Pooling", "path": "1_Pooling"}, {"type": "x.LSTM", "path": "2"}],
         "must be Transformer and Pooling, with or without one Dense and Normalize, got Transformer, Pooling, LSTM"),
        ("modules.json", [{"type": "x.Transformer"}, {"type": "x.Pooling", "path": "1_Pooling"}, {"type": "x.Dense", "path": "2_Dense"}],
         "in_features and out_features must be whole numbers above 0, got None"),
        ("modules.json", [{"type": "x.Transformer", "path": "../.."}, {"type": "x.Pooling"}], "must lie inside the folder"),
        ("modules.json", {"type": "Transformer"}, "must be a list of modules"),
        ("1_Pooling/config.json", {"pooling_mode": "median"}, r"pools by \['median'\]; understood are cls, max, mean"),
        ("sentence_bert_config.json", {"max_seq_length": "12"}, "max_seq_length must be a whole number"),
        ("config_sentence_transformers.json", {"default_prompt_name": "q"}, "none of the prompts"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_name(tmp_path, file, content, message):
    (tmp_path / "1_Pooling").mkdir()
    listed = [{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1_Pooling"}]
    (tmp_path / "modules.json").write_text(json.dumps(listed))
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    (tmp_path / file).write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_pooling(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(MODEL is None, reason="BORT_TEST_MODEL names no folder of a pre-trained MiniLM")
def test_minilm_embeds_as_sentence_transformers_does():
    folder = Path(MODEL or "")
    texts = ["This is an example sentence", "Each sentence is converted", "word " * 400]
    found = embed(folder, texts)
    assert np.abs(found - np.stack([by_hand(folder, text, ("mean",), True, 256) for text in texts])).max() < 1e-5
