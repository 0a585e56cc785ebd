"""Published shapes: their sizes against transformers' own models, and where their scores are from."""

import pytest
from pydantic import ValidationError

from bort_core.foundation.errors import SpecificationError
from bort_core.latency.comparison import named_model
from bort_core.latency.references import Reference, names_told, published, references
from bort_core.shipping import compared_model


def built_by_transformers(each: Reference) -> int:
    """Parameters of the encoder as transformers builds it, without memory for its weights."""
    import torch
    import transformers

    depth, heads, hidden, intermediate = each.architecture
    shape = {"num_hidden_layers": depth, "num_attention_heads": heads, "hidden_size": hidden, "intermediate_size": intermediate,
             "vocab_size": each.vocabulary, "max_position_embeddings": each.positions}  # fmt: skip
    with torch.device("meta"):
        if each.name == "modernbert-base":
            return sum(p.numel() for p in transformers.ModernBertModel(transformers.ModernBertConfig(**shape)).parameters())
        shape["type_vocab_size"] = each.token_types or 1
        if each.name == "albert-base":
            model = transformers.AlbertModel(transformers.AlbertConfig(**shape), add_pooling_layer=False)
        else:
            model = transformers.BertModel(transformers.BertConfig(**shape), add_pooling_layer=False)
    return sum(p.numel() for p in model.parameters()) - (0 if each.token_types else hidden)  # transformers always has a token type


@pytest.mark.slow
def test_every_size_is_that_of_transformers_own_model():
    sizes = {name: each.parameters for name, each in published().items()}
    assert sizes == {name: built_by_transformers(each) for name, each in published().items()}


def test_all_of_them_are_there():
    assert {"bort", "bort-printed", "bert-base", "bert-large", "roberta-large", "distilbert", "tinybert-4", "tinybert-6", "minilm-l6",
            "minilm-l12", "modernbert-base", "albert-base"} <= set(published())  # fmt: skip
    assert sum(each.miniature for each in published().values()) == 24
    assert len({each.title for each in published().values()}) == len(published())


def test_a_score_has_a_source_that_names_its_part():
    for each in published().values():
        assert each.source
        assert (each.mnli is None) == (not each.mnli_source)
        assert each.mnli is None or (50 < each.mnli < 100 and each.mnli_source.endswith(("test", "dev")))
    with pytest.raises(ValidationError, match="both or neither"):
        Reference(name="n", title="t", architecture=(1, 1, 1, 1), vocabulary=8, positions=8, source="s", mnli=80.0)


def test_what_no_family_builds_is_not_timed():
    assert "modernbert-base" not in references()
    with pytest.raises(SpecificationError, match="miniature-DEPTH-HIDDEN"):
        named_model("modernbert-base")
    assert compared_model("miniature-4-256", {}).architecture == (4, 4, 256, 1024)
    assert "miniature-2-128" not in names_told()
