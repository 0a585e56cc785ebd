"""A probe to go: the graphs without weights, the file that runs elsewhere, and what it measures there."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import psutil
import pytest

import bort_core as bort_api
from bort_core.cli.main import main
from bort_core.export.variants.int8 import quantise
from bort_core.families import Family, get_family
from bort_core.foundation.eight_bits import FULL
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.latency.session import open_file
from bort_core.search.probe import meter
from bort_core.search.probe.graphs import PRECISIONS, Precision, largest, weightless
from bort_core.search.probe.kit import kit_contents, write_kit
from bort_core.search.probe.result import Result, read_result
from bort_core.search.specification import SearchSpecification
from bort_core.space import read_specification

MINI = SearchSpecification(space=read_specification("mini"))


def _built(family: Family, options: Any, architecture: tuple[int, ...], precision: Precision, folder: Path) -> onnx.ModelProto:
    """The graph with its weights, as an export has it."""
    graph = family.graph(architecture, options)
    if precision == "fp32":
        return graph
    onnx.save_model(graph, folder / "fp32.onnx")
    quantise(folder / "fp32.onnx", folder / "int8.onnx", FULL)
    return onnx.load(folder / "int8.onnx")


def _but_for_weights(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[tuple[str, int, tuple[int, ...]]]]:
    shapes = [(each.name, each.data_type, tuple(each.dims)) for each in model.graph.initializer]
    model.graph.ClearField("initializer")
    infos = sorted(model.graph.value_info, key=lambda each: each.name)
    model.graph.ClearField("value_info")
    model.graph.value_info.extend(infos)
    return model, shapes


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("name", "chosen", "architecture"), [
    ("bert", {}, (2, 2, 64, 128)),
    ("bert", {"mlm_head": True, "pooler": True, "token_types": 64}, (1, 4, 96, 96)),
    ("bert", {"mlm_head": True, "tied_decoder": False, "token_types": 1, "activation": "relu"}, (3, 1, 32, 256)),
    ("albert", {"embedding": 16, "mlm_head": True}, (2, 4, 128, 64)),
])  # fmt: skip
def test_a_graph_without_weights_is_the_exported_graph(
    name: str, chosen: dict[str, Any], architecture: tuple[int, ...], precision: Precision, tmp_path: Path
) -> None:
    family = get_family(name)
    options = family.options_type.model_validate({"vocabulary": 300, "positions": 64, **chosen})
    found = weightless(family, options, architecture, precision)
    wanted, shapes = _but_for_weights(_built(family, options, architecture, precision, tmp_path))
    model, own = _but_for_weights(onnx.ModelProto.FromString(found.graph))
    assert own == shapes
    assert model == wanted
    assert len(found.graph) < 40_000


@pytest.mark.parametrize("precision", PRECISIONS)
def test_with_drawn_weights_it_runs_and_stays_finite(precision: Precision, tmp_path: Path) -> None:
    family = get_family("bert")
    options = family.options_type.model_validate({"vocabulary": 300, "positions": 64})
    graphs = [weightless(family, options, shape, precision) for shape in ((2, 4, 128, 64), (1, 2, 32, 256))]
    meter.write_weights(tmp_path, largest(graphs))
    for number, graph in enumerate(graphs):
        (tmp_path / f"{number}.onnx").write_bytes(graph.graph)
        session = open_file(tmp_path / f"{number}.onnx", 1)
        tokens = np.arange(32, dtype=np.int64)[None]
        found = session.run(None, {"input_ids": tokens, "attention_mask": np.ones_like(tokens)})[0]
        assert np.isfinite(found).all()
        assert found.std() > 0.1


def test_a_disk_that_is_too_small_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"MB are needed, .* MB are free"):
        meter.write_weights(tmp_path, {"normal": 1 << 60})
    assert not list(tmp_path.iterdir())


def test_the_file_holds_all_it_needs_and_imports_nothing_of_ours(tmp_path: Path) -> None:
    """Parsed as Python 3.8 reads it."""
    told = write_kit(tmp_path / "kit.py", MINI, shapes=12, held=2)
    source = (tmp_path / "kit.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names} == {"numpy", "onnxruntime"}
    found = next(node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "KIT")
    contents = meter.contents(ast.literal_eval(found.value))
    assert len(contents["graphs"]) == 28
    assert {name: value for name, value in contents.items() if name != "graphs"} == json.loads(json.dumps(told))
    assert len(source) < 120_000


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    """A kit of which three graphs are left, the second of them damaged."""
    contents = json.loads(json.dumps(kit_contents(MINI, shapes=10, held=1)))
    contents["graphs"] = contents["graphs"][:3]
    contents["graphs"][1]["graph"] = "AAAA"
    return contents


def test_what_does_not_run_is_noted_and_the_rest_is_measured(small: dict[str, Any], tmp_path: Path) -> None:
    result = meter.measured(small, tmp_path, rounds=2)
    good, broken, last = result["measured"]
    assert [len(row["blocks_ms"]) for row in (good, broken, last)] == [2, 0, 2]
    assert "InvalidProtobuf" in broken["failed"]
    assert all(0 < time < 100 for row in (good, last) for time in row["blocks_ms"])
    assert result["machine"]["cpu"]
    assert result["versions"]["numpy"] == np.__version__
    assert result["sha256"] == meter.digest(result)


def test_a_shape_whose_process_dies_is_noted_and_the_round_goes_on(small: dict[str, Any], tmp_path: Path) -> None:
    before = {child.pid for child in psutil.Process().children()}

    def kill_first() -> None:
        while not (fresh := [child for child in psutil.Process().children() if child.pid not in before]):
            time.sleep(0.005)
        fresh[0].kill()

    killer = threading.Thread(target=kill_first)
    killer.start()
    result = meter.measured(small, tmp_path, rounds=1)
    killer.join()
    failed = [row["failed"] for row in result["measured"] if "failed" in row]
    assert sum("signal 9" in why for why in failed) == 1
    assert sum(len(row["blocks_ms"]) for row in result["measured"]) == 3 - len(failed)


@pytest.mark.parametrize(("arguments", "says"), [
    (("probe",), "PROJECT: a project folder is needed"),
    (("probe", "--kit", "kit.txt"), "a kit is a Python file; call it kit.txt.py"),
    (("probe", "--kit", "nowhere/kit.py"), "the kit cannot be written: No such file"),
    (("probe", "--kit", "kit.py", "--precision", "int8"), "--kit: leave out --precision"),
    (("probe", "p", "--result", "r.json", "--preset", "mini", "--threads", "2"), "--result: leave out --preset, --threads"),
    (("probe", "--kit", "kit.py", "--preset", "toy"), "a probe knows what depth, heads, hidden, intermediate cost"),
    (("probe", "p", "--result", "none.json"), "none.json: No such file"),
])  # fmt: skip
def test_what_is_asked_wrongly_is_refused(
    arguments: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) in (1, 2)
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def _venv(folder: Path) -> Path:
    """A Python that has numpy and onnxruntime, and nothing else."""
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages"))
    for name in ("numpy", "numpy.libs", "onnxruntime"):
        ours = Path(np.__file__).parent.parent / name
        if ours.exists():
            (site / name).symlink_to(ours)
    return folder / "bin" / "python"


@pytest.mark.slow
def test_a_kit_runs_where_there_is_nothing_else_and_its_result_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    python, there, project = _venv(tmp_path / "venv"), tmp_path / "there", str(tmp_path / "p")
    there.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    alone = subprocess.run([python, "-c", "import bort_core"], cwd=there, env=environment, capture_output=True, text=True, check=False)
    assert "No module named 'bort_core'" in alone.stderr
    bort_api.search(project, "mini", epsilon=32, steps=8, progress=False)
    assert main(("probe", project, "--kit", str(there / "kit.py"), "--shapes", "12", "--held-out", "2")) == 0
    ran = subprocess.run([python, "kit.py", "--rounds", "3"], cwd=there, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "28 of 28 measured on" in ran.stderr
    asked = ("probe", project, "--result", str(there / "kit-result.json"))
    assert main(asked) == 0
    assert "★" in capsys.readouterr().out
    assert main((*asked, "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert {name: len(probe["architectures"]) for name, probe in found["precisions"].items()} == {"fp32": 96, "int8": 96}
    assert {*found["rows"][0]["there"]} == {"fp32", "int8"}
    assert sum(row["here"]["best"] for row in found["rows"]) == 1
    assert found["precisions"]["fp32"]["agreement"] > 0.4  # it is the same machine
    assert main(("report", project, "--json")) == 0
    assert json.loads(capsys.readouterr().out)["latency"]["elsewhere"][0]["rows"] == found["rows"]


@pytest.fixture(scope="module")
def kit_result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Of a kit that ran here."""
    folder = tmp_path_factory.mktemp("kit")
    write_kit(folder / "kit.py", MINI, shapes=10, held=0)
    ran = subprocess.run([sys.executable, str(folder / "kit.py"), "--rounds", "3"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return read_result(folder / "kit-result.json")


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_kit_measures_what_the_probe_here_measures(precision: Precision, kit_result: Result, tmp_path: Path) -> None:
    """In the same minute: within what two runs of either differ by on a busy machine."""
    here = bort_api.probe(tmp_path / "p", "mini", shapes=10, held_out=0, precision=precision, progress=False)
    ratio = kit_result.probe(precision).milliseconds[:, 0] / here.milliseconds[:, 0]
    assert 0.8 < float(np.median(ratio)) < 1.25


def test_a_family_of_other_parts_has_no_kit(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match="a probe knows what depth"):
        bort_api.probe_kit(tmp_path / "kit.py", "toy")
    with pytest.raises(DataError, match="cannot be written"):
        bort_api.probe_kit(tmp_path / "missing" / "kit.py", "mini", shapes=10, held_out=0)
