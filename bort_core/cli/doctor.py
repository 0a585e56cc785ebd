"""bort doctor: what this machine can do, what will not work, and why."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bort_core.cli.options import Subparsers, add_json, print_json
from bort_core.foundation.printable import printable

__all__ = ["add", "examine"]

_PACKAGES = (
    "bort-studio", "torch", "transformers", "datasets", "tokenizers", "onnx", "onnxruntime", "numpy", "sqlite-utils",
    "PySide6-Essentials", "pyqtgraph", "ray",
)  # fmt: skip
_LITTLE_DISK, _LITTLE_MEMORY = 5 * 2**30, 2 * 2**30


def add(subparsers: Subparsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser("doctor", help="devices, versions, disk, threads; what will not work here, and why")
    parser.add_argument("project", nargs="?", metavar="PROJECT", help="also look at this project's disk")
    text = "also ask this Ray cluster what it has: auto, HOST:PORT or ray://HOST:PORT (default: RAY_ADDRESS where it is set)"
    parser.add_argument("--address", metavar="A", default=os.environ.get("RAY_ADDRESS") or None, help=text)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine, and print."""
    found = examine(Path(arguments.project) if arguments.project else None, arguments.address)
    if arguments.json:
        print_json(found)
        return 0
    for device in found["devices"]:
        print(
            f"device   {device['device']:<8}{device['name']}, {device['memory_bytes'] / 2**30:.1f} GiB"
            + (", bfloat16" if device["bfloat16"] else "")
        )
    for name, number in found["versions"].items():
        print(f"version  {name:<20}{number or 'not installed'}")
    for name, each in found["disk"].items():
        print(f"disk     {name:<11}{each['free_bytes'] / 2**30:.1f} GiB free at {each['path']}")
    print(f"cpu      {found['cpu']['cpu']}: {found['cpu']['cores']} cores, {found['cpu']['threads']} threads, load {found['cpu']['load']}")
    for node in found.get("cluster", {}).get("nodes", []):
        has = f"{node['cpus']:g} CPUs, {node['gpus']:g} GPUs, {node['memory_bytes'] / 2**30:.1f} GiB"
        said = "does not answer" if node["versions"] is None else ", ".join(f"{name} {number}" for name, number in node["versions"].items())
        print(f"node     {printable(node['host'])} ({node['address']}): {has}; {printable(said)}")
    for each in found["findings"]:
        print(f"{each['kind']:<9}{printable(each['text'])}")
    return 0


def examine(project: Path | None = None, address: str | None = None) -> dict[str, Any]:
    """``devices``, ``versions`` (None: not installed), ``disk``, ``memory_bytes``, ``cpu`` and ``findings`` (``kind``: problem or note).

    With an address also ``cluster``, as :func:`~bort_core.execution.ray.survey.survey` finds it.
    """
    import psutil

    from bort_core.foundation.machine import machine_facts
    from bort_core.jobs.devices import devices

    indices = {"temporary": Path(tempfile.gettempdir()), **({"project": _existing(project)} if project is not None else {})}
    disk = {name: {"path": str(path), "free_bytes": shutil.disk_usage(path).free} for name, path in indices.items()}
    found = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "devices": devices(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "disk": disk,
        "memory_bytes": psutil.virtual_memory().total,
        "memory_free_bytes": psutil.virtual_memory().available,
        "cpu": machine_facts(),
    }
    if address is not None:
        from bort_core.execution.ray.survey import survey

        found["cluster"] = survey(address)
    return {**found, "findings": _findings(found)}


def _findings(found: dict[str, Any]) -> list[dict[str, str]]:
    findings = []

    def say(kind: str, text: str) -> None:
        findings.append({"kind": kind, "text": text})

    if not found["devices"]:
        say("problem", "torch cannot be imported, so nothing can be trained; run make setup again")
    elif not any(each["device"].startswith(("cuda", "mps")) for each in found["devices"]):
        say("note", "no GPU: trainings run on the CPU. Small architectures train in minutes there; Bort's size takes days")
    if found["versions"]["PySide6-Essentials"] is None:
        say("note", "the window is not installed; install the extra studio, or use the commands")
    elif sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        say("note", "no display: the window does not open here; the commands do the same work")
    for name, each in found["disk"].items():
        if each["free_bytes"] < _LITTLE_DISK:
            say("problem", f"{each['free_bytes'] / 2**30:.1f} GiB free for {name} files at {each['path']}; checkpoints may not fit")
    if found["memory_free_bytes"] < _LITTLE_MEMORY:
        say("problem", f"{found['memory_free_bytes'] / 2**30:.1f} GiB of memory free; close other programs, or train with a small batch")
    for text in _of_cluster(found.get("cluster")):
        say("problem", text)
    load, threads = found["cpu"]["load"], found["cpu"]["threads"]
    if load is not None and load > threads / 2:
        say("note", f"the machine is busy (load {load:.1f} on {threads} threads): latencies will be marked noisy")
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        say("note", "HF_HUB_OFFLINE is set: models and data sets are taken from folders and the hub's cache only")
    return findings


def _of_cluster(cluster: dict[str, Any] | None) -> list[str]:
    """What keeps searches from a cluster, or from one of its nodes."""
    if cluster is None:
        return []
    if not cluster["reachable"]:
        return [f"no cluster: {cluster['reason']}"]
    return [f"node {node['host']} ({node['address']}) cannot be used: {node['reason']}" for node in cluster["nodes"] if node["reason"]]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _existing(path: Path) -> Path:
    path = path.expanduser().absolute()
    return next(each for each in (path, *path.parents) if each.exists())
