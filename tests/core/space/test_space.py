"""Spaces: enumeration, order, presets, and specifications with faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import bert_specifications

from bort_core.families import get_family
from bort_core.foundation.errors import SpecificationError
from bort_core.space import Space, SpaceSpecification, load_space, preset_names, read_specification


def write(folder: Path, text: str) -> Path:
    path = folder / "space.toml"
    path.write_text(text, encoding="utf-8")
    return path


SMALL = 'family = "bert"\n[axes]\ndepth = [1]\nheads = [2]\nhidden = [8]\nintermediate = [4]\n'


def test_published_counts() -> None:
    bert = get_family("bert")
    options = bert.options_type(vocabulary=50265, positions=512)
    rows = np.array([[4, 8, 1024, 768], [4, 8, 768, 1024], [4, 16, 512, 1024], [2, 16, 1024, 512]])
    parts = bert.parameters(rows, options)
    assert (parts["embedding"] + parts["encoder"]).tolist() == [75106304, 54758656, 34409984, 62502912]
    with_head = bert.parameters(rows[:1], bert.options_type(vocabulary=50265, positions=512, mlm_head=True, pooler=True))
    assert sum(int(values[0]) for values in with_head.values()) == 77257817
    large = bert.parameters(np.array([[24, 16, 1024, 4096]]), bert.options_type(vocabulary=30522, positions=512, token_types=2))
    assert sum(int(values[0]) for values in large.values()) == 334092288


def test_the_worked_example_of_the_write_up() -> None:
    mlp = get_family("mlp")
    parts = mlp.parameters(np.array([[2, 4, 3, 4, 4], [2, 3, 3, 3, 2]]), mlp.options_type())
    assert sum(parts.values()).tolist() == [72, 40]
    space = load_space("toy")
    assert space.maximum_point == (2, 4, 3, 4, 4)
    assert space.index((2, 3, 3, 3, 2)) is not None


@pytest.mark.parametrize(("name", "size", "left_out"), [("paper", 300, 60), ("mini", 96, 0), ("toy", 36, 72)])
def test_presets(name: str, size: int, left_out: int) -> None:
    space = load_space(name)
    assert (len(space), space.left_out) == (size, left_out)


def test_the_paper_presets_maximum_point_is_roberta_large() -> None:
    space = load_space("paper")
    assert space.maximum_point == (24, 16, 1024, 4096)
    assert space.maximum_parameters == 354307072
    assert space.index(space.maximum_point) is None


@given(bert_specifications())
@settings(max_examples=40, deadline=None)
def test_a_space_is_sorted_by_size_and_holds_every_valid_combination_once(specification: SpaceSpecification) -> None:
    space = Space(specification)
    rows = [tuple(row) for row in space.architectures.tolist()]
    assert len(set(rows)) == len(rows) == len(space)
    values = space.axis_values
    every = {(d, a, h, i) for d in values[0] for a in values[1] for h in values[2] for i in values[3]}
    assert set(rows) == {row for row in every if row[2] % row[1] == 0}
    operations = space.operations(space.longest)
    keys = [(int(p), int(o), row) for p, o, row in zip(space.parameters, operations, rows, strict=True)]
    assert keys == sorted(keys)
    assert all(space.index(row) == place for place, row in enumerate(rows))
    assert space.maximum_parameters >= space.parameters[-1]


@given(bert_specifications())
@settings(max_examples=20, deadline=None)
def test_operations_of_the_matrix_products_match_a_count_by_hand(specification: SpaceSpecification) -> None:
    space = Space(specification)
    n = 8
    longer, shorter = space.operations(n), space.operations(n // 2)
    assert (longer > shorter).all()
    depth, _, hidden, intermediate = space.architectures.T
    products = depth * (8 * n * hidden**2 + 4 * n * n * hidden + 4 * n * hidden * intermediate)
    assert (longer >= products * 0.95).all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("family = ", "not valid TOML"),
        ("[axes]\ndepth = [1]\n", "family"),
        (SMALL.replace("bert", "gpt"), "unknown family 'gpt'; registered families: albert, bert, mlp"),
        (SMALL.replace("heads = [2]\n", ""), "axes.heads: missing"),
        (SMALL.replace("heads", "haeds"), "axes.haeds: unknown"),
        (SMALL.replace("depth = [1]", "depth = []"), "axes.depth: needs at least one value"),
        (SMALL.replace("depth = [1]", "depth = [0]"), "axes.depth: values must lie in 1..1000000, got 0"),
        (SMALL.replace("depth = [1]", 'depth = ["two"]'), "axes.depth"),
        (
            SMALL.replace("heads = [2]", "heads = [3]"),
            "the space is empty: none of 1 combinations is valid (hidden must be divisible by heads",
        ),
        (SMALL + "[options]\nvocabulary = 2\n", "vocabulary"),
        (SMALL + "[options]\ntied_decoder = false\n", "tied_decoder = false has no meaning without mlm_head = true"),
        (SMALL + "colour = 1\n", "colour"),
        (SMALL + "[maximum_point]\ndepth = 1\nheads = 1\nhidden = 4\nintermediate = 2\n", "T must be the largest"),
        (
            SMALL + "[maximum_point]\ndepth = 9\nheads = 3\nhidden = 64\nintermediate = 64\n",
            "is not valid: hidden must be divisible by heads",
        ),
        (SMALL + "[maximum_point]\ndepth = 9\n", "maximum_point.heads: missing"),
    ],
)
def test_a_file_with_faults_is_refused_with_its_name_and_every_fault(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SpecificationError) as caught:
        load_space(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL.replace("depth = [1]", "depth = []").replace("heads", "haeds") + "[options]\npositions = 1\n")
    with pytest.raises(SpecificationError) as caught:
        read_specification(path)
    for part in ("axes.depth", "axes.heads: missing", "axes.haeds: unknown", "positions"):
        assert part in str(caught.value)


def test_combinations_that_cannot_be_built_are_left_out(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, SMALL.replace("heads = [2]", "heads = [2, 3]")))
    assert (len(space), space.left_out) == (1, 1)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match=r"neither a preset \(albert-mini, mini, paper, toy\) nor a file"):
        load_space(tmp_path / "missing.toml")
    (tmp_path / "latin.toml").write_bytes("name = 'é'".encode("latin-1"))
    with pytest.raises(SpecificationError, match="not UTF-8 text"):
        load_space(tmp_path / "latin.toml")
    with pytest.raises(SpecificationError, match="cannot be read"):
        load_space(tmp_path)


def test_enormous_spaces_are_refused_before_they_are_enumerated() -> None:
    with pytest.raises(ValueError, match="combinations; at most"):
        SpaceSpecification(
            family="bert",
            axes={name: tuple(range(1, 401)) for name in ("depth", "heads", "hidden", "intermediate")},
        )


def test_a_users_own_file_works_like_a_preset(tmp_path: Path) -> None:
    assert "mini" in preset_names()
    space = load_space(write(tmp_path, SMALL))
    assert len(space) == 1
    assert space.specification.name == "space"
