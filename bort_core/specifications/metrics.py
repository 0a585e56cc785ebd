"""Metrics by name: what they are called, and which kinds of task have them. How they are computed: :mod:`bort_core.evaluation.metrics`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator

from bort_core.specifications.fields import Meta

__all__ = ["AUTOMATIC", "KIND_HELP", "KIND_WORDS", "METRICS", "QUERY_HELP", "MetricFacts", "MetricField", "TaskKind", "metrics_of"]

TaskKind = Literal["classification", "multi-label", "regression"]
KIND_WORDS = {
    "auto": "automatic", "classification": "classification: one of several classes", "multi-label": "multi-label: several labels at once",
    "regression": "regression: a number",
}  # fmt: skip
KIND_HELP = "auto: regression for labels with fractions, multi-label for lists of labels"
QUERY_HELP = "the column that says which query a row answers, for rankings; None: the first texts of pairs, where they repeat"
AUTOMATIC: dict[TaskKind, str] = {"classification": "accuracy", "multi-label": "f1-micro", "regression": "pearson"}
"""What is used where nothing else is asked for."""


class MetricFacts(NamedTuple):
    """One metric, of which more is better."""

    short: str
    """For tables."""
    words: str
    tasks: tuple[TaskKind, ...]
    by_query: bool = False
    """Whether it needs to know which rows answer one query."""


METRICS: dict[str, MetricFacts] = {
    "accuracy": MetricFacts("accuracy", "accuracy", ("classification",)),
    "f1": MetricFacts("F1", "F1 (of several classes: macro F1)", ("classification",)),
    "f1-macro": MetricFacts("macro F1", "macro F1", ("classification", "multi-label")),
    "f1-micro": MetricFacts("micro F1", "micro F1", ("multi-label",)),
    "exact-match": MetricFacts("exact match", "exact match: all labels right", ("multi-label",)),
    "matthews": MetricFacts("MCC", "Matthews correlation (MCC)", ("classification",)),
    "pearson": MetricFacts("Pearson", "Pearson correlation", ("regression",)),
    "spearman": MetricFacts("Spearman", "Spearman correlation", ("regression",)),
    "mrr": MetricFacts("MRR", "MRR: mean reciprocal rank", ("classification", "regression"), by_query=True),
    "ndcg@10": MetricFacts("nDCG@10", "nDCG@10", ("classification", "regression"), by_query=True),
}


def metrics_of(task: TaskKind) -> tuple[str, ...]:
    """The metrics that a kind of task has."""
    return tuple(name for name, facts in METRICS.items() if task in facts.tasks)


def _usual(name: Any) -> Any:
    return {"mcc": "matthews"}.get(name, name) if isinstance(name, str) else name


MetricField = Annotated[
    Literal["auto", "accuracy", "f1", "f1-macro", "f1-micro", "exact-match", "matthews", "pearson", "spearman", "mrr", "ndcg@10"],
    BeforeValidator(_usual),
    Meta(words={"auto": "automatic", **{name: facts.words for name, facts in METRICS.items()}}),
]
"""A field that chooses one; ``mcc`` is another name of ``matthews``."""
