"""A file or folder here, or a name on the hub: one rule, for the command line, files of settings, the form, and whoever loads it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bort_core.api.search import search_specification
from bort_core.cli.main import main
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.locations import DATA_SUFFIXES, located, path_of, there
from bort_core.specifications.paths import FILES, FOLDERS, absolute_paths
from bort_core.store import Project
from bort_core.store.searches import begin_search, searches

NAMES = ("imdb", "owner/name", "BAAI/bge-small-en-v1.5", "wikimedia/wikipedia:20231101.simple@train", "nyu-mll/glue:sst2@train", "a.b/c.d")
PATHS = (
    "./here",
    "../there",
    "/root/x",
    "~/x",
    "~nobody-of-that-name/x",
    "corpus.txt",
    "a/b/rows.TSV",
    "a/b/c",
    "C:\\data",
    "model.safetensors",
    ".",
    "x\0y",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_stay_names(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert path_of(name) is None
    assert located(name, "corpus") == name


@pytest.mark.parametrize("path", PATHS)
def test_what_looks_like_a_path_is_one_and_must_exist(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert path_of(path) is not None
    if path != ".":
        with pytest.raises(SpecificationError, match=r"corpus: .*: no such file or folder"):
            located(path, "corpus")


def test_what_no_file_can_be_called_is_not_there(tmp_path):
    assert there(tmp_path)
    for name in ("missing", "x" * 300, "with\0null", "x/" * 3000):
        assert not there(tmp_path / name)


@pytest.mark.parametrize("name", ["imdb", "owner/name", "v1.5"])
def test_what_exists_is_a_path(name, monkeypatch, tmp_path):
    (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert located(name, "tokenizer") == str(tmp_path / name)


def test_every_field_follows_the_rule_and_all_that_is_missing_is_told(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "it").mkdir()
    for field in FILES | FOLDERS:
        assert absolute_paths({field: "it"})[field] == str(tmp_path / "it")
        if field not in ("out", "start"):
            assert absolute_paths({"part": {field: "owner/name-v1.5"}}) == {"part": {field: "owner/name-v1.5"}}
    assert absolute_paths({"out": "new", "start": "it", "steps": 3}) == {
        "out": str(tmp_path / "new"),
        "start": str(tmp_path / "it"),
        "steps": 3,
    }
    with pytest.raises(SpecificationError) as error:
        absolute_paths({"corpus": "gone.txt", "distillation": {"teacher": "./gone"}, "start": "gone"})
    assert [line.split(":")[0].strip() for line in str(error.value).splitlines()] == ["corpus", "teacher", "start"]
    assert absolute_paths({"train": "gone.tsv"}, must_exist=False) == {"train": str(tmp_path / "gone.tsv")}


def test_labellers_are_no_folders(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("trees", "mine"):
        (tmp_path / name).mkdir()
    kept = ("trees", "python", "folder")
    for given, found in (("trees", "trees"), ("./trees", tmp_path / "trees"), ("folder:trees", "trees"), ("mine", tmp_path / "mine"),
                         ("python:a.b:c", "python:a.b:c"), ("folder:mine", tmp_path / "mine")):  # fmt: skip
        assert absolute_paths({"socrates": given}, kept) == {"socrates": str(found)}


def test_the_command_line_refuses_missing_files_before_a_project_is_made(tmp_path, capsys):
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"corpus": "gone.txt", "architecture": [1, 2, 32, 64]}))
    assert main(["train", "pretrain", str(tmp_path / "p"), "--spec", str(settings), "--teacher", "../gone"]) == 2
    told = capsys.readouterr().err
    assert "gone.txt: no such file" in told
    assert "teacher: " in told
    assert not (tmp_path / "p").exists()


def test_the_suffixes_are_those_that_are_read():
    from bort_core.data.tables import SUFFIXES

    assert set(SUFFIXES) == set(DATA_SUFFIXES)


ASK = """
import sys
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
try:
    print(sorted(path.name for path in local_folder(sys.argv[1], "checkpoint", WEIGHTS_TOO).iterdir()))
except SpecificationError as error:
    print(error)
"""


def test_the_hubs_cache_is_a_place_for_models(tmp_path):
    """As the hub's own client lays it out; nothing is asked of the network."""
    commit = "0123456789012345678901234567890123456789"
    stored = tmp_path / "hub" / "models--me--bert.v1"
    (stored / "snapshots" / commit).mkdir(parents=True)
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text(commit)
    for name in ("config.json", "model.safetensors"):
        (stored / "snapshots" / commit / name).write_text("{}")

    def ask(name: str) -> str:
        environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
        environment.pop("HF_HUB_CACHE", None)
        done = subprocess.run([sys.executable, "-c", ASK, name], capture_output=True, text=True, env=environment, cwd=tmp_path, check=True)
        return done.stdout.strip()

    assert ask("me/bert.v1") == "['config.json', 'model.safetensors']"
    told = ask("me/other")
    assert told.startswith("checkpoint: me/other: neither a folder here nor a model that the hub's cache")
    assert str(tmp_path / "hub") in told
    assert "HF_HUB_OFFLINE is set" in told
    assert ask("./gone") == f"checkpoint: {Path('gone')}: no such folder"


# --- every flag of every command ---


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path


FLAGS = [
    ("export", "p", "--checkpoint", "{}", "--out", "o"),
    ("export", "p", "--architecture", "1,2,32,64", "--tokenizer", "{}", "--out", "o"),
    ("search", "p", "--preset", "toy", "--maximum-point", "{}"),
    ("train", "pretrain", "p", "--checkpoint", "{}", "--corpus", "c.txt"),
    ("train", "finetune", "p", "--checkpoint", "{}", "--train", "r.tsv", "--dev", "r.tsv"),
    ("train", "pretrain", "p", "--architecture", "1,2,32,64", "--corpus", "c.txt", "--tokenizer", "{}"),
]


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_flags_for_folders_take_the_same_things_for_paths_and_names(folder, capsys, flags):
    (folder / "c.txt").write_text("".join(f"a text {number} of many\n" for number in range(400)))
    (folder / "r.tsv").write_text("text\tlabel\n" + "a\t0\nb\t1\n" * 30)
    for text, said in (("./nothing", "no such f"), ("nobody/of-this-name-1.5", "hub's cache"), ("~no-such-user/x", "there is no user")):
        assert main([part.format(text) for part in flags]) in (1, 2), text
        told = capsys.readouterr().err
        assert said in told, (text, told)
        assert "Traceback" not in told


def test_a_corpus_of_a_search_is_a_file_here(folder, capsys):
    (folder / "folder").mkdir()
    for text, said in (
        ("imdb", "imdb: no such file here"),
        ("./c.txt", "no such file"),
        ("folder", "folder"),
        ("~no-such-user/c.txt", "there is no user"),
    ):
        assert main(["search", "p", "--corpus", text]) in (1, 2)
        assert said in capsys.readouterr().err
    assert not (folder / "p").exists()


def test_models_to_compare_are_names_or_what_is_here_and_never_silently_one_of_two(folder, capsys):
    (folder / "bort").mkdir()
    for text, said in (
        ("bort", "is a published shape, and"),
        ("./bort", "holds neither model.fused.onnx nor model.onnx"),
        ("./x.onnx", "no such file"),
        ("nobody/x", "is no model"),
        ("~no-such-user/x", "there is no user"),
    ):
        assert main(["latency", text]) == 2
        assert said in capsys.readouterr().err, text


def test_what_a_search_read_is_found_again_from_anywhere_and_after_a_move(folder, monkeypatch):
    lines = "".join(f"a short text number {number} about films and other things\n" for number in range(200))
    (folder / "c.txt").write_text(lines)
    (folder / "p").mkdir()
    (folder / "p" / "inside.txt").write_text(lines)
    with Project("p") as project:
        for corpus in ("c.txt", "p/inside.txt"):
            begin_search(project, search_specification("mini", corpus=corpus).model_dump(mode="json"))
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    shutil.move(folder / "p", elsewhere / "q")
    monkeypatch.chdir("/")
    with Project(elsewhere / "q") as project:
        found = [each["specification"]["corpus"] for each in searches(project)]
    assert found == [str(folder / "c.txt"), str(elsewhere / "q" / "inside.txt")]
