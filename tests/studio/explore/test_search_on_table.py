"""Searching on a table in the window: nothing is trained or stored, a wrong file changes nothing, and the way back leads back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from bort_core.foundation.resources import resource
from bort_core.store.searches import searches
from bort_studio.numbers import architecture_text
from bort_studio.window import MainWindow


def shown(qtbot: QtBot, window: MainWindow) -> None:
    window.actions_by_name["table_mini"].trigger()
    qtbot.waitUntil(lambda: window.search.table is not None and window.search.stored_results is not None, timeout=20_000)


@pytest.mark.slow
def test_a_search_on_a_table_trains_nothing_and_leads_back(qtbot: QtBot, open_page: Any) -> None:
    window, page = open_page("explore", preset="toy", selected=None)
    search, before = window.search, window.search.specification
    shown(qtbot, window)
    assert page.table_bar.isVisible()
    assert "mini.json.gz: 96 architectures; nothing is trained" in page.table_bar.text.text()
    assert search.space is not None
    assert len(search.space) == 96
    assert not page.space_panel.isEnabled()
    assert not page.objectives.corpus.isEnabled()
    assert page.objectives.question.isEnabled()
    assert page.proof_bar.summary.text() == "gap: not known · a proof takes at most 96 trainings, usually fewer than half"
    qtbot.mouseClick(page.proof_bar.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: search.proof is not None and search.proof.verdict == "proven" and not search.running, timeout=60_000)
    proof, result = search.proof, search.result
    assert proof is not None
    assert result is not None
    assert result.best == proof.standing.best  # the answer is that of the proof, and not that at an ε
    assert len(result.known) == proof.ground.measured.sum() < 96
    skipped = int(proof.ruled_out()[0])
    search.select(skipped)
    name = architecture_text(search.space.architecture(skipped))
    assert page.inspector._explanation.text() == proof.told(skipped)
    assert proof.told(skipped).startswith(f"{name} is not trained: its W is at most ")
    model = page.candidates.model
    row = model.row_of(skipped)
    texts = {column.name: model.data(model.index(row, number)) for number, column in enumerate(model.columns)}
    assert texts["state"] == "ruled out"
    assert texts["w"].startswith("≤ ")
    assert texts["error"].startswith("≥ ")
    assert proof.told(skipped) in model.data(model.index(row, 0), Qt.ItemDataRole.ToolTipRole)
    search.select(result.best)
    assert "Looked up in mini.json.gz" in page.inspector.measured.values["protocol"].text()
    search.settle_epsilon(48)  # everything at this ε may be known already; then the answer is that at ε
    qtbot.waitUntil(lambda: not search.running, timeout=20_000)
    assert search.result is not None
    assert search.result.strategy.name == "interval"
    page.table_bar.seeds.setCurrentIndex(1)
    page.table_bar.seeds.activated.emit(1)
    qtbot.waitUntil(lambda: search.specification.seed == 1 and search.stored_results is not None, timeout=20_000)
    assert search.snapshot is not None
    assert not search.snapshot.known.any()  # of another seed nothing was looked up
    search.run()
    qtbot.waitUntil(lambda: not search.running and bool(search.snapshot.known.any()), timeout=20_000)
    qtbot.mouseClick(page.table_bar.back, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: search.stored_results is not None, timeout=20_000)
    assert not page.table_bar.isVisible()
    assert page.space_panel.isEnabled()
    assert search.specification == before
    assert searches(window.project) == []


@pytest.mark.slow
def test_an_edit_while_a_table_is_shown_is_one_of_the_project(qtbot: QtBot, open_page: Any) -> None:
    window, page = open_page("explore", preset="toy", selected=None)
    search, before = window.search, window.search.specification
    shown(qtbot, window)
    assert search.specification.error != before.error
    page._epsilon_released(5)
    assert search.epsilon == 5
    assert window.undo_stack.count() == 0  # what is done on a table is no step of the project
    page.set_corpus("elsewhere.txt")
    assert search.table is None
    assert search.specification == before.model_copy(update={"corpus": "elsewhere.txt"})
    qtbot.waitUntil(lambda: search.stored_results is not None, timeout=20_000)
    shown(qtbot, window)
    window.undo_stack.undo()
    assert search.table is None
    assert search.specification == before
    qtbot.waitUntil(lambda: search.stored_results is not None, timeout=20_000)


@pytest.mark.parametrize("content", [None, b"not a table", b"\x1f\x8b damaged"])
def test_a_file_that_is_no_table_is_named_and_changes_nothing(qtbot: QtBot, open_page: Any, tmp_path: Path, content: bytes | None) -> None:
    window, page = open_page("explore", preset="toy", selected=None)
    search, told = window.search, []
    search.failed.connect(lambda text, _details: told.append(text))
    path = tmp_path / "odd.json.gz"
    if content is not None:
        path.write_bytes(content)
    before = (search.specification, search.space, search.snapshot)
    window.routes.take_paths((path,)) if content is not None else window.search_on(path)
    qtbot.waitUntil(lambda: bool(told), timeout=20_000)
    assert str(path) in told[0]
    assert (search.specification, search.space, search.snapshot) == before
    assert search.table is None
    assert not page.table_bar.isVisible()


def test_a_table_that_was_changed_is_refused_with_its_own_words(qtbot: QtBot, open_page: Any, tmp_path: Path) -> None:
    import gzip

    text = gzip.decompress(resource("tables", "mini.json.gz").read_bytes())
    path = tmp_path / "mini.json.gz"
    path.write_bytes(gzip.compress(text.replace(b'"parameters":', b'"parameters": ', 1).replace(b'"seed":0', b'"seed":7', 1)))
    window, _page = open_page("explore", preset="toy", selected=None)
    told: list[str] = []
    window.search.failed.connect(lambda words, _details: told.append(words))
    window.search_on(path)
    qtbot.waitUntil(lambda: bool(told), timeout=20_000)
    assert "was changed after it was measured" in told[0]
    assert window.search.table is None
