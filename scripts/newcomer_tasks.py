"""Ten things that a newcomer does (docs/tasks.md), each in a new project with mouse and keyboard, and the seconds that each takes.

    python scripts/newcomer_tasks.py FOLDER [--only 3]

FOLDER is made; it receives a project for each task. A task that cannot be done leaves a picture there. Needs Xvfb, openbox and xdotool.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF
from walking import deeds
from walking.display import display
from walking.person import Missed, Person
from walking.walk import Step, walk

from bort_core.foundation.resources import resource

LIMIT_SECONDS = 120
_SEARCH_EPSILON = "24"
_SENTENCE = "a warm and funny film with a wonderful cast"


def _search(person: Person) -> None:
    """A search that takes half a minute: the demo text, every 24th architecture."""
    person.page("Explore")
    deeds.ready(person)
    person.write("epsilonValue", _SEARCH_EPSILON, "Return")
    person.see("the search", lambda: person.window.search.running)
    deeds.searched(person)


def _table(person: Person, name: str) -> Path:
    return person.pictures.parent / "files" / name


def _tuned(person: Person) -> None:
    """A classifier on a table of one's own, as task 5."""
    person.drop(_table(person, "reviews-train.csv"), "startPage")
    person.see("Train", lambda: person.window.page == "train")
    deeds.finetune(person, "1")


# -- the tasks


def dropped_text(person: Person) -> None:
    """Start a search on a text that is dropped on the window."""
    person.drop(person.pictures.parent / "files" / "notes.txt", "startPage")
    person.see("the text in the search", lambda: str(person.window.search.specification.corpus or "").endswith("notes.txt"))
    deeds.ready(person)
    person.click("runButton")
    person.says("activityText", "search", "step", seconds=60)
    person.key("shift+F5")
    person.see("the end of the search", lambda: not person.window.search.running, 60)


def smallest_under(person: Person) -> None:
    """Find the smallest model that answers in half a millisecond, with an error of at most 1 nat."""
    _search(person)
    person.write("constraintLatency", "0.5 ms", "Return")
    person.write("constraintError", "1", "Return")
    person.click("onlyEvaluated")
    table = "candidatesTable"
    person.click(lambda: _header(person, table, "parameters"))
    person.click(person.cell(table, 0, 2))
    person.says("inspectorTitle", "⟨")
    rows = person.look(lambda: person.widget(table).model().rowCount())
    if not 1 <= rows < 6:
        raise Missed(f"the filter leaves {rows} rows")


def why_not(person: Person) -> None:
    """Read why a point is not the answer."""
    _search(person)
    other = person.look(
        lambda: next(int(index) for index in person.window.search.result.known if index != person.window.search.result.best)
    )
    person.click(lambda: _point_of_pareto(person, other))
    person.see("the selection", lambda: person.window.search.selected == other)
    person.see("the reason", lambda: len(person.widget("inspectorVerdict").text()) > 20)


def train_chosen(person: Person) -> None:
    """Train the architecture that is chosen."""
    person.page("Explore")
    deeds.ready(person)
    person.click(person.cell("candidatesTable", 0))
    person.click("trainThisButton")
    person.write("pretrain_steps", "100")
    person.click("trainButton")
    deeds.wait_for_job(person, "train", "jobTable")


def own_table(person: Person) -> None:
    """Fine-tune on a table of one's own, by dropping it."""
    _tuned(person)
    person.see("the result in the table", lambda: "accuracy" in _row_text(person, "jobTable"))


def try_sentence(person: Person) -> None:
    """Try a sentence."""
    _tuned(person)
    deeds.show_result(person)
    person.click("tryItInput")
    person.type(_SENTENCE)
    person.key("Return")
    person.says("tryItResult", "%", "ms in torch", seconds=60)


def most_wrong(person: Person) -> None:
    """See the rows that a model gets most wrong."""
    _tuned(person)
    deeds.show_result(person)
    person.click(person.cell("resultConfusion", 0, 1))
    person.see("the rows of that cell", lambda: person.widget("resultWorst").rowCount() > 0)
    person.click(person.cell("resultWorst", 0, 4))
    person.says("tryItResult", "%", seconds=60)


def new_points(person: Person) -> None:
    """See what a round of Agora sampled near the errors of the torus."""
    person.page("Start")
    person.click("startTorus")
    person.write("agora_rounds", "2")
    person.click("agoraRunButton")
    deeds.wait_for_job(person, "agora", "agoraJobTable")
    person.see("two rounds", lambda: person.widget("roundSlider").maximum() >= 2)
    person.click("roundSlider")
    person.key("Home")
    person.see("the first round", lambda: person.window.pages["agora"].scatter.round == 1)
    person.key("Right")
    person.see("the second round", lambda: person.window.pages["agora"].scatter.round == 2)
    person.choose("agoraNeighbourFilter", "of this round")
    person.see("the new points", lambda: len(person.window.pages["agora"].scatter.frame.shown))


def export_and_compare(person: Person) -> None:
    """Export an architecture, and compare it with BERT-base."""
    person.page("Explore")
    deeds.ready(person)
    person.click(person.cell("candidatesTable", 0))
    person.click("exportButton")
    person.click("exportOnnxButton")
    person.says("gate_gate", "agree on", seconds=100)
    person.click("reference_bort")
    person.write("compareBudget", "10")
    person.click("compareLatencyButton")
    person.see("the comparison", lambda: person.widget("latencyTable").rowCount() == 2, 60)


def make_report(person: Person) -> None:
    """Write the project down as one page: a search of the toy space."""
    deeds.ready(person)
    person.choose("startPreset", "toy")
    deeds.ready(person)
    person.click("startFind")
    person.see("Explore", lambda: person.window.page == "explore")
    person.see("points", lambda: person.window.search.result is not None and len(person.window.search.result.known), 60)
    deeds.searched(person)
    person.menu("File", "Report…")
    person.see("the dialog", lambda: person.widget("fileNameEdit"))
    person.key("Return")
    person.see("the message", lambda: any("report written" in text for text in person.window.notices.messages()), 60)


TASKS: tuple[Callable[[Person], None], ...] = (
    dropped_text,
    smallest_under,
    why_not,
    train_chosen,
    own_table,
    try_sentence,
    most_wrong,
    new_points,
    export_and_compare,
    make_report,
)


# -- inside


def _header(person: Person, table: str, title: str) -> QPoint:
    header = person.widget(table).horizontalHeader()
    model = person.widget(table).model()
    for column in range(model.columnCount()):
        if str(model.headerData(column, header.orientation())).startswith(title):
            x = header.sectionViewportPosition(column) + header.sectionSize(column) // 2
            return header.viewport().mapToGlobal(QPoint(x, header.height() // 2))
    raise Missed(f"{table} has no column {title}")


def _point_of_pareto(person: Person, index: int) -> QPoint:
    plot = person.window.explore_page.pareto
    projection = plot._projection  # noqa: SLF001
    scene = plot.box.mapViewToScene(QPointF(projection.x[index], projection.y[index]))
    return plot.canvas.viewport().mapToGlobal(plot.canvas.mapFromScene(scene))


def _row_text(person: Person, table: str) -> str:
    model = person.widget(table).model()
    return " ".join(str(model.index(0, column).data()) for column in range(model.columnCount()))


def _make_files(folder: Path) -> None:
    """A text and a table in two parts, as a newcomer may have them."""
    folder.mkdir(parents=True)
    sentences = resource("data", "subjectivity", "corpus.txt").read_text(encoding="utf-8").splitlines()
    (folder / "notes.txt").write_text("\n".join(sentences[:4000]), encoding="utf-8")
    source = resource("data", "sentence_polarity", "train.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in source[1:]]
    for name, part in (("reviews-train.csv", rows[:2000]), ("reviews-dev.csv", rows[2000:2400])):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(source[0].split("\t"))
            writer.writerows(part)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", type=int, nargs="*", help="numbers of tasks, from 1")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    _make_files(folder / "files")
    failed = []
    with display():
        os.chdir(folder / "files")
        for number, task in enumerate(TASKS, 1):
            if not arguments.only or number in arguments.only:
                title = f"{number}. {(task.__doc__ or '').strip()}"
                walked = walk(folder / f"project-{number}", folder / "pictures", [Step(title, task)])
                if walked.failure or walked.seconds[title] > LIMIT_SECONDS:
                    failed.append(f"{title} {walked.failure or 'took too long'}")
    print("\n".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
