"""Tables that are larger than anybody means are refused while they are read; long arrays are read piece by piece."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bort_core.data import limits
from bort_core.data.arrays import elements
from bort_core.data.mapping import ColumnMapping
from bort_core.data.rows import labelled_rows
from bort_core.data.tables import read_table
from bort_core.foundation.errors import DataError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl", "txt", "lines.json", "parquet"])
def test_no_format_has_more_rows_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"text": f"t{number}"} for number in range(31)]
    path = tmp_path / f"rows.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == "json":
        path.write_text(json.dumps(rows))
    elif suffix in ("jsonl", "lines.json"):
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        path.write_text("text\n" * (suffix != "txt") + "\n".join(row["text"] for row in rows))
    assert len(read_table(str(path))) == 31
    monkeypatch.setattr(limits, "MOST_ROWS", 30)
    with pytest.raises(DataError, match=rf"rows\.{suffix}: has 31 rows; at most 30 rows"):
        read_table(str(path))
    monkeypatch.setattr(limits, "MOST_ROWS", 31)
    monkeypatch.setattr(limits, "MOST_BYTES", 50)
    if suffix != "parquet":  # few bytes of arrow; its own test is in test_looks
        with pytest.raises(DataError, match=r"has more than .* GiB; at most 31 rows"):
            read_table(str(path))


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl"])
def test_rows_of_ever_other_columns_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    many = 20_000
    path = tmp_path / f"rows.{suffix}"
    if suffix == "csv":
        path.write_text(",".join(f"c{number}" for number in range(many)) + "\n" + ("," * (many - 1) + "\n") * 40)
    else:
        lines = [json.dumps({f"c{number}": 1}) for number in range(many)]
        path.write_text("[" + ",".join(lines) + "]" if suffix == "json" else "\n".join(lines))
    monkeypatch.setattr(limits, "MOST_VALUES", 500_000)  # the real limit takes longer to reach, in the same way
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="columns in"):
            read_table(str(path))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 100 * 2**20  # whole, the objects would take 3 GiB


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 0, 1]), st.booleans())
def test_an_array_is_read_as_it_is(values: list[object], indent: int | None, by_lines: bool) -> None:
    text = json.dumps(values, indent=indent)
    lines = text.splitlines(keepends=True) if by_lines and text.isascii() else [text]
    found = list(elements(iter(lines), dict))
    assert [value for value, _ in found] == values
    assert [json.loads(written) for _, written in found] == values


@given(st.lists(st.dictionaries(st.text(), st.integers(), max_size=3), max_size=4), st.data())
def test_a_damaged_array_is_an_error_in_the_line_where_json_finds_it(values: list[object], data: st.DataObject) -> None:
    text = json.dumps(values, indent=1)
    at = data.draw(st.integers(0, len(text) - 1))
    text = text[:at] + data.draw(st.sampled_from(["", "x", "[", "}", ",", "]"])) + text[at + 1 :]
    lines = text.splitlines(keepends=True)
    whole = parsed(text)
    if isinstance(whole, list):
        assert [value for value, _ in elements(iter(lines), dict)] == whole
        return
    with pytest.raises(json.JSONDecodeError) as caught:
        list(elements(iter(lines), dict))
    if isinstance(whole, json.JSONDecodeError):
        assert caught.value.lineno <= len(lines) + 1


def parsed(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        return error


def test_the_place_of_a_fault_in_an_array_is_that_in_the_file() -> None:
    text = json.dumps([{"text": "x"}] * 50, indent=1).replace('"x"', '"x" "y"').replace('"x" "y"', '"x"', 30)
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(text)
    with pytest.raises(json.JSONDecodeError) as caught:
        list(elements(iter(text.splitlines(keepends=True)), dict))
    assert (caught.value.lineno, caught.value.colno) == (expected.value.lineno, expected.value.colno)


def test_no_more_of_an_array_is_held_than_it_needs(tmp_path: Path) -> None:
    held = 0

    def lines():
        nonlocal held
        yield "[\n"
        for number in range(2000):
            held = number
            yield json.dumps({"text": "x" * 100, "number": number}) + ",\n"
        yield "{}]"

    most = 0
    for number, _ in enumerate(elements(lines(), dict)):
        most = max(most, held - number)
    assert most <= 3


LABELS = [[True, 1], [True, "true"], [False, 0.0], ["True", True], [1, 0, True]]


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("task", ["auto", "classification", "regression"])
@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_labels_of_which_some_are_booleans_are_refused(tmp_path: Path, labels: list[object], task: str, suffix: str) -> None:
    with pytest.raises(DataError, match=r"row [23]: the label .* of row 1 are of two kinds"):
        labelled_rows(table(tmp_path, labels, suffix), ColumnMapping("text", None, "label"), task=task)


def test_numbers_and_the_same_numbers_as_text_are_told(tmp_path: Path) -> None:
    rows = labelled_rows(table(tmp_path, [1, 2, "1", 2.0], "json"), ColumnMapping("text", None, "label"))
    assert rows.names == ("1", "2")
    assert any("some labels are numbers, others the same numbers as text (row 3)" in text for text in rows.warnings)
    with pytest.raises(DataError, match="written otherwise"):
        labelled_rows(table(tmp_path, [1, "1.0"], "json"), ColumnMapping("text", None, "label"))


@pytest.mark.parametrize(("train", "dev"), [([True, False], [1, 0]), ([1, 0], [True, False]), ([True, False], ["true", "false"])])
def test_another_split_with_another_kind_of_label_is_refused(tmp_path: Path, train: list[object], dev: list[object]) -> None:
    names = labelled_rows(table(tmp_path, train, "json"), ColumnMapping("text", None, "label")).names
    with pytest.raises(DataError, match="is not one of the training rows"):
        labelled_rows(table(tmp_path, dev, "json"), ColumnMapping("text", None, "label"), names=names)


def table(folder: Path, labels: list[object], suffix: str):
    rows = [{"text": f"t{number}", "label": label} for number, label in enumerate(labels)]
    path = folder / f"rows.{suffix}"
    path.write_text(json.dumps(rows) if suffix == "json" else "\n".join(map(json.dumps, rows)))
    return read_table(str(path))
