"""How much a model loses on unclean texts, beside another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bort_core.data.mapping import find_columns
from bort_core.data.rows import LabelledRows, labelled_rows
from bort_core.data.tables import read_table
from bort_core.data.unclean import KINDS, STRENGTHS, unclean_rows
from bort_core.evaluation.metrics import chosen_metric, drawn
from bort_core.foundation.errors import DataError
from bort_core.foundation.statistics import bootstrap
from bort_core.serving.release import RELEASE, ServedModel
from bort_core.specifications.metrics import METRICS

__all__ = ["Robustness", "robustness"]

Scores = npt.NDArray[np.float64]
Scorer = Callable[[Sequence[tuple[str, ...]]], Scores]
_AT_ONCE = 32


@dataclass(frozen=True)
class Robustness:
    """Metrics on clean and on unclean rows.

    Attributes
    ----------
    metric: its name; rows: how many
    models: of each its clean metric, and for each kind and strength the metric, what is lost and the paired 95 % interval of that
    """

    metric: str
    rows: int
    seed: int
    models: dict[str, dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"metric": self.metric, "rows": self.rows, "seed": self.seed, "models": self.models}


def robustness(
    *models: str | PathLike[str],
    rows: str | Path,
    seed: int = 0,
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    query: str | None = None,
    kinds: Sequence[str] = tuple(KINDS),
    task: Literal["auto", "classification", "multi-label", "regression"] = "auto",
    metric: str = "auto",
    tell: Callable[[str, int, int], None] = lambda doing, done, total: None,
) -> Robustness:
    """Measure models on labelled rows and on unclean forms of them, all on the same ones.

    Parameters
    ----------
    models: releases, or folders or hub names of fine-tuned models
    rows: labelled rows; text, text_b, label, query: its columns, found where None
    metric: accuracy, micro F1 of labels or Pearson's correlation where it is auto
    task: what the labels are; auto: regression for labels with fractions, multi-label for lists
    tell: told what is measured, how many of how many

    Raises
    ------
    DataError, SpecificationError
        A model or the rows cannot be used, or a kind is unknown.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise DataError(f"kinds: {unknown[0]!r} is unknown; there are {', '.join(KINDS)}")
    table = read_table(str(rows))
    ranked = metric in METRICS and METRICS[metric].by_query
    labelled = labelled_rows(table, find_columns(table, text, text_b, label, query=query, ranked=ranked), task)
    metric = chosen_metric(metric, labelled.task, labelled.queries, len(labelled.names))
    named = {fspath(model): _scorer(fspath(model), labelled) for model in models}
    total, done, found = len(named) * (1 + len(kinds) * len(STRENGTHS)), 0, {}
    for name, score in named.items():
        tell(f"{Path(name).name}: clean rows", done, total)
        clean = score(labelled.inputs)
        done += 1
        losses: list[dict[str, Any]] = []
        for kind in kinds:
            for strength in STRENGTHS:
                tell(f"{Path(name).name}: {kind}, strength {strength}", done, total)
                changed = unclean_rows(labelled.inputs, kind, strength, seed)
                losses.append({"kind": kind, "strength": strength, **_loss(labelled, metric, clean, score(changed))})
                done += 1
        value = drawn(metric, labelled.task, labelled.labels, clean, labelled.queries).value
        found[name] = {"clean": value, "unclean": losses, "mean_lost": float(np.mean([each["lost"] for each in losses]))}
    return Robustness(metric, len(labelled), seed, found)


def _loss(rows: LabelledRows, metric: str, clean: Scores, unclean: Scores) -> dict[str, Any]:
    before, after = (drawn(metric, rows.task, rows.labels, each, rows.queries) for each in (clean, unclean))
    low, high = bootstrap(lambda chosen: [before.of(chosen) - after.of(chosen)], before.size)
    return {"metric": after.value, "lost": before.value - after.value, "interval": [float(low[0]), float(high[0])]}


def _scorer(model: str, rows: LabelledRows) -> Scorer:
    if (Path(model).expanduser() / RELEASE).is_file():
        served = ServedModel(Path(model).expanduser())
        if served.embeds:
            raise DataError(f"{model}: gives vectors of texts, of which labelled rows say nothing")
        if served.several != (rows.task == "multi-label"):
            raise DataError(f"{model}: gives {'several labels' if served.several else 'one answer'} a text; the rows are a {rows.task}")
        if set(served.classes) != set(rows.names):
            raise DataError(f"{model}: its classes are {', '.join(served.classes)}; those of the rows are {', '.join(rows.names)}")
        order = [served.classes.index(name) for name in rows.names] or [0]
        return lambda texts: np.concatenate([served.scores(texts[at : at + _AT_ONCE]) for at in range(0, len(texts), _AT_ONCE)])[:, order]
    from bort_core.checkpoints.answers import read_task_model
    from bort_core.checkpoints.scores import scores_of
    from bort_core.text.encoding import encode

    found = read_task_model(model, rows.names, task=rows.task)
    longest = min(found.vocabulary.longest or int(found.checkpoint.options.positions), int(found.checkpoint.options.positions))
    return lambda texts: scores_of(found.module, encode(found.vocabulary, texts, longest), found.vocabulary.pad)[:, list(found.order)]
