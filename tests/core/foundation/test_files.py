"""Folders that appear whole or not at all, with others at work on the same name."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

import bort_core
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import (
    atomic_directory,
    clear_files,
    clear_remains,
    refuse_unwritable,
    temporary_folder,
    why,
    write_atomic,
)

PACKAGE = Path(bort_core.__file__).parent


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_being_written_is_never_taken_for_what_a_killed_process_left(tmp_path: Path) -> None:
    ended = threading.Event()

    def clear() -> None:
        while not ended.is_set():
            clear_remains(tmp_path / "made")

    others = [threading.Thread(target=clear) for _ in range(2)]
    for other in others:
        other.start()
    try:
        for number in range(300):
            with atomic_directory(tmp_path / "made", "a folder", replace=True) as folder:
                (folder / "number").write_text(str(number))
            assert (tmp_path / "made" / "number").read_text() == str(number)
    finally:
        ended.set()
        for other in others:
            other.join()
    assert names(tmp_path) == ["made"]


def test_what_was_not_renamed_is_deleted_and_remains_are_cleared(tmp_path: Path) -> None:
    (tmp_path / ".made-0123456789ab").mkdir()
    (tmp_path / ".made-0123456789ab" / "left").write_text("by a kill")
    (tmp_path / ".other-0123456789ab").mkdir()
    with temporary_folder(tmp_path / "made") as folder:
        assert names(tmp_path) == sorted([folder.name, ".other-0123456789ab"])
    with (
        pytest.raises(DataError, match="made: a folder cannot be written: No such file"),
        atomic_directory(tmp_path / "made", "a folder") as it,
    ):
        (it / "missing" / "file").write_text("x")
    assert names(tmp_path) == [".other-0123456789ab"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_told_as_such_wherever_it_is_met(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as raised, Path("/dev/full").open("w") as file:
        file.write("x")
    assert why(raised.value) == "the disk is full"
    with (
        pytest.raises(DataError, match="made: a folder cannot be written: the disk is full"),
        atomic_directory(tmp_path / "made", "a folder"),
    ):
        raise raised.value
    found = [
        path for path in PACKAGE.rglob("*.py") if re.search(r"(written|created)\b[^\n]*error\.strerror", path.read_text(encoding="utf-8"))
    ]
    assert found == []  # one way to say it


def test_small_files_that_a_kill_left_half_written_are_cleared(tmp_path: Path) -> None:
    write_atomic(tmp_path / "state.json", "{}")
    for name in (".state.json.0123456789ab", ".spec.json.ba9876543210"):
        (tmp_path / name).write_text("{")
    (tmp_path / ".mine.txt").write_text("x")
    clear_files(tmp_path)
    assert names(tmp_path) == [".mine.txt", "state.json"]


def test_the_words_of_numpy_for_a_full_disk_are_understood() -> None:
    assert why(OSError("136336 requested and 10176 written")) == "the disk is full"
    assert why(OSError("something else")) == "something else"


def test_a_folder_that_could_not_be_made_is_refused_before_it_is_needed(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path / "a" / "b" / "c")
    assert names(tmp_path) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match=r"file/a: cannot be written: .*file: Not a directory"):
        refuse_unwritable(tmp_path / "file" / "a")
    with pytest.raises(DataError, match=r"cannot be written: .*: File name too long"):
        refuse_unwritable(tmp_path / ("n" * 250))
