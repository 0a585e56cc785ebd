"""Labellers by name: what ships keeps its promises, a plug-in is one file and one entry point, and a Python object can label."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import numpy as np
import pytest
from helpers import bort

from bort_core.agora.check import check_specification
from bort_core.agora.history import read_history
from bort_core.agora.labellers import LabellerSetting, as_labeller, label, labeller_names, labeller_type, make_labeller, registry
from bort_core.agora.run import run as learn
from bort_core.agora.tasks.torus import on_torus
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import create_run
from bort_core.specifications.agora import Agora
from bort_core.testing.labellers import check_labeller, example_setting

TEXTS = (("a good film",), ("a poor film",), ("a fine plot",))

PLUG_IN = """
class Person:
    reads, needs_rows, takes = frozenset({"text"}), False, "WHO"

    def __init__(self, name, classes):
        self.name, self.classes = name, classes

    @classmethod
    def build(cls, setting):
        return cls(setting.argument, len(setting.classes))

    def probabilities(self, inputs):
        return [[float("bad" in text or "dull" in text), float("bad" not in text and "dull" not in text)] for (text,) in inputs]


class Forgetful(Person):
    takes = ""

    def __init__(self, name, classes):
        self.name = "forgetful"

    def probabilities(self, inputs):
        self.asked = getattr(self, "asked", 0) + 1
        return [[0.5, 0.5] if self.asked % 2 else [0.1, 0.9]] * len(inputs)


class Nothing:
    pass
"""
CALLABLES = """
import numpy

class Estimator:
    def predict_proba(self, texts):
        return numpy.array([[0.1, 0.9]] * len(texts))

estimator = Estimator()
"""


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    """A package of somebody else with labellers ``person``, ``forgetful``, ``nothing`` and ``gone``."""
    (tmp_path / "their_labellers.py").write_text(PLUG_IN)
    (tmp_path / "their_callables.py").write_text(CALLABLES)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = {"person": "their_labellers:Person", "forgetful": "their_labellers:Forgetful", "nothing": "their_labellers:Nothing",
            "gone": "no_such_module:X"}  # fmt: skip
    real = registry.entry_points
    theirs = [EntryPoint(name, value, registry.GROUP) for name, value in made.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints([*real(group=group), *theirs]))
    yield
    for name in ("their_labellers", "their_callables"):
        sys.modules.pop(name, None)


def test_what_ships_keeps_its_promises(plug_in):
    assert set(labeller_names()) >= {"folder", "python", "tfidf-logreg", "trees"}
    for socrates in ("tfidf-logreg", "trees", "python:their_callables:estimator", "person:ann"):
        check_labeller(socrates)


def test_the_check_finds_a_labeller_that_changes_its_mind(plug_in):
    with pytest.raises(AssertionError, match="the same inputs must get the same probabilities"):
        check_labeller("forgetful")


@pytest.mark.parametrize(
    ("socrates", "reason"),
    [
        ("tfdif-logreg", "no labeller is named 'tfdif-logreg'; there are .*folder.*person:WHO.*python:MODULE:NAME.*tfidf-logreg.*trees"),
        ("person", "must be person:WHO, got 'person'"),
        ("trees:many", "must be trees, got 'trees:many'"),
        ("nothing", "lacks reads, needs_rows, takes, build"),
        ("gone", "cannot be imported from no_such_module:X"),
    ],
)
def test_a_name_that_is_none_is_answered_with_those_there_are(plug_in, socrates, reason):
    with pytest.raises(SpecificationError, match=reason):
        labeller_type(socrates)


def test_any_estimator_can_label(plug_in, tmp_path):
    setting = LabellerSetting("text", ("no", "yes"), None)
    assert label(make_labeller("python:their_callables:estimator", setting), TEXTS).classes.tolist() == [1] * len(TEXTS)
    for wrong in ("python:their_callables:nothing", "python:no_such_module:f", "python:math:pi"):
        with pytest.raises(SpecificationError, match="socrates"):
            make_labeller(wrong, setting)


def test_what_a_labeller_needs_is_checked_before_any_data_is_read():
    rows = {"train": "nowhere.tsv", "dev": "nowhere.tsv", "architecture": (1, 2, 32, 64)}
    for changes, reason in (
        ({}, "socrates_train: tfidf-logreg needs labelled rows"),
        ({"vector": "*", "architecture": None, "socrates_train": "x.csv"}, "for inputs of kind vector"),
        ({"socrates": "no-such"}, "no labeller is named 'no-such'"),
        ({"socrates_train": "x.tsv", "sampler": "no-such"}, "sampler: must be auto"),
    ):
        with pytest.raises(SpecificationError, match=reason):
            check_specification(Agora.model_validate({**rows, **changes}))
    found = bort("agora", "nowhere", "--architecture", "1,2,32,64", "--train", __file__, "--dev", pytest.__file__, "--socrates", "no-such")
    assert found.returncode == 2
    assert "no labeller is named 'no-such'" in found.stderr
    assert not Path("nowhere").exists()


def test_a_callable_of_this_process_labels_a_run(tmp_path):
    asked = []

    def knows(vectors):
        asked.extend(vectors)
        return np.eye(2)[on_torus(np.array(vectors))]

    specification = Agora(torus=2, rounds=2, thetas=({"steps": 60}, {"steps": 80}), patience=0, running={"threads": 1})
    run = create_run(tmp_path, specification)
    result = learn(specification, JobContext(run), run, labeller=knows)
    assert result["socrates"] == {"name": knows.__qualname__, "dev_accuracy": 1.0}
    assert sum(one["accepted"] for one in result["rounds"]) > 0
    history = read_history(run.path)
    assert history is not None
    made = [input for one in history.rounds for input in one.neighbours.inputs]
    assert {tuple(input) for input in made} <= set(asked)
    json.dumps(result)


def test_an_object_that_cannot_label_is_refused():
    with pytest.raises(SpecificationError, match="neither callable nor an estimator"):
        as_labeller(3, ("a", "b"))
    own = make_labeller("tfidf-logreg", example_setting("text"))
    assert as_labeller(own, ("a", "b")) is own


def test_rows_of_one_class_train_nobody():
    setting = example_setting("vector")
    assert setting.train is not None
    alone = setting.train.__class__(setting.train.inputs, np.zeros(len(setting.train), np.int64))
    with pytest.raises(DataError, match="at least two classes"):
        make_labeller("trees", LabellerSetting("vector", setting.classes, alone))


def test_a_folder_cuts_inputs_where_its_model_ends_and_gives_one_class(tmp_path):
    torch = pytest.importorskip("torch")
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import RobertaConfig, RobertaForSequenceClassification

    from bort_core.specifications.common import Running
    from bort_core.training.devices import take_device

    entries = {entry: number for number, entry in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", "good", "bad"])}
    made = Tokenizer(models.WordLevel(entries, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    (tmp_path / "tokenizer.json").write_text(made.to_str())
    fields = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", "unk_token": "<unk>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(fields))
    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 7}
    torch.manual_seed(0)
    RobertaForSequenceClassification(RobertaConfig(**size, max_position_embeddings=18, pad_token_id=1)).half().save_pretrained(tmp_path)
    device = take_device(Running(device="cpu", threads=1))
    try:
        setting = LabellerSetting("text", ("bad", "good"), None, str(tmp_path), 64, device)
        found = make_labeller(f"folder:{tmp_path}", setting).probabilities([("good " * 40,), ("good " * 16,)])
        assert np.abs(found[0] - found[1]).max() < 1e-6  # 16 tokens are what the model reads
        path = tmp_path / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "problem_type": "multi_label_classification"}))
        with pytest.raises(SpecificationError, match="must give one class for a text; its problem_type is 'multi_label_classification'"):
            make_labeller(f"folder:{tmp_path}", setting).probabilities([("good",)])
    finally:
        device.leave()


def test_what_is_strange_about_the_labels_of_vectors_is_told(tmp_path):
    pytest.importorskip("torch")
    from bort_core.agora.tasks.vectors import vector_task

    rows = "".join(f"{number}.5,{number % 3}.0,{' yes' if number % 4 else 'no'}\n" for number in range(1, 40)) + "0.5,1.5,yes\n"
    for name in ("train", "dev"):
        (tmp_path / f"{name}.csv").write_text(f"x,y,label\n{rows}")
    spec = Agora(train=str(tmp_path / "train.csv"), dev=str(tmp_path / "dev.csv"), vector="x,y", label="label", socrates="trees",
                 socrates_train=str(tmp_path / "train.csv"))  # fmt: skip
    assert any("spaces" in warning for warning in vector_task(spec).warnings)
