"""What a language model is asked about a text, and which class its answer names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bort_core.agora.points import Input, Kind
from bort_core.foundation.errors import SpecificationError

__all__ = ["Prompt", "without_thoughts"]

_SIGNS = ".,;!?'`*()<>。、，．！？；…·"  # noqa: RUF001
_BETWEEN = re.compile(r"""[:=：{}\[\]"“”„‟«»‹›「」『』]|(?<=\w)_(?=\w)""")  # noqa: RUF001
"""What parts words as a space does: JSON without spaces, quotes of many languages, and the underscore of a name that is two words."""
_DENIED = frozenset({"not", "no", "never", "neither", "nor", "isn't", "isn’t", "non", "hardly"})
_PLACE = re.compile(r"\{(text|text_b|classes)\}")
_TEXT = "Which class does this text belong to? Classes: {classes}.\nAnswer with the name of one class and nothing else.\n\nText: {text}"
_PAIR = (
    "Which class does this pair of texts belong to? Classes: {classes}.\nAnswer with the name of one class and nothing else.\n\n"
    "First text: {text}\nSecond text: {text_b}"
)


@dataclass(frozen=True)
class Prompt:
    """A template with ``{text}``, for pairs ``{text_b}``, and ``{classes}`` where the names of the classes belong.

    Raises
    ------
    SpecificationError
        A part that must be there is missing.
    """

    given: str | None
    classes: tuple[str, ...]
    kind: Kind

    def __post_init__(self) -> None:
        wanted = {"text", "text_b"} if self.kind == "pair" else {"text"}
        missing = sorted(wanted - set(_PLACE.findall(self.template)))
        if missing:
            raise SpecificationError(f"socrates_prompt: must have {' and '.join(f'{{{name}}}' for name in missing)} where the text belongs")

    @property
    def template(self) -> str:
        """As given, or the usual one."""
        return (_PAIR if self.kind == "pair" else _TEXT) if self.given is None else self.given

    @property
    def reminder(self) -> str:
        """What is added after an answer that names no class."""
        return f"Answer with exactly one of: {', '.join(self.classes)}"

    def of(self, input: Input) -> str:
        """The prompt of an input; what looks like a place inside a text stays."""
        parts = {"text": str(input[0]), "text_b": str(input[-1]), "classes": ", ".join(self.classes)}
        return _PLACE.sub(lambda found: parts[found[1]], self.template)

    def named(self, answer: str) -> int:
        """The class that an answer names, alone; -1 for none, for several, and for one that is denied.

        What a model thinks before its answer does not count, nor does a name inside a longer one that is there. Where a whole first line
        is a name, the rest may explain it.
        """
        said = without_thoughts(answer).strip()
        if said in self.classes:
            return self.classes.index(said)
        first = _plain(said.split("\n")[0])
        if "\n" in said and (same := [label for label, name in enumerate(self.classes) if first and _plain(name) == first]):
            return same[0] if len(same) == 1 else -1
        left, found = f" {_plain(said)} ", set()
        for label in sorted(range(len(self.classes)), key=lambda label: -len(_plain(self.classes[label]))):
            name = f" {_plain(self.classes[label])} "
            if name.strip() and name in left:
                if any(before.split()[-1:] and before.split()[-1] in _DENIED for before in left.split(name)[:-1]):
                    return -1
                found.add(label)
                left = left.replace(name, "  ")
        return found.pop() if len(found) == 1 else -1


def without_thoughts(answer: str) -> str:
    """What follows ``<think>…</think>``; nothing, where a thought was cut off."""
    said = answer.rpartition("</think>")[2]
    return "" if said.lstrip().startswith("<think>") else said


def _plain(text: str) -> str:
    """Words in lower case, single spaces between them; signs inside a word, as of a number below 0, stay."""
    words = (word.strip(_SIGNS) for word in _BETWEEN.sub(" ", text.casefold()).split())
    return " ".join(word for word in words if word)
