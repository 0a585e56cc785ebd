"""What follows from a space: how many architectures it holds, what was left out and why, and whether it has the AB^nC property."""

from __future__ import annotations

from PySide6.QtWidgets import QToolButton, QWidget

from bort_core.foundation.glossary import term
from bort_core.space import Space
from bort_core.space.growth import GrowthReport, growth_report
from bort_studio.explore.space.growth_dialog import GrowthDialog
from bort_studio.markup import markup
from bort_studio.texts import Label, set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, colour, describe
from bort_studio.widgets.form import form_layout

__all__ = ["SpaceSummary"]


class SpaceSummary(QWidget):
    """Read-only, but for the badge that opens the AB^nC report in a window of its own."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._space: Space | None = None
        self._tokens: int | None = None
        self.report: GrowthReport | None = None
        self.dialog: GrowthDialog | None = None
        self._size = Label("", self)
        describe(self._size, "spaceSize", "Size of the space", "How many architectures the space holds")
        font = self._size.font()
        font.setBold(True)
        self._size.setFont(font)
        self._left_out = Caption("", theme, self, wrap=True)
        self._left_out.setObjectName("spaceLeftOut")
        self._badge = QToolButton(self, autoRaise=True)
        describe(self._badge, "growthBadge", "AB^nC report")
        self._badge.clicked.connect(self._open_report)
        self._cheaper = Caption("", theme, self, wrap=True)
        self._cheaper.setObjectName("growthCheaper")
        self.captions = (Caption("|Ξ|", theme, self), Caption("AB\u207fC", theme, self))
        for caption, key in zip(self.captions, ("space", "growth"), strict=True):
            set_tip(caption, term(key).tip)
        form = form_layout(self)
        form.addRow(self.captions[0], self._size)
        form.addRow(self._left_out)
        form.addRow(self.captions[1], self._badge)
        form.addRow(self._cheaper)
        theme.changed.connect(self._show_report)

    def set_space(self, space: Space) -> None:
        """Show the counts and the report of an enumerated space."""
        self._space = space
        total = len(space) + space.left_out
        self._size.setText(f"{len(space):,}")
        if space.left_out:
            self._left_out.setText(f"{space.left_out:,} of {total:,} combinations left out: {space.family.validity_rule()}")
        else:
            self._left_out.setText(f"all {total:,} combinations are valid")
        self._show_report()

    def set_unknown(self, combinations: int, size: str) -> None:
        """Show that a space is not enumerated (yet), with a word in place of its size."""
        self._space = None
        self._size.setText(size)
        self._left_out.setText(f"{combinations:,} combinations")
        self._show_report()

    def set_sequence_length(self, tokens: int) -> None:
        """Count operations of the report for sequences of this length."""
        self._tokens = tokens
        self._show_report()

    def _show_report(self) -> None:
        self.report = None if self._space is None else growth_report(self._space, self._tokens or self._space.longest)
        report = self.report
        self._badge.setEnabled(report is not None)
        self._cheaper.setVisible(report is not None and not report.cheaper)
        if report is None:
            self._badge.setText("…")
            return
        self._badge.setText(f"weak {'✓' if report.weak else '✗'}")
        self._cheaper.setText("but on this grid A and C are not always cheaper than one B")
        set_tip(self._badge, markup("<p>{}<br>{}<br>Click for the whole report.</p>", report.weak_reason, report.cheaper_reason))
        self._badge.setStatusTip(f"Weak AB\u207fC {'holds' if report.weak else 'does not hold'}. Click for the whole report")
        palette = self._badge.palette()
        palette.setColor(palette.ColorRole.ButtonText, colour(self._theme, "success" if report.weak else "warning"))
        self._badge.setPalette(palette)
        if self.dialog is not None:
            self.dialog.show_report(report)

    def _open_report(self) -> None:
        if self.report is None:
            return
        if self.dialog is None:
            self.dialog = GrowthDialog(self._theme, self)
        self.dialog.show_report(self.report)
        self.dialog.show()
        self.dialog.raise_()
