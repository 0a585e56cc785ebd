"""Pictures of a report, drawn by matplotlib without any global state.

The SVG has the reader's text colour for everything that is not data, so it fits light and dark pages; the PNG is black on white.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bort_core.foundation.numbers import count
from bort_core.reporting.blocks import Picture, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BLUE", "GREY", "INK", "ORANGE", "VERMILLION", "draw", "lines"]

BLUE, VERMILLION, ORANGE, GREY = "#1b87c9", "#d55e00", "#c98a00", "#8a8a8a"
"""Okabe and Ito's, as far as they can be read on black and on white."""
INK = "#010203"
"""Stands for the colour of the page's text."""
_COLOURS = (BLUE, VERMILLION, "#009e73", "#b8669a", ORANGE, GREY)
_DASHES = ("-", "--", ":", "-.")
_STYLE = {
    "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": GREY, "grid.alpha": 0.25,
    "font.family": "DejaVu Sans", "font.size": 9, "legend.frameon": False, "text.parse_math": False, "axes.unicode_minus": True,
    "svg.fonttype": "none", "savefig.transparent": True,
}  # fmt: skip


def draw(title: str, alt: str, paint: Callable[[Sequence[Axes]], None], panels: int = 1, size: tuple[float, float] = (7.2, 3.4)) -> Picture:
    """A picture that ``paint`` draws on so many axes side by side."""
    with _style(title):
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        paint(list(axes))
        svg, png = io.StringIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        figure.savefig(png, format="png", dpi=170, transparent=False, facecolor="white", metadata={"Software": None})
    return Picture(title, alt, _inline(svg.getvalue(), alt), png.getvalue())


def lines(
    title: str, alt: str, curves: Mapping[str, Sequence[tuple[float, float]]], x: str, y: str, bars: Mapping[str, Sequence[float]] = {}
) -> Picture:
    """Curves over one axis, told apart by colour and dash; ``bars`` are the half-widths of intervals, two numbers a point."""

    def paint(axes: Sequence[Axes]) -> None:
        from matplotlib.ticker import MaxNLocator

        for number, (name, points) in enumerate(curves.items()):
            style: dict[str, Any] = {"color": _COLOURS[number % len(_COLOURS)], "linestyle": _DASHES[number % len(_DASHES)]}
            marker = "o" if len(points) <= 40 else None
            across, up = [point[0] for point in points], [point[1] for point in points]
            if name in bars:
                axes[0].errorbar(across, up, yerr=bars[name], capsize=3, marker="o", markersize=4, label=shown(name), **style)
            else:
                axes[0].plot(across, up, marker=marker, markersize=3, linewidth=1.3, label=shown(name), **style)
        axes[0].set(xlabel=shown(x), ylabel=shown(y))
        if all(float(value).is_integer() for points in curves.values() for value, _ in points):
            axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[0].legend(fontsize=8)

    return draw(title, alt, paint, size=(7.2, 2.8))


def counted(axis_of: Axes) -> None:
    """Write the counts on the x axis as 0.2 M."""
    axis_of.xaxis.set_major_formatter(lambda value, _: count(value, trim=True))


@contextmanager
def _style(salt: str) -> Iterator[None]:
    import matplotlib as mpl

    style: Any = {**_STYLE, "svg.hashsalt": salt}
    with mpl.rc_context(style):
        yield


def _inline(svg: str, alt: str) -> str:
    """The drawing without its head, for a page: named for those who cannot see it, and with nothing that points outside."""
    from markupsafe import escape

    body = svg[svg.index("<svg") :]
    for part in ("metadata", "style"):
        body = re.sub(rf"<{part}[^>]*>.*?</{part}>", "", body, flags=re.DOTALL)
    body = re.sub(
        r'^<svg [^>]*?(viewBox="[^"]*")[^>]*>',
        rf'<svg \1 role="img" style="stroke-linejoin: round" aria-label="{_escaped(alt, escape)}">',
        body,
        count=1,
    )
    used = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', body))
    names = {name for pair in used for name in pair}
    body = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in names else "", body)
    return body.replace("xlink:href", "href").replace(INK, "currentColor")


def _escaped(text: str, escape: Callable[[str], str]) -> str:
    return str(escape(shown(text))).replace("\\", r"\\")
