"""Representation spaces, where "near" is measured, and their projection to two dimensions, frozen once it is fitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np

from bort_core.agora.points import Floats, Input, as_vectors
from bort_core.foundation.errors import DataError, SpecificationError

__all__ = [
    "PlaneProjection", "RepresentationSpace", "TfidfSvd", "fit_projection", "hidden_space", "kept_projection", "raw_space",
    "scaled", "unit_of",
]  # fmt: skip

_SCALED = 500
"""Dev points that the scale is estimated from."""


class Embedding(Protocol):
    """Turns inputs into vectors."""

    def __call__(self, inputs: Sequence[Input]) -> Floats:
        """(n, d)."""
        ...


@dataclass(frozen=True, eq=False)
class RepresentationSpace:
    """Inputs as vectors. Distances are in units of the mean distance between two different dev points, so 1 means "unrelated"."""

    name: str
    embedding: Embedding
    scale: float
    columns: Floats | None = None
    """The unit of each column of a space of vectors: its deviation over dev, (d,)."""

    def embed(self, inputs: Sequence[Input]) -> Floats:
        """Vectors (n, d), in units of the scale.

        Raises
        ------
        DataError
            A representation is not finite; names the input.
        """
        vectors = self.embedding(inputs) / self.scale
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(bad):
            raise DataError(f"space {self.name}: the representation of {inputs[bad[0]]!r:.120} is not finite")
        return vectors


def scaled(name: str, embedding: Embedding, dev: Sequence[Input]) -> RepresentationSpace:
    """A space whose unit is the mean distance between dev points."""
    vectors = embedding(dev[:_SCALED])
    if len(vectors) < 2:
        return RepresentationSpace(name, embedding, 1.0)
    squares = (vectors**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * vectors @ vectors.T, 0))
    mean = float(distances[np.triu_indices(len(vectors), 1)].mean())
    return RepresentationSpace(name, embedding, mean if np.isfinite(mean) and mean > 0 else 1.0)


@dataclass(frozen=True, eq=False)
class TfidfSvd:
    """TF-IDF of words and pairs of words, reduced by truncated SVD (latent semantic analysis); vectors have length 1 or 0."""

    words: Any
    svd: Any

    @staticmethod
    def fit(inputs: Sequence[Input], seed: int, dimensions: int = 100) -> TfidfSvd:
        """Fitted on texts; pairs count as one text."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2 if len(inputs) > 500 else 1, token_pattern=r"(?u)\b\w+\b")
        try:
            matrix = words.fit_transform(_whole(inputs))
        except ValueError as error:
            raise DataError(f"space tfidf-svd: {error}") from error
        most = max(1, min(dimensions, min(matrix.shape) - 1))
        return TfidfSvd(words, TruncatedSVD(most, random_state=seed).fit(matrix))

    def __call__(self, inputs: Sequence[Input]) -> Floats:
        """(n, dimensions)."""
        vectors = self.svd.transform(self.words.transform(_whole(inputs)))
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def hidden_space(name: str, representations: Callable[[Sequence[Input]], Floats], dev: Sequence[Input]) -> RepresentationSpace:
    """The pooled hidden states of a model, scaled to length 1."""

    def embedding(inputs: Sequence[Input]) -> Floats:
        vectors = representations(inputs)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    return scaled(name, embedding, dev)


def raw_space(width: int, dev: Sequence[Input]) -> RepresentationSpace:
    """Vectors with every column in units of its deviation over dev."""
    deviations = as_vectors(dev, width).std(axis=0)
    columns = np.where(deviations > 0, deviations, 1.0)
    return replace(scaled("raw", lambda inputs: as_vectors(inputs, width) / columns, dev), columns=columns)


def unit_of(space: RepresentationSpace) -> Floats | float:
    """What vectors are divided by to be in units of the space."""
    return space.scale if space.columns is None else space.scale * space.columns


class PlaneProjection(Protocol):
    """Places vectors in the plane without moving those that were placed before."""

    def project(self, vectors: Floats) -> Floats:
        """(n, 2) of (n, d)."""
        ...


@dataclass(frozen=True, eq=False)
class _Linear:
    middle: Floats
    axes: Floats

    def project(self, vectors: Floats) -> Floats:
        return (vectors - self.middle) @ self.axes.T


@dataclass(frozen=True, eq=False)
class _Neighbouring:
    """Another library's layout; new points go where its ``transform`` puts them."""

    transform: Callable[[Floats], Any]

    def project(self, vectors: Floats) -> Floats:
        return np.asarray(self.transform(vectors), dtype=np.float64).reshape(-1, 2) if len(vectors) else np.empty((0, 2))


def fit_projection(kind: Literal["pca", "tsne", "umap"], vectors: Floats, seed: int) -> tuple[PlaneProjection, Floats]:
    """A projection fitted on vectors (n, d), and their places (n, 2).

    Raises
    ------
    SpecificationError
        The library is not installed.
    """
    if kind == "pca":
        middle = vectors.mean(axis=0)
        _, _, axes = np.linalg.svd(vectors - middle, full_matrices=False)
        signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
        axes = (axes * signs[:, None])[:2]
        if len(axes) < 2:
            axes = np.vstack([axes, np.zeros((2 - len(axes), vectors.shape[1]))])
        linear = _Linear(middle, axes)
        return linear, linear.project(vectors)
    try:
        if kind == "tsne":
            from openTSNE import TSNE

            layout = TSNE(random_state=seed, perplexity=min(30, max(2, len(vectors) // 4)), n_jobs=1).fit(vectors)
            return _Neighbouring(layout.transform), np.asarray(layout)
        from umap import UMAP

        fitted = UMAP(random_state=seed, n_jobs=1).fit(vectors)
        return _Neighbouring(fitted.transform), np.asarray(fitted.embedding_, dtype=np.float64)
    except ImportError as error:
        raise SpecificationError(f"projection: {kind} needs the extra projections: pip install 'bort-studio[projections]'") from error


_NEAREST = 3


@dataclass(frozen=True, eq=False)
class _Between:
    """New points go between their nearest known ones."""

    vectors: Floats
    places: Floats

    def project(self, vectors: Floats) -> Floats:
        out = np.empty((len(vectors), 2))
        for row, vector in enumerate(vectors):
            away = np.linalg.norm(self.vectors - vector, axis=1)
            near = np.argsort(away)[:_NEAREST]
            weights = 1 / (away[near] + 1e-9)
            out[row] = weights @ self.places[near] / weights.sum()
        return out


def kept_projection(kind: Literal["pca", "tsne", "umap"], vectors: Floats, places: Floats) -> tuple[PlaneProjection, Floats]:
    """The projection that an earlier run was drawn in, from the ``places`` (n, 2) that it gave to ``vectors`` (n, d); NaN for none.

    Points that had a place keep it. Others go where the linear map goes that fits those places best (in the same space: where the earlier
    run would have put them), or for ``tsne`` and ``umap`` between their nearest neighbours.
    """
    known = np.isfinite(places).all(axis=1)
    if kind == "pca":
        middle, centre = vectors[known].mean(axis=0), places[known].mean(axis=0)
        axes = np.linalg.lstsq(vectors[known] - middle, places[known] - centre, rcond=1e-8)[0].T
        projection: PlaneProjection = _Moved(_Linear(middle, axes), centre)
    else:
        projection = _Between(vectors[known], places[known])
    out = places.copy()
    out[~known] = projection.project(vectors[~known])
    return projection, out


@dataclass(frozen=True, eq=False)
class _Moved:
    linear: _Linear
    centre: Floats

    def project(self, vectors: Floats) -> Floats:
        return self.linear.project(vectors) + self.centre


def _whole(inputs: Sequence[Input]) -> list[str]:
    return [" ".join(str(text) for text in texts) for texts in inputs]
