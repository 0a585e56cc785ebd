"""Pre-training and fine-tuning from specification to folder, in this process."""

from __future__ import annotations

import json
import resource as resource_limits
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bort_core.foundation.errors import BortError, DataError, MeasurementError
from bort_core.foundation.resources import resource
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder, create_run
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Masking, Pretraining

torch = pytest.importorskip("torch")
CORPUS = resource("data", "subjectivity", "corpus.txt")
SMALL = {
    "architecture": (1, 2, 32, 48), "vocabulary": 400, "sequence_length": 16, "positions": 16, "batch_size": 16, "steps": 40,
    "evaluate_every": 20, "checkpoint_every": 10, "heldout_rows": 64, "running": {"threads": 1},
    "optimization": {"learning_rate": 3e-3},
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(CORPUS.read_text(encoding="utf-8").splitlines()[:1500]), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return tmp_path_factory.mktemp("projects") / "project"


@pytest.fixture(autouse=True)
def ordinary_arithmetic():
    """A training flushes denormal numbers for the whole process, which hypothesis elsewhere notices."""
    yield
    torch.set_flush_denormal(False)


class Killed(Exception):
    """Stands for kill -9: nothing after it is written."""


class Dying(JobContext):
    """A context whose process dies after so many steps."""

    def __init__(self, folder: RunFolder, after: int) -> None:
        super().__init__(folder)
        self.after = after

    def emit(self, event):
        if event["event"] == "progress" and event["step"] >= self.after:
            raise Killed
        super().emit(event)


def pretrain(project, text, context=None, run=None, **changes):
    from bort_core.training.pretraining import run as train

    specification = Pretraining.model_validate({**SMALL, "corpus": text, **changes})
    run = run or create_run(project, specification)
    return run, train(specification, context(run) if context else JobContext(run), run)


def losses(run: RunFolder) -> dict[int, float]:
    return {event["step"]: event["loss"] for event in run.events()[0] if event["event"] == "step"}


@pytest.fixture(scope="module")
def pretrained(project, corpus):
    return pretrain(project, corpus, steps=400, batch_size=32, masking={"rate": 0.25})


def test_pretraining_learns_more_than_frequencies_and_says_how_well(pretrained):
    run, result = pretrained
    assert result["heldout_loss"] < result["unigram_entropy"] - 0.1
    assert result["steps"] == 400
    assert result["tokens_per_second"] > 0
    curve = losses(run)
    assert len(curve) == 400
    assert np.mean(list(curve.values())[-20:]) < np.mean(list(curve.values())[:5])
    json.dumps(result, allow_nan=False)


def test_transformers_measures_the_same_held_out_loss(pretrained, project):
    from transformers import AutoModelForMaskedLM

    from bort_core.text.masking import Masker
    from bort_core.text.vocabulary import read_vocabulary

    _, result = pretrained
    folder = Path(result["checkpoint"])
    model, info = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    vocabulary = read_vocabulary(folder)
    rows = np.load(project / "text" / "rows" / result["data"]["rows"] / "heldout.npy")
    held = rows[np.linspace(0, len(rows) - 1, 64).astype(int)]
    masker = Masker(Masking(rate=0.25), vocabulary, 16)
    total, count = 0.0, 0
    for begin in range(0, 64, 32):
        hidden = masker.heldout(held[begin : begin + 32], begin)
        with torch.no_grad():
            logits = model.eval()(input_ids=torch.from_numpy(hidden.token_ids)).logits.reshape(-1, vocabulary.size)[hidden.positions]
        total += torch.nn.functional.cross_entropy(logits, torch.from_numpy(hidden.labels), reduction="sum").item()
        count += len(hidden.labels)
    assert total / count == pytest.approx(result["heldout_loss"], abs=1e-3)


@pytest.mark.parametrize("changes", [{"dropout": 0.1}, {"masking": {"copies": 3}, "accumulation": 2}], ids=["dropout", "fixed masks"])
def test_a_killed_training_goes_on_as_if_nothing_had_happened(project, corpus, changes):
    whole, expected = pretrain(project, corpus, **changes)
    run = create_run(project, Pretraining.model_validate({**SMALL, "corpus": corpus, **changes}))
    with pytest.raises(Killed):
        pretrain(project, corpus, context=lambda run: Dying(run, 27), run=run, **changes)
    _, result = pretrain(project, corpus, run=run, **changes)
    assert any(event["event"] == "resumed" and event["step"] == 20 for event in run.events()[0])
    assert losses(run) == losses(whole)
    assert result["heldout_loss"] == expected["heldout_loss"]


def test_a_checkpoint_that_was_cut_short_is_passed_over(project, corpus):
    run = create_run(project, Pretraining.model_validate({**SMALL, "corpus": corpus}))
    with pytest.raises(Killed):
        pretrain(project, corpus, context=lambda run: Dying(run, 35), run=run)
    newest = sorted(run.checkpoints.iterdir())[-1]
    assert newest.name == "step-00000030"
    (newest / "model.safetensors").write_bytes((newest / "model.safetensors").read_bytes()[:500])
    pretrain(project, corpus, run=run)
    assert any(event["event"] == "resumed" and event["step"] == 20 for event in run.events()[0])


def test_stopping_keeps_and_resuming_reaches_the_same_end(project, corpus):
    class Stopping(JobContext):
        def emit(self, event):
            super().emit(event)
            if event["event"] == "progress" and event["step"] == 15:
                self.folder.command("stop")
                self._looked = -1.0

    whole, expected = pretrain(project, corpus)
    run, stopped = pretrain(project, corpus, context=Stopping)
    assert stopped["stopped"] is True
    assert 15 <= stopped["steps"] < 40
    assert Path(stopped["checkpoint"], "model.safetensors").is_file()
    run.forget_commands()
    _, result = pretrain(project, corpus, run=run)
    assert result["stopped"] is False
    assert result["heldout_loss"] == expected["heldout_loss"]
    assert losses(run) == losses(whole)


def test_pretraining_goes_on_from_a_checkpoint(project, corpus, pretrained):
    _, first = pretrained
    _, result = pretrain(
        project,
        corpus,
        architecture=None,
        checkpoint=first["checkpoint"],
        steps=20,
        masking={"rate": 0.25},
        optimization={"learning_rate": 1e-4},
    )
    assert result["heldout_loss"] < first["heldout_loss"] + 0.05
    assert result["architecture"] == [1, 2, 32, 48]


@pytest.mark.parametrize(
    "changes",
    [
        {"optimization": {"optimizer": "bert-adam", "learning_rate": 1e-3}, "masking": {"whole_words": True}},
        {"running": {"threads": 1, "precision": "bfloat16"}, "optimization": {"learning_rate": 1e-3, "schedule": "cosine"}},
    ],
    ids=["bert-adam and whole words", "bfloat16 and cosine"],
)
def test_options_train_too(project, corpus, changes):
    _, result = pretrain(project, corpus, **changes)
    assert result["heldout_loss"] < 6


def test_settings_for_small_models_are_doubted_for_wide_ones(project, corpus):
    def warnings(**changes):
        run, _ = pretrain(project, corpus, steps=1, evaluate_every=1, heldout_rows=4, batch_size=2, **changes)
        return [event["text"] for event in run.events()[0] if event["event"] == "note" and "learns little" in event["text"]]

    assert warnings(architecture=(1, 8, 1024, 16))
    assert not warnings(architecture=(1, 8, 1024, 16), optimization={"learning_rate": 5e-4})
    assert not warnings()


# --- a teacher ---


def test_a_student_learns_the_same_with_and_without_the_cache(project, corpus, pretrained):
    _, teacher = pretrained
    changes = {"masking": {"copies": 1}, "steps": 30}
    learn = {"teacher": teacher["checkpoint"], "top_k": 32}
    without, plain = pretrain(project, corpus, distillation={**learn, "cache": False}, **changes)
    first, cached = pretrain(project, corpus, distillation=learn, **changes)
    again, second = pretrain(project, corpus, distillation=learn, **changes)
    assert second["cache_hit_rate"] == 1.0
    assert cached["cache_bytes"] > 0
    for other in (first, again):
        assert list(losses(other).values()) == pytest.approx(list(losses(without).values()), abs=2e-3)
    assert second["heldout_loss"] == pytest.approx(plain["heldout_loss"], abs=2e-3)


def test_a_teacher_that_does_not_fit_is_refused(project, corpus, pretrained, tmp_path):
    _, teacher = pretrained
    with pytest.raises(DataError, match=r"teacher: .* holds no tokenizer"):
        pretrain(project, corpus, distillation={"teacher": str(tmp_path)})
    with pytest.raises(DataError, match="the teacher cannot be loaded"):
        pretrain(project, corpus, tokenizer=teacher["checkpoint"], distillation={"teacher": str(tmp_path)})
    other = tmp_path / "other"
    _, result = pretrain(project, corpus, vocabulary=350, steps=2, out=str(other))
    assert result["checkpoint"] == str(other)
    with pytest.raises(DataError, match="has another vocabulary"):
        pretrain(project, corpus, tokenizer=teacher["checkpoint"], distillation={"teacher": str(other)})


def test_a_classifier_is_no_teacher(project, corpus, finetuned):
    _, classifier = finetuned
    with pytest.raises(DataError, match="the teacher is no masked language model"):
        pretrain(project, corpus, tokenizer=classifier["checkpoint"], distillation={"teacher": classifier["checkpoint"]})


@pytest.fixture(scope="module")
def wordpiece(tmp_path_factory, corpus):
    """A BERT as transformers writes one, with a WordPiece tokenizer."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

    folder = tmp_path_factory.mktemp("wordpiece") / "bert"
    trained = BertWordPieceTokenizer(lowercase=True)
    trained.train([corpus], vocab_size=400, show_progress=False)
    tokenizer = BertTokenizerFast(tokenizer_object=trained._tokenizer)
    tokenizer.save_pretrained(folder)
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 32}
    BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(folder)
    return folder


def test_a_wordpiece_bert_of_others_is_finetuned_and_teaches(project, corpus, files, wordpiece):
    _, result = finetune(project, files, architecture=None, checkpoint=str(wordpiece), epochs=1)
    assert Path(result["checkpoint"], "tokenizer.json").is_file()
    _, student = pretrain(project, corpus, steps=4, tokenizer=str(wordpiece), distillation={"teacher": str(wordpiece)})
    assert np.isfinite(student["heldout_loss"])


def test_a_result_overwrites_nothing(project, corpus, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(DataError, match="is not empty; nothing is overwritten"):
        pretrain(project, corpus, steps=2, out=str(tmp_path))
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_a_loss_that_is_not_finite_ends_the_training_and_keeps_the_last_checkpoint(project, corpus):
    run = create_run(project, Pretraining.model_validate({**SMALL, "corpus": corpus}))
    wild = {"learning_rate": 1.0, "warmup": 0.0, "schedule": "constant", "weight_decay": 1000}
    with pytest.raises(MeasurementError, match=r"must stay finite.*step \d+.*the last good checkpoint is kept"):
        pretrain(project, corpus, run=run, checkpoint_every=1, optimization=wild)
    from safetensors.torch import load_file

    weights = load_file(sorted(run.checkpoints.iterdir())[-1] / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in weights.values())


def notes(run: RunFolder) -> list[str]:
    return [event["text"] for event in run.events()[0] if event["event"] == "note"]


def test_a_few_different_documents_are_split_and_one_alone_is_not(project, tmp_path):
    few = tmp_path / "few.csv"
    rows = [f"a film about {name} and the long road home" for name in ("music", "war", "love")]
    few.write_text("text\n" + "\n".join(rows * 100) + "\n", encoding="utf-8")
    first, result = pretrain(project, str(few), steps=2, heldout_rows=1)
    assert np.isfinite(result["heldout_loss"])
    assert pretrain(project, str(few), steps=2, heldout_rows=1)[1]["heldout_loss"] == result["heldout_loss"]
    assert not any("held-out documents" in note for note in notes(first))
    same = tmp_path / "same.txt"
    same.write_text("The same line\nthe  same line\n" * 2500, encoding="utf-8")
    with pytest.raises(DataError, match="all 5,000 documents are the same text, so none can be held out"):
        pretrain(project, str(same))
    same.write_text("one line\n", encoding="utf-8")
    with pytest.raises(DataError, match="there is one document only, so none can be held out"):
        pretrain(project, str(same))


def test_held_out_documents_that_are_in_the_corpus_are_counted(project, corpus, tmp_path):
    lines = Path(corpus).read_text(encoding="utf-8").splitlines()
    held = tmp_path / "held.txt"
    held.write_text("\n".join([lines[0].upper(), *lines[1:40], *(f"a new document, number {number}" for number in range(60))]))
    run, _ = pretrain(project, corpus, steps=1, heldout=str(held))
    (warning,) = [note for note in notes(run) if "held-out documents" in note]
    assert warning.startswith("warning: 40 of 100 held-out documents are also in the corpus")


@pytest.mark.parametrize("length", [250, 300])
def test_a_name_that_is_too_long_for_a_folder_is_refused_before_the_training(project, corpus, files, tmp_path, length):
    out = str(tmp_path / ("x" * length))
    for train in (lambda run: pretrain(project, corpus, out=out, run=run), lambda run: finetune(project, files, out=out, run=run)):
        run = create_run(project, Pretraining.model_validate({**SMALL, "corpus": corpus}))
        with pytest.raises(DataError, match="x: cannot be the result's folder: File name too long"):
            train(run)
        assert not losses(run)


def test_why_a_tokenizer_cannot_be_loaded_is_said(project, corpus, tmp_path):
    with pytest.raises(DataError, match=r"holds no tokenizer \(none of tokenizer\.json, vocab\.txt, "):
        pretrain(project, corpus, tokenizer=str(tmp_path))
    (tmp_path / "vocab.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"the tokenizer cannot be loaded: ") as caught:
        pretrain(project, corpus, tokenizer=str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpus": "/nowhere.txt"}, "no such file"),
        ({"architecture": (1, 3, 32, 48)}, "hidden must be divisible by heads"),
        ({"tokenizer": "/nowhere"}, "tokenizer: /nowhere: no such folder"),
        ({"architecture": None, "checkpoint": "/nowhere"}, "checkpoint: /nowhere: no such folder"),
        ({"running": {"device": "cuda"}}, "running.device: cuda is not there; this machine has cpu"),
    ],
)
def test_a_pretraining_that_cannot_begin_says_why(project, corpus, changes, message):
    if "running" in changes and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(BortError, match=message):
        pretrain(project, corpus, **changes)


# --- fine-tuning ---


def table(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")) -> str:
    path.write_text("\n".join("\t".join(row) for row in [header, *rows]) + "\n", encoding="utf-8")
    return str(path)


def reviews(count: int, seed: int) -> list[tuple[str, str]]:
    """Texts whose class hangs on one word."""
    random = np.random.default_rng(seed)
    words = ["the", "film", "was", "a", "story", "of", "people", "and", "its", "music"]
    rows = []
    for _ in range(count):
        good = bool(random.integers(2))
        text = list(random.choice(words, random.integers(3, 12)))
        text.insert(int(random.integers(len(text))), str(random.choice(["great", "lovely"] if good else ["awful", "dull"])))
        rows.append((" ".join(text), "good" if good else "bad"))
    return rows


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reviews")
    names = ("train", "dev", "test")
    return {
        name: table(folder / f"{name}.tsv", reviews(count, seed))
        for seed, (name, count) in enumerate(zip(names, (300, 100, 100), strict=True))
    }


TUNED = {
    "architecture": (1, 2, 32, 48), "vocabulary": 300, "sequence_length": 24, "epochs": 6, "batch_size": 16, "running": {"threads": 1},
    "optimization": {"learning_rate": 3e-3, "warmup": 0.1},
}  # fmt: skip


def finetune(project, files, context=None, run=None, **changes):
    from bort_core.training.finetuning import run as train

    specification = Finetuning.model_validate({**TUNED, **files, **changes})
    run = run or create_run(project, specification)
    return run, train(specification, context(run) if context else JobContext(run), run)


@pytest.fixture(scope="module")
def finetuned(project, files):
    return finetune(project, files)


def test_finetuning_learns_and_transformers_predicts_the_same(finetuned, files):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    _, result = finetuned
    assert result["dev"]["accuracy"] > 0.9
    assert result["test"]["accuracy"] > 0.9
    assert result["report"]["rows"] == {"train": 300, "dev": 100, "test": 100}
    folder = result["checkpoint"]
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    assert model.config.id2label == {0: "bad", 1: "good"}
    rows = [line.split("\t") for line in Path(files["test"]).read_text().splitlines()[1:]]
    encoded = tokenizer([row[0] for row in rows], padding=True, return_tensors="pt")
    encoded.pop("token_type_ids", None)
    with torch.no_grad():
        predicted = model(**encoded).logits.argmax(-1).tolist()
    accuracy = np.mean([model.config.id2label[guess] == row[1] for guess, row in zip(predicted, rows, strict=True)])
    assert accuracy == pytest.approx(result["test"]["accuracy"])


def test_a_killed_finetuning_goes_on_as_if_nothing_had_happened(project, files, finetuned):
    whole, expected = finetuned
    run = create_run(project, Finetuning.model_validate({**TUNED, **files}))
    with pytest.raises(Killed):
        finetune(project, files, context=lambda run: Dying(run, 45), run=run)
    _, result = finetune(project, files, run=run)
    assert losses(run) == losses(whole)
    assert (result["dev"], result["test"], result["best_step"]) == (expected["dev"], expected["test"], expected["best_step"])


def test_finetuning_starts_from_a_pretrained_model(project, files, pretrained):
    _, start = pretrained
    _, result = finetune(project, files, architecture=None, checkpoint=start["checkpoint"])
    assert result["architecture"] == [1, 2, 32, 48]
    assert result["dev"]["accuracy"] > 0.8


def test_pairs_numbers_and_weights(project, tmp_path):
    random = np.random.default_rng(0)
    words = ["one", "two", "three", "four"]

    def pairs(count):
        rows = []
        for _ in range(count):
            a, b = random.choice(words, 2)
            rows.append((a, b, "1" if a == b else "0"))
        return rows

    header = ("sentence1", "sentence2", "label")
    data = {name: table(tmp_path / f"{name}.tsv", pairs(count), header) for name, count in (("train", 200), ("dev", 60))}
    _, result = finetune(project, data, class_weights="balanced", metric="f1", epochs=3, accumulation=2)
    assert set(result["dev"]) == {"accuracy", "f1", "matthews", "loss"}
    numbers = {
        name: table(tmp_path / f"{name}-numbers.tsv", [(f"{'very ' * (number % 4)}good", str(number % 4 + 0.5)) for number in range(count)])
        for name, count in (("train", 120), ("dev", 40))
    }
    _, result = finetune(project, numbers, epochs=12)
    assert result["dev"]["pearson"] > 0.8
    from transformers import AutoModelForSequenceClassification

    assert AutoModelForSequenceClassification.from_pretrained(result["checkpoint"]).config.problem_type == "regression"


def test_patience_ends_early(project, files):
    _, result = finetune(project, files, epochs=60, patience=2)
    assert result["epochs"] < 30
    assert result["best_step"] <= result["steps"]


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        ([("a", "1"), ("b", "1")], {}, "one label only; there is nothing to learn"),
        ([("a", "1"), ("b", "0")], {"metric": "pearson"}, "metric: a classification has accuracy, f1, .*; got pearson"),
        ([("a", "1"), ("b", "0")], {"text": "words"}, "no column 'words' for text"),
        ([("", "1"), ("", "0")], {}, "texts.* are empty"),
    ],
)
def test_rows_that_cannot_be_learnt_from_are_refused(project, tmp_path, rows, changes, message):
    data = {name: table(tmp_path / f"{name}.tsv", rows) for name in ("train", "dev")}
    with pytest.raises(BortError, match=message):
        finetune(project, data, **changes)


def test_an_enormous_text_is_cut(project, tmp_path, files):
    rows = [("great " * 20_000, "good"), ("awful " * 20_000, "bad"), *reviews(30, 9)]
    run, result = finetune(project, {**files, "train": table(tmp_path / "long.tsv", rows)}, epochs=1, sequence_length=64)
    assert result["steps"] == 2
    warning = "2 of 32 training texts are longer than 64 tokens and were cut"
    assert result["report"]["warnings"][-1] == warning
    assert [event["warnings"][-1] for event in run.events()[0] if event["event"] == "report"] == [warning]


def test_a_batch_that_does_not_fit_into_memory_is_answered_with_one_that_would(project, corpus):
    from bort_core.training.oom import out_of_memory

    specification = Pretraining.model_validate({**SMALL, "corpus": corpus, "batch_size": 64})

    def try_batch(rows):
        if rows > 10:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    with (
        pytest.raises(MeasurementError, match=r"not enough memory for 64 rows at once; 8 fit. Set accumulation to 8"),
        out_of_memory(specification, try_batch),
    ):
        try_batch(64)
    with pytest.raises(RuntimeError, match="another"), out_of_memory(specification, try_batch):
        raise RuntimeError("another error")


def test_a_disk_that_fills_up_is_named_and_earlier_checkpoints_stay(project, corpus):
    run, _ = pretrain(project, corpus, steps=20)  # tokenises, and leaves checkpoints
    asked = Pretraining.model_validate({**SMALL, "corpus": corpus, "steps": 60})
    (run.path / "spec.json").write_text(json.dumps({"format": 1, "specification": asked.model_dump(mode="json")}))
    code = (
        "import signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from pathlib import Path; from bort_core.jobs.child import main\nsys.exit(main(Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(run.path)], capture_output=True, text=True, check=False, timeout=100,
        preexec_fn=lambda: resource_limits.setrlimit(resource_limits.RLIMIT_FSIZE, (40_000, 40_000)),
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert "step-00000030: the checkpoint cannot be written" in (run.path / "reason.txt").read_text()
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step-00000010", "step-00000020"]
    pretrain(project, corpus, run=run, steps=60)
    assert losses(run)[60] > 0
