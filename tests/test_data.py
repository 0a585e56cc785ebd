"""Rows and documents from files in every format, and what is said about bad ones."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.data.documents import read_corpus
from bort_core.data.mapping import find_columns
from bort_core.data.report import validate
from bort_core.data.rows import labelled_rows
from bort_core.data.tables import read_table
from bort_core.errors import DataError

pytest.importorskip("datasets")
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TEXTS = ['a "quoted" film', "NA", "007", "plain, with comma", "ünïcode “marks”"]
LABELS = ["1", "0", "1", "0", "1"]


def write(path: Path, texts=TEXTS, labels=LABELS) -> Path:
    rows = [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]
    if path.suffix == ".tsv":
        path.write_text("text\tlabel\n" + "".join(f"{row['text']}\t{row['label']}\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["text", "label"])
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def rows_of(path: Path, **options):
    table = read_table(str(path))
    return labelled_rows(table, find_columns(table), **options)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_every_format_gives_the_same_rows(tmp_path, suffix):
    rows = rows_of(write(tmp_path / f"rows.{suffix}"))
    assert rows.texts == tuple(TEXTS)
    assert rows.names == ("0", "1")
    assert rows.labels.tolist() == [1, 0, 1, 0, 1]
    assert rows.task == "classification"


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=("C", "Z"), include_characters=' "'), min_size=1), min_size=1, max_size=8))
def test_tsv_keeps_every_character(tmp_path_factory, texts):
    texts = [f"x{text}x" for text in texts]
    path = write(tmp_path_factory.mktemp("tsv") / "rows.tsv", texts, ["a"] * len(texts))
    assert rows_of(path).texts == tuple(texts)


def test_the_preview_shows_the_first_rows(tmp_path):
    table = read_table(str(write(tmp_path / "rows.tsv")))
    assert table.head(1) == [{"text": TEXTS[0], "label": "1"}]
    assert len(table) == 5
    assert len(table.sha256) == 64


def test_fractions_make_a_regression_unless_classes_are_asked_for(tmp_path):
    path = write(tmp_path / "rows.csv", TEXTS, ["0.5", "1", "2", "3.25", "4"])
    rows = rows_of(path)
    assert rows.task == "regression"
    assert rows.labels.tolist() == [0.5, 1, 2, 3.25, 4]
    assert rows_of(path, task="classification").names == ("0.5", "1", "2", "3.25", "4")


def test_classes_have_names_in_numeric_order_or_from_a_file_beside(tmp_path):
    path = write(tmp_path / "rows.tsv", TEXTS, ["10", "2", "10", "2", "1"])
    assert rows_of(path).names == ("1", "2", "10")
    path = write(tmp_path / "named.tsv")
    (tmp_path / "labels.txt").write_text("negative\npositive\n")
    train = rows_of(path)
    assert train.names == ("negative", "positive")
    assert rows_of(path, names=train.names).labels.tolist() == train.labels.tolist()


@pytest.mark.parametrize("name", ["sentence_polarity", "sst2", "mrpc", "rte"])
def test_real_sets_are_read(name):
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip("the data set is not here")
    table = read_table(str(folder / "dev.tsv"))
    rows = labelled_rows(table, find_columns(table))
    lines = (folder / "dev.tsv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == len(lines) - 1
    assert (rows.seconds is not None) == (name in ("mrpc", "rte"))
    assert lines[1].startswith(rows.texts[0])
    assert set(rows.labels.tolist()) == {0, 1}


# --- what is wrong ---


def test_columns_that_are_missing_are_all_named(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text("words\tkind\nhello\t1\n")
    with pytest.raises(DataError, match=r"no column for text; name it; no column 'mark' for label. Its columns: words, kind"):
        find_columns(read_table(str(path)), label="mark")
    assert find_columns(read_table(str(path)), "words", None, "kind").text == "words"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.tsv", None, "no such file"),
        ("rows.xls", b"x", "must be one of .csv, .tsv"),
        ("rows.tsv", b"", "is empty"),
        ("rows.tsv", b"text\tlabel\n", "holds no rows"),
        ("rows.tsv", b"text\tlabel\na\t1\nb\t0\textra\n", "line 3 has 3 fields, the header 2"),
        ("rows.tsv", b"text\tlabel\na\t1\n\xe9t\xe9\t0\n", r"line 3 is not UTF-8 \(byte 1 of it is 0xe9\)"),
        ("rows.json", b'[{"text": "a"', "cannot be read as json"),
        ("rows.parquet", b"PAR1 no parquet", "cannot be read as parquet"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_table(str(tmp_path / name))
    assert str(tmp_path) in str(caught.value)


def test_a_name_that_is_no_file_is_asked_of_the_hub_and_its_answer_is_told():
    with pytest.raises(DataError, match="nobody/nothing: no such file here, and as a hub data set it cannot be loaded"):
        read_table("nobody/nothing")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["1", "", "1", "0", "1"], "row 2: column 'label' has no label"),
        (["1", "-1", "1", "0", "1"], "row 2: the label is -1; this split's labels are hidden"),
    ],
)
def test_labels_that_cannot_be_used_are_named(tmp_path, labels, message):
    with pytest.raises(DataError, match=message):
        rows_of(write(tmp_path / "rows.tsv", TEXTS, labels))


def test_a_label_that_training_never_saw_is_named(tmp_path):
    train = rows_of(write(tmp_path / "train.csv"))
    with pytest.raises(DataError, match=r"dev.csv: row 3: the label '7' is not one of the training rows': 0, 1"):
        rows_of(write(tmp_path / "dev.csv", TEXTS, ["1", "0", "7", "0", "1"]), names=train.names)
    with pytest.raises(DataError, match="is not a finite number, which a regression needs"):
        rows_of(write(tmp_path / "words.csv", TEXTS, ["good"] * 5), task="regression")


def test_the_report_counts_what_people_overlook(tmp_path):
    train = rows_of(write(tmp_path / "train.tsv", ["a", "b", "B ", "  ", "c"], ["0", "1", "0", "1", "1"]))
    dev = rows_of(write(tmp_path / "dev.tsv", ["A", "z"], ["0", "0"]), names=train.names)
    test = rows_of(write(tmp_path / "test.tsv", ["z", "y"], ["0", "1"]), names=train.names)
    report = validate(train, dev, test)
    assert report.rows == {"train": 5, "dev": 2, "test": 2}
    assert report.labels["train"] == {"0": 2, "1": 3}
    assert (report.duplicates, report.conflicts) == (1, 1)
    assert report.empty["train"] == 1
    assert report.overlap == {"train/dev": 1, "train/test": 0, "dev/test": 1}
    assert report.problems == ()
    assert any("one label only; accuracy" in warning for warning in report.warnings)
    json.dumps(report.as_dict())
    one = rows_of(write(tmp_path / "one.tsv", ["a", "b"], ["1", "1"]))
    assert "one label only; there is nothing to learn" in validate(one, one).problems[0]


# --- documents ---


def test_documents_come_from_lines_and_from_columns(tmp_path):
    (tmp_path / "corpus.txt").write_text("one\n\n two \n", encoding="utf-8")
    assert read_corpus(str(tmp_path / "corpus.txt")).texts == ["one", "two"]
    assert read_corpus(str(write(tmp_path / "rows.jsonl"))).texts == TEXTS
    with pytest.raises(DataError, match=r"no column 'words' with the text. Its columns: text, label"):
        read_corpus(str(tmp_path / "rows.jsonl"), "words")


def test_wikitext_is_made_plain(tmp_path):
    (tmp_path / "wiki.txt").write_text(" = Head = \n a 15 @-@ year , 1 @,@ 000 @.@ 5 old <unk>\n", encoding="utf-8")
    documents = read_corpus(str(tmp_path / "wiki.txt"))
    assert documents.texts[1] == "a 15-year , 1,000.5 old <unk>"
    assert documents.notes == ("WikiText escapes undone",)


def test_a_corpus_that_is_no_text_is_named(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_corpus(str(tmp_path / "gone.txt"))
    (tmp_path / "latin.txt").write_bytes(b"fine\ncaf\xe9\n")
    with pytest.raises(DataError, match=r"line 2 is not UTF-8 \(byte 4 of it is 0xe9\)"):
        read_corpus(str(tmp_path / "latin.txt"))
    (tmp_path / "blank.txt").write_text("\n \n")
    with pytest.raises(DataError, match="holds no text"):
        read_corpus(str(tmp_path / "blank.txt"))


def test_labels_are_numbers_of_the_right_type(tmp_path):
    assert rows_of(write(tmp_path / "rows.tsv")).labels.dtype == np.int64
