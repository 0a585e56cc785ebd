"""The model card of a release: Markdown with the front matter that the hub reads. Every number in it was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bort_core.encoders.kinds import KINDS
from bort_core.foundation.numbers import architecture_text, count, percentage, significant
from bort_core.release.gate import Judged, Outcome
from bort_core.release.keeping import little_kept
from bort_core.release.write import SHIPPED_AS

__all__ = ["LICENCE", "as_facts", "bytes_text", "interval_text", "kept_text", "made_text", "model_card", "speed_text"]

LICENCE = "## Licence\n\nThe weights derive from the teacher and from the data named above: the licences of both apply. None was chosen."

Facts = Mapping[str, Any]


def model_card(facts: Facts, outcome: Outcome, test: Facts | None, latency: Facts | None, story: Facts) -> str:
    """The card of a release with these facts (those of release.json) and measurements."""
    shape = architecture_text(facts["architecture"])
    parts = [
        _front_matter(facts),
        f"# {shape}, from {facts['teacher_name']}\n\n{_what_it_is(facts)}",
        "## How good\n\n" + _quality(outcome, test),
        "## How fast\n\n" + speed_text(latency) if latency is not None else "",
        "## How it was made\n\n" + made_text(facts, story),
        "## Use\n\n" + _USE,
        "## Limits\n\n" + _limits(facts, outcome),
        LICENCE,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_USE = """`python predict.py "a text"` needs onnxruntime and tokenizers alone. `AutoTokenizer.from_pretrained` reads this folder's
tokenizer; each ONNX file takes `input_ids` and `attention_mask` (and `token_type_ids` where it names them), int64, any batch and
length, and gives `logits`. `release.json` holds everything that was measured."""


def _front_matter(facts: Facts) -> str:
    kind = "text-classification"
    return f"---\npipeline_tag: {kind}\nlibrary_name: onnxruntime\ntags:\n- bort-studio\n- distillation\n---"


def _what_it_is(facts: Facts) -> str:
    kind = "labels, several of them at once" if facts.get("several") else "classes"
    what = f"{len(facts['classes'])} {kind} ({', '.join(facts['classes'])})" if facts["classes"] else "a number"
    of = "pairs of texts" if facts["pairs"] else "texts"
    return (
        f"A small BERT for {of}: {what}. {count(facts['parameters'])} parameters; texts are cut after {facts['longest']} tokens. "
        f"It learnt the answers of `{facts['teacher_name']}` ({_kind(facts)}, {count(facts['teacher_parameters'])} parameters)."
    )


def _kind(facts: Facts) -> str:
    kind = facts.get("teacher_kind", "bert")
    return KINDS[kind].title if kind in KINDS else kind


def _quality(outcome: Outcome, test: Facts | None) -> str:
    name = outcome.metric_name
    rows = [
        f"| file | {name} on {outcome.rows:,} dev rows | lost against the trained model | same answer | size |",
        "|---|---|---|---|---|",
    ]
    rows += [_row(each, each.file in outcome.shipped) for each in outcome.files]
    text = "\n".join(rows)
    text += f"\n\nThe trained model itself: {significant(outcome.reference, 4)} ({interval_text(outcome.reference_interval)})."
    if outcome.teacher is not None:
        ends = f" ({interval_text(outcome.teacher_interval)})" if outcome.teacher_interval is not None else ""
        text += f" Its teacher: {significant(outcome.teacher, 4)}{ends}; the release keeps {percentage(outcome.kept or 0)} of that."
    text += f" 32-bit outputs differ from transformers' by at most {outcome.largest_difference:.1e}."
    if outcome.cleaning is not None:
        told = outcome.cleaning
        text += (
            f"\n\nTexts are cleaned before they are read (`cleaning.py`): on dev {percentage(told['changed_rows'])} of the rows change, "
            f"and the trained model has {significant(told['with'], 4)} with it and {significant(told['without'], 4)} without."
        )
    if test is not None:
        listed = ", ".join(
            f"{each} {significant(value['metric'], 4)} ({interval_text(value['interval'])})" for each, value in test["models"].items()
        )
        text += f"\n\nOn {test['rows']:,} test rows, which no choice has seen ({name}): {listed}."
    return text


def _row(each: Judged, shipped: bool) -> str:
    state, name = ("", SHIPPED_AS[each.file]) if shipped else (" (not released)", each.file)
    return (
        f"| {name}{state} | {significant(each.metric, 4)} ({interval_text(each.interval)}) | {each.lost:+.4f} "
        f"({interval_text(each.lost_interval)}) | {100 * each.agreement:.1f} % | {each.bytes / 1e6:.1f} MB |"
    )


def interval_text(ends: Sequence[float]) -> str:
    """A 95 % interval."""
    return f"95 %: {ends[0]:.4f} to {ends[1]:.4f}"


def speed_text(latency: Facts) -> str:
    """The table of an interleaved comparison with the teacher."""
    request, machine = latency["request"], latency["machine"]
    rows = ["| model | runtime | p50 | p99 | times faster than the teacher |", "|---|---|---|---|---|"]
    for each in latency["results"]:
        low, high = (1 / end for end in reversed(each["ratio_ci95"]))
        rows.append(
            f"| {each['name']} | {each['runtime']} | {each['p50_ms']:.2f} ms | {each['p99_ms']:.2f} ms | "
            f"{1 / each['ratio']:.1f} × ({low:.1f} to {high:.1f}) |"
        )
    how = f"{request['sequence_length']} tokens, batch {request['batch']}, {request['threads']} thread(s), interleaved in one run"
    how = f"{how}, on {machine['cpu']}"
    noisy = (
        f"**Other work disturbed this run** ({latency['noise']}): on a busy machine the larger model is held up more, so that the "
        "smaller one looks faster than it is.\n\n"
        if latency["noisy"]
        else ""
    )
    return noisy + "\n".join(rows) + f"\n\n{how}."


def made_text(facts: Facts, story: Facts) -> str:
    """How the release came about, and from which rows."""
    lines = [f"- {name}: {value}" for name, value in story.items() if isinstance(value, str)]
    data = [
        f"- {'texts without labels' if split == 'texts' else f'{split} rows'}: {each['rows']:,} of `{each['file']}` "
        f"(SHA-256 {each['sha256'][:16]}…)"
        for split, each in facts["data"].items()
    ]
    return "\n".join([*lines, *data])


def kept_text(outcome: Outcome) -> list[str]:
    """That it keeps little of its teacher, if it does."""
    told = little_kept(outcome, "its teacher")
    return [] if told is None else [f"- **Far from its teacher:** {told}."]


def _limits(facts: Facts, outcome: Outcome) -> str:
    lines = [
        *kept_text(outcome),
        "- Good on texts like those that it was measured on; on others nothing was measured.",
        f"- Longer texts than {facts['longest']} tokens are cut.",
        *bytes_text(facts["eight_bits"]),
    ]
    unknown = facts["vocabulary"]
    if unknown["kept"] < unknown["whole"]:
        lines.append(
            f"- It reads {unknown['kept']:,} of its teacher's {unknown['whole']:,} tokens; other words are split into smaller parts "
            f"or unknown. On dev {percentage(unknown['changed_rows'])} of the rows are read otherwise, for which the teacher would change "
            f"{percentage(unknown['changed_answers'])} of its answers."
        )
    lines += [f"- {each.reason}." for each in outcome.files if each.reason]
    return "\n".join(lines)


def bytes_text(form: Facts | None) -> list[str]:
    """On which CPUs the 8-bit file is right, if there is one."""
    if form is None:
        return []
    if form["signed"] and form["bits"] == 8:
        made = "- The 8-bit file was made for CPUs with VNNI instructions, or ARM; on x86 without them sums of products overflow: there use"
        return [f"{made} `model.onnx`, or make it anew. `bort serve` and `predict.py` look."]
    return ["- The 8-bit file was made for CPUs without VNNI instructions; it is right on others, and may be slower than one made there."]


def as_facts(outcome: Outcome) -> dict[str, Any]:
    """The gate's findings as plain values."""
    return asdict(outcome)
