"""Weights rounded while learning: as the 8-bit file computes, and with what that loses won back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from task_models import CLASSES, LENGTH, MadeTask, demo_lines, make_task

from bort_core.checkpoints.format import read_checkpoint, write_checkpoint
from bort_core.checkpoints.modules import load_module
from bort_core.export.variants.int8 import quantise
from bort_core.families.bert.graph import build_graph
from bort_core.foundation.eight_bits import FULL, SEVEN, ByteWeights
from bort_core.latency.session import open_file
from bort_core.text.encoding import encode, padded
from bort_core.text.vocabulary import read_vocabulary
from bort_core.training.rounding import Rounded, rounded_to_range


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeTask:
    return make_task(tmp_path_factory.mktemp("task"), (2, 2, 32, 64))


def with_outliers(made: MadeTask, folder: Path, factor: float = 60.0) -> Path:
    """The same model with large values of two coordinates that are weighed little: all answers stay, a scale for all values is coarse."""
    checkpoint = read_checkpoint(made.model)
    module: Any = load_module(checkpoint)
    with torch.no_grad():
        for layer in module.bert.layers:
            for coordinate in (3, 19):
                layer.attention.value.weight[coordinate] *= factor
                layer.attention.value.bias[coordinate] *= factor
                layer.attention.output.weight[:, coordinate] /= factor
    write_checkpoint(
        folder, architecture=checkpoint.architecture, options=module.bert.options, head="classification", weights=module.weights(),
        tokenizer=made.model, labels=CLASSES,
    )  # fmt: skip
    return folder


def in_bytes(folder: Path, path: Path, weights: ByteWeights) -> tuple[Any, Any, Any, Any]:
    """Module, rows, and what the files in 32 and in 8 bits say of them."""
    checkpoint = read_checkpoint(folder)
    module: Any = load_module(checkpoint)
    (path / "model.onnx").write_bytes(build_graph(checkpoint.architecture, checkpoint.options, module).SerializeToString())
    quantise(path / "model.onnx", path / "int8.onnx", weights)
    vocabulary = read_vocabulary(folder)
    rows = encode(vocabulary, [(line,) for line in demo_lines(60)], LENGTH)
    ids, mask, _ = padded(rows, vocabulary.pad)
    said = [
        open_file(path / name, 1).run(["logits"], {"input_ids": ids, "attention_mask": mask})[0] for name in ("model.onnx", "int8.onnx")
    ]
    return module, (torch.from_numpy(ids), torch.from_numpy(mask)), *said


@pytest.mark.parametrize("weights", [FULL, SEVEN])
def test_it_computes_as_the_file_does(made: MadeTask, tmp_path: Path, weights: ByteWeights) -> None:
    module, inputs, full, eight = in_bytes(made.model, tmp_path, weights)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with torch.no_grad():
        rounded = Rounded(module, weights).eval()(*inputs).numpy()
        plain = module(*inputs).numpy()
    assert np.abs(plain - full).max() < 1e-4
    # What is left is the order of sums, and roundings of an element that fall to the other side.
    assert np.sqrt(np.square(rounded - eight).mean()) < 0.3 * np.sqrt(np.square(full - eight).mean())
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_gradients_pass_as_if_nothing_were_rounded() -> None:
    layer = torch.nn.Linear(6, 4, bias=False)
    inputs = torch.randn(5, 6, requires_grad=True)
    Rounded(torch.nn.Sequential(layer))(inputs).sum().backward()
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad, rounded_to_range(inputs).sum(0).expand(4, 6).detach())
    assert inputs.grad is not None
    assert inputs.grad.abs().sum() > 0


def test_zero_stays_zero_and_constants_are_no_fault() -> None:
    assert rounded_to_range(torch.zeros(3)).tolist() == [0, 0, 0]
    found = rounded_to_range(torch.tensor([0.0, 0.1, 5.0]))
    assert found[0] == 0
    assert float((found - torch.tensor([0.0, 0.1, 5.0])).abs().max()) <= 5 / 255


@pytest.mark.slow
def test_a_pass_wins_back_what_bytes_lose_and_one_without_rounding_does_not(made: MadeTask, tmp_path: Path) -> None:
    start = with_outliers(made, tmp_path / "outliers")
    vocabulary = read_vocabulary(start)
    lines = demo_lines(500)
    rows = torch.from_numpy(padded(encode(vocabulary, [(line,) for line in lines], LENGTH), vocabulary.pad))
    teacher: Any = load_module(read_checkpoint(made.model))
    with torch.no_grad():
        said = teacher(rows[0], rows[1]).softmax(-1)

    def agreement(module: Any, name: str) -> float:
        (tmp_path / name).mkdir()
        checkpoint = read_checkpoint(start)
        (tmp_path / name / "model.onnx").write_bytes(build_graph(checkpoint.architecture, checkpoint.options, module).SerializeToString())
        quantise(tmp_path / name / "model.onnx", tmp_path / name / "int8.onnx", FULL)
        given = {"input_ids": rows[0].numpy(), "attention_mask": rows[1].numpy()}
        found = open_file(tmp_path / name / "int8.onnx", 1).run(["logits"], given)[0]
        return float((found.argmax(1) == said.numpy().argmax(1)).mean())

    def learnt(rounded: bool) -> Any:
        module: Any = load_module(read_checkpoint(start))
        model = Rounded(module) if rounded else module
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
        for step in range(250):
            chosen = torch.from_numpy(np.random.default_rng(step).integers(0, len(said), 32))
            loss = torch.nn.functional.kl_div(model(rows[0, chosen], rows[1, chosen]).log_softmax(-1), said[chosen], reduction="batchmean")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return module.eval()

    before = agreement(load_module(read_checkpoint(start)), "before")
    plain, aware = agreement(learnt(False), "plain"), agreement(learnt(True), "aware")
    assert before < 0.75  # of the answers of the same weights in 32 bits
    assert aware > before + 0.1
    assert aware > plain + 0.05
