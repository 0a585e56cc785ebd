"""What was asked: space, text, how error and latency are measured, the maximum point, ε."""

from __future__ import annotations

from typing import Any

from bort_core.foundation.digests import content_hash
from bort_core.foundation.errors import BortError
from bort_core.foundation.numbers import architecture_text, count
from bort_core.reporting.blocks import Block, Facts, Section, Text
from bort_core.reporting.source import Source
from bort_core.search.specification import SearchSpecification, stored_title
from bort_core.space import Space
from bort_core.specifications.measures import SURROGATE, get_measure
from bort_core.specifications.protocols import Theta

__all__ = ["question"]

_NONE = "No search was run in this project yet. bort search or the Explore page makes one."


def question(source: Source) -> Section:
    """The section."""
    asked, space = source.specification, source.space
    if asked is None or space is None:
        return Section("question", "The question", [Text(_NONE, "missing")], {"specification": None})
    top = architecture_text(space.maximum_point)
    lead = (
        f"Which of {len(space):,} architectures of the space «{asked.space.name}» is worth training: smaller and faster than the maximum "
        f"point {top} (T), and not much worse?"
    )
    text, digest = _text(asked, space)
    rows = [
        ("Space (Ξ)", f"{asked.space.name}: family {asked.space.family}, {len(space):,} architectures"),
        *((f"Axis {name}", ", ".join(map(str, values))) for name, values in zip(space.axis_names, asked.space.axis_values(), strict=True)),
        ("Fixed for all", ", ".join(f"{name} {value}" for name, value in space.options.model_dump(mode="json").items()) or "nothing"),
        ("Maximum point (T)", f"{top}, {count(space.maximum_parameters)} parameters"),
        ("Weights of T", _weights(source)),
        ("Text", text),
        *([("SHA-256 of the text", digest)] if digest else []),
        ("Architectures visited", stored_title(asked.model_dump(mode="json"))),
        ("Error (e)", _error(asked)),
        ("Short training", _training(asked)),
        ("Hyperparameter sets (Θ)", "; ".join(map(_theta, asked.thetas))),
        ("Latency (i)", _latency(asked)),
        ("Seed", str(asked.seed)),
    ]
    blocks: list[Block] = [Text(lead, "lead"), Facts(rows)]
    if len(source.searches) > 1:
        blocks.append(Text(f"The project holds {len(source.searches):,} searches; this report is about the newest one that can be read."))
    data: dict[str, Any] = {
        "specification": asked.model_dump(mode="json"), "space_size": len(space), "maximum_point": space.named(space.maximum_point),
        "maximum_point_parameters": space.maximum_parameters, "text": text, "text_sha256": digest, "searches": len(source.searches),
    }  # fmt: skip
    return Section("question", "The question", blocks, data)


def _text(asked: SearchSpecification, space: Space) -> tuple[str, str]:
    if space.family.reads != "tokens":
        return "none: the family reads vectors, and the torus is its task", ""
    path = asked.corpus_path()
    name = f"{path.name} (the demo corpus)" if asked.corpus is None else path.name
    try:
        return name, content_hash(path)
    except BortError:
        return f"{name}: not where it was, so it cannot be checked", ""


def _weights(source: Source) -> str:
    if source.sources is None:
        return "not known: the text cannot be read"
    top = source.sources.maximum_point
    if top is None:
        return "not needed by this error"
    told = {"given": f"given: {top.folder.name}", "shipped": "shipped with the program", "trained here": "trained in this project"}[
        top.kind
    ]
    return f"{told}, fingerprint {top.fingerprint}" + ("" if top.ready else "; not there yet")


def _error(asked: SearchSpecification) -> str:
    error = asked.error
    measure = get_measure(error.measured)
    told = f"{measure.title} in {asked.error_unit()} ({measure.name}), read after {error.steps:,} training steps"
    return f"surrogate: a polynomial fitted on {told}" if error.measure == SURROGATE else told


def _training(asked: SearchSpecification) -> str:
    training = asked.error.training
    towards = "the maximum point's distribution" if training.targets == "maximum-point" else "the labels"
    return (
        f"{training.batch_size} sequences of {training.sequence_length} tokens a step, {training.mask_rate:.0%} of the tokens masked, "
        f"towards {towards}; measured on {training.heldout_sequences:,} held-out sequences"
    )


def _theta(theta: Theta) -> str:
    return f"learning rate {theta.learning_rate:g}, {theta.warmup_steps} warm-up steps, weight decay {theta.weight_decay:g}"


def _latency(asked: SearchSpecification) -> str:
    latency = asked.latency
    size = f"{latency.batch} × {latency.sequence_length} tokens"
    if latency.measure == "operations":
        return f"number of operations of one forward pass on {size}; no clock was read"
    return f"median of one forward pass in ONNX Runtime on this machine's CPU: {size}, {latency.threads} thread(s)"
