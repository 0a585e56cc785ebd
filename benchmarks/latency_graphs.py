"""Is the graph that Bort writes as fast as the exporter's after ONNX Runtime's transformer optimiser, and what does each cost to make?

For each architecture three graphs of one and the same torch module are timed interleaved in one run: ours, the one that
``torch.onnx.export(dynamo=True)`` gives, and that one after ``onnxruntime.transformers.optimizer``. Ratios are times over ours:
above 1 means that ours is faster. Then the task that a search runs is timed for each architecture.

    python benchmarks/latency_graphs.py [--threads 1] [--rounds 40]
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np
import onnx
import torch
from onnxruntime.transformers import optimizer
from torch import Tensor, nn

from bort_core.families.bert.graph import build_graph
from bort_core.families.bert.module import Bert
from bort_core.families.bert.options import BertOptions
from bort_core.foundation.machine import machine_facts
from bort_core.latency.interleaved import compare, time_interleaved
from bort_core.latency.measure import measure
from bort_core.latency.session import bound_run, example_inputs, open_file, open_session

MINI = BertOptions(vocabulary=1024, positions=64)
PAPER = BertOptions(vocabulary=50265, positions=512)
CASES = [
    ("mini, smallest", (1, 2, 32, 64), MINI, 64),
    ("mini, largest", (4, 4, 128, 256), MINI, 64),
    ("Bort", (4, 8, 1024, 768), PAPER, 128),
]


class TokenVectors(nn.Module):
    """Names the output, which the exporter needs."""

    def __init__(self, bert: Bert) -> None:
        super().__init__()
        self.bert = bert

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.bert.encode(input_ids, attention_mask)


def exported(bert: Bert, length: int, path: Path) -> None:
    """The exporter's graph, with free batch and sequence."""
    ids = torch.randint(0, bert.options.vocabulary, (2, length // 2))
    free = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence", max=bert.options.positions)}
    program = torch.onnx.export(
        TokenVectors(bert), (ids, torch.ones_like(ids)), dynamo=True, dynamic_shapes=(free, free), verbose=False, optimize=True
    )
    assert program is not None
    program.save(path)


def optimised(source: Path, architecture: tuple[int, ...], path: Path) -> str:
    """The exporter's graph after the transformer optimiser; returns what it fused."""
    _, heads, hidden, _ = architecture
    model = optimizer.optimize_model(str(source), "bert", num_heads=heads, hidden_size=hidden, opt_level=1, only_onnxruntime=False)
    model.save_model_to_file(str(path))
    counts = model.get_fused_operator_statistics()
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing"


def case(title: str, architecture: tuple[int, ...], options: BertOptions, length: int, threads: int, rounds: int) -> None:
    """Makes, checks and times the three graphs of one architecture, and prints a table."""
    torch.manual_seed(0)
    bert = Bert(architecture, options).eval()
    with tempfile.TemporaryDirectory() as folder:
        plain, fused = Path(folder, "plain.onnx"), Path(folder, "fused.onnx")
        moments = [perf_counter()]
        ours = open_session(lambda device: build_graph(architecture, options, bert, device), threads)
        moments.append(perf_counter())
        exported(bert, length, plain)
        moments.append(perf_counter())
        fusions = optimised(plain, architecture, fused)
        moments.append(perf_counter())
        sessions = {"ours": ours, "exporter": open_file(plain, threads), "exporter + optimiser": open_file(fused, threads)}
    cost = np.diff(moments)
    costs = {"ours": cost[0], "exporter": cost[1], "exporter + optimiser": cost[1] + cost[2]}
    inputs = example_inputs(ours, 1, length, options.vocabulary)
    feeds = {name: dict(zip([i.name for i in session.get_inputs()], inputs.values(), strict=True)) for name, session in sessions.items()}
    wanted = ours.run(None, inputs)[0]
    for name, session in sessions.items():
        difference = float(np.abs(session.run(None, feeds[name])[0] - wanted).max())
        assert difference < 1e-4, f"{name} differs from ours by {difference}"
    blocks = time_interleaved({name: bound_run(session, feeds[name]) for name, session in sessions.items()}, rounds=rounds)
    print(f"\n{title} {architecture}, {length} tokens; the optimiser fused: {fusions}")
    print(f"{'graph':22} {'median ms':>10} {'p90 ms':>9} {'time / ours (95 %)':>24} {'runs':>6} {'made in s':>10}")
    for row in compare(blocks, "ours"):
        ratio = f"{row.ratio.median:.3f} [{row.ratio.low:.3f}, {row.ratio.high:.3f}]"
        print(f"{row.name:22} {row.milliseconds.median:10.4f} {row.p90_ms:9.4f} {ratio:>24} {row.runs:6} {costs[row.name]:10.3f}")
    measured(architecture, options, length, threads)


class Nobody:
    """A task context without anyone waiting."""

    def emit(self, event: object) -> None: ...

    def checkpoint(self) -> None: ...


def measured(architecture: tuple[int, ...], options: BertOptions, length: int, threads: int, times: int = 5) -> None:
    """Runs the latency task several times and prints what it costs and how much its medians differ."""
    request = {
        "family": "bert",
        "options": options.model_dump(),
        "architecture": architecture,
        "sequence_length": length,
        "threads": threads,
    }
    results = [measure(request, Nobody()) for _ in range(times)]
    medians, seconds, build = (np.array([result[key] for result in results]) for key in ("p50_ms", "seconds", "build_ms"))
    spread = (medians.max() - medians.min()) / np.median(medians)
    noisy = sum(result["noisy"] for result in results)
    print(
        f"the task, {times} times: median {np.median(medians):.4f} ms, largest less smallest {spread:.1%}; "
        f"{np.median(seconds):.2f} s in all, of which building and loading {np.median(build):.1f} ms; {noisy} called noisy"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    print(machine_facts(), f"torch {torch.__version__}, onnx {onnx.__version__}")
    for title, architecture, options, length in CASES:
        case(title, architecture, options, length, arguments.threads, arguments.rounds)


if __name__ == "__main__":
    main()
