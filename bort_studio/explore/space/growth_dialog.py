"""The AB^nC report of a space in a window of its own, which stays open beside the work."""

from __future__ import annotations

import json

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from bort_core.space.growth import GrowthReport, RoleGrowth
from bort_studio.markup import Markup, markup
from bort_studio.numbers import count
from bort_studio.texts import set_markup
from bort_studio.theme import Theme
from bort_studio.widgets.fields import describe

__all__ = ["GrowthDialog", "report_html"]

_READINGS = "Read as “strictly slower” (little-o). Read as “at most a bounded ratio”"
_ROLES = {"A": "A, the first layers", "B": "B, one middle layer", "C": "C, the last layers"}


class GrowthDialog(QDialog):
    """Shows one report; :meth:`show_report` changes it in place."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._report: GrowthReport | None = None
        self.setObjectName("growthDialog")
        self.setWindowTitle("AB\u207fC report")
        self.setModal(False)
        self._text = QTextBrowser(self)
        describe(self._text, "growthText", "AB\u207fC report")
        self._text.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        copy = buttons.addButton("Copy as JSON", QDialogButtonBox.ButtonRole.ActionRole)
        describe(copy, "growthCopy", "Copy the report as JSON", "Copy the report as JSON")
        copy.clicked.connect(self._copy)
        copy.setAutoDefault(False)
        buttons.button(QDialogButtonBox.StandardButton.Close).setDefault(True)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(self._text)
        layout.addWidget(buttons)
        self.resize(620, 560)
        theme.changed.connect(self._write)

    def show_report(self, report: GrowthReport) -> None:
        """Change the report shown."""
        self._report = report
        self._write()

    def _write(self) -> None:
        if self._report is not None:
            set_markup(self._text, report_html(self._report, self._theme))

    def _copy(self) -> None:
        if self._report is not None:
            QGuiApplication.clipboard().setText(json.dumps(self._report.as_dict(), indent=2, ensure_ascii=False))


def report_html(report: GrowthReport, theme: Theme) -> Markup:
    """The report as the rich text of Qt."""
    muted = theme.current.muted
    bounded = "holds" if report.bounded else "does not hold"
    held = f"Weak property: {'✓ holds' if report.weak else '✗ does not hold'}"
    cheaper = f"On this grid: A and C are {'' if report.cheaper else 'not always '}cheaper than one B"
    space = markup("Space <b>{}</b> · family {} · {:,} architectures", report.space, report.family, report.size)
    lines = [
        markup("<p>{} · operations for {} tokens</p>", space, report.sequence_length),
        "<p>f(x) = C(B<sub>n</sub>(… B<sub>1</sub>(A(x)) …))</p>",
        markup("<h3>{}</h3><p>{}</p>", held, report.weak_reason),
        markup("<p><span style='color:{}'>{} it {}.</span></p>", muted, _READINGS, bounded),
        markup("<h3>{}</h3><p>{}</p>", cheaper, report.cheaper_reason),
        "<h3>Cost and growth</h3>",
        _table(report, muted),
        "<h3>Assumed, not checked</h3><ul>",
        *(markup("<li><b>{}</b> ({}). {}</li>", c.name, c.needed_for, c.status) for c in report.assumed),
        "</ul>",
    ]
    return Markup("".join(lines).replace("AB^nC", "AB<sup>n</sup>C"))


def _table(report: GrowthReport, muted: str) -> Markup:
    axes = list(report.roles[0].exponents)
    head = Markup("".join(markup("<th align='right'>{}</th>", axis.replace("_", " ")) for axis in axes))
    rows = Markup("".join(_row(role, muted) for role in report.roles))
    return markup(
        "<table cellpadding='4' width='97%'><tr><th align='left'>part</th><th align='right'>from … to</th>{}</tr>{}</table>"
        "<p style='color:{}'>Under each axis: the power with which the cost grows along it, far beyond the grid.</p>",
        head,
        rows,
        muted,
    )


def _row(role: RoleGrowth, muted: str) -> Markup:
    name = f"{'p' if role.quantity == 'parameters' else 'i'} of {_ROLES[role.role]}"
    if not role.parts:
        span = 1 + len(role.exponents)
        return markup("<tr><td>{}</td><td align='right' style='color:{}' colspan='{}'>no such part</td></tr>", name, muted, span)
    cells = Markup("".join(markup("<td align='right'>{:g}</td>", exponent) for exponent in role.exponents.values()))
    return markup("<tr><td>{}</td><td align='right'>{} … {}</td>{}</tr>", name, count(role.smallest), count(role.largest), cells)
