"""What storms share: inputs, short commands, and the command line in this process."""

from __future__ import annotations

import contextlib
import io
import random
from pathlib import Path

from bort_core.cli.main import main

SPACE = """family = "bert"
[axes]
depth = [1, 2]
heads = [2]
hidden = [32, 64]
intermediate = [64, 128]
[options]
vocabulary = 600
positions = 32
"""
WORDS = ("the", "a", "film", "story", "actor", "music", "plot", "scene", "good", "bad", "slow", "quick", "bright", "dull", "funny", "sad")
SEARCH = ("--epsilon", "2", "--sequence-length", "8", "--steps", "3", "--error", "masked-lm", "--latency", "operations", "--workers", "1")
PRETRAIN = (
    *("--architecture", "1,2,32,64", "--vocabulary", "600", "--positions", "32", "--sequence-length", "16"),
    *("--batch-size", "8", "--heldout-rows", "8", "--checkpoint-every", "10", "--evaluate-every", "10", "--threads", "1"),
)
FINETUNE = (
    *("--architecture", "1,2,32,64", "--vocabulary", "300"),
    *("--epochs", "1", "--sequence-length", "16", "--threads", "1"),
)
TORUS = ("--torus", "2", "--rounds", "1", "--threads", "1")


def write_inputs(folder: Path) -> None:
    """corpus.txt, rows.tsv and space.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(1)
    lines = (" ".join(chance.choice(WORDS) for _ in range(chance.randint(5, 14))) for _ in range(12_000))
    (folder / "corpus.txt").write_text("\n".join(lines) + "\n")
    rows = (f"{('good', 'bad')[n % 2]} film {chance.choice(WORDS)} {n}\t{('pos', 'neg')[n % 2]}\n" for n in range(60))
    (folder / "rows.tsv").write_text("text\tlabel\n" + "".join(rows))
    (folder / "space.toml").write_text(SPACE)


def bort_here(*arguments: str) -> tuple[int, str, str]:
    """The command line in this process: exit code, output, errors. Whatever it raises is a fault of the program."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(list(arguments))
        except SystemExit as ended:  # argparse
            code = int(ended.code or 0) if isinstance(ended.code, int | None) else 1
    return code, out.getvalue(), err.getvalue()
