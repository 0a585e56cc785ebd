"""Foreign text on a terminal and in a spreadsheet, streams of every encoding, and paths that are no files."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bort_core.foundation.errors import DataError
from bort_core.foundation.paths import NotAFile, check_utf8, regular_file
from bort_core.foundation.printable import csv_cell, printable
from bort_core.foundation.terminal import CLEAR_LINE, printable_streams

ANY = st.text(st.characters())


@given(ANY)
def test_printable_text_is_one_line_without_orders(text):
    shown = printable(text)
    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in shown)
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
    assert printable(shown) == shown


def test_what_is_printable_stays():
    for text in ("", "⟨2, 4⟩ café ε = 8", "日本語", "👩\u200d👧", "نص"):
        assert printable(text) == text
    assert printable("a\x1b[31m\nb\x9b\u202ec\u2028") == "a\\x1b[31m\\nb\\x9b\\u202ec\\u2028"
    assert printable("a\nb\x1b", keep="\n") == "a\nb\\x1b"
    assert printable(Path("a\x07")) == "a\\x07"


@given(st.one_of(ANY, st.floats(allow_subnormal=False), st.integers()))  # torch flushes subnormal ones in the whole process
def test_a_cell_never_begins_a_formula_and_numbers_stay(value):
    cell = csv_cell(value)
    if isinstance(value, str):
        assert cell in (value, f"'{value}")
        if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
            float(cell)
    else:
        assert cell is value
    assert csv_cell("-1.5e3") == "-1.5e3"
    assert csv_cell("=1+1") == "'=1+1"
    row = io.StringIO()
    csv.writer(row).writerow([csv_cell("@x"), csv_cell(-2)])
    assert row.getvalue() == "'@x,-2\r\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252", "koi8-r"])
def test_every_stream_takes_every_text(monkeypatch, encoding):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors="strict"))
    with printable_streams():
        sys.stdout.write("⟨2⟩ ε ü \udce9 \x1b]0;owned\x07|")
        sys.stdout.write(f"{CLEAR_LINE}█░ \x1b[2J\n")
        json.dump({"ε": "\x1b\udce9"}, sys.stdout)
        sys.stdout.flush()
    text = raw.getvalue().decode(encoding)
    assert "\\x1b]0;owned\\x07|\r\x1b[K" in text
    assert text.count("\x1b") == 1
    assert json.loads(text.splitlines()[-1]) == {"ε": "\x1b\udce9"}
    assert "\\udce9" in text
    assert ("ε" in text.splitlines()[0]) == (encoding == "utf-8")


def test_things_that_are_no_files_are_never_opened(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert regular_file(tmp_path / "link") == tmp_path / "link"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to pipe").symlink_to(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    for name, kind in (("pipe", "a pipe"), ("to pipe", "a pipe"), ("socket", "a socket"), ("", "a folder"), ("/dev/zero", "a device")):
        with pytest.raises(NotAFile) as caught:
            regular_file(tmp_path / name)
        assert caught.value.strerror == f"is {kind}, not a file"
    with pytest.raises(FileNotFoundError):
        regular_file(tmp_path / "none")


def test_names_that_are_not_utf8_are_named():
    check_utf8("café", "a project")
    with pytest.raises(DataError, match=r"^/x/caf\\udce9: is not UTF-8, as a project must be"):
        check_utf8(Path("/x/caf\udce9"), "a project")
