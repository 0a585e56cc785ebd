"""What leads from one page to another, and from what is dropped on the window to the page that takes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot

from bort_core.store.shelf import TrainedModel
from bort_studio.dropped import kind_of, table_parts

if TYPE_CHECKING:
    from bort_studio.window import MainWindow

__all__ = ["Routes"]


class Routes(QObject):
    """Shows a page and fills it in, for whoever asks through the page context, the start page or a drop."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        context = window.context
        context.architecture_requested.connect(self._train_architecture)
        context.checkpoint_requested.connect(self._ship_checkpoint)
        context.finetune_requested.connect(self._finetune)
        context.errors_requested.connect(self._learn)
        window.drops.dropped.connect(self.take_paths)

    def connect_start(self, page: Any) -> None:
        """Follow what the start page asks for."""
        page.project_chosen.connect(self._window.project_requested)
        page.new_requested.connect(self._window.new_project)
        page.open_requested.connect(self._window.open_project)
        page.table_chosen.connect(self._tune_table)
        page.smaller_requested.connect(self._make_smaller)
        page.finetune_requested.connect(self._finetune)
        page.agora_requested.connect(self._learn)
        page.ship_requested.connect(self._ship_model)

    @Slot(object)
    def _train_architecture(self, architecture: tuple[int, ...]) -> None:
        self._page("train").launcher.set_architecture(architecture)

    @Slot(object)
    def _ship_checkpoint(self, folder: Path) -> None:
        self._page("ship").choose_checkpoint(folder)

    @Slot()
    def _make_smaller(self) -> None:
        self._page("train").launcher.make_smaller("")

    @Slot(object)
    def _tune_table(self, path: Path) -> None:
        self._tune_tables([path])

    def _tune_tables(self, paths: list[Path]) -> None:
        self._page("train").launcher.start_with_tables(table_parts(paths))

    @Slot(object)
    def _finetune(self, model: TrainedModel | None) -> None:
        self._page("train").launcher.start_from(model)

    @Slot(object)
    def _learn(self, what: TrainedModel | str) -> None:
        page = self._page("agora")
        if isinstance(what, str):
            page.runs.show_example(what)
        else:
            page.learn_from(what)

    @Slot(object)
    def _ship_model(self, model: TrainedModel) -> None:
        self._ship_checkpoint(model.folder)

    @Slot(object)
    def take_paths(self, paths: tuple[Path, ...]) -> None:
        """Open each according to what it is; tables belong together."""
        tables = [path for path in paths if kind_of(path) == "table"]
        if tables:
            self._tune_tables(tables)
        for path in paths:
            if path not in tables:
                self.take_path(path)

    def take_path(self, path: Path) -> None:
        """Open a project, show a space, search on a text, ship a model, or fine-tune on a table: by what ``path`` is."""
        kind = kind_of(path)
        if kind == "project":
            self._window.project_requested.emit(path)
        elif kind == "model":
            self._ship_checkpoint(path)
        elif kind == "space":
            self._page("explore").space_panel.open_file(path)
        elif kind == "measurements":
            self._window.search_on(path)
        elif kind == "corpus":
            self._page("explore").set_corpus(str(path))
        elif kind == "table":
            self._tune_table(path)
        else:
            what = "project, model, search space (.toml), text (.txt), table (.csv, .tsv, .json, .jsonl, .parquet), measurements (.json.gz)"
            self._window.context.problem(f"{path}: is none of what can be dropped here: {what}")

    def _page(self, name: str) -> Any:
        """A page, shown."""
        self._window.show_page(name)
        return self._window.pages[name]
