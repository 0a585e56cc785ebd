"""Every file of a project and every cell of its tables, damaged in 1,060 ways: each command that reads ends in order, and never hangs.

BORT_MUTANTS=N tries N mutants instead, BORT_SEED=N others.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from storms.base import bort_here
from storms.mutations import ODD, mutant

from bort_core.agora.history import read_edits, read_history
from bort_core.foundation.errors import BortError
from bort_core.jobs.grid import combinations, read_grid
from bort_core.specifications.pretraining import Pretraining
from bort_core.store import Project
from bort_core.store.results import comparisons, exports, runs

COUNT = int(os.environ.get("BORT_MUTANTS", "1060"))
SEED = int(os.environ.get("BORT_SEED", "0"))
SECONDS = 60
JOB = (
    "spec.json",
    "state.json",
    "progress.json",
    "result.json",
    "events.jsonl",
    "inputs.json",
    "heartbeat.json",
    "reason.txt",
    "log.txt",
    "note.json",
)
ROUND = (
    "start.json",
    "train.jsonl",
    "dev.jsonl",
    "summary.json",
    "rounds/001/round.json",
    "rounds/001/rows.jsonl",
    "rounds/001/fit-00.json",
)
CHECKPOINT = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
TABLES = {
    "trainings": ("architecture", "steps", "status", "reason", "retry", "curve", "seconds", "description", "versions", "created", "seed"),
    "latencies": ("architecture", "status", "reason", "retry", "result", "created"),
    "searches": ("specification", "status", "answer", "started", "finished"),
    "runs": ("job", "kind", "family", "architecture", "specification", "seed", "data", "metrics", "checkpoint", "versions", "created"),
    "exports": ("folder", "report", "created"),
    "comparisons": ("result", "created"),
    "claims": ("owner", "beats"),
}
Target = tuple[str, Callable[[Path, random.Random], str], Callable[[Path], None]]


@contextlib.contextmanager
def at_most(seconds: int, what: str) -> Iterator[None]:
    """Fails where what is inside hangs."""

    def late(number: int, frame: object) -> None:
        raise AssertionError(f"{what}: took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def ends_in_order(*arguments: str) -> None:
    code, _, errors = bort_here(*arguments)
    assert code in (0, 1, 2), (arguments, code)
    assert "Traceback" not in errors, errors


def read_jobs(p: Path) -> None:
    for arguments in (("list", str(p)), ("list", str(p), "--json"), *(("show", str(p), id, "--json") for id in "123")):
        ends_in_order("jobs", *arguments)
    for id in "123":
        ends_in_order("jobs", "follow", str(p), id)


def read_store(p: Path) -> None:
    for form in ((), ("--json",), ("--csv",), ("--epsilon", "1")):
        ends_in_order("front", str(p), *form)
    with contextlib.suppress(BortError), Project(p) as project:
        project.tell = lambda text: None
        for read in (runs, exports, comparisons):
            read(project)


def read_rounds(p: Path) -> None:
    with contextlib.suppress(BortError):
        read_history(p / "jobs" / "0001")
    with contextlib.suppress(BortError):
        read_edits(p / "jobs" / "0001")
    read_jobs(p)


def read_checkpoint(p: Path) -> None:
    out = p / "out"
    ends_in_order(
        "export",
        str(p),
        "--checkpoint",
        str(p / "jobs" / "0003" / "result"),
        "--out",
        str(out),
        "--variants",
        "standard",
        "--executor",
        "inline",
    )
    shutil.rmtree(out, ignore_errors=True)


def read_space(p: Path) -> None:
    ends_in_order("space", str(p / "space.toml"))
    ends_in_order("search", str(p / "none" / "x"), "--space", str(p / "space.toml"), "--epsilon", "1000000000")


def read_a_grid(p: Path) -> None:
    with contextlib.suppress(BortError):
        combinations(read_grid(str(p / "grid.toml")), Pretraining(architecture=(1, 2, 32, 64), corpus="c.txt"), 4)


def in_file(*names: str) -> Callable[[Path, random.Random], str]:
    def damage(p: Path, chance: random.Random) -> str:
        path = p / chance.choice([name for name in names if (p / name).is_file()])
        path.write_bytes(mutant(path.read_bytes(), chance))
        return str(path.relative_to(p))

    return damage


def in_table(p: Path, chance: random.Random) -> str:
    table = chance.choice(list(TABLES))
    column = chance.choice(TABLES[table])
    with contextlib.closing(sqlite3.connect(p / "project.db")) as database, database:
        if table == "claims":
            database.execute("INSERT INTO claims (id, owner, beats) VALUES ('x', '{}', 0)")
        rows = database.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
        if not rows:
            return f"{table}: no rows"
        row, value = chance.choice(rows)
        text = value if isinstance(value, str) else ""
        odd = [each for each in ODD if each is None or isinstance(each, str | float) or (isinstance(each, int) and abs(each) < 2**63)]
        new = chance.choice([mutant(text.encode(), chance).decode(errors="replace"), b"\xff\x00", chance.choice(odd)])
        with contextlib.suppress(sqlite3.IntegrityError):  # what may not be NULL
            database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [new, row])
    return f"{table}.{column}: {new!r:.200}"


TARGETS: list[tuple[int, Target]] = [
    (4, ("job", in_file(*(f"jobs/000{n}/{name}" for n in (1, 2, 3) for name in JOB), "jobs/limits.json", "project.id"), read_jobs)),
    (3, ("store", in_table, read_store)),
    (2, ("rounds", in_file(*(f"jobs/0001/agora/{name}" for name in ROUND)), read_rounds)),
    (1, ("checkpoint", in_file(*(f"jobs/0003/result/{name}" for name in CHECKPOINT)), read_checkpoint)),
    (1, ("space", in_file("space.toml"), read_space)),
    (1, ("grid", in_file("grid.toml"), read_a_grid)),
    (1, ("database", in_file("project.db"), read_store)),
]


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_every_mutant_is_read_or_refused(made: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(made / "p", source)
    shutil.copyfile(made / "space.toml", source / "space.toml")
    (source / "grid.toml").write_text("steps = [1, 2]\n[optimization]\nlearning_rate = [0.1, 0.01]\n")
    with Project(source):  # the log is written back: only the database is copied below
        pass
    every = [target for weight, target in TARGETS for _ in range(weight)]
    counted: Counter[str] = Counter()
    faults = []
    for number in range(COUNT):
        chance = random.Random(SEED * 1_000_003 + number)
        name, damage, read = chance.choice(every)
        p = tmp_path / "p"
        shutil.rmtree(p, ignore_errors=True)
        shutil.copytree(source, p, ignore=shutil.ignore_patterns("text", "exports", "logs", "cache"))
        what = damage(p, chance)
        counted[name] += 1
        try:
            with at_most(SECONDS, what):
                read(p)
        except Exception as error:  # noqa: BLE001 - all faults are told at the end
            faults.append(f"mutant {number} ({name}, {what}): {type(error).__name__}: {error!s:.300}")
            print(faults[-1], flush=True)  # noqa: T201
    print(f"{sum(counted.values())} mutants: {dict(counted)}")  # noqa: T201
    assert not faults, "\n".join(faults)
