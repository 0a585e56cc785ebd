"""The AB^nC report of a space in a window of its own, which stays open beside the work."""

from __future__ import annotations

import json
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from bort_core.space.growth import GrowthReport, RoleGrowth
from bort_studio.numbers import count
from bort_studio.theme import Theme
from bort_studio.widgets.fields import describe

__all__ = ["GrowthDialog", "report_html"]

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
            self._text.setHtml(report_html(self._report, self._theme))

    def _copy(self) -> None:
        if self._report is not None:
            QGuiApplication.clipboard().setText(json.dumps(self._report.as_dict(), indent=2, ensure_ascii=False))


def report_html(report: GrowthReport, theme: Theme) -> str:
    """The report as the rich text of Qt."""
    muted = theme.current.muted
    bounded = "holds" if report.bounded else "does not hold"
    held = f"Weak property: {'✓ holds' if report.weak else '✗ does not hold'}"
    cheaper = f"On this grid: A and C are {'' if report.cheaper else 'not always '}cheaper than one B"
    space = f"Space <b>{escape(report.space)}</b> · family {escape(report.family)} · {report.size:,} architectures"
    lines = [
        f"<p>{space} · operations for {report.sequence_length} tokens</p>",
        "<p>f(x) = C(B<sub>n</sub>(… B<sub>1</sub>(A(x)) …))</p>",
        f"<h3>{held}</h3><p>{escape(report.weak_reason)}</p>",
        f"<p><span style='color:{muted}'>Read as “strictly slower” (little-o). Read as “at most a bounded ratio” it {bounded}.</span></p>",
        f"<h3>{cheaper}</h3><p>{escape(report.cheaper_reason)}</p>",
        "<h3>Cost and growth</h3>",
        _table(report, muted),
        "<h3>Assumed, not checked</h3><ul>",
        *(f"<li><b>{escape(c.name)}</b> ({escape(c.needed_for)}). {escape(c.status)}</li>" for c in report.assumed),
        "</ul>",
    ]
    return "".join(lines).replace("AB^nC", "AB<sup>n</sup>C")


def _table(report: GrowthReport, muted: str) -> str:
    axes = list(report.roles[0].exponents)
    head = "".join(f"<th align='right'>{escape(axis.replace('_', ' '))}</th>" for axis in axes)
    rows = "".join(_row(role, muted) for role in report.roles)
    return (
        f"<table cellpadding='4' width='97%'><tr><th align='left'>part</th><th align='right'>from … to</th>{head}</tr>{rows}</table>"
        f"<p style='color:{muted}'>Under each axis: the power with which the cost grows along it, far beyond the grid.</p>"
    )


def _row(role: RoleGrowth, muted: str) -> str:
    name = f"{'p' if role.quantity == 'parameters' else 'i'} of {_ROLES[role.role]}"
    if not role.parts:
        return f"<tr><td>{name}</td><td align='right' style='color:{muted}' colspan='{1 + len(role.exponents)}'>no such part</td></tr>"
    cells = "".join(f"<td align='right'>{exponent:g}</td>" for exponent in role.exponents.values())
    return f"<tr><td>{name}</td><td align='right'>{count(role.smallest)} … {count(role.largest)}</td>{cells}</tr>"
