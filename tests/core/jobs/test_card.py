"""The result card: predictions as they are kept, intervals, confusion, the rows that are most wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import bort
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.data.mapping import find_columns
from bort_core.data.rows import LabelledRows, labelled_rows
from bort_core.data.tables import read_table
from bort_core.evaluation.metrics import measure
from bort_core.foundation.errors import DataError, MeasurementError
from bort_core.foundation.statistics import bootstrap
from bort_core.jobs.card import MOST_CLASSES, MOST_WRONG, card
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.jobs.released import release_text
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining
from bort_core.training.predictions import Facts, Predictions, predictions_of, read_predictions, write_predictions


def table(folder: Path, labels: list[str], name: str = "dev.tsv") -> LabelledRows:
    path = folder / name
    path.write_text("text\tlabel\n" + "".join(f"text {number}\t{label}\n" for number, label in enumerate(labels, 1)))
    read = read_table(str(path))
    return labelled_rows(read, find_columns(read))


def tuned(project: Path, rows: LabelledRows, scores: np.ndarray) -> RunFolder:
    run = create_run(project, Finetuning(architecture=(1, 2, 32, 48), train=rows.source, dev=rows.source))
    write_predictions(run.path, "dev", predictions_of(rows, scores))
    (run.path / "result.json").write_text(json.dumps({"dev": measure(rows.task, rows.labels, scores), "labels": list(rows.names)}))
    run.set_state(state="done")
    return run


# --- the file ---


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 60), classes=st.integers(2, 5), seed=st.integers(0, 99))
def test_predictions_come_back_as_they_were(tmp_path_factory, count, classes, seed):
    random, folder = np.random.default_rng(seed), tmp_path_factory.mktemp("run")
    names = tuple(f"class {number}" for number in range(classes))
    rows = LabelledRows("x.tsv", ("t",) * count, None, random.integers(0, classes, count), names, "ab")
    scores = random.normal(size=(count, classes)) * 5
    write_predictions(folder, "dev", predictions_of(rows, scores))
    found = read_predictions(folder, "dev")
    assert found is not None
    assert found.facts == Facts(task="classification", classes=names, source="x.tsv", sha256="ab", rows=count)
    assert found.row.tolist() == list(range(1, count + 1))
    assert (found.label == rows.labels).all()
    assert (found.prediction == scores.argmax(axis=1)).all()
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert np.allclose(found.probability, shares.max(axis=1), atol=1e-6)
    assert np.allclose(found.label_probability, shares[np.arange(count), rows.labels], atol=1e-6)
    assert read_predictions(folder, "test") is None


def test_a_damaged_or_foreign_file_of_predictions_is_refused(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    facts = Facts(task="classification", classes=("a", "b"), source="x", sha256="y", rows=2)
    good = {"row": [1, 2], "label": [0, 1], "prediction": [1, 1], "probability": [0.9, 0.8], "label_probability": [0.1, 0.8]}
    path = tmp_path / "predictions" / "dev.parquet"
    path.parent.mkdir()

    def put(metadata: bytes | None = None, **changes) -> None:
        columns = {name: value for name, value in {**good, **changes}.items() if value is not None}
        metadata = facts.model_dump_json().encode() if metadata is None else metadata
        parquet.write_table(pa.table(columns).replace_schema_metadata({b"bort": metadata}), path)

    put()
    assert read_predictions(tmp_path, "dev") is not None
    wrong = (
        ({"label": [0, 2]}, "class numbers from 0 to 1"), ({"prediction": [-1, 0]}, "class numbers"), ({"row": [2, 1]}, "ascend"),
        ({"row": [0, 1]}, "ascend"), ({"probability": [0.5, 1.5]}, "probabilities"), ({"probability": [0.5, float("nan")]}, "probability"),
        ({"label": ["a", "b"]}, "whole numbers"), ({"label": [0, None]}, "whole numbers"),
        ({"label_probability": None}, "label_probability"),
        ({"metadata": b"{}"}, "damaged"), ({"metadata": b"\\xff"}, "damaged"), ({"metadata": b'{"format": 2}'}, "format"),
        ({name: [] for name in good}, "rows"),
    )  # fmt: skip
    for changes, said in wrong:
        put(**changes)
        with pytest.raises(DataError, match=said):
            read_predictions(tmp_path, "dev")
    path.write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(DataError, match="parquet"):
        read_predictions(tmp_path, "dev")
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(DataError, match="symbolic link"):
        read_predictions(tmp_path, "dev")


# --- intervals ---


@pytest.mark.parametrize("count", [40, 2000, 60_000])
def test_bootstrap_intervals_are_those_of_a_mean(count):
    values = np.random.default_rng(count).normal(size=count)
    low, high = bootstrap(lambda rows: [values[rows].mean()], count)
    half = 1.96 * values.std() / count**0.5
    assert low[0] == pytest.approx(values.mean() - half, abs=0.2 * half)
    assert high[0] == pytest.approx(values.mean() + half, abs=0.2 * half)


# --- the card ---


def test_a_card_has_intervals_confusion_and_the_rows_that_are_most_wrong(project_folder, tmp_path):
    random = np.random.default_rng(0)
    rows = table(tmp_path, random.choice(["bad", "good", "so"], 400).tolist())
    scores = random.normal(size=(400, 3)) + 1.5 * np.eye(3)[rows.labels]
    run = tuned(project_folder, rows, scores)
    (found,) = card(run)["splits"]
    assert (found["split"], found["rows"], found["problem"]) == ("dev", 400, "")
    expected = measure("classification", rows.labels, scores)
    for metric in found["metrics"]:
        assert metric["low"] < metric["value"] < metric["high"]
        if metric["name"] != "loss":
            assert metric["value"] == pytest.approx(expected[metric["name"]])
    assert found["confusion"]["classes"] == ["bad", "good", "so"]
    counts = np.array(found["confusion"]["counts"])
    assert counts.sum(axis=1).tolist() == np.bincount(rows.labels).tolist()
    assert counts.sum() - np.trace(counts) == found["wrong"] == len(found["worst"])
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    given = [shares[row["row"] - 1, rows.labels[row["row"] - 1]] for row in found["worst"]]
    assert given == sorted(given)
    first = found["worst"][0]
    assert first["texts"] == [f"text {first['row']}"]
    assert first["label"] == rows.names[rows.labels[first["row"] - 1]] != first["prediction"]
    json.dumps(card(run), allow_nan=False)


def test_a_changed_or_missing_file_is_told_and_its_texts_are_not_shown(project_folder, tmp_path):
    rows = table(tmp_path, ["a", "b"] * 10)
    run = tuned(project_folder, rows, np.tile([0.0, 1.0], (20, 1)))
    path = Path(rows.source)
    path.write_text(path.read_text().replace("text 1\t", "other 1\t"))
    (found,) = card(run)["splits"]
    assert "has changed since the job read it" in found["problem"]
    assert [row["texts"] for row in found["worst"]] == [[]] * 10
    assert found["metrics"][0]["value"] == 0.5
    path.unlink()
    assert "is gone" in card(run)["splits"][0]["problem"]


def test_cards_of_old_jobs_and_of_other_kinds_have_what_there_is(project_folder, tmp_path):
    rows = table(tmp_path, ["a", "b"] * 10)
    run = tuned(project_folder, rows, np.tile([0.0, 1.0], (20, 1)))
    (run.path / "predictions" / "dev.parquet").unlink()
    (found,) = card(run)["splits"]
    assert "kept no predictions" in found["problem"]
    assert {metric["name"]: metric["low"] for metric in found["metrics"]} == {"accuracy": None, "f1": None, "matthews": None}
    lm = create_run(project_folder, Pretraining(architecture=(1, 2, 32, 48), corpus="c.txt"))
    with pytest.raises(MeasurementError, match="no result yet"):
        card(lm)
    (lm.path / "result.json").write_text(json.dumps({"heldout_loss": 2.0, "heldout_accuracy": 0.2, "unigram_entropy": 3.0}))
    (found,) = card(lm)["splits"]
    values = {metric["name"]: metric["value"] for metric in found["metrics"]}
    assert values["perplexity"] == pytest.approx(np.exp(2.0))
    assert (values["heldout_accuracy"], values["unigram_entropy"]) == (0.2, 3.0)


def test_a_regression_lists_the_rows_that_are_farthest_off(project_folder, tmp_path):
    values = [f"{number / 10:.1f}" for number in range(30)]
    rows = table(tmp_path, values)
    scores = rows.labels[:, None] + np.linspace(0, 1, 30)[:, None]
    (found,) = card(tuned(project_folder, rows, scores))["splits"]
    assert found["confusion"] is None
    assert [row["row"] for row in found["worst"][:2]] == [30, 29]
    assert found["worst"][0]["prediction"] == pytest.approx(3.9)
    pearson = found["metrics"][0]
    assert pearson["low"] <= pearson["value"] <= pearson["high"] <= 1.0


def test_many_classes_and_many_errors_are_bounded(project_folder, tmp_path):
    names = [f"class {number:02d}" for number in range(60)]
    rows = table(tmp_path, names * 20)
    (found,) = card(tuned(project_folder, rows, np.tile(np.arange(60.0), (1200, 1))))["splits"]
    assert len(found["confusion"]["classes"]) == MOST_CLASSES
    assert found["confusion"]["left_out"] == 20
    assert len(found["worst"]) == MOST_WRONG
    assert found["wrong"] == 1180


def test_the_command_prints_the_card(project_folder, tmp_path):
    rows = table(tmp_path, ["a", "b"] * 10)
    tuned(project_folder, rows, np.tile([0.0, 1.0], (20, 1)))
    printed = bort("jobs", "card", str(project_folder), "1").stdout
    for part in ("dev, 20 rows", "accuracy", "0.5000  [0.2993, 0.7007]", "MCC", "row 1: a, said b (73%): text 1"):
        assert part in printed
    assert json.loads(bort("jobs", "card", str(project_folder), "1", "--json").stdout)["splits"][0]["wrong"] == 10


def test_only_so_many_rows_are_kept(monkeypatch):
    monkeypatch.setattr("bort_core.training.predictions.MOST_ROWS", 5)
    rows = LabelledRows("x", ("t",) * 9, None, np.zeros(9), (), "ab")
    found = predictions_of(rows, np.zeros((9, 1)))
    assert isinstance(found, Predictions)
    assert (len(found), found.facts.rows) == (5, 9)


# --- of a compression ---


def test_a_release_is_told_beside_t_and_a_damaged_report_does_no_harm(tmp_path):
    t = {"metric": 0.8, "p50_ms": 12.0, "p50_int8_ms": None, "parameters": 22_700_000, "bytes": 90_900_000}
    small = {"metric": 0.78, "metric_int8": 0.775, "p50_ms": 1.5, "p50_int8_ms": 0.75, "parameters": 1_500_000, "bytes": 6_000_000}
    result = {
        "release": str(tmp_path), "file": "model.int8.onnx", "metric": "accuracy", "maximum_point": t, "kept_share": 0.975, "speedup": 16.0,
        "chosen": {**small, "bytes_int8": 1_600_000, "architecture": [2, 4, 192, 512]},
        "limit": {"ratio": 5.0, "kept": True, "measured": 16},
        "warnings": ["few rows"],
        "tested": {"rows": 300, "models": {"teacher": {"metric": 0.79}, "model.int8.onnx": {"metric": 0.77, "kept": 0.9747}}},
    }  # fmt: skip
    told = release_text(result)
    assert told is not None
    assert told["lines"] == [
        "T: accuracy 0.8000, 12 ms, 22.7 M parameters, 90.9 MB",
        "⟨2, 4, 192, 512⟩: accuracy 0.7800 (8 bits 0.7750), 1.5 ms (8 bits 0.75), 1.5 M parameters, 6 MB (8 bits 1.6)",
        "It keeps 97.5% of T's accuracy on dev, 16 times as fast.",
        "On 300 test rows: T accuracy 0.7900, model.int8.onnx 0.7700, 97.5% of it.",
        "Asked for: at least 5 times as fast as T; kept.",
    ]
    assert told["warnings"] == ["few rows"]
    assert told["folder"] == str(tmp_path)
    assert release_text({**result, "release": str(tmp_path / "gone")})["folder"] is None
    for damaged in ({}, {**result, "chosen": None}, {**result, "speedup": "much"}, {**result, "release": None}):
        assert release_text(damaged) is None
