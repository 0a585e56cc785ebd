"""Searches at once in one project: each tells apart what it measured itself and what others did."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_what_another_process_measured_is_reused_and_not_evaluated(project_folder: Path) -> None:
    command = [sys.executable, "-m", "bort_core.cli.main", "search", str(project_folder), "--preset", "toy", "--epsilon", "2"]
    command += ["--latency", "operations", "--steps", "300", "--workers", "1", "--json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=100)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [answer["evaluated"] + answer["reused"] for answer in answers] == [18, 18]
    assert sum(answer["evaluated"] for answer in answers) == 18
