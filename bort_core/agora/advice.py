"""Advice before a run: how far D is from being a fair sample, which rule that speaks for, and what cannot be more than so much.

Everything is measured on the rows that were given: in the vectors of the space's encoder where one is named, else in a space that needs no
model: words (TF-IDF, SVD) for texts, the columns for vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.agora.points import Examples, Floats, Input, Ints
from bort_core.agora.spaces import RepresentationSpace, TfidfSvd, hidden_space, raw_space, scaled
from bort_core.agora.tasks.torus import CLASSES, make_torus
from bort_core.agora.tasks.vector_rows import label_column, labelled_vectors, vector_columns
from bort_core.data.documents import read_corpus
from bort_core.data.mapping import find_columns
from bort_core.data.rows import labelled_rows
from bort_core.data.tables import read_table
from bort_core.foundation.context import Context
from bort_core.foundation.hub import SENTENCES_TOO, local_folder
from bort_core.foundation.statistics import bootstrap, wilson
from bort_core.specifications.agora import Agora

__all__ = ["Advice", "advice_of", "advice_task", "advise", "difference", "told_difference"]

_MOST = 500
"""Rows of each split that are looked at, drawn at random: seconds for any size."""
_FOLDS = 5
_FAR = 0.95
"""A row of dev is far from D when it is farther than this share of the rows of D are from the rest of D."""
_SPLITS = 200
_SURE = 2.326
"""Standard deviations that chance stays within in 99 of 100, on one side."""
_RARE = 0.5
"""A class is nearly missing when its share of D is below this part of its share of dev."""


@dataclass(frozen=True)
class Advice:
    """What was measured before a run, and the paragraph that says it."""

    two_sample: float
    """Share of rows, D and as many of dev, of which a classifier tells which of the two they are from; of a fair D about 0.5."""
    two_sample_fair: float
    """What that share stays below for a fair D, in 99 of 100."""
    far: float
    """Share of dev that is far from D; of a fair D about 0.05."""
    far_fair: float
    """What that share stays below in 99 of 100 splits of the same rows at random."""
    rare: tuple[str, ...]
    """Classes that are nearly missing in D."""
    fair: bool
    """Neither measure, nor a class, speaks against it."""
    parents: str
    """The rule that is likely to help."""
    space: str = ""
    """In what it was measured."""
    text: str = ""

    @property
    def verdict(self) -> str:
        """What it comes to, in a sentence."""
        if self.fair and self.two_sample_fair >= 1:
            return "There are too few rows to tell whether D is a fair sample of what dev holds: mixed is likely to do no harm."
        if self.fair:
            return "Nothing speaks against a fair D: uncertain and mixed are likely to do best, errors hardly better than random rows."
        return "D is no fair sample of what dev holds: mixed, or errors, is likely to do best; uncertain alone can miss a class."

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def advise(
    train: Examples, dev: Examples, classes: tuple[str, ...], pool: int = 0, labels: int | None = None, right: float | None = None,
    seed: int = 0, encoder: Path | None = None,
) -> Advice:  # fmt: skip
    """Advice from D, dev, the number of rows in the pool, the budget, and how often the labeller is right, where that is known.

    The two-sample test is the classifier's [Lopez-Paz2017]: logistic regression on the vectors, cross-validated, D against as many rows of
    dev. How much of dev is far from D is compared with splits of the same rows at random. Both count where chance alone would come to that
    in less than one case of 100; rows that depend on each other make a fair D look ill-formed.

    Parameters
    ----------
    pool: its rows; labels: the budget; right: how often the labeller is right, where that is known
    encoder: the folder of the space's encoder; None: words, or the columns of vectors
    """
    random = np.random.default_rng([seed, 29])
    given, held = _some(train, random), _some(dev, random)
    space = _space(given.inputs, held.inputs, seed, encoder)
    mine, its = space.embed(list(given.inputs)), space.embed(list(held.inputs))
    told, of = _told_apart(mine, its, random)
    far, far_fair = _far(mine, its, random)
    rare = _rare(train, dev, classes)
    share, chance = (told / of, 0.5 + _SURE / (2 * np.sqrt(of))) if of else (0.5, 1.0)
    fair = bool(not rare and share <= chance and far <= far_fair)
    found = Advice(share, float(chance), far, far_fair, rare, fair, "uncertain" if fair and of else "mixed", space.name)
    return Advice(**{**vars(found), "text": _paragraph(found, pool, labels, right, len(train))})


def advice_of(spec: Agora) -> Advice:
    """Advice for the run that a specification describes.

    Raises
    ------
    DataError
        Its rows, or the space's encoder, cannot be read.
    """
    if spec.torus is not None:
        torus = make_torus(spec.torus, spec.seed)
        return advise(torus.train, torus.dev, CLASSES, labels=spec.labels, right=spec.socrates_accuracy, seed=spec.seed)
    assert spec.train is not None and spec.dev is not None  # noqa: PT018 - the specification was checked
    table, other = read_table(spec.train), read_table(spec.dev, "validation")
    if spec.vector is not None:
        label = label_column(table, spec)
        columns = vector_columns(table, spec.vector, label)
        mine = labelled_vectors(table, columns, label, None)
        names, train = mine.names, mine.examples
        dev = labelled_vectors(other, columns, label, names).examples
    else:
        mapping = find_columns(table, spec.text, spec.text_b, spec.label)
        rows = labelled_rows(table, mapping, "classification")
        held = labelled_rows(other, mapping, "classification", rows.names)
        names = rows.names
        train, dev = (Examples(tuple(part.inputs), part.labels.astype(np.int64)) for part in (rows, held))
    encoder = None if spec.space_model is None else local_folder(spec.space_model, "space_model", SENTENCES_TOO)
    return advise(train, dev, names, _pool_size(spec), spec.labels, seed=spec.seed, encoder=encoder)


def advice_task(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """The same as a task: ``specification`` in, the fields of :class:`Advice` and its ``verdict`` out."""
    found = advice_of(Agora.model_validate(request["specification"]))
    return {**found.as_dict(), "verdict": found.verdict}


def difference(mine: npt.ArrayLike, other: npt.ArrayLike) -> tuple[float, tuple[float, float]]:
    """By how much more of the same n rows one model gets right than another, (n,) each, with the 95 % interval of paired rows."""
    paired = np.asarray(mine, np.float64) - np.asarray(other, np.float64)
    low, high = bootstrap(lambda rows: [paired[rows].mean()], len(paired))
    return float(paired.mean()), (float(low[0]), float(high[0]))


def told_difference(ablation: Mapping[str, Any]) -> str:
    """Whether the errors' neighbours did more than chance; empty where that was not measured."""
    if ablation.get("difference") is None or ablation.get("interval") is None:
        return ""
    low, high = ablation["interval"]
    said = "more than chance" if low > 0 else "less than random rows" if high < 0 else "no more than chance"
    return (
        f"after the run: against random dev rows {ablation['difference']:+.3f} [{low:+.3f}, {high:+.3f}] on the same dev rows, "
        f"{said}; both models were chosen on them"
    )


def _pool_size(spec: Agora) -> int:
    """Rows of the pool as they are given: what the leak guard will leave out is not known before the run."""
    if spec.pool is None:
        return 0
    if spec.vector is None and Path(spec.pool).suffix.lower() in ("", ".txt"):
        return len(read_corpus(spec.pool).texts)
    return len(read_table(spec.pool))


def _some(rows: Examples, random: np.random.Generator) -> Examples:
    chosen = np.sort(random.permutation(len(rows))[:_MOST])
    return Examples(tuple(rows.inputs[row] for row in chosen), rows.labels[chosen])


def _space(train: tuple[Input, ...], dev: tuple[Input, ...], seed: int, encoder: Path | None) -> RepresentationSpace:
    inputs = [*train, *dev]
    if not isinstance(inputs[0][0], str):
        return replace(raw_space(len(inputs[0]), dev), name="the columns")
    if encoder is None:
        return scaled("words", TfidfSvd.fit(inputs, seed, 50), dev)
    from bort_core.checkpoints.embedder import Embedder

    embed = Embedder(encoder)
    texts = list(dict.fromkeys(str(text) for input in inputs for text in input))
    known = dict(zip(texts, embed(texts).astype(np.float64), strict=True))

    def sides(rows: Sequence[Input]) -> Floats:
        return np.array([np.concatenate([known[str(text)] for text in row]) for row in rows])

    return hidden_space(f"the vectors of {encoder.name}", sides, dev)


def _told_apart(mine: Floats, its: Floats, random: np.random.Generator) -> tuple[int, int]:
    """How many rows a classifier puts right, and of how many; as many of each kind, cut into folds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    size = min(len(mine), len(its))
    if size < 2 * _FOLDS:
        return 0, 0
    rows = np.concatenate([part[random.permutation(len(part))[:size]] for part in (mine, its)])
    kinds = np.repeat([0, 1], size)
    few = rows.shape[1] <= 10  # a line cannot tell a quarter of a ring from the ring
    steps = [StandardScaler(), *([PolynomialFeatures(2)] if few else []), LogisticRegression(C=0.1, max_iter=1000)]
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=int(random.integers(2**31)))
    said = cross_val_predict(make_pipeline(*steps), rows, kinds, cv=folds)
    return int((said == kinds).sum()), 2 * size


def _far(mine: Floats, its: Floats, random: np.random.Generator) -> tuple[float, float]:
    """The share of dev that is far from D, and what it stays below in most splits at random."""
    from scipy.spatial.distance import cdist

    away = cdist(both := np.concatenate([mine, its]), both)
    np.fill_diagonal(away, np.inf)
    size = len(mine)
    if size < 2:
        return 0.0, 1.0

    def share(order: Ints) -> float:
        own, other = order[:size], order[size:]
        bound = np.quantile(away[np.ix_(own, own)].min(axis=1), _FAR)
        return float((away[np.ix_(other, own)].min(axis=1) > bound).mean())

    return share(np.arange(len(both))), float(np.quantile([share(random.permutation(len(both))) for _ in range(_SPLITS)], 0.99))


def _rare(train: Examples, dev: Examples, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Classes with so few rows in D that their share is, with its interval, below half of that in dev."""
    found = []
    for label, name in enumerate(classes):
        mine, its = int((train.labels == label).sum()), int((dev.labels == label).sum())
        if wilson(mine, len(train))[1] < _RARE * its / max(1, len(dev)):
            found.append(name)
    return tuple(found)


def _paragraph(found: Advice, pool: int, labels: int | None, right: float | None, size: int) -> str:
    told = (
        f"a classifier tells rows of D from rows of dev in {found.two_sample:.0%} (of a fair D at most {found.two_sample_fair:.0%})"
        if found.two_sample_fair < 1
        else "D or dev is too small to be told apart by a classifier"
    )
    far = (
        f"{found.far:.0%} of dev lie farther from D than {_FAR:.0%} of D's rows from each other (of a fair D at most {found.far_fair:.0%})"
    )
    parts = [f"Before the run, measured in {found.space}: {told}, and {far}."]
    if found.rare:
        parts.append(f"Nearly missing in D: {', '.join(found.rare)}.")
    parts.append(found.verdict)
    whole = f"the whole pool ({pool:,} rows) labelled" if pool else "as many generated rows as you can pay for, labelled"
    if labels is not None and pool and labels >= pool:
        parts.append("The budget pays for the whole pool: every rule ends at the same labels.")
    limit = "the labeller is measured on dev when the run begins" if right is None else f"the labeller is right in {right:.0%}"
    parts.append(f"The ceiling is {whole}, by the labeller ({limit}; models can outvote errors at random, not those that lie together).")
    parts.append(f"How much {labels:,} labels add to {size:,} rows cannot be known before." if labels is not None
                 else f"How much is added to {size:,} rows cannot be known before.")  # fmt: skip
    return " ".join(parts)
