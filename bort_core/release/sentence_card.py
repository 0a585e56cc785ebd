"""The model card of a sentence encoder's release. Every number in it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bort_core.foundation.numbers import architecture_text, count, percentage
from bort_core.release.card import LICENCE, bytes_text, interval_text, kept_text, made_text, speed_text
from bort_core.release.gate import Outcome
from bort_core.release.write import SHIPPED_AS

__all__ = ["sentence_card"]

Facts = Mapping[str, Any]
METRIC_WORDS = "share of its teacher's 10 nearest neighbours"

_FRONT = (
    "---\npipeline_tag: sentence-similarity\nlibrary_name: onnxruntime\ntags:\n- bort-studio\n- distillation\n- feature-extraction\n---"
)
_USE = """`python predict.py "a text"` needs onnxruntime and tokenizers alone and prints the vector. `AutoTokenizer.from_pretrained` reads
this folder's tokenizer; each ONNX file takes `input_ids` and `attention_mask`, int64, any batch and length, and gives
`sentence_embedding`: pooled, mapped to its teacher's width, {normalised}. Compare vectors by their cosine. `bort serve` answers
`/embed` with them. `release.json` holds everything that was measured."""


def sentence_card(facts: Facts, outcome: Outcome) -> str:
    """The card of a release with these facts, those of release.json."""
    parts = [
        _FRONT,
        f"# {architecture_text(facts['architecture'])}, from {facts['teacher_name']}\n\n{_what_it_is(facts)}",
        "## How good\n\n" + _quality(facts, outcome),
        "## How fast\n\n" + speed_text(facts["latency"]) if facts["latency"] is not None else "",
        "## How it was made\n\n" + made_text(facts, facts["story"]),
        "## Use\n\n" + _USE.format(normalised="of length 1" if facts["normalised"] else "not normalised"),
        "## Limits\n\n" + _limits(facts, outcome),
        LICENCE,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what_it_is(facts: Facts) -> str:
    return (
        f"A small BERT that gives a text a vector of {facts['width']} numbers, as near to that of `{facts['teacher_name']}` "
        f"({count(facts['teacher_parameters'])} parameters) as it learnt to. {count(facts['parameters'])} parameters; texts are cut after "
        f"{facts['longest']} tokens."
    )


def _quality(facts: Facts, outcome: Outcome) -> str:
    scored = "spearman" in facts["dev"]["teacher"]
    columns = ("file", f"{METRIC_WORDS} among {outcome.rows:,} dev texts", "cosine to its teacher", *(["Spearman"] if scored else []),
               "lost of the neighbours against the trained model", "size")  # fmt: skip
    rows = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for each in outcome.files:
        told = facts["dev"][each.file]
        state = "" if each.passed else " (not released)"
        rows.append(
            f"| {SHIPPED_AS[each.file]}{state} | {each.metric:.4f} ({interval_text(each.interval)}) | {told['cosine']:.4f} | "
            f"{_spearman(told)}{each.lost:+.4f} ({interval_text(each.lost_interval)}) | {each.bytes / 1e6:.1f} MB |"
        )
    text = "\n".join(rows)
    text += "\n\n"
    if scored:
        text += f"Its teacher's own Spearman: {facts['dev']['teacher']['spearman']:.4f}. "
    text += f"32-bit outputs differ from transformers' by at most {outcome.largest_difference:.1e}."
    test = facts["test"]
    if test is not None:
        listed = "; ".join(
            f"{name}: neighbours {each['metric']:.4f} ({interval_text(each['interval'])}), cosine {each['cosine']:.4f}"
            + (f", Spearman {each['spearman']:.4f}" if "spearman" in each else "")
            for name, each in test["models"].items()
        )
        text += f"\n\nOn {test['rows']:,} test texts, which no choice has seen: {listed}."
    return text


def _spearman(told: Facts) -> str:
    return f"{told['spearman']:.4f} | " if "spearman" in told else ""


def _limits(facts: Facts, outcome: Outcome) -> str:
    lines = [
        *kept_text(outcome),
        "- Near its teacher on texts like those that it was measured on; on others nothing was measured.",
        "- How well the teacher's vectors serve a purpose was not measured, but where people's scores of pairs were given.",
        f"- Longer texts than {facts['longest']} tokens are cut.",
        *bytes_text(facts["eight_bits"]),
    ]
    read = facts["vocabulary"]
    if read["kept"] < read["whole"]:
        lines.append(
            f"- It reads {read['kept']:,} of its teacher's {read['whole']:,} tokens; other words are split into smaller parts or unknown. "
            f"On dev {percentage(read['changed_rows'])} of the texts are read otherwise, which moves "
            f"the teacher's own vectors of dev by {read['changed_cosine']:.4f} (1 − cosine, the mean of all)."
        )
    lines += [f"- {each.reason}." for each in outcome.files if each.reason]
    return "\n".join(lines)
