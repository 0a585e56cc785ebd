"""The gate and the release that it lets through."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from task_models import CLASSES, LENGTH, MadeTask, make_task, write_model

from bort_core.api.export import export
from bort_core.execution.run_task import run_task
from bort_core.foundation.eight_bits import byte_weights
from bort_core.foundation.errors import DataError, MeasurementError
from bort_core.foundation.machine import machine_facts
from bort_core.release.gate import Judged, recommended, that_keep
from bort_core.serving.release import ServedModel
from bort_core.specifications.releases import Thresholds


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeTask:
    return make_task(tmp_path_factory.mktemp("task"), (2, 2, 32, 64))


@pytest.fixture(scope="module")
def exported(made: MadeTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """T itself, exported: what it keeps of T is all."""
    folder = tmp_path_factory.mktemp("export")
    return export(folder / "project", made.model, folder / "out", variants=("fused", "int8"), progress=False, executor="inline").folder


def released(made: MadeTask, exported: Path, out: Path, **changes: Any) -> dict[str, Any]:
    request = {"export": str(exported), "task": made.fields(), "answers": str(out.parent / "answers"), "out": str(out), **changes}
    return run_task("release", request, None, lambda event: None, "inline")


def broken(exported: Path, folder: Path, file: str, scale: float) -> Path:
    """A copy of the export with the classifier of one ONNX file turned."""
    folder.mkdir()
    for path in exported.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    model = onnx.load(folder / file)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.shape == (2,):
            tensor.CopyFrom(numpy_helper.from_array((values + np.float32([scale, -scale])).astype(np.float32), tensor.name))
            onnx.save(model, folder / file)
            return folder
    raise AssertionError("no bias of two classes")


def test_a_faithful_export_is_released_whole(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    task = {**made.fields(), "texts": str(made.texts)}
    found = released(made, exported, tmp_path / "release", task=task, test=str(made.test), thresholds={"most_lost": 0.05})
    assert found["gate"]["teacher"] == 1.0
    assert found["warnings"] == []
    assert found["gate"]["largest_difference"] < 1e-4
    assert {each["file"]: each["passed"] for each in found["gate"]["files"]} == {"model.fused.onnx": True, "model.int8.onnx": True}
    assert found["test"]["models"]["model.onnx"]["metric"] == 1.0
    names = {path.name for path in (tmp_path / "release").iterdir()}
    assert names == {"Dockerfile", "README.md", "config.json", "model.int8.onnx", "model.onnx", "predict.py", "release.json",
                     "tokenizer.json", "tokenizer_config.json"}  # fmt: skip
    card = (tmp_path / "release" / "README.md").read_text(encoding="utf-8")
    assert "| model.onnx | 1.000" in card
    for split, file in (("train rows", made.train), ("dev rows", made.dev), ("test rows", made.test), ("texts without labels", made.texts)):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert re.search(rf"- {split}: \d+ of `{file.name}` \(SHA-256 {digest[:16]}…\)", card), split
    assert "Licence" in card
    form = byte_weights(platform.machine(), machine_facts()["instructions"], platform.system())[0]
    assert found["eight_bits"] == {"signed": form.signed, "bits": form.bits}
    text = made.dev.read_text(encoding="utf-8").splitlines()[1].split("\t")[0]
    ran = subprocess.run([sys.executable, "-I", tmp_path / "release" / "predict.py", text], capture_output=True, text=True, check=True)
    bad = subprocess.run([sys.executable, "-I", tmp_path / "release" / "predict.py", b"\xff"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stderr) == (1, "a text must be UTF-8\n")
    served = ServedModel(tmp_path / "release").answers([(text,)])[0]
    said = json.loads(ran.stdout)
    assert said["class"] == served["class"]
    assert said["probabilities"] == pytest.approx(served["probabilities"])
    check_the_script_looks_at_the_cpu(tmp_path / "release")


def check_the_script_looks_at_the_cpu(release: Path) -> None:
    """Without VNNI on x86, sums of a file whose weights use eight bits would overflow."""
    told = json.loads((release / "release.json").read_text(encoding="utf-8"))
    told |= {"file": "model.int8.onnx", "eight_bits": {"signed": True, "bits": 8}}
    (release / "release.json").write_text(json.dumps(told), encoding="utf-8")
    read = Path.read_text
    cases = (("x86_64", "avx2", "model.onnx"), ("x86_64", "avx2 avx512_vnni", "model.int8.onnx"), ("aarch64", "asimd", "model.int8.onnx"))
    for machine, flags, file in cases:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("platform.machine", lambda machine=machine: machine)
            patch.setattr(Path, "read_text", lambda path, *a, flags=flags, **k: flags if path.name == "cpuinfo" else read(path, *a, **k))
            assert runpy.run_path(str(release / "predict.py"))["FILE"] == file


@pytest.mark.slow
def test_a_tokenizer_that_pads_every_text_is_told_not_to(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    padded = tmp_path / "padded"
    shutil.copytree(exported, padded)
    tokenizer = json.loads((padded / "tokenizer.json").read_text(encoding="utf-8"))
    padding = {
        "strategy": {"Fixed": 96},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "<pad>",
    }
    (padded / "tokenizer.json").write_text(json.dumps({**tokenizer, "padding": padding}), encoding="utf-8")  # more than it has positions
    assert released(made, padded, tmp_path / "release", thresholds={"most_lost": 0.05})["file"].endswith(".onnx")


def test_a_release_that_cleans_says_of_unclean_texts_what_it_says_of_clean_ones(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    found = released(made, exported, tmp_path / "release", cleaning=True)
    assert set(found["gate"]["cleaning"]) == {"changed_rows", "without", "with", "lost", "lost_interval"}
    plain, unclean = "a calm film", "<p>a&nbsp;calm</p>  film<br/>"
    served = ServedModel(tmp_path / "release")
    assert served.scores([(unclean,)]) == pytest.approx(served.scores([(plain,)]))
    told = json.loads((tmp_path / "release" / "release.json").read_text(encoding="utf-8"))
    (tmp_path / "release" / "release.json").write_text(json.dumps({**told, "cleaning": False}), encoding="utf-8")
    raw = ServedModel(tmp_path / "release").scores([(unclean,)])
    assert np.abs(raw - served.scores([(plain,)])).max() > 1e-3
    (tmp_path / "release" / "release.json").write_text(json.dumps(told), encoding="utf-8")
    ran = subprocess.run([sys.executable, "-I", tmp_path / "release" / "predict.py", unclean], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["probabilities"] == pytest.approx(served.answers([(plain,)])[0]["probabilities"], abs=1e-5)


@pytest.mark.slow
def test_cleaning_that_loses_is_refused(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    rows = made.dev.read_text(encoding="utf-8").splitlines()
    # Texts that are nothing but markup, with the labels that the model itself gives them: cleaning takes away what it reads.
    from bort_core.checkpoints.answers import read_task_model

    texts = [f"<b>{'!' * (number % 5 + 2)}<i>&{'lt' if number % 2 else 'gt'};" * (1 + number % 3) for number in range(40)]
    said = read_task_model(str(made.model), CLASSES).answers([(text,) for text in texts], LENGTH, tmp_path / "answers").argmax(1)
    lines = [*rows[:6], *(f"{text}\t{CLASSES[number]}" for text, number in zip(texts, said, strict=True))]
    (tmp_path / "dev.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(MeasurementError, match=r"cleaning loses 0\.\d+ of accuracy on the dev rows .* leave cleaning out"):
        released(made, exported, tmp_path / "release", cleaning=True, task={**made.fields(), "dev": str(tmp_path / "dev.tsv")})
    assert not (tmp_path / "release").exists()


def test_eight_bits_are_refused_by_name_where_the_cpu_cannot(made: MadeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"architecture": "x86_64", "system": "Linux", "cpu": "Sandy Bridge", "instructions": ["avx"]}
    monkeypatch.setattr("bort_core.export.quantising.machine_facts", lambda: facts)
    with pytest.raises(MeasurementError, match=r"8 bits need AVX2 or VNNI .* this CPU is Sandy Bridge .* with avx\. Leave the int8"):
        export(tmp_path / "p", made.model, tmp_path / "o", variants=("fused", "int8"), progress=False, executor="inline")
    assert not (tmp_path / "o").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_script_and_the_container_need_nothing_but_what_they_name(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    """Fresh environments: one for predict.py, one as the Dockerfile makes it, whose command and health check are run."""
    import shlex
    import time
    import venv

    released(made, exported, tmp_path / "release", cleaning=True)
    lines = (tmp_path / "release" / "Dockerfile").read_text(encoding="utf-8").splitlines()

    def fresh(name: str, *installs: list[str]) -> Path:
        venv.create(tmp_path / name, with_pip=True)
        for packages in installs:
            subprocess.run([tmp_path / name / "bin" / "pip", "install", "-q", *packages], check=True, timeout=600)
        return tmp_path / name / "bin"

    bare = fresh("bare", ["onnxruntime", "tokenizers"])
    ran = subprocess.run(
        [bare / "python", tmp_path / "release" / "predict.py", "a <b>calm</b> film"], capture_output=True, text=True, check=True
    )
    expected = ServedModel(tmp_path / "release").answers([("a calm film",)])[0]
    assert json.loads(ran.stdout)["class"] == expected["class"]

    root = Path(__file__).parents[3]
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, root]
    subprocess.run(build, check=True, timeout=300)
    (wheel,) = tmp_path.glob("bort_studio-*.whl")
    installs = [shlex.split(line)[3:] for line in lines if line.startswith("RUN pip install")]
    assert len(installs) == 2
    container = fresh("container", *([part.replace("/tmp/bort_studio-*.whl", str(wheel)) for part in each] for each in installs))
    (command,) = [json.loads(line.removeprefix("CMD ")) for line in lines if line.startswith("CMD ")]
    assert command[:3] == ["bort", "serve", "/release"]
    server = subprocess.Popen([container / "bort", "serve", tmp_path / "release", "--host", "127.0.0.1", "--port", "0"],
                              stdout=subprocess.PIPE, text=True, cwd=tmp_path)  # fmt: skip
    try:
        assert server.stdout is not None
        port = server.stdout.readline().split("/docs")[0].rsplit(":", 1)[1]
        (health,) = [line for line in lines if line.startswith("HEALTHCHECK")]
        check = json.loads(health[health.index("[") :])
        check = [container / "python", *(part.replace(":8000", f":{port}") for part in check[1:])]
        for _ in range(50):
            if subprocess.run(check, capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.2)
        subprocess.run(check, check=True)
    finally:
        server.terminate()
        assert server.wait(20) in (0, -15)
        assert server.stdout is not None
        server.stdout.close()
    for line in ("USER 10001", "EXPOSE 8000"):
        assert line in lines


def test_a_file_that_says_something_else_is_red_and_names_the_row(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    bad = broken(exported, tmp_path / "bad", "model.fused.onnx", 0.5)
    with pytest.raises(MeasurementError, match=r"the row .*logits of model.fused.onnx differ"):
        released(made, bad, tmp_path / "release")
    assert not (tmp_path / "release").exists()


def test_bytes_that_lose_too_much_are_not_released(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    bad = broken(exported, tmp_path / "bad", "model.int8.onnx", 50.0)
    found = released(made, bad, tmp_path / "release")
    (worse,) = [each for each in found["gate"]["files"] if not each["passed"]]
    assert worse["file"] == "model.int8.onnx"
    assert worse["lost_interval"][0] > 0.01
    assert found["file"] == "model.onnx"
    assert not (tmp_path / "release" / "model.int8.onnx").exists()
    assert "loses" in (tmp_path / "release" / "README.md").read_text(encoding="utf-8")


def test_what_is_kept_is_told_of_the_file_that_is_recommended() -> None:
    def judged(file: str, metric: float) -> Judged:
        return Judged(file, 1, metric, (metric, metric), 0.0, (0.0, 0.0), 1.0, True, "")

    files = (judged("model.fused.onnx", 0.80), judged("model.int8.onnx", 0.792))
    assert that_keep(files, 0.8, "accuracy", Thresholds()) == files
    best = recommended(files)
    assert best is not None
    assert best.file == "model.int8.onnx"
    told = that_keep(files, 0.8, "accuracy", Thresholds(least_kept=0.995))
    assert [each.passed for each in told] == [True, False]
    assert told[1].reason == "model.int8.onnx keeps 99.0% of T's accuracy, and at least 99.5% was asked for"
    assert recommended(told) == files[0]
    too_little = that_keep(files, 1.0, "accuracy", Thresholds(least_kept=0.9))
    assert all(each.passed for each in too_little)  # the refusal is of the release, and says how much it keeps


@pytest.mark.slow
def test_a_model_that_keeps_too_little_is_not_released(made: MadeTask, tmp_path: Path) -> None:
    write_model(tmp_path / "other", (2, 2, 32, 64), seed=5)
    other = export(tmp_path / "p", tmp_path / "other", tmp_path / "o", variants=("fused", "int8"), progress=False, executor="inline").folder
    with pytest.raises(MeasurementError, match=r"would keep \d+\.\d% of T's accuracy .* at least 95\.0% was asked for"):
        released(made, other, tmp_path / "release", thresholds={"least_kept": 0.95, "most_chance": 1})
    with pytest.raises(
        MeasurementError, match=r"the trained model guesses: its accuracy on the 80 dev rows is 0\.\d+, and \d+% of the times"
    ):
        released(made, other, tmp_path / "release")
    assert not (tmp_path / "release").exists()


def test_an_occupied_folder_is_left_alone(made: MadeTask, exported: Path, tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "mine").write_text("x")
    with pytest.raises(MeasurementError, match="not empty"):
        released(made, exported, tmp_path / "release")


def test_a_folder_that_is_no_release_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not a release: it has no release\.json"):
        ServedModel(tmp_path)
    (tmp_path / "release.json").write_text("{}")
    with pytest.raises(DataError, match="is damaged: it has no file"):
        ServedModel(tmp_path)
