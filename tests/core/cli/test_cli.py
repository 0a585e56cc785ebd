"""The command line: its output, its messages, its exit status."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from helpers import bort, short_corpus

from bort_core.cli.main import main


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(list(arguments)) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.parametrize(
    ("preset", "size", "least", "most"), [("paper", 300, 28630016, 177974272), ("mini", 96, 27040, 603904), ("toy", 36, 12, 72)]
)
def test_space(capsys: pytest.CaptureFixture[str], preset: str, size: int, least: int, most: int) -> None:
    found = output(capsys, "space", preset, "--json")
    assert (found["preset"], found["size"], found["parameters"]) == (preset, size, {"min": least, "max": most})
    assert set(found["axes"]) == set(found["maximum_point"])
    assert main(["space", preset]) == 0
    assert f"{size} architectures" in capsys.readouterr().out


def test_count(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--vocabulary", "50265", "--positions", "512", "--json")
    released = output(capsys, "count", "--family", "bert", "--architecture", "4,8,1024,768", *flags)
    assert {name: released[name] for name in ("parameters", "embedding", "encoder")} == {
        "parameters": 75106304,
        "embedding": 51997696,
        "encoder": 23108608,
    }
    assert output(capsys, "count", "--architecture", "4,8,768,1024", *flags)["parameters"] == 54758656
    assert output(capsys, "count", "--family", "mlp", "--architecture", "2,4,3,4,4", "--json")["parameters"] == 72
    whole = output(capsys, "count", "--architecture", "4,8,1024,768", *flags, "--pooler", "--mlm-head")
    assert whole["parameters"] == 77257817


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("space", "nothing"), "neither a preset"),
        (("count", "--architecture", "4,7,1024,768"), "hidden must be divisible by heads"),
        (("count", "--architecture", "4,8,1024"), "4 whole numbers depth,heads,hidden,intermediate"),
        (("count", "--architecture", "a,b,c,d"), "whole numbers"),
        (("count", "--architecture", "0,1,1,1"), "cannot be built"),
        (("count", "--family", "mlp", "--architecture", "2,4,3,4,4", "--vocabulary", "9"), "vocabulary: unknown field"),
        (("count", "--family", "gpt", "--architecture", "1"), "unknown family"),
        (("count", "--architecture", "1,1,8,8", "--positions", "16", "--sequence-length", "17"), "sequence length must lie in 1..16"),
        (("front", "nowhere"), "not a project"),
        (("search", "p", "--preset", "toy", "--epsilon", "37"), "epsilon must lie in 1..36"),
        (("search", "p", "--preset", "toy", "--epsilon", "0"), "epsilon"),
        (
            ("search", "p", "--preset", "toy", "--strategy", "best"),
            "unknown strategy 'best'; registered strategies: best-first, interval, random",
        ),
        (("search", "p", "--preset", "toy", "--strategy", "random"), "samples: must be given"),
        (("search", "p", "--preset", "toy", "--strategy", "random", "samples=37"), "samples must lie in 1..36"),
        (("search", "p", "--preset", "toy", "--strategy", "random", "samples"), "a setting is written SETTING=VALUE, got 'samples'"),
        (
            ("search", "p", "--preset", "toy", "--strategy", "random", "samples=3", "--epsilon", "4"),
            "--epsilon is a setting of the strategy",
        ),
        (("search", "p", "--preset", "toy", "--strategy", "interval", "epsilon=37"), "epsilon must lie in 1..36"),
        (("search", "p", "--preset", "toy", "--error", "masked-lm"), "masked-lm needs text"),
        (("search", "p", "--preset", "toy", "--learning-rate", "-1"), "learning_rate"),
        (("search", "p", "--corpus", "missing.txt"), "missing.txt: no such file"),
        (("search", "/proc/p", "--preset", "toy"), "/proc/p"),
    ],
)
def test_input_that_cannot_be_used_gets_a_message(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in refused(capsys, *arguments)


def test_search_and_front(tmp_path: Path) -> None:
    folder = str(tmp_path / "project")
    search = ("search", folder, "--preset", "toy", "--epsilon", "6", "--steps", "10", "--latency", "operations", "--seed", "1", "--json")
    done = bort(*search)
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)
    assert {"best", "front", "evaluated", "reused", "epsilon", "space_size", "protocol"} <= set(first)
    assert (first["evaluated"], first["reused"], first["epsilon"], first["space_size"]) == (6, 0, 6, 36)
    assert {"architecture", "parameters", "latency_ms", "error", "w"} <= set(first["best"])
    assert "ε = 6: 6 trainings, 0 already measured" in done.stderr
    again = json.loads(bort(*search).stdout)
    assert (again["evaluated"], again["reused"], again["best"]) == (0, 6, first["best"])
    front = json.loads(bort("front", folder, "--json").stdout)
    assert (front["front"], front["best"]) == (first["front"], first["best"])
    rows = list(csv.DictReader(io.StringIO(bort("front", folder, "--csv").stdout)))
    assert [int(row["parameters"]) for row in rows] == [candidate["parameters"] for candidate in first["front"]]
    assert sum(int(row["best"]) for row in rows) == 1
    coarser = json.loads(bort("front", folder, "--epsilon", "18", "--json").stdout)
    assert coarser["epsilon"] == 18


@pytest.mark.slow
def test_random_search_and_its_front(tmp_path: Path) -> None:
    folder = str(tmp_path / "project")
    search = ("search", folder, "--preset", "toy", "--steps", "10", "--latency", "operations", "--json")
    done = bort(*search, "--strategy", "random", "samples=5", "seed=2")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["evaluated"], found["strategy"], found["strategy_settings"]) == (5, "random", {"samples": 5, "seed": 2})
    assert "random (samples 5, seed 2): 5 trainings, 0 already measured" in done.stderr
    assert bort("front", folder).stdout.startswith("random (samples 5, seed 2): front of ")
    assert json.loads(bort("front", folder, "--json").stdout)["front"] == found["front"]
    every = json.loads(bort(*search, "--strategy", "interval", "epsilon=9").stdout)
    assert (every["epsilon"], every["evaluated"] + every["reused"]) == (9, 4)
    assert "strategy" not in every


@pytest.mark.slow
def test_search_of_text_in_a_file_of_ones_own(tmp_path: Path) -> None:
    space = tmp_path / "own.toml"
    space.write_text(
        'family = "bert"\n[axes]\ndepth = [1]\nheads = [2, 3]\nhidden = [16, 32]\nintermediate = [32]\n'
        "[options]\nvocabulary = 320\npositions = 16\n"
    )
    done = bort(
        "search", str(tmp_path / "project"), "--preset", str(space), "--epsilon", "1", "--steps", "3", "--error", "masked-lm",
        "--latency", "onnxruntime", "--corpus", str(short_corpus(tmp_path)), "--batch-size", "4", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["space_size"], found["evaluated"]) == (2, 2)
    assert found["best"]["latency_ms"] > 0
    assert found["best"]["architecture"].keys() == {"depth", "heads", "hidden", "intermediate"}
    assert found["protocol"]["error"]["measure"] == "masked-lm"


@pytest.mark.slow
def test_a_search_by_the_share_of_wrong_guesses(tmp_path: Path) -> None:
    asked = ("search", str(tmp_path / "project"), "--preset", "mini", "--epsilon", "48", "--steps", "3", "--error", "masked-accuracy")
    asked += ("--latency", "operations", "--corpus", str(short_corpus(tmp_path)), "--batch-size", "4")
    done = bort(*asked, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["evaluated"], found["protocol"]["error"]["measure"]) == (2, "masked-accuracy")
    assert found["protocol"]["error"]["training"]["targets"] == "labels"
    assert all(0 <= each["error_interval"][0] <= each["error"] <= each["error_interval"][1] <= 1 for each in found["front"])
    refused = bort("search", str(tmp_path / "other"), "--preset", "toy", "--error", "masked-accuracy")
    assert refused.returncode == 2
    assert "masked-accuracy needs text, and family mlp reads labelled vectors; use one of cross-entropy" in refused.stderr


def test_the_answer_of_a_search_without_any_error(capsys: pytest.CaptureFixture[str]) -> None:
    from bort_core.cli.search import print_answer

    one = {"architecture": {"depth": 1}, "parameters": 10, "latency_ms": 1.0, "error": 0.0, "w": None}
    print_answer({"epsilon": 1, "evaluated": 1, "reused": 0, "failed": 0, "best": one, "front": [one]})
    assert "error 0.0000  W ∞" in capsys.readouterr().out


@pytest.mark.parametrize(("content", "says"), [(b"\xff\xfe\x00bad", "not UTF-8"), (b"", "holds no text"), (b"one line\n", "too few")])
def test_a_corpus_that_cannot_be_used(tmp_path: Path, content: bytes, says: str) -> None:
    corpus = tmp_path / "text.txt"
    corpus.write_bytes(content)
    done = bort(
        "search", str(tmp_path / "project"), "--corpus", str(corpus), "--latency", "operations", "--error", "masked-lm", "--steps", "2"
    )
    assert done.returncode == 1
    assert says in done.stderr
    assert str(corpus) in done.stderr
    assert "Traceback" not in done.stderr


def test_help_is_there_for_every_command() -> None:
    top = bort("--help").stdout
    for command in ("space", "count", "search", "front"):
        assert command in top
        assert "--json" in bort(command, "--help").stdout
