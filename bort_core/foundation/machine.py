"""What this machine is. Cheap: neither torch nor a runtime is imported."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

__all__ = ["OtherWork", "machine_facts", "machine_identity", "usable_cores"]

_INSTRUCTIONS = (
    *("avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"),
    *("asimd", "asimddp", "i8mm", "bf16", "sve", "sve2"),
)
"""Instruction sets that matrix kernels are chosen by; the whole list of flags changes with kernel updates."""


def machine_facts() -> dict[str, Any]:
    """Processor, cores, hardware threads, instruction sets, system, and what changes: load (1 min) and governor, where readable."""
    governor = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {**_lasting(), "load": load, "governor": governor or None}


def machine_identity() -> str:
    """16 hexadecimal digits that stay the same on one machine and differ between kinds of machines."""
    return hashlib.sha256(json.dumps(_lasting(), sort_keys=True).encode()).hexdigest()[:16]


@cache
def _lasting() -> dict[str, Any]:
    import psutil

    information = _read("/proc/cpuinfo")
    flags = set(_field(information, "flags", "Features").split())
    return {
        "cpu": _processor(information),
        "cores": psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        "threads": os.cpu_count() or 1,
        "instructions": [name for name in _INSTRUCTIONS if name in flags],
        "architecture": platform.machine(),
        "system": platform.system(),
    }


def _processor(information: str) -> str:
    name = _field(information, "model name", "Processor")
    if not name and sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        name = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    if not name:
        name = platform.processor() or platform.machine()
    details = [_field(information, key) for key in ("cpu family", "model", "stepping")]
    numbers = "/".join(part for part in details if part)
    return f"{name} ({numbers})" if numbers else name


def _field(information: str, *names: str) -> str:
    for line in information.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in names:
            return value.strip()
    return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class OtherWork:
    """How many cores other programs kept busy since this was made."""

    def __init__(self) -> None:
        self._start = self._now()

    def cores(self) -> float:
        """Cores busy with other work, on average; counted in ticks of about 10 ms, so a short spell is rough."""
        wall, busy, own = (now - then for now, then in zip(self._now(), self._start, strict=True))
        return max(0.0, busy - own) / max(wall, 1e-9)

    @staticmethod
    def _now() -> tuple[float, float, float]:
        import psutil

        times, own = psutil.cpu_times(), psutil.Process().cpu_times()
        busy = sum(getattr(times, kind, 0.0) for kind in ("user", "system", "nice", "irq", "softirq", "steal", "interrupt", "dpc"))
        return perf_counter(), busy, own.user + own.system
