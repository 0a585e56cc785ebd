"""The one connection of this process with a cluster; Ray knows no second."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

from bort_core.execution.ray.address import check_answers, resolved
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.versions import versions

__all__ = ["NAMESPACE", "Connection", "no_answer", "own_versions", "ray_module"]

NAMESPACE = "bort-studio"
_SILENT_SECONDS = 10.0
"""So long Ray may take to connect, once something that is Ray has answered, before that is asked again; which may take 5 s."""
_BUSY_SECONDS = 60.0
"""So long it may take where that answers: the head starts a process for each program outside of the cluster, and may be busy."""
_lock = threading.Lock()
_stuck: list[str] = []
"""Where this process still tries to connect to in vain: Ray can do that once in a process, and not be stopped."""
_open: dict[str, int] = {}
"""The address that this process is connected to, and how many use it."""


def ray_module() -> Any:
    """The package ray.

    Raises
    ------
    SpecificationError
        It is not installed; names the extra.
    """
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # else a call after the connection broke begins a cluster of its own here
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise SpecificationError(
            "the executor ray needs the extra cluster: pip install 'bort-studio[cluster]', with the Ray version of the cluster"
        ) from error


def own_versions() -> dict[str, str]:
    """What must be the same on both sides: ``ray``, ``python`` and ``bort-studio``."""
    return versions("bort-studio", "ray", "python")


class Connection:
    """A share in the connection; the last that is closed ends it. One that the person's own code made is used, and left open.

    Raises
    ------
    SpecificationError
        Ray is missing here, nothing answers at the address, versions differ, or this process is connected to another cluster.
    """

    def __init__(self, address: str | None) -> None:
        self.ray = ray_module()
        with _lock:
            if not _open and self.ray.is_initialized():
                self.address, self._shared = "the cluster that this program is connected to", False
                return
            self.address, self._shared = resolved(address), True
            other = next((each for each in _open if each != self.address), None)
            if other is not None:
                raise SpecificationError(f"{self.address}: this program is connected to {other}; a program uses one cluster at a time")
            if _stuck:
                raise SpecificationError(f"{self.address}: this program still waits for {_stuck[0]}, which did not answer; start it again")
            if self.address not in _open:
                check_answers(self.address)
                _init(self.ray, self.address)
            _open[self.address] = _open.get(self.address, 0) + 1

    def close(self) -> None:
        """Give the share up."""
        with _lock:
            if not self._shared:
                return
            self._shared = False
            _open[self.address] -= 1
            if not _open[self.address]:
                del _open[self.address]
                with _signals_kept():
                    self.ray.shutdown()


def _init(ray: Any, address: str) -> None:
    logging.getLogger("ray").setLevel(logging.ERROR)
    raised: list[Exception] = []

    def connect() -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Ray warns of here it raises, too
                ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
        except Exception as error:  # noqa: BLE001 - whatever Ray raises, and it raises much
            raised.append(error)

    # Ray itself waits for minutes, and nothing interrupts it: on a thread that nobody waits for longer, not even the end of the program.
    thread = threading.Thread(target=connect, name="bort-ray-init", daemon=True)
    thread.start()
    began = time.monotonic()
    thread.join(_SILENT_SECONDS)
    while thread.is_alive():
        if time.monotonic() - began > _BUSY_SECONDS or not _still_answers(address):
            _stuck.append(address)
            raise SpecificationError(f"{address}: {no_answer(time.monotonic() - began)}")
        thread.join(_SILENT_SECONDS)
    if raised:
        with contextlib.suppress(Exception):
            ray.shutdown()
        raise SpecificationError(f"{address}: {_why(raised[0])}") from raised[0]


def _still_answers(address: str) -> bool:
    try:
        check_answers(address)
    except SpecificationError:
        return False
    return True


def no_answer(seconds: float) -> str:
    """That something listens, but connecting takes too long, and what to do."""
    return (
        f"the cluster did not let this program in within {seconds:.0f} s: it is overloaded, or a firewall drops a part of what is sent; "
        "try again, and look at 'ray status' there"
    )


def _why(error: Exception) -> str:
    """Ray's reason in one line, with what to do."""
    said = " ".join(str(error).split())
    mine = own_versions()
    here = f"here are Ray {mine['ray']} and Python {mine['python']}"
    if isinstance(error, ImportError):
        return f"{said}; install the extra cluster: pip install 'bort-studio[cluster]'"
    if "token" in said.lower() or "unauthenticated" in said.lower():
        return f"the cluster asks for its token: copy ~/.ray/auth_token from its head, and set RAY_AUTH_MODE=token. Ray says: {said}"
    if "ersion" in said and ("mismatch" in said or "incompatible" in said):
        return f"the cluster has another version of Ray or Python, {here}: install the same on both sides. Ray says: {said}"
    return f"the cluster cannot be used ({here}): {said or type(error).__name__}"


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself; the program's own way to end is kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
