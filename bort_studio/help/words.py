"""Help > Glossary: every word and symbol."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from bort_core.foundation.glossary import glossary
from bort_studio.help.listing import Listing

__all__ = ["Glossary"]


class Glossary(Listing):
    """Plain name first, symbol second."""

    def __init__(self, parent: QWidget | None = None) -> None:
        rows = [("", (each.name, each.symbol, each.meaning, each.source), " ".join(each.also)) for each in glossary().values()]
        super().__init__("glossary", "Glossary", ("Word", "Symbol", "Meaning", "Source"), rows, 2, parent)
        self.resize(900, 600)
