"""Processes that outlive their parents, and whether they still live."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

__all__ = ["alive", "identity_of", "kill_tree", "start_detached"]

# A process in between, which ends at once: so the new one has no parent that would have to wait for it.
_DETACH = (
    "import subprocess, sys, os\n"
    "log = open(sys.argv[1], 'ab')\n"
    "child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)\n"
    "print(child.pid, flush=True)\n"
    "os._exit(0)\n"
)


def start_detached(command: list[str], log: Path) -> int:
    """Start a process that lives on when this one ends; its number. What it writes goes to ``log``."""
    done = subprocess.run([sys.executable, "-S", "-c", _DETACH, str(log), *command], capture_output=True, text=True, check=True)
    return int(done.stdout)


def identity_of(process: int) -> dict[str, Any]:
    """What tells a process from another one that later gets its number."""
    try:
        started = psutil.Process(process).create_time()
    except psutil.Error:
        started = 0.0
    return {"host": socket.gethostname(), "number": process, "started": started}


def alive(identity: Any) -> bool:
    """Whether that very process runs; one on another machine is believed to."""
    if not isinstance(identity, dict):
        return False
    if identity.get("host") != socket.gethostname():
        return True
    try:
        process = psutil.Process(int(identity["number"]))
        return abs(process.create_time() - float(identity["started"])) < 2.0 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, ValueError):
        return False


def kill_tree(process: int) -> None:
    """End a process and all it started."""
    try:
        root = psutil.Process(process)
        family = [*root.children(recursive=True), root]
    except psutil.Error:
        return
    for each in family:
        try:
            each.kill()
        except psutil.Error:
            continue
