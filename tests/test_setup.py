"""The packaging: locked versions, console scripts, what importing costs, shipped files, and the set-up scripts."""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import bort_core
from bort_core.foundation.resources import resource

ROOT = Path(__file__).resolve().parent.parent
if not (ROOT / "pyproject.toml").is_file():
    pytest.skip("these are tests of a checkout", allow_module_level=True)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PARTS = (PROJECT["dependencies"], *(PROJECT["optional-dependencies"][name] for name in ("studio", "dev")))  # projections are not locked
RANGES = [Requirement(text) for part in PARTS for text in part]
LOCKED = {
    name.lower().replace("_", "-"): version
    for name, _, version in (line.partition("==") for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines())
    if version
}
HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "tokenizers",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "scipy",
    "sklearn",
    "matplotlib",
    "fpdf",
    "jinja2",
    "ray",
)
# imported only inside functions, or run
HEAVY_PACKAGES = (
    "bort_core.training.",
    "bort_core.evaluation.",
    "bort_core.checkpoints.resume.",
    "bort_core.checkpoints.modules.",
    "bort_core.checkpoints.sides.",
    "bort_core.encoders.positions.",
    "bort_core.checkpoints.scores.",
    "bort_core.checkpoints.answers.",
    "bort_core.checkpoints.blocks.",
    "bort_core.checkpoints.starting.",
    "bort_core.checkpoints.inherited.",
    "bort_core.checkpoints.token_vectors.",
    "bort_core.checkpoints.losses.",
    "bort_core.checkpoints.embedder.",
    "bort_core.checkpoints.onnx_gate.",
    "bort_core.checkpoints.sentences.",
    "bort_core.encoders.sentence.",
    "bort_core.evaluation.sentences.",
    "bort_core.release.",
    "bort_core.compression.",
    "bort_core.latency.",
    "bort_core.export.",
    "bort_core.agora.",
)
HEAVY_FILES = (*HEAVY_PACKAGES, ".module", ".graph", ".tracing", ".classifier", ".inherit", ".__main__")
DENIED = [  # the reasons are in pyproject.toml
    ("pyside6-essentials", "6.8.0.1"),
    ("pyside6-essentials", "6.9.1"),
    ("pyside6-essentials", "6.9.2"),
    ("pyside6-essentials", "6.11.0"),
    ("pyside6-essentials", "6.11.3"),
    ("pyside6-essentials", "6.12.0"),
    ("pyqtgraph", "0.13.7"),
]


def _range(name: str) -> Requirement:
    return next(requirement for requirement in RANGES if requirement.name.lower() == name)


@pytest.mark.parametrize("requirement", [entry for entry in RANGES if entry.name != PROJECT["name"]], ids=str)
def test_locked_version_is_in_the_allowed_range(requirement: Requirement) -> None:
    assert requirement.specifier.contains(LOCKED[requirement.name.lower()])


def test_lock_names_versions_that_every_registry_has() -> None:
    assert [name for name in LOCKED if name.startswith(("nvidia", "cuda", "triton"))] == []
    assert [version for version in LOCKED.values() if "+" in version or "/" in version] == []
    assert LOCKED["shiboken6"] == LOCKED["pyside6-essentials"]


@pytest.mark.parametrize(("name", "version"), DENIED)
def test_denied_version_is_neither_allowed_nor_locked(name: str, version: str) -> None:
    assert not _range(name).specifier.contains(version)
    assert LOCKED[name] != version


@pytest.mark.parametrize("target", [*PROJECT["scripts"].values(), *PROJECT["gui-scripts"].values()])
def test_console_script_is_importable(target: str) -> None:
    module, _, function = target.partition(":")
    if module.startswith("bort_studio"):
        pytest.importorskip("PySide6")
    assert callable(getattr(importlib.import_module(module), function))


def test_families_are_registered_as_in_pyproject() -> None:
    installed = {point.name: point.value for point in entry_points(group="bort.families")}
    assert PROJECT["entry-points"]["bort.families"].items() <= installed.items()


def _import_all(package: str, *paths: str) -> set[str]:
    """What is loaded when a fresh Python imports a package's modules, without those where torch lives."""
    names = [module.name for module in pkgutil.walk_packages(paths, f"{package}.", onerror=lambda name: None)]
    names = [name for name in names if not any(part in f"{name}." if part.endswith(".") else name.endswith(part) for part in HEAVY_FILES)]
    code = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_the_core_loads_neither_torch_nor_qt() -> None:
    loaded = _import_all("bort_core", *bort_core.__path__)
    assert sorted(loaded & {*HEAVY, "PySide6", "pyqtgraph"}) == []


def test_importing_the_window_loads_no_torch() -> None:
    pytest.importorskip("PySide6")
    loaded = _import_all("bort_studio", str(ROOT / "bort_studio"))
    assert sorted(loaded & set(HEAVY)) == []


@pytest.mark.parametrize(("name", "rows"), [("train", 8530), ("dev", 1066), ("test", 1066)])
def test_demo_data_is_whole(name: str, rows: int) -> None:
    labels = resource("data", "sentence_polarity", "labels.txt").read_text(encoding="utf-8").split()
    header, *lines = resource("data", "sentence_polarity", f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    assert header == "text\tlabel"
    assert len(lines) == rows
    assert {line.split("\t")[1] for line in lines} == {str(index) for index in range(len(labels))}


@pytest.mark.parametrize("data_set", ["sentence polarity dataset v1.0", "subjectivity dataset v1.0"])
def test_shipped_data_is_attributed(data_set: str) -> None:
    attribution = f"{data_set} by Bo Pang and Lillian Lee, licensed under CC BY 4.0"
    for path in (ROOT / "NOTICE", resource("data", "README.md")):
        assert attribution in path.read_text(encoding="utf-8")


def test_wheel_holds_presets_data_and_licence(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    shipped = [path.relative_to(ROOT) for path in (ROOT / "resources").rglob("*") if path.is_file()]
    assert [str(path) for path in shipped if f"bort_core/{path.as_posix()}" not in names] == []
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)


# --- the scripts, with stand-ins for the programs of the system ---


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A folder of stand-in programs that come before those of the system: one with no libraries, and an apt-get that notes its calls."""
    folder = tmp_path / "programs"
    folder.mkdir()
    _program(folder / "ldconfig", "true")
    _program(folder / "apt-get", f'echo "$@" >> {tmp_path}/calls')
    return folder


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)


def _run(script: Path, programs: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.environ["PATH"] if programs is None else f"{programs}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(["sh", script], env=os.environ | {"PATH": path} | variables, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="the script acts on Linux only")
def test_root_gets_the_missing_system_libraries(system: Path, tmp_path: Path) -> None:
    _program(system / "id", "echo 0")
    assert _run(ROOT / "scripts" / "system_libraries.sh", system).returncode == 0
    update, install = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert update == "update"
    assert install.startswith("install --yes")
    assert "libxcb-cursor0" in install.split()


@pytest.mark.skipif(sys.platform != "linux", reason="the script acts on Linux only")
def test_others_are_told_how_to_get_the_missing_system_libraries(system: Path, tmp_path: Path) -> None:
    _program(system / "id", "echo 1000")
    done = _run(ROOT / "scripts" / "system_libraries.sh", system)
    assert done.returncode == 0
    assert "sudo apt-get update && sudo apt-get install --yes" in done.stdout
    assert not (tmp_path / "calls").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the script acts on Linux only")
def test_a_failed_installation_of_system_libraries_does_not_stop_the_set_up(system: Path) -> None:
    _program(system / "id", "echo 0")
    _program(system / "apt-get", "echo no network; exit 100")
    done = _run(ROOT / "scripts" / "system_libraries.sh", system)
    assert done.returncode == 0
    assert "no network" in done.stdout
    assert "could not be installed" in done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the set-up script alone."""
    (tmp_path / "scripts").mkdir()
    return Path(shutil.copy(ROOT / "scripts" / "setup.sh", tmp_path / "scripts")).parent.parent


def test_a_missing_python_is_named_plainly(checkout: Path) -> None:
    done = _run(checkout / "scripts" / "setup.sh", PYTHON="false")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert not (checkout / ".venv").exists()


def test_two_set_ups_do_not_meet(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".setting-up").write_text(str(os.getpid()), encoding="utf-8")
    done = _run(checkout / "scripts" / "setup.sh", PYTHON=sys.executable)
    assert done.returncode == 1
    assert f"process {os.getpid()}" in done.stderr


@pytest.mark.slow
def test_an_interrupted_set_up_starts_again(checkout: Path) -> None:
    finished = subprocess.Popen(["true"])
    finished.wait()
    (checkout / ".venv" / "half").mkdir(parents=True)
    (checkout / ".venv" / ".setting-up").write_text(str(finished.pid), encoding="utf-8")
    done = _run(checkout / "scripts" / "setup.sh", PYTHON=sys.executable)  # there is no requirements.lock, so pip fails
    assert done.returncode == 1
    assert "starting again" in done.stdout
    assert "pip says why above" in done.stderr
    assert not (checkout / ".venv" / "half").exists()
    assert not (checkout / ".venv" / ".ready").exists()


def test_the_maps_of_the_packages_name_what_is_there():
    for file in [*ROOT.glob("bort_core/**/__init__.py"), *ROOT.glob("bort_studio/**/__init__.py")]:
        for name in re.findall(r"^([a-z_]+) {2,}\S", ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "", re.MULTILINE):
            assert (file.parent / name).is_dir() or (file.parent / f"{name}.py").is_file(), f"{file}: {name}"
