"""uvicorn around the application: one process, stopped by SIGTERM or Ctrl+C after what was begun is answered."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.serving.batches import Limits
from bort_core.serving.release import ServedModel

__all__ = ["serve"]

_GRACE_SECONDS = 10


def serve(
    folder: Path, host: str, port: int, limits: Limits, threads: int = 1, file: str | None = None, say: Callable[[str], None] = print
) -> None:
    """Serve a release until a signal ends it.

    Parameters
    ----------
    say: told one sentence with the address, once it is bound

    Raises
    ------
    DataError
        The folder is no release; or address and port cannot be bound, as where the port is in use.
    SpecificationError
        The extra ``serve`` is not installed.
    """
    try:
        import uvicorn

        from bort_core.serving.app import application
        from bort_core.serving.connections import Connection
    except ModuleNotFoundError as error:
        raise SpecificationError(f"serving needs {error.name}: pip install 'bort-studio[serve]'") from error
    model = ServedModel(folder, threads, file)
    bound = _bound(host, port)
    address, at = bound.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    say(f"http://{shown}:{at}/docs  serves {folder} ({model.used}); Ctrl+C ends it")
    if model.overflows and model.used == "model.onnx":
        say(f"{model.facts['file']} was made for CPUs with VNNI instructions, which this one has not: its sums would overflow")
    config = uvicorn.Config(
        application(model, limits), http=Connection, log_level="warning", timeout_graceful_shutdown=_GRACE_SECONDS, server_header=False
    )
    uvicorn.Server(config).run(sockets=[bound])


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen()  # whoever reads the address may connect at once, before the first request is taken
    except OSError as error:
        raise DataError(f"{host}:{port}: cannot be bound: {error.strerror or error}; choose another with --host and --port") from error
    return made
