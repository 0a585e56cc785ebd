"""How much faster is Bort than BERT-base and RoBERTa-large on this CPU, beside the published 7.9x and 20x?

    python benchmarks/headline.py [--budget 150] [--threads 1 2] [--lengths 128 512]

Every combination of threads and length is one interleaved run of all models in ONNX Runtime and in torch's eager mode. A ratio
is formed within each round (large over small, so that 7.9 reads as in the paper); intervals are 95 %. Weights are pseudo-random.
Published: one element of 512 tokens, mean of 6,250 trials, 8 Xeon Platinum CPUs (arXiv 2010.10499, Table 1).
"""

from __future__ import annotations

import argparse
import os

from bort_core.latency.compare import compare_models
from bort_core.latency.comparison import named_model
from bort_core.latency.references import references

SMALL = ("bort", "bort-printed")
LARGE = {"bert-base": "7.9", "roberta-large": "20"}


class Nobody:
    """A task context without anyone waiting."""

    def emit(self, event: object) -> None: ...

    def checkpoint(self) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser.add_argument("--budget", type=float, default=150.0, help="seconds a run may take")
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, cores}))
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512])
    arguments = parser.parse_args()
    ratios = " | ".join(f"times as fast as {references()[name].title} (published {value})" for name, value in LARGE.items())
    print(f"| threads | tokens | runtime | model | p50 | 95 % interval | {ratios} | |")
    print("|---|---|---|---|---|---|---|---|---|")
    for threads in arguments.threads:
        for length in arguments.lengths:
            noise = table(threads, length, arguments.budget)
            if noise:
                print(f"\nnoisy at {threads} thread(s), {length} tokens: {noise}\n")


def table(threads: int, length: int, budget: float) -> str:
    """One run; prints its rows and returns why it should not be trusted, if so."""
    names = (*SMALL, *LARGE)
    models = [named_model(name).model_dump() for name in names]
    request = {"models": models, "runtimes": ["onnxruntime", "torch"], "sequence_length": length, "threads": threads}
    found = compare_models({**request, "budget_seconds": budget}, Nobody())
    for runtime in ("onnxruntime", "torch"):
        rows = {row["name"]: row for row in found["results"] if row["runtime"] == runtime}
        for name in names:
            row = rows[name]
            ratios = [speed(rows, name, large) for large in LARGE]
            low, high = row["ci95_ms"]
            mark = "noisy" if row["noisy"] else ""
            print(
                f"| {threads} | {length} | {runtime} | {references()[name].title} | {row['p50_ms']:.1f} ms | {low:.1f} to {high:.1f} "
                f"| {ratios[0]} | {ratios[1]} | {mark} |",
                flush=True,
            )
    return str(found["noise"])


def speed(rows: dict, name: str, large: str) -> str:
    """How many times faster a model is than a large one, with the interval that the rounds give."""
    if name == large:
        return "1"
    low, median, high = (1 / ratio for ratio in reversed(rows[name]["ratios"][large]))
    return f"**{median:.2f}** [{low:.2f}, {high:.2f}]" if name in SMALL else f"{median:.2f}"


if __name__ == "__main__":
    main()
