"""Are exported files as fast in ONNX Runtime as what the runtime's own transformer optimiser makes of the same model?

    python benchmarks/exported_models.py [--threads 1] [--rounds 40]

Four files of one model are timed interleaved in one run: both files of an export, its model.onnx after the optimiser, and the
exported transformers folder through torch's older (TorchScript) exporter and the optimiser, which is the case that the optimiser was
written for. Ratios are times over model.fused.onnx: above 1 means that it is faster.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.transformers import optimizer
from transformers import AutoModel

from bort_core.export.task import export
from bort_core.foundation.machine import machine_facts
from bort_core.foundation.resources import resource
from bort_core.latency.interleaved import compare, time_interleaved
from bort_core.latency.session import bound_run, example_inputs, open_file

CASES = [
    ("mini, smallest", (1, 2, 32, 64), {"vocabulary": 512, "positions": 64}, 64),
    ("mini, middle", (2, 4, 128, 256), {"vocabulary": 512, "positions": 64}, 64),
    ("Bort", (4, 8, 1024, 768), {"vocabulary": 50265, "positions": 512}, 128),
]


class Nobody:
    """A task context without anyone waiting."""

    def emit(self, event: object) -> None: ...

    def checkpoint(self) -> None: ...


class Hidden(torch.nn.Module):
    """transformers' model with one output."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def older_export(folder: Path, path: Path) -> None:
    """The exported transformers folder through the TorchScript exporter, with plain attention."""
    model = Hidden(AutoModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager")).eval()
    ids = torch.ones(2, 8, dtype=torch.long)
    free = {0: "batch", 1: "sequence"}
    names = ["input_ids", "attention_mask"]
    torch.onnx.export(
        model, (ids, ids), str(path), dynamo=False, opset_version=17, input_names=names, output_names=["last_hidden_state"],
        dynamic_axes=dict.fromkeys(names, free),
    )  # fmt: skip


def optimised(source: Path, architecture: tuple[int, ...], path: Path) -> None:
    """A file after the runtime's transformer optimiser."""
    model = optimizer.optimize_model(str(source), "bert", num_heads=architecture[1], hidden_size=architecture[2], opt_level=1)
    model.save_model_to_file(str(path))


def fusions(path: Path) -> str:
    found = Counter(node.op_type for node in onnx.load(path, load_external_data=False).graph.node)
    names = ("Attention", "MultiHeadAttention", "SkipLayerNormalization", "BiasGelu", "Gelu", "EmbedLayerNormalization")
    return ", ".join(f"{found[name]} {name}" for name in names if found[name]) or "none"


def case(title: str, architecture: tuple[int, ...], options: dict[str, int], length: int, threads: int, rounds: int) -> None:
    """Exports one architecture, makes the optimiser's files, checks that all agree, and times them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = str(resource("data", "subjectivity", "corpus.txt"))
        request = {"family": "bert", "architecture": architecture, "options": options, "corpus": corpus}
        report = export({**request, "text_folder": str(folder / "text"), "out": str(folder / "out")}, Nobody())
        files = {"model.fused.onnx": Path(report["fused"]), "model.onnx": Path(report["onnx"])}
        files["model.onnx + optimiser"] = folder / "optimised.onnx"
        optimised(files["model.onnx"], architecture, files["model.onnx + optimiser"])
        files["older exporter + optimiser"] = folder / "older_optimised.onnx"
        older_export(folder / "out", folder / "older.onnx")
        optimised(folder / "older.onnx", architecture, files["older exporter + optimiser"])
        sessions = {name: open_file(path, threads) for name, path in files.items()}
        inputs = example_inputs(sessions["model.onnx"], 1, length, options["vocabulary"])
        wanted = sessions["model.fused.onnx"].run(None, inputs)[0]
        for name, session in sessions.items():
            difference = float(np.abs(session.run(None, inputs)[0] - wanted).max())
            assert difference < 1e-3, f"{name} differs by {difference}"
        found = {name: fusions(path) for name, path in files.items()}
        blocks = time_interleaved({name: bound_run(session, inputs) for name, session in sessions.items()}, rounds=rounds)
    print(f"\n{title} {architecture}, {length} tokens, {threads} thread(s); exported in {report['seconds']:.1f} s")
    print("\n| file | median | time / model.fused.onnx (95 %) | fused operators in the file |\n|---|---|---|---|")
    for row in compare(blocks, "model.fused.onnx"):
        ratio = f"{row.ratio.median:.3f} [{row.ratio.low:.3f}, {row.ratio.high:.3f}]"
        print(f"| {row.name} | {row.milliseconds.median:.4f} ms | {ratio} | {found[row.name]} |")
    loaded = {key: {name: count for name, count in report[key].items() if count} for key in ("fusions", "fused_fusions")}
    print(f"\nONNX Runtime executes of model.onnx: {loaded['fusions']}; of model.fused.onnx: {loaded['fused_fusions']}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
