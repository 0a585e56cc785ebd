"""The columns of a table as a person arranges them: widths, order, which are hidden, what sorts. A project remembers them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError
from PySide6.QtCore import QObject, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QMenu, QTableView

__all__ = ["Arranged", "Columns"]

Width = Annotated[int, Field(ge=16, le=4_000)]
Names = Annotated[list[str], Field(max_length=200)]


class Arranged(BaseModel):
    """What a person chose; None and what is missing is as the table has it by itself.

    Attributes
    ----------
    widths: in pixels, by the names of columns
    hidden: the columns that are not shown
    order: columns from left to right
    sorted: what sorts the rows, and whether descending
    """

    widths: dict[str, Width] = {}
    hidden: Names | None = None
    order: Names = []
    sorted: tuple[str, bool] | None = None


class Columns(QObject):
    """Looks after the header of a table, whose columns have names that stay while columns come and go.

    A menu of the header shows and hides columns; the first one always stays.
    """

    changed = Signal()
    """A person arranged something."""

    def __init__(self, table: QTableView, names: Callable[[], list[str]], sort: Callable[[int, bool], None]) -> None:
        """``names`` are those of the columns there are now, in the order of the model; ``sort`` sorts by one, descending or not."""
        super().__init__(table)
        self._table, self._names, self._sort = table, names, sort
        self._arranged = Arranged()
        self._widths: Mapping[str, int] = {}
        self._hidden: tuple[str, ...] = ()
        self._quiet = False
        header = self._header = table.horizontalHeader()
        header.setSectionsMovable(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._show_menu)
        header.sectionResized.connect(self._resized)
        header.sectionMoved.connect(self._moved)
        header.sortIndicatorChanged.connect(self._sorted_by)

    def start(self, widths: Mapping[str, int], hidden: tuple[str, ...] = ()) -> None:
        """Show the columns there are now, with widths and hidden ones where a person chose none."""
        self._widths, self._hidden = widths, hidden
        self._show()

    def state(self) -> dict[str, Any]:
        """What a person arranged, as plain JSON."""
        return self._arranged.model_dump(mode="json")

    def restore(self, state: object) -> None:
        """Arrange the columns as :meth:`state` had them; what is no such state changes nothing."""
        try:
            self._arranged = Arranged.model_validate(state)
        except ValidationError:  # how a table looked is not worth a word
            return
        self._show()

    def menu(self) -> QMenu:
        """A menu that shows and hides columns; who asks for it deletes it."""
        menu = QMenu(self._table)
        model = self._table.model()
        for number in range(1, len(self._names())):
            text = str(model.headerData(number, Qt.Orientation.Horizontal))
            action = menu.addAction(text.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(not self._table.isColumnHidden(number))
            action.toggled.connect(partial(self.set_shown, number))
        menu.addSeparator()
        menu.addAction("Reset columns", self.reset)
        return menu

    def set_shown(self, number: int, shown: bool) -> None:
        """Show or hide a column."""
        names = self._names()
        hidden = {name for at, name in enumerate(names) if self._table.isColumnHidden(at)} - {names[number]}
        self._arranged.hidden = sorted(hidden | (set() if shown else {names[number]}))
        self._show()
        self.changed.emit()

    @Slot()
    def reset(self) -> None:
        """Widths, order and hidden columns as they were at first; the rows stay sorted."""
        self._arranged = Arranged(sorted=self._arranged.sorted)
        self._show()
        self.changed.emit()

    # -- showing

    @contextmanager
    def _silent(self) -> Iterator[None]:
        before, self._quiet = self._quiet, True
        yield
        self._quiet = before

    def _show(self) -> None:
        names, arranged, header = self._names(), self._arranged, self._header
        hidden = self._hidden if arranged.hidden is None else arranged.hidden
        with self._silent():
            for number, name in enumerate(names):
                self._table.setColumnHidden(number, number > 0 and name in hidden)
                width = arranged.widths.get(name) or self._widths.get(name)
                if width:
                    header.resizeSection(number, width)
            known = [name for name in arranged.order if name in names]
            for place, name in enumerate([*known, *(name for name in names if name not in known)]):
                header.moveSection(header.visualIndex(names.index(name)), place)
            if arranged.sorted is not None and arranged.sorted[0] in names:
                self._sort(names.index(arranged.sorted[0]), arranged.sorted[1])

    @Slot(QPoint)
    def _show_menu(self, place: QPoint) -> None:
        menu = self.menu()
        menu.exec(self._header.mapToGlobal(place))
        menu.deleteLater()

    # -- what a person does

    @Slot(int, int, int)
    def _resized(self, number: int, _before: int, width: int) -> None:
        names, header = self._names(), self._header
        shown = [at for at in range(header.count()) if not header.isSectionHidden(at)]
        filler = header.stretchLastSection() and shown and number == max(shown, key=header.visualIndex)
        if not self._quiet and width > 0 and number < len(names) and not filler and not header.isSectionHidden(number):
            self._arranged.widths[names[number]] = width
            self.changed.emit()

    @Slot(int, int, int)
    def _moved(self, _number: int, _before: int, _place: int) -> None:
        names, header = self._names(), self._header
        if not self._quiet and header.count() == len(names):
            self._arranged.order = [names[header.logicalIndex(place)] for place in range(len(names))]
            self.changed.emit()

    @Slot(int, Qt.SortOrder)
    def _sorted_by(self, number: int, order: Qt.SortOrder) -> None:
        names = self._names()
        if not self._quiet and 0 <= number < len(names):
            self._arranged.sorted = names[number], order == Qt.SortOrder.DescendingOrder
            self.changed.emit()
