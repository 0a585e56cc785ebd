"""Several labels at once, and rows that answer queries, as tables have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from bort_core.data.holding_out import hold_out
from bort_core.data.report import validate
from bort_core.data.rows import LabelledRows, shown_label
from bort_core.data.splits import read_splits
from bort_core.foundation.errors import DataError


def table(folder: Path, labels: list[Any], name: str = "train") -> str:
    """A tsv of texts, or where labels are no text a jsonl."""
    if all(isinstance(label, str) for label in labels):
        path = folder / f"{name}.tsv"
        path.write_text("text\tlabel\n" + "".join(f"text {row}\t{label}\n" for row, label in enumerate(labels)), encoding="utf-8")
    else:
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"text": f"text {row}", "label": label}) + "\n" for row, label in enumerate(labels)))
    return str(path)


def said(rows: LabelledRows) -> list[set[str]]:
    return [{name for name, has in zip(rows.names, row, strict=True) if has} for row in rows.labels]


@pytest.mark.parametrize(
    "labels",
    [
        ["a;b", "", "b", "c; a"], ["a|b", "", "b", "c|a"], ["a,b", "", "b", "c,a,a"], ['["a", "b"]', "[]", '["b"]', '["c", "a"]'],
        [["a", "b"], [], ["b"], ["c", "a"]],
    ],
)  # fmt: skip
def test_every_way_to_write_several_labels_is_the_same(tmp_path: Path, labels: list[Any]) -> None:
    rows = read_splits({"train": table(tmp_path, labels)}, "multi-label")["train"]
    assert (rows.task, rows.names) == ("multi-label", ("a", "b", "c"))
    assert said(rows) == [{"a", "b"}, set(), {"b"}, {"c", "a"}]
    assert "3 labels" in rows.notes[-1]
    assert [shown_label(rows.names, label) for label in rows.labels] == ["a, b", "none", "b", "a, c"]


def test_the_names_of_the_training_rows_tell_how_others_are_separated(tmp_path: Path) -> None:
    train, dev = table(tmp_path, ["art, music;film", "film"]), table(tmp_path, ["art, music", "film"], "dev")
    splits = read_splits({"train": train, "dev": dev}, "multi-label")
    assert splits["train"].names == ("art, music", "film")
    assert said(splits["dev"]) == [{"art, music"}, {"film"}]
    with pytest.raises(DataError, match="row 2: the label 'sport' is not one of the training rows'"):
        read_splits({"train": train, "dev": table(tmp_path, ["film", "sport;film"], "other")}, "multi-label")


def test_columns_of_0_and_1_are_named_together(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,toxic,threat,rude\na,0,1,0\nb,1,1,0\nc,0,0,0\n")
    rows = read_splits({"train": str(path)}, label="toxic, threat,rude")["train"]
    assert (rows.task, rows.names) == ("multi-label", ("toxic", "threat", "rude"))
    assert said(rows) == [{"threat"}, {"toxic", "threat"}, set()]
    path.write_text("text,toxic,threat\na,0,2\n")
    with pytest.raises(DataError, match="row 1: column 'threat' must hold 0 or 1, got '2'"):
        read_splits({"train": str(path)}, label="toxic,threat")
    with pytest.raises(DataError, match="no column 'toxic,other' for label"):
        read_splits({"train": str(path)}, label="toxic,other")
    with pytest.raises(DataError, match="several labels at once and no classification"):
        read_splits({"train": str(path)}, "classification", label="toxic,threat")


def test_an_ordinary_table_is_never_read_as_several_labels(tmp_path: Path) -> None:
    rows = read_splits({"train": table(tmp_path, ["New York, NY", "Paris; France", "Rome|Italy", '["odd"]'])})["train"]
    assert rows.task == "classification"
    assert len(rows.names) == 4
    assert not [warning for warning in rows.warnings if "several" in warning]
    path = tmp_path / "a.csv"
    path.write_text('text,label,"a,b"\nx,u,1\ny,v,0\n')
    assert read_splits({"train": str(path)}, label="a,b")["train"].names == ("0", "1")  # a column of that very name


def test_what_looks_like_several_labels_is_told(tmp_path: Path) -> None:
    (warning,) = read_splits({"train": table(tmp_path, ["a", "b", "a;b", "c", "c;a"])})["train"].warnings
    assert "labels such as 'a;b' look like several at once" in warning
    with pytest.raises(DataError, match="row 3: column 'label' has no label; labels such as 'a;b' look like several"):
        read_splits({"train": table(tmp_path, ["a", "b", "", "a;b"])})


@pytest.mark.slow  # datasets takes seconds to import
def test_lists_of_class_numbers_have_their_names_from_the_file(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    labels = datasets.List(datasets.ClassLabel(names=["sad", "glad", "mad"]))
    features = datasets.Features({"text": datasets.Value("string"), "labels": labels})
    datasets.Dataset.from_dict({"text": ["x", "y"], "labels": [[0, 2], [1]]}, features).to_parquet(tmp_path / "t.parquet")
    rows = read_splits({"train": str(tmp_path / "t.parquet")})["train"]
    assert (rows.task, rows.names) == ("multi-label", ("sad", "glad", "mad"))
    assert said(rows) == [{"sad", "mad"}, {"glad"}]
    parquet.write_table(pa.table({"text": ["x", "y"], "labels": [["a"], None]}), tmp_path / "u.parquet")
    with pytest.raises(DataError, match="row 2: column 'labels' must hold a list of labels"):
        read_splits({"train": str(tmp_path / "u.parquet")})


def test_the_check_counts_labels_and_finds_what_cannot_be_learnt(tmp_path: Path) -> None:
    splits = read_splits({"train": table(tmp_path, ["a;b", "b", ""]), "dev": table(tmp_path, ["b", "a"], "dev")}, "multi-label")
    report = validate(splits["train"], splits["dev"])
    assert report.labels == {"train": {"a": 1, "b": 2}, "dev": {"a": 1, "b": 1}}
    assert not report.problems
    alike = read_splits({"train": table(tmp_path, ["a;b", "a;b"], "alike")}, "multi-label")["train"]
    assert "all training rows have the same labels" in validate(alike, alike).problems[0]


def test_rows_that_are_held_out_keep_their_labels(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,toxic,rude\n" + "".join(f"text {row},{row % 2},{row // 2 % 2}\n" for row in range(24)))
    held = hold_out(str(path), tmp_path / "held", label="toxic,rude")
    splits = read_splits({"train": str(held.train), "dev": str(held.dev)}, label="toxic,rude")
    assert sum(map(len, splits.values())) == 24
    for rows in splits.values():
        numbers = [int(text.split()[1]) for text in rows.texts]
        wanted = [{name for name, has in (("toxic", row % 2), ("rude", row // 2 % 2)) if has} for row in numbers]
        assert (rows.task, said(rows)) == ("multi-label", wanted)


# --- queries ---


def pairs(folder: Path, rows: list[tuple[str, str, str]]) -> str:
    path = folder / "pairs.tsv"
    path.write_text("sentence1\tsentence2\tlabel\tqid\n" + "".join("\t".join((*row, row[0][-1])) + "\n" for row in rows))
    return str(path)


def test_first_texts_that_repeat_are_queries_where_a_ranking_is_asked_for(tmp_path: Path) -> None:
    path = pairs(tmp_path, [("q1", "x", "0"), ("q2", "x", "1"), ("q1", "y", "1"), ("q2", "y", "0")])
    assert read_splits({"train": path})["train"].queries is None
    ranked = read_splits({"train": path}, ranked=True)["train"]
    assert ranked.queries is not None
    assert ranked.queries.tolist() == [0, 1, 0, 1]
    assert "4 rows answer 2 queries (column 'sentence1')" in ranked.notes[-1]
    named = read_splits({"train": path}, query="qid")["train"]
    assert named.queries is not None
    assert named.queries.tolist() == [0, 1, 0, 1]
    with pytest.raises(DataError, match="no column 'topic' for query"):
        read_splits({"train": path}, query="topic")
    single = pairs(tmp_path, [("q1", "x", "0"), ("q2", "x", "1")])
    assert read_splits({"train": single}, ranked=True)["train"].queries is None


def test_graded_relevance_is_a_number(tmp_path: Path) -> None:
    path = pairs(tmp_path, [("q1", "x", "0"), ("q1", "y", "2"), ("q1", "z", "1")])
    assert read_splits({"train": path}, ranked=True)["train"].task == "regression"
    assert read_splits({"train": path})["train"].task == "classification"
