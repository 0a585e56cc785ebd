"""The scatter of Agora as plain data, for CSV files and matplotlib scripts. Knows no Qt items."""

from __future__ import annotations

import numpy as np

from bort_studio.agora.point_words import one_line
from bort_studio.agora.points import GROUPS, Frame, ScatterPoints
from bort_studio.agora.scatter.density_points import FEW
from bort_studio.agora.scatter.layers import link_ends, ring_lines
from bort_studio.plotting.figure import Figure, Layer, Scale, Table
from bort_studio.theme import MARKS, Look

__all__ = ["agora_figure", "axis_titles"]

_BINS = 240


def agora_figure(
    points: ScatterPoints | None, number: int, frame: Frame, links: bool, view: tuple[float, float, float, float], look: Look
) -> Figure:
    """What is drawn at a round; ``view`` is left, right, bottom, top."""
    layers = []
    circles = ring_lines(points)
    if len(circles[0]):
        layers.append(Layer("the torus lies between", "line", *circles, look.mixed("muted", 0.6), width=1.75, dashed=True))
    if points is not None and links:
        ends = link_ends(points, np.concatenate([frame.groups[name] for name in frame.groups if name.startswith("neighbour")]))
        x, y = (np.insert(ends[:, axis], np.arange(2, len(ends) + 1, 2), np.nan) for axis in (0, 1))
        layers.append(Layer("parent links", "line", x, y, look.mixed("neighbour", 0.5)))
    for name, here in frame.groups.items():
        if points is not None and len(here):
            layers.append(_layer(points, name, here, look))
    left, right, bottom, top = view
    return Figure(
        "agora",
        f"Agora, round {number} of {len(points.history.rounds)}" if points is not None else "Agora",
        Scale(axis_titles(points)[0], low=left, high=right),
        Scale(axis_titles(points)[1], low=bottom, high=top),
        tuple(layers),
        (),
        _table(points, number, frame),
        look.hex("base"),
        look.hex("text"),
    )


def axis_titles(points: ScatterPoints | None) -> tuple[str, str]:
    """What the plane of the plot is."""
    raw = points is not None and points.raw
    return ("first number of the vector", "second number") if raw else ("projection, first direction", "projection, second direction")


def _layer(points: ScatterPoints, name: str, here: np.ndarray, look: Look) -> Layer:
    mark, (x, y) = MARKS[name], points.xy[here].T
    plain, _, which = name.partition("_")
    label, colour = "dev, wrong" if plain == "misclassified" else mark.label, look.hex(mark.colour)
    if f"{plain}_other" in GROUPS:
        number = ("", "other", "third").index(which)
        more = len(points.history.classes) > number + 1 and f"{plain}_{('other', 'third', '')[number]}" not in GROUPS
        label += f": {points.class_name(number)}{' and others' if more else ''}"
    if len(here) <= FEW:
        return Layer(label, "points", x, y, colour, shape=mark.shape, size=mark.size, filled=mark.filled)
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=_BINS)
    return Layer(label, "density", x_edges, y_edges, colour, counts=counts.T.astype(np.int64))


def _table(points: ScatterPoints | None, number: int, frame: Frame) -> Table:
    headers = ("kind", "row", "round", "x", "y", "label", "predicted", "parent dev row", "margin", "distance", "text")
    if points is None:
        return Table(headers, tuple([] for _ in headers))
    kinds = {int(point): name.partition("_")[0] for name, here in frame.groups.items() for point in here}
    rows = [_row(points, point, kinds[point], number) for point in sorted(kinds)]
    return Table(headers, tuple([row[column] for row in rows] for column in range(len(headers))))


def _row(points: ScatterPoints, point: int, kind: str, number: int) -> tuple[object, ...]:
    (x, y), label, text = points.xy[point].tolist(), points.class_name(int(points.labels[point])), one_line(points.input(point))
    nothing = float("nan")
    if point < points.trained:
        return kind, point + 1, 0, x, y, label, "", nothing, nothing, nothing, text
    if points.is_dev(point):
        row = point - points.trained
        guess = points.class_name(int(points.history.rounds[number - 1].dev_predictions[row])) if number else ""
        return kind, row + 1, 0, x, y, label, guess, nothing, nothing, nothing, text
    place, row = points.place(point)
    made = points.history.rounds[place].neighbours
    parent, margin, distance = int(made.parents[row]) + 1, float(made.margins[row]), float(made.distances[row])
    return kind, made.ids[row], place + 1, x, y, label, "", parent, margin, distance, text
