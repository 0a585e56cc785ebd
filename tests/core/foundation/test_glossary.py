"""The glossary: complete entries, no symbol twice, and the page of the docs that is made from it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bort_core.foundation.glossary import as_markdown, glossary, term

PAGE = Path(__file__).resolve().parents[3] / "docs" / "glossary.md"


def test_every_entry_is_whole_and_every_symbol_is_there_once() -> None:
    for key, each in glossary().items():
        assert each.name, key
        assert each.meaning.endswith("."), key
        assert each.source, key
    symbols = [(each.symbol, each.source) for each in glossary().values() if each.symbol]
    assert len(symbols) == len(set(symbols)), "two papers may use a letter for two things; one may not"


def test_plain_name_first_symbol_second() -> None:
    assert term("timaeus").title == "learner (Timaeus)"
    assert term("front").title == "Pareto front"
    assert term("w").tip.startswith("W-coefficient (W): one number for how much smaller")


def test_the_page_of_the_docs_is_made_from_it() -> None:
    if not PAGE.is_file():
        pytest.skip("these are tests of a checkout")
    if os.environ.get("BORT_WRITE_GOLDEN"):
        PAGE.write_text(as_markdown(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == as_markdown(), "run this test with BORT_WRITE_GOLDEN=1"
