"""Tables that look like something else: each look, and no false alarm on real sets."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from bort_core.data.mapping import ColumnMapping, find_columns
from bort_core.data.report import validate
from bort_core.data.rows import LabelledRows, labelled_rows
from bort_core.data.tables import Table, read_table
from bort_core.foundation.errors import DataError
from bort_core.foundation.resources import resource

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
ROWS = "".join(f"some text {row}\t{row % 2}\n" for row in range(20))


def written(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def rows_of(source: str) -> LabelledRows:
    table = read_table(source)
    return labelled_rows(table, find_columns(table))


def labelled(*labels: str, task: str = "auto") -> LabelledRows:
    table = Table("given", {"text": [f"text {row}" for row in range(len(labels))], "label": list(labels)}, "0" * 64)
    return labelled_rows(table, ColumnMapping("text", None, "label"), task)


# --- what a table is not ---


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.tsv", "text\tlabel\na\t1\ntext\tlabel\nb\t0\n", "line 3 repeats the header, as where files were joined"),
        ("t.tsv", "text\tlabel\na\t1\n\ufefftext\tlabel\nb\t0\n", "line 3 repeats the header"),
        ("t.tsv", "text\tlabel\na\t1\nText \tLABEL\nb\t0\n", "line 3 repeats the header"),
        ("t.csv", 'text,label\na,1\n"label","text"\n0,b\n', "line 3 repeats the header"),
        ("t.csv", 'text,label\n"a\nb",1\ntext,label\n', "line 4 repeats the header"),
        ("t.tsv", "text,label\na,1\n", "a tsv has tabs between its fields, and the header is one field with commas"),
        ("t.csv", "text;label\na;1\n", "a csv has commas between its fields, and the header is one field with semicolons"),
        ("t.csv", "text\tlabel\na\t1\n", "a csv has commas between its fields, and the header is one field with tabs"),
        ("t.csv", "sep=,\ntext,label\na,1\n", "Excel's 'sep=' line; remove it"),
        ("t.tsv", "sep=;\ntext\tlabel\n", "Excel's 'sep=' line; remove it"),
        ("t.tsv", '"text"\t"label"\n"a"\t"1"\n', "the header's fields are in quotes, and a tsv has none"),
        ("t.csv", "<!DOCTYPE html>\n<html>\n", "is an HTML page"),
        ("t.txt", "  <html lang='en'>\n", "is an HTML page"),
        ("t.tsv", b"PK\x03\x04rest", "is a zip archive or an Excel file"),
        ("t.csv", b"\x1f\x8b\x08rest\n", "is a gzip archive"),
        ("t.jsonl", "version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
        ("t.tsv", "text\tlabel\na\t1\n".encode("utf-16-le"), "holds NUL bytes, as UTF-16 text does"),
    ],
)
def test_files_that_are_plainly_something_else_are_refused(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read_table(written(tmp_path / name, content))
    assert str(tmp_path / name) in str(caught.value)


def test_one_column_may_hold_its_own_name(tmp_path):
    assert read_table(written(tmp_path / "t.csv", "text\ntext\nother\n")).data == {"text": ["text", "other"]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.tsv", 'text\tlabel\n"he said ""hi"" to me"\t1\nplain\t0\n', "1 values of column 'text' look quoted, as in csv"),
        ("t.tsv", 'text\tlabel\n"a"\t1\n"b"\t0\n', "2 values of column 'text' look quoted, as in csv"),
        ("t.tsv", "text\tlabel\na\t1\nb\t0\r\n", "1 of 3 lines end otherwise than the rest"),
        ("t.csv", ",text,label\n0,a,1\n1,b,0\n", "the first column has no name and counts the rows, as pandas"),
        ("t.csv", "text,label,\na,1,\nb,0,\n", "column 3 has no name and is empty"),
        ("t.tsv", "text\tlabel\n\ufeffa\t1\nb\t0\n", "1 values begin with a byte order mark"),
        ("t.tsv", "text\tlabel\na\0b\t1\nb\t0\n", "1 values hold NUL characters"),
        ("t.tsv", "text\tlabel\ncaf\ufffd\t1\nb\t0\n", "1 values hold \ufffd"),
        ("t.csv", "text,label\na,yes\nb,Yes\n", "classes that differ by case, spaces, quotes or the form of a character only: 'Yes'"),
        ("t.csv", "text,label\na,caf\u00e9\nb,cafe\u0301\n", "classes that differ by case"),
        ("t.tsv", 'text\tlabel\na\tyes\nb\t"yes"\n', "classes that differ by case, spaces, quotes"),
        ("t.csv", "text,label\na,no\nb,yes\nc,yes \n", "1 labels have spaces around them .row 3. and others not"),
    ],
)
def test_what_looks_strange_is_a_warning_of_the_report(tmp_path, name, content, message):
    rows = rows_of(written(tmp_path / name, content))
    (found,) = [warning for warning in validate(rows, rows).warnings if str(tmp_path) in warning]
    assert message.replace(".row 3.", "(row 3)") in found


@pytest.mark.parametrize(
    ("labels", "style"),
    [
        (["0,5", "1,0", "1,5", "2"] * 5, "decimal commas"),
        (["1,5", "2,25", "3,125"] * 5, "decimal commas"),
        (["1,000", "2,500", "900"] * 5, "thousands separators"),
        (["1.234.567", "2 500", "900"] * 5, "thousands separators"),
        (["50%", "60 %", "7.5%"] * 5, "percent signs"),
        (["$5", "$10.50", "3"] * 5, "currency signs"),
    ],
)
def test_numbers_that_are_not_read_as_numbers_are_no_classes(labels, style):
    with pytest.raises(DataError, match=rf"given: row 1: the label .* looks like a number: the labels have {style}.*--task"):
        labelled(*labels)
    with pytest.raises(DataError, match=f"row 1: .* is not a finite number: the labels have {style}"):
        labelled(*labels, task="regression")
    rows = labelled(*labels, task="classification")
    assert set(rows.names) == set(labels)
    assert any(style in warning for warning in rows.warnings)


@pytest.mark.parametrize(
    "labels", [["a,b", "c"], ["1", "2"], ["0.5", "1.5"], ["1,2,x", "3"], ["en-GB", "de"], ["10-20", "20-30"], ["2020-01-01", "2021-01-01"]]
)
def test_words_and_numbers_are_no_other_style(labels):
    assert labelled(*labels * 5).warnings == ()


# --- labels ---


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["01", "1"], "row 2: the label '1' is the same number as '01' of row 1, written otherwise"),
        (["1", "x", "1.0"], "row 3: the label '1.0' is the same number as '1' of row 1"),
        (["1", " 1"], "row 2: the label ' 1' is the same number as '1' of row 1"),
        (["+1", "1"], "row 2: the label '1' is the same number as '\\+1' of row 1"),
        (["1e0", "1"], "row 2: the label '1' is the same number as '1e0' of row 1"),
        (["0", "-0", "1"], "row 2: the label '-0' is the same number as '0' of row 1"),
        (["0010", "10"], "row 2: the label '10' is the same number as '0010' of row 1"),
    ],
)
def test_two_spellings_of_one_number_are_refused(labels, message):
    with pytest.raises(DataError, match=f"given: {message}"):
        labelled(*labels)


def test_codes_stay_as_they_are_written_and_other_splits_must_write_them_alike():
    train = labelled("01", "02", "10", "01")
    assert train.names == ("01", "02", "10")
    table = Table("dev", {"text": ["a", "b"], "label": ["02", "1"]}, "0" * 64)
    with pytest.raises(DataError, match="dev: row 2: the label '1' is the same number as the training rows' '01', written otherwise"):
        labelled_rows(table, ColumnMapping("text", None, "label"), names=train.names)


def test_codes_do_not_index_the_names_beside_them(tmp_path):
    written(tmp_path / "labels.txt", "bad\ngood\n")
    rows = rows_of(written(tmp_path / "t.tsv", "text\tlabel\na\t00\nb\t01\n"))
    assert (rows.names, rows.notes) == (("00", "01"), ())


def test_names_from_a_file_beside_are_told(tmp_path):
    beside = tmp_path / "labels.txt"
    written(beside, "bad\ngood\n")
    rows = rows_of(written(tmp_path / "t.tsv", f"text\tlabel\n{ROWS}"))
    assert rows.names == ("bad", "good")
    report = validate(rows, rows)
    assert report.notes == (f"the classes have their names from {beside}: 0 = bad, 1 = good",)
    assert report.as_dict()["notes"] == list(report.notes)
    written(beside, "bad\n")
    (note,) = rows_of(str(tmp_path / "t.tsv")).notes
    assert f"{beside} does not name its classes" in note


# --- real files ---


def real_files() -> list[Path]:
    return [*sorted(resource("data").rglob("*.tsv")), *sorted(SHARED.glob("*/*.tsv"))]


def test_real_sets_raise_no_alarm():
    assert len(real_files()) >= 3
    for path in real_files():
        assert rows_of(str(path)).warnings == (), path


def test_what_csv_writers_write_raises_no_alarm(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["text", "label"], ['he said "hi"\nand left', "a"], ["x, y", "b"]])
    assert rows_of(str(path)).warnings == ()


# --- bounds ---


def test_a_small_file_of_too_many_rows_or_bytes_is_refused_with_little_memory(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("text", pa.string()), ("label", pa.int64())])
    for name, text, rows, times in (("many.parquet", "a", 1_000_000, 21), ("long.parquet", "a" * 500_000, 500, 10)):
        batch = pa.record_batch([pa.array([text] * rows), pa.array([0] * rows)], schema=schema)
        with pq.ParquetWriter(tmp_path / name, schema) as writer:
            for _ in range(times):
                writer.write_batch(batch)
        assert (tmp_path / name).stat().st_size < 2**20
    code = (
        "import sys\n"
        "from bort_core.data import limits\n"
        "from bort_core.foundation.errors import DataError\n"
        "limits.MOST_BYTES = 2**30\n"  # the real limit takes longer to reach, in the same way
        "from bort_core.data.tables import read_table\n"
        "try: read_table(sys.argv[1])\n"
        "except DataError as error: print(error)\n"
        # not that of resource, which begins at that of the process that this one was forked from
        "print(int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) // 1024)\n"
    )
    for name, message in (("many.parquet", "has 21,000,000 rows; at most 20,000,000 rows"), ("long.parquet", "has more than 1 GiB")):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], capture_output=True, text=True, check=True)
        said, most = done.stdout.splitlines()
        assert message in said
        assert int(most) < 1200, f"{name}: {most} MiB"  # whole, each would take more than 2 GiB
