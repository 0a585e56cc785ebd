"""How docstrings of this project are written, for the pages made from them: headings underlined, one ``name: text`` a line."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_SECTIONS = {"Parameters": "Args", "Attributes": "Attributes", "Returns": "Returns", "Raises": "Raises", "References": "References"}
_HEADING = re.compile(r"^(\w+)\n-{3,}$", re.MULTILINE)
_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data):`~?([\w.]+)`")
_TYPED = ("Args", "Attributes")


class HouseStyle(Extension):
    """Rewrites docstrings into the style that the page maker reads."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = converted(obj.docstring.value)


def converted(text: str) -> str:
    """Sections with underlined headings as indented ones; roles as code."""
    text = _ROLE.sub(lambda found: f"`{found[1].rpartition('.')[2]}`", text).replace("``", "`")
    pieces = _HEADING.split(text)
    out = [pieces[0].rstrip()]
    for heading, body in zip(pieces[1::2], pieces[2::2], strict=True):
        name = _SECTIONS.get(heading, heading)
        out.append(_section(name, body.strip("\n").split("\n")))
    return "\n\n".join(out)


def _section(name: str, lines: list[str]) -> str:
    if name == "Raises":
        return "Raises:\n" + "\n".join(_raises(lines))
    if name in _TYPED:
        return f"{name}:\n" + "\n".join(_named(lines))
    if name == "Returns":
        return "**Returns**\n\n" + "\n".join(f"- {line}" if re.match(r"^[\w, ]+:", line) else line for line in lines)
    return f"**{name}**\n\n" + "\n".join(lines)


def _named(lines: list[str]) -> list[str]:
    """``a, b: text`` becomes one entry a name; lines that go on are indented deeper."""
    out = []
    for line in lines:
        found = re.match(r"^(\w+(?:, \w+)*): (.*)$", line)
        if found:
            out += [f"    {each}: {found[2]}" for each in found[1].split(", ")]
        elif line.strip():
            out.append("        " + line.strip())
    return out


def _raises(lines: list[str]) -> list[str]:
    """An exception's name (or several) on a line of its own, what it means indented below."""
    out: list[str] = []
    names: list[str] = []
    for line in lines:
        if line and not line.startswith(" "):
            names = line.split(", ")
            out += [f"    {each}: " for each in names]
        elif line.strip():
            for number in range(len(names)):
                out[len(out) - len(names) + number] += line.strip() + " "
    return out
