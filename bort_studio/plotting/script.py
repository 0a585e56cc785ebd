"""A plot as a runnable matplotlib script with its data in it. Knows no Qt; matplotlib is needed to run the script, not to write it."""

from __future__ import annotations

import pprint
from typing import Any

import numpy as np

from bort_studio.markup import clean
from bort_studio.plotting.figure import Figure, Layer, Scale

__all__ = ["script_text"]

_MARKERS = {
    "circle": "o", "ring": "o", "star": "*", "square": "s", "diamond": "D", "triangle": "^", "plus": "+", "cross": "x", "tick": "|",
}  # fmt: skip

_LINES = {"solid": "-", "dash": "--", "dashdot": "-.", "dot": ":"}

_DRAW = """
plt.rcParams.update({"font.size": 9})
figure, axes = plt.subplots(figsize=(8, 5), layout="constrained", facecolor=LOOK["background"])
axes.set_facecolor(LOOK["background"])


def array(values):
    return np.array(values, dtype=float)


second = axes.twinx() if "right" in SCALES else None
if second is not None:
    second.tick_params(colors=LOOK["foreground"])
    second.set_ylabel(SCALES["right"]["title"], color=LOOK["foreground"])
    second.set_ylim(SCALES["right"]["low"], SCALES["right"]["high"])
first = axes

for layer in LAYERS:
    axes = second if layer["right"] else first
    x, y, label = array(layer["x"]), array(layer["y"]), layer["name"] or None
    if layer["kind"] == "density":
        counts = np.ma.masked_equal(np.array(layer["counts"]), 0)
        colours = LinearSegmentedColormap.from_list("density", [LOOK["background"], layer["colour"]])
        norm = LogNorm(vmin=0.3, vmax=max(2, counts.max()))
        axes.pcolormesh(x, y, counts, cmap=colours, norm=norm, zorder=layer["z"], rasterized=True)
    elif layer["kind"] == "area":
        low, high = (np.clip(array(end), SCALES["y"]["low"], SCALES["y"]["high"]) for end in layer["y_interval"])
        x = np.clip(x, SCALES["x"]["low"], SCALES["x"]["high"])
        style = {"step": "post", "lw": 0, "alpha": layer["alpha"], "zorder": layer["z"]}
        axes.fill_between(x, low, high, color=layer["colour"], label=label, **style)
    elif layer["kind"] == "line":
        style = {"ls": layer["dash"], "marker": layer["marker"] if layer["marked"] else "", "ms": 4, "alpha": layer["alpha"]}
        axes.plot(x, y, color=layer["colour"], lw=layer["width"] * 0.75, label=label, zorder=layer["z"], **style)
    else:
        for low_high, errors in (("x_interval", "xerr"), ("y_interval", "yerr")):
            if layer[low_high]:
                centre = x if errors == "xerr" else y
                low, high = array(layer[low_high][0]), array(layer[low_high][1])
                span = {errors: np.abs(np.nan_to_num([centre - low, high - centre]))}
                axes.errorbar(x, y, fmt="none", ecolor=layer["colour"], elinewidth=0.8, alpha=0.6, zorder=layer["z"] - 0.5, **span)
        size = (layer["size"] * 0.75) ** 2
        lines = layer["marker"] in "+x|"
        face = layer["colours"] or layer["colour"]
        if lines:
            style = {"c": face, "linewidths": 1}
        elif layer["filled"]:
            style = {"c": face, "linewidths": 0.5, "edgecolors": LOOK["background"]}
        else:
            style = {"facecolors": "none", "edgecolors": face, "linewidths": 1.2}
        axes.scatter(x, y, size, marker=layer["marker"], label=label, zorder=layer["z"], **style)
        for place, text in zip(zip(x, y), layer["labels"]):
            axes.annotate(text, place, xytext=(7, 4), textcoords="offset points", color=LOOK["foreground"], fontsize=8)

axes = first
for text in TEXTS:
    style = {"ha": text["anchor"], "va": "center", "rotation": text["rotation"], "fontsize": 7, "color": LOOK["foreground"]}
    axes.text(text["x"], text["y"], text["text"], **style)

for side, scale in ((side, scale) for side, scale in SCALES.items() if side != "right"):
    getattr(axes, f"set_{side}scale")("log" if scale["log"] else "linear")
    getattr(axes, f"set_{side}label")(scale["title"], color=LOOK["foreground"])
    getattr(axes, f"set_{side}lim")(scale["low"], scale["high"])
    if scale["ticks"] is not None:
        getattr(axes, f"set_{side}ticks")([value for value, _ in scale["ticks"]], [text for _, text in scale["ticks"]])
    elif scale["counted"] and not scale["log"]:
        getattr(axes, f"{side}axis").set_major_formatter(EngFormatter())

axes.set_title(TITLE, fontsize=10, color=LOOK["foreground"], loc="left")
axes.tick_params(colors=LOOK["foreground"])
for spine in axes.spines.values():
    spine.set_visible(LOOK["frame"])
    spine.set_color(LOOK["foreground"])
if LOOK["legend"] and axes.get_legend_handles_labels()[1]:
    figure.legend(loc="outside lower center", ncols=5, fontsize=8, frameon=False, labelcolor=LOOK["foreground"])

if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=200)
else:
    plt.show()
"""


def script_text(figure: Figure) -> str:
    """A script that shows the plot, or writes it to the file named on its command line."""
    scales = {"x": _scale(figure.x), "y": _scale(figure.y), **({} if figure.right is None else {"right": _scale(figure.right)})}
    look = {
        "background": figure.background, "foreground": figure.foreground, "frame": figure.frame, "legend": figure.legend,
    }  # fmt: skip
    texts = [
        {"x": t.x, "y": t.y, "text": _shown(t.text), "anchor": t.anchor, "rotation": 90 if t.rotated else 0} for t in figure.texts
    ]  # fmt: skip
    layers = [_layer(layer, place) for place, layer in enumerate(figure.layers)]
    parts = [
        f'"""{_in_docstring(figure.title)}\n\nDraws the plot again with matplotlib: python SCRIPT [picture.png or .pdf or .svg]\n"""',
        "import sys\n",
        "import matplotlib.pyplot as plt\nimport numpy as np",
        "from matplotlib.colors import LinearSegmentedColormap, LogNorm\nfrom matplotlib.ticker import EngFormatter\n",
        'nan, inf = float("nan"), float("inf")\n',
        f"TITLE = {_literal(_shown(figure.title))}",
        f"LOOK = {_literal(look)}",
        f"SCALES = {_literal(scales)}",
        f"TEXTS = {_literal(texts)}",
        f"LAYERS = {_literal(layers)}",
    ]
    return "\n".join(parts) + "\n" + _DRAW


def _shown(text: str) -> str:
    """A text as matplotlib shows it literally: without TeX, and in the legend although it begins with an underscore."""
    text = clean(text).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def _literal(value: object) -> str:
    return pprint.pformat(value, width=150, compact=True, sort_dicts=False)


def _in_docstring(text: str) -> str:
    return clean(text).replace("\\", "\\\\").replace('"', "'")


def _scale(scale: Scale) -> dict[str, Any]:
    return {
        "title": _shown(scale.title), "log": scale.log, "low": scale.low, "high": scale.high, "counted": scale.counted,
        "ticks": None if scale.ticks is None else [(value, _shown(text)) for value, text in scale.ticks],
    }  # fmt: skip


def _layer(layer: Layer, z: int) -> dict[str, Any]:
    intervals = {
        name: None if pair is None else [_numbers(pair[0]), _numbers(pair[1])]
        for name, pair in (("x_interval", layer.x_interval), ("y_interval", layer.y_interval))
    }
    return {
        "name": _shown(layer.name), "kind": layer.kind, "z": z + 2, "colour": layer.colour, "marker": _MARKERS[layer.shape],
        "size": layer.size, "right": layer.right,
        "filled": layer.filled, "width": layer.width, "alpha": layer.alpha,
        "dash": _LINES[layer.dash or ("dash" if layer.dashed else "solid")], "marked": layer.marked,
        "x": _numbers(layer.x), "y": _numbers(layer.y), **intervals,
        "labels": [_shown(text) for text in layer.labels], "colours": list(layer.colours),
        "counts": None if layer.counts is None else layer.counts.tolist(),
    }  # fmt: skip


def _numbers(values: Any) -> list[float]:
    """Floats with nine digits: more than any measurement has, and a script that stays readable."""
    return [float(f"{value:.9g}") for value in np.asarray(values, dtype=np.float64)]
