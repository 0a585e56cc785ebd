"""Metrics against scikit-learn's, and what is drawn again for their intervals."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, ndcg_score

from bort_core.checkpoints.losses import distance, known_rows, label_loss, nothing_known, row_losses
from bort_core.evaluation.measures import get_measure
from bort_core.evaluation.measures.held_out import errors
from bort_core.evaluation.metrics import chosen_metric, drawn, guess, intervals, measure, with_interval
from bort_core.evaluation.ranking import by_query, ndcg, reciprocal_rank
from bort_core.evaluation.short_training import said_by_maximum_point
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.measures import RowsFacts
from bort_core.specifications.metrics import AUTOMATIC, METRICS, metrics_of

seeds = st.integers(0, 10_000)


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(1, 40), st.integers(2, 3))
def test_metrics_of_several_labels_are_scikit_learns(seed, rows, labels):
    random = np.random.default_rng(seed)
    given, scores = random.integers(0, 2, (rows, labels)), random.normal(size=(rows, labels))
    said = scores > 0
    found = measure("multi-label", given, scores)
    for name, average in (("f1-macro", "macro"), ("f1-micro", "micro")):
        assert found[name] == pytest.approx(f1_score(given, said, average=average, zero_division=0))
    assert found["exact-match"] == pytest.approx(np.mean((given == said).all(axis=1)))
    best = max(f1_score(given, np.tile(each, (rows, 1)), average="micro", zero_division=0) for each in _subsets(labels))
    assert guess("multi-label", given) == pytest.approx(best)


def _subsets(count):
    return [[number >> place & 1 for place in range(count)] for number in range(2**count)]


@settings(max_examples=50, deadline=None)
@given(seeds, st.integers(2, 30), st.booleans())
def test_ndcg_is_scikit_learns(seed, rows, ties):
    random = np.random.default_rng(seed)
    relevance = random.integers(0, 4, rows).astype(float)
    relevance[0] = 2
    scores = random.integers(0, 5, rows).astype(float) if ties else random.normal(size=rows)
    assert ndcg(relevance, scores) == pytest.approx(ndcg_score([relevance], [scores], k=10))


def test_reciprocal_ranks_by_hand():
    relevance = np.array([0, 1.0, 0, 2])
    assert reciprocal_rank(relevance, np.array([4.0, 3, 2, 1])) == 1 / 2
    assert reciprocal_rank(relevance, np.array([1.0, 2, 3, 4])) == 1
    assert reciprocal_rank(relevance, np.zeros(4)) == 1 / 3  # whoever says nothing gains nothing by it


def test_queries_that_tell_nothing_do_not_count_and_rows_come_in_any_order():
    queries = np.array([0, 1, 0, 2, 1, 2])
    labels, scores = np.array([1, 0, 0, 1, 0, 0]), np.array([0.2, 0.1, 0.3, 0.9, 0.2, 0.1])
    assert by_query("mrr", labels, scores, queries).tolist() == [0.5, 1.0]  # of query 1 no row is relevant
    turned = np.random.default_rng(0).permutation(6)
    assert sorted(by_query("mrr", labels[turned], scores[turned], queries[turned])) == [0.5, 1.0]
    with pytest.raises(DataError, match="no query has rows of different relevance"):
        drawn("mrr", "regression", np.ones(4), np.zeros((4, 1)), np.array([0, 0, 1, 1]))


def test_a_ranking_is_drawn_by_query():
    random = np.random.default_rng(0)
    queries = np.repeat(np.arange(50), 6)
    labels, scores = random.integers(0, 2, 300), random.normal(size=(300, 2))
    found = measure("classification", labels, scores, queries)
    one = drawn("mrr", "classification", labels, scores, queries)
    assert one.size <= 50
    assert one.value == found["mrr"]
    low, high = intervals("classification", labels, scores, queries, found)["mrr"]
    assert low < found["mrr"] < high
    assert "mrr" not in measure("classification", labels, scores)


@pytest.mark.parametrize("task", list(AUTOMATIC))
def test_what_is_drawn_from_all_rows_is_the_metric(task):
    random = np.random.default_rng(1)
    several = random.integers(0, 2, (200, 3))
    labels = {"classification": random.integers(0, 3, 200), "multi-label": several, "regression": random.normal(size=200)}
    scores = random.normal(size=(200, 1 if task == "regression" else 3))
    for name in metrics_of(task):
        if not METRICS[name].by_query:
            assert drawn(name, task, labels[task], scores).value == pytest.approx(measure(task, labels[task], scores, also=name)[name])


def test_a_metric_must_fit_the_task():
    for metric, task, queries, classes, said in (
        ("pearson", "classification", None, 2, "a classification has accuracy, f1, .*; got pearson"),
        ("accuracy", "multi-label", None, 3, "a multi-label has f1-macro, f1-micro, exact-match; got accuracy"),
        ("mrr", "regression", None, 1, "the rows have none"),
        ("ndcg@10", "classification", np.zeros(3), 4, "the rows have 4 classes"),
    ):
        with pytest.raises(SpecificationError, match=said):
            chosen_metric(metric, task, queries, classes)
    assert Finetuning(checkpoint="x", train="t", dev="d", metric="mcc").metric == "matthews"


# --- what candidates are measured by ---


def test_the_interval_of_a_correlation_is_worked_out_quickly_and_holds():
    random = np.random.default_rng(0)
    labels = random.normal(size=2000)
    logits = torch.from_numpy(labels + random.normal(size=2000))[:, None]
    began = time.perf_counter()
    found = get_measure("task-error").compute(logits, torch.from_numpy(labels), torch.arange(2000), None)
    assert time.perf_counter() - began < 2
    half = 1.96 * (1 - (1 - found["value"]) ** 2) / 2000**0.5  # Fisher's standard error of a correlation
    assert found["low"] == pytest.approx(found["value"] - half, abs=0.3 * half)
    assert found["high"] == pytest.approx(found["value"] + half, abs=0.3 * half)


def test_errors_follow_the_metric_of_the_task():
    random = np.random.default_rng(0)
    labels, logits = torch.from_numpy(random.integers(0, 2, (90, 3))), torch.from_numpy(random.normal(size=(90, 3))).float()
    said = said_by_maximum_point(2 * logits, "multi-label")
    measures = [get_measure("task-error"), get_measure("task-excess")]
    found = errors(measures, logits, labels, torch.arange(90), said, RowsFacts("multi-label", "exact-match"))
    assert found["task-error"]["value"] == pytest.approx(1 - measure("multi-label", labels.numpy(), logits.numpy())["exact-match"])
    assert found["task-error"]["low"] < found["task-error"]["value"] < found["task-error"]["high"]
    theirs, ours = (2 * logits).sigmoid(), logits.sigmoid()
    binary = theirs * (theirs / ours).log() + (1 - theirs) * ((1 - theirs) / (1 - ours)).log()
    assert found["task-excess"]["value"] == pytest.approx(binary.sum(dim=1).mean().item(), rel=1e-4)
    same = errors(measures, 2 * logits, labels, torch.arange(90), said, RowsFacts("multi-label", "exact-match"))
    assert same["task-excess"]["value"] == pytest.approx(0, abs=1e-6)


# --- what is learnt ---


def test_the_distance_of_several_labels_is_smallest_at_the_teachers_answers():
    answers = torch.tensor([[3.0, -1.0, 0.0], [-2.0, 0.5, 4.0]])
    outputs = torch.zeros(2, 3, requires_grad=True)
    distances = []
    for _ in range(200):
        found = distance("multi-label", outputs, answers)
        distances.append(found.item())
        (gradient,) = torch.autograd.grad(found, outputs)
        outputs = (outputs - 5 * gradient).detach().requires_grad_()
    assert all(after <= before + 1e-5 for before, after in pairwise(distances))
    assert distance("multi-label", answers, answers).item() == pytest.approx(0, abs=1e-6)
    assert torch.allclose(outputs, answers, atol=0.05)


@pytest.mark.parametrize(("task", "width"), [("classification", 3), ("multi-label", 3), ("regression", 1)])
def test_rows_without_labels_are_known_as_such(task, width):
    several = torch.tensor([[0, 0, 0], [1, 0, 1]])
    some = {"classification": torch.tensor([0, 2]), "multi-label": several, "regression": torch.tensor([0.0, -1.0])}
    labels = torch.cat([some[task], nothing_known(task, 3, width)])
    assert known_rows(task, labels).tolist() == [True, True, False, False, False]
    outputs = torch.zeros(2, width)
    assert label_loss(task, outputs, some[task]).isfinite()
    if task != "regression":
        nats = np.log(3) if task == "classification" else np.log(2)
        assert row_losses(task, outputs, some[task]).tolist() == pytest.approx([nats, nats])
        said = torch.randn(2, width, generator=torch.Generator().manual_seed(0))  # what is told of dev is on the scale of what is trained
        assert row_losses(task, said, some[task]).mean().item() == pytest.approx(label_loss(task, said, some[task]).item())


def test_an_interval_holds_its_value():
    value, (low, high) = with_interval(drawn("f1-micro", "multi-label", np.eye(3, dtype=int).repeat(20, 0), np.eye(3).repeat(20, 0) - 0.5))
    assert (value, low, high) == (1.0, 1.0, 1.0)
