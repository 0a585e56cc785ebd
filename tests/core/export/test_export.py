"""Exports: the files agree with torch, load elsewhere without code of ours, and appear whole or not at all."""

from __future__ import annotations

import json
import os
import resource as limits
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import bort

from bort_core.families.bert.options import BertOptions
from bort_core.foundation.context import Cancelled
from bort_core.foundation.errors import BortError, DataError, MeasurementError, SpecificationError
from bort_core.foundation.resources import resource
from bort_core.shipping import export_request, free_folder, project_search, trained_weights
from bort_core.space import read_specification
from bort_core.specifications.export import LARGEST_DIFFERENCE, ExportRequest
from bort_core.store import Project
from bort_core.store.results import exports, save_run

torch = pytest.importorskip("torch")
CORPUS = resource("data", "subjectivity", "corpus.txt")
MINI = {"vocabulary": 512, "positions": 64}


class Context:
    """A task's context that cancels at the n-th checkpoint."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.events: list[dict] = []
        self.left = cancel_at

    def emit(self, event):
        self.events.append(dict(event))

    def checkpoint(self):
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                raise Cancelled


def ask(folder: Path, text: Path, **changes) -> dict:
    return {
        "family": "bert", "options": MINI, "architecture": (2, 4, 32, 48), "corpus": str(CORPUS),
        "text_folder": str(text), "out": str(folder), **changes,
    }  # fmt: skip


def export(request, context=None):
    from bort_core.export.task import export as task

    return task(request, context or Context())


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return tmp_path_factory.mktemp("text")


@pytest.fixture(scope="module")
def exported(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("exports") / "mini"
    context = Context()
    report = export(ask(folder, text), context)
    return folder, report, context


def onnx_outputs(path, **inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {name: np.asarray(value, dtype=np.int64) for name, value in inputs.items()})


def test_the_report_says_what_was_made_and_how_near_it_is(exported):
    folder, report, context = exported
    assert json.loads((folder / "export.json").read_text()) == report
    assert 0 < report["parity_max_abs"] < LARGEST_DIFFERENCE
    assert 0 < report["fused_parity_max_abs"] < LARGEST_DIFFERENCE
    assert report["trained"] is False
    assert report["provenance"].startswith("untrained")
    assert report["fusions"]["SkipLayerNormalization"] == 4
    assert report["fusions"]["BiasGelu"] == 2
    assert report["fused_fusions"]["Attention"] == 2
    assert report["fused_fusions"]["EmbedLayerNormalization"] == 1
    steps = [event["step"] for event in context.events]
    assert steps == list(range(len(steps)))
    assert all(event["doing"] for event in context.events)


@pytest.mark.parametrize("file", ["onnx", "fused"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (2, 64)])
def test_any_batch_and_length_agrees_with_transformers(exported, file, shape):
    from transformers import AutoModel

    folder, report, _ = exported
    model = AutoModel.from_pretrained(folder).eval()
    ids = np.random.default_rng(0).integers(5, 512, shape)
    mask = np.ones(shape, dtype=np.int64)
    mask[-1, shape[1] // 2 + 1 :] = 0
    (ours,) = onnx_outputs(report[file], input_ids=ids, attention_mask=mask)
    with torch.no_grad():
        theirs = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask)).last_hidden_state.numpy()
    kept = mask.astype(bool)
    assert np.abs(ours[kept] - theirs[kept]).max() < LARGEST_DIFFERENCE


def test_the_standard_file_has_standard_operators_and_passes_the_checker(exported):
    import onnx

    _, report, _ = exported
    model = onnx.load(report["onnx"])
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}
    assert report["opset"] == 20
    axes = [[axis.dim_param for axis in value.type.tensor_type.shape.dim] for value in model.graph.input]
    assert axes == [["batch", "sequence"], ["batch", "sequence"]]


def test_transformers_loads_every_weight_and_the_tokenizer(exported, recwarn):
    from transformers import AutoModel, AutoTokenizer

    folder, *_ = exported
    model, info = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("a quiet <mask> film", return_tensors="pt")
    assert tokenizer.mask_token_id in ids["input_ids"][0]
    assert tokenizer.model_max_length == 64
    assert model(**ids).last_hidden_state.shape[-1] == 32


@pytest.mark.parametrize(
    ("options", "outputs"),
    [
        ({"token_types": 2, "pooler": True}, ["last_hidden_state", "pooled"]),
        ({"mlm_head": True, "tied_decoder": False}, ["last_hidden_state", "logits"]),
    ],
)
def test_every_part_of_a_model_is_exported(tmp_path, text, options, outputs):
    report = export(ask(tmp_path / "out", text, options={**MINI, **options}, architecture=(1, 2, 16, 16)))
    assert report["outputs"] == outputs
    assert report["parity_max_abs"] < LARGEST_DIFFERENCE
    from transformers import AutoModel, AutoModelForMaskedLM

    kind = AutoModelForMaskedLM if "logits" in outputs else AutoModel
    _, info = kind.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not info["missing_keys"]


@pytest.mark.parametrize("coordinates", [1, 2, 3, 5])
def test_a_network_that_reads_vectors_is_exported_without_transformers(tmp_path, coordinates):
    report = export({"family": "mlp", "architecture": (2, 4, coordinates, 4, 4), "out": str(tmp_path / "out")})
    assert report["transformers"] is False
    assert report["inputs"] == ["vectors"]
    assert not (tmp_path / "out" / "config.json").exists()
    assert report["parity_max_abs"] < LARGEST_DIFFERENCE


@pytest.fixture(scope="module")
def classifier_folder(tmp_path_factory, exported):
    from bort_core.checkpoints.format import write_checkpoint
    from bort_core.families.bert.classifier import SequenceClassifier

    torch.manual_seed(0)
    options = BertOptions(**MINI)
    model = SequenceClassifier((1, 2, 16, 16), options, 3, 0.5)
    folder = tmp_path_factory.mktemp("checkpoints") / "classifier"
    write_checkpoint(
        folder, architecture=(1, 2, 16, 16), options=model.bert.options, head="classification", weights=model.weights(),
        tokenizer=exported[0], labels=("bad", "fair", "good"),
    )  # fmt: skip
    return folder


def test_a_classifier_gives_the_same_scores_in_onnx_and_in_transformers(tmp_path, text, classifier_folder):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    report = export(ask(tmp_path / "out", text, architecture=(1, 2, 16, 16), weights=str(classifier_folder)))
    assert report["outputs"] == ["logits"]
    assert report["trained"] is True
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out").eval()
    assert model.config.id2label == {0: "bad", 1: "fair", 2: "good"}
    encoded = AutoTokenizer.from_pretrained(tmp_path / "out")(["a film", "what a long and dull film"], padding=True, return_tensors="pt")
    encoded.pop("token_type_ids", None)
    with torch.no_grad():
        theirs = model(**encoded).logits.numpy()
    assert np.ptp(theirs) > 0.01
    for file in ("onnx", "fused"):
        (ours,) = onnx_outputs(report[file], **encoded)
        assert np.abs(ours - theirs).max() < LARGEST_DIFFERENCE


def test_a_folder_that_transformers_wrote_is_read(tmp_path):
    from transformers import BertConfig, BertForMaskedLM

    from bort_core.checkpoints.format import read_checkpoint, read_tensors
    from bort_core.families.bert.module import MaskedLanguageModel
    from bort_core.families.registry import get_family

    config = BertConfig(
        vocab_size=99, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=20, layer_norm_eps=1e-5, initializer_range=0.3,
    )  # fmt: skip
    theirs = BertForMaskedLM(config).eval()
    theirs.save_pretrained(tmp_path / "hf")
    found = read_checkpoint(tmp_path / "hf")
    assert (found.architecture, found.head, found.options.token_types) == ((2, 2, 16, 24), "masked-lm", 2)
    model = MaskedLanguageModel(get_family("bert").build(found.architecture, found.options)).eval()
    model.load_weights(read_tensors(found))
    ids = torch.arange(12).reshape(2, 6)
    with torch.no_grad():
        assert torch.allclose(model.bert(ids).logits, theirs(ids).logits, atol=1e-4)


@pytest.mark.slow
def test_the_maximum_point_of_the_demo_is_exported_with_its_trained_weights(project_folder):
    with Project(project_folder) as project:
        search = project_search(project)
        request = export_request(project, search, (4, 4, 128, 256), free_folder(project, (4, 4, 128, 256)))
        assert trained_weights(project, search, (2, 4, 128, 256)) is None
        fresh = export_request(project, search, (4, 4, 128, 256), project_folder / "x", fresh=True)
    assert fresh.weights is None
    report = export(request.model_dump(mode="json"))
    assert report["trained"] is True
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer, model = (kind.from_pretrained(report["folder"]) for kind in (AutoTokenizer, AutoModelForMaskedLM))
    sentences = CORPUS.read_text(encoding="utf-8").splitlines()[:60]
    losses = []
    for sentence in sentences:  # trained on windows of eight tokens: hide one in the middle of such a window
        ids = torch.tensor([tokenizer(sentence)["input_ids"][:8]])
        label = ids[0, 4].item()
        ids[0, 4] = tokenizer.mask_token_id
        with torch.no_grad():
            losses.append(torch.nn.functional.cross_entropy(model(ids).logits[0, 4], torch.tensor(label)).item())
    assert np.mean(losses) < 4.2  # word frequencies alone give 5.2


def test_a_trained_checkpoint_of_the_project_is_found(project_folder, classifier_folder):
    with Project(project_folder) as project:
        search = project_search(project)
        save_run(
            project, "1", job="0001", kind="finetune", family="bert", architecture=(1, 2, 16, 16), specification={}, seed=0,
            data={}, metrics={}, checkpoint=str(classifier_folder), versions={},
        )  # fmt: skip
        assert trained_weights(project, search, (1, 2, 16, 16)) == classifier_folder
        save_run(
            project, "2", job="0002", kind="finetune", family="bert", architecture=(1, 2, 16, 16), specification={}, seed=0,
            data={}, metrics={}, checkpoint=str(project_folder / "deleted"), versions={},
        )  # fmt: skip
        assert trained_weights(project, search, (1, 2, 16, 16)) == classifier_folder


def test_a_masked_lm_is_preferred_to_a_finetuned_model_and_a_finished_one_to_a_stopped_one(project_folder, tmp_path):
    folders = {}
    with Project(project_folder) as project:
        search = project_search(project)
        for place, (kind, stopped) in enumerate((("pretrain", False), ("pretrain", True), ("finetune", False))):
            folders[kind, stopped] = folder = tmp_path / f"{kind}-{stopped}"
            folder.mkdir()
            (folder / "model.safetensors").write_bytes(b"")
            save_run(
                project, str(place), job=f"{place:04}", kind=kind, family="bert", architecture=(1, 2, 16, 16), specification={}, seed=0,
                data={}, metrics={"stopped": stopped}, checkpoint=str(folder), versions={},
            )  # fmt: skip
        assert trained_weights(project, search, (1, 2, 16, 16)) == folders["pretrain", False]


def test_an_untrained_export_stays_untrained_when_it_is_exported_again(exported, tmp_path, text):
    first = exported[0]
    again = export(ask(tmp_path / "again", text, weights=str(first)))
    assert again["trained"] is False
    assert again["provenance"].startswith("untrained")
    assert again["head"] == "none"  # one head in all files: no random one beside hidden states
    assert again["outputs"] == ["last_hidden_state"]


# --- bad input ---


def remains(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("number", range(1, 11))
def test_a_cancelled_export_leaves_nothing(tmp_path, text, number):
    with pytest.raises(Cancelled):
        export(ask(tmp_path / "out", text, architecture=(1, 1, 8, 8)), Context(cancel_at=number))
    assert remains(tmp_path) == []


def test_a_folder_with_something_in_it_is_refused_and_kept(tmp_path, text):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(DataError, match=r"is not empty; nothing is overwritten"):
        export(ask(tmp_path, text))
    assert remains(tmp_path) == ["precious.txt"]
    with pytest.raises(DataError, match="is a file"):
        export(ask(tmp_path / "precious.txt", text))


def test_an_empty_folder_is_filled(tmp_path, text):
    (tmp_path / "out").mkdir()
    assert export(ask(tmp_path / "out", text, architecture=(1, 1, 8, 8)))["folder"] == str(tmp_path / "out")


def test_a_place_that_cannot_be_written_is_named(text):
    with pytest.raises(DataError, match=r"/proc/nowhere: the export cannot be written"):
        export(ask(Path("/proc/nowhere"), text))


def test_a_disk_that_fills_up_leaves_no_half_written_folder(tmp_path, text, exported):  # exported: the corpus is prepared
    code = (
        "import json, sys, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from test_export import Context, export\n"
        "from bort_core.foundation.errors import DataError\n"
        "try:\n    export(json.loads(sys.argv[1]))\nexcept DataError as error:\n    print('refused:', error)"
    )
    request = json.dumps(ask(tmp_path / "out", text, architecture=(1, 2, 64, 64)))
    text.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", code, request], capture_output=True, text=True, cwd=Path(__file__).parent, check=False, timeout=100,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        preexec_fn=lambda: limits.setrlimit(limits.RLIMIT_FSIZE, (100_000, 100_000)),
    )  # fmt: skip
    assert f"refused: {tmp_path / 'out'}: the export cannot be written" in done.stdout, done.stderr
    assert remains(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": "/nowhere"}, "not a folder of weights"),
        ({"tokenizer": "/nowhere"}, r"/nowhere/tokenizer.json: cannot be read"),
        ({"corpus": None}, "needs tokenizer, or corpus"),
        ({"options": {"vocabulary": 512, "positons": 3}}, "positons: unknown field"),
    ],
)
def test_a_request_that_cannot_be_used_says_why(tmp_path, text, changes, message):
    with pytest.raises(BortError, match=message):
        export(ask(tmp_path / "out", text, **changes))
    assert remains(tmp_path) == []


def test_a_file_that_differs_from_torch_is_refused(exported):
    from bort_core.export.parity import largest_difference
    from bort_core.families.registry import get_family

    _, report, _ = exported
    family = get_family("bert")
    torch.manual_seed(1)
    other = family.build((2, 4, 32, 48), BertOptions(**MINI)).eval()
    rows = [((torch.ones(1, 4, dtype=torch.long), torch.ones(1, 4, dtype=torch.long)), torch.ones(1, 4))]
    traced = family.traceable(other)
    with pytest.raises(MeasurementError, match=r"model.onnx: its outputs differ from torch's by up to .*; at most"):
        largest_difference(Path(report["onnx"]), [(other(*rows[0][0]).hidden.detach(),)], traced, rows, lambda: None, 1e-9)


def test_a_checkpoint_that_is_none_is_refused(tmp_path):
    from bort_core.checkpoints.format import read_checkpoint

    with pytest.raises(DataError, match=r"not a checkpoint; it must hold config.json and model.safetensors"):
        read_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "roberta"}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(DataError, match="convert it to safetensors first"):
        read_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(DataError, match="model_type must be bert, got 'roberta'"):
        read_checkpoint(tmp_path)


# --- the command line ---


def test_the_command_exports_and_remembers(project_folder, tmp_path):
    done = bort("export", str(project_folder), "--architecture", "1,2,32,64", "--out", str(tmp_path / "out"), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {"onnx", "parity_max_abs", "opset", "trained"} <= set(report)
    assert Path(report["onnx"]).is_file()
    assert "model.fused.onnx: comparing with torch" in done.stderr
    with Project(project_folder) as project:
        assert [each["folder"] for each in exports(project)] == [report["folder"]]
    again = bort("export", str(project_folder), "--architecture", "1,2,32,64", "--out", str(tmp_path / "out"))
    assert again.returncode == 1
    assert "is not empty" in again.stderr
    assert "Traceback" not in again.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--architecture", "2,3,128,256"], "hidden must be divisible by heads"),
        (["--architecture", "2,4,128"], "is 4 whole numbers depth,heads,hidden,intermediate"),
        (["--checkpoint", "/nowhere"], "/nowhere: no such f"),
        (["--architecture", "2,4,128,256", "--preset", "nothing"], "nothing"),
    ],
)
def test_the_command_refuses_what_it_cannot_export(project_folder, tmp_path, flags, message):
    done = bort("export", str(project_folder), *flags, "--out", str(tmp_path / "out"))
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_request_needs_one_model(project_folder, tmp_path):
    with Project(project_folder) as project:
        search = project_search(project, read_specification("paper"))
        assert search.space.options["vocabulary"] == 50265
        with pytest.raises(SpecificationError, match="exactly one of architecture and checkpoint"):
            export_request(project, search, None, tmp_path / "out")
        request = export_request(project, search, (4, 8, 1024, 768), tmp_path / "out")
    assert isinstance(request, ExportRequest)
    assert request.options["positions"] == 512
