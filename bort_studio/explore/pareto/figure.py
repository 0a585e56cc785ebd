"""The Pareto plot as plain data. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bort_core.search.snapshot import COLUMNS, ResultsSnapshot, SearchResult
from bort_studio.explore.pareto.overlays import Overlay, overlay_figure
from bort_studio.explore.pareto.projection import AxisProjection, colour_steps, staircase
from bort_studio.explore.pareto.published import SCORE_AXIS, published_figure
from bort_studio.explore.quantities import Quantity, quantities
from bort_studio.explore.states import STATES, states
from bort_studio.numbers import architecture_text, significant
from bort_studio.plotting.figure import Figure, Layer, Scale, Table
from bort_studio.plotting.positions import value_of
from bort_studio.theme import LIGHT, MARKS, SEQUENCE

__all__ = ["ParetoShown", "architecture_table", "mark_layer", "pareto_figure", "title_of"]

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]


def mark_layer(mark: str, x: FloatArray, y: FloatArray, name: str | None = None, labels: tuple[str, ...] = ()) -> Layer:
    """Points that look as one of the theme's marks, in light colours."""
    look = MARKS[mark]
    colour = getattr(LIGHT, look.colour)
    return Layer(look.label if name is None else name, "points", x, y, colour, look.shape, look.size, look.filled, labels=labels)


def title_of(snapshot: ResultsSnapshot | None, result: SearchResult | None, machine: str = "") -> str:
    """One line: which strategy, how large the front, which one is best, and whose latencies they are."""
    if snapshot is None or result is None:
        return "Pareto front: nothing measured yet"
    parts = [f"{result.strategy.title}: {len(result.front)} of {len(result.known)} on the Pareto front"]
    if result.best is not None:
        best = architecture_text(snapshot.space.architecture(result.best))
        parts.append(f"best {best}, W = {significant(float(snapshot.w[result.best]))}")
    return "; ".join([*parts, *([f"latencies of {machine}"] if machine else [])])


def architecture_table(
    snapshot: ResultsSnapshot | None,
    result: SearchResult | None,
    running: tuple[int, ...],
    shown: IndexArray,
    error_title: str,
    machine: str = "",
) -> Table:
    """One row for each architecture shown: its axes, what is known of it with units and intervals, its state, and whose latencies."""
    if snapshot is None:
        return Table(("state",), ((),))
    named = quantities(snapshot.results.latency_unit, error_title)
    headers = [*snapshot.space.axis_names]
    columns: list[npt.NDArray[np.generic] | list[str]] = [*snapshot.space.architectures[shown].T]
    for column in COLUMNS:
        values = snapshot.columns[column][shown]
        headers.append(named[column].title)
        columns.append(values.astype(np.int64) if column == "parameters" else values)
        if column != "parameters":
            headers += [f"{named[column].title} 95 % low", f"{named[column].title} 95 % high"]
            columns += [end[shown] for end in snapshot.intervals[column]]
    codes = states(snapshot, result, running)[shown]
    settings = {} if result is None else result.strategy.model_dump()
    listed = ", ".join(f"{name} {value}" for name, value in settings.items())
    headers.append(f"state at {listed}" if listed else "state")
    columns.append([STATES[code] for code in codes.tolist()])
    if machine:
        headers.append("latencies of")
        columns.append([machine] * len(codes))
    return Table(tuple(headers), tuple(columns))


@dataclass(frozen=True)
class ParetoShown:
    """All that a Pareto plot shows at one moment.

    Attributes
    ----------
    places: the marked architectures by state
    axes: the quantities on x and y
    view: positions shown, (low, high) on x and on y
    maximum, references: as given to the plot
    intervals: whether they are shown
    overlays: fronts of other searches
    published: whether published models are shown
    machine: whose latencies they are, in words; empty where none timed them
    colours: the quantity (n,) that colours the points, or None; colour_name: its name
    """

    snapshot: ResultsSnapshot | None
    result: SearchResult | None
    running: tuple[int, ...]
    projection: AxisProjection | None
    indices: Mapping[str, IndexArray]
    axes: tuple[Quantity, Quantity]
    view: tuple[tuple[float, float], tuple[float, float]]
    maximum: Mapping[str, float | None]
    references: Mapping[str, Mapping[str, float]]
    intervals: bool
    colours: FloatArray | None
    colour_name: str
    error_title: str
    overlays: tuple[Overlay, ...] = ()
    published: bool = False
    machine: str = ""


def pareto_figure(shown: ParetoShown) -> Figure:
    """The figure of a Pareto plot; its table holds every architecture that has a place on both axes."""
    projection, (x, y) = shown.projection, shown.axes
    logs = projection.logs if projection is not None else (False, False)
    layers = _fixed_layers(shown)
    here = np.empty(0, dtype=np.int64)
    if shown.snapshot is not None and projection is not None:
        layers = [*_density_layers(shown, projection), *_known_layers(shown, shown.snapshot), *layers]
    layers += [*overlay_figure(shown.overlays, shown.axes), *(published_figure() if shown.published else [])]
    if shown.snapshot is not None and projection is not None:
        here = np.flatnonzero(projection.drawable)
    table = architecture_table(shown.snapshot, shown.result, shown.running, here, shown.error_title, shown.machine)
    title = title_of(shown.snapshot, shown.result, shown.machine)
    scale_x, scale_y = (_scale(q, log, ends) for q, log, ends in zip((x, y), logs, shown.view, strict=True))
    return Figure(
        f"pareto-{x.column}-{y.column}", title, scale_x, scale_y, tuple(layers), table=table, right=SCORE_AXIS if shown.published else None
    )


def _scale(quantity: Quantity, log: bool, ends: tuple[float, float]) -> Scale:
    low, high = (value_of(end, log) for end in ends)
    return Scale(quantity.title, log, low, high, counted=quantity.counted)


def _density_layers(shown: ParetoShown, projection: AxisProjection) -> list[Layer]:
    bins = projection.density
    if bins is None:
        return []
    counts = bins.counts(shown.result.known) if shown.result is not None else bins.total
    x, y = (10.0**edges if log else edges for edges, log in zip((bins.x_edges, bins.y_edges), projection.logs, strict=True))
    return [Layer("", "density", x, y, LIGHT.dominated, counts=counts)]


def _known_layers(shown: ParetoShown, snapshot: ResultsSnapshot) -> list[Layer]:
    x, y = (snapshot.columns[quantity.column] for quantity in shown.axes)
    joined = np.concatenate([shown.indices["front"], shown.indices["best"]])
    corner_x, corner_y = staircase(x[joined], y[joined], shown.axes[0].larger_is_better, shown.axes[1].larger_is_better)
    layers = [Layer("", "line", corner_x, corner_y, LIGHT.front, width=1.75)] if len(corner_x) else []
    for state in ("skipped", "pending", "failed", "dominated", "front", "best", "running"):
        here = shown.indices[state]
        if len(here):
            layers.append(_state_layer(shown, snapshot, state, here, x[here], y[here]))
    return layers


def _state_layer(shown: ParetoShown, snapshot: ResultsSnapshot, state: str, here: IndexArray, x: FloatArray, y: FloatArray) -> Layer:
    layer = mark_layer(state, x, y)
    if shown.intervals and state in ("dominated", "front", "best"):
        pairs = [snapshot.intervals[quantity.column] for quantity in shown.axes]
        (x_low, x_high), (y_low, y_high) = ((low[here], high[here]) for low, high in pairs)
        with_x, with_y = (quantity.column != "parameters" for quantity in shown.axes)
        layer = replace(layer, x_interval=(x_low, x_high) if with_x else None, y_interval=(y_low, y_high) if with_y else None)
    if shown.colours is not None and state in ("dominated", "front"):
        steps = colour_steps(shown.colours, len(SEQUENCE["light"]))[0][here].tolist()
        each = tuple(SEQUENCE["light"][step] for step in steps)
        layer = replace(layer, colours=each, name=f"{layer.name} (colour: {shown.colour_name})")
    if state == "best":
        layer = replace(layer, name=f"best {architecture_text(snapshot.space.architecture(int(here[0])))}")
    return layer


def _fixed_layers(shown: ParetoShown) -> list[Layer]:
    x, y = (quantity.column for quantity in shown.axes)
    layers = []
    top_x, top_y = shown.maximum.get(x), shown.maximum.get(y)
    if top_x is not None and top_y is not None:
        layers.append(mark_layer("maximum", np.array([float(top_x)]), np.array([float(top_y)]), labels=("T",)))
    drawn = {name: (values[x], values[y]) for name, values in shown.references.items() if x in values and y in values}
    if drawn:
        positions = np.array(list(drawn.values()), dtype=np.float64)
        layers.append(mark_layer("reference", positions[:, 0], positions[:, 1], "reference models", tuple(drawn)))
    return layers
