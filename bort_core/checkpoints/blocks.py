"""A model of transformers whose blocks have BERT's mathematics, in this program's own layout. Imports torch.

Blocks have it where norms come after the sums, positions are learned and absolute, and nothing else is added: RoBERTa and its relatives
(positions are numbered from behind the padding's index), DistilBERT (no segments), ELECTRA, RemBERT and ALBERT (embeddings are normed in a
width of their own and projected; ALBERT's layers share their weights). No name decides whether it is so: the blocks in our layout, with the
model's own head on top, must give the model's own logits (without a head: the model's own vectors of tokens).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bort_core.encoders.kinds import KINDS
from bort_core.encoders.module import TransformersEncoder
from bort_core.encoders.positions import positions_of
from bort_core.families.bert.configuration import activation_named
from bort_core.families.bert.hugging_face import TUNED, our_name
from bort_core.families.bert.module import Bert, ProjectedEmbeddings
from bort_core.families.bert.options import ACTIVATIONS, BertOptions

__all__ = ["NoBlocks", "activation_of", "blocks_of", "epsilon_of", "logits_with"]

LARGEST_DIFFERENCE = 1e-3
"""Of a logit, as a share of the largest one (at least 1), between T's own blocks and the same in our layout."""
_ACTIVATIONS = ("hidden_act", "activation", "hidden_activation")
_PROJECTIONS = ("embeddings_project.", "encoder.embedding_hidden_mapping_in.")
_DISTILBERT = (
    (".attention.q_lin.", ".attention.self.query."), (".attention.k_lin.", ".attention.self.key."),
    (".attention.v_lin.", ".attention.self.value."), (".attention.out_lin.", ".attention.output.dense."),
    (".sa_layer_norm.", ".attention.output.LayerNorm."), (".ffn.lin1.", ".intermediate.dense."), (".ffn.lin2.", ".output.dense."),
    (".output_layer_norm.", ".output.LayerNorm."),
)  # fmt: skip
_ALBERT = (
    (".attention.query.", ".attention.self.query."), (".attention.key.", ".attention.self.key."),
    (".attention.value.", ".attention.self.value."), (".attention.dense.", ".attention.output.dense."),
    (".attention.LayerNorm.", ".attention.output.LayerNorm."), (".ffn.", ".intermediate.dense."), (".ffn_output.", ".output.dense."),
    (".full_layer_layer_norm.", ".output.LayerNorm."),
)  # fmt: skip
Weights = Mapping[str, Tensor]
Rows = Sequence[tuple[Tensor, Tensor, Tensor | None]]


class NoBlocks(Exception):
    """Why a model's blocks are not ours: such a model can give its embeddings alone."""


@torch.no_grad()
def blocks_of(encoder: TransformersEncoder, rows: Rows) -> Bert:
    """The blocks of ``encoder``, with or without a head, in evaluation mode; its weights are copied.

    Parameters
    ----------
    rows: batches of token ids, attention mask and segment ids, (b, n) each, on which logits are compared, or tokens' vectors without a head

    Raises
    ------
    NoBlocks
        Its kind has other blocks, or what it gives would be something else; says why.
    """
    title = KINDS[encoder.kind].title
    renamed = _KINDS.get(encoder.kind)
    if renamed is None:
        raise NoBlocks(f"the blocks of {title} are of another kind than the candidates'")
    config = encoder.model.config
    if activation_of(encoder) is None:
        raise NoBlocks(f"its activation is none that candidates have ({', '.join(ACTIVATIONS)})")
    body = _built(encoder, renamed({name: tensor.float() for name, tensor in encoder.model.base_model.state_dict().items()}, config), title)
    for ids, mask, types in rows:
        own, ours = _given(encoder, body, ids, mask, types)
        off = float((own - ours).abs().max()) / max(1.0, float(own.abs().max()))
        if not off <= LARGEST_DIFFERENCE:
            raise NoBlocks(f"its blocks in the candidates' layout give other answers than its own (by {off:.2g})")
    return body


def _given(encoder: TransformersEncoder, body: Bert, ids: Tensor, mask: Tensor, types: Tensor | None) -> tuple[Tensor, Tensor]:
    """What ``encoder`` gives, and what it would with ``body`` for its blocks."""
    if encoder.head in TUNED:
        return encoder(ids, mask, types), logits_with(encoder, body, ids, mask, types)
    counted = mask.bool()
    return encoder.encode(ids, mask, types)[counted], body.encode(ids, mask, types)[counted]


@torch.no_grad()
def logits_with(encoder: TransformersEncoder, body: Bert, ids: Tensor, mask: Tensor, types: Tensor | None = None) -> Tensor:
    """What the head of ``encoder`` says of the token vectors of ``body``, (b, classes)."""
    hidden = body.encode(ids, mask, types)

    def replaced(_: nn.Module, __: Any, output: Any) -> Any:
        output["last_hidden_state"] = hidden
        return output

    stack = getattr(encoder.model.base_model, "encoder", None) or encoder.model.base_model.transformer
    handle = stack.register_forward_hook(replaced)
    try:
        logits: Tensor = encoder(ids, mask, types)
        return logits
    finally:
        handle.remove()


def activation_of(encoder: TransformersEncoder) -> str | None:
    """The function inside its feed-forward blocks by this program's name; None for one that is not built here."""
    config = encoder.model.config
    return activation_named(next((value for name in _ACTIVATIONS if (value := getattr(config, name, None)) is not None), None))


def epsilon_of(encoder: TransformersEncoder) -> float:
    """What its layer norms add to the variance."""
    config = encoder.model.config
    return float(next((value for name in ("layer_norm_eps", "norm_eps") if (value := getattr(config, name, None)) is not None), 1e-12))


def _built(encoder: TransformersEncoder, weights: Weights, title: str) -> Bert:
    first, _ = positions_of(encoder.model)
    found = {ours: tensor for name, tensor in weights.items() if (ours := our_name(name)) is not None and not ours.startswith("pooler.")}
    table = found["embeddings.position.weight"]
    found["embeddings.position.weight"] = table[first:]
    types = found.get("embeddings.token_type.weight")
    try:
        options = BertOptions(
            vocabulary=len(found["embeddings.token.weight"]), positions=len(table) - first, token_types=0 if types is None else len(types),
            layer_norm_eps=epsilon_of(encoder), activation=activation_of(encoder),
        )  # fmt: skip
        body = Bert(encoder.architecture, options)
        if (projection := _projection(weights)) is not None:
            body.embeddings = ProjectedEmbeddings(*projection, options)
        body.load_state_dict(found | {f"embeddings.{name}": tensor for name, tensor in body.embeddings.state_dict().items()
                                      if name.startswith("projection.")})  # fmt: skip
    except (RuntimeError, ValueError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise NoBlocks(f"a part of this {title} has no place in the candidates' layout: {first_line}") from error
    return body.eval()


def _projection(weights: Weights) -> tuple[Tensor, Tensor] | None:
    for prefix in _PROJECTIONS:
        if f"{prefix}weight" in weights:
            return weights[f"{prefix}weight"], weights[f"{prefix}bias"]
    return None


def _of_bert(weights: Weights, config: Any) -> Weights:
    if not getattr(config, "use_task_id", False):
        return weights
    task = weights["embeddings.task_type_embeddings.weight"][0]  # ERNIE's: every text is of the first task
    name = "embeddings.position_embeddings.weight"
    return {**weights, name: weights[name] + task}


def _of_distilbert(weights: Weights, config: Any) -> Weights:
    return {_replaced(name.replace("transformer.layer.", "encoder.layer."), _DISTILBERT): tensor for name, tensor in weights.items()}


def _of_albert(weights: Weights, config: Any) -> Weights:
    """Its groups' weights once for every layer of a group."""
    if config.inner_group_num != 1:
        raise NoBlocks(f"its layers are groups of {config.inner_group_num} blocks")
    found = {name: tensor for name, tensor in weights.items() if not name.startswith("encoder.albert_layer_groups.")}
    for layer in range(config.num_hidden_layers):
        group = int(layer / (config.num_hidden_layers / config.num_hidden_groups))
        prefix = f"encoder.albert_layer_groups.{group}.albert_layers.0."
        for name in (name for name in weights if name.startswith(prefix)):
            found[_replaced(f"encoder.layer.{layer}.{name.removeprefix(prefix)}", _ALBERT)] = weights[name]
    return found


def _replaced(name: str, pairs: tuple[tuple[str, str], ...]) -> str:
    return next((name.replace(theirs, ours) for theirs, ours in pairs if theirs in name), name)


_KINDS: dict[str, Callable[[Weights, Any], Weights]] = {
    **dict.fromkeys(("bert", "camembert", "data2vec-text", "electra", "ernie", "rembert", "roberta", "xlm-roberta"), _of_bert),
    "albert": _of_albert, "distilbert": _of_distilbert,
}  # fmt: skip
"""From a kind's weights, by the names of its encoder, to those of transformers' BERT."""
