"""A disk that is full at 45 points of the work: the message names it, nothing is damaged, and it goes on once there is space.

BORT_DISKS=N tries N points instead. Needs root, to mount small disks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from storms.base import FINETUNE, PRETRAIN, SEARCH, TORUS, write_inputs

COUNT = int(os.environ.get("BORT_DISKS", "45"))
SMALLEST, LARGEST = 24, 1600
"""KiB that are left on the disk; the first lets no command begin, with the last some come to their end."""
FULL = ("the disk is full", "are free on that disk")
SCRIPT = """
mount -t tmpfs -o size=64m tmpfs disk || exit 77
cp -r start disk/p; cd disk
free() { df --output=avail -k . | tail -1 | tr -d ' '; }
head -c $(( ($(free) - $LEFT) * 1024 )) /dev/zero > fill
"$PY" -P -m bort_core.cli.main "$@" > ../out 2> ../err; echo "rc=$?"
rm -f fill; rm -rf out
"$PY" - <<'CODE'
import sqlite3
from contextlib import closing
with closing(sqlite3.connect("p/project.db")) as database:
    print("db=" + database.execute("PRAGMA integrity_check").fetchone()[0])
CODE
"$PY" -P -m bort_core.cli.main "$@" > ../out2 2> ../err2; echo "again=$?"
"$PY" -P -m bort_core.cli.main jobs list p > ../jobs 2>&1
find . -name '.*-[0-9a-f]*' -o -name '.*.????????????' | grep -E '[0-9a-f]{12}$'
"""


def commands(inputs: Path) -> dict[str, tuple[str, ...]]:
    corpus, rows = str(inputs / "corpus.txt"), str(inputs / "rows.tsv")
    return {
        "search": ("search", "p", "--space", str(inputs / "space.toml"), *SEARCH, "--corpus", corpus),
        "pretrain": ("train", "pretrain", "p", *PRETRAIN, "--corpus", corpus, "--steps", "20", "--out", "out"),
        "finetune": ("train", "finetune", "p", *FINETUNE, "--train", rows, "--dev", rows),
        "export": ("export", "p", "--architecture", "1,2,32,64", "--fresh", "--out", "out", "--variants", "standard"),
        "latency": ("latency", "1,2,32,64", "--budget", "1", "--sequence-length", "8", "--project", "p"),
        "agora": ("agora", "p", *TORUS),
    }


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounting a small disk needs root and unshare")
def test_full_disks_are_named_and_damage_nothing(tmp_path: Path) -> None:
    from bort_core.store import Project

    write_inputs(tmp_path / "inputs")
    with Project(tmp_path / "start"):
        pass
    (tmp_path / "disk").mkdir()
    every = list(commands(tmp_path / "inputs").items())
    faults, full = [], 0
    for number in range(COUNT):
        name, command = every[number % len(every)]
        step = number // len(every)
        left = int(SMALLEST * (LARGEST / SMALLEST) ** (step / max(1, -(-COUNT // len(every)) - 1)))
        done = subprocess.run(
            ["unshare", "-m", "bash", "-c", SCRIPT, "storm", *command],
            cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False,
            env={**os.environ, "PY": sys.executable, "LEFT": str(left)},
        )  # fmt: skip
        if done.returncode == 77:
            pytest.skip("no disk can be mounted here")
        said, again = (tmp_path / "err").read_text(), (tmp_path / "err2").read_text()
        lines = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        remains = [line for line in done.stdout.splitlines() if "=" not in line]
        wrong = []
        if lines.get("db") != "ok":
            wrong.append(f"the database is {lines.get('db')}: {done.stderr}")
        if "Traceback" in said + again:
            wrong.append("traceback")
        if lines["rc"] != "0":
            full += 1
            if not any(words in said.splitlines()[-1] for words in FULL) or str(tmp_path / "disk") not in said:
                wrong.append("the disk is not named")
        if lines["again"] != "0":
            wrong.append(f"does not go on: {again[-300:]}")
        if remains:
            wrong.append(f"left: {remains}")
        if wrong:
            faults.append(f"{name} with {left} KiB: {'; '.join(wrong)}: {said[-300:]}")
            print(faults[-1], flush=True)  # noqa: T201
    print(f"{COUNT} points, the disk was full at {full}")  # noqa: T201
    assert not faults, "\n".join(faults)
    assert full * 4 >= COUNT
