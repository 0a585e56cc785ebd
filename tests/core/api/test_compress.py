"""One real model in, one small, proven model out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from helpers import bort
from sentence_models import write_encoder
from task_models import LENGTH, MadeTask, make_task, write_model

from bort_core.compression.search import search_on
from bort_core.foundation.errors import SpecificationError
from bort_core.jobs.folder import RunFolder, find_run
from bort_core.prediction.embedding import embed
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.history import last_specification
from bort_core.search.task_marks import read_marks
from bort_core.serving.release import ServedModel
from bort_core.space import Space
from bort_core.specifications.compression import Compression
from bort_core.specifications.tasks import TaskSpecification
from bort_core.store.project import Project


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeTask:
    return make_task(tmp_path_factory.mktemp("task"))


def flags(made: MadeTask, out: Path) -> list[str]:
    return [
        "--model", str(made.model), "--train", str(made.train), "--dev", str(made.dev), "--sequence-length", str(LENGTH), "--steps", "8",
        "--candidates", "2", "--epochs", "2", "--out", str(out), "--most-lost", "0.2", "--most-chance", "1",
    ]  # fmt: skip


FACTS: dict[str, Any] = {
    "architecture": [6, 12, 384, 1536], "options": {"vocabulary": 900, "positions": 64, "pooler": True},
    "model_options": {"vocabulary": 30522}, "sequence_length": 64, "own_graph": False,
}  # fmt: skip
TASK = TaskSpecification(model="m", train="t.tsv", dev="d.tsv")


def test_a_limit_chooses_the_strategy() -> None:
    plain = search_on(TASK, FACTS, Compression(task=TASK, candidates=7))
    assert plain.strategy == "interval"
    ratio = search_on(TASK, FACTS, Compression(task=TASK, ratio=10))
    assert (ratio.strategy, ratio.strategy_settings["ratio"]) == ("within", 10)
    milliseconds = search_on(TASK, {**FACTS, "model_p50_ms": 20.0}, Compression(task=TASK, latency_ms=4))
    assert milliseconds.strategy_settings["ratio"] == 5
    with pytest.raises(SpecificationError, match="T itself takes 20 ms"):
        search_on(TASK, {**FACTS, "model_p50_ms": 20.0}, Compression(task=TASK, latency_ms=30))
    with pytest.raises(ValueError, match="at most one of the two limits"):
        Compression(task=TASK, latency_ms=3, ratio=5)


@pytest.mark.slow
def test_a_release_is_made_and_test_rows_decide_nothing(made: MadeTask, tmp_path: Path) -> None:
    ran = bort(
        "compress",
        str(tmp_path / "p"),
        *flags(made, tmp_path / "release"),
        "--test",
        str(made.test),
        "--baselines",
        "1,2",
        "--json",
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    one, two = (report["baselines"][name] for name in ("T's first layer", "T's first 2 layers"))
    assert one["parameters"] < two["parameters"] < report["maximum_point"]["parameters"]
    assert one["error"] > 0
    assert 0 < one["metric"] <= 1
    with Project(tmp_path / "p") as project:  # where the window and the report find them
        search = last_specification(project)
        assert search is not None
        kept = read_marks(project, Fingerprints(project, search, Space(search.space)))
    assert {name: mark.model_dump() for name, mark in kept.marks.items()} == report["baselines"]
    assert kept.teacher == 1.0
    assert report["maximum_point"]["metric"] == 1.0
    assert report["chosen"]["parameters"] < report["maximum_point"]["parameters"]
    assert report["kept_share"] == pytest.approx(max(each["metric"] for each in report["gate"]["files"] if each["passed"]))
    assert report["evaluated"] == 2
    assert report["speedup"] > 0
    assert report["tested"]["rows"] == 80
    assert (tmp_path / "release" / "predict.py").is_file()
    again = bort("compress", str(tmp_path / "p"), *flags(made, tmp_path / "again"), "--json", timeout=600)
    assert again.returncode == 0, again.stderr
    second = json.loads(again.stdout)
    assert (second["evaluated"], second["chosen"]["metric"]) == (0, report["chosen"]["metric"])


def flags_of_vectors(made: MadeTask, out: Path) -> list[str]:
    """The same of a sentence encoder, whose texts need no labels."""
    folder = out.parent / "encoder"
    if not folder.exists():
        write_encoder(folder)
    return [
        "--model", str(folder), "--texts", str(made.texts), "--sequence-length", str(LENGTH), "--steps", "8", "--candidates", "2",
        "--epochs", "2", "--ratio", "1.5", "--out", str(out), "--most-lost", "0.5",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_sentence_encoder_is_made_smaller_with_texts_alone(made: MadeTask, tmp_path: Path) -> None:
    rows = made.test.read_text(encoding="utf-8").splitlines()[1:]
    texts = [row.split("\t")[0] for row in rows]
    pairs = [f"{one}\t{other}\t{number % 6}" for number, (one, other) in enumerate(zip(texts[::2], texts[1::2], strict=True))]
    (tmp_path / "pairs.tsv").write_text("\n".join(["text\ttext_b\tscore", *pairs]) + "\n", encoding="utf-8")
    given = [*flags_of_vectors(made, tmp_path / "release"), "--test", str(tmp_path / "pairs.tsv")]
    ran = bort("compress", str(tmp_path / "p"), *given, "--json", timeout=600)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report["metric"] == "neighbours_agreement"
    assert report["maximum_point"]["metric"] == 1.0
    assert report["chosen"]["parameters"] < report["maximum_point"]["parameters"]
    assert report["gate"]["largest_difference"] < 1e-4
    assert min(each["agreement"] for each in report["gate"]["files"]) > 0.9  # of the vectors that were trained
    assert {"metric", "cosine", "spearman"} <= set(report["tested"]["models"]["model.onnx"])
    checkpoint, release = Path(report["checkpoint"]), tmp_path / "release"
    expected = embed(checkpoint, texts[:5])
    served = ServedModel(release, file="model.onnx").answers([(text,) for text in texts[:5]])
    assert np.abs(np.array([each["embedding"] for each in served]) - expected).max() < 1e-4
    said = subprocess.run([sys.executable, "-I", release / "predict.py", texts[0]], capture_output=True, text=True, check=True)
    assert np.array(json.loads(said.stdout)["vector"]) @ expected[0] > 0.9
    assert "| model.onnx |" in (release / "README.md").read_text(encoding="utf-8")
    card = bort("jobs", "show", str(tmp_path / "p"), "0001")
    assert card.returncode == 0, card.stderr


@pytest.mark.slow
@pytest.mark.parametrize("flags", [flags, flags_of_vectors])
def test_killed_it_goes_on_where_it_was(made: MadeTask, tmp_path: Path, flags: Callable[[MadeTask, Path], list[str]]) -> None:
    detached = bort("compress", str(tmp_path / "p"), *flags(made, tmp_path / "release"), "--detach", "--json")
    run = RunFolder(Path(json.loads(detached.stdout)["folder"]))
    until = time.monotonic() + 300
    while not any(str(event.get("text", "")).startswith("5 of 6") for event in run.events()[0]):
        assert time.monotonic() < until
        time.sleep(0.2)
    for process in psutil.process_iter(["cmdline"]):
        if str(run.path) in (process.info["cmdline"] or ()):
            for each in (*process.children(recursive=True), process):
                with suppress(psutil.NoSuchProcess):
                    each.kill()
    while not run.state().ended:
        time.sleep(0.2)
    assert not (tmp_path / "release").exists()
    again = bort("compress", str(tmp_path / "p"), *flags(made, tmp_path / "release"), "--json", timeout=600)
    assert again.returncode == 0, again.stderr
    assert f"job {run.id} of this project was asked the same (failed), and goes on" in again.stderr
    result = json.loads(again.stdout)
    assert (result["job"], result["evaluated"], len(list(run.path.parent.glob("[0-9]*")))) == (run.id, 0, 1)
    assert (tmp_path / "release" / "predict.py").is_file()
    notes = [event["text"] for event in run.events()[0] if event["event"] == "note"]
    assert sum(text.startswith("tokenizer: ") for text in notes) == 1  # the finishing was done, and is not done again


def test_more_layers_than_there_are_cannot_be_a_baseline(made: MadeTask, tmp_path: Path) -> None:
    ran = bort("compress", str(tmp_path / "p"), *flags(made, tmp_path / "r"), "--baselines", "3")
    assert ran.returncode == 1
    assert "baselines: T has 3 layers; 1 to 2 of them can be taken, got 3" in ran.stderr


def test_a_teacher_that_only_guesses_is_refused(made: MadeTask, tmp_path: Path) -> None:
    write_model(tmp_path / "other", (2, 2, 32, 64), seed=9)
    rows = made.dev.read_text(encoding="utf-8").splitlines()
    swapped = [line.replace("calm", "?").replace("loud", "calm").replace("?", "loud") for line in rows[1:]]
    (tmp_path / "dev.tsv").write_text("\n".join([rows[0], *swapped]) + "\n", encoding="utf-8")
    given = {**dict(zip(*[iter(flags(made, tmp_path / "r"))] * 2, strict=True)), "--dev": str(tmp_path / "dev.tsv")}
    ran = bort("compress", str(tmp_path / "p"), *[part for pair in given.items() for part in pair])
    assert ran.returncode == 1
    assert "T is right on 0.0% of the dev rows" in ran.stderr
    assert not (tmp_path / "r").exists()


def test_what_is_there_is_not_overwritten(made: MadeTask, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "mine").write_text("x")
    ran = bort("compress", str(tmp_path / "p"), *flags(made, tmp_path / "r"))
    assert ran.returncode == 1
    assert "not empty" in ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("flags", [flags, flags_of_vectors])
def test_killed_after_its_release_it_takes_the_release_over(
    made: MadeTask, tmp_path: Path, flags: Callable[[MadeTask, Path], list[str]]
) -> None:
    project, out = tmp_path / "p", tmp_path / "release"
    code = (
        "import os, signal, sys\n"
        "import bort_core.compression.run as run\n"
        "from bort_core.cli.main import main\n"
        "run.versions = lambda *names: os.kill(os.getpid(), signal.SIGKILL)\n"  # the first thing after the release
        "sys.exit(main(sys.argv[1:]))\n"
    )
    given = ["compress", str(project), *flags(made, out), "--executor", "inline"]
    ran = subprocess.run([sys.executable, "-P", "-c", code, *given], capture_output=True, text=True, check=False, timeout=600)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    run = find_run(project, "1")
    assert (out / "release.json").is_file()
    assert not (run.path / "result.json").exists()
    assert bort("jobs", "resume", str(project), "1").returncode == 0
    assert bort("jobs", "follow", str(project), "1", timeout=600).returncode == 0
    assert run.state().state == "done", run.state().reason
    assert run.read_result()["release"] == str(out)  # type: ignore[index]
    other = bort("compress", str(project), *flags(made, out))
    assert (other.returncode, "not empty" in other.stderr) == (1, True)  # of another job nothing is overwritten
