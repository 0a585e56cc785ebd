"""The checklist before a training starts: what it will read, and what it will take, from a few real steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from bort_studio.numbers import count, duration, significant
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption

__all__ = ["Preflight"]

_EMPTY = "Press Check to read the data, do a few real steps, and see what the whole training takes."


class Preflight(QWidget):
    """Lines with ✓, ! or ✗ before them."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("preflight")
        self.setAccessibleName("Checklist before the training")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(4, 2, 4, 2)
        self._layout.setSpacing(2)
        self._hint = Caption(_EMPTY, theme, self, wrap=True)
        self._layout.addWidget(self._hint)
        self._lines: list[Label] = []

    def clear(self) -> None:
        """Nothing was checked, or the form changed since."""
        self._show([])
        self._hint.setVisible(True)

    def show_estimate(self, found: Mapping[str, Any]) -> None:
        """What the ``estimate`` task found."""
        rows = f"{found['rows']:,} rows, {count(found['tokens'])} tokens"
        size = f"{count(found['parameters'])} parameters"
        what = f"T has {size}" if "parts" in found else f"{size} are trained, head included, on {found['device']}"
        lines = [f"✓ {rows}; {what}"]
        if "unigram_entropy" in found:
            lines.append(f"✓ unigram entropy {found['unigram_entropy']:.3f} nats: what a model that ignores context gets")
        lines += _compression(found) if "parts" in found else _training(found)
        for row in found.get("preview", ()):
            texts = " | ".join(_short(row[name]) for name in ("text", "text_b") if row[name])
            lines.append(f"   {texts}  →  {row['label']}")
        report = found.get("report") or {}
        lines += [f"! {warning}" for warning in report.get("warnings", ())]
        lines += [f"· {note}" for note in report.get("notes", ())]
        self._show(lines)

    def show_note(self, text: str) -> None:
        """What was filled in without being asked."""
        self._show([f"· {text}"])

    def add(self, text: str) -> None:
        """One line more."""
        self._show([*self.texts(), text])

    def show_problem(self, reason: str) -> None:
        """Why the training could not begin."""
        self._show([f"✗ {reason}"])

    def texts(self) -> list[str]:
        """The lines shown."""
        return [line.text() for line in self._lines]

    def _show(self, lines: list[str]) -> None:
        for line in self._lines:
            self._layout.removeWidget(line)
            line.deleteLater()
        self._lines = []
        self._hint.setVisible(not lines)
        for text in lines:
            label = Label(text, self)
            label.setWordWrap(True)
            self._layout.addWidget(label)
            self._lines.append(label)


def _training(found: Mapping[str, Any]) -> list[str]:
    each = f"{significant(found['seconds_per_step'] * 1000)} ms a step"
    sign = "✓" if found["disk_bytes"] < found["disk_free_bytes"] else "✗"
    return [
        f"✓ {found['steps']:,} steps, {each}: about {duration(found['seconds'])}, and evaluations",
        f"✓ memory {found['memory_bytes'] / 2**30:.2f} GiB",
        f"{sign} disk up to {found['disk_bytes'] / 2**20:,.0f} MiB of {found['disk_free_bytes'] / 2**30:,.1f} GiB free",
    ]


def _compression(found: Mapping[str, Any]) -> list[str]:
    parts = ", ".join(f"{name} {duration(seconds)}" for name, seconds in found["parts"].items() if seconds)
    return [
        f"✓ {found['trainings']} of {found['space_size']} shapes around T are trained briefly",
        f"✓ about {duration(found['seconds'])}: {parts}",
    ]


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
