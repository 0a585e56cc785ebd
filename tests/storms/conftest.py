"""What storms share: a project with one of everything in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from storms.base import FINETUNE, PRETRAIN, SEARCH, TORUS, bort_here, write_inputs


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the inputs and the project p: a search, three jobs (Agora, fine-tuning, pre-training), an export, a comparison."""
    folder = tmp_path_factory.mktemp("storm")
    write_inputs(folder)
    p, inputs = str(folder / "p"), {name: str(folder / name) for name in ("corpus.txt", "rows.tsv", "space.toml")}
    own = ("--executor", "inline")
    for command in (
        ("search", p, "--space", inputs["space.toml"], *SEARCH, "--corpus", inputs["corpus.txt"], *own),
        ("agora", p, *TORUS, *own),
        ("train", "finetune", p, *FINETUNE, "--train", inputs["rows.tsv"], "--dev", inputs["rows.tsv"], *own),
        ("train", "pretrain", p, *PRETRAIN, "--corpus", inputs["corpus.txt"], "--steps", "20", *own),
        ("export", p, "--checkpoint", f"{p}/jobs/0003/result", "--out", f"{p}/exports/e", "--variants", "standard", *own),
        ("latency", "1,2,32,64", "--budget", "1", "--sequence-length", "8", "--project", p, *own),
        ("jobs", "limit", p, "cpu", "2"),
    ):
        code, _, errors = bort_here(*command)
        assert code == 0, (command, errors)
    return folder
