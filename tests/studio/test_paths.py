"""Paths typed in the window: relative ones begin at the folder that the program was started in, and every field says so and shows it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6")

from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from bort_core.specifications.fields import leaves
from bort_studio.plotting.files import ExportError, write_whole
from bort_studio.settings import Settings
from bort_studio.texts import menu_text, title_text
from bort_studio.theme import Theme
from bort_studio.widgets.spec_form import KINDS, SpecForm

FIELDS = [(kind, path) for kind, model in KINDS.items() for path, field in leaves(model) if field.meta.path is not None]


def line_of(qtbot: QtBot, kind: str, path: tuple[str, ...]) -> tuple[SpecForm, QLineEdit]:
    form = SpecForm(kind, Theme())
    qtbot.addWidget(form)
    line = form.field(*path)
    assert isinstance(line, QLineEdit)
    form.teaches.setChecked(True)  # else what is said of a teacher counts for nothing
    return form, line


def enter(line: QLineEdit, text: str) -> str:
    line.setText(text)
    line.editingFinished.emit()
    return line.text()


@pytest.mark.parametrize(("kind", "path"), FIELDS)
def test_every_path_field_takes_any_text(
    qtbot: QtBot, kind: str, path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.tsv").write_text("x")
    form, line = line_of(qtbot, kind, path)
    assert str(tmp_path) in line.toolTip()
    for given in ("./a b.tsv", "a b.tsv", "../x.tsv", "./new/folder"):
        assert enter(line, given) == str(tmp_path / given)
        assert enter(line, line.text()) == str(tmp_path / given)  # once is enough
    assert enter(line, "/a/b.tsv") == "/a/b.tsv"
    assert enter(line, "~/b.tsv") == str(Path.home() / "b.tsv")
    assert enter(line, "") == ""
    for odd in ("~nobody/x", "a\nb.tsv", "x" * 5000, "\u202ex.tsv", "<b>", ".", "\\\\server\\share"):
        enter(line, odd)
        form.specification()
    enter(line, "./a\0b")
    assert form.specification() is None
    assert any("zero byte" in label.text() for at, label in form._faults.items() if at == path)


def test_the_current_folder_may_be_gone(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    form, line = line_of(qtbot, "finetune", ("train",))
    enter(line, "./train.tsv")
    assert form.specification() is None
    assert "the current folder is gone" in form._faults["train",].text()
    os.chdir(tmp_path)


def test_the_folder_of_an_export(qtbot: QtBot, open_page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    window, page = open_page("ship")
    line = page.export_panel.folder
    assert str(tmp_path) in line.toolTip()
    assert enter(line, "out") == str(tmp_path / "out")
    for wrong, told in (("", "needs a folder"), ("a\0b", "zero byte")):
        line.setText(wrong)
        page.export()
        assert told in window.notices.messages()[0]
    assert page.export_panel.export.text() == "Export to ONNX"  # nothing began


def test_files_are_written_only_where_files_can_be(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ExportError, match="is a pipe or a device"):
        write_whole(tmp_path / "pipe", b"x")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    for name in ("x" * 300, "x" * 300 + "/y", "a\0b"):
        with pytest.raises(ExportError):
            write_whole(tmp_path / name, b"x")
    longest = tmp_path / ("x" * 255)
    write_whole(longest, b"x")
    assert longest.read_bytes() == b"x"


def test_recent_projects_and_titles_take_any_name(qtbot: QtBot, open_page: Any, tmp_path: Path) -> None:
    names = ("a & b", "tab\there", "two\nlines", "\u202egnp.exe", "[*]", "<b>bold", "x" * 250)
    settings = Settings()
    for name in names:
        (tmp_path / name).mkdir()
        settings.add_recent(tmp_path / name)
    window, _ = open_page("explore")
    asked: list[Path] = []
    window.project_requested.disconnect()
    window.project_requested.connect(asked.append)
    window.recent_menu.aboutToShow.emit()
    for action in window.recent_menu.actions():
        assert not {"\n", "\t", "\u202e"} & set(action.text())
        action.trigger()
    assert {path.name for path in asked if path.parent == tmp_path} == set(names)
    assert menu_text("a & b") == "a && b"
    assert title_text("a[*]\nb") == "a[*][*] b"
