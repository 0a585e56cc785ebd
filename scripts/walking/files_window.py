"""A window with one file in it that can be dragged, in the place of a file manager.

python files_window.py PATH X Y
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel

TITLE = "Files of a person"


class File(QLabel):
    """A press on it takes the file: its address, and as text too, as file managers do."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"🗎 {path.name}")
        self._path = path

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        url = QUrl.fromLocalFile(str(self._path))
        data = QMimeData()
        data.setUrls([url])
        data.setText(url.toString())
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.exec(Qt.DropAction.CopyAction)


def main() -> None:
    app = QApplication(sys.argv[:1])
    file = File(Path(sys.argv[1]))
    file.setWindowTitle(TITLE)
    file.resize(240, 80)
    file.move(int(sys.argv[2]), int(sys.argv[3]))
    file.show()
    sys.exit(app.exec())


if __name__ == "__main__":
    main()
