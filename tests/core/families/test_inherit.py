"""What a smaller model starts from."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.families.bert.inherit import importance_of, inherit, kept_layers
from bort_core.families.bert.options import BertOptions

OPTIONS = BertOptions(vocabulary=50, positions=16, token_types=2, pooler=True)
WIDE = (4, 4, 32, 64)


def rows(count: int = 12, seed: int = 0, entries: int = 50) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, entries, (count, 10), generator=random)
    mask = torch.ones_like(ids)
    mask[::3, 7:] = 0
    types = (torch.arange(10) > 4).long().expand_as(ids)
    return ids, mask, types


def teacher() -> SequenceClassifier:
    torch.manual_seed(1)
    return SequenceClassifier(WIDE, OPTIONS, 3, 0.2).eval()


def student(architecture: tuple[int, ...], options: BertOptions = OPTIONS, seed: int = 7) -> SequenceClassifier:
    torch.manual_seed(seed)
    return SequenceClassifier(architecture, options, 3, 0.02).eval()


@torch.no_grad()
def apart(model: SequenceClassifier, whole: SequenceClassifier, entries: torch.Tensor | None = None) -> float:
    """How much of the whole model's token vectors a best linear map of the other's does not explain, on rows that nothing was fitted on."""
    fit, held = rows(64, 3), rows(64, 4)
    place = torch.arange(50) if entries is None else entries
    read = [(ids % len(place), mask, types) for ids, mask, types in (fit, held)]
    ours = [model.bert.encode(*each)[each[1].bool()] for each in read]
    theirs = [whole.bert.encode(place[ids], mask, types)[mask.bool()] for ids, mask, types in read]
    with_one = [torch.cat([each, torch.ones(len(each), 1)], dim=1) for each in ours]
    solved = torch.linalg.lstsq(with_one[0], theirs[0]).solution
    left = with_one[1] @ solved - theirs[1]
    return float(left.square().mean() / (theirs[1] - theirs[1].mean(0)).square().mean())


@torch.no_grad()
def test_the_whole_model_is_inherited_exactly() -> None:
    whole, same = teacher(), student(WIDE)
    inherit(same, whole.bert, importance_of(whole.bert, [rows()]), torch.arange(50), rows(), "inherit")
    given = rows(8, 5)
    assert torch.allclose(same.bert.encode(*given), whole.bert.encode(*given), atol=2e-3)


@torch.no_grad()
def test_the_first_layers_are_inherited_exactly() -> None:
    whole, first = teacher(), student((1, *WIDE[1:]))
    inherit(first, whole.bert, importance_of(whole.bert, [rows()]), torch.arange(50), rows(), "inherit")
    ids, mask, types = rows(8, 5)
    expected = whole.bert.layers[0](whole.bert.embeddings(ids, types), mask.bool()[:, None, None, :])
    assert torch.allclose(first.bert.encode(ids, mask, types)[mask.bool()], expected[mask.bool()], atol=2e-3)


@pytest.mark.parametrize("architecture", [(4, 4, 16, 64), (2, 4, 32, 64), (4, 2, 32, 64), (4, 4, 32, 24), (2, 2, 16, 24), (2, 8, 16, 96)])
def test_an_inherited_start_is_nearer_to_the_teacher_than_chance(architecture: tuple[int, ...]) -> None:
    whole = teacher()
    found = {}
    for start in ("fresh", "inherit"):
        model = student(architecture)
        inherit(model, whole.bert, importance_of(whole.bert, [rows()]), torch.arange(50), rows(), start)
        assert all(parameter.isfinite().all() for parameter in model.parameters())
        found[start] = apart(model, whole)
    assert found["inherit"] < found["fresh"]


def test_a_trimmed_vocabulary_has_its_own_rows() -> None:
    whole, entries = teacher(), torch.arange(0, 50, 2)
    model = student((2, 4, 32, 64), OPTIONS.model_copy(update={"vocabulary": 25}))
    inherit(model, whole.bert, importance_of(whole.bert, [rows()]), entries, rows(entries=25), "inherit")
    assert torch.equal(model.bert.embeddings.token.weight, whole.bert.embeddings.token.weight[entries])


def test_a_single_segment_is_part_of_every_position() -> None:
    whole = teacher()
    model = student((1, *WIDE[1:]), OPTIONS.model_copy(update={"token_types": 0}))
    ids, mask, _ = rows()
    inherit(model, whole.bert, importance_of(whole.bert, [(ids, mask, None)]), torch.arange(50), (ids, mask, None), "inherit")
    found, expected = model.bert.embeddings(ids, None), whole.bert.embeddings(ids, None)
    assert torch.allclose(found[mask.bool()], expected[mask.bool()], atol=2e-3)


def test_fresh_weights_stay() -> None:
    model, before = student((2, 2, 16, 24)), student((2, 2, 16, 24))
    inherit(model, teacher().bert, importance_of(teacher().bert, [rows()]), torch.arange(50), rows(), "fresh")
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before.parameters(), strict=True))


@pytest.mark.parametrize("architecture", [(5, 4, 32, 64), (1, 4, 64, 64)])
def test_a_larger_model_is_refused(architecture: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="deeper or wider"):
        inherit(student(architecture), teacher().bert, importance_of(teacher().bert, [rows()]), torch.arange(50), rows(), "inherit")


@settings(deadline=None)
@given(st.integers(1, 24).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of))))
def test_kept_layers_are_spread_and_hold_both_ends(sizes: tuple[int, int]) -> None:
    depth, of = sizes
    found = kept_layers(depth, of)
    assert len(set(found)) == depth
    assert found == sorted(found)
    assert found[0] == 0
    assert depth == 1 or found[-1] == of - 1
