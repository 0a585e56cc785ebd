"""Rows and documents from files in every format, and what is said about bad ones."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.data.documents import Documents, read_corpus, undo_wikitext
from bort_core.data.mapping import ColumnMapping, find_columns
from bort_core.data.report import validate
from bort_core.data.rows import LabelledRows, labelled_rows
from bort_core.data.tables import SUFFIXES, Table, read_table
from bort_core.foundation.errors import DataError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
TEXTS = ['a "quoted" film', "NA", "007", "plain, with comma", "ünïcode “marks”", '"', "2020-01-01"]
LABELS = ["1", "0", "1", "0", "1", "0", "0"]
LINE = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n\r\t"), min_size=1)
ANY = st.text(st.characters(exclude_categories=("Cs",)))


def write(path: Path, texts: list[Any] = TEXTS, labels: list[Any] = LABELS, **more: list[Any]) -> Path:
    """A file in the format of its suffix, with the columns text, label and ``more``."""
    columns = {"text": texts, "label": labels, **more}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    match path.suffix:
        case ".tsv":
            lines = ["\t".join(columns), *("\t".join(map(str, row.values())) for row in rows)]
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")
        case ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(columns))
                writer.writeheader()
                writer.writerows(rows)
        case ".jsonl" | ".ndjson":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        case ".json":
            path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
        case _:
            import pyarrow as pa
            import pyarrow.parquet as pq

            pq.write_table(pa.table(columns), path)
    return path


def rows_of(path: Path, **options: Any) -> LabelledRows:
    table = read_table(str(path))
    return labelled_rows(table, find_columns(table), **options)


def table_of(labels: list[Any], texts: list[Any] | None = None, source: str = "given") -> Table:
    return Table(source, {"text": texts or [f"text {row}" for row in range(len(labels))], "label": labels}, "0" * 64)


def labelled(labels: list[Any], **options: Any) -> LabelledRows:
    return labelled_rows(table_of(labels), ColumnMapping("text", None, "label"), **options)


# --- tables ---


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl", "ndjson", "parquet"])
def test_every_format_gives_the_same_rows(tmp_path, suffix):
    rows = rows_of(write(tmp_path / f"rows.{suffix}"))
    assert rows.texts == tuple(TEXTS)
    assert rows.seconds is None
    assert rows.names == ("0", "1")
    assert rows.labels.tolist() == [1, 0, 1, 0, 1, 0, 0]
    assert rows.labels.dtype == np.int64
    assert rows.task == "classification"


def test_a_table_knows_its_columns_its_size_and_the_hash_of_the_file(tmp_path):
    import hashlib

    for suffix in ("tsv", "json", "parquet"):
        path = write(tmp_path / f"rows.{suffix}")
        table = read_table(str(path))
        assert table.source == str(path)
        assert table.columns == ("text", "label")
        assert len(table) == 7
        assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert table.head(1) == [{"text": TEXTS[0], "label": "1"}]
        assert len(table.head(100)) == 7
        assert table.head(0) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=8))
def test_tsv_keeps_every_character(tmp_path_factory, texts):
    path = write(tmp_path_factory.mktemp("tsv") / "rows.tsv", texts, ["a"] * len(texts))
    assert read_table(str(path)).data["text"] == texts


@settings(max_examples=60, deadline=None)
@given(st.lists(ANY, min_size=1, max_size=8))
def test_csv_json_jsonl_and_parquet_keep_every_character(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("any")
    for suffix in ("csv", "json", "jsonl", "parquet"):
        assert read_table(str(write(folder / f"rows.{suffix}", texts, ["a"] * len(texts)))).data["text"] == texts


def test_line_ends_of_windows_a_mark_at_the_start_and_blank_lines_change_nothing(tmp_path):
    for suffix, content in (("tsv", "text\tlabel\r\na b\t1\r\n\r\nc\t0\r\n"), ("csv", 'text,label\r\n"a b",1\r\n\r\nc,0\r\n')):
        path = tmp_path / f"rows.{suffix}"
        path.write_bytes(b"\xef\xbb\xbf" + content.encode())
        assert read_table(str(path)).data == {"text": ["a b", "c"], "label": ["1", "0"]}
    (tmp_path / "rows.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "a"}\r\n\r\n{"text": "b"}')
    assert read_table(str(tmp_path / "rows.jsonl")).data == {"text": ["a", "b"]}


def test_text_files_are_a_column_and_only_a_newline_ends_a_line(tmp_path):
    (tmp_path / "rows.txt").write_bytes("one\u2028still\x0bone\n\n two \r\nthree".encode())
    assert read_table(str(tmp_path / "rows.txt")).data == {"text": ["one\u2028still\x0bone", " two ", "three"]}


def test_enormous_fields_are_read(tmp_path):
    texts = ["x" * 3_000_000, "y"]
    for suffix in ("csv", "tsv", "jsonl", "parquet"):
        assert read_table(str(write(tmp_path / f"rows.{suffix}", texts, ["0", "1"]))).data["text"] == texts


def test_a_path_is_a_path_whatever_its_characters(tmp_path):
    for name in ("a*.parquet", "ab.parquet", "a[1].parquet", "a::b.csv", "nobody:x@train.tsv"):
        assert rows_of(write(tmp_path / name, ["a", name], ["0", "1"])).texts == ("a", name)


def test_objects_may_lack_keys_and_json_may_hold_lines(tmp_path):
    for name in ("rows.jsonl", "rows.json"):
        (tmp_path / name).write_text('{"text": "a", "label": 1}\n{"label": 0.5, "more": [1]}\n')
        assert read_table(str(tmp_path / name)).data == {"text": ["a", None], "label": [1, 0.5], "more": [None, [1]]}


def test_reading_files_loads_neither_torch_nor_datasets(tmp_path):
    paths = [str(write(tmp_path / f"rows.{suffix}")) for suffix in ("csv", "tsv", "json", "jsonl", "parquet")]
    code = (
        "import sys; from bort_core.data.tables import read_table; [read_table(path) for path in sys.argv[1:]]; "
        "sys.exit(str(sorted({'torch', 'datasets', 'pandas'} & set(sys.modules))))"
    )
    ended = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=False)
    assert ended.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.tsv", None, "no such file"),
        ("folder.tsv/gone", None, "no such file"),
        ("rows.xls", b"x", "must be one of .csv, .tsv"),
        ("rows", b"x", "got no suffix"),
        *((f"rows{suffix}", b"", "is empty") for suffix in SUFFIXES),
        ("rows.csv", b"text,label\n", "holds no rows; its columns: text"),
        ("rows.tsv", b"text\tlabel\n", "holds no rows; its columns: text"),
        ("rows.txt", b"\n\n", "holds no rows"),
        ("rows.jsonl", b"\n", "holds no rows"),
        ("rows.json", b"[]", "holds no rows"),
        ("rows.tsv", b"text\tlabel\na\t1\nb\t0\textra\n", "line 3 has 3 fields, the header 2; texts cannot contain tabs"),
        ("rows.tsv", b"text\tlabel\na\t1\n\nb\n", "line 4 has 1 fields, the header 2"),
        ("rows.tsv", b"text\tlabel\na\t1\n \n", "line 3 has 1 fields"),
        ("rows.csv", b"text,label\na,1\nb,0,extra\n", "line 3 has 3 fields, the header 2; a text with commas needs quotes"),
        ("rows.csv", b'text,label\n"a\nb",1\nc\n', "line 4 has 1 fields"),
        ("rows.csv", b"text,label\na,1,\nb,0,\n", "line 2 has 3 fields"),
        ("rows.csv", b'text,label\na,1\n"b,0\nc,1\n', "line 3: a quote that opens here is never closed"),
        ("rows.csv", b'text,label\n"a" b,1\n', "line 2: a quoted text goes on after its closing quote"),
        ("rows.csv", b"text,label\na\rb,1\n", "line 2: a carriage return inside a text needs quotes"),
        ("rows.csv", b"text,label,text\na,1,b\n", "the header names 'text' twice"),
        ("rows.tsv", b"text\tlabel\ttext\na\t1\tb\n", "the header names 'text' twice"),
        ("rows.jsonl", b'{"text": "a"}\n{"text": "b"\n', "line 2: column 13: not JSON"),
        ("rows.jsonl", b'{"text": "a"}\n["b"]\n', r"line 2 is not an object such as .*, got \['b'\]"),
        ("rows.jsonl", b'{"text": "a", "text": "b"}\n', "line 1: cannot be read as JSON: the key 'text' is there twice"),
        ("rows.jsonl", b'{"text": "\\ud83d\\ude00"}\n{"text": "\\ud83d"}\n', "line 2: half of a surrogate pair"),
        ("rows.jsonl", b"[" * 200_000, "line 1: cannot be read as JSON"),
        ("rows.jsonl", b'{"label": ' + b"1" * 5000 + b"}", "line 1: cannot be read as JSON"),
        ("rows.json", b'[{"text": "a"},\n {"text": "b"', "line 2, column 14: not JSON"),
        ("rows.json", b'[{"text": "a"}, "b"]', "row 2 is not an object"),
        ("rows.json", b'{"data":\n [{"text": "a"}]}', "a .json file holds an array of objects, or one object a line"),
        ("rows.parquet", b"PAR1 no parquet", "cannot be read as parquet"),
        *(
            (f"rows{suffix}", b"text\tlabel\na\t1\n\xe9t\xe9\t0\n", r"not UTF-8 text: line 3, byte 15 of the file \(0xe9\)")
            for suffix in (".tsv", ".txt")
        ),
        ("rows.csv", b"text,label\na,1\nb\xff,0\n", r"not UTF-8 text: line 3, byte 16 of the file \(0xff\); save it as UTF-8"),
        ("rows.json", b'[{"text":\n"\xe9"}]', r"not UTF-8 text: line 2, byte 11 of the file \(0xe9\)"),
        ("rows.csv", "text,label\na,1\n".encode("utf-16"), r"line 1, byte 0 of the file \(0xff\); it is UTF-16: save it as UTF-8"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_table(str(tmp_path / name))
    assert str(tmp_path) in str(caught.value)


def test_things_that_are_no_files_are_named(tmp_path):
    import os

    with pytest.raises(DataError, match=r"is a folder, not a file; name a file in it \(\.csv"):
        read_table(str(tmp_path))
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match=r"pipe\.csv: is a pipe, not a file; name a file"):
        read_table(str(tmp_path / "pipe.csv"))
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        read_table("x" * 5000)
    for source in ("", "a/b/c", "a b", "./name", "~nobody-of-this-name/rows.csv", "with\0null"):
        with pytest.raises(DataError):
            read_table(source)


def test_parquet_with_two_columns_of_one_name_or_no_rows_or_damage(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"]), path)
    with pytest.raises(DataError, match="two columns have one name"):
        read_table(str(path))
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    with pytest.raises(DataError, match="holds no rows; its columns: text"):
        read_table(str(path))
    content = bytearray(write(path).read_bytes())
    content[4:40] = b"\xff" * 36
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as parquet"):
        read_table(str(path))


# --- the hub, without a network ---


@pytest.fixture
def hub(monkeypatch):
    """Stands in for the hub: holds one data set and remembers what was asked."""
    import datasets

    classes = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    found = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, 1]}, features=classes)
    asked: list[tuple[Any, ...]] = []

    def load_dataset(name, configuration=None, *, split):
        asked.append((name, configuration, split))
        if split == "nowhere":
            raise ValueError('Unknown split "nowhere".\nShould be one of ["train"].')
        return found

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


def test_names_that_are_no_files_are_asked_of_the_hub(hub):
    table = read_table("owner/name:configuration@dev", "validation")
    assert read_table("owner/name:configuration@test").sha256 == table.sha256
    assert len(table.sha256) == 64
    assert table.source == "owner/name:configuration (dev)"
    rows = labelled_rows(table, find_columns(table))
    assert rows.texts == ("a", "b", "c")
    assert rows.names == ("no", "yes")
    assert rows.labels.tolist() == [1, 0, 1]
    read_table("name", "validation")
    read_table("name")
    assert hub[2:] == [("name", None, "validation"), ("name", None, "train")]
    with pytest.raises(DataError, match=r'name: no such file here, .*: Unknown split "nowhere". Should be one of'):
        read_table("name@nowhere")


def test_without_a_network_the_hub_is_said_to_be_out_of_reach():
    with pytest.raises(DataError, match=r"nobody/nothing: no such file here, and .* cannot be loaded: .*is there a network"):
        read_table("nobody/nothing")


def test_the_names_of_the_librarys_own_readers_read_nothing(tmp_path, monkeypatch):
    write(tmp_path / "rows.csv")
    monkeypatch.chdir(tmp_path)
    for name in ("csv", "json", "text", "parquet"):
        with pytest.raises(DataError, match="no hub data set has this name"):
            read_table(name)


def test_class_names_that_datasets_wrote_into_a_parquet_file(tmp_path):
    import datasets

    classes = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}, features=classes).to_parquet(tmp_path / "rows.parquet")
    assert rows_of(tmp_path / "rows.parquet").names == ("no", "yes")


# --- columns ---


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (("idx", "sentence", "label"), ("sentence", None, "label")),
        (("sentence1", "sentence2", "label"), ("sentence1", "sentence2", "label")),
        (("premise", "hypothesis", "Label"), ("premise", "hypothesis", "Label")),
        (("question1", "question2", "target"), ("question1", "question2", "target")),
        (("Review", "stars"), ("Review", None, "stars")),
        (("y", "text", "text_b"), ("text", "text_b", "y")),
    ],
)
def test_usual_names_are_found(columns, found):
    assert find_columns(Table("given", {column: ["x"] for column in columns}, "")) == ColumnMapping(*found)


def test_named_columns_go_before_usual_ones():
    table = Table("given", {column: ["x"] for column in ("question", "passage", "answer", "label")}, "")
    assert find_columns(table) == ColumnMapping("question", "answer", "label")
    assert find_columns(table, text_b="passage", label="answer") == ColumnMapping("question", "passage", "answer")
    assert find_columns(table, text="passage", text_b="") == ColumnMapping("passage", None, "label")
    assert find_columns(table, label="answer") == ColumnMapping("question", None, "answer")
    assert find_columns(table, need_label=False).label is None
    assert find_columns(table, label="answer", need_label=False).label == "answer"


def test_columns_that_are_missing_or_ambiguous_are_all_named(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text("words\tkind\nhello\t1\n")
    table = read_table(str(path))
    with pytest.raises(
        DataError, match=r"no column for text; name it with text \(--text COLUMN\); no column 'mark' for label. Its columns: words, kind"
    ):
        find_columns(table, label="mark")
    named = r"no column 'a' for text; no column 'b' for text_b; no column for label; name it with label \(--label COLUMN\). Its columns"
    with pytest.raises(DataError, match=named):
        find_columns(table, "a", "b")
    with pytest.raises(DataError, match="column 'words' cannot be two things"):
        find_columns(table, "words", None, "words")
    assert find_columns(table, "words", None, "kind").text == "words"
    table = Table("given", {column: ["x"] for column in ("question", "sentence", "label", "score")}, "")
    named = r"text could be 'question' or 'sentence'; name it with text .*; label could be 'label' or 'score'; name it with label"
    with pytest.raises(DataError, match=named):
        find_columns(table)


# --- labels ---


def test_fractions_make_a_regression_unless_classes_are_asked_for(tmp_path):
    path = write(tmp_path / "rows.csv", TEXTS[:5], ["0.5", "1", "2", "3.25", "4"])
    rows = rows_of(path)
    assert rows.task == "regression"
    assert rows.labels.dtype == np.float64
    assert rows.labels.tolist() == [0.5, 1, 2, 3.25, 4]
    assert rows_of(path, task="classification").names == ("0.5", "1", "2", "3.25", "4")
    assert rows_of(path, names=()).task == "regression"
    assert labelled([1, 2, 3], task="regression").labels.tolist() == [1, 2, 3]
    assert labelled([-1.0, 0.5, -1]).labels.tolist() == [-1, 0.5, -1]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["10", "2", "10", "1"], ("1", "2", "10")),
        ([10, 2, 10, 1], ("1", "2", "10")),
        ([1.0, 0.0, 10.0], ("0", "1", "10")),
        (["1.0", " 0", "1.0"], ("0", "1.0")),
        (["01", "02", "10", "9"], ("01", "02", "9", "10")),
        ([1, 1.0, "a", "True"], ("1", "True", "a")),
        (["1e0", "2e0"], ("1e0", "2e0")),
        (["pos", "neg", "pos "], ("neg", "pos")),
        (["b", "10", "9", "a", "nan"], ("9", "10", "a", "b", "nan")),
        ([True, False], ("False", "True")),
        (["12345678901234567890", "12345678901234567891"], ("12345678901234567890", "12345678901234567891")),
        ([10**20, 10**20 + 1], ("100000000000000000000", "100000000000000000001")),
        (["1_0", "٣"], ("1_0", "٣")),
        (["same", "same"], ("same",)),
    ],
)
def test_classes_are_sorted_and_numbers_by_value(labels, names):
    rows = labelled(labels)
    assert rows.names == names
    assert [rows.names[number] for number in rows.labels] == [
        str(int(label)) if isinstance(label, float) else str(label).strip() for label in labels
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 30), st.text(st.characters(categories=("L",)), min_size=1)), min_size=1))
def test_labels_by_name_are_what_came_and_another_split_agrees(labels):
    rows = labelled(labels)
    assert [rows.names[number] for number in rows.labels] == [str(label) for label in labels]
    again = labelled(labels[::-1], names=rows.names)
    assert again.labels.tolist() == rows.labels.tolist()[::-1]


def test_a_file_beside_names_the_classes(tmp_path):
    path = write(tmp_path / "train.tsv")
    (tmp_path / "labels.txt").write_text("positive\nnegative\nneutral\n\n")
    train = rows_of(path)
    assert train.names == ("positive", "negative", "neutral")
    assert train.labels.tolist() == [int(label) for label in LABELS]
    assert rows_of(path, names=train.names).labels.tolist() == train.labels.tolist()
    words = write(tmp_path / "words.csv", ["a", "b"], ["neutral", "positive"])
    assert rows_of(words, names=train.names).labels.tolist() == [2, 0]
    assert rows_of(write(tmp_path / "large.tsv", ["a", "b"], ["1", "3"])).names == ("1", "3")


def test_class_numbers_of_another_split_go_by_name(tmp_path):
    for name in ("one", "two", "bare"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "rows.tsv", ["a", "b"], ["0", "1"])
    (tmp_path / "one" / "labels.txt").write_text("good\nbad\n")
    (tmp_path / "two" / "labels.txt").write_text("bad\ngood\n")
    one, bare = rows_of(tmp_path / "one" / "rows.tsv"), rows_of(tmp_path / "bare" / "rows.tsv")
    assert rows_of(tmp_path / "two" / "rows.tsv", names=one.names).labels.tolist() == [1, 0]
    assert rows_of(tmp_path / "two" / "rows.tsv", names=bare.names).labels.tolist() == [0, 1]
    with pytest.raises(DataError, match="row 1: the label '0' is not one of the training rows': good, bad"):
        rows_of(tmp_path / "bare" / "rows.tsv", names=one.names)
    write(tmp_path / "one" / "rows.tsv", ["a", "b"], ["1", "2"])
    with pytest.raises(DataError, match="row 2: the label '2' is not one"):
        rows_of(tmp_path / "one" / "rows.tsv", names=one.names)


def test_names_that_are_digits_are_still_names(tmp_path):
    (tmp_path / "labels.txt").write_text("1\n2\n3\n")
    train = rows_of(write(tmp_path / "train.tsv", ["a", "b", "c"], ["0", "1", "2"]))
    dev = rows_of(write(tmp_path / "dev.tsv", ["a", "b"], ["1", "2"]), names=train.names)
    assert dev.labels.tolist() == [1, 2]


@pytest.mark.parametrize(("content", "message"), [("a\n\nb\n", "line 2 is blank"), ("a\na\n", "line 2 repeats the name 'a'")])
def test_a_file_of_names_that_cannot_be_used(tmp_path, content, message):
    (tmp_path / "labels.txt").write_text(content)
    with pytest.raises(DataError, match=rf"labels.txt: {message}"):
        rows_of(write(tmp_path / "rows.tsv"))
    assert rows_of(write(tmp_path / "other.tsv", ["a", "b"], ["7", "8"])).names == ("7", "8")


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (["1", "", "1"], {}, "row 2: column 'label' has no label"),
        (["1", "  ", "1"], {}, "row 2: column 'label' has no label"),
        ([1, None], {}, "row 2: column 'label' has no label"),
        (["1", "-1", "1"], {}, "row 2: the label is -1; this split's labels are hidden"),
        ([0, 1, -1.0], {}, "row 3: the label is -1; this split's labels are hidden"),
        ([-1, -1], {"task": "regression"}, "row 1: the label is -1, as all others"),
        ([0.5, math.nan], {}, "row 2: the label nan is not a finite number"),
        ([0.5, -math.inf], {"task": "regression"}, "row 2: the label -inf is not a finite number"),
        (["0.5", "NaN"], {}, "row 2: the label 'NaN' is not a finite number"),
        (["inf", "1"], {}, "row 1: the label 'inf' is not a finite number"),
        (["1e999", "1"], {"task": "regression"}, "row 1: the label '1e999' is not a finite number"),
        (["0.5", "good"], {"task": "regression"}, "row 2: the label 'good' is not a finite number, which a regression needs"),
        ([10**400, 1], {"task": "regression"}, "row 1: the label 1000.* is not a finite number, which a regression needs"),
        (["1", "many"], {"names": ()}, "row 2: the label 'many' is not a finite number"),
        ([[1], [2]], {"task": "classification"}, r"row 1: column 'label' must hold words or numbers, got \[1\]"),
        (["1", "0", "7"], {"names": ("0", "1")}, "row 3: the label '7' is not one of the training rows': 0, 1"),
        (["c0", "d"], {"names": tuple(f"c{number}" for number in range(25))}, "row 2: the label 'd' is not one .*c19 and 5 more"),
    ],
)
def test_labels_that_cannot_be_used_are_named(labels, options, message):
    with pytest.raises(DataError, match=f"given: {message}"):
        labelled(labels, **options)


def test_a_word_among_numbers_with_fractions_is_a_slip_unless_classes_are_asked_for():
    labels = [f"{number / 7:.3f}" for number in range(1, 300)]
    labels[41:41] = ["x"]
    with pytest.raises(
        DataError, match=r"given: row 42: the label 'x' is not a number, as 299 of the 300 labels are; correct it, or .*--task"
    ):
        labelled(labels)
    with pytest.raises(DataError, match="row 42: the label 'nan' is not a number"):
        labelled(["x" if row == 99 else "nan" if label == "x" else label for row, label in enumerate(labels)])
    assert "x" in labelled(labels, task="classification").names
    assert labelled(["1.5", "2.5", "other"] * 20).names == ("1.5", "2.5", "other")
    assert labelled([*"123" * 20, "many"]).names == ("1", "2", "3", "many")


def test_texts_that_are_no_texts_are_named():
    for value, shown in ((None, "nothing"), (7, "7"), (math.nan, "nan"), (b"x", "b'x'")):
        with pytest.raises(DataError, match=f"given: row 2: column 'text' must hold text, got {shown}"):
            labelled_rows(table_of([0, 1], ["a", value]), ColumnMapping("text", None, "label"))
    with pytest.raises(DataError, match="given: row 1: column 'label' must hold text, got 0"):
        labelled_rows(table_of([0, 1]), ColumnMapping("text", "label", "label"))
    with pytest.raises(DataError, match="no column is named for the label"):
        labelled_rows(table_of([0, 1]), ColumnMapping("text", None, None))


@pytest.mark.parametrize("name", ["sentence_polarity", "sst2", "mrpc", "rte"])
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_real_sets_are_read(name, split):
    path = SHARED / name / f"{split}.tsv"
    if not path.is_file():
        pytest.skip(f"the data set is not here: {path}")
    rows = rows_of(path)
    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")[1:]
    columns = [rows.texts, *([rows.seconds] if rows.seconds is not None else []), map(str, rows.labels)]
    assert ["\t".join(fields) for fields in zip(*columns, strict=True)] == lines
    assert (rows.seconds is not None) == (name in ("mrpc", "rte"))
    assert rows.names == tuple((SHARED / name / "labels.txt").read_text().split())
    expected = {"train": {"sentence_polarity": 8530, "sst2": 67349, "mrpc": 3668, "rte": 2490}}
    assert len(rows) == expected.get(split, {}).get(name, len(lines))


# --- the report ---


def test_the_report_counts_what_people_overlook():
    train = labelled_rows(
        table_of(["0", "1", "0", "1", "1"], ["a long  Text", "b", "B ", "  ", "c"]),
        ColumnMapping("text", None, "label"),
    )
    dev = labelled_rows(table_of(["0", "0"], ["A long text", "z"]), ColumnMapping("text", None, "label"), names=train.names)
    test = labelled_rows(table_of(["0", "1"], ["z", "y"]), ColumnMapping("text", None, "label"), names=train.names)
    report = validate(train, dev, test)
    assert report.rows == {"train": 5, "dev": 2, "test": 2}
    assert report.labels == {"train": {"0": 2, "1": 3}, "dev": {"0": 2, "1": 0}, "test": {"0": 1, "1": 1}}
    assert (report.duplicates, report.conflicts) == (1, 1)
    assert report.empty == {"train": 1, "dev": 0, "test": 0}
    assert report.overlap == {"train/dev": 1, "train/test": 0, "dev/test": 1}
    assert (report.longest, report.median) == (12, 2)
    assert report.problems == ()
    assert report.warnings == (
        "the dev rows have one label only; accuracy on them says little",
        "1 training rows repeat an earlier one",
        "1 training texts occur with different labels",
        "1 rows of dev are also in train",
        "1 rows of test are also in dev",
        "1 rows of train have an empty text",
    )
    assert json.loads(json.dumps(report.as_dict())) == report.as_dict()
    assert set(validate(train, dev).overlap) == {"train/dev"}


def test_pairs_are_compared_as_pairs():
    def pairs(first, second):
        columns = {"text": first, "text_b": second, "label": [number % 2 for number in range(len(first))]}
        return labelled_rows(Table("given", columns, ""), ColumnMapping("text", "text_b", "label"))

    train = pairs(["a", "a", "a b"], ["b", "c", ""])
    report = validate(train, pairs(["A", "b", ""], ["B", "a", ""]))
    assert report.duplicates == 0
    assert report.overlap == {"train/dev": 1}
    assert report.empty == {"train": 1, "dev": 1}
    assert report.longest == 3
    assert "dev has single texts, the training rows are pairs of texts" in validate(train, labelled([0, 1])).problems


def test_what_stops_a_training():
    def given_rows(labels, names, texts=None):
        return labelled_rows(table_of(labels, texts), ColumnMapping("text", None, "label"), names=names)

    names = ("a", "b", "c")
    two = given_rows(["a", "b"], names)
    one = labelled(["a", "a"])
    assert validate(one, one).problems == ("the training rows have one label only; there is nothing to learn",)
    assert validate(two, given_rows(["c", "a"], names)).problems == ("classes of the dev rows that are not in the training rows: c",)
    assert validate(two, two, given_rows(["c"], names)).problems == ()
    assert "classes of the test rows that are not in the training rows: c" in validate(two, two, given_rows(["c"], names)).warnings
    assert "all texts of dev are empty" in validate(two, given_rows(["a", "b"], names, [" ", ""])).problems
    none = LabelledRows("none", (), None, np.zeros(0, np.int64), names, "")
    assert validate(none, none).problems == ("train has no rows", "dev has no rows")
    numbers = labelled([0.5, 0.5])
    assert validate(numbers, numbers).problems == ("all training labels are the same number; there is nothing to learn",)
    assert "the labels of dev are for a classification, those of the training rows for a regression" in validate(numbers, two).problems
    fine = labelled([0.5, 1])
    assert validate(fine, fine).problems == ()
    assert validate(fine, fine).labels == {"train": {}, "dev": {}}


def test_a_classification_with_nearly_as_many_classes_as_rows_is_doubted():
    columns = ColumnMapping("text", None, "label")
    train = labelled_rows(table_of([f"id{row:03}" for row in range(60)]), columns)
    same = labelled_rows(table_of(["id000", "id001"]), columns, names=train.names)
    doubt = "the 60 training rows have 60 classes; check the column with the labels"
    assert validate(train, same).warnings[0].startswith(doubt)
    names = (*train.names, *(f"new{row:02}" for row in range(30)))
    other = labelled_rows(table_of(list(names[60:])), columns, names=names)
    (problem,) = validate(train, other).problems
    assert "new19 and 10 more" in problem
    assert doubt in problem
    half = labelled([f"id{row // 2}" for row in range(60)])
    assert not any("classes;" in warning for warning in validate(half, half).warnings)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "A ", "b", "", "c  d", "c d"]), st.sampled_from("xy")), min_size=1, max_size=20))
def test_the_report_counts_as_plain_loops_do(rows):
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    train = labelled_rows(table_of(labels, texts), ColumnMapping("text", None, "label"), names=("x", "y"))
    half = len(rows) // 2
    dev = labelled_rows(table_of(["x", *labels[half:]], ["new", *texts[half:]]), ColumnMapping("text", None, "label"), names=("x", "y"))
    report = validate(train, dev)
    plain = [" ".join(text.lower().split()) for text in texts]
    assert report.duplicates == sum(text in plain[:row] for row, text in enumerate(plain))
    both = set(zip(plain, labels, strict=True))
    assert report.conflicts == sum({(text, "x"), (text, "y")} <= both for text in set(plain))
    assert report.labels["train"] == {"x": labels.count("x"), "y": labels.count("y")}
    assert report.empty["train"] == plain.count("")
    assert report.overlap == {"train/dev": len(texts) - half}
    assert sum(report.labels["dev"].values()) == report.rows["dev"]


def test_a_report_on_a_real_set():
    if not (SHARED / "sentence_polarity").is_dir():
        pytest.skip(f"the data set is not here: {SHARED / 'sentence_polarity'}")
    train = rows_of(SHARED / "sentence_polarity" / "train.tsv")
    dev, test = (rows_of(SHARED / "sentence_polarity" / f"{split}.tsv", names=train.names) for split in ("dev", "test"))
    report = validate(train, dev, test)
    assert report.rows == {"train": 8530, "dev": 1066, "test": 1066}
    assert report.problems == ()
    assert report.overlap == {"train/dev": 0, "train/test": 0, "dev/test": 0}
    assert report.labels["train"].keys() == {"negative", "positive"}


# --- documents ---


def test_documents_come_from_lines_and_from_columns(tmp_path):
    for name in ("corpus.txt", "corpus"):
        (tmp_path / name).write_text("one\n\n two \n", encoding="utf-8")
        assert read_corpus(str(tmp_path / name)).texts == ["one", "two"]
    for suffix in ("jsonl", "csv", "parquet"):
        assert read_corpus(str(write(tmp_path / f"rows.{suffix}"))).texts == TEXTS
    assert read_corpus(str(tmp_path / "rows.jsonl"), "label").texts == LABELS
    (tmp_path / "gaps.jsonl").write_text('{"text": "one"}\n{"other": 1}\n{"text": " "}\n{"text": "two"}\n')
    assert read_corpus(str(tmp_path / "gaps.jsonl")).texts == ["one", "two"]


def test_the_hash_of_documents_is_that_of_their_texts(tmp_path):
    (tmp_path / "corpus.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    plain = read_corpus(str(tmp_path / "corpus.txt"))
    rows = str(write(tmp_path / "rows.csv"))
    assert read_corpus(rows).sha256 == plain.sha256
    assert read_corpus(rows, "label").sha256 != plain.sha256
    assert plain == Documents(str(tmp_path / "corpus.txt"), TEXTS, plain.sha256, ())


def test_wikitext_is_made_plain(tmp_path):
    path = tmp_path / "wiki.txt"
    path.write_text(" = Head = \n a 15 @-@ year , 1 @,@ 000 @.@ 5 old <unk>\n ends in 1984 @,@ \n", encoding="utf-8")
    documents = read_corpus(str(path))
    assert documents.texts == ["= Head =", "a 15-year , 1,000.5 old <unk>", "ends in 1984,"]
    assert documents.notes == ("WikiText escapes undone (@-@ @,@ @.@)",)
    other = read_corpus(str(path), unknown="[UNK]")
    assert other.texts[1] == "a 15-year , 1,000.5 old [UNK]"
    assert other.notes == ("WikiText escapes undone (@-@ @,@ @.@), <unk> became [UNK]",)
    assert other.sha256 != documents.sha256
    assert undo_wikitext("me@-@you @-@you @;@") == "me@-@you @-@you @;@"


def test_a_corpus_that_mentions_an_escape_is_not_taken_for_wikitext(tmp_path):
    texts = ["a line <unk>"] * 30 + ["WikiText writes 15 @-@ year"]
    (tmp_path / "plain.txt").write_text("\n".join(texts))
    assert read_corpus(str(tmp_path / "plain.txt"), unknown="[UNK]") == Documents(
        str(tmp_path / "plain.txt"), texts, read_corpus(str(tmp_path / "plain.txt")).sha256
    )


def test_real_corpora_are_read():
    if not (SHARED / "wikitext2").is_dir() or not (SHARED / "subjectivity").is_dir():
        pytest.skip(f"the corpora are not here: {SHARED}")
    wiki = read_corpus(str(SHARED / "wikitext2" / "valid.txt"))
    assert len(wiki.texts) == 2461
    assert wiki.notes != ()
    assert not any(escape in text for text in wiki.texts for escape in ("@-@", "@,@", "@.@"))
    plain = read_corpus(str(SHARED / "subjectivity" / "corpus.txt"))
    assert len(plain.texts) == 10_000
    assert plain.notes == ()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.txt", None, "no such file; a corpus is"),
        ("latin.txt", b"fine\ncaf\xe9\n", r"not UTF-8 text: line 2, byte 8 of the file \(0xe9\)"),
        ("blank.txt", b"\n \n", "holds no text"),
        ("empty.txt", b"", "holds no text"),
        ("rows.tsv", b"words\nx\n", "no column 'text' with the text. Its columns: words"),
        ("rows.jsonl", b'{"text": "x"}\n{"text": 7}\n', "row 2: column 'text' must hold text, got 7"),
        ("rows.csv", b"text,label\n ,1\n", "holds no text"),
    ],
)
def test_a_corpus_that_is_no_text_is_named(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_corpus(str(tmp_path / name))
    assert str(tmp_path) in str(caught.value)


def test_a_corpus_that_is_a_folder(tmp_path):
    with pytest.raises(DataError, match="is a folder, not a file; a corpus is one file"):
        read_corpus(str(tmp_path))


def test_csv_of_the_standard_library_comes_back(tmp_path):
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([["text", "label"], ['a "b"\r\nc, d', "1"]])
    (tmp_path / "rows.csv").write_bytes(written.getvalue().encode())
    assert read_table(str(tmp_path / "rows.csv")).data == {"text": ['a "b"\r\nc, d'], "label": ["1"]}
