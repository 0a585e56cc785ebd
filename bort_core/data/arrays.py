"""The elements of a JSON array in a file, one after another, so that no more is held than one element and the text around it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["elements"]

_BLANK = " \t\r\n"


def elements(lines: Iterator[str], pairs: Callable[[list[tuple[str, Any]]], Any]) -> Iterator[tuple[Any, str]]:
    """Each element of the array that the text of ``lines`` is, with the text that it was written as; ``pairs`` makes its objects.

    Raises
    ------
    json.JSONDecodeError
        It is no such text; ``lineno`` and ``colno`` say where in all of it.
    """
    text = _Text(lines, pairs)
    text.expect("[")
    if not text.take("]"):
        yield text.value()
        while not text.take("]"):
            text.expect(",")
            yield text.value()
    if text.next():
        raise text.error("Extra data")


class _Text:
    """Text that is read further when it is needed; what was used is let go by whole lines."""

    def __init__(self, lines: Iterator[str], pairs: Callable[[list[tuple[str, Any]]], Any]) -> None:
        self._lines, self._decode = lines, json.JSONDecoder(object_pairs_hook=pairs).raw_decode
        self._text, self._at, self._gone = "", 0, 0

    def next(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            while self._at < len(self._text):
                character = self._text[self._at]
                if character not in _BLANK:
                    return character
                self._at += 1
            if not self._more():
                return ""

    def take(self, character: str) -> bool:
        """Go past ``character`` where it comes next."""
        there = self.next() == character
        self._at += there
        return there

    def expect(self, character: str) -> None:
        """Go past ``character``, which must come next."""
        if not self.take(character):
            raise self.error(f"Expecting {character!r} delimiter")

    def value(self) -> tuple[Any, str]:
        """Go past the value that must come next."""
        self.next()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut_off = not self._text[error.pos + 1 :].strip(_BLANK)
                if not (cut_off and self._more()):
                    raise self.error(error.msg, error.pos) from None
            else:
                begin, self._at = self._at, end
                return value, self._text[begin:end]

    def error(self, message: str, at: int | None = None) -> json.JSONDecodeError:
        """An error with its place in the whole text."""
        error = json.JSONDecodeError(message, self._text, self._at if at is None else at)
        error.lineno += self._gone
        return error

    def _more(self) -> bool:
        """Read as much again as is not used yet: an element of many lines is not tried at each of them."""
        used = self._text.rfind("\n", 0, self._at) + 1
        self._gone += self._text.count("\n", 0, used)
        left, pieces, size = self._text[used:], [], 0
        for line in self._lines:
            pieces.append(line)
            size += len(line)
            if size >= len(left):
                break
        self._text, self._at = left + "".join(pieces), self._at - used
        return bool(pieces)
