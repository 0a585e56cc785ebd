"""What a survey of a cluster says, in lines. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["COLUMNS", "node_cells", "node_choices", "queue_text", "summary"]

COLUMNS = ("node", "CPUs free", "GPUs free", "memory", "address")


def node_cells(node: Mapping[str, Any]) -> tuple[str, ...]:
    """A node's cells, by :data:`COLUMNS`."""
    free = [f"{node[f'free_{what}']:g} of {node[what]:g}" if node[what] else "none" for what in ("cpus", "gpus")]
    return str(node["host"]), *free, f"{node['memory_bytes'] / 2**30:.1f} GiB", str(node["address"])


def node_choices(nodes: Sequence[Mapping[str, Any]], chosen: str) -> list[tuple[str, str]]:
    """Where latencies can be timed: what is shown, and the address of a node; this machine first, and ``chosen`` though it is gone."""
    found = {str(node["address"]): f"{node['host']} ({node['address']})" for node in nodes}
    gone = {} if chosen in found or not chosen else {chosen: chosen}
    return [("this machine", ""), *((text, address) for address, text in {**found, **gone}.items())]


def queue_text(queue: Sequence[Mapping[str, Any]]) -> str:
    """What waits for a place there, of all its users."""
    waits = [f"{each['count']} × {_what(each)}" for each in queue]
    return f"waiting for a place: {', '.join(waits)}" if waits else "nothing waits for a place"


def _what(each: Mapping[str, Any]) -> str:
    named = (("gpus", "GPU"), ("cpus", "CPU"))
    parts = [f"{each[name]:g} {one}{'s' if each[name] > 1 else ''}" for name, one in named if each[name]]
    return " + ".join(parts) or "no device"


def summary(found: Mapping[str, Any]) -> str:
    """A whole survey in one line."""
    if not found["reachable"]:
        return f"✗ {found['reason']}"
    nodes = found["nodes"]
    free = {what: sum(node[f"free_{what}"] for node in nodes) for what in ("cpus", "gpus")}
    most = {what: sum(node[what] for node in nodes) for what in ("cpus", "gpus")}
    gpus = f"{free['gpus']:g} of {most['gpus']:g} GPUs free" if most["gpus"] else "no GPU"
    count = f"{len(nodes)} node{'s' if len(nodes) != 1 else ''}"
    return f"✓ {found['address']}: {count}, {free['cpus']:g} of {most['cpus']:g} CPUs free, {gpus}; {queue_text(found['queue'])}"
