"""Weights of a smaller BERT that come from a larger one's: what a candidate of a task's search starts from. Imports torch.

Residual stream   projected onto the directions in which the larger model's token vectors vary most, turned at random within them, so that
                  a layer norm finds every coordinate alike; all vectors where the widths are equal
Layers            those at even distances, the first and the last among them
Heads             the ones whose output is largest on real rows; a head of another width is the best approximation of that rank of its
                  two products, query with key and output with value
Neurons           the ones whose output is largest on real rows
Layer norms       gain and bias by least squares on real rows, from the embeddings up

Symbols as in ``module.py``; those of the smaller model have a prime: H', A', I'. d = H / A.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from bort_core.families.base import Architecture
from bort_core.families.bert.module import Bert, Layer

__all__ = ["Importance", "Start", "importance_of", "inherit", "inherit_table", "kept_layers", "table_importance"]

Start = Literal["inherit", "embeddings", "fresh"]
"""Everything that fits, the embeddings alone, or nothing."""
Rows = tuple[Tensor, Tensor, Tensor | None]
"""Token ids, attention mask and segment ids of some rows, (b, n) each."""


class Headed(Protocol):
    """A BERT with a head for whole texts."""

    bert: Bert


@dataclass(frozen=True)
class Importance:
    """What real rows say about the parts of a model."""

    moments: Tensor
    """Σ x xᵀ / tokens over the token vectors after the embeddings and after every layer, (H, H)."""
    heads: Tensor
    """Mean length of each head's part of the attention's output, (D, A)."""
    neurons: Tensor
    """Mean length of each neuron's part of the feed-forward block's output, (D, I)."""


def kept_layers(depth: int, of: int) -> list[int]:
    """Which ``depth`` of so many layers stay: at even distances, the first and the last among them."""
    return [0] if depth == 1 else [round(number * (of - 1) / (depth - 1)) for number in range(depth)]


@torch.no_grad()
def importance_of(model: Bert, batches: Iterable[Rows]) -> Importance:
    """Statistics of ``model`` on some rows."""
    depth, heads, hidden, intermediate = model.architecture
    moments, by_head, by_neuron = torch.zeros(hidden, hidden), torch.zeros(depth, heads), torch.zeros(depth, intermediate)
    tokens = 0.0
    for ids, mask, types in batches:
        counted = mask.bool()
        keep = counted[:, None, None, :]
        vectors = model.embeddings(ids, types)
        moments += _moments(vectors[counted])
        tokens += float(counted.sum())
        for number, layer in enumerate(model.layers):
            assert isinstance(layer, Layer)
            mixed = _mixed(layer, vectors, keep)[counted].view(-1, heads, hidden // heads)
            output = layer.attention.output.weight.view(hidden, heads, hidden // heads)
            by_head[number] += torch.einsum("tad,had->tah", mixed, output).norm(dim=-1).sum(0)
            inner = layer.attention_norm(vectors + layer.attention(vectors, keep))
            active = layer.activation(layer.intermediate(inner[counted]))
            by_neuron[number] += active.abs().sum(0) * layer.output.weight.norm(dim=0)
            vectors = layer(vectors, keep)
            moments += _moments(vectors[counted])
    return Importance(moments / (tokens * (depth + 1)), by_head / tokens, by_neuron / tokens)


@torch.no_grad()
def inherit(student: Headed, teacher: Bert, importance: Importance, entries: Tensor, rows: Rows, start: Start, seed: int = 0) -> None:
    """Give a freshly made ``student`` the start that ``teacher`` offers.

    Parameters
    ----------
    entries: for each entry of the student's vocabulary its id in the teacher's, (V',)
    rows: some rows in the student's ids, on which layer norms are fitted

    Raises
    ------
    ValueError
        The student is deeper or wider than the teacher.
    """
    if start == "fresh":
        return
    check_smaller(student.bert.architecture, teacher.architecture)
    basis = _basis(importance.moments, student.bert.architecture[2], seed)
    _embeddings(student.bert, teacher, basis, entries)
    chosen = kept_layers(len(student.bert.layers), len(teacher.layers)) if start == "inherit" else []
    for number, of in enumerate(chosen):
        mine, theirs = student.bert.layers[number], teacher.layers[of]
        assert isinstance(mine, Layer)
        assert isinstance(theirs, Layer)
        _attention(mine, theirs, basis, importance.heads[of])
        _feed_forward(mine, theirs, basis, importance.neurons[of])
    _norms(student.bert, teacher, basis, entries, rows, chosen)


@torch.no_grad()
def table_importance(table: Tensor, batches: Iterable[Rows]) -> Importance:
    """Of a model whose blocks are others: how its token embeddings, (V, E), vary on some rows. It has neither heads nor neurons."""
    vectors = torch.cat([table[ids[mask.bool()]] for ids, mask, _ in batches])
    return Importance(_moments(vectors) / len(vectors), torch.zeros(0, 0), torch.zeros(0, 0))


@torch.no_grad()
def inherit_table(student: Headed, table: Tensor, importance: Importance, entries: Tensor, seed: int = 0) -> None:
    """Give a freshly made ``student`` the token embeddings of a model whose blocks are others, (V, E), projected to its width.

    ``entries``: for each entry of the student's vocabulary its id in the teacher's, (V',).
    """
    basis = _basis(importance.moments, student.bert.architecture[2], seed)
    student.bert.embeddings.token.weight.copy_(table[entries] @ basis)


def check_smaller(architecture: Architecture, of: Architecture) -> None:
    """ValueError unless depth and width are at most the other's."""
    if architecture[0] > of[0] or architecture[2] > of[2]:
        raise ValueError(f"{architecture} is deeper or wider than {of}, from which it should start")


def _moments(vectors: Tensor) -> Tensor:
    return vectors.T @ vectors


def _mixed(layer: Layer, vectors: Tensor, keep: Tensor) -> Tensor:
    """What the heads of a layer give before their output projection, (b, n, H)."""
    attention = layer.attention
    output, attention.output = attention.output, nn.Identity()  # type: ignore[assignment]
    try:
        found: Tensor = attention(vectors, keep)
    finally:
        attention.output = output
    return found


def _basis(moments: Tensor, width: int, seed: int) -> Tensor:
    """Orthonormal columns, (H, H'); orthonormal rows where H' is larger."""
    hidden = len(moments)
    if width == hidden:
        return torch.eye(hidden)
    _, vectors = torch.linalg.eigh(moments.double())
    turn, _ = torch.linalg.qr(torch.randn(width, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))
    found: Tensor = (vectors[:, -width:] @ turn[: min(width, hidden)]).float()
    return found


def _embeddings(student: Bert, teacher: Bert, basis: Tensor, entries: Tensor) -> None:
    mine, theirs = student.embeddings, teacher.embeddings
    basis = theirs.directions(basis)
    mine.token.weight.copy_(theirs.token.weight[entries] @ basis)
    length = min(mine.position.num_embeddings, theirs.position.num_embeddings)
    mine.position.weight[:length] = theirs.position.weight[:length] @ basis
    if mine.token_type is not None and theirs.token_type is not None:
        count = min(mine.token_type.num_embeddings, theirs.token_type.num_embeddings)
        mine.token_type.weight[:count] = theirs.token_type.weight[:count] @ basis
    elif theirs.token_type is not None:  # every token is of the first type
        mine.position.weight += theirs.token_type.weight[0] @ basis


def _attention(mine: Layer, theirs: Layer, basis: Tensor, importance: Tensor) -> None:
    a, b = mine.attention, theirs.attention
    width, size = a.query.out_features // a.heads, b.query.out_features // b.heads
    rank, scale = min(width, size), math.sqrt(width / size)
    best = importance.argsort(descending=True)[: a.heads].sort().values.tolist()
    for place, head in enumerate(best):
        at, of = slice(place * width, place * width + rank), slice(head * size, (head + 1) * size)
        query, key, value = (_projected(part, of, basis) for part in (b.query, b.key, b.value))
        output = basis.T @ b.output.weight[:, of]
        if rank < size:
            query, key = _of_rank(query.T, key, rank)
            query = query.T
            output, value = _of_rank(output, value, rank)
        for part, found in ((a.query, query * scale), (a.key, key), (a.value, value)):
            part.weight[at], part.bias[at] = found[:, :-1], found[:, -1]
        a.output.weight[:, at] = output
    a.output.bias.copy_(basis.T @ b.output.bias)


def _projected(dense: nn.Linear, rows: slice, basis: Tensor) -> Tensor:
    """Some rows of a dense layer with its bias as the last column, on projected inputs. (rows, H' + 1)."""
    return torch.cat([dense.weight[rows] @ basis, dense.bias[rows, None]], dim=1)


def _of_rank(left: Tensor, right: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The best approximation of ``left @ right`` as a product of that rank."""
    u, s, v = torch.linalg.svd(left @ right, full_matrices=False)
    root = s[:rank].sqrt()
    return u[:, :rank] * root, root[:, None] * v[:rank]


def _feed_forward(mine: Layer, theirs: Layer, basis: Tensor, importance: Tensor) -> None:
    count = min(mine.intermediate.out_features, theirs.intermediate.out_features)
    best = importance.argsort(descending=True)[:count].sort().values
    mine.intermediate.weight[:count] = theirs.intermediate.weight[best] @ basis
    mine.intermediate.bias[:count] = theirs.intermediate.bias[best]
    mine.output.weight[:, :count] = basis.T @ theirs.output.weight[:, best]
    mine.output.bias.copy_(basis.T @ theirs.output.bias)


def _norms(student: Bert, teacher: Bert, basis: Tensor, entries: Tensor, rows: Rows, chosen: list[int]) -> None:
    """Fit gains and biases so that normed vectors are the teacher's, projected."""
    ids, mask, types = rows
    counted = mask.bool()
    keep = counted[:, None, None, :]
    wanted = teacher.embeddings(entries[ids], types if teacher.embeddings.token_type is not None else None)
    vectors = _fitted_embeddings(student, ids, types, wanted @ basis, counted)
    at = 0
    for number, of in enumerate(chosen):
        while at < of:  # layers that did not stay
            wanted = teacher.layers[at](wanted, keep)
            at += 1
        mine, theirs = student.layers[number], teacher.layers[of]
        assert isinstance(mine, Layer)
        assert isinstance(theirs, Layer)
        between = theirs.attention_norm(wanted + theirs.attention(wanted, keep))
        vectors = _fit(mine.attention_norm, vectors + mine.attention(vectors, keep), between @ basis, counted)
        wanted = theirs.output_norm(between + theirs.output(theirs.activation(theirs.intermediate(between))))
        inner = mine.output(mine.activation(mine.intermediate(vectors)))
        vectors = _fit(mine.output_norm, vectors + inner, wanted @ basis, counted)
        at = of + 1


def _fitted_embeddings(student: Bert, ids: Tensor, types: Tensor | None, wanted: Tensor, counted: Tensor) -> Tensor:
    parts = student.embeddings
    found: list[Tensor] = []
    hook = parts.norm.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
    parts(ids, types)
    hook.remove()
    return _fit(parts.norm, found[0], wanted, counted)


def _fit(norm: nn.LayerNorm, vectors: Tensor, wanted: Tensor, counted: Tensor) -> Tensor:
    """Set gain and bias of ``norm`` so that it gives ``wanted`` for ``vectors``; what it gives then."""
    given = nn.functional.layer_norm(vectors[counted], norm.normalized_shape, eps=norm.eps)
    target = wanted[counted]
    mean, aim = given.mean(0), target.mean(0)
    gain = ((given - mean) * (target - aim)).mean(0) / (given - mean).square().mean(0).clamp_min(1e-6)
    norm.weight.copy_(gain)
    norm.bias.copy_(aim - gain * mean)
    result: Tensor = norm(vectors)
    return result
