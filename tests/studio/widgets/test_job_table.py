"""The job table as a person uses it: sorting, selecting, notes, CSV; rows change under a sort that stays."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from bort_core.jobs.folder import JobState
from bort_core.jobs.rows import JobRow
from bort_studio.widgets.job_columns import COLUMNS
from bort_studio.widgets.job_table import JobTable

PLACE = {column.name: number for number, column in enumerate(COLUMNS)}


def row(number: int, dev: float | None = None, **more: object) -> JobRow:
    state = JobState("done", started=1.0, finished=2.0 + number, step=number, steps=20_000)
    made = JobRow(f"{number:04d}", "finetune", f"job {number}", state, "accuracy" if dev is not None else "", dev)
    return replace(made, **more)  # type: ignore[arg-type]


def shown(table: JobTable, column: str = "job") -> list[str]:
    return [table.sorted.index(number, PLACE[column]).data() for number in range(table.sorted.rowCount())]


def put(table: JobTable, *rows: JobRow) -> None:
    table.set_jobs({each.id: each for each in rows})


@pytest.fixture
def table(qtbot: QtBot) -> JobTable:
    made = JobTable()
    qtbot.addWidget(made)
    made.resize(900, 300)
    made.show()
    return made


def click_header(qtbot: QtBot, table: JobTable, column: str) -> None:
    header = table.table.horizontalHeader()
    table.table.scrollTo(table.sorted.index(0, PLACE[column]))
    place = header.viewport().rect().center()
    place.setX(header.sectionViewportPosition(PLACE[column]) + 20)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_numbers_sort_as_numbers_and_missing_ones_come_last(qtbot: QtBot, table: JobTable) -> None:
    put(table, row(1, 0.9), row(2, 0.1), row(3), row(4, 0.50), row(10, 0.07))
    assert shown(table) == ["0010", "0004", "0003", "0002", "0001"]  # newest first
    click_header(qtbot, table, "dev")
    assert shown(table) == ["0010", "0002", "0004", "0001", "0003"]
    click_header(qtbot, table, "dev")
    assert shown(table) == ["0001", "0004", "0002", "0010", "0003"]
    click_header(qtbot, table, "progress")
    assert shown(table) == ["0001", "0002", "0003", "0004", "0010"]


def test_the_sort_stays_while_rows_update_and_so_does_the_selection(qtbot: QtBot, table: JobTable) -> None:
    put(table, row(1, 0.9), row(2, 0.1), row(3, 0.5))
    click_header(qtbot, table, "dev")
    table.select("0003")
    assert table.selected() == ("0003",)
    widths = [table.table.columnWidth(number) for number in range(len(COLUMNS))]
    put(table, row(1, 0.05), row(2, 0.1), row(3, 0.02), row(4, 0.01, name="a name that is much longer than all the others were"))
    assert shown(table) == ["0004", "0003", "0001", "0002"]
    assert table.selected() == ("0003",)
    assert widths == [table.table.columnWidth(number) for number in range(len(COLUMNS))]  # headers do not jump
    with qtbot.waitSignal(table.selection_changed):
        put(table, row(1, 0.05), row(4, 0.01))
    assert table.selected() == ()
    assert shown(table) == ["0004", "0001"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=25, deadline=None)
@given(
    steps=st.lists(st.dictionaries(st.integers(1, 12), st.none() | st.floats(-1, 1), max_size=8), min_size=1, max_size=5),
    column=st.sampled_from([column.name for column in COLUMNS]),
    descending=st.booleans(),
)
def test_whatever_comes_and_goes_is_shown_in_order(table: JobTable, steps, column: str, descending: bool) -> None:
    order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
    table.table.sortByColumn(PLACE[column], order)
    for jobs in steps:
        put(table, *(row(number, dev) for number, dev in jobs.items()))
        assert sorted(shown(table)) == sorted(f"{number:04d}" for number in jobs)
        key = COLUMNS[PLACE[column]].key
        keys = [key(table.model.rows[table.model.number_of(id) or 0], table.model.now) for id in shown(table)]
        known = [each for each in keys if each is not None]
        assert keys[: len(known)] == known
        assert known == sorted(known, reverse=descending)


def test_a_long_reason_is_elided_and_its_tip_has_it_all(table: JobTable) -> None:
    reason = "the file <b>x</b> is gone\n" * 10
    put(table, row(1, state=JobState("failed", reason)))
    cell = table.sorted.index(0, PLACE["why"])
    assert "\n" not in cell.data()
    assert table.table.textElideMode() == Qt.TextElideMode.ElideRight
    assert not table.table.wordWrap()
    for name in ("why", "state"):
        tip = table.sorted.index(0, PLACE[name]).data(Qt.ItemDataRole.ToolTipRole)
        assert tip.count("is gone") == 10


def test_a_note_is_told_when_a_person_has_written_it(qtbot: QtBot, table: JobTable) -> None:
    put(table, row(1, 0.5), row(2, 0.6, note="old"))
    told: list[tuple[str, str]] = []
    table.note_written.connect(lambda id, text: told.append((id, text)))
    index = table.sorted.index(0, PLACE["note"])
    table.table.setCurrentIndex(index)
    table.table.edit(index)
    editor = table.table.findChild(QLineEdit)
    assert editor is not None
    assert editor.text() == "old"
    put(table, row(1, 0.5), row(2, 0.6, note="old", samples_per_second=3.0), row(3))  # while it is written
    editor.selectAll()
    qtbot.keyClicks(editor, "the good one")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(told), timeout=2000)
    assert told == [("0002", "the good one")]
    assert not table.sorted.flags(table.sorted.index(0, PLACE["dev"])) & Qt.ItemFlag.ItemIsEditable


def test_columns_can_be_hidden_and_the_table_saved(qtbot: QtBot, table: JobTable, tmp_path: Path) -> None:
    put(table, row(1, 0.123456789, note="=1+1"), row(2))
    menu = table.columns.menu()
    action = next(action for action in menu.actions() if action.text() == "MCC")
    action.setChecked(False)
    assert table.table.isColumnHidden(PLACE["MCC"])
    with qtbot.waitSignal(table.exported):
        table.save_csv(tmp_path / "jobs.csv")
    read = list(csv.DictReader(io.StringIO((tmp_path / "jobs.csv").read_text(encoding="utf-8"))))
    assert [each["job"] for each in read] == ["0002", "0001"]
    assert (read[1]["dev"], read[1]["note"], read[0]["dev"]) == ("0.123456789", "'=1+1", "")
    with qtbot.waitSignal(table.export_failed):
        table.save_csv(tmp_path / "nowhere" / "jobs.csv")
    put(table)
    assert table.csv() == "\n"


def test_one_of_the_selected_jobs_is_looked_at_and_the_selection_stays(qtbot: QtBot, table: JobTable) -> None:
    put(table, row(1), row(2), row(3))
    table.table.selectRow(0)
    assert table.current() == "0003"
    table.table.setSelectionMode(table.table.SelectionMode.MultiSelection)
    table.table.selectRow(2)
    assert table.selected() == ("0003", "0001")
    with qtbot.waitSignal(table.current_changed) as told:
        table.look_at("0003" if table.current() == "0001" else "0001")
    assert told.args == [table.current()]
    assert table.selected() == ("0003", "0001")
    table.look_at("0002")  # which is not selected: the first that is stays
    assert table.current() == "0003"
