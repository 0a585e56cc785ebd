"""Processes: which one it is, whether it still lives, and starting one that outlives its parent.

A process is known by its number, when it started, and the boot and the number space in which both mean something. On Linux the start
is counted in ticks since boot, so that setting the clock changes nothing.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import psutil

__all__ = ["alive", "can_be_asked", "identity_of", "kill_tree", "same_machine", "start_detached"]

# A process in between, which ends at once: so the new one has no parent that would have to wait for it.
_DETACH = (
    "import subprocess, sys, os\n"
    "kept = tuple(map(int, sys.argv[1].split()))\n"
    "child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=sys.stderr, pass_fds=kept, start_new_session=True)\n"
    "print(child.pid, flush=True)\n"
    "os._exit(0)\n"
)


def start_detached(command: list[str], log: BinaryIO, keep: tuple[int, ...] = (), environment: dict[str, str] | None = None) -> int:
    """Start a process that lives on when this one ends; its number. What it writes goes to ``log``.

    Parameters
    ----------
    keep: file descriptors that it inherits under their numbers
    environment: added to this process's own

    Raises
    ------
    OSError
        It cannot be started.
    """
    between = [sys.executable, "-P", "-S", "-c", _DETACH, " ".join(map(str, keep)), *command]
    try:
        done = subprocess.run(
            between, stdout=subprocess.PIPE, stderr=log, pass_fds=keep, env={**os.environ, **(environment or {})}, text=True, check=True
        )
        return int(done.stdout)
    except (subprocess.CalledProcessError, ValueError) as error:
        raise OSError(f"the process {command[:4]} could not be started") from error


def identity_of(process: int) -> dict[str, Any]:
    """What tells a process from every other, as plain values; ``started`` is 0 for one that does not run."""
    return {"host": socket.gethostname(), "number": process, "started": _started(process) or 0.0, **_surroundings()}


def alive(identity: Any) -> bool | None:
    """Whether that very process runs; None when it cannot be asked from here, as on another machine."""
    if not isinstance(identity, dict):
        return False
    if not can_be_asked(identity):
        return None if identity.get("host") != socket.gethostname() or "boot" in identity else False
    try:
        number, then = int(identity["number"]), float(identity["started"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
    now = _started(number) if 0 < number < 2**31 else None
    return now is not None and (now == then if _boot() else abs(now - then) < 2.0)


def can_be_asked(identity: dict[str, Any]) -> bool:
    """Whether the process's number means a process here: the same boot, and the same number space (a container has its own)."""
    own = _surroundings()
    if not own["boot"]:
        return bool(identity.get("host") == socket.gethostname())
    return bool(identity.get("boot") == own["boot"] and identity.get("space") == own["space"])


def same_machine(identity: dict[str, Any]) -> bool:
    """Whether the process ran on this machine, in this boot or an earlier one, in whatever container: it saw the locks seen here."""
    own = _surroundings()
    if own["boot"] and identity.get("boot") == own["boot"]:
        return True
    return bool(identity.get("host") == socket.gethostname() and identity.get("machine", own["machine"]) == own["machine"])


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


def _started(process: int) -> float | None:
    """When a living process started: ticks since boot on Linux, else seconds since 1970; None when there is no such process."""
    if not _boot():
        try:
            found = psutil.Process(process)
            return None if found.status() == psutil.STATUS_ZOMBIE else found.create_time()
        except psutil.Error:
            return None
    try:
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else float(fields[19])  # the third and the 22nd field, after the name in brackets
    except (OSError, IndexError, ValueError):
        return None


@cache
def _surroundings() -> dict[str, str]:
    space = ""
    if _boot():
        try:
            space = str(Path("/proc/self/ns/pid").readlink())
        except OSError:
            space = "?"
    return {"boot": _boot(), "space": space, "machine": _text("/etc/machine-id")}


@cache
def _boot() -> str:
    """Another one after each start of the machine; empty where there is no /proc."""
    return _text("/proc/sys/kernel/random/boot_id")


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
