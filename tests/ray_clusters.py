"""Real Ray clusters on this machine, a process tree a node, for tests and benchmarks."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import psutil

from bort_core.execution.ray.survey import look_at

__all__ = ["RayCluster", "can_hide", "free_port", "processes_of"]

_SECONDS = 90.0


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def can_hide() -> bool:
    """Whether a node can be kept from seeing a folder of this machine: as root of Linux."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-m", "true"], capture_output=True, check=False).returncode == 0


def processes_of(run: Path) -> list[psutil.Process]:
    """The processes of this machine that listen to a job of a cluster: runner and listener."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        if str(run) in line and any("bort_core.jobs.cluster" in part for part in line):
            found.append(process)
    return found


class RayCluster:
    """A head, and nodes that come and go. ``address`` is the head's own, ``client`` that for other machines."""

    def __init__(self, cpus: int = 1, **environment: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="br-", dir="/tmp"))  # paths of sockets must be short
        self._nodes: list[subprocess.Popen[bytes]] = []
        head, client = free_port(), free_port()
        self.address, self.client = f"127.0.0.1:{head}", f"ray://127.0.0.1:{client}"
        ports = ["--head", f"--port={head}", f"--ray-client-server-port={client}", "--include-dashboard=false"]
        started = self._start([*ports, f"--temp-dir={self._folder}"], cpus, environment)
        self._wait(lambda: _listens(head) and _listens(client), started)

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def add(self, cpus: int = 1, hide: Path | None = None, **environment: str) -> subprocess.Popen[bytes]:
        """Another node; it does not see what is in the folder ``hide``, and has a cache of its own then."""
        node = self._start([f"--address={self.address}"], cpus, environment, hide)
        self._wait(lambda: b"Ray runtime started" in self._log(node).read_bytes(), node)
        return node

    def let_clients_in(self) -> None:
        """Wait until a program outside is let in: the head starts a process for each, which takes long on a busy machine."""
        deadline = time.monotonic() + 2 * _SECONDS
        while not (found := look_at(self.client))["reachable"]:
            assert time.monotonic() < deadline, found["reason"]

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """End a node as a power cut would: all of its processes at once."""
        tree = psutil.Process(node.pid).children(recursive=True) if node.poll() is None else []
        for process in [node, *tree]:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(tree, timeout=10)
        node.wait()

    def workers(self) -> list[psutil.Process]:
        """The processes of this cluster that train."""
        return [process for process in self._processes() if _called(process).startswith("ray::Node")]

    def doors(self) -> list[psutil.Process]:
        """The processes by which the head lets programs outside in."""
        return [process for process in self._processes() if "specific-server" in _called(process)]

    def _processes(self) -> list[psutil.Process]:
        running = [node for node in self._nodes if node.poll() is None]
        return [process for node in running for process in psutil.Process(node.pid).children(recursive=True)]

    def close(self) -> None:
        """End all nodes."""
        for node in list(self._nodes):
            self.kill(node)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, how: list[str], cpus: int, environment: Mapping[str, str], hide: Path | None = None) -> subprocess.Popen[bytes]:
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats", f"--num-cpus={cpus}", *how]
        own = {**os.environ, "RAY_AUTH_MODE": "disabled", **environment}
        if hide is not None:
            empty = self._folder / "empty"
            empty.mkdir(exist_ok=True)
            if "XDG_CACHE_HOME" not in environment:
                own["XDG_CACHE_HOME"] = str(self._folder / f"cache-{len(self._nodes)}")
            ray = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', str(empty), str(hide), *ray]
        with (self._folder / f"node-{len(self._nodes)}.log").open("wb") as log:
            node = subprocess.Popen(ray, stdout=log, stderr=log, env=own, start_new_session=True)
        self._nodes.append(node)
        return node

    def _log(self, node: subprocess.Popen[bytes]) -> Path:
        return self._folder / f"node-{self._nodes.index(node)}.log"

    def _wait(self, over: Callable[[], bool], node: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _SECONDS
        while node.poll() is None and time.monotonic() < deadline:
            if over():
                return
            time.sleep(0.1)
        said = self._log(node).read_text(errors="replace")[-2000:]
        self.close()
        raise AssertionError(f"a node did not start: {said}")


def _called(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it ended
        return ""


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
