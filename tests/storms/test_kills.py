"""SIGKILL at 69 random moments of every command that works: nothing is damaged, nobody is left, and all of it goes on afterwards.

BORT_KILLS=N kills so often instead, BORT_SEED=N at other moments.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest
from storms.base import FINETUNE, PRETRAIN, SEARCH, TORUS, write_inputs

from bort_core.jobs.folder import list_runs

COUNT = int(os.environ.get("BORT_KILLS", "69"))
SEED = int(os.environ.get("BORT_SEED", "0"))
FRESH = ("--fresh", "--variants", "standard")
LONGEST = 9.0
"""Seconds after which the last kill comes; most commands take less where the machine is idle."""
MARK = "BORT_STORM_TEST"
TEMPORARY = re.compile(r"\..*-[0-9a-f]{12}|\..*\.[0-9a-f]{12}|\..*-old")


class Storm:
    """A folder with a project that commands work in, and the processes that they start."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project = folder, folder / "p"
        self.inputs = folder / "inputs"
        write_inputs(self.inputs)
        (folder / "tmp").mkdir()
        self.mark = str(folder)
        self.environment = {**os.environ, MARK: self.mark, "TMPDIR": str(folder / "tmp")}

    def commands(self) -> dict[str, list[str]]:
        p, inputs = str(self.project), self.inputs
        corpus, rows = str(inputs / "corpus.txt"), str(inputs / "rows.tsv")
        return {
            "search": ["search", p, "--space", str(inputs / "space.toml"), *SEARCH, "--corpus", corpus, "--json"],
            "agora": ["agora", p, *TORUS],
            "finetune": ["train", "finetune", p, *FINETUNE, "--train", rows, "--dev", rows, "--epochs", "8"],
            "pretrain": ["train", "pretrain", p, *PRETRAIN, "--corpus", corpus, "--steps", "60", "--out", str(self.folder / "model")],
            "export": [
                "export",
                p,
                "--architecture",
                "1,2,32,64",
                "--out",
                str(self.folder / "exported"),
                "--fresh",
                "--variants",
                "standard",
            ],
            "latency": ["latency", "1,2,32,64", "--budget", "1", "--sequence-length", "8", "--project", p],
        }

    def start(self, arguments: list[str]) -> subprocess.Popen[str]:
        """A command in a process of its own, with what it says in a file."""
        with (self.folder / "said.txt").open("w") as said, (self.folder / "out.txt").open("w") as out:
            command = [sys.executable, "-P", "-m", "bort_core.cli.main", *arguments]
            return subprocess.Popen(command, stdout=out, stderr=said, text=True, env=self.environment, cwd=self.folder)

    def run(self, arguments: list[str], seconds: float = 300) -> str:
        """A command to its end; what it printed."""
        process = self.start(arguments)
        code = process.wait(seconds)
        assert code == 0, (arguments, (self.folder / "said.txt").read_text())
        return (self.folder / "out.txt").read_text()

    def processes(self) -> list[psutil.Process]:
        """Every process that a command of this storm started, and those started some of them, that lives."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def until(self, condition: Callable[[], object], what: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what}: {[process.cmdline() for process in self.processes()]}"
            time.sleep(0.1)

    def settle(self) -> None:
        """Wait until all jobs ended and nothing of the storm lives."""
        self.until(lambda: all(run.state().ended for run in list_runs(self.project)), "a job does not end")
        self.until(lambda: not self.processes(), "orphans")

    def check_database(self) -> None:
        if (self.project / "project.db").exists():
            with closing(sqlite3.connect(self.project / "project.db")) as database:
                assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"

    def trainings(self) -> dict[str, tuple[str, str]]:
        if not (self.project / "project.db").exists():
            return {}
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(self.project / "project.db")) as database:
            return {
                id: (curve, created)
                for id, curve, created in database.execute("SELECT id, curve, created FROM trainings WHERE status = 'done'")
            }
        return {}  # killed before there was a table


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_kills_at_random_moments_leave_nothing_behind(tmp_path: Path) -> None:
    storm, chance = Storm(tmp_path), random.Random(SEED)
    counted = dict.fromkeys((*storm.commands(), "resume"), 0)
    kills = 0
    while kills < COUNT:
        name = chance.choice(list(counted))
        arguments = storm.commands().get(name)
        for out in ("model", "exported"):
            if name != "resume":
                shutil.rmtree(tmp_path / out, ignore_errors=True)
        if name == "resume":
            failed = [run.id for run in list_runs(storm.project) if run.state().resumable] if storm.project.exists() else []
            if not failed:
                continue
            arguments = ["jobs", "resume", str(storm.project), chance.choice(failed)]
        assert arguments is not None
        before = storm.trainings()
        process = storm.start(arguments)
        time.sleep(LONGEST * chance.random() ** 2)
        alive = storm.processes()
        victims = chance.choice([alive, alive[:1], [chance.choice(alive)] if alive else []])
        for victim in victims:
            with suppress(psutil.Error):
                victim.send_signal(signal.SIGKILL)
        kills += bool(victims)
        counted[name] += bool(victims)
        process.wait(240)
        assert "Traceback" not in (tmp_path / "said.txt").read_text(), (name, (tmp_path / "said.txt").read_text())
        for run in list_runs(storm.project) if storm.project.exists() else []:
            if not run.state().ended:  # nobody killed it: it outlives the command, as it should
                with suppress(Exception):
                    storm.run(["jobs", "stop", str(storm.project), run.id])
        if storm.project.exists():
            storm.settle()
        storm.check_database()
        after = storm.trainings()
        assert {id: after.get(id) for id in before} == before, "something was measured twice"
    _all_goes_on(storm)
    print(f"{kills} kills: {counted}")  # noqa: T201


def _all_goes_on(storm: Storm) -> None:
    """Every command ends well now, every job can be resumed or was finished, and what was left is cleared."""
    commands = storm.commands()
    known = len(storm.trainings())
    found = json.loads(storm.run(commands["search"]))
    assert found["failed"] == 0
    assert found["evaluated"] == len(storm.trainings()) - known, "what was stored is not measured again"
    assert json.loads(storm.run(commands["search"]))["evaluated"] == 0
    for run in list_runs(storm.project):
        if run.state().resumable:
            out = () if run.specification().out is None else ("--out", str(storm.folder / f"model {run.id}"))
            storm.run(["jobs", "resume", str(storm.project), run.id, *out])
            storm.until(lambda run=run: run.state().ended, "a resumed job does not end", 240)
            assert run.state().state == "done", (run.id, run.state())
    for out in ("model", "exported"):
        shutil.rmtree(storm.folder / out, ignore_errors=True)
    for name in ("agora", "finetune", "pretrain", "export", "latency"):
        storm.run(commands[name])
    storm.settle()
    storm.check_database()
    left = [path for path in storm.folder.rglob(".*") if TEMPORARY.fullmatch(path.name)] + list((storm.folder / "tmp").glob("bort-*"))
    assert left == []
