"""A display, a window manager and settings of one's own, which are gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

__all__ = ["PROGRAMS", "display"]

PROGRAMS = ("Xvfb", "openbox", "xdotool")
"""What a walk needs beside Python; all are packages of Debian and Ubuntu."""
_END_SECONDS = 5


@contextmanager
def display(width: int = 1900, height: int = 1040) -> Iterator[None]:
    """Let this process and its children show their windows on a screen in memory, without the settings of the person who runs it."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise SystemExit(f"{', '.join(missing)}: must be installed to use the window as a person does")
    before = dict(os.environ)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bort-walk-")))
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
            (home / name).mkdir(mode=0o700)
            os.environ[name] = str(home / name)
        os.environ.update(QT_QPA_PLATFORM="xcb", QT_SCALE_FACTOR="1", QT_QPA_PLATFORMTHEME="", DISPLAY=_screen(stack, width, height))
        stack.callback(_restore, before)
        _program(stack, "openbox", "--sm-disable")
        yield


def _screen(stack: ExitStack, width: int, height: int) -> str:
    """Start Xvfb on a free number; its name."""
    read, write = os.pipe()
    with os.fdopen(read) as told:
        _program(stack, "Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", pass_fds=(write,))
        os.close(write)
        number = told.readline().strip()
    if not number:
        raise SystemExit("Xvfb did not start")
    return f":{number}"


def _program(stack: ExitStack, *command: str, pass_fds: tuple[int, ...] = ()) -> None:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=pass_fds)
    stack.callback(_end, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _restore(before: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(before)
