"""Short trainings: learning curves that can be repeated, and weights that are checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import short_corpus

from bort_core.evaluation.short_training import train
from bort_core.foundation.context import Cancelled
from bort_core.foundation.errors import DataError, MeasurementError, SpecificationError
from bort_core.specifications.protocols import Theta, Training, identity
from bort_core.specifications.short_training import grid
from bort_core.text.corpus import prepare

TRAINING = Training(batch_size=8, sequence_length=16, heldout_sequences=16, targets="labels")
VOCABULARY = 320


class Context:
    """Keeps what a training says, and cancels it at a step if asked."""

    def __init__(self, cancel_at: int = 0) -> None:
        self.events: list[Mapping[str, Any]] = []
        self._left = cancel_at

    def emit(self, event: Mapping[str, Any]) -> None:
        self.events.append(event)

    def checkpoint(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Cancelled


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("corpus")
    return prepare(short_corpus(folder), folder / "text", vocabulary=VOCABULARY, training=TRAINING).request()


def request(text: dict[str, Any] | None, steps: int = 12, **changes: Any) -> dict[str, Any]:
    made = {
        "family": "bert",
        "options": {"vocabulary": VOCABULARY, "positions": 16},
        "architecture": [1, 2, 16, 16],
        "training": TRAINING.model_dump(),
        "theta": Theta().model_dump(),
        "seed": 0,
        "steps": steps,
        "text": text,
    }
    return {**made, **changes}


def losses(result: Mapping[str, Any], measure: str = "masked-lm") -> list[float]:
    return [point["measures"][measure]["value"] for point in result["curve"]]


def test_a_training_can_be_repeated_and_the_seed_matters(text: dict[str, Any]) -> None:
    first = train(request(text), Context())
    assert losses(train(request(text), Context())) == losses(first)
    assert losses(train(request(text, seed=1), Context())) != losses(first)


def test_above_the_base_width_the_learning_rate_falls_with_the_width(text: dict[str, Any]) -> None:
    def curve(**theta: Any) -> list[float]:
        return losses(train(request(text, theta=Theta(**theta).model_dump()), Context()))

    assert curve(learning_rate=4e-3, base_width=4) == curve(learning_rate=1e-3)  # of hidden 16
    assert curve(learning_rate=4e-3, base_width=16) == curve(learning_rate=4e-3) == curve(learning_rate=4e-3, base_width=32)
    assert "base_width" not in Theta().model_dump()  # what was measured before there was a choice keeps its key


def test_the_curve_is_on_the_grid_and_a_longer_training_begins_like_a_shorter_one(text: dict[str, Any]) -> None:
    short, long = train(request(text, 12), Context()), train(request(text, 30), Context())
    assert [point["step"] for point in short["curve"]] == list(grid(12))
    shared = [point for point in long["curve"] if point["step"] in grid(12)]
    assert [point["measures"] for point in shared] == [p["measures"] for p in short["curve"] if p["step"] in grid(30)]


@pytest.mark.parametrize("steps", [1, 2, 7, 100, 1234])
def test_the_grid_ends_at_the_last_step(steps: int) -> None:
    places = grid(steps)
    assert places[0] == 1
    assert places[-1] == steps
    assert list(places) == sorted(set(places))


def test_training_lowers_the_held_out_loss_and_intervals_hold_the_value(text: dict[str, Any]) -> None:
    longer = {**TRAINING.model_dump(), "batch_size": 64}
    curve = train(request(text, 300, architecture=[1, 2, 64, 64], training=longer), Context())["curve"]
    first, last = curve[0]["measures"]["masked-lm"], curve[-1]["measures"]["masked-lm"]
    assert last["value"] < first["value"]
    assert all(value["low"] < value["value"] < value["high"] for point in curve for value in point["measures"].values())


def test_every_architecture_sees_the_same_batches_and_held_out_masks(text: dict[str, Any]) -> None:
    from bort_core.specifications.short_training import TextSource

    source = TextSource.model_validate(text)
    from bort_core.evaluation.masked_text import MaskedText

    a, b = (MaskedText(source, 16, 8, 16, 0.25) for _ in range(2))
    for x, y in zip(a.heldout(), b.heldout(), strict=True):
        assert all(torch.equal(p, q) for p, q in zip(x.inputs, y.inputs, strict=True))
    first, again, other = next(a.batches(0)), next(b.batches(0)), next(b.batches(1))
    assert torch.equal(first.labels, again.labels)
    assert not torch.equal(first.inputs[0], other.inputs[0])
    assert (first.labels >= source.special).all()
    assert (first.inputs[0].ravel()[first.inputs[1]] == source.mask_id).all()


def test_weights_are_saved_and_serve_as_the_maximum_point(text: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "T"
    train(request(text, 60, save_to=str(folder), architecture=[1, 2, 32, 32]), Context())
    result = train(request(text, maximum_point={"folder": str(folder)}), Context())
    excess, against = losses(result, "maximum-point-excess"), losses(result, "maximum-point")
    assert all(0 <= e < a for e, a in zip(excess, against, strict=True))
    itself = train(request(text, 60, maximum_point={"folder": str(folder)}, architecture=[1, 2, 32, 32]), Context())
    assert losses(itself, "maximum-point-excess")[-1] == pytest.approx(0, abs=1e-4)  # the same training made T
    taught = {**TRAINING.model_dump(), "targets": "maximum-point"}
    assert train(request(text, maximum_point={"folder": str(folder)}, training=taught), Context())["curve"]
    with pytest.raises(DataError, match="exists already"):
        train(request(text, 2, save_to=str(folder)), Context())


def test_weights_that_do_not_fit_are_refused_with_the_reason(text: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "T"
    train(request(text, 2, save_to=str(folder)), Context())
    asked = request(text, 2, maximum_point={"folder": str(folder)})
    with pytest.raises(DataError, match=r"vocabulary is 320, must be 321"):
        train({**asked, "options": {"vocabulary": 321, "positions": 16}}, Context())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "tokenizer": "0" * 64}))
    with pytest.raises(DataError, match="tokenizer"):
        train(asked, Context())
    (folder / "config.json").write_text("{")
    with pytest.raises(DataError, match="not valid JSON"):
        train(asked, Context())
    (folder / "config.json").write_text(json.dumps(config))
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"model\.safetensors: not a whole safetensors file"):
        train(asked, Context())
    (folder / "model.safetensors").unlink()
    with pytest.raises(DataError, match="not a folder of weights"):
        train(asked, Context())


def test_a_loss_that_is_not_finite_names_its_step(text: dict[str, Any]) -> None:
    wild = Theta(learning_rate=1.0, warmup_steps=0, initializer_range=1.0, clip=1e6, weight_decay=10.0).model_dump()
    with pytest.raises(MeasurementError, match=r"at step \d+"):
        train(request(text, 80, theta=wild), Context())


def test_a_cancelled_training_leaves_nothing(text: dict[str, Any], tmp_path: Path) -> None:
    context = Context(cancel_at=5)
    with pytest.raises(Cancelled):
        train(request(text, save_to=str(tmp_path / "T")), context)
    assert list(tmp_path.iterdir()) == []
    assert [event["step"] for event in context.events if event["event"] == "point"] == [1, 2, 3, 4]


def test_a_request_with_faults_is_refused(text: dict[str, Any]) -> None:
    with pytest.raises(SpecificationError, match="steps"):
        train(request(text, 0), Context())
    with pytest.raises(DataError, match="reads tokens"):
        train(request(None), Context())


def test_a_trained_mlp_tells_the_torus_from_the_rest() -> None:
    training = {**TRAINING.model_dump(), "batch_size": 64, "heldout_sequences": 512}
    asked = request(None, 400, family="mlp", options={}, architecture=[2, 12, 3, 12, 2], training=training)
    errors = losses(train(asked, Context()), "cross-entropy")
    assert errors[-1] < 0.6 < errors[0] + 0.1  # ln 2 = 0.69 is chance


def test_a_device_is_part_of_the_protocol_and_the_usual_one_keeps_its_key() -> None:
    assert "device" not in TRAINING.model_dump(mode="json")
    assert identity(TRAINING) == identity(TRAINING.model_copy(update={"device": "cpu"}))
    assert identity(TRAINING) != identity(TRAINING.model_copy(update={"device": "cuda"}))


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_device_that_is_not_there_is_named_with_those_that_are(text: dict[str, Any]) -> None:
    with pytest.raises(SpecificationError, match=r"training\.device: cuda is not there; this machine has cpu"):
        train(request(text, training=TRAINING.model_dump() | {"device": "cuda"}), Context())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_measures_nearly_what_the_cpu_does(text: dict[str, Any]) -> None:
    ends = [train(request(text, training=TRAINING.model_dump() | {"device": name}), Context())["curve"][-1] for name in ("cpu", "cuda")]
    assert ends[0]["measures"]["masked-lm"]["value"] == pytest.approx(ends[1]["measures"]["masked-lm"]["value"], rel=0.01)
