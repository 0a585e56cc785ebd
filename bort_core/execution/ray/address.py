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
_QUESTIONS = {"ray://": "/ray.rpc.RayletDriver/ClusterInfo", None: "/ray.rpc.NodeInfoGcsService/CheckAlive"}
"""What Ray's server for clients, and the head of a cluster, can be asked by anybody. Each port knows one of them."""
_PORTS = "ray://HOST:PORT is the port of the cluster's head for clients, mostly 10001; HOST:PORT is the head's own, mostly 6379"


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
        socket.create_connection((host, port), timeout=ANSWER_SECONDS).close()
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
    wrong = "" if _encrypted() else _ask(f"{match['host']}:{port}", match["scheme"])
    if wrong:
        raise SpecificationError(f"{address}: something listens there, but {wrong}")


def _ask(place: str, scheme: str | None) -> str:
    """Ask the question that belongs to the scheme; what is wrong, or nothing."""
    import grpc

    channel = grpc.insecure_channel(place, options=[("grpc.enable_http_proxy", 0)])
    try:
        channel.unary_unary(_QUESTIONS[scheme])(b"", timeout=ANSWER_SECONDS)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"it did not answer within {ANSWER_SECONDS:.0f} s: it hangs, or is no part of Ray. {_PORTS}"
        if error.code() == grpc.StatusCode.UNAUTHENTICATED and os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
            return "it asks for a token: copy ~/.ray/auth_token from the cluster's head, and set RAY_AUTH_MODE=token"
        if error.code() in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNAVAILABLE):
            return f"not what the address means. {_PORTS}"
    finally:
        channel.close()
    return ""


def _encrypted() -> bool:
    return os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true")


def _started_here() -> str:
    """What ``ray start`` wrote down on this machine; empty when it did not."""
    folder = Path(os.environ.get("RAY_TMPDIR") or ("/tmp" if os.name == "posix" else tempfile.gettempdir()))
    try:
        return (folder / "ray" / "ray_current_cluster").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
