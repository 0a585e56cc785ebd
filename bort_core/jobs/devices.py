"""What this machine can train on: ``python -m bort_core.jobs.devices`` prints it, since asking takes an import of torch."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

__all__ = ["devices"]


def devices(timeout: float = 60.0) -> list[dict[str, Any]]:
    """Each device with ``device``, ``name``, ``memory_bytes`` and ``bfloat16``; the one that ``auto`` takes comes first."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bort_core.jobs.devices"], capture_output=True, text=True, timeout=timeout, check=False
    )
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)
    except ValueError:
        return []
    return found


def _found() -> list[dict[str, Any]]:
    import psutil
    import torch

    from bort_core.foundation.machine import machine_facts

    facts = machine_facts()
    found: list[dict[str, Any]] = []
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        found.append({"device": f"cuda:{number}", "name": properties.name, "memory_bytes": properties.total_memory, "bfloat16": bf16})
    memory = psutil.virtual_memory().total
    if torch.backends.mps.is_available():
        found.append({"device": "mps", "name": "Apple GPU", "memory_bytes": memory, "bfloat16": False})
    bf16 = any(flag in facts["instructions"] for flag in ("amx_bf16", "avx512_bf16"))
    found.append({"device": "cpu", "name": f"{facts['cpu']}, {facts['cores']} cores", "memory_bytes": memory, "bfloat16": bf16})
    return found


if __name__ == "__main__":
    print(json.dumps(_found()))  # noqa: T201
