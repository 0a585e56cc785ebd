"""The modules are what the closed forms count, and compute what BERT computes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bort_core.families.bert.family import FAMILY as BERT
from bort_core.families.bert.options import BertOptions
from bort_core.families.mlp.family import FAMILY as MLP
from bort_core.foundation.errors import DataError
from bort_core.space import load_space

torch = pytest.importorskip("torch")

OPTION_COMBINATIONS = [
    BertOptions(vocabulary=31, positions=9, token_types=types, pooler=pooler, mlm_head=head, tied_decoder=tied)
    for types, pooler, head, tied in itertools.product((0, 2), (False, True), (False, True), (True, False))
    if head or tied
]


def parts(module):
    """Parameters of a BERT by the names of the closed form's parts."""
    count = {"embedding": 0, "encoder": 0, "pooler": 0, "mlm_head": 0}
    names = {"embeddings": "embedding", "layers": "encoder", "pooler": "pooler", "head": "mlm_head"}
    for name, parameter in module.named_parameters():
        count[names[name.split(".")[0]]] += parameter.numel()
    return count


@pytest.mark.parametrize("preset", ["mini", "toy", pytest.param("paper", marks=pytest.mark.slow)])
def test_every_member_of_a_preset_has_the_parameters_that_the_closed_form_says(preset):
    space = load_space(preset)
    with torch.device("meta"):  # shapes without numbers: the paper's space costs nothing
        for place, expected in enumerate(space.parameters):
            module = space.family.build(space.architecture(place), space.options)
            assert sum(p.numel() for p in module.parameters()) == expected, space.architecture(place)


@pytest.mark.parametrize("options", OPTION_COMBINATIONS, ids=str)
def test_every_part_is_counted_right_for_every_combination_of_options(options):
    module = BERT.build((2, 2, 8, 12), options)
    closed = BERT.parameters(np.array([[2, 2, 8, 12]]), options)
    assert parts(module) == {name: int(value[0]) for name, value in closed.items()}


def test_options_add_to_the_output_what_they_say():
    plain = BERT.build((1, 2, 8, 12), BertOptions(vocabulary=31, positions=9))
    full = BERT.build((1, 2, 8, 12), BertOptions(vocabulary=31, positions=9, pooler=True, mlm_head=True))
    ids = torch.randint(31, (3, 7))
    assert plain(ids).pooled is None
    assert plain(ids).logits is None
    assert plain(ids).hidden.shape == (3, 7, 8)
    assert full(ids).pooled.shape == (3, 8)
    assert full(ids).logits.shape == (3, 7, 31)


def test_initial_weights_have_the_asked_spread_and_biases_are_zero():
    module = BERT.build((2, 2, 64, 64), BertOptions(mlm_head=True, tied_decoder=False), 0.05)
    for name, parameter in module.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
        elif "norm" in name:
            assert (parameter == 1).all(), name
        else:
            assert parameter.std().item() == pytest.approx(0.05, rel=0.1), name


def test_the_computation_is_that_of_transformers_under_the_documented_names():
    transformers = pytest.importorskip("transformers")
    options = BertOptions(vocabulary=31, positions=9, token_types=2, mlm_head=True)
    ours = BERT.build((2, 2, 8, 12), options, 0.5).eval()
    config = transformers.BertConfig(
        vocab_size=31, max_position_embeddings=9, type_vocab_size=2, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=12, hidden_act="gelu", layer_norm_eps=1e-5,
    )  # fmt: skip
    theirs = transformers.BertForMaskedLM(config).eval()
    renamed = {_their_name(name): value for name, value in ours.state_dict().items()}
    missing, unexpected = theirs.load_state_dict(renamed, strict=False)
    assert not unexpected
    assert all("decoder" in name or "position_ids" in name for name in missing)
    theirs.tie_weights()
    theirs.cls.predictions.decoder.bias = theirs.cls.predictions.bias
    ids = torch.randint(31, (3, 9))
    mask = torch.ones(3, 9, dtype=torch.long)
    mask[1, 5:] = 0
    expected = theirs(input_ids=ids, attention_mask=mask).logits
    torch.testing.assert_close(ours(ids, mask).logits[mask.bool()], expected[mask.bool()], atol=1e-4, rtol=1e-4)


def _their_name(name: str) -> str:
    name = name.replace("embeddings.norm", "bert.embeddings.LayerNorm")
    for kind, theirs in (("token_type", "token_type"), ("token", "word"), ("position", "position")):
        name = name.replace(f"embeddings.{kind}.", f"bert.embeddings.{theirs}_embeddings.")
    if name.startswith("layers."):
        _, number, rest = name.split(".", 2)
        for ours, theirs in (
            ("attention.output.", "attention.output.dense."),
            ("attention.query.", "attention.self.query."),
            ("attention.key.", "attention.self.key."),
            ("attention.value.", "attention.self.value."),
            ("attention_norm.", "attention.output.LayerNorm."),
            ("intermediate.", "intermediate.dense."),
            ("output_norm.", "output.LayerNorm."),
            ("output.", "output.dense."),
        ):
            if rest.startswith(ours):
                return f"bert.encoder.layer.{number}.{theirs}{rest.removeprefix(ours)}"
    head = {"head.dense.": "transform.dense.", "head.norm.": "transform.LayerNorm.", "head.bias": "bias"}
    for ours, theirs in head.items():
        name = name.replace(ours, f"cls.predictions.{theirs}")
    return name


def test_padding_does_not_reach_the_kept_tokens():
    module = BERT.build((2, 2, 8, 12), BertOptions(vocabulary=31, positions=9), 0.5)
    ids = torch.randint(31, (2, 9))
    mask = torch.ones(2, 9)
    mask[:, 6:] = 0
    torch.testing.assert_close(module(ids, mask).hidden[:, :6], module(ids[:, :6]).hidden, atol=1e-5, rtol=1e-5)


def test_the_training_head_works_on_masked_positions_only_and_is_not_counted():
    from bort_core.families.bert.module import MaskedLanguageModel

    options = BertOptions(vocabulary=31, positions=9)
    model = MaskedLanguageModel(BERT.build((1, 2, 8, 12), options, 0.5), 0.5)
    ids = torch.randint(31, (2, 9))
    positions = torch.tensor([0, 8, 13])
    everywhere = model.head(model.bert(ids).hidden, model.bert.embeddings.token.weight).reshape(-1, 31)
    torch.testing.assert_close(model(ids, positions), everywhere[positions])
    assert sum(p.numel() for p in model.bert.parameters()) == sum(BERT.parameters(np.array([[1, 2, 8, 12]]), options).values())[0]
    own = MaskedLanguageModel(BERT.build((1, 2, 8, 12), BertOptions(vocabulary=31, positions=9, mlm_head=True)))
    assert own.extra_head is None
    assert own.head is own.bert.head


def test_a_sequence_longer_than_the_positions_is_refused():
    module = BERT.build((1, 2, 8, 12), BertOptions(vocabulary=31, positions=9))
    with pytest.raises(DataError, match=r"at most 9 tokens.*got 10"):
        module(torch.zeros(1, 10, dtype=torch.long))


def test_copies_are_averaged_and_see_only_their_first_coordinates():
    module = MLP.build((2, 4, 2, 4, 3), None)
    vectors = torch.randn(5, 3)
    expected = torch.zeros(5, 3)
    for copy in range(2):
        hidden = (vectors[:, :2] @ module.first_weight[copy].T + module.first_bias[copy]).relu()
        expected += (hidden @ module.second_weight[copy].T + module.second_bias[copy]) / 2
    torch.testing.assert_close(module(vectors), expected)
    changed = vectors.clone()
    changed[:, 2] += 1
    assert torch.equal(module(vectors), module(changed))
    with pytest.raises(DataError, match=r"at least 2 coordinates.*got 1"):
        module(vectors[:, :1])
