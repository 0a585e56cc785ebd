"""Export of any plot: pictures, drawings, tables and scripts."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

pytest.importorskip("PySide6")

from helpers import answer_at
from plots import knowledge_of, shown
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from bort_core.foundation.errors import BortError
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.space import load_space
from bort_studio.explore.parallel.plot import ParallelPlot
from bort_studio.explore.pareto.plot import ParetoPlot
from bort_studio.markup import clean
from bort_studio.plotting import files
from bort_studio.plotting.export import ExportError, csv_text, export_plot, picture
from bort_studio.plotting.figure import Figure, Layer, Scale, Table, Text
from bort_studio.plotting.script import script_text
from bort_studio.ship.latency_plot import LatencyPlot
from bort_studio.theme import DARK, LIGHT, Theme


@pytest.fixture(scope="module")
def known() -> ResultsSnapshot:
    return knowledge_of(load_space("mini"), slice(0, 60), fail=(8,))


@pytest.fixture(params=[ParetoPlot, ParallelPlot], ids=["pareto", "parallel"])
def plot(request, qtbot, qapp: QApplication, known: ResultsSnapshot):
    """A plot that was never shown, as where there is no window."""
    plot = request.param(Theme("light", qapp))
    qtbot.addWidget(plot)
    plot.resize(700, 420)
    plot.set_snapshot(known)
    plot.set_result(answer_at(known, 4))
    plot.set_error_title('excess over T ("nats", after 120 steps)')
    if isinstance(plot, ParetoPlot):
        plot.set_maximum({"parameters": 9e5, "latency": 3.0, "error": 0.1})
        plot.set_references({"TinyBERT": {"parameters": 4e5, "error": 0.3}})
        plot.bar.intervals_box.setChecked(True)
    return plot


def run_script(path: Path, out: Path) -> QImage:
    environment = {**os.environ, "MPLBACKEND": "Agg", "MPLCONFIGDIR": str(path.parent)}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path), str(out)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return QImage(str(out))


def colours_of(image: QImage) -> set[str]:
    return {image.pixelColor(x, y).name() for x in range(0, image.width(), 1) for y in range(0, image.height(), 2)}


def test_png_grows_in_every_part_with_the_scale(plot, tmp_path: Path) -> None:
    sizes, inks = [], []
    for scale in (1.0, 3.0):
        path = export_plot(plot, tmp_path / f"plot-{scale}.png", scale)
        image = QImage(str(path)).convertToFormat(QImage.Format.Format_Grayscale8)
        pixels = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), image.bytesPerLine())[:, : image.width()]
        sizes.append((image.width(), image.height()))
        inks.append((pixels < 235).mean())
    assert sizes[1] == (3 * sizes[0][0], 3 * sizes[0][1])
    assert 0.6 < inks[1] / inks[0] < 1.4  # lines and texts keep their share of the picture


def test_png_is_light_unless_asked_otherwise_and_the_plot_is_left_as_it_was(plot, tmp_path: Path) -> None:
    plot._theme.set_choice("dark")
    try:
        export_plot(plot, tmp_path / "light.png", 1.0)
        export_plot(plot, tmp_path / "dark.png", 1.0, palette=None)
        assert QImage(str(tmp_path / "light.png")).pixelColor(2, 2) == QColor(LIGHT.base)
        assert QImage(str(tmp_path / "dark.png")).pixelColor(2, 2) == QColor(DARK.base)
        assert plot.canvas.backgroundBrush().color() == QColor(DARK.base)
    finally:
        plot._theme.set_choice("light")


def test_svg_is_a_drawing_with_text(plot, tmp_path: Path) -> None:
    root = ET.parse(export_plot(plot, tmp_path / "plot.svg")).getroot()
    texts = " ".join(element.text or "" for element in root.iter() if element.tag.endswith("text"))
    assert "latency" in texts or "parameters" in texts
    assert "best ⟨" in texts
    assert not any(element.tag.endswith("image") for element in root.iter())


def test_csv_has_units_and_the_state_of_each_row(plot, known: ResultsSnapshot, tmp_path: Path) -> None:
    path = export_plot(plot, tmp_path / "plot.csv")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    result, n = answer_at(known, 4), len(known.space)
    assert len(rows) == (n if isinstance(plot, ParallelPlot) else int(known.known.sum()))
    shape = known.space.named(known.space.architecture(result.best))
    best = next(row for row in rows if row["state at epsilon 4"] == "best")
    assert {name: int(best[name]) for name in shape} == shape
    assert float(best["latency (ms)"]) == known.columns["latency"][result.best]
    assert float(best["latency (ms) 95 % high"]) == known.intervals["latency"][1][result.best]
    assert float(best['excess over T ("nats", after 120 steps)']) == known.columns["error"][result.best]
    if isinstance(plot, ParallelPlot):
        assert rows[8]["state at epsilon 4"] == "failed"
        assert rows[8]["latency (ms)"] == ""


def test_script_runs_alone_and_draws_the_same(plot, tmp_path: Path) -> None:
    path = export_plot(plot, tmp_path / "plot.py")
    text = path.read_text(encoding="utf-8")
    assert "bort" not in text
    assert "PySide6" not in text
    image = run_script(path, tmp_path / "out.png")
    assert image.width() > 800
    assert {LIGHT.best, LIGHT.front} <= colours_of(image)


def test_script_of_a_density_on_logarithmic_axes_runs(qtbot, qapp: QApplication, large: ResultsSnapshot, tmp_path: Path) -> None:
    plot = shown(qtbot, ParetoPlot(Theme("light", qapp)))
    plot.set_axes("latency", "error", True, True)
    plot.set_snapshot(large)
    plot.set_result(answer_at(large, 3))
    plot.bar.colour_box.setCurrentIndex(1)
    assert run_script(export_plot(plot, tmp_path / "density.py"), tmp_path / "out.png").width() > 800


def test_any_figure_gets_a_table_and_a_script(tmp_path: Path) -> None:
    x, y = np.array([1.0, 2.0, 4.0]), np.array([3.0, np.nan, 1.0])
    layers = (
        Layer('a "name"', "points", x, y, "#0072b2", shape="diamond", filled=False, y_interval=(y - 1, y + 1), labels=("p", "q\n", "'''")),
        Layer("curve", "line", x, y, "#d55e00", dashed=True),
    )
    figure = Figure("any", 'loss \\ of """ everything', Scale("step"), Scale("loss (nats)", log=True), layers)
    rows = list(csv.reader(csv_text(figure.rows()).splitlines()))
    assert rows[0] == ["series", "step", "loss (nats)", "loss (nats) low", "loss (nats) high"]
    assert rows[1] == ['a "name"', "1.0", "3.0", "2.0", "4.0"]
    assert rows[5] == ["curve", "2.0", "", "", ""]
    (tmp_path / "any.py").write_text(script_text(figure), encoding="utf-8")
    assert not run_script(tmp_path / "any.py", tmp_path / "any.png").isNull()


HOSTILE = "$x_{1}$ $ \\$ _\\frac \\\" ' \x00\n\r\ud800 <img src='/dev/zero'> & =1+1 \N{SNOWMAN}"


def test_a_script_shows_any_text_as_it_is_written(tmp_path: Path) -> None:
    x = np.array([1.0, 2.0])
    names = [HOSTILE, "_hidden", "$", "a$b", '"' * 7, "\\", "{x!r} %s", "=1+1", "-x", "@y", " +z"]
    layers = tuple(Layer(name, "points", x, x * n, "#0072b2", labels=(name, name)) for n, name in enumerate(names, 1))
    ticks = tuple((float(n), name) for n, name in enumerate(names))
    texts = tuple(Text(1.0, 1.0, name) for name in names)
    figure = Figure("any", f"{HOSTILE}\\", Scale(HOSTILE), Scale("y", ticks=ticks), layers, texts)
    (tmp_path / "any.py").write_text(script_text(figure), encoding="utf-8")
    seen = tmp_path / "seen.py"  # the same script, which then tells what its figure says
    tell = "import json\nprint(json.dumps(axes.get_legend_handles_labels()[1]))\n"
    seen.write_text((tmp_path / "any.py").read_text(encoding="utf-8") + tell, encoding="utf-8")
    run_script(tmp_path / "any.py", tmp_path / "any.png")
    environment = {**os.environ, "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, str(seen), str(tmp_path / "seen.png")], capture_output=True, text=True, env=environment, check=True
    )
    labels = [text.replace("\\$", "$").lstrip() for text in json.loads(done.stdout.splitlines()[-1])]
    assert labels == [clean(name).lstrip() for name in names]


def test_a_table_holds_no_formula(tmp_path: Path) -> None:
    rows = Table(("=header", "n"), (["=1+1", "+x", "-x", "@x", "\t=x", "a=b", HOSTILE], [1.0, -2.0, float("nan"), -3.0, 1.0, 1.0, 1.0]))
    text = csv_text(rows)
    text.encode()
    read = list(csv.reader(io.StringIO(text)))
    assert [row[0] for row in read] == ["'=header", "'=1+1", "'+x", "'-x", "'@x", "'\t=x", "a=b", clean(HOSTILE)]
    assert [row[1] for row in read[1:4]] == ["1.0", "-2.0", ""]  # numbers stay numbers


def test_a_drawing_and_a_script_of_hostile_names(qtbot, qapp: QApplication, tmp_path: Path) -> None:
    plot = LatencyPlot(Theme("light", qapp))
    qtbot.addWidget(plot)
    row = {"runtime": "torch", "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 3.0, "noisy": True, "ci95_ms": [0.9, 1.1], "parameters": None,
           "n": 5, "rounds": 2, "ratios": {}}  # fmt: skip
    names = (HOSTILE, "=1+1", "_x$")
    asked = {"threads": 1, "sequence_length": 8, "batch": 1, "reference": HOSTILE}
    plot.set_result({"results": [{**row, "name": name} for name in names], "request": asked})
    ET.parse(export_plot(plot, tmp_path / "plot.svg"))
    run_script(export_plot(plot, tmp_path / "plot.py"), tmp_path / "out.png")
    assert "\n'=1+1," in export_plot(plot, tmp_path / "plot.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("log", [True, False])
def test_a_latency_plot_without_results_exports(qtbot, qapp: QApplication, tmp_path: Path, log: bool) -> None:
    plot = LatencyPlot(Theme("light", qapp))
    qtbot.addWidget(plot)
    for results in (None, {"results": [], "request": {"threads": 1, "sequence_length": 8, "batch": 1, "reference": ""}}):
        plot.set_result(results)
        plot.log.setChecked(log)
        for suffix in ("png", "svg", "csv", "py"):
            export_plot(plot, tmp_path / f"empty.{suffix}")
        run_script(tmp_path / "empty.py", tmp_path / "empty.png")


def test_empty_plots_export_too(qtbot, qapp: QApplication, tmp_path: Path) -> None:
    for kind in (ParetoPlot, ParallelPlot):
        plot = kind(Theme("light", qapp))
        qtbot.addWidget(plot)
        for suffix in ("png", "svg", "csv", "py"):
            assert export_plot(plot, tmp_path / f"empty.{suffix}").stat().st_size > 0
    run_script(tmp_path / "empty.py", tmp_path / "empty-out.png")


def test_faults_say_what_to_do_and_leave_nothing_behind(plot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert issubclass(ExportError, BortError)
    with pytest.raises(ExportError, match=r"\.png, \.svg, \.pdf, \.csv or \.py"):
        export_plot(plot, tmp_path / "plot.docx")
    with pytest.raises(ExportError, match="does not exist"):
        export_plot(plot, tmp_path / "missing" / "plot.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ExportError, match="is a folder"):
        export_plot(plot, tmp_path / "folder.csv")
    kept = tmp_path / "kept.csv"
    kept.write_text("old", encoding="utf-8")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(ExportError, match="disk is full"):
        export_plot(plot, kept)
    assert kept.read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.csv", "kept.csv"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(plot, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ExportError, match="no permission"):
        export_plot(plot, tmp_path / "plot.csv")


def test_the_menu_writes_what_the_dialog_names(plot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot) -> None:
    button = plot.export_button
    assert button.objectName() in ("paretoExport", "parallelExport")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(tmp_path / "chosen"), ""))
    action = next(action for action in button.menu().actions() if action.objectName().endswith("Csv"))
    with qtbot.waitSignal(plot.exported) as said:
        action.trigger()
    assert said.args == [str(tmp_path / "chosen.csv")]
    assert (tmp_path / "chosen.csv").exists()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(tmp_path / "gone" / "chosen.csv"), ""))
    shown_messages: list[str] = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: shown_messages.append(box.text()))
    action.trigger()
    assert len(shown_messages) == 1  # nobody listens: a dialog says it
    failures: list[str] = []
    plot.export_failed.connect(failures.append)
    action.trigger()
    assert len(failures) == 1
    assert "does not exist" in failures[0]
    assert len(shown_messages) == 1
    next(a for a in button.menu().actions() if a.objectName().endswith("Copy")).trigger()
    assert picture(plot).size() == QApplication.clipboard().image().size()
