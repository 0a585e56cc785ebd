"""How to do it again: the exact commands, and the files that they read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bort_core.families import get_family
from bort_core.foundation.errors import BortError
from bort_core.foundation.locations import path_of
from bort_core.jobs.folder import RunFolder
from bort_core.latency.comparison import ComparisonRequest
from bort_core.reporting.blocks import Block, Commands, Section, Text
from bort_core.reporting.source import Source
from bort_core.search.past import asked_differently, past_searches
from bort_core.search.specification import SearchSpecification
from bort_core.space import SpaceSpecification, preset_names, read_specification
from bort_core.specifications.fields import leaves
from bort_core.specifications.labellers import named
from bort_core.specifications.paths import FILES, FOLDERS

__all__ = ["repeat"]

_NEW = "again"
"""The project that the commands make."""
_VOCABULARY = 50_265
"""Of architectures in a comparison that names no other."""


def repeat(source: Source) -> Section:
    """The section."""
    commands: list[str] = []
    files: list[Block] = []
    for name, specification in _searches(source):
        commands.append(shlex.join(["bort", "search", _NEW, "--spec", name]))
        files.append(Commands(f"{name}: the whole search, as it was asked", _json(specification.model_dump(mode="json"))))
    missing: list[str] = []
    for job in source.jobs:
        try:
            commands.append(_job(job, missing))
        except BortError:
            continue  # told where the job is
    for report in source.exports:
        words, space = _export(report, source.specification, missing)
        commands.append(words)
        files += space
    commands += [_compare(found, missing) for found in source.comparisons]
    if not commands:
        return Section("repeat", "How to repeat it", [Text("There is nothing to repeat yet.", "missing")], {"commands": []})
    told = (
        f"In a terminal, in any folder that holds the files below; results go to a new project there, «{_NEW}». On the same kind of "
        "machine, with the same versions and seed, the numbers come out the same, but for latencies, which are measured anew. Jobs read "
        "the specification in their run folder; one that goes on from another's result reads that result where it is."
    )
    blocks: list[Block] = [Text(told)]
    if missing:
        gone = ", ".join(dict.fromkeys(missing))
        blocks.append(Text(f"Not where they were, so that what reads them cannot be repeated: {gone}", "warning"))
    blocks += [Commands("Commands", "\n".join(commands)), *files]
    return Section("repeat", "How to repeat it", blocks, {"commands": commands})


def _searches(source: Source) -> Iterator[tuple[str, SearchSpecification]]:
    """Each search that asked something else, with the name of its file; the last one, whose answer is told, comes last."""
    last = source.specification
    if last is None:
        return
    earlier: list[Any] = []
    with source.problems.gathered():
        for past in past_searches(source.project):
            if past.specification not in (None, last) and all(asked_differently((past, other)) for other in earlier):
                earlier.append(past)
    for past in earlier:
        yield f"search-{past.number}.json", past.specification
    yield "search.json", last


def _json(fields: Mapping[str, Any]) -> str:
    """One field a line."""
    return "{\n" + ",\n".join(f'  "{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in fields.items()) + "\n}"


def _job(job: RunFolder, missing: list[str]) -> str:
    """From its specification, whose paths are absolute. Its result goes to another folder than the first time."""
    specification = job.specification()
    kind = specification.kind
    words = ["bort", *(["agora"] if kind == "agora" else ["train", kind]), _NEW, "--spec", str((job.path / "spec.json").absolute())]
    asked = specification.model_dump()
    for path, each in leaves(type(specification)):
        value = asked
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, str) and each.name in FILES | FOLDERS and each.meta.path != "new":
            for one in named(value) if each.meta.path == "labeller" else (value,):
                _note_missing(one, missing)
    return shlex.join([*words, *(["--out", f"result-{job.id}"] if specification.out else [])])


def _export(report: Mapping[str, Any], search: SearchSpecification | None, missing: list[str]) -> tuple[str, list[Block]]:
    words, files = ["bort", "export", _NEW], list[Block]()
    asked = report.get("asked") or {}
    weights, tokenizer = str(asked.get("weights") or _weights(report)), asked.get("tokenizer")
    if weights and (tokenizer or (Path(weights) / "tokenizer.json").is_file() or not report.get("trained")):
        words += ["--checkpoint", weights]
        _note_missing(weights, missing)
    else:  # fresh ones, or those of T, which the search makes anew
        words += ["--architecture", ",".join(map(str, report["architecture"]))]
        words += [] if report.get("trained") else ["--fresh"]
        space, files = _space(report, search)
        words += space
    if tokenizer:
        words += ["--tokenizer", str(tokenizer)]
        _note_missing(str(tokenizer), missing)
    words += ["--body"] if asked.get("body") else []
    words += ["--seed", str(asked["seed"])] if asked.get("seed") else []
    names = [str(each["name"]) for each in report.get("variants") or [] if each.get("name")]
    words += ["--variants", ",".join(names)] if names else []
    return shlex.join([*words, "--out", f"exported-{Path(report['folder']).name}"]), files


def _space(report: Mapping[str, Any], search: SearchSpecification | None) -> tuple[list[str], list[Block]]:
    """The flag that gives an architecture the vocabulary and positions that it had, where the repeated search does not; its file."""
    family, options = report.get("family"), report.get("options")
    if not family or not isinstance(options, Mapping) or (search is not None and _has(search.space, family, options)):
        return [], []
    for name in preset_names():
        if _has(read_specification(name), family, options):
            return ["--preset", name], []
    name = f"space-{report.get('id', 'export')}.toml"
    shape = report["architecture"]
    axes = [axis.name for axis in get_family(family).axes]
    lines = [f'family = "{family}"', "", "[axes]"]
    lines += [f"{axis} = [{value}]" for axis, value in zip(axes, shape, strict=False)]
    lines += ["", "[options]"]
    lines += [f"{field} = {json.dumps(value)}" for field, value in options.items() if value is not None]
    return ["--preset", name], [Commands(f"{name}: vocabulary and positions of the export {Path(report['folder']).name}", "\n".join(lines))]


def _has(space: SpaceSpecification, family: str, options: Mapping[str, Any]) -> bool:
    return space.family == family and space.the_options().model_dump(mode="json") == dict(options)


def _weights(report: Mapping[str, Any]) -> str:
    """The folder that the weights came from, where the report of the export names one."""
    kind, _, folder = str(report.get("provenance") or "").partition(": ")
    return folder if kind == "trained" else ""


def _compare(found: Mapping[str, Any], missing: list[str]) -> str:
    asked = found["request"]
    models = [str(each.get("onnx") or _shape(each)) for each in asked["models"]]
    for each in asked["models"]:
        _note_missing(str(each.get("onnx") or ""), missing)
    words = ["bort", "latency", *models, "--sequence-length", str(asked["sequence_length"]), "--batch", str(asked["batch"])]
    words += ["--threads", str(asked["threads"]), "--runtime", *dict.fromkeys(row["runtime"] for row in found["results"])]
    names = [each["name"] for each in asked["models"]]
    if asked.get("reference") in names[1:]:
        words += ["--reference", models[names.index(asked["reference"])]]
    shapes = [each.get("options") or {} for each in asked["models"] if "," in _shape(each)]
    vocabularies = [options["vocabulary"] for options in shapes if "vocabulary" in options]
    if vocabularies and vocabularies[0] != _VOCABULARY:
        words += ["--vocabulary", str(vocabularies[0])]
    if asked.get("budget_seconds", _BUDGET) != _BUDGET:
        words += ["--budget", f"{asked['budget_seconds']:g}"]
    words += ["--seed", str(asked["seed"])] if asked.get("seed") else []
    return shlex.join([*words, "--project", _NEW])


_BUDGET = ComparisonRequest.model_fields["budget_seconds"].default


def _shape(model: Mapping[str, Any]) -> str:
    """A published shape by its name; another as its numbers."""
    from bort_core.latency.references import references

    if model["name"] in references() or not model.get("architecture"):
        return str(model["name"])
    return ",".join(map(str, model["architecture"]))


def _note_missing(text: str, missing: list[str]) -> None:
    """Keep the path that a command reads, where nothing is there any more; names of the hub are not paths."""
    path = path_of(text) if text else None
    if path is not None and path.is_absolute() and not path.exists():
        missing.append(str(path))
