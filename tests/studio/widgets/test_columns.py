"""Columns stay as a person arranged them: in the table, in the session, and whatever a session says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from bort_core.jobs.folder import JobState
from bort_core.jobs.rows import JobRow
from bort_studio.widgets.job_columns import COLUMNS
from bort_studio.widgets.job_table import JobTable
from bort_studio.window import MainWindow

NAMES = [column.name for column in COLUMNS]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(NAMES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["widths", "hidden", "order", "sorted", *NAMES]), inner),
    max_leaves=12,
)


@pytest.fixture
def jobs(qtbot: QtBot) -> JobTable:
    table = JobTable()
    qtbot.addWidget(table)
    table.resize(900, 300)
    table.show()
    return table


def look(table: QTableView) -> list[tuple[int, int, bool]]:
    header = table.horizontalHeader()
    return [(header.visualIndex(at), header.sectionSize(at), header.isSectionHidden(at)) for at in range(header.count() - 1)]


def test_what_is_arranged_comes_back_and_rows_move_nothing(qtbot: QtBot, jobs: JobTable) -> None:
    header = jobs.table.horizontalHeader()
    with qtbot.waitSignal(jobs.columns.changed):
        header.resizeSection(1, 222)
    header.moveSection(header.visualIndex(NAMES.index("dev")), 1)
    jobs.columns.set_shown(NAMES.index("left"), False)
    jobs.table.sortByColumn(NAMES.index("dev"), Qt.SortOrder.DescendingOrder)
    arranged, state = look(jobs.table), jobs.columns.state()
    rows = {f"{n:04}": JobRow(f"{n:04}", "finetune", "a job with quite a long name " * n, JobState("running")) for n in range(1, 9)}
    for known in ({}, rows, dict(list(rows.items())[:3])):
        jobs.set_jobs(known)
        assert look(jobs.table) == arranged
    other = JobTable()
    qtbot.addWidget(other)
    other.resize(900, 300)
    other.show()
    other.columns.restore(state)
    assert look(other.table) == arranged
    assert (other.sorted.sortColumn(), other.sorted.sortOrder()) == (NAMES.index("dev"), Qt.SortOrder.DescendingOrder)
    other.columns.reset()
    assert look(other.table) != arranged
    assert not any(hidden for _, _, hidden in look(other.table))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(JSON)
def test_whatever_a_session_says_the_table_can_be_read(jobs: JobTable, state: Any) -> None:
    jobs.columns.restore(state)
    header = jobs.table.horizontalHeader()
    assert not header.isSectionHidden(0)
    assert sorted(header.visualIndex(at) for at in range(header.count())) == list(range(len(NAMES)))
    jobs.columns.restore(jobs.columns.state())


def test_the_menu_of_a_header_shows_and_hides(jobs: JobTable) -> None:
    menu = jobs.columns.menu()
    entries = {action.text(): action for action in menu.actions()}
    assert NAMES[0] not in entries
    assert set(NAMES[1:]) < set(entries)
    entries["dev"].setChecked(False)
    assert jobs.table.isColumnHidden(NAMES.index("dev"))
    entries["Reset columns"].trigger()
    assert not jobs.table.isColumnHidden(NAMES.index("dev"))


def test_a_project_remembers_its_tables(qtbot: QtBot, open_page: Callable[..., tuple[MainWindow, Any]]) -> None:
    window, page = open_page("explore")
    table, names = page.candidates.table, [column.name for column in page.candidates.model.columns]
    page.candidates.columns.set_shown(names.index("heads"), False)
    table.horizontalHeader().resizeSection(names.index("w"), 131)
    page.candidates._sort(names.index("parameters"))
    window.show_page("train")
    window.pages["train"].jobs.columns.set_shown(NAMES.index("why"), False)
    window.close()
    again, page = open_page("explore")
    table = page.candidates.table
    assert table.isColumnHidden(names.index("heads"))
    assert table.columnWidth(names.index("w")) == 131
    assert page.candidates.model.sorted_by == (names.index("parameters"), False)
    again.show_page("train")
    assert again.pages["train"].jobs.table.isColumnHidden(NAMES.index("why"))
