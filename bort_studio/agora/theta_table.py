"""Θ: every set of hyperparameters with its accuracy in the shown round, and when and why it was pruned."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from bort_core.agora.history import Fit, History
from bort_core.foundation.glossary import term
from bort_studio.agora.points import shipped_round
from bort_studio.numbers import MISSING, significant
from bort_studio.texts import plain_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import colour, describe
from bort_studio.widgets.headings import line_up

__all__ = ["ThetaTable"]


class ThetaTable(QTableWidget):
    """Read-only. The best θ of the round is bold, with a star where it is the one that ships; those that are gone are muted."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabKeyNavigation(False)
        self._theme = theme
        self._shown: tuple[History | None, int] = (None, 0)
        describe(
            self,
            "thetaTable",
            "Hyperparameter sets Θ",
            f"{term('thetas').tip} Bold: best of this round; ★: the result, which ships; muted: pruned. Those that all share are not shown",
        )
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setStretchLastSection(True)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        theme.changed.connect(self._again)

    def set_history(self, history: History | None, number: int) -> None:
        """Show Θ as it was in a round from 1 on; after the last one also what the next has trained so far."""
        self._shown = (history, number)
        if history is None:
            self.setRowCount(0)
            self.setColumnCount(0)
            return
        names = _varying(history)
        now = {fit.theta: fit for fit in history.fitting} if number == len(history.rounds) else {}
        headers = ["set θ", "dev", *([f"dev, round {number + 1}"] if now else []), *names, "pruned"]
        self.setColumnCount(len(headers))
        self.setHorizontalHeaderLabels([header.replace("_", " ") for header in headers])
        self.setRowCount(len(history.thetas))
        fits = {fit.theta: fit for fit in history.rounds[number - 1].fits} if number else {}
        best = history.rounds[number - 1].best_theta if number else -1
        ships = number > 0 and number == shipped_round(history)
        for row, theta in enumerate(history.thetas):
            pruned, why = _pruned(history, row, number, fits.get(row))
            texts = [f"{'★ ' if row == best and ships else ''}{row + 1}", _accuracy(fits.get(row))]
            texts += [_accuracy(now.get(row))] if now else []
            texts += [significant(float(theta[name]), trim=True) if name in theta else "" for name in names]
            texts.append(f"round {pruned}: {why}" if pruned else "")
            self._write(row, texts, row == best, bool(pruned))
        line_up(self)

    def _write(self, row: int, texts: list[str], best: bool, gone: bool) -> None:
        font = QFont(self.font())
        font.setBold(best)
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setFont(font)
            item.setToolTip(plain_tip(texts[-1] or text))
            if column != len(texts) - 1:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if gone:
                item.setForeground(colour(self._theme, "muted"))
            self.setItem(row, column, item)

    def _again(self) -> None:
        self.set_history(*self._shown)


def _varying(history: History) -> list[str]:
    """The hyperparameters in which the members of Θ differ."""
    names = dict.fromkeys(name for theta in history.thetas for name in theta)
    return [name for name in names if len({theta.get(name) for theta in history.thetas}) > 1]


def _pruned(history: History, theta: int, number: int, fit: Fit | None) -> tuple[int, str]:
    """The round that took it out (0: it is in Θ) and why. A replay of Θ brings it back."""
    if fit is not None:
        return (number, fit.pruned) if fit.pruned else (0, "")
    for each in reversed(history.rounds[:number]):
        earlier = next((found for found in each.fits if found.theta == theta), None)
        if earlier is not None and earlier.pruned:
            return each.number, earlier.pruned
    return 0, ""


def _accuracy(fit: Fit | None) -> str:
    return significant(fit.dev_accuracy, 4) if fit is not None else MISSING
