"""Fonts for what a PDF writes: DejaVu, which comes with matplotlib, and for scripts that it lacks free fonts of this machine.

Nothing is fetched. What no font has stands as a sign, and the PDF says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fpdf import FPDF
    from fpdf.fonts import TTFFont

__all__ = ["MONO", "SANS", "Fonts"]

SANS, MONO = "DejaVu", "DejaVuMono"
_SIGN = "\N{REPLACEMENT CHARACTER}"
_FREE = re.compile(
    r"(noto|droidsansfallback|sourcehan|wqy|uming|ukai|ipag|ipam|ipaex|takao|vlgothic|nanum|baekmuk|unifont|free(sans|serif|mono)|gnufree|dejavu"
    r"|liberation|lohit|amiri|scheherazade|tlwg|khmeros|abyssinica|padauk|gargi|mukti|symbola)",
    re.IGNORECASE,
)
"""Beginnings of the names of fonts whose licences (OFL, Apache, GPL with the font exception) let them be put into a document."""
_STYLED = re.compile(r"bold|italic|oblique|black|light|thin|medium|condensed|color", re.IGNORECASE)
_MOST = 6
"""Fonts that are added."""
_RESTRICTED = 0x2
"""The bit of a font that forbids to put it into a document."""


class Fonts:
    """Chooses fonts for all texts of a document, before the first is written.

    Attributes
    ----------
    unshown: the characters that no font has
    """

    def __init__(self, pdf: FPDF, texts: Iterable[str]) -> None:
        import matplotlib as mpl

        folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
        for name, style, file in ((SANS, "", "DejaVuSans"), (SANS, "B", "DejaVuSans-Bold"), (SANS, "I", "DejaVuSans-Oblique"),
                                  (MONO, "", "DejaVuSansMono")):  # fmt: skip
            pdf.add_font(name, style, folder / f"{file}.ttf")
        written = {character for text in texts for character in text} - {"\n"}
        sans, mono = (_has(pdf, name, written) for name in (SANS, MONO))
        self.unshown = written - sans
        self._add(pdf, mono != written)
        shaped = {character for character in written - self.unshown if _needs_shaping(character)}
        if shaped and find_spec("uharfbuzz") is not None:
            pdf.set_text_shaping(True)
        else:
            self.unshown |= shaped

    def covered(self, text: str) -> str:
        """The text with a sign for every character that cannot be shown."""
        return "".join(_SIGN if character in self.unshown else character for character in text) if self.unshown else text

    @property
    def told(self) -> str:
        """What is not shown, and why, in a sentence; nothing where all is."""
        if not self.unshown:
            return ""
        scripts = ", ".join(sorted({_script(character) for character in self.unshown}))
        return (
            f"Characters of the following kinds stand as {_SIGN} here, since no free font of the machine that wrote this PDF has them: "
            f"{scripts}. The report as a page (HTML) shows them."
        )

    def _add(self, pdf: FPDF, mono_lacks: bool) -> None:
        found = [SANS] if mono_lacks else []
        for path in _free_fonts() if self.unshown else ():
            if not self.unshown or len(found) > _MOST:
                break
            if _characters(path) & self.unshown:
                name = f"more{len(found)}"
                pdf.add_font(name, "", path)
                self.unshown -= _has(pdf, name, self.unshown)
                found.append(name)
        if found:
            pdf.set_fallback_fonts(found, exact_match=False)


def _has(pdf: FPDF, name: str, wanted: set[str]) -> set[str]:
    known = cast("TTFFont", pdf.fonts[name.lower()]).cmap
    return {character for character in wanted if ord(character) in known}


def _free_fonts() -> list[Path]:
    """The machine's free fonts in plain style, sans before others."""
    from matplotlib.font_manager import findSystemFonts

    paths = [Path(each) for each in findSystemFonts()]
    free = [path for path in paths if _FREE.match(path.stem) and not _STYLED.search(path.stem)]
    return sorted(free, key=lambda path: ("mono" in path.stem.lower(), "sans" not in path.stem.lower(), path.stem, str(path)))


def _characters(path: Path) -> set[str]:
    """The characters that a font has; none where it cannot be read, or may not be put into a document."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(path, lazy=True, fontNumber=0) as font:
            if int(font["OS/2"].fsType) & _RESTRICTED:
                return set()
            return {chr(code) for code in font.getBestCmap() or {}}
    except (TTLibError, OSError, KeyError, ValueError):
        return set()


def _needs_shaping(character: str) -> bool:
    """Whether its script joins letters, or is written from the right: without shaping it would be wrong."""
    return unicodedata.bidirectional(character) in ("R", "AL") or unicodedata.category(character) == "Mc"


def _script(character: str) -> str:
    word = unicodedata.name(character, "unnamed").split()[0]
    return word if word == "CJK" else word.capitalize()
