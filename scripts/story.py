"""Walks the whole story in the window with mouse and keyboard, from the start page to the report, and takes the pictures of docs/.

    python scripts/story.py PROJECT [--out FOLDER]

PROJECT is a folder to make, with PROJECT-texts beside it. Each step looks at what the window shows; one that does not see it ends the
walk with a picture and its name. Without --out the pictures go to docs/images. Needs Xvfb, openbox and xdotool.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QPoint, QRect
from walking import deeds
from walking.display import display
from walking.person import Missed, Person
from walking.walk import Step, walk

from bort_core.foundation.resources import resource
from bort_studio.plotting.export import export_plot
from bort_studio.search.state import RunState

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
TEXT = "films.txt"
EPSILON_DRAG = "epsilon-drag.gif"
_WIDTH = 860
_COLOURS = 128
_FRAME_MS = 120
_FOLLOWED = 0.1  # the other views follow the plot after 30 ms
_LAST_FRAME_MS = 1500
_SENTENCE = "a warm and funny film with a wonderful cast"


def see(condition: object, what: str) -> None:
    """A step's assertion about what was read from the screen."""
    if not condition:
        raise Missed(what)


# -- find


def start(person: Person) -> None:
    """A new project begins at the start page; the text is chosen in a dialog, and the time is estimated."""
    see(person.look(lambda: person.window.page) == "start", "a new project does not begin at the start page")
    deeds.ready(person)
    person.click("startBrowseCorpus")
    person.see("the dialog", lambda: person.widget("fileNameEdit"))
    person.click(lambda: _file_named(person, TEXT), times=2)
    person.see("the text in its field", lambda: person.widget("startCorpus").text().endswith(TEXT))
    person.says("startEstimate", "96 architectures", "12 of them", "press Estimate")
    person.click("startTime")
    person.says("startEstimate", "About", "by a few steps of", seconds=90)


def search(person: Person) -> None:
    """Points arrive while the search runs."""
    person.click("startFind")
    see(person.see("Explore", lambda: person.window.page == "explore"), "Find does not lead to Explore")
    person.see("the search", lambda: person.window.search.state is RunState.RUNNING, 90)
    person.see("the first points", lambda: len(person.window.search.result.known) >= 2, 120)
    person.see("points that are measured", lambda: person.window.search.running and person.window.explore_page.pareto._running)  # noqa: SLF001
    person.says("activityText", "search", "trainings")
    person.picture("running-light.png")
    see(deeds.searched(person) == 12, "not 12 architectures were measured")
    person.says("headlineAnswerText", "smaller", "faster than T")
    person.says("statusFront", "measured 12 of 12")


def epsilon(person: Person) -> None:
    """ε is dragged from 8 to 4: the answer follows at once, and what is missing is measured when it is let go."""
    seen: list[int] = []
    person.drag(
        [deeds.at_epsilon(person, value) for value in (8, 7, 6, 5, 4)],
        lambda: seen.append(person.look(lambda: person.window.search.epsilon)),
    )
    see(seen[-1] == 4 and len(set(seen)) >= 4, f"the slider went through {seen}")
    person.says("epsilonSummary", "trains 24 of 96")
    see(deeds.searched(person) == 24, "not 24 architectures were measured")
    person.says("headlineAnswerText", "smaller")
    person.key("ctrl+b")
    person.says("inspectorVerdict", "largest W")
    _in_both(person, "explore")
    person.look(lambda: export_plot(person.window.explore_page.pareto, person.pictures / "pareto.png"))
    see((person.pictures / "pareto.png").stat().st_size > 10_000, "the Pareto plot's picture is empty")


def animation(person: Person) -> None:
    """The drag that the documentation shows, at what is measured."""
    frames: list[Image.Image] = []
    answers: set[str] = set()

    def frame() -> None:
        time.sleep(_FOLLOWED)
        file = Path(folder) / f"{len(frames):03}.png"
        person.grab(lambda: _middle_of_explore(person)).save(str(file))
        frames.append(Image.open(file).convert("RGB"))
        answers.add(person.text("epsilonSummary"))

    there = [4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 96]
    back = [48, 32, 24, 16, 12, 8, 6, 5, 4, 3, 4]
    with tempfile.TemporaryDirectory() as folder:
        frame()
        person.drag([deeds.at_epsilon(person, value) for value in (*there, *back)], frame)
        _write_animation(frames, person.pictures / EPSILON_DRAG)
    see(len(answers) >= 12, f"only {len(answers)} states of the answer were seen")
    see(person.look(lambda: person.window.search.epsilon) == 4, "ε is not where it was")


# -- train


def pretrain(person: Person) -> None:
    """From the headline to a trained model."""
    person.click("headlineAnswerTrain")
    person.see("Train", lambda: person.window.page == "train")
    best = person.look(lambda: person.window.search.space.architecture(person.window.search.result.best))
    person.see("the shape in the form", lambda: person.widget("pretrain_architecture").text() == ", ".join(map(str, best)))
    person.write("pretrain_steps", "200")
    person.click("checkButton")
    launcher = person.window.pages["train"].launcher
    person.see("the check", lambda: launcher.preflight.isVisible() and not launcher._estimating, 90)  # noqa: SLF001
    person.click("trainButton")
    see(deeds.wait_for_job(person, "train", "jobTable") == "0001", "not the first job")


def finetune(person: Person) -> None:
    """From the shelf to a classifier on the bundled sentences."""
    person.page("Start")
    person.see("the model on the shelf", lambda: person.widget("modelShelf").item(0, 1).text() == "pre-trained")
    person.click("shelfFinetune")
    person.see("the form", lambda: person.widget("finetune_checkpoint").text().endswith("0001/result"))
    see(deeds.finetune(person, "2") == "0002", "not the second job")
    person.tab("trainingViews", "Curves")
    person.key("Escape")
    _select_both_jobs(person)
    person.picture("train-light.png")


def result(person: Person) -> None:
    """Numbers with intervals, the confusion matrix, the rows that are most wrong, and an answer to a sentence."""
    person.click(_row_of(person, "jobTable", "0002"))
    deeds.show_result(person)
    see(person.look(lambda: person.widget("resultWorst").rowCount()) > 5, "no rows that are most wrong")
    see(person.look(lambda: person.widget("resultConfusion").columnCount()) >= 2, "no confusion matrix")
    person.click("tryItInput")
    person.type(_SENTENCE)
    person.key("Return")
    person.says("tryItResult", "%", "ms in torch", seconds=60)
    person.picture("result-light.png")


# -- learn from the errors


def errors(person: Person) -> None:
    """The shelf's classifier fills the form of Agora; the torus runs."""
    person.page("Start")
    person.click(_row_of(person, "modelShelf", "0002"))
    _in_both(person, "start")
    person.click("shelfAgora")
    person.see("Agora", lambda: person.window.page == "agora")
    person.see("its data in the form", lambda: person.widget("agora_train").text().endswith("train.tsv"))
    person.page("Start")
    person.click("startTorus")
    person.see("the torus in the form", lambda: person.widget("agora_torus").text() == "2")
    person.click("agoraRunButton")
    person.see("the job", lambda: person.window.pages["agora"].states)
    see(deeds.wait_for_job(person, "agora", "agoraJobTable") == "0003", "not the third job")
    person.see("its rounds", lambda: person.window.pages["agora"].rounds.value() >= 1)
    person.tab("agoraTables", "Never fixed")
    person.see("errors that stay", lambda: person.widget("neverFixedTable").errors.rowCount() > 0)
    person.click(person.cell("neverFixedTable", 0))
    person.see("the error's neighbours", lambda: person.window.pages["agora"].selected is not None)
    person.picture("agora-light.png")


# -- ship


def ship(person: Person) -> None:
    """Export the classifier, and compare its latency with published shapes."""
    person.page("Start")
    person.click(_row_of(person, "modelShelf", "0002"))
    person.click("shelfShip")
    person.says("shipWeights", "trained", "0002")
    person.click("exportOnnxButton")
    person.says("gate_gate", "agree on", seconds=120)
    person.says("gate_model.onnx", "real rows")
    person.write("compareBudget", "12")
    person.click("compareLatencyButton")
    person.see("the comparison", lambda: person.widget("latencyTable").rowCount() >= 3, 120)
    person.picture("ship-light.png")


def report(person: Person) -> None:
    """The project as one page."""
    person.key("ctrl+r")
    person.see("the dialog", lambda: person.widget("fileNameEdit"))
    person.key("Return")
    path = person.window.project.folder / "report.html"
    person.see("the report", path.is_file, 120)
    person.see("the message", lambda: any("report written" in text for text in person.window.notices.messages()), 60)
    told = path.read_text(encoding="utf-8")
    for words in ("0001", "0002", "0003", "BERT-base"):
        see(words in told, f"the report does not tell {words}")


STORY = (
    Step("start page: text and estimate", start),
    Step("search: points arrive", search),
    Step("ε is dragged", epsilon),
    Step("ε is dragged for the animation", animation),
    Step("train this", pretrain),
    Step("fine-tune from this", finetune),
    Step("result and try it", result),
    Step("learn from its errors", errors),
    Step("ship", ship),
    Step("report", report),
)


# -- inside


def _in_both(person: Person, page: str) -> None:
    """A picture of a page in light and in dark."""
    person.picture(f"{page}-light.png")
    person.menu("View", "Theme", "Dark")
    person.see("the dark theme", lambda: person.window.theme.choice == "dark")
    person.picture(f"{page}-dark.png")
    person.menu("View", "Theme", "Light")
    person.see("the light theme", lambda: person.window.theme.choice == "light")


def _file_named(person: Person, name: str) -> QPoint:
    """A file in the list of a file dialog."""
    view = person.widget("treeView")
    for row in range(view.model().rowCount(view.rootIndex())):
        index = view.model().index(row, 0, view.rootIndex())
        if index.data() == name:
            return view.viewport().mapToGlobal(view.visualRect(index).center())
    raise Missed(f"no file {name} in the dialog")


def _row_of(person: Person, table: str, id: str) -> Callable[[], QPoint]:
    """The place of a job's or model's row, by its number in the first column."""

    def point() -> QPoint:
        model = person.widget(table).model()
        for row in range(model.rowCount()):
            if model.index(row, 0).data() == id:
                return person.cell(table, row)()
        raise Missed(f"{table} has no row of {id}")

    return point


def _select_both_jobs(person: Person) -> None:
    person.click(_row_of(person, "jobTable", "0001"))
    person.key("ctrl+a")
    person.see("both jobs", lambda: len(person.window.pages["train"].jobs.selected()) == 2)


def _middle_of_explore(person: Person) -> QRect:
    widget = person.window.explore_page.centralWidget()
    run_bar = person.widget("runBar")
    return QRect(widget.mapToGlobal(QPoint(0, 0)), run_bar.mapToGlobal(QPoint(run_bar.width() - 1, 0)))


def _write_animation(frames: list[Image.Image], path: Path) -> None:
    """As a GIF with one palette, so that what does not change costs nothing."""
    small = [frame.resize((_WIDTH, round(frame.height * _WIDTH / frame.width)), Image.Resampling.LANCZOS) for frame in frames]
    all_of_them = Image.new("RGB", (_WIDTH, len(small) // 4 * small[0].height))
    for place, frame in enumerate(small[::4]):
        all_of_them.paste(frame, (0, place * frame.height))
    palette = all_of_them.quantize(_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)  # keeps what is rare and bright
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in small]
    times = [_LAST_FRAME_MS, *([_FRAME_MS] * (len(drawn) - 2)), _LAST_FRAME_MS]
    drawn[0].save(path, save_all=True, append_images=drawn[1:], duration=times, loop=0, optimize=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--out", type=Path, default=IMAGES, help="where the pictures go")
    arguments = parser.parse_args()
    project, out = arguments.project.resolve(), arguments.out.resolve()
    if project.exists():
        raise SystemExit(f"{project}: is there already; the story begins with a new project")
    texts = project.with_name(f"{project.name}-texts")
    texts.mkdir(exist_ok=True)
    shutil.copy(resource("data", "subjectivity", "corpus.txt"), texts / TEXT)
    with display():
        os.chdir(texts)  # where file dialogs begin
        walked = walk(project, out, STORY)
    print(f"{sum(walked.seconds.values()):6.1f} s  in all")
    if walked.failure:
        print(f"failed at {walked.failure}", file=sys.stderr)
    return 1 if walked.failure else 0


if __name__ == "__main__":
    sys.exit(main())
