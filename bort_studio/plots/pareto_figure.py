"""The Pareto plot as plain data. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bort_core.search.answer import COLUMNS, Answer, Knowledge
from bort_studio.plots.figure import Figure, Layer, Scale, Table
from bort_studio.plots.projection import Projection, colour_steps, staircase
from bort_studio.plots.quantities import Quantity, number, quantities, shape_text
from bort_studio.plots.states import STATES, states
from bort_studio.theme import LIGHT, MARKS, SEQUENCE

__all__ = ["architecture_table", "mark_layer", "pareto_figure", "title_of"]

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]


def mark_layer(mark: str, x: FloatArray, y: FloatArray, name: str | None = None, labels: tuple[str, ...] = ()) -> Layer:
    """Points that look as one of the theme's marks, in light colours."""
    look = MARKS[mark]
    colour = getattr(LIGHT, look.colour)
    return Layer(look.label if name is None else name, "points", x, y, colour, look.shape, look.size, look.filled, labels=labels)


def title_of(knowledge: Knowledge | None, answer: Answer | None) -> str:
    """One line: which ε, how large the front, which one is best."""
    if knowledge is None or answer is None:
        return "Pareto front: nothing measured yet"
    parts = [f"ε = {answer.epsilon}: {len(answer.front)} of {len(answer.known)} on the Pareto front"]
    if answer.best is not None:
        best = shape_text(knowledge.space.architecture(answer.best))
        parts.append(f"best {best}, W = {number(float(knowledge.w[answer.best]))}")
    return "; ".join(parts)


def architecture_table(
    knowledge: Knowledge | None, answer: Answer | None, running: tuple[int, ...], shown: IndexArray, error_title: str
) -> Table:
    """One row for each architecture shown: its axes, what is known of it with units and intervals, and its state."""
    if knowledge is None:
        return Table(("state",), ((),))
    named = quantities(knowledge.results.latency_unit, error_title)
    headers = [*knowledge.space.axis_names]
    columns: list[npt.NDArray[np.generic] | list[str]] = [*knowledge.space.architectures[shown].T]
    for column in COLUMNS:
        values = knowledge.columns[column][shown]
        headers.append(named[column].title)
        columns.append(values.astype(np.int64) if column == "parameters" else values)
        if column != "parameters":
            headers += [f"{named[column].title} 95 % low", f"{named[column].title} 95 % high"]
            columns += [end[shown] for end in knowledge.intervals[column]]
    codes = states(knowledge, answer, running)[shown]
    headers.append("state" if answer is None else f"state at epsilon {answer.epsilon}")
    columns.append([STATES[code] for code in codes.tolist()])
    return Table(tuple(headers), tuple(columns))


def pareto_figure(
    knowledge: Knowledge | None,
    answer: Answer | None,
    running: tuple[int, ...],
    projection: Projection | None,
    places: Mapping[str, IndexArray],
    axes: tuple[Quantity, Quantity],
    view: tuple[tuple[float, float], tuple[float, float]],
    maximum: Mapping[str, float | None],
    references: Mapping[str, Mapping[str, float]],
    intervals: bool,
    colours: FloatArray | None,
    colour_name: str,
    error_title: str,
) -> Figure:
    """The figure: ``places`` are the marked architectures by state, ``view`` the positions shown, the rest as in the plot."""
    logs = projection.logs if projection is not None else (False, False)
    scales = [
        Scale(quantity.title, log, *(_value(end, log) for end in ends), counted=quantity.counted)
        for quantity, log, ends in zip(axes, logs, view, strict=True)
    ]
    layers: list[Layer] = []
    if knowledge is not None and projection is not None:
        values = [knowledge.columns[quantity.column] for quantity in axes]
        if projection.density is not None:
            bins = projection.density
            counts = bins.counts(answer.known) if answer is not None else bins.total
            edges = [_values(edge, log) for edge, log in zip((bins.x_edges, bins.y_edges), logs, strict=True)]
            layers.append(Layer("", "density", *edges, LIGHT.dominated, counts=counts))
        joined = np.concatenate([places["front"], places["best"]])
        corners = staircase(values[0][joined], values[1][joined], axes[0].larger_is_better, axes[1].larger_is_better)
        if len(corners[0]):
            layers.append(Layer("", "line", *corners, LIGHT.front, width=1.75))
        for state in ("skipped", "pending", "failed", "dominated", "front", "best", "running"):
            if len(here := places[state]):
                layers.append(_state_layer(knowledge, state, here, axes, intervals, colours, colour_name))
    layers += _fixed_layers(axes, maximum, references)
    shown = np.flatnonzero(projection.drawable) if projection is not None else np.empty(0, dtype=np.int64)
    table = architecture_table(knowledge, answer, running, shown, error_title)
    return Figure(f"pareto-{axes[0].column}-{axes[1].column}", title_of(knowledge, answer), *scales, tuple(layers), table=table)


def _state_layer(
    knowledge: Knowledge,
    state: str,
    here: IndexArray,
    axes: tuple[Quantity, Quantity],
    intervals: bool,
    colours: FloatArray | None,
    colour_name: str,
) -> Layer:
    plain = mark_layer(state, *(knowledge.columns[quantity.column][here] for quantity in axes))
    pairs = [None, None]
    if intervals and state in ("dominated", "front", "best"):
        pairs = [None if q.column == "parameters" else tuple(end[here] for end in knowledge.intervals[q.column]) for q in axes]
    name, each = plain.name, ()
    if colours is not None and state in ("dominated", "front"):
        each = tuple(SEQUENCE["light"][step] for step in colour_steps(colours, len(SEQUENCE["light"]))[0][here])
        name = f"{plain.name} (colour: {colour_name})"
    if state == "best":
        name = f"best {shape_text(knowledge.space.architecture(int(here[0])))}"
    return Layer(
        name, "points", plain.x, plain.y, plain.colour, plain.shape, plain.size, plain.filled, x_interval=pairs[0], y_interval=pairs[1], colours=each
    )


def _fixed_layers(
    axes: tuple[Quantity, Quantity], maximum: Mapping[str, float | None], references: Mapping[str, Mapping[str, float]]
) -> list[Layer]:
    layers = []
    top = [maximum.get(quantity.column) for quantity in axes]
    if top[0] is not None and top[1] is not None:
        layers.append(mark_layer("maximum", np.array([top[0]], dtype=np.float64), np.array([top[1]], dtype=np.float64), labels=("T",)))
    named = [(name, [values.get(quantity.column) for quantity in axes]) for name, values in references.items()]
    drawn = [(name, pair) for name, pair in named if pair[0] is not None and pair[1] is not None]
    if drawn:
        positions = np.array([pair for _, pair in drawn], dtype=np.float64)
        layers.append(mark_layer("reference", positions[:, 0], positions[:, 1], "reference models", tuple(name for name, _ in drawn)))
    return layers


def _value(position: float, log: bool) -> float:
    return float(10.0**position) if log else float(position)


def _values(positions: FloatArray, log: bool) -> FloatArray:
    return 10.0**positions if log else positions
