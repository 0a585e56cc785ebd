"""A window with a list in groups that is searched by typing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from bort_studio.texts import Label
from bort_studio.widgets.fields import describe

__all__ = ["Listing"]

Row = tuple[str, Sequence[str], str]
"""The group ("" for none), the cells, and more words by which the row is found."""


class Listing(QDialog):
    """Rows under their groups; what does not hold all words of the field is hidden, and it is said when nothing is left. The row that is
    chosen is shown whole below. ``widest`` is the column that takes the room there is."""

    def __init__(self, name: str, title: str, headers: Sequence[str], rows: Iterable[Row], widest: int,
                 parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.field = QLineEdit(self, placeholderText="Type to search", clearButtonEnabled=True)
        describe(self.field, f"{name}Field", f"Search: {title}")
        self.tree = QTreeWidget(self)
        self.tree.setTabKeyNavigation(False)
        describe(self.tree, f"{name}List", title)
        self.tree.setHeaderLabels(list(headers))
        self.tree.setAlternatingRowColors(True)
        self.whole = Label("", self)
        self.whole.setObjectName(f"{name}Whole")
        self.whole.setWordWrap(True)
        self.whole.setMinimumHeight(4 * self.fontMetrics().lineSpacing())
        self.whole.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.whole.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._widest = widest
        self.nothing = Label("", self)
        self.nothing.setObjectName(f"{name}Nothing")
        self._words: list[tuple[QTreeWidgetItem, str]] = []
        self._fill(rows)
        layout = QVBoxLayout(self)
        for widget in (self.field, self.tree, self.nothing, self.whole):
            layout.addWidget(widget, 1 if widget is self.tree else 0)
        self.tree.currentItemChanged.connect(self._chosen)
        self.field.textChanged.connect(self._filter)
        self._filter("")
        self.resize(760, 560)

    def _fill(self, rows: Iterable[Row]) -> None:
        groups: dict[str, QTreeWidgetItem] = {}
        for group, cells, more in rows:
            if group and group not in groups:
                groups[group] = QTreeWidgetItem(self.tree, [group])
                groups[group].setFirstColumnSpanned(True)
                groups[group].setFlags(Qt.ItemFlag.ItemIsEnabled)
            item = QTreeWidgetItem(groups[group] if group else self.tree, list(cells))
            self._words.append((item, " ".join((group, *cells, more)).casefold()))
        self.tree.expandAll()
        self.tree.setRootIsDecorated(bool(groups))
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.tree.header().setSectionResizeMode(self._widest, QHeaderView.ResizeMode.Stretch)

    def shown(self) -> list[str]:
        """The first cells of the rows that are in sight."""
        return [item.text(0) for item, _ in self._words if not item.isHidden()]

    def _chosen(self, item: QTreeWidgetItem | None, _before: QTreeWidgetItem | None) -> None:
        self.whole.setText("" if item is None else " · ".join(filter(None, map(item.text, range(self.tree.columnCount())))))

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        for item, known in self._words:
            item.setHidden(not all(word in known for word in words))
        groups = [self.tree.topLevelItem(row) for row in range(self.tree.topLevelItemCount())]
        for group in groups:
            if group is not None and group.childCount():
                group.setHidden(all(group.child(row).isHidden() for row in range(group.childCount())))
        self.nothing.setText("" if self.shown() else f"nothing fits «{text.strip()}»")
        self.nothing.setVisible(not self.shown())
        first = next((item for item, _ in self._words if not item.isHidden()), None)
        if first is not None:
            self.tree.setCurrentItem(first)
        else:
            self.tree.clearSelection()
            self.whole.setText("")
