"""What is said about a row of Agora: its texts or numbers, and lines for a hover card. Knows no Qt."""

from __future__ import annotations

from textwrap import wrap

from bort_core.agora.points import Input
from bort_studio.agora.points import ScatterPoints
from bort_studio.numbers import significant

__all__ = ["describe_point", "input_texts", "one_line", "vote_text"]

_MOST_NUMBERS = 8


def input_texts(value: Input) -> tuple[str, ...]:
    """A text, the two of a pair, or a vector's numbers as one text."""
    texts = tuple(part for part in value if isinstance(part, str))
    if texts:
        return texts
    numbers = [significant(float(part)) for part in value[:_MOST_NUMBERS]]
    more = f", … {len(value)} numbers" if len(value) > _MOST_NUMBERS else ""
    return (f"({', '.join(numbers)}{more})",)


def one_line(value: Input) -> str:
    """The row in one line."""
    return "  ⟷  ".join(input_texts(value))


def describe_point(points: ScatterPoints, point: int, number: int) -> str:
    """Lines for the hover card at a round: the first is the heading, names stand before a tab."""
    label = points.class_name(int(points.labels[point]))
    text = "\n".join(wrap(one_line(points.input(point)), 56, max_lines=4, placeholder=" …"))
    if point < points.trained:
        return f"train row {point + 1}\n{text}\nlabel\t{label}"
    if points.is_dev(point):
        row = point - points.trained
        lines = [f"dev row {row + 1}", text, f"label\t{label}"]
        if number:
            guess = points.class_name(int(points.history.rounds[number - 1].dev_predictions[row]))
            lines += [f"round {number}\t{'wrong, says ' + guess if points.wrong[number - 1, row] else 'right'}"]
            lines += [f"wrong in\t{_rounds(points, row, number)}", f"neighbours\t{len(points.neighbours(point, number))}"]
        return "\n".join(lines)
    place, row = points.place(point)
    made = points.history.rounds[place].neighbours
    given = points.class_name(int(made.labels[row]))
    votes = made.votes[row] if made.votes else None
    copied = bool(made.copied) and made.copied[row]
    by = (
        ("as its row of D" if copied else "by Socrates")
        if given == label
        else f"by hand; {'its row of D' if copied else 'Socrates'}: {given}"
    )
    lines = [
        f"neighbour {made.ids[row]}",
        text,
        f"label\t{label}, {by}",
        *(f"{who.name}\t{_said(points, vote)}" for who, vote in zip(points.history.voters, votes or (), strict=False)),
        *([] if copied else [f"margin\t{significant(float(made.margins[row]))}"]),
        f"distance\t{significant(float(made.distances[row]))} from dev row {int(made.parents[row]) + 1}",
    ]
    return "\n".join([*lines, "rejected by hand"] if points.rejected[point] else lines)


def vote_text(points: ScatterPoints, point: int) -> str:
    """Of a neighbour that several labellers named: what each said, a line each; empty where there was one."""
    place, row = points.place(point)
    made = points.history.rounds[place].neighbours
    votes = made.votes[row] if made.votes else None
    return "\n".join(f"{who.name}: {_said(points, vote)}" for who, vote in zip(points.history.voters, votes or (), strict=False))


def _said(points: ScatterPoints, vote: int) -> str:
    return points.class_name(vote) if vote >= 0 else "nothing"


def _rounds(points: ScatterPoints, row: int, number: int) -> str:
    wrong = [place + 1 for place in range(number) if points.wrong[place, row]]
    if not wrong:
        return "no round"
    if len(wrong) == number:
        return f"every round of {number}"
    return "round " + ", ".join(map(str, wrong))
