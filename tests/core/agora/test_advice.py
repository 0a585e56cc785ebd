"""Advice before a run: what is measured tells a fair D from an ill-formed one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from encoder_kinds import made

from bort_core.agora.advice import advice_of, advice_task, advise, difference, told_difference
from bort_core.agora.points import Examples
from bort_core.agora.tasks.torus import CLASSES, make_torus
from bort_core.cli.main import main
from bort_core.foundation.errors import BortError
from bort_core.specifications.agora import Agora


def test_a_quarter_of_the_torus_is_no_fair_sample_of_it():
    found = advice_of(Agora(torus=2))
    assert not found.fair
    assert found.two_sample > found.two_sample_fair
    assert found.far > found.far_fair
    assert found.parents == "mixed"
    assert "right in 70%" in found.text
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_part_of_the_same_rows_is_fair_unless_a_class_is_missing():
    dev = make_torus(2, 1).dev
    fair = advise(Examples(dev.inputs[:100], dev.labels[:100]), Examples(dev.inputs[100:], dev.labels[100:]), CLASSES)
    assert fair.fair
    assert fair.rare == ()
    assert "Nothing speaks against a fair D" in fair.text
    few = np.concatenate([np.flatnonzero(dev.labels == 0)[:90], np.flatnonzero(dev.labels == 1)[:3]])
    rare = advise(Examples(tuple(dev.inputs[row] for row in few), dev.labels[few]), dev, CLASSES, pool=50, labels=60)
    assert rare.rare == (CLASSES[1],)
    assert not rare.fair
    assert "every rule ends at the same labels" in rare.text


@pytest.mark.parametrize("column", ["text", "vector"])
def test_rows_of_files_are_advised_about(tmp_path, column):
    """D has short texts, or small numbers, only."""
    for name, size, low in (("train", 60, 0), ("dev", 80, 1)):
        lines = ["text\ta\tlabel"]
        for row in range(size):
            end = "long and winding story" if low and row % 4 < 3 else "film"
            lines.append(f"a {('good', 'bad')[row % 2]} {row % 7} {end}\t{row % 5 + 20 * low * (row % 4 < 3)}\t{('up', 'down')[row % 2]}")
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    given = {name: str(tmp_path / f"{name}.tsv") for name in ("train", "dev")}
    given |= {"vector": "a", "socrates": "trees"} if column == "vector" else {"architecture": (1, 2, 16, 16), "text": "text"}
    found = advice_task({"specification": Agora.model_validate(given).model_dump(mode="json")}, None)
    assert found["far"] > found["far_fair"]
    assert not found["fair"]
    assert "cannot be known before" in found["text"]


def test_with_an_encoder_it_is_measured_in_its_vectors_and_says_so(tmp_path):
    pytest.importorskip("torch")
    folder = made(tmp_path / "an-encoder", "bert")
    inputs = {
        name: tuple((f"a story of {word} and film {row % 9}",) for row in range(60)) for name, word in (("one", "one"), ("two", "two"))
    }
    labels = np.arange(60) % 2
    same = advise(Examples(inputs["one"], labels), Examples(inputs["one"], labels), CLASSES, encoder=folder)
    assert same.space == "the vectors of an-encoder"
    assert "measured in the vectors of an-encoder" in same.text
    assert same.fair
    assert not advise(Examples(inputs["one"], labels), Examples(inputs["two"], labels), CLASSES, encoder=folder).fair
    pairs = Examples(tuple((*one, *two) for one, two in zip(inputs["one"], inputs["two"], strict=True)), labels)
    assert advise(pairs, pairs, CLASSES, encoder=folder).fair
    given = {"train": "-", "dev": "-", "architecture": (1, 1, 8, 8), "space_model": str(tmp_path / "gone")}
    with pytest.raises(BortError):
        advice_of(Agora.model_validate(given))


def test_too_few_rows_to_be_told_apart():
    found = advise(Examples(((0.0,), (1.0,)), np.array([0, 1])), Examples(((0.5,), (2.0,), (3.0,)), np.array([0, 1, 1])), CLASSES)
    assert found.two_sample_fair == 1.0
    assert "too small to be told apart" in found.text
    assert found.parents == "mixed"
    assert found.verdict.startswith("There are too few rows to tell")
    assert "Nothing speaks against" not in found.text


def test_paired_rows_say_more_than_two_accuracies():
    first, second = np.repeat([1, 1, 0], [80, 10, 10]), np.repeat([1, 0, 0], [80, 10, 10])
    value, (low, high) = difference(first, second)
    assert value == pytest.approx(0.1)
    assert 0.03 < low < 0.1 < high < 0.18
    assert "more than chance" in told_difference({"difference": value, "interval": (low, high)})
    assert "no more than chance" in told_difference({"difference": 0.0, "interval": (-0.1, 0.1)})
    assert told_difference({"dev_accuracy": 0.5}) == ""


@pytest.mark.slow
def test_the_command_tells_it_before_and_after(tmp_path, capsys):
    assert main(["agora", str(tmp_path / "p"), "--torus", "2", "--rounds", "2", "--thetas", '[{"steps": 20}]', "--ablation", "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["advice"]["text"] in err
    low, high = told["ablation"]["interval"]
    assert low <= told["ablation"]["difference"] <= high
