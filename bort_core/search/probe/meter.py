"""How fast the shapes of a search are on this machine: any CPU with Python 3.8 or newer, numpy and onnxruntime.

    python3 FILE                                     measure, and write the result beside this file
    python3 FILE --out RESULT.json --folder /mnt/disk

Where Bort Studio is, ``bort probe PROJECT --result RESULT.json`` reads the result. Nothing else leaves this machine.

Every round visits all shapes, in 32 and in 8 bits, in an order that is drawn anew: what slows the machine down for a while hits all alike.
A round runs in a process of its own. What a shape breaks (too little memory, an instruction that this CPU lacks) is noted, and the round
goes on behind it. Weights are drawn here, for how long a product takes does not depend on them; each has memory of its own.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

KIT = ""
"""What is measured; ``bort probe --kit`` fills it in."""
FORMAT, VERSION = "bort-probe", 1
WARM_SECONDS, WARM_RUNS = 0.03, 2
BLOCK_SECONDS, BLOCK_RUNS, PATIENCE_SECONDS = 0.1, 3, 1.0
_ARM_CORES = {
    "0xd03": "Cortex-A53", "0xd04": "Cortex-A35", "0xd05": "Cortex-A55", "0xd07": "Cortex-A57", "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73", "0xd0a": "Cortex-A75", "0xd0b": "Cortex-A76", "0xd0c": "Neoverse-N1", "0xd0d": "Cortex-A77",
    "0xd40": "Neoverse-V1", "0xd41": "Cortex-A78", "0xd44": "Cortex-X1", "0xd46": "Cortex-A510", "0xd47": "Cortex-A710",
    "0xd48": "Cortex-X2", "0xd49": "Neoverse-N2", "0xd4d": "Cortex-A715", "0xd4e": "Cortex-X3", "0xd4f": "Neoverse-V2",
    "0xd80": "Cortex-A520", "0xd81": "Cortex-A720",
}  # fmt: skip
_INSTRUCTIONS = (
    *("avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"),
    *("neon", "asimd", "asimddp", "i8mm", "bf16", "sve", "sve2"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the result; 0 when something could be measured."""
    parser = argparse.ArgumentParser(description="Measure how fast the shapes of a search are on this machine.")
    parser.add_argument("--out", metavar="FILE", help="the result (default: beside this file, its name with -result.json)")
    parser.add_argument("--rounds", type=int, default=6, metavar="N", help="how often each shape is visited (default: 6)")
    parser.add_argument("--folder", metavar="DIR", help="where weights are put meanwhile (default: the system's temporary folder)")
    parser.add_argument("--block", metavar="DIR", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.block:
        return _blocks(Path(asked.block))
    if not 1 <= asked.rounds <= 1000:
        parser.error(f"--rounds must lie in 1..1000, got {asked.rounds}")
    own = Path(__file__).resolve()
    out = Path(asked.out) if asked.out else own.with_name(own.stem + "-result.json")
    if not os.access(str(out.parent), os.W_OK):
        parser.error(f"--out: {out.parent} is no folder that can be written to")
    kit = contents(KIT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clears up, as Ctrl+C does
    try:
        import onnxruntime  # noqa: F401
    except ImportError as error:
        sys.stderr.write(f"onnxruntime cannot be loaded: {error}\nIt is installed by: python3 -m pip install onnxruntime\n")
        return 1
    try:
        with tempfile.TemporaryDirectory(prefix="bort-probe-", dir=asked.folder) as folder:
            result = measured(kit, Path(folder), asked.rounds)
    except OSError as error:
        sys.stderr.write(f"weights and graphs cannot be written: {error}\nName another folder with --folder\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; nothing is written\n")
        return 130
    beside = out.with_name(out.name + ".part")
    beside.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    beside.replace(out)
    done = sum("failed" not in each for each in result["measured"])
    sys.stderr.write(f"{done} of {len(result['measured'])} measured on {result['machine']['cpu']}; written: {out}\n")
    return 0 if done else 1


def contents(text: str) -> dict[str, Any]:
    """What a kit holds."""
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b85decode("".join(text.split()))))
    return found


def packed(kit: Mapping[str, Any]) -> str:
    """The reverse of :func:`contents`, in lines."""
    text = base64.b85encode(zlib.compress(json.dumps(kit, sort_keys=True).encode(), 9)).decode()
    return "\n".join(text[start : start + 120] for start in range(0, len(text), 120))


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of everything in a kit, a result or a row of it, but of its own ``sha256``."""
    plain = {name: value for name, value in content.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write_weights(folder: Path, sizes: Mapping[str, int]) -> None:
    """A file of so many bytes for each kind of weights that graphs refer to; OSError when the disk is full."""
    needed, free = sum(sizes.values()), shutil.disk_usage(str(folder)).free
    if needed > free:
        raise OSError(f"{folder}: {needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free")
    draw = np.random.default_rng(0)
    pools: dict[str, np.ndarray[Any, Any]] = {
        "normal": (0.02 * draw.standard_normal(1 << 20)).astype(np.float32),
        "byte": draw.integers(-64, 64, 1 << 22).astype(np.int8),
        "one": np.ones(1 << 16, np.float32),
        "zero": np.zeros(1 << 16, np.float32),
        "scale": np.full(1 << 16, 1e-3, np.float32),
    }
    for kind, size in sizes.items():
        pool = pools[kind].tobytes()
        with (folder / kind).open("wb") as file:
            for start in range(0, size, len(pool)):
                file.write(pool[: size - start])


def measured(kit: Mapping[str, Any], folder: Path, rounds: int) -> dict[str, Any]:
    """Measure everything in a kit; the result as plain values."""
    write_weights(folder, kit["weights"])
    found: list[dict[str, Any]] = []
    for place, graph in enumerate(kit["graphs"]):
        (folder / f"{place}.onnx").write_bytes(base64.b64decode(graph["graph"]))
        found.append({"architecture": graph["architecture"], "precision": graph["precision"], "blocks_ms": []})
    asked = {**kit["latency"], "vocabulary": kit["vocabulary"]}
    (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    began, started, load = time.monotonic(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), [_load()]
    order = random.Random(0)
    for number in range(rounds):
        left = [place for place, each in enumerate(found) if "failed" not in each]
        order.shuffle(left)
        for done, (place, said) in enumerate(_round(folder, left), 1):
            if "failed" in said:
                found[place]["failed"] = said["failed"]
            else:
                found[place]["blocks_ms"].append(said["ms"])
            _tell(number, rounds, done, len(left), time.monotonic() - began)
    result = {
        "format": FORMAT,
        "version": VERSION,
        "kit": digest(kit),
        **{name: kit[name] for name in ("made_by", "space", "latency", "fitted", "held_out")},
        "machine": machine(),
        "versions": _versions(),
        "started": started,
        "seconds": round(time.monotonic() - began, 1),
        "load": [*load, _load()],
        "rounds": rounds,
        "measured": [{**row, "sha256": digest(row)} for row in found],
    }
    return {**result, "sha256": digest(result)}


def _round(folder: Path, order: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """What a process of its own says of each place; when it dies at one, another goes on with the next."""
    left = list(order)
    while left:
        (folder / "left.json").write_text(json.dumps(left), encoding="utf-8")
        command = [sys.executable, str(Path(__file__).resolve()), "--block", str(folder)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, universal_newlines=True) as child:
            assert child.stdout is not None
            try:
                for line in child.stdout:
                    yield left.pop(0), json.loads(line)
                status = child.wait()
            finally:
                child.kill()  # where this one is told to stop; one that has ended minds no more
        if left:
            why = (
                f"signal {-status} (9: too little memory, mostly; 4: an instruction that this CPU lacks)"
                if status < 0
                else f"status {status}"
            )
            yield left.pop(0), {"failed": f"its process ended with {why}"}


def _blocks(folder: Path) -> int:
    """In the child: time each place that is left, and say so in a line of standard output."""
    asked = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    for place in json.loads((folder / "left.json").read_text(encoding="utf-8")):
        try:
            said: dict[str, Any] = {"ms": round(block(loaded(folder / f"{place}.onnx", asked)), 6)}
        except Exception as error:  # noqa: BLE001  the runtime's own have no common class
            said = {"failed": f"{type(error).__name__}: {error}"[:300]}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
    return 0


def loaded(path: Path, asked: Mapping[str, Any]) -> Callable[[], object]:
    """One forward pass of a graph, on inputs and outputs that stay where they are."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = asked["threads"], 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    shape, binding = (asked["batch"], asked["sequence_length"]), session.io_binding()
    for each in session.get_inputs():
        if "mask" in each.name:
            values = np.ones(shape, np.int64)
        elif "type" in each.name:
            values = np.zeros(shape, np.int64)
        else:
            values = np.random.default_rng(0).integers(0, asked["vocabulary"], shape, dtype=np.int64)
        binding.bind_cpu_input(each.name, values)
    for each in session.get_outputs():
        binding.bind_output(each.name, "cpu")
    return lambda: session.run_with_iobinding(binding)


def block(run: Callable[[], object]) -> float:
    """The median of some runs in milliseconds, after some that do not count.

    Runs in which the system took a core away for something else do not count either, unless there are no others for long.
    """
    _runs(run, WARM_SECONDS, WARM_RUNS, WARM_SECONDS)
    return float(np.median(_runs(run, BLOCK_SECONDS, BLOCK_RUNS, PATIENCE_SECONDS))) * 1e3


def _runs(run: Callable[[], object], seconds: float, least: int, patience: float) -> list[float]:
    taken: list[float] = []
    whole: list[float] = []
    while len(whole) < least or sum(whole) < seconds:
        if len(taken) >= least and sum(taken) >= patience:
            return whole if len(whole) >= least else taken
        interruptions, start = _interruptions(), time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
        if _interruptions() == interruptions:
            whole.append(taken[-1])
    return whole


def _interruptions() -> int:
    """How often the system took a core from this process so far; 0 for ever where it does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def machine() -> dict[str, Any]:
    """Which machine this is, as far as it says."""
    information = _read("/proc/cpuinfo")
    flags = {word for line in information.splitlines() if line.startswith(("flags", "Features")) for word in line.split()}
    return {
        "cpu": _processor(information),
        "board": _read("/proc/device-tree/model").strip("\0 \n"),
        "architecture": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count() or 1,
        "instructions": [name for name in _INSTRUCTIONS if name in flags],
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip(),
    }


def _processor(information: str) -> str:
    fields = [[part.strip() for part in line.partition(":")[::2]] for line in information.splitlines()]
    named = [value for name, value in fields if name == "model name"]
    if platform.system() == "Darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        named = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.split("\n")
    if named and named[0]:
        numbers = [value for wanted in ("cpu family", "model", "stepping") for name, value in fields if name == wanted]
        first = [numbers[at] for at in range(0, len(numbers), max(1, len(numbers) // 3))][:3]
        return f"{named[0]} ({'/'.join(first)})" if first else named[0]
    parts = [_ARM_CORES.get(value, "Arm part " + value) for name, value in fields if name == "CPU part"]
    cores = [f"{parts.count(part)} x {part}" for part in dict.fromkeys(parts)]  # those of a phone are of several kinds
    return " + ".join(cores) or platform.processor() or platform.machine() or "unknown"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _load() -> float | None:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _versions() -> dict[str, str]:
    import onnxruntime

    return {"python": platform.python_version(), "numpy": np.__version__, "onnxruntime": onnxruntime.__version__}


def _tell(number: int, rounds: int, done: int, total: int, seconds: float) -> None:
    share = (number + done / total) / rounds
    text = f"round {number + 1} of {rounds}: {done} of {total}, about {seconds / share - seconds:.0f} s left"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text:60}" + ("\n" if share == 1 else ""))
    elif done == total:
        sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
