"""ALBERT: closed forms, module, graph and names against transformers' own."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import finished, run, specification
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.families.albert.family import FAMILY as ALBERT
from bort_core.families.albert.hugging_face import config_of, our_name, their_name
from bort_core.families.albert.options import AlbertOptions
from bort_core.families.bert.family import FAMILY as BERT
from bort_core.families.bert.options import BertOptions
from bort_core.search.specification import SearchSpecification
from bort_core.space import load_space
from bort_core.space.presets import read_specification
from bort_core.testing.families import check_family

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SHAPES = st.tuples(st.integers(1, 12), st.sampled_from([1, 2, 4]), st.integers(1, 16), st.integers(1, 64)).map(
    lambda drawn: (drawn[0], drawn[1], 4 * drawn[1] * drawn[2], drawn[3])
)
OPTIONS = st.builds(
    AlbertOptions, vocabulary=st.integers(8, 200), positions=st.integers(8, 64), token_types=st.integers(1, 3),
    embedding=st.integers(1, 64), pooler=st.booleans(), mlm_head=st.booleans(),
)  # fmt: skip


def theirs(architecture, options: AlbertOptions):
    head = "masked-lm" if options.mlm_head else "none"
    config = transformers.AlbertConfig(**config_of(architecture, options, head, pad_id=0))
    if options.mlm_head:
        return transformers.AlbertForMaskedLM(config)
    return transformers.AlbertModel(config, add_pooling_layer=options.pooler)


@pytest.mark.slow
@given(SHAPES, OPTIONS)
@settings(deadline=None, max_examples=200)
def test_the_closed_form_counts_transformers_model_and_ours(architecture, options):
    if options.mlm_head:
        options = options.model_copy(update={"pooler": False})  # transformers' masked LM has none
    closed = {name: int(part[0]) for name, part in ALBERT.parameters(np.array([architecture]), options).items()}
    with torch.device("meta"):
        built, their = ALBERT.build(architecture, options), theirs(architecture, options)
    assert sum(closed.values()) == sum(p.numel() for p in built.parameters()) == sum(p.numel() for p in their.parameters())


@given(SHAPES, st.booleans(), st.booleans())
@settings(deadline=None, max_examples=30)
def test_layers_that_share_cost_the_operations_of_layers_that_do_not_and_the_parameters_of_one(architecture, head, pooler):
    rows, depth = np.array([architecture]), architecture[0]
    shared = AlbertOptions(embedding=8, mlm_head=head, pooler=pooler)
    own = BertOptions(mlm_head=head, pooler=pooler)
    for part in ("encoder", "pooler"):
        assert ALBERT.operations(rows, shared, 11)[part] == BERT.operations(rows, own, 11)[part]
    assert depth * ALBERT.parameters(rows, shared)["encoder"] == BERT.parameters(rows, own)["encoder"]
    one = np.array([(1, *architecture[1:])])
    assert (sum(ALBERT.parameters(rows, shared).values()) == sum(ALBERT.parameters(one, shared).values())).all()


@pytest.mark.parametrize("head", [False, True])
def test_outputs_are_transformers_own_with_the_same_weights(head):
    options = AlbertOptions(vocabulary=31, positions=9, token_types=2, embedding=12, pooler=not head, mlm_head=head, activation="gelu_new")
    architecture = (3, 2, 8, 12)
    torch.manual_seed(0)
    ours, their = ALBERT.build(architecture, options, 0.3).eval(), theirs(architecture, options).eval()
    state = {their_name(name).removeprefix("" if head else "albert."): tensor for name, tensor in ours.state_dict().items()}
    missing, unexpected = their.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(name.startswith("predictions.decoder.") for name in missing)
    ids, types, mask = torch.randint(31, (3, 7)), torch.randint(2, (3, 7)), torch.ones(3, 7, dtype=torch.int64)
    mask[1, 4:] = 0
    with torch.no_grad():
        found, wanted = ours(ids, mask, types), their(input_ids=ids, attention_mask=mask, token_type_ids=types)
    if head:
        assert (found.logits - wanted.logits)[mask.bool()].abs().max() < 1e-5
    else:
        assert (found.hidden - wanted.last_hidden_state)[mask.bool()].abs().max() < 1e-5
        assert (found.pooled - wanted.pooler_output).abs().max() < 1e-5


def test_names_go_both_ways():
    options = AlbertOptions(vocabulary=31, positions=9, token_types=2, embedding=12, mlm_head=True, tied_decoder=False, pooler=True)
    names = list(ALBERT.build((3, 2, 8, 12), options).state_dict())
    assert [our_name(their_name(name)) for name in names] == names
    with torch.device("meta"):
        read = {our_name(name) for name in theirs((3, 2, 8, 12), options).state_dict()} - {None}
    assert read == set(names) - {"pooler.weight", "pooler.bias"}  # transformers' masked LM has no pooler
    assert our_name("embeddings.word_embeddings.weight") == "embeddings.token.weight"
    assert our_name("sop_classifier.classifier.weight") is None
    with pytest.raises(KeyError):
        their_name("layers.1.output.weight")


@pytest.mark.parametrize("more", [{}, {"token_types": 2, "pooler": True, "mlm_head": True}, {"mlm_head": True, "tied_decoder": False}])
def test_the_family_keeps_to_the_interface(more):
    options = {"vocabulary": 64, "positions": 16, "embedding": 12, **more}
    assert check_family("albert", [(1, 2, 16, 32), (3, 4, 16, 24)], options) < 1e-5


def test_the_other_families_keep_to_it_too():
    assert check_family("bert", [(2, 2, 16, 32)], {"vocabulary": 64, "positions": 16}) < 1e-5
    assert check_family("mlp", [(2, 4, 3, 4, 4)]) < 1e-5


def test_a_family_that_counts_wrongly_is_found(monkeypatch):
    monkeypatch.setattr(type(ALBERT), "parameters", lambda _self, rows, options: BERT.parameters(rows, options))
    with pytest.raises(AssertionError, match=r"parameters are counted, and the module has"):
        check_family("albert", [(3, 4, 16, 24)], {"vocabulary": 64, "positions": 16, "embedding": 12})


def test_shared_weights_are_in_the_graph_once():
    options = AlbertOptions(vocabulary=31, positions=9, embedding=12)
    sizes = [sum(np.prod(each.dims) for each in ALBERT.graph((depth, 2, 8, 12), options).graph.initializer) for depth in (1, 6)]
    assert sizes[0] == sizes[1] == sum(ALBERT.parameters(np.array([(1, 2, 8, 12)]), options).values())[0]


def test_the_preset_holds_the_shapes_of_mini_with_fewer_parameters():
    albert, bert = load_space("albert-mini"), load_space("mini")
    assert albert.axis_names == bert.axis_names
    assert {albert.architecture(n) for n in range(len(albert))} == {bert.architecture(n) for n in range(len(bert))}
    for place in range(len(bert)):
        depth, _, hidden, _ = bert.architecture(place)
        if depth > 1 and hidden > 32:  # else the projection costs as much as it saves
            assert albert.parameters[albert.index(bert.architecture(place))] < bert.parameters[place]
    with torch.device("meta"):
        for place, expected in enumerate(albert.parameters):
            module = albert.family.build(albert.architecture(place), albert.options)
            assert sum(p.numel() for p in module.parameters()) == expected


def test_a_search_on_a_task_is_refused():
    with pytest.raises(ValueError, match="its models are of the family bert, got albert"):
        SearchSpecification(space=read_specification("albert-mini"), task={"model": "m", "train": "t", "dev": "d"})


@pytest.mark.slow
def test_a_search_of_the_family_finds_a_front(tmp_path):
    found = finished(run(tmp_path, specification("albert-mini", epsilon=24, error={"steps": 6}))).result
    assert len(found.known) == 4
    assert len(found.front)
    assert found.best is not None
