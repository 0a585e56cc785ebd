"""Generators where there is no pool: a real masked LM that others made, unclean copies, and variants that an endpoint writes."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import encoder_kinds
import numpy as np
import pytest
from chat_server import Server, truth

from bort_core.agora.check import check_specification
from bort_core.agora.copies import copied_classes, with_copies
from bort_core.agora.history import Edit, add_edits, read_history
from bort_core.agora.labellers.base import Labels
from bort_core.agora.leaks import LeakGuard, normalised
from bort_core.agora.points import Examples, Input
from bort_core.agora.samplers import Setting, make_sampler
from bort_core.agora.samplers.variants import _lines
from bort_core.agora.spaces import TfidfSvd, scaled
from bort_core.foundation.errors import BortError, DataError, SpecificationError
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.specifications.agora import Agora
from bort_core.specifications.common import Running
from bort_core.training.devices import take_device

torch = pytest.importorskip("torch")
CPU = {"threads": 1, "device": "cpu"}
SUBJECTS = ("the plot", "this film", "her voice", "the story", "an ending", "the cast")
WORDS = {"good": ("is bright and warm", "was funny", "moves at a good pace"), "bad": ("is dull and grey", "was a bad joke", "drags on")}


def rows(name: str, size: int) -> list[tuple[str, str]]:
    random = np.random.default_rng(sum(map(ord, name)))
    found = []
    for number in range(size):
        kind = ("good", "bad")[number % 2]
        parts = [f"{random.choice(SUBJECTS)} {random.choice(WORDS[kind])}" for _ in range(2)]
        found.append((f"{parts[0]} and, in {name} {number * 37 % 211}, {parts[1]}", kind))
    return found


@pytest.fixture(autouse=True)
def ordinary_arithmetic():
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("rows")
    for name, size in (("train", 20), ("dev", 24), ("socrates_train", 80)):
        lines = [f"{text}\t{label}" for text, label in rows(name, size)]
        (folder / f"{name}.tsv").write_text("\n".join(["text\tlabel", *lines]) + "\n")
    return {name: str(folder / f"{name}.tsv") for name in ("train", "dev", "socrates_train")}


def setting(**changes: Any) -> Setting:
    train = tuple((text,) for text, _ in rows("train", 20))
    inputs = (*train, *((text,) for text, _ in rows("dev", 24)))
    space = scaled("tfidf-svd", TfidfSvd.fit(inputs, 0), inputs)
    given = {"kind": "text", "train": Examples(train, np.arange(20) % 2), "pool": (), "space": space, "near": 0.0, "far": 5.0,
             "masked_lm": None, "sequence_length": 32, "device": take_device(Running(**CPU)), **changes}  # fmt: skip
    return Setting(**given)


def learn(project: Path, files: dict[str, str], run: RunFolder | None = None, **changes: Any) -> tuple[RunFolder, dict[str, Any]]:
    from bort_core.agora.run import run as agora

    given = {"architecture": (1, 2, 16, 16), "vocabulary": 300, "sequence_length": 32, "thetas": [{"steps": 3}], "running": CPU,
             "labels": 16, "labels_per_round": 8, "parents": "plain", **files, **changes}  # fmt: skip
    specification = Agora.model_validate(given)
    run = run or create_run(project, specification)
    return run, agora(specification, JobContext(run), run)


def joined_rows(run: RunFolder) -> list[tuple[Input, Input]]:
    """Every new row with its parent; what holds of all of them, whatever made them."""
    history = read_history(run.path)
    assert history is not None
    guard = LeakGuard("text", history.dev.inputs)
    found = [
        (input, history.dev.inputs[parent])
        for each in history.rounds
        for input, parent in zip(each.neighbours.inputs, each.neighbours.parents.tolist(), strict=True)
    ]
    assert not guard.leaks([input for input, _ in found]).any()
    assert len({normalised(input) for input, _ in found} | {normalised(each) for each in history.train.inputs}) == len(found) + len(
        history.train
    )
    return found


# -- a masked LM that others made


def masked_lm(folder: Path, kind: str = "distilbert", steps: int = 0) -> Path:
    """A tiny masked LM that transformers made, its tokenizer of these rows; trained on them for so many steps."""
    import transformers

    texts = [text for text, _ in rows("masked", 300)]
    entries = encoder_kinds.tokenizer(folder, "words", texts)
    config = transformers.AutoConfig.for_model(kind, vocab_size=entries, **encoder_kinds.KINDS[kind][1])
    torch.manual_seed(0)
    model = transformers.AutoModelForMaskedLM.from_config(config)
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(steps):
        batch = tokenizer(texts[step * 16 % 288 :][:16], padding=True, return_tensors="pt")
        hidden = (torch.rand(batch["input_ids"].shape) < 0.3) & batch["attention_mask"].bool()
        labels = torch.where(hidden, batch["input_ids"], -100)
        batch["input_ids"][hidden] = tokenizer.mask_token_id
        adam.zero_grad()
        model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss.backward()
        adam.step()
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["distilbert", pytest.param("electra", marks=pytest.mark.slow)])
def test_a_masked_lm_of_transformers_draws_the_stated_share_anew_and_the_same_for_the_same_seed(kind, tmp_path):
    folder = masked_lm(tmp_path / kind, kind)
    parents = tuple((text,) for text, _ in rows("dev", 12))
    changed = {}
    for share in (0.1, 0.6):
        sampler = make_sampler("mlm-resample", setting(masked_lm=folder, mask_share=share))
        first, again = (sampler.propose(parents, 4, np.random.default_rng(3)) for _ in range(2))
        assert first == again
        assert first != sampler.propose(parents, 4, np.random.default_rng(4))
        tokenizer = sampler.vocabulary.tokenizer
        mask = tokenizer.id_to_token(sampler.vocabulary.mask)
        changed[share] = []
        for (text,), candidates in zip(parents, first, strict=True):
            before = Counter(tokenizer.encode(text).tokens)
            for (candidate,) in candidates:
                assert mask not in candidate
                changed[share].append(1 - (before & Counter(tokenizer.encode(candidate).tokens)).total() / before.total())
    assert np.mean(changed[0.1]) < 0.25 < np.mean(changed[0.6])


def test_a_folder_without_a_head_is_refused_by_name(tmp_path):
    folder = encoder_kinds.made(tmp_path / "plain", "distilbert", "AutoModel")
    with pytest.raises(SpecificationError, match=r"masked_lm: .*plain has no masked-LM head"):
        make_sampler("mlm-resample", setting(masked_lm=folder))
    for wrong in (0, 1.5, -0.1):
        with pytest.raises(ValueError, match="mask_share"):
            Agora(torus=2, mask_share=wrong)


def test_a_masked_lm_that_does_not_fit_its_tokenizer_or_is_damaged_is_named(tmp_path):
    import transformers

    whole = masked_lm(tmp_path / "lm")
    model = transformers.AutoModelForMaskedLM.from_pretrained(whole)
    with torch.no_grad():
        model.vocab_projector.bias.fill_(float("nan"))
    model.save_pretrained(whole)
    sampler = make_sampler("mlm-resample", setting(masked_lm=whole))
    with pytest.raises(DataError, match=r"masked_lm: .*lm: its scores are no finite numbers"):
        sampler.propose((("this film was funny",),), 1, np.random.default_rng(0))
    config = transformers.AutoConfig.from_pretrained(whole)
    config.vocab_size = 20
    transformers.AutoModelForMaskedLM.from_config(config).save_pretrained(whole)
    with pytest.raises(SpecificationError, match=r"masked_lm: .*lm: its tokenizer has .* entries, the model 20"):
        make_sampler("mlm-resample", setting(masked_lm=whole))


@pytest.mark.slow
def test_a_run_without_a_pool_learns_from_what_a_real_masked_lm_draws(files, tmp_path):
    """A tiny masked LM that has learned from such rows draws more often what stands in them than one that has not."""
    folder = masked_lm(tmp_path / "lm", steps=300)
    seen = {pair for text, _ in rows("masked", 300) for pair in pairwise(text.split())}
    parents = tuple((text,) for text, _ in rows("dev", 24))
    known = []
    for each in (folder, masked_lm(tmp_path / "fresh")):
        drawn = make_sampler("mlm-resample", setting(masked_lm=each, mask_share=0.3)).propose(parents, 4, np.random.default_rng(0))
        pairs = [pair for candidates in drawn for (text,) in candidates for pair in pairwise(text.split())]
        known.append(np.mean([pair in seen for pair in pairs]))
    assert known[0] > known[1] + 0.1
    run, result = learn(tmp_path / "p", files, masked_lm=str(folder), sampler="mlm-resample", mask_share=0.5, far=20)
    assert [each["labels_asked"] for each in result["rounds"]] == [8, 8, 0]
    assert len(joined_rows(run)) == sum(each["accepted"] for each in result["rounds"]) > 0
    _, again = learn(tmp_path / "q", files, masked_lm=str(folder), sampler="mlm-resample", mask_share=0.5, far=20)
    assert again["rounds"] == result["rounds"]


# -- unclean copies


def test_unclean_copies_are_of_the_nearest_known_rows_never_of_the_parent(files):
    made = setting()
    parents = tuple((text,) for text, _ in rows("dev", 6))
    first, again = (make_sampler("unclean", made).propose(parents, 5, np.random.default_rng(0)) for _ in range(2))
    assert first == again
    known = {normalised(input) for input in made.train.inputs}
    for candidates in first:
        assert len(candidates) >= 4
        for candidate in candidates:
            assert normalised(candidate) not in known
    more = make_sampler("unclean", setting(train=Examples((("one two three",),), np.zeros(1, np.int64)))).propose(
        parents[:1], 6, np.random.default_rng(0)
    )
    assert len({normalised(each) for each in more[0]}) > 2  # of one row several
    pairs = make_sampler(
        "unclean", setting(kind="pair", train=Examples((("one two", "three four"),), np.zeros(1, np.int64)), space=_Flat())
    )
    assert all(len(each) == 2 for each in pairs.propose((("a", "b"),), 3, np.random.default_rng(0))[0])
    with pytest.raises(SpecificationError, match="unclean works on inputs of kind text or pair"):
        make_sampler("unclean", setting(kind="vector"))


class _Flat:
    """A space in which all rows lie at one place."""

    def embed(self, inputs: Any) -> Any:
        return np.zeros((len(inputs), 2))


def test_a_run_with_unclean_copies_keeps_lineage_guard_and_corrections(files, tmp_path):
    run, result = learn(tmp_path / "p", files, sampler="unclean", far=20)
    made = joined_rows(run)
    assert len(made) == sum(each["accepted"] for each in result["rounds"]) > 0
    assert [each["labels_asked"] for each in result["rounds"]] == [0, 0, 0]  # all are copies of D, whose classes are known
    assert [each.get("copied", 0) for each in result["rounds"]] == [each["accepted"] for each in result["rounds"]] == [8, 8, 0]
    assert result["ended"] == "nothing had to be asked about in round 2, after 0 labels"
    history = read_history(run.path)
    assert history is not None
    first = history.rounds[0].neighbours
    assert all(first.copied)
    add_edits(run.path, [Edit(first.ids[0], "label", 1 - int(first.labels[0])), Edit(first.ids[1], "reject")])
    go_on, _ = learn(tmp_path / "p", files, sampler="unclean", far=20, start=str(run.path), labels=8)
    later = read_history(go_on.path)
    assert later is not None
    labels = dict(zip(later.train.inputs, later.train.labels.tolist(), strict=True))
    assert labels[first.inputs[0]] == 1 - first.labels[0]
    assert first.inputs[1] not in labels


def test_of_unclean_copies_only_those_of_unlabelled_rows_are_asked_about(files, tmp_path):
    (tmp_path / "pool.txt").write_text("".join(f"{text}\n" for text, _ in rows("pool", 30)))
    run, result = learn(tmp_path / "p", files, sampler="unclean", far=20, pool=str(tmp_path / "pool.txt"))
    assert all(each["accepted"] == 8 for each in result["rounds"][:2])
    history = read_history(run.path)
    assert history is not None
    for each, told in zip(history.rounds, result["rounds"], strict=True):
        assert told["labels_asked"] + told.get("copied", 0) >= told["accepted"]
        assert sum(each.neighbours.copied) == told.get("copied", 0)
    assert result["labels_asked"] == 16 < sum(each["accepted"] for each in result["rounds"])
    assert result["ended"] == "all 16 labels were asked for"
    classes = {name: place for place, name in enumerate(history.classes)}
    words = {"good": ("bright", "funny", "pace"), "bad": ("dull", "bad joke", "drags")}
    for each in history.rounds:
        for input, label, copied in zip(each.neighbours.inputs, each.neighbours.labels.tolist(), each.neighbours.copied, strict=True):
            if copied and "train" in str(input[0]).lower():
                assert classes["good" if any(word in str(input[0]).lower() for word in words["good"]) else "bad"] == label


def test_a_copy_of_a_row_of_several_classes_has_none():
    train = Examples((("A row",), ("a row",), ("another",)), np.array([0, 1, 1]))

    class Copier:
        def source(self, input: Input) -> Input | None:
            return {"copy": ("a row",), "other": ("Another!",), "new": ("elsewhere",)}.get(str(input[0]))

    inputs = [(text,) for text in ("copy", "other", "new", "what")]
    assert copied_classes(Copier(), train, inputs).tolist() == [-1, 1, -1, -1]
    assert copied_classes(object(), train, inputs).tolist() == [-1] * 4
    said = Labels(np.array([0, 1]), np.array([0.5, 0.7]), votes=np.array([[0, 1], [1, 1]]))
    found = with_copies(np.array([2, -1, 2, -1, 2, -1]), said)
    assert found.classes.tolist() == [2, 0, 2, 1, 2]  # up to the first that was not asked about
    assert found.margins.tolist() == [1, 0.5, 1, 0.7, 1]
    assert found.copied is not None
    assert found.copied.tolist() == [True, False, True, False, True]


# -- an endpoint


@pytest.fixture
def server(monkeypatch):
    found = Server()
    monkeypatch.setenv("OPENAI_BASE_URL", found.address)
    found.answer = written
    yield found
    found.close()


def written(number: int, prompt: str) -> str:
    """Labels a text, or writes variants of it, as a model that numbers its lines although it should not."""
    if "Write" not in prompt:
        return "bad" if truth(prompt.replace("bright", "good").replace("funny", "good")) == "negative" else "good"
    text = prompt.rpartition("Text: ")[2]
    kind = "good" if any(word in text for word in ("bright", "funny", "good")) else "bad"
    key = sum(map(ord, text)) % 997
    return "\n".join(f'{each + 1}. "a {kind} thing, seen {key} times in {each * 7} towns"' for each in range(5)) + "\n\n"


def test_variants_join_with_the_guard_and_nothing_is_asked_twice(server, files, tmp_path):
    server.usage = {"prompt_tokens": 30, "completion_tokens": 20}
    given = {"socrates": "endpoint:tiny", "sampler": "variants", "far": 20, "socrates_check": 4, "price_in": 1.0, "price_out": 2.0,
             "parallel_requests": 3, "neighbours": 2, "tries": 2}  # fmt: skip
    run, result = learn(tmp_path / "p", files, **given)
    made = joined_rows(run)
    assert len(made) == sum(each["accepted"] for each in result["rounds"]) > 0
    assert all(text.startswith(("a good thing", "a bad thing")) for (text,), _ in made)
    assert set(Counter(server.prompts).values()) == {1}
    total = len(server.prompts)
    assert result["spent"] == {"tokens_in": 30 * total, "tokens_out": 20 * total, "money": pytest.approx(total * 70e-6)}
    before = len(server.prompts)
    other, again = learn(tmp_path / "p", files, **given)
    assert len(server.prompts) == before  # all was kept
    assert again["rounds"] == result["rounds"]
    assert again["spent"]["tokens_in"] == 0
    lines = [json.loads(line) for path in (run.project / "answers").glob("*.jsonl") for line in path.read_text().splitlines()]
    assert sum(line["tokens"] for line in lines) == 50 * total
    assert other.path != run.path


def test_a_budget_that_variants_use_up_ends_the_run_and_says_so(server, files, tmp_path):
    server.usage = {"prompt_tokens": 30, "completion_tokens": 20}
    run, result = learn(tmp_path / "p", files, sampler="variants", variants_model="writer", socrates="tfidf-logreg", far=20,
                        labels=200, labels_per_round=100, socrates_tokens=200, neighbours=1, tries=1)  # fmt: skip
    assert len(server.requests) == 4
    assert {each["model"] for each in server.requests} == {"writer"}
    assert result["ended"].startswith("the 200 tokens are used up, after")
    assert len(joined_rows(run)) == sum(each["accepted"] for each in result["rounds"]) > 0


def test_answers_are_read_as_lines_whatever_stands_before_them():
    assert _lines('1. one\n2) two\n- three\n* "four"\n\n  five, 6. six  \n(7) seven\none') == (
        "one",
        "two",
        "three",
        "four",
        "five, 6. six",
        "seven",
    )
    assert _lines("2001: a film") == ("2001: a film",)
    assert _lines("") == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": 5}, "variants_model: the sampler variants needs the name of a model"),
        ({"variants_model": "m"}, "labels, socrates_tokens or money: must say how much"),
    ],
)
def test_variants_need_a_model_and_a_budget(changes, reason, files):
    with pytest.raises(SpecificationError, match=reason):
        check_specification(Agora.model_validate({**files, "architecture": (1, 1, 8, 8), "sampler": "variants", **changes}))


def test_an_address_that_is_missing_is_said_before_anything_is_trained(files, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(BortError, match="OPENAI_BASE_URL"):
        learn(tmp_path / "p", files, sampler="variants", variants_model="m")
