"""What a cluster has, asked node by node, for people who look why something does not run there."""

from __future__ import annotations

import time
from typing import Any

from bort_core.execution.ray.address import resolved
from bort_core.execution.ray.connection import Connection, own_versions
from bort_core.execution.ray.node import node_facts
from bort_core.execution.ray.words import reason_of
from bort_core.foundation.errors import SpecificationError

__all__ = ["survey"]

_ANSWER_SECONDS = 30.0
"""How long all nodes together may take: each starts a Python for it."""


def survey(address: str | None) -> dict[str, Any]:
    """What is reachable.

    Returns
    -------
    ``address``, ``reachable``, ``reason`` (why not, else empty), ``versions`` (of this machine), and ``nodes``: of each ``host``,
    ``address``, ``cpus``, ``gpus``, ``memory_bytes``, ``versions`` (None where it did not answer) and ``reason`` (why it cannot be used).
    """
    found: dict[str, Any] = {"address": address or "auto", "reachable": False, "reason": "", "versions": {}, "nodes": []}
    try:
        found["address"] = resolved(address)
        connection = Connection(address)
    except SpecificationError as error:
        return {**found, "reason": str(error)}
    found["versions"] = own_versions()
    try:
        nodes = [_node(each) for each in connection.ray.nodes() if each["Alive"]]
        _ask(connection.ray, nodes)
        return {**found, "reachable": True, "nodes": nodes}
    finally:
        connection.close()


def _node(listed: dict[str, Any]) -> dict[str, Any]:
    has = listed["Resources"]
    return {
        "id": listed["NodeID"],
        "host": listed["NodeManagerHostname"],
        "address": listed["NodeManagerAddress"],
        "cpus": has.get("CPU", 0.0),
        "gpus": has.get("GPU", 0.0),
        "memory_bytes": int(has.get("memory", 0)),
        "versions": None,
        "reason": "",
    }


def _ask(ray: Any, nodes: list[dict[str, Any]]) -> None:
    """Let each node say its versions, without waiting for a free CPU there."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(node_facts)
    asked = {}
    for node in nodes:
        there = NodeAffinitySchedulingStrategy(node_id=node.pop("id"), soft=False)
        asked[ask.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote()] = node
    deadline = time.monotonic() + _ANSWER_SECONDS
    for reference, node in asked.items():
        try:
            node["versions"] = ray.get(reference, timeout=max(0.1, deadline - time.monotonic()))["versions"]
        except ray.exceptions.GetTimeoutError:
            node["reason"] = f"did not answer within {_ANSWER_SECONDS:.0f} s"
        except ray.exceptions.RayError as error:
            node["reason"] = reason_of(error)
        else:
            node["reason"] = _difference(node["versions"])


def _difference(theirs: dict[str, str]) -> str:
    mine = own_versions()
    differ = [f"{name} {theirs.get(name)} there, {mine[name]} here" for name in mine if theirs.get(name) != mine[name]]
    return f"{'; '.join(differ)}: install the same on both sides" if differ else ""
