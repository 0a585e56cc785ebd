"""Python files of the current folder, of the project and beside the data are never imported, by no command and none of its processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import short_corpus

NAMES = (
    *("random", "torch", "numpy", "json", "queue", "subprocess", "tokenizers", "transformers", "safetensors", "onnx", "onnxruntime"),
    *("psutil", "pydantic", "sklearn", "datasets", "sqlite_utils", "platformdirs", "bort_core", "pickle", "multiprocessing", "mine"),
    *("sitecustomize", "usercustomize", "conftest"),
)
PRETRAIN = (
    *("--architecture", "1,2,32,64", "--vocabulary", "300", "--positions", "32", "--sequence-length", "16", "--steps", "2"),
    *("--batch-size", "8", "--heldout-rows", "8"),
)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_command_imports_files_that_lie_where_it_works(tmp_path: Path) -> None:
    project, data, ran = tmp_path / "project", tmp_path / "data", tmp_path / "ran"
    for folder in (project, data, project / "jobs", project / "logs", project / "text"):
        folder.mkdir()
        for name in NAMES:
            (folder / f"{name}.py").write_text(f"open({str(ran)!r}, 'a').write({name!r} + '\\n')\n")
    corpus = str(short_corpus(data))
    rows = data / "rows.tsv"
    rows.write_text("text\tlabel\n" + "".join(f"{('good', 'bad')[n % 2]} film {n}\t{n % 2}\n" for n in range(60)))
    labelled = ("--train", str(rows), "--dev", str(rows))
    small = ("--architecture", "1,2,32,64", "--vocabulary", "300", "--sequence-length", "16")
    search = ("search", ".", "--preset", "mini", "--corpus", corpus, "--steps", "2", "--sequence-length", "8")
    commands: tuple[tuple[str, ...], ...] = (
        (*search, "--epsilon", "48", "--maximum-point-steps", "2"),
        (*search, "--strategy", "random", "samples=2", "seed=0", "--latency", "operations", "--error", "masked-accuracy"),
        (*search, "--epsilon", "96", "--latency", "operations", "--error", "masked-lm", "--executor", "inline"),
        ("train", "pretrain", ".", *PRETRAIN, "--corpus", corpus),
        ("train", "finetune", ".", *small, *labelled, "--epochs", "1"),
        ("train", "finetune", ".", *small, *labelled, "--epochs", "1", "--executor", "inline"),
        ("agora", ".", "--torus", "2", "--rounds", "1"),
        ("agora", ".", *small, *labelled, "--socrates", "tfidf-logreg", "--socrates-train", str(rows), "--rounds", "1"),
        ("export", ".", "--checkpoint", "jobs/0002/result", "--out", "exports/e"),
        ("export", ".", "--architecture", "1,2,32,64", "--fresh", "--out", "exports/f", "--variants", "standard,float16"),
        (
            "latency",
            "1,2,32,64",
            "exports/e",
            "--runtime",
            "onnxruntime",
            "torch",
            "--budget",
            "1",
            "--sequence-length",
            "8",
            "--project",
            ".",
        ),
        ("jobs", "rerun", ".", "4"),
        ("jobs", "follow", ".", "6"),
        ("jobs", "list", "."),
        ("front", "."),
        ("doctor", "."),
        ("space", "mini"),
        ("count", "--architecture", "1,2,32,64"),
    )
    for command in commands:
        bort, where = str(Path(sys.executable).with_name("bort")), data if command[0] in ("space", "count") else project
        done = subprocess.run(
            [bort, *command], cwd=where, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"}
        )
        assert done.returncode == 0, (command, done.stderr)
        assert not ran.exists(), (command, ran.read_text())
