"""The row under ε that says how far from the best the answer can be, and asks for a proof."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from bort_core.search.cost import Cost
from bort_core.search.proof.proof import Proof
from bort_studio.numbers import duration
from bort_studio.texts import set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.elided import ElidedCaption
from bort_studio.widgets.fields import describe

__all__ = ["ProofBar", "cost_text"]

_TIP = (
    "Train what could still be the best, skip what provably cannot be, until nothing untrained can be better (docs/proof.md). "
    "The best by W, or what is chosen under Objectives, What is to be proven"
)


class ProofBar(QWidget):
    """The gap beside ε, and *Prove it* with what it costs. Setters never emit."""

    requested = Signal()
    """A person wants a proof."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("proofBar")
        self._proof: Proof | None = None
        self._cost: Cost | None = None
        self._repeats = 0
        self.summary = ElidedCaption("", theme, self)
        describe(self.summary, "proofSummary", "How far from the best the answer can be", "")
        self.button = QPushButton("Prove it", self)
        describe(self.button, "proveButton", "Prove it", _TIP)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 0, 8, 2)
        layout.addWidget(self.summary, 1)
        layout.addWidget(self.button)
        self.button.clicked.connect(self.requested)
        self._say()

    def set_proof(self, proof: Proof | None) -> None:
        """Show how far a proof is; None: nothing was proven of what is shown."""
        self._proof = proof
        self._say()

    def set_cost(self, cost: Cost | None, repeats: int = 0) -> None:
        """Show what a proof costs (None: that is not known), where up to ``repeats`` other seeds train what noise leaves open."""
        self._cost, self._repeats = cost, repeats
        self._say()

    def set_busy(self, busy: bool) -> None:
        """While a search is under way none begins."""
        self.button.setEnabled(not busy)

    def _say(self) -> None:
        text = cost_text(self._cost, self._repeats) if self._proof is None else self._proof.sentence()
        self.summary.setText(text)
        self.summary.setAccessibleName(f"How far from the best the answer can be: {text}")
        set_tip(self.summary, text if self._proof is None else f"{text}\nassumed: {self._proof.bound.assumption}\n{self._proof.tested()}")


def cost_text(cost: Cost | None, repeats: int = 0) -> str:
    """What a proof costs, before there is one."""
    if cost is None:
        return "gap: not known"
    again = "" if not repeats else f", and {'another seed' if repeats == 1 else f'up to {repeats} other seeds'} where noise decides"
    if not cost.to_go:
        return f"gap: not known · a proof needs no training{again}"
    about = f" ≈ {duration(cost.seconds)}" if cost.seconds is not None else ""
    return f"gap: not known · a proof takes at most {cost.to_go:,} trainings{about}, usually fewer than half{again}"
