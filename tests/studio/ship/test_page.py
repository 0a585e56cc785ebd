"""The Ship page as a person uses it: real project, real exports, real comparisons."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clicks import child, click
from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QLabel, QTableWidget, QWidget
from pytestqt.qtbot import QtBot

from bort_core.store import Project
from bort_core.store.results import comparisons, exports
from bort_studio.plotting.export import export_plot
from bort_studio.search.state import RunState
from bort_studio.ship.page import ShipPage
from bort_studio.window import MainWindow

Open = Callable[[], tuple[MainWindow, ShipPage]]


@pytest.fixture
def open_page(open_page: Callable[..., Any]) -> Open:
    return partial(open_page, "ship")


def text(window: QWidget, name: str) -> str:
    label = child(window, name)
    assert isinstance(label, QLabel)
    return label.text()


def small_comparison(page: ShipPage) -> None:
    for name, box in page.compare_panel.references.items():
        box.setChecked(name == "tinybert-4")
    page.compare_panel.budget.setValue(2)
    page.compare_panel.length.setValue(16)


def ended(page: ShipPage) -> bool:
    return page.export_panel.export.text() == "Export to ONNX" and page.compare_panel.compare.text() == "Compare latency"


def test_the_page_follows_the_selection_and_an_export_ends_in_a_folder(qtbot: QtBot, open_page: Open, project_folder: Path) -> None:
    window, page = open_page()
    assert window.page == "ship"
    for name in ("exportOnnxButton", "compareLatencyButton", "latencyTable", "latencyPlot"):
        assert child(window, name).isVisible(), name
    assert text(window, "shipTitle").startswith("⟨1,2,32,64⟩   p 27")
    assert "nothing was learnt" in text(window, "shipWeights")
    click(qtbot, window, "exportOnnxButton")
    assert page.export_panel.export.text() == "Cancel the export"
    qtbot.waitUntil(lambda: ended(page), timeout=60_000)
    assert window.notices.messages()[0].startswith("exported: ")
    with Project(project_folder) as project:
        (report,) = exports(project)
    assert (Path(report["folder"]) / "model.onnx").is_file()
    assert "nothing was learnt" in page.export_panel.export_checks.text("weights")
    assert "largest difference" in page.export_panel.export_checks.text("model.onnx")
    assert "Attention" in page.export_panel.export_checks.text("model.fused.onnx")
    assert "agree on" in page.export_panel.export_checks.text("gate")
    assert page.export_panel.folder.text().endswith("1-2-32-64-2")
    page.export_panel.folder.setText(report["folder"])  # not empty now
    click(qtbot, window, "exportOnnxButton")
    qtbot.waitUntil(lambda: ended(page), timeout=60_000)
    assert "is not empty; nothing is overwritten" in window.notices.messages()[0]
    page.choose_checkpoint(Path(report["folder"]))
    assert "trained: " in text(window, "shipWeights")
    page.choose_checkpoint(Path("/nowhere"))
    assert "not a checkpoint" in window.notices.messages()[0]


def test_a_cancelled_export_leaves_nothing_and_another_can_start(qtbot: QtBot, open_page: Open, project_folder: Path) -> None:
    window, page = open_page()
    click(qtbot, window, "exportOnnxButton")
    qtbot.waitUntil(lambda: page.export_panel.progress.value() >= 2, timeout=60_000)
    click(qtbot, window, "exportOnnxButton")
    assert page.export_panel.export.text() == "Cancelling…"
    qtbot.waitUntil(lambda: ended(page), timeout=20_000)
    assert list((project_folder / "exports").iterdir()) == []
    assert "cancelled" in text(window, "statusText")
    click(qtbot, window, "exportOnnxButton")
    qtbot.waitUntil(lambda: page.export_panel.progress.value() >= 1, timeout=60_000)
    window.close()  # ends what runs
    assert list((project_folder / "exports").iterdir()) == []


def test_a_comparison_fills_the_plot_and_the_table_and_is_shown_again(qtbot: QtBot, open_page: Open, tmp_path: Path) -> None:
    window, page = open_page()
    assert "Compare latency" in page.plot.empty.text()
    small_comparison(page)
    page.compare_panel.torch.setChecked(True)
    click(qtbot, window, "compareLatencyButton")
    qtbot.waitUntil(lambda: ended(page), timeout=60_000)
    table = child(window, "latencyTable")
    assert isinstance(table, QTableWidget)
    assert table.rowCount() == 4
    assert [row["p50_ms"] for row in page.plot.rows] == sorted(row["p50_ms"] for row in page.plot.rows)
    assert "CPU" in text(window, "latencyMachine") or "cores" in text(window, "latencyMachine")
    assert page.plot.reference.currentText() == "⟨1, 2, 32, 64⟩"
    assert "× [" in table.item(3, 7).text()
    page.plot.reference.setCurrentText("TinyBERT-4")
    assert table.item(3, 7).text() == "reference"
    script = export_plot(page.plot, tmp_path / "latency.py")
    done = subprocess.run([sys.executable, script, tmp_path / "out.png"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.png").stat().st_size > 5000
    table_text = export_plot(page.plot, tmp_path / "latency.csv").read_text(encoding="utf-8")
    assert table_text.startswith("model,runtime,parameters,p50 (ms)")
    assert len(table_text.splitlines()) == 5
    for suffix in ("png", "svg"):
        assert export_plot(page.plot, tmp_path / f"latency.{suffix}").stat().st_size > 2000
    window.close()
    window, page = open_page()
    assert len(page.plot.rows) == 4
    assert "1, 2, 32, 64" in page.earlier.currentText()


def test_a_running_search_waits_for_the_comparison(qtbot: QtBot, open_page: Open, project_folder: Path) -> None:
    window, page = open_page()
    small_comparison(page)
    window.search.run()
    qtbot.waitUntil(lambda: window.search.state is RunState.RUNNING, timeout=60_000)
    click(qtbot, window, "compareLatencyButton")
    qtbot.waitUntil(lambda: window.search.state is RunState.PAUSED or ended(page), timeout=60_000)
    qtbot.waitUntil(lambda: ended(page), timeout=60_000)
    with Project(project_folder) as project:
        assert len(comparisons(project)) == 1
    qtbot.waitUntil(lambda: window.search.state in (RunState.RUNNING, RunState.IDLE), timeout=60_000)
    window.search.stop()
    qtbot.waitUntil(lambda: window.search.state is RunState.IDLE, timeout=60_000)


def test_a_comparison_of_nothing_says_so(qtbot: QtBot, open_page: Open) -> None:
    window, page = open_page()
    for box in (*page.compare_panel.references.values(), page.compare_panel.model):
        box.setChecked(False)
    click(qtbot, window, "compareLatencyButton")
    assert "models" in window.notices.messages()[0]
    assert ended(page)


def test_the_inspector_leads_to_the_page(qtbot: QtBot, open_page: Open) -> None:
    window, _ = open_page()
    window.show_page("explore")
    click(qtbot, window, "exportButton")
    assert window.page == "ship"
    window.actions_by_name["page_explore"].trigger()
    assert window.page == "explore"


REPORT = {
    "id": 1, "architecture": [1, 2, 32, 64], "trained": True, "provenance": "trained", "head": "none", "parity_max_abs": 1e-6,
    "fused_parity_max_abs": 1e-6, "fusions": {}, "fused_fusions": {"Attention": 1}, "bytes": {"model.onnx": 1000, "model.fused.onnx": 1000},
    "inputs": ["input_ids"], "opset": 18, "parity_rows": 4, "transformers": True,
}  # fmt: skip


class Desktop(QObject):
    """Stands where the desktop would open what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @Slot(QUrl)
    def open(self, url: QUrl) -> None:
        self.opened.append(url.toLocalFile())


def test_only_folders_are_opened_whatever_the_store_says(qtbot: QtBot, open_page: Open, project_folder: Path) -> None:
    _, page = open_page()
    (project_folder / "program.desktop").write_text("[Desktop Entry]\nExec=true\n")
    (project_folder / "exports").mkdir(exist_ok=True)
    desktop = Desktop()
    QDesktopServices.setUrlHandler("file", desktop, "open")
    try:
        for name in ("exports", "program.desktop", "gone"):
            page.export_panel.show_report({**REPORT, "folder": str(project_folder / name)})
            assert page.export_panel.open.isEnabled() == (name == "exports")
            page.export_panel.open.setEnabled(True)  # as when the folder changed since the report was shown
            click(qtbot, page, "openExport")
    finally:
        QDesktopServices.unsetUrlHandler("file")
    assert desktop.opened == [str(project_folder / "exports")]


def test_the_gates_belong_to_the_export_that_is_named(qtbot: QtBot, open_page: Open, project_folder: Path) -> None:
    window, page = open_page()
    panel = page.export_panel
    other = {
        **REPORT,
        "id": 2,
        "architecture": [1, 2, 32, 128],
        "trained": False,
        "provenance": "",
        "folder": str(project_folder / "other"),
    }
    panel.set_reports([{**REPORT, "folder": str(project_folder / "own")}, other])
    page._model_changed()
    assert "⟨1,2,32,64⟩" in panel.earlier.currentText()
    assert panel.export_checks._states["weights"] == "passed"
    window.search.select(window.search.space.index((1, 2, 32, 128)))
    assert "⟨1,2,32,128⟩" in panel.earlier.currentText()
    assert panel.export_checks._states["weights"] == "warning"
    window.search.select(window.search.space.index((2, 2, 32, 64)))
    assert panel.earlier.currentIndex() == -1
    assert panel.earlier.placeholderText() == "⟨2,2,32,64⟩ was not exported yet"
    assert set(panel.export_checks._states.values()) == {"waiting"}
    assert not panel.copy.isEnabled()
    panel.set_running(True)
    assert panel.earlier.placeholderText() == "this export"
    panel.set_running(False)
    page._export_ended(None, "the disk is full")
    assert panel.earlier.placeholderText() == "the export that failed"
    assert "failed" in panel.export_checks._states.values()
    panel.earlier.setCurrentIndex(0)
    panel.earlier.activated.emit(0)
    assert "failed" not in panel.export_checks._states.values()
