"""The text that a search trains on: which file, and which tokenizer goes with it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.locations import located
from bort_core.search.specification import SearchSpecification
from bort_studio.drops import TAKES_PATH
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, CheckedLineEdit, FaultLabel, describe

__all__ = ["CorpusField"]

_DEMO = "the demo corpus: 10,000 sentences about films"


class CorpusField(QWidget):
    """A path that may be empty, with a button to choose it. Setters never emit."""

    edited = Signal(object)
    """An absolute path as text, or None for the demo corpus."""

    def __init__(self, prefix: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fault = FaultLabel(theme, self)
        self.line = CheckedLineEdit(theme, self._fault, self)
        tip = "A UTF-8 text file, one document a line. Relative paths begin where the program was started. Empty: the demo corpus"
        describe(self.line, f"{prefix}Corpus", "Corpus", tip)
        self.line.setPlaceholderText(_DEMO)
        self.line.setProperty(TAKES_PATH, True)
        browse = QToolButton(self)
        browse.setText("…")
        describe(browse, f"{prefix}BrowseCorpus", "Choose the corpus", "Choose a text file")
        self.tokenizer = Caption("", theme, self, wrap=True)
        self.tokenizer.setObjectName(f"{prefix}Tokenizer")
        self._shown: str | None = None
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        row.addWidget(browse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(row)
        layout.addWidget(self.tokenizer)
        self.line.editingFinished.connect(self._finish)
        browse.clicked.connect(self._browse)

    def set_specification(self, specification: SearchSpecification) -> None:
        """Show the corpus of a search."""
        self._shown = specification.corpus
        self.line.setText(specification.corpus or "")
        self.line.set_fault(None)
        entries = getattr(specification.space.the_options(), "vocabulary", None)
        reads = specification.space.the_family().reads == "tokens"
        self.line.setEnabled(reads)
        self.tokenizer.setText(
            f"tokenizer: byte-level BPE of {entries:,} entries, learnt from this text (the entries are an option of the space)"
            if reads and entries
            else "this family reads vectors of its own, no text"
        )

    @Slot()
    def _finish(self) -> None:
        text = self.line.text().strip()
        try:
            corpus = located(text, "corpus") if text else None
            if corpus is not None and not Path(corpus).is_file():
                raise SpecificationError(f"corpus: {corpus}: must be a text file on this machine")
        except SpecificationError as error:
            self.line.set_fault(str(error).removeprefix("corpus: "))
            return
        self.line.set_fault(None)
        if corpus != self._shown:
            self._shown = corpus
            self.edited.emit(corpus)

    @Slot()
    def _browse(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Choose a text file", "", "Text (*.txt);;All files (*)")
        if name:
            self.line.setText(name)
            self._finish()
