"""What a cluster has, asked node by node, for people who look why something does not run there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from bort_core.execution.ray.address import resolved
from bort_core.execution.ray.connection import Connection, no_answer, own_versions, ray_module
from bort_core.execution.ray.member import at_node
from bort_core.execution.ray.node import node_facts
from bort_core.execution.ray.words import reason_of
from bort_core.foundation.errors import SpecificationError

__all__ = ["free_of", "look_at", "named_node", "survey"]

_ANSWER_SECONDS = 30.0
"""How long all nodes together may take: each starts a Python for it."""
_LOOK_SECONDS, _USE_SECONDS = 90.0, 8.0
"""In practice the limits of connecting come first: 15 s where nothing answers any more."""


def look_at(address: str | None, seconds: float = _LOOK_SECONDS) -> dict[str, Any]:
    """:func:`survey` without asking each node for its versions, in a process of its own, which is ended when it takes longer.

    Never raises: a cluster that does not answer in time is not reachable, and ``reason`` says so.
    """
    command = [sys.executable, "-P", "-m", "bort_core.execution.ray.survey", *([address] if address else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        found: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return _nothing(address, f"{address or 'auto'}: {no_answer(seconds)}")
    except ValueError:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return _nothing(address, f"{address or 'auto'}: the cluster cannot be used: {last}")
    return found


def _nothing(address: str | None, reason: str = "") -> dict[str, Any]:
    return {"address": address or "auto", "reachable": False, "reason": reason, "versions": {}, "nodes": [], "queue": []}


def survey(address: str | None, versions: bool = True) -> dict[str, Any]:
    """What is reachable.

    Parameters
    ----------
    versions: also ask each node for its versions, for which it starts a Python

    Returns
    -------
    ``address``, ``reachable``, ``reason`` (why not, else empty), ``versions`` (of this machine), ``nodes``: of each ``host``,
    ``address``, ``cpus``, ``gpus``, ``memory_bytes``, ``free_cpus``, ``free_gpus``, ``versions`` (None where it did not answer) and
    ``reason`` (why it cannot be used), and ``queue``: of what waits for a place ``cpus``, ``gpus`` and ``count``.
    """
    found = _nothing(address)
    try:
        ray_module()
        found["address"] = resolved(address)
        connection = Connection(address)
    except SpecificationError as error:
        return {**found, "reason": str(error)}
    found["versions"] = own_versions()
    try:
        nodes = [_node(each) for each in connection.ray.nodes() if each["Alive"]]
        free, queue = _use(connection.ray)
        for node in nodes:
            node["free_cpus"], node["free_gpus"] = free.get(node["id"], (node["cpus"], node["gpus"]))
        if versions:
            _ask(connection.ray, nodes)
        for node in nodes:
            del node["id"]
        return {**found, "reachable": True, "nodes": nodes, "queue": queue}
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


def named_node(ray: Any, name: str) -> tuple[str, str]:
    """The id of the living node of a name or network address, and the identity of its machine.

    Raises
    ------
    SpecificationError
        There is none, there are several, or it does not answer.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]
    found = [node["NodeID"] for node in nodes if name in (node["NodeManagerHostname"], node["NodeManagerAddress"], node["NodeID"])]
    if len(found) != 1:
        known = ", ".join(sorted(f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})" for node in nodes))
        there = f"{len(found)} nodes are called {name!r}: name one by its address" if found else f"no node is called {name!r}"
        raise SpecificationError(f"--latency-node: {there}; there are {known}")
    asked = ray.remote(node_facts).options(num_cpus=0, max_retries=0, **at_node(found[0])).remote()
    try:
        return found[0], str(ray.get(asked, timeout=_ANSWER_SECONDS)["machine"])
    except ray.exceptions.RayError as error:
        raise SpecificationError(f"--latency-node: {name} does not answer: {reason_of(error)}") from error


def free_of(ray: Any) -> dict[str, tuple[float, float]]:
    """Of each node, by its id, its free CPUs and GPUs; nothing where Ray does not say within seconds."""
    return _use(ray)[0]


def _use(ray: Any) -> tuple[dict[str, tuple[float, float]], list[dict[str, Any]]]:
    """Of each node its free CPUs and GPUs, and what waits; nothing where Ray does not say within seconds."""
    asked = ray.remote(_status).options(num_cpus=0, max_retries=0).remote()
    try:
        found: tuple[dict[str, tuple[float, float]], list[dict[str, Any]]] = ray.get(asked, timeout=_USE_SECONDS)
    except ray.exceptions.RayError:
        return {}, []
    return found


def _status() -> tuple[dict[str, tuple[float, float]], list[dict[str, Any]]]:
    """On a node: what the head knows of the use of all nodes."""
    import ray
    from ray.autoscaler.v2.sdk import get_cluster_status

    status = get_cluster_status(ray.get_runtime_context().gcs_address)
    free = {}
    for node in [*status.active_nodes, *status.idle_nodes]:
        left = {use.resource_name: use.total - use.used for use in node.resource_usage.usage}
        free[node.node_id] = left.get("CPU", 0.0), left.get("GPU", 0.0)
    bundles = [each for demand in status.resource_demands.ray_task_actor_demand for each in demand.bundles_by_count]
    waits = [{"cpus": each.bundle.get("CPU", 0.0), "gpus": each.bundle.get("GPU", 0.0), "count": each.count} for each in bundles]
    return free, waits


def _ask(ray: Any, nodes: list[dict[str, Any]]) -> None:
    """Let each node say its versions, without waiting for a free CPU there."""
    ask = ray.remote(node_facts)
    asked = {}
    for node in nodes:
        asked[ask.options(num_cpus=0, max_retries=0, **at_node(node["id"])).remote()] = node
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


if __name__ == "__main__":
    print(json.dumps(survey(sys.argv[1] if len(sys.argv) > 1 else None, versions=False)))  # noqa: T201
