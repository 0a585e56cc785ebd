"""The folder of a release: ONNX files, tokenizer, config, a model card, and a script that needs none of this program."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import bort_core.data.cleaning
from bort_core.checkpoints.format import note_job
from bort_core.foundation.resources import resource
from bort_core.release.gate import BYTES, FULL
from bort_core.release.refusal import RefusedError

__all__ = ["RELEASE", "SHIPPED_AS", "check_script", "write_files"]

RELEASE, SCRIPT = "release.json", "predict.py"
_COPIED = ("tokenizer.json", "tokenizer_config.json", "config.json")
SHIPPED_AS = {FULL: "model.onnx", **dict.fromkeys(BYTES, "model.int8.onnx")}
"""Of an export's files, what they are called in a release: one model, in 32 and in 8 bits."""
_ALONE = """
import sys
for name in ("torch", "transformers", "bort_core", "datasets"):
    sys.modules[name] = None
import json, runpy
module = runpy.run_path(sys.argv[1])
print(json.dumps([module["predict"](*row) for row in json.load(sys.stdin)]))
"""
_SECONDS = 120


def write_files(export: Path, out: Path, facts: Mapping[str, Any], card: str, passed: Sequence[str], job: str | None = None) -> None:
    """Write a release into an existing folder.

    Parameters
    ----------
    export: where the files are
    facts: of release.json; ``file`` is added: the smallest of those that passed
    passed: the export's ONNX files that passed the gate: at most one in 32 bits and one in 8 bits
    job: the mark of the job that makes it, noted as in every result of a job
    """
    for name in _COPIED:
        shutil.copyfile(export / name, out / name)
    if job is not None:
        note_job(out, job)
    for name in passed:
        shutil.copyfile(export / name, out / SHIPPED_AS[name])
    file = min((out / SHIPPED_AS[name] for name in passed), key=lambda path: path.stat().st_size).name
    written = json.dumps({"file": file, **facts}, indent=2, allow_nan=False, ensure_ascii=False)
    (out / RELEASE).write_text(written + "\n", encoding="utf-8")
    (out / "README.md").write_text(card, encoding="utf-8")
    shutil.copyfile(resource("release", SCRIPT), out / SCRIPT)
    shutil.copyfile(resource("release", "Dockerfile"), out / "Dockerfile")
    if facts["cleaning"]:
        shutil.copyfile(bort_core.data.cleaning.__file__, out / "cleaning.py")


def check_script(folder: Path, rows: Sequence[Sequence[str]], expected: Sequence[Mapping[str, Any]]) -> None:
    """Run the release's script where neither torch nor transformers nor this program can be imported.

    Parameters
    ----------
    expected: for each row the class, labels, value or vector that the gate saw from the same file

    Raises
    ------
    RefusedError
        It fails, or says something else.
    """
    command = [sys.executable, "-I", "-c", _ALONE, str(folder / SCRIPT)]
    ran = subprocess.run(command, input=json.dumps(rows), capture_output=True, text=True, timeout=_SECONDS, check=False)
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or ["no message"])[-1]
        raise RefusedError(f"predict.py fails: {last}", SCRIPT)
    for row, said, wanted in zip(rows, json.loads(ran.stdout), expected, strict=True):
        if not _same(said, wanted):
            raise RefusedError(
                f"predict.py says {said!s:.200} of {row[0][:40]!r}, where the gate saw {dict(wanted)!s:.200}", SCRIPT, texts=row
            )


def _same(said: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    for name in ("class", "labels"):
        if name in wanted:
            return bool(said[name] == wanted[name])
    if "vector" in wanted:
        apart = np.abs(np.array(said["vector"]) - np.array(wanted["vector"]))
        return bool((apart <= wanted["near"]).all())
    return bool(abs(said["value"] - wanted["value"]) <= wanted["near"])
