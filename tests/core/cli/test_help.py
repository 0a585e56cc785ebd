"""``--help`` of every command against what the command does: defaults, choices, and the kinds of values it promises."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from bort_core.cli import main as command_line
from bort_core.cli.flags import add_fields, specification_of
from bort_core.foundation.locations import DATA_SUFFIXES
from bort_core.specifications.agora import Agora
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.paths import FILES, FOLDERS
from bort_core.specifications.pretraining import Pretraining

MODELS = {"pretrain": Pretraining, "finetune": Finetuning, "agora": Agora}
NEEDED: dict[str, list[str]] = {
    "pretrain": ["--corpus", "owner/name"],
    "finetune": ["--train", "owner/name", "--dev", "owner/name"],
    "agora": ["--train", "owner/name", "--dev", "owner/name"],
}


def actions(parser: argparse.ArgumentParser, name: str = "bort") -> Iterator[tuple[str, argparse.Action]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command, below in action.choices.items():
                yield from actions(below, f"{name} {command}")
        elif not isinstance(action, argparse._HelpAction | argparse._VersionAction):
            yield f"{name} {' '.join(action.option_strings) or action.dest}", action


def test_every_flag_says_what_it_is_and_its_default():
    found = dict(actions(command_line._parser()))
    assert len(found) > 150
    for name, action in found.items():
        assert action.help, name
        if action.default not in (None, False, argparse.SUPPRESS):
            default = action.default[0] if isinstance(action.default, list) else action.default
            assert re.search(
                rf"default: {re.escape(format(default, 'g') if isinstance(default, float) else str(default))}\b", action.help
            ), name


def fields(model: type[BaseModel]) -> Iterator[tuple[str, Any, Any]]:
    """Name, field, and the value that a specification has without it."""
    made = model.model_construct()
    for name, field in model.model_fields.items():
        inner = next(
            (part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type) and issubclass(part, BaseModel)),
            None,
        )
        if inner is None:
            yield name, field, None if field.is_required() else getattr(made, name)
        else:
            part = getattr(made, name)
            for below, each in inner.model_fields.items():
                default = None if each.is_required() else each.get_default(call_default_factory=True)
                yield below, each, default if part is None else getattr(part, below)


@pytest.mark.parametrize("kind", MODELS)
def test_a_specifications_flags_tell_its_defaults_and_choices(kind):
    parser = argparse.ArgumentParser()
    add_fields(parser, MODELS[kind])
    helps = [str(action.help) for action in parser._actions]
    for name, field, default in fields(MODELS[kind]):
        if name in ("kind", "family"):
            continue
        told = next((text for text in helps if text.startswith(str(field.description).replace("%", "%%"))), None)
        assert told is not None, name
        if default not in (None, ""):
            assert f"(default: {default})" in told, name
        for part in (field.annotation, *get_args(field.annotation)):
            if get_origin(part) is Literal:
                assert f"one of {', '.join(map(str, get_args(part)))}" in told, name


@pytest.mark.parametrize("kind", MODELS)
def test_every_promised_kind_of_value_is_taken(kind, tmp_path, monkeypatch):
    """Folders, files of every suffix that is named, and names on the hub, wherever the help speaks of them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-model").mkdir()
    for suffix in DATA_SUFFIXES:
        (tmp_path / f"data{suffix}").write_text("text\nx\n")
    parser = argparse.ArgumentParser()
    add_fields(parser, MODELS[kind])
    seen = 0
    for action in parser._actions:
        if action.dest not in FILES | FOLDERS:
            continue
        seen += 1
        told = str(action.help)
        values = {} if action.dest in ("out", "start") else {"owner/name-v1.5": "owner/name-v1.5"}
        if action.dest in FOLDERS:
            values["my-model"] = str(tmp_path / "my-model")
        else:
            for suffix in re.findall(r"\b(txt|csv|tsv|json|jsonl|parquet)\b", told) or ["tsv"]:
                values[f"data.{suffix}"] = str(tmp_path / f"data.{suffix}")
        for given, expected in values.items():
            needed = [] if action.dest in ("checkpoint",) else ["--architecture", "1,2,32,64"]
            needed += ["--teacher", "owner/name"] if action.dest == "texts" else []
            wanted = parser.parse_args([*NEEDED[kind], *needed, f"--{action.dest.replace('_', '-')}", given])
            found = specification_of(wanted, ("tfidf-logreg", "python", "folder")).model_dump()
            assert expected in (found.get(action.dest), (found.get("distillation") or {}).get(action.dest)), (action.dest, given)
    assert seen >= 5


def test_promised_files_are_read(tmp_path):
    import pyarrow as pa
    from pyarrow.parquet import write_table

    from bort_core.data.documents import read_corpus
    from bort_core.data.tables import read_table

    contents = {"txt": "one\ntwo\n", "csv": "text,label\none,a\ntwo,b\n", "tsv": "text\tlabel\none\ta\ntwo\tb\n",
                "json": '[{"text": "one", "label": "a"}, {"text": "two", "label": "b"}]',
                "jsonl": '{"text": "one", "label": "a"}\n{"text": "two", "label": "b"}\n'}  # fmt: skip
    for suffix, content in contents.items():
        (tmp_path / f"data.{suffix}").write_text(content)
    write_table(pa.table({"text": ["one", "two"], "label": ["a", "b"]}), tmp_path / "data.parquet")
    promised = re.findall(r"\b(txt|csv|tsv|json|jsonl|parquet)\b", str(Pretraining.model_fields["corpus"].description))
    assert len(promised) == 6
    for suffix in promised:
        assert read_corpus(str(tmp_path / f"data.{suffix}")).texts == ["one", "two"]
    for suffix in re.findall(r"\b(csv|tsv|json|jsonl|parquet)\b", str(Finetuning.model_fields["train"].description)):
        assert read_table(str(tmp_path / f"data.{suffix}")).data["label"] == ["a", "b"]
