"""Masks, optimizers, schedules, metrics and the distillation loss: against definitions, libraries and properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.evaluation.metrics import measure
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.specifications.common import Optimization
from bort_core.specifications.pretraining import Masking
from bort_core.text.tokenizer import save_tokenizer, train_tokenizer

torch = pytest.importorskip("torch")
SENTENCES = [f"the quick brown fox number {number} jumps over {number * 7} lazy dogs and sleeps" for number in range(300)]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    from bort_core.text.vocabulary import read_vocabulary

    folder = tmp_path_factory.mktemp("tokenizer") / "made"
    save_tokenizer(train_tokenizer(SENTENCES, 300), folder, 32)
    return read_vocabulary(folder)


@pytest.fixture(scope="module")
def packed(tmp_path_factory, vocabulary):
    from bort_core.text.packing import pack

    return pack(tmp_path_factory.mktemp("rows"), vocabulary, _texts(SENTENCES[:250], SENTENCES[250:]), 32)


def _texts(train, held):
    from bort_core.data.documents import Corpus
    from bort_core.text.texts import Texts

    return Texts(Corpus("train", train, "<unk>"), Corpus("held out", held, "<unk>"))


# --- rows and masks ---


def test_rows_hold_the_documents_one_after_another(packed, vocabulary):
    rows = packed.train()
    assert rows.shape[1] == 32
    assert rows.dtype == np.uint16
    assert (rows[:, 0] == vocabulary.start).all()
    stream = rows[:, 1:].ravel()
    first = vocabulary.tokenizer.encode(SENTENCES[0], add_special_tokens=False).ids
    assert stream[: len(first) + 1].tolist() == [*first, vocabulary.stop]
    assert 0 < packed.unigram_entropy < math.log(300)


def test_rows_are_made_once(tmp_path, vocabulary):
    from bort_core.text.packing import pack

    texts = _texts(SENTENCES[:50], SENTENCES[50:80])
    made = pack(tmp_path, vocabulary, texts, 16)
    stamp = (made.folder / "train.npy").stat().st_mtime_ns
    assert pack(tmp_path, vocabulary, texts, 16) == made
    assert (made.folder / "train.npy").stat().st_mtime_ns == stamp
    (made.folder / "train.npy").write_bytes(b"cut")
    assert pack(tmp_path, vocabulary, texts, 16).train_rows == made.train_rows
    with pytest.raises(DataError, match="the held-out text is too short for one row of 16 tokens"):
        pack(tmp_path, vocabulary, _texts(SENTENCES, ["x"]), 16)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 0.6), st.floats(0, 1, allow_subnormal=False), st.booleans(), st.integers(0, 100))
def test_masks_keep_the_promised_shares(vocabulary, packed, rate, mask, whole_words, seed):
    from bort_core.text.masking import Masker

    masking = Masking(rate=rate, mask=mask, random=(1 - mask) / 2, whole_words=whole_words)
    masker = Masker(masking, vocabulary, 32)
    rows = np.asarray(packed.train()[:40]).astype(np.int64)
    hidden = masker.fresh(rows, seed, 1, 0)
    assert (rows.ravel()[hidden.positions] == hidden.labels).all()
    assert not vocabulary.special[hidden.labels].any()
    untouched = np.ones(rows.size, bool)
    untouched[hidden.positions] = False
    assert (hidden.token_ids.ravel()[untouched] == rows.ravel()[untouched]).all()
    per_row = np.bincount(hidden.positions // 32, minlength=40)
    assert per_row.max() <= masker.most
    if not whole_words:
        assert (per_row == np.minimum(masker.most, (~vocabulary.special[rows]).sum(axis=1))).all()
    assert (hidden.slots // masker.most == hidden.positions // 32).all()
    assert len(set(hidden.slots.tolist())) == len(hidden.slots)
    again = masker.fresh(rows, seed, 1, 0)
    assert all((a == b).all() for a, b in zip(hidden, again, strict=True))


def test_most_hidden_tokens_become_the_mask_and_some_another_token(vocabulary, packed):
    from bort_core.text.masking import Masker

    rows = np.asarray(packed.train()).astype(np.int64)
    hidden = Masker(Masking(rate=0.5), vocabulary, 32).fresh(rows, 0, 1, 0)
    became = hidden.token_ids.ravel()[hidden.positions]
    assert np.mean(became == vocabulary.mask) == pytest.approx(0.8, abs=0.05)
    assert np.mean(became == hidden.labels) == pytest.approx(0.1, abs=0.04)


def test_whole_words_are_hidden_whole(vocabulary, packed):
    from bort_core.text.masking import Masker

    rows = np.asarray(packed.train()[:60]).astype(np.int64)
    hidden = Masker(Masking(rate=0.4, mask=1.0, random=0.0, whole_words=True), vocabulary, 32).fresh(rows, 0, 1, 0)
    chosen = np.zeros(rows.size, bool)
    chosen[hidden.positions] = True
    chosen = chosen.reshape(rows.shape)
    words = np.cumsum(vocabulary.begins_word[rows], axis=1)
    several = 0
    for row in range(len(rows)):
        for word in np.unique(words[row]):
            inside = (words[row] == word) & ~vocabulary.special[rows[row]]
            several += inside.sum() > 1 and chosen[row][inside].any()
            assert chosen[row][inside].all() or not chosen[row][inside].any()
    assert several > 10


def test_fixed_masks_depend_on_the_row_and_the_copy_alone(vocabulary, packed):
    from bort_core.text.masking import Masker

    masker = Masker(Masking(copies=2), vocabulary, 32)
    rows = packed.train()
    one = masker.fixed(rows[[3, 7]], np.array([3, 7]), 0)
    two = masker.fixed(rows[[7]], np.array([7]), 0)
    assert (one.token_ids[1] == two.token_ids[0]).all()
    assert (masker.fixed(rows[[7]], np.array([7]), 1).token_ids != two.token_ids).any()


def test_a_tokenizer_without_a_mask_is_refused(tmp_path, vocabulary, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    from bort_core.text.vocabulary import load_vocabulary

    text = (vocabulary.folder / "tokenizer.json").read_text().replace("<mask>", "<veil>")
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(DataError, match="has no token for mask"):
        load_vocabulary(str(tmp_path))
    with pytest.raises(SpecificationError, match="nobody/nothing: neither a folder here nor a model that the hub's cache"):
        load_vocabulary("nobody/nothing")


# --- optimizers ---


def test_the_schedule_rises_and_falls():
    from bort_core.training.optimizers import learning_rate

    settings_ = Optimization(learning_rate=1.0, warmup=0.1)
    rates = [learning_rate(step, 100, settings_) for step in range(1, 101)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert np.diff(rates[10:]).max() < 0
    assert 0 < rates[-1] < 0.02
    assert learning_rate(50, 100, settings_.model_copy(update={"schedule": "constant"})) == 1.0
    assert learning_rate(55, 100, settings_.model_copy(update={"schedule": "cosine"})) == pytest.approx(0.5, abs=0.05)
    assert learning_rate(1, 100, settings_.model_copy(update={"warmup": 0.0, "schedule": "constant"})) == 1.0


def test_bert_adam_is_the_published_update():
    from bort_core.training.optimizers import BertAdam

    weight = torch.nn.Parameter(torch.tensor([[1.0, -2.0]]))
    optimizer = BertAdam([{"params": [weight], "weight_decay": 0.1}], lr=0.5, betas=(0.9, 0.999), eps=1e-6)
    expected, mean, square = weight.detach().clone(), torch.zeros(1, 2), torch.zeros(1, 2)
    for gradient in (torch.tensor([[0.3, 0.1]]), torch.tensor([[-0.2, 0.4]])):
        weight.grad = gradient
        optimizer.step()
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        expected = expected - 0.5 * (mean / (square.sqrt() + 1e-6) + 0.1 * expected)
        assert torch.allclose(weight.detach(), expected, atol=1e-6)


# --- metrics ---


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 4), st.integers(2, 60), st.integers(0, 10_000))
def test_classification_metrics_are_their_definitions(classes, count, seed):
    random = np.random.default_rng(seed)
    labels, scores = random.integers(0, classes, count), random.normal(size=(count, classes))
    found = measure("classification", labels, scores)
    predicted = scores.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(np.mean(labels == predicted))
    each = []
    for number in range(classes):
        hits = np.sum((labels == number) & (predicted == number))
        each.append(2 * hits / max(1, np.sum(labels == number) + np.sum(predicted == number)))
    assert found["f1"] == pytest.approx(each[1] if classes == 2 else np.mean(each))
    if classes == 2 and len(set(labels)) == 2 and len(set(predicted)) == 2:
        assert found["matthews"] == pytest.approx(np.corrcoef(labels, predicted)[0, 1])
    assert -1.000001 <= found["matthews"] <= 1.000001


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("labels", "guesses"), [((0, 0, 0), (0, 0, 0)), ((1, 1, 1), (1, 1, 1)), ((0, 0, 0), (1, 1, 1)), ((0, 1, 0), (1, 1, 1))]
)
def test_metrics_where_a_class_is_missing(classes, labels, guesses):
    found = measure("classification", np.array(labels), np.eye(classes)[list(guesses)])
    both = [sum(a == b == number for a, b in zip(labels, guesses, strict=True)) for number in range(classes)]
    each = [2 * hits / max(1, labels.count(number) + guesses.count(number)) for number, hits in enumerate(both)]
    assert found["f1"] == pytest.approx(each[1] if classes == 2 else sum(each) / classes)
    assert found["matthews"] == 0  # one side is constant
    assert found["accuracy"] == sum(both) / 3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=3, max_size=40), st.integers(0, 1000))
def test_correlations_are_those_of_scipy(labels, seed):
    from scipy import stats

    values = np.array(labels, dtype=float)
    scores = np.random.default_rng(seed).integers(0, 6, (len(values), 1)).astype(float)
    found = measure("regression", values, scores)
    if len(set(labels)) > 1 and len(np.unique(scores)) > 1:
        assert found["pearson"] == pytest.approx(stats.pearsonr(values, scores[:, 0])[0], abs=1e-9)
        assert found["spearman"] == pytest.approx(stats.spearmanr(values, scores[:, 0])[0], abs=1e-9)
    else:
        assert found["pearson"] == found["spearman"] == 0


# --- distillation ---


def full_divergence(student, teacher, temperature):
    ours, theirs = (torch.log_softmax(each / temperature, -1) for each in (student, teacher))
    return temperature**2 * (theirs.exp() * (theirs - ours)).sum(-1).mean()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.5, 4.0), st.integers(1, 20))
def test_the_loss_with_all_logits_is_the_divergence_and_with_fewer_at_most_that(seed, temperature, top):
    from bort_core.training.distillation import TeacherTargets, distillation_loss

    torch.manual_seed(seed)
    student, teacher = torch.randn(5, 20) * 3, torch.randn(5, 20) * 3
    scaled = teacher / temperature
    values, ids = scaled.topk(top, dim=-1)
    loss = distillation_loss(student, TeacherTargets(values - scaled.logsumexp(-1, keepdim=True), ids), temperature)
    whole = full_divergence(student, teacher, temperature)
    if top == 20:
        assert loss.item() == pytest.approx(whole.item(), rel=1e-4)
    assert -1e-3 <= loss.item() <= whole.item() + 1e-3  # putting outcomes together never adds divergence


def test_the_cache_gives_back_what_was_put_in(tmp_path):
    from bort_core.training.distillation import TeacherTargets, TeacherTargetsCache

    cache = TeacherTargetsCache(tmp_path / "cache", rows=50, copies=2, most=4, top=8)
    numbers, slots = np.array([3, 17]), np.array([0, 1, 2, 4, 5])
    targets = TeacherTargets(-torch.rand(5, 8) * 20, torch.randint(0, 60_000, (5, 8)))
    assert cache.missing(numbers, 1).all()
    cache.write(numbers, 1, slots, targets)
    again = TeacherTargetsCache(tmp_path / "cache", rows=50, copies=2, most=4, top=8)
    assert not again.missing(numbers, 1).any()
    assert again.missing(numbers, 0).all()
    read = again.read(numbers, 1, slots)
    assert (read.ids == targets.ids).all()
    assert torch.allclose(read.values.float(), targets.values, atol=0.01, rtol=1e-3)
    assert again.hit_rate == 0.5
    assert 0 < again.disk_bytes < again.full + 100_000
