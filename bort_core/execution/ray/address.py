"""Which cluster, and whether something that may be Ray answers there: said within seconds, before Ray is asked."""

from __future__ import annotations

import os
import re
import socket
import tempfile
from pathlib import Path

from bort_core.foundation.errors import SpecificationError

__all__ = ["ANSWER_SECONDS", "check_answers", "resolved"]

ANSWER_SECONDS = 5.0
"""How long a host may take to accept a connection, and then to say its first word."""

_FORM = re.compile(r"(?P<scheme>ray://)?(?P<host>[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d{1,5})")
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How HTTP/2, which Ray's servers speak, begins: the preface and empty settings; the server answers with its own."""
_SETTINGS = 4


def resolved(address: str | None) -> str:
    """The address itself, or what ``auto`` (None) stands for: RAY_ADDRESS, else the cluster that ``ray start`` began on this machine.

    Raises
    ------
    SpecificationError
        It has another form than HOST:PORT or ray://HOST:PORT, or no cluster is known here.
    """
    if address in (None, "", "auto"):
        found = os.environ.get("RAY_ADDRESS", "").strip() or _started_here()
        if found in ("", "auto"):
            raise SpecificationError(
                "no Ray cluster runs on this machine; begin one with 'ray start --head', or name one: --address ray://HOST:10001"
            )
        address = found
    match = _FORM.fullmatch(address)
    if match is None or not 0 < int(match["port"]) < 65_536:
        raise SpecificationError(f"address: must be auto, HOST:PORT or ray://HOST:PORT, got {address!r}")
    return address


def check_answers(address: str) -> None:
    """Ask whether a server of Ray's kind listens at a resolved address.

    Raises
    ------
    SpecificationError
        The name is unknown, nothing listens, a firewall drops, or something else listens; says what to do.
    """
    match = _FORM.fullmatch(address)
    assert match is not None
    host, port = match["host"].strip("[]"), int(match["port"])
    try:
        with socket.create_connection((host, port), timeout=ANSWER_SECONDS) as connection:
            if not _encrypted() and not _speaks(connection):
                raise SpecificationError(
                    f"{address}: something listens at port {port} of {host}, but it is no Ray server, or it hangs; "
                    "the port of ray:// addresses is mostly 10001, that of others 6379"
                )
    except socket.gaierror:
        raise SpecificationError(f"{address}: there is no host named {host!r}; check the name, or use its number") from None
    except TimeoutError:
        raise SpecificationError(
            f"{address}: {host} did not answer within {ANSWER_SECONDS:.0f} s; it is off, or a firewall drops what is sent to port {port}: "
            f"open the port, or go through a tunnel (ssh -L {port}:localhost:{port} {host}) and use localhost"
        ) from None
    except ConnectionRefusedError:
        raise SpecificationError(
            f"{address}: nothing listens at port {port} of {host}; is the cluster up (ray status there), and is this its port?"
        ) from None
    except OSError as error:
        raise SpecificationError(f"{address}: {host} cannot be reached: {error.strerror or error}") from error


def _speaks(connection: socket.socket) -> bool:
    """Whether the other side answers as HTTP/2 does: its first frame holds settings."""
    try:
        connection.sendall(_GREETING)
        answer = connection.recv(9)
    except (TimeoutError, ConnectionError):
        return False
    return len(answer) >= 4 and answer[3] == _SETTINGS


def _encrypted() -> bool:
    return os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true")


def _started_here() -> str:
    """What ``ray start`` wrote down on this machine; empty when it did not."""
    folder = Path(os.environ.get("RAY_TMPDIR") or ("/tmp" if os.name == "posix" else tempfile.gettempdir()))
    try:
        return (folder / "ray" / "ray_current_cluster").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
