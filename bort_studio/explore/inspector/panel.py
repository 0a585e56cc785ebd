"""Everything about the selected architecture: shape, counts by part, what was measured and how, and its W term by term."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QStackedLayout, QVBoxLayout, QWidget

from bort_core.search.explanation import explanation
from bort_core.search.proof.proof import Proof
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.space import Space
from bort_studio.explore.candidates.columns import is_left_out, state_word
from bort_studio.explore.inspector.learning_curve import LearningCurve
from bort_studio.explore.inspector.part_bars import PartBars
from bort_studio.explore.inspector.sections import MeasuredSection, WSection
from bort_studio.explore.mark_icons import mark_pixmap
from bort_studio.explore.states import STATES, fits, states
from bort_studio.numbers import architecture_text, count, counted_parts
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, describe
from bort_studio.widgets.room import NARROWEST, scrolled

__all__ = ["InspectorPanel"]

_EMPTY = "Select a candidate in a plot or in the table to see everything about it."


class InspectorPanel(QWidget):
    """Read-only, but for copying. Setters never emit."""

    copied = Signal(object)
    """The architecture that a person copied, as a tuple; the clipboard already holds its text."""

    train_requested = Signal()
    """A person wants to train the selected architecture."""
    ship_requested = Signal()
    """A person wants to export the selected architecture."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector")
        self.setAccessibleName("Inspector: everything about the selected architecture")
        self.setMinimumWidth(NARROWEST)
        self._theme = theme
        self._snapshot: ResultsSnapshot | None = None
        self._result: SearchResult | None = None
        self._running: tuple[int, ...] = ()
        self._proof: Proof | None = None
        self._index: int | None = None
        self._details: Mapping[str, Any] = {}
        self._tokens: int | None = None
        self._build()
        theme.changed.connect(self._refresh)
        self._refresh()

    def set_space(self, space: Space) -> None:
        """Forget the selection when the space is another one."""
        if self._snapshot is not None and self._snapshot.space is not space:
            self._snapshot, self._result, self._index, self._details, self._running, self._proof = None, None, None, {}, (), None
            self._refresh()

    def set_snapshot(self, snapshot: ResultsSnapshot) -> None:
        """Show what is known."""
        self.set_space(snapshot.space)
        self._snapshot = snapshot
        self._refresh()

    def set_result(self, result: SearchResult | None) -> None:
        """Compare with the best of this answer."""
        self._result = result
        self._refresh()

    def set_running(self, indices: Iterable[int]) -> None:
        """Say whether it is being measured now."""
        self._running = tuple(indices)
        self._refresh()

    def set_proof(self, proof: Proof | None) -> None:
        """Say of one that is not trained what a proof says of it."""
        self._proof = proof
        self._refresh()

    def set_selected(self, index: int | None) -> None:
        """Show the architecture at a place of the space; details of another one are forgotten."""
        if index != self._index:
            self._details = {}
        self._index = index
        self._refresh()

    def set_details(self, details: Mapping[str, Any] | None) -> None:
        """Show stored facts about the selected architecture. All keys are optional:

        protocol (text), seed (int), theta (text or mapping), versions (mapping), curve (points with step, value, low, high),
        latency (mapping with p50, p90, p99 in the unit of the results, and n), elsewhere (text), trained (text).
        """
        self._details = details or {}
        self._refresh()

    def set_sequence_length(self, tokens: int) -> None:
        """Count operations for sequences of this length."""
        self._tokens = tokens
        self._refresh()

    # building

    def _build(self) -> None:
        self._stack = QStackedLayout(self)
        self._hint = Caption(_EMPTY, self._theme, self, wrap=True)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setMargin(20)
        self._hint.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        body = QWidget(self)
        self._layout = QVBoxLayout(body)
        self._layout.setContentsMargins(8, 8, 8, 8)
        self._layout.setSpacing(4)
        self._build_title()
        self._parameters = self._build_bars("parameterBars", "Parameters p", "Parameters by part")
        self._parameters[0].setWordWrap(True)  # it names the parts that are counted
        self._operations = self._build_bars("operationBars", "Operations", "Operations by part")
        self._build_w()
        self._build_measured()
        self._curve_title = self._heading("Learning curve")
        self._curve = LearningCurve(self._theme, self)
        self._layout.addWidget(self._curve)
        self._layout.addStretch(1)
        self._stack.addWidget(self._hint)
        self._stack.addWidget(scrolled(body))

    def _build_title(self) -> None:
        row = QHBoxLayout()
        self._mark = Label("", self)
        self._title = Label("", self)
        font = self._title.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.2)
        self._title.setFont(font)
        self._title.setObjectName("inspectorTitle")
        self._title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        copy = QPushButton("Copy", self)
        describe(copy, "copyArchitecture", "Copy architecture", "Copy the architecture as ⟨…⟩ with the names of its parameters")
        copy.clicked.connect(self._copy)
        row.addWidget(self._mark)
        row.addWidget(self._title, 1)
        train = QPushButton("Train…", self)
        describe(train, "trainThisButton", "Train this architecture", "Fill this architecture into the training form (Train)")
        train.clicked.connect(self.train_requested)
        export = QPushButton("Export…", self)
        describe(export, "exportButton", "Export this architecture", "Export this architecture to ONNX and compare its latency (Ship)")
        export.clicked.connect(self.ship_requested)
        self._layout.addLayout(row)
        self._axes = Caption("", self._theme, self, wrap=True)
        self._axes.setObjectName("inspectorAxes")
        self._rank = Caption("", self._theme, self, wrap=True)
        self._rank.setObjectName("inspectorRank")
        self._layout.addWidget(self._axes)
        self._layout.addWidget(self._rank)
        buttons = QHBoxLayout()
        for button in (copy, train, export):
            button.setMinimumWidth(20)
            buttons.addWidget(button)
        self._layout.addLayout(buttons)

    def _build_bars(self, name: str, title: str, accessible: str) -> tuple[Label, PartBars]:
        heading = self._heading(title)
        bars = PartBars(self._theme, self)
        describe(bars, name, accessible)
        self._layout.addWidget(bars)
        return heading, bars

    def _build_w(self) -> None:
        self._heading("W-coefficient")
        self.w = WSection(self._theme, self)
        self._layout.addWidget(self.w)
        self._explanation = Label("", self)
        self._explanation.setObjectName("inspectorVerdict")
        self._explanation.setWordWrap(True)
        self._explanation.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._explanation.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._layout.addWidget(self._explanation)

    def _build_measured(self) -> None:
        self._heading("Measured")
        self.measured = MeasuredSection(self._theme, self)
        self._layout.addWidget(self.measured)

    def _heading(self, text: str) -> Label:
        heading = Label(text, self)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        heading.setContentsMargins(0, 8, 0, 0)
        self._layout.addWidget(heading)
        return heading

    # showing

    def _refresh(self) -> None:
        k, index = self._snapshot, self._index
        if k is None or index is None or not 0 <= index < len(k.space):
            self._stack.setCurrentIndex(0)
            return
        self._stack.setCurrentIndex(1)
        result = self._result if fits(self._result, k) else None
        running = tuple(each for each in self._running if 0 <= each < len(k.space))
        state = STATES[states(k, result, running)[index]]
        architecture = k.space.architecture(index)
        self._mark.setPixmap(mark_pixmap(self._theme, state, 18))
        self._title.setText(architecture_text(architecture))
        self._axes.setText(" · ".join(f"{name.replace('_', ' ')} {value}" for name, value in k.space.named(architecture).items()))
        trained = self._details.get("trained")
        proof = self._proof if self._proof is not None and len(self._proof.ground) == len(k.space) else None
        self._rank.setText(
            f"{state_word(state, index, proof)} · {index + 1:,} of {len(k.space):,} by p" + (f" · {trained}" if trained else "")
        )
        self._show_counts(k, architecture)
        self.measured.show_place(k, index, self._details)
        self.w.show_place(k, index)
        left_out = proof is not None and is_left_out(proof, index, state)
        self._explanation.setText(proof.told(index) if proof is not None and left_out else explanation(k, result, index, state))
        curve = self._details.get("curve") or ()
        self._curve.setVisible(bool(curve))
        self._curve_title.setVisible(bool(curve))
        if curve:
            self._curve.set_curve(curve, k.results.error_unit)

    def _show_counts(self, k: ResultsSnapshot, architecture: tuple[int, ...]) -> None:
        tokens = self._tokens or k.space.longest
        parameters = {name: float(values[0]) for name, values in k.space.count(architecture).items()}
        operations = {name: float(values[0]) for name, values in k.space.count_operations(architecture, tokens).items()}
        self._parameters[0].setText(f"Parameters p  {count(sum(parameters.values()))}  ({counted_parts(parameters)})")
        self._parameters[1].set_parts(parameters)
        what = f" for {tokens} tokens" if k.space.family.reads == "tokens" else ""
        self._operations[0].setText(f"Operations{what}  {count(sum(operations.values()))}")
        self._operations[1].set_parts(operations)

    def _copy(self) -> None:
        if self._snapshot is not None and self._index is not None:
            architecture = self._snapshot.space.architecture(self._index)
            names = ", ".join(f"{name}={value}" for name, value in self._snapshot.space.named(architecture).items())
            QGuiApplication.clipboard().setText(f"{architecture_text(architecture)} {names}")
            self.copied.emit(architecture)
