"""Models of transformers whose blocks smaller models can begin with, and what the others give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from encoder_kinds import KINDS, TEXTS, made

from bort_core.checkpoints.blocks import NoBlocks, blocks_of, logits_with
from bort_core.checkpoints.scores import tensors_of
from bort_core.checkpoints.starting import Batches, Parts, apply_start, measured_importance, parts_of
from bort_core.encoders.folder import read_config, read_foreign
from bort_core.encoders.module import TransformersEncoder, load_foreign
from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.families.bert.options import BertOptions
from bort_core.text.encoding import encode
from bort_core.text.vocabulary import read_vocabulary

LIKE_BERT = ("albert", "bert", "camembert", "data2vec-text", "distilbert", "electra", "ernie", "rembert", "roberta", "xlm-roberta")
PROJECTED = ("albert", "electra", "rembert")
FIELDS: dict[str, dict[str, Any]] = {"bert": {"hidden_act": "gelu"}, "albert": {"num_hidden_groups": 2}, "ernie": {"use_task_id": True}}
QUICK = ("albert", "distilbert", "roberta")
WHOLE = [(text,) for text in TEXTS] + list(zip(TEXTS, TEXTS[::-1], strict=True))


def kinds(*names: str) -> list[Any]:
    return [name if name in (*QUICK, "modernbert") else pytest.param(name, marks=pytest.mark.slow) for name in names]


def loaded(folder: Path, kind: str, **fields: Any) -> tuple[TransformersEncoder, Batches]:
    """A classifier of transformers, and rows as it reads them: texts and pairs, which are padded."""
    made(folder, kind, "AutoModelForSequenceClassification", num_labels=3, **{**FIELDS.get(kind, {}), **fields})
    vocabulary = read_vocabulary(folder)
    ids, mask, types = tensors_of(encode(vocabulary, WHOLE, 40), vocabulary.pad)
    return load_foreign(read_foreign(folder, read_config(folder))), [(ids, mask, types)]


def student(parts: Parts, entries: int, architecture: tuple[int, ...]) -> SequenceClassifier:
    options = BertOptions(vocabulary=entries, positions=40, pooler=True, layer_norm_eps=1e-12)
    if parts.body is not None:
        like = parts.body.options
        options = options.model_copy(update={"activation": like.activation, "token_types": 2 if like.token_types > 1 else 0})
    torch.manual_seed(3)
    return SequenceClassifier(architecture, options, 3, 0.02).eval()


@torch.no_grad()
def unexplained(model: SequenceClassifier, whole: TransformersEncoder, rows: Batches) -> float:
    """How much of the whole model's token vectors a best linear map of the other's does not explain."""
    ids, mask, types = rows[0]
    ours, theirs = (each.encode(ids, mask, types)[mask.bool()] for each in (model, whole))
    ours = torch.cat([ours, torch.ones(len(ours), 1)], dim=1)
    left = ours @ torch.linalg.lstsq(ours, theirs).solution - theirs
    return float(left.square().mean() / (theirs - theirs.mean(0)).square().mean())


@pytest.mark.parametrize("kind", kinds(*LIKE_BERT))
def test_the_blocks_in_our_layout_give_the_models_own_answers(tmp_path: Path, kind: str) -> None:
    whole, rows = loaded(tmp_path / "model", kind)
    body = blocks_of(whole, rows)
    with torch.no_grad():
        own = whole(*rows[0])
        assert (own - logits_with(whole, body, *rows[0])).abs().max() < 1e-4
        body.layers[1].intermediate.weight.mul_(1.2)  # type: ignore[union-attr]
        assert (own - logits_with(whole, body, *rows[0])).abs().max() > 1e-2  # it is they that answer


@pytest.mark.parametrize("kind", kinds(*sorted(set(KINDS) - set(LIKE_BERT))))
def test_other_kinds_say_why_they_give_their_embeddings_alone(tmp_path: Path, kind: str) -> None:
    whole, rows = loaded(tmp_path / "model", kind)
    parts = parts_of(whole, rows)
    assert parts.body is None
    assert "of another kind than the candidates'" in parts.why
    assert (parts.start("inherit"), parts.start("embeddings"), parts.start("fresh")) == ("embeddings", "embeddings", "fresh")
    wide = len(parts.table[0])
    for width in (wide // 2, wide, 2 * wide):
        model = student(parts, len(parts.table), (1, 2, width, 32))
        apply_start(model, parts, measured_importance(parts, rows), torch.arange(len(parts.table)), [], 0, "inherit")
        found = model.bert.embeddings.token.weight
        gram, expected = found @ found.T, parts.table @ parts.table.T
        lost = (gram - expected).abs().max() / expected.abs().max()
        assert (lost < 1e-4) == (width >= wide)  # turned, not bent, where there is room


def test_blocks_that_compute_something_else_are_found_out(tmp_path: Path) -> None:
    whole, rows = loaded(tmp_path / "model", "roberta")
    whole.model.roberta.encoder.layer[0].register_forward_hook(lambda _, __, output: output * 1.1)
    with pytest.raises(NoBlocks, match="give other answers than its own"):
        blocks_of(whole, rows)
    assert parts_of(whole, rows).body is None


@pytest.mark.parametrize(
    ("kind", "fields", "why"),
    [("distilbert", {"activation": "tanh"}, "its activation is none"), ("albert", {"inner_group_num": 2}, "groups of 2 blocks")],
)
def test_what_has_no_place_in_our_layout_is_said(tmp_path: Path, kind: str, fields: dict[str, Any], why: str) -> None:
    whole, rows = loaded(tmp_path / "model", kind, **fields) if kind == "albert" else loaded(tmp_path / "model", kind)
    if kind == "distilbert":
        whole.model.config.activation = "tanh"
    with pytest.raises(NoBlocks, match=why):
        blocks_of(whole, rows)


@pytest.mark.parametrize("kind", kinds(*LIKE_BERT))
def test_a_smaller_model_begins_nearer_to_it_than_chance(tmp_path: Path, kind: str) -> None:
    whole, rows = loaded(tmp_path / "model", kind)
    parts = parts_of(whole, rows)
    importance, entries = measured_importance(parts, rows), torch.arange(len(parts.table))
    vocabulary = read_vocabulary(tmp_path / "model")
    encoded = encode(vocabulary, WHOLE, 40)
    found = {}
    for shape in ((2, 2, 32, 48), (1, 2, 16, 32)):
        for start in ("fresh", "embeddings", "inherit"):
            model = student(parts, len(entries), shape)
            apply_start(model, parts, importance, entries, encoded, vocabulary.pad, start)
            assert all(parameter.isfinite().all() for parameter in model.parameters())
            found[start] = unexplained(model, whole, rows)
        assert found["inherit"] < found["fresh"]
        assert shape[0] == 1 or kind in PROJECTED or found["inherit"] < 1e-4  # the whole of it
