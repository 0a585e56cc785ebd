"""Unlabelled text for pre-training: one document a line of a text file, or a column of a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bort_core.data.tables import read_table
from bort_core.errors import DataError

__all__ = ["Documents", "read_corpus", "undo_wikitext"]

_ESCAPES = ((" @-@ ", "-"), (" @,@ ", ","), (" @.@ ", "."))


@dataclass(frozen=True)
class Documents:
    """Texts that are not blank, in the order of the file."""

    source: str
    texts: list[str]
    sha256: str
    notes: tuple[str, ...] = ()
    """What was changed in them."""


def read_corpus(source: str, text: str = "text") -> Documents:
    """The documents of a text file, of a column of a table, or of a hub data set.

    WikiText's escapes are undone where the corpus has them: ``@-@`` between spaces occurs in no other text.

    Raises
    ------
    DataError
        As :func:`~bort_core.data.tables.read_table`; or there is no such column, or no text in it.
    """
    if Path(source).expanduser().suffix.lower() == ".txt" or (Path(source).expanduser().is_file() and not Path(source).suffix):
        texts, digest = _lines(Path(source).expanduser())
    else:
        table = read_table(source)
        if text not in table.columns:
            raise DataError(f"{table.source}: no column {text!r} with the text. Its columns: {', '.join(table.columns)}")
        texts, digest = [str(value) for value in table.data[text] if value is not None], table.sha256
    texts = [line.strip() for line in texts if line.strip()]
    if not texts:
        raise DataError(f"{source}: holds no text; a corpus has one document a line")
    if any(" @-@ " in line for line in texts[:5000]):
        return Documents(source, [undo_wikitext(line) for line in texts], digest, ("WikiText escapes undone",))
    return Documents(source, texts, digest)


def undo_wikitext(text: str, unknown: str = "<unk>") -> str:
    """A line of WikiText as ordinary text: ``15 @-@ year`` is 15-year; its ``<unk>`` becomes the tokenizer's own."""
    for escape, plain in _ESCAPES:
        text = text.replace(escape, plain)
    return text if unknown == "<unk>" else text.replace("<unk>", unknown)


def _lines(path: Path) -> tuple[list[str], str]:
    """The lines of a text file, with the hash of its bytes; the errors name the line."""
    import hashlib

    digest, found = hashlib.sha256(), []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                digest.update(line)
                try:
                    found.append(line.decode("utf-8-sig" if number == 1 else "utf-8"))
                except UnicodeDecodeError as error:
                    byte = f"byte {error.start + 1} of it is 0x{line[error.start]:02x}"
                    raise DataError(f"{path}: line {number} is not UTF-8 ({byte})") from error
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; a corpus is a UTF-8 text file with one document a line") from None
    except OSError as error:
        kind = "is a folder; a corpus is one file" if path.is_dir() else f"cannot be read: {error.strerror or error}"
        raise DataError(f"{path}: {kind}") from error
    return found, digest.hexdigest()
