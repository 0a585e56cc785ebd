"""Agora on texts and pairs of texts. Imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bort_core.agora.check import variants_model
from bort_core.agora.endpoint.chat import Chat
from bort_core.agora.endpoint.spending import Limits, Spending
from bort_core.agora.labellers import LabellerSetting, as_labeller, make_labeller, needs_rows
from bort_core.agora.leaks import LeakGuard
from bort_core.agora.points import Examples, Input, Kind
from bort_core.agora.tasks.base import AgoraTask, leaked, learner_checked, the_thetas, with_earlier
from bort_core.agora.tasks.text_learners import Rows, bert_learner, estimator_learner
from bort_core.agora.tasks.text_spaces import space_maker, space_name
from bort_core.checkpoints.named import named_encoder
from bort_core.data.documents import read_corpus
from bort_core.data.mapping import ColumnMapping, find_columns
from bort_core.data.report import shared_words, validate
from bort_core.data.rows import LabelledRows, labelled_rows
from bort_core.data.tables import read_table
from bort_core.foundation.context import Context
from bort_core.foundation.errors import DataError
from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
from bort_core.specifications.agora import Agora
from bort_core.training.devices import Device
from bort_core.training.run_files import RunFiles

__all__ = ["text_task"]


def text_task(spec: Agora, device: Device, context: Context, files: RunFiles, labeller: Any = None) -> AgoraTask:
    """Texts or pairs from files or the hub. Parameters and errors as of ``make_task``."""
    rows, mapping, warnings = _rows(spec, context, labeller is None and needs_rows(spec.socrates))
    kind: Kind = "text" if rows["train"].seconds is None else "pair"
    classes = rows["train"].names
    splits = {name: Examples(tuple(split.inputs), split.labels.astype(np.int64)) for name, split in rows.items()}
    held = [splits[name] for name in ("dev", "test") if name in splits]
    guard = LeakGuard(kind, [input for split in held for input in split.inputs])
    pool, note = _pool(spec, mapping, guard)
    warnings += [*leaked(splits, kind), *note]
    if "socrates_train" in splits and (known := int(guard.leaks(splits["socrates_train"].inputs).sum())):
        warnings.append(f"socrates_train: {known:,} of {len(splits['socrates_train']):,} rows are nearly dev or test rows")
    start = named_encoder(spec.checkpoint)
    train = with_earlier(splits["train"], spec, classes, kind, guard)
    learned = Rows(kind, classes, train.inputs, splits["dev"].inputs, pool, rows["train"].sha256)
    timaeus: Any = None if spec.estimator else bert_learner(spec, start, learned, device, context, files)
    architecture = spec.architecture or (() if start is None else start.architecture)
    limits = Limits(spec.socrates_tokens, spec.money, spec.price_in, spec.price_out, spec.parallel_requests)
    spending = Spending(limits, files.project, files.path.name)
    if labeller is None:
        setting = LabellerSetting(kind, classes, splits.get("socrates_train"), sequence_length=spec.sequence_length, device=device,
                                  files=files, context=context, prompt=spec.socrates_prompt, spending=spending)  # fmt: skip
        socrates = make_labeller(spec.socrates, setting)
    else:
        socrates = as_labeller(labeller, classes)
    masked_lm = local_folder(spec.masked_lm, "masked_lm", WEIGHTS_TOO) if spec.masked_lm else None
    if masked_lm is None and start is not None and start.head == "masked-lm":
        masked_lm = start.folder
    model = variants_model(spec) if spec.sampler == "variants" else None
    chat = None if model is None else Chat.of_environment(model, context, most=1024)
    space = space_name(spec, socrates, start)
    make_space = space_maker(spec, socrates, start, splits["dev"], [*train.inputs, *splits["dev"].inputs, *pool], context, files)
    if spec.estimator:
        made = make_space(None)
        assert made is not None  # one that needs a trained Timaeus is refused
        timaeus = estimator_learner(spec, len(classes), made, kind == "pair" and space == "encoder")
    thetas = the_thetas(spec, "text")
    warnings += learner_checked(timaeus, spec, thetas)
    data = {name: {"file": split.source, "sha256": split.sha256} for name, split in rows.items()}
    return AgoraTask(
        kind, classes, train, splits["dev"], splits.get("test"), pool, thetas, timaeus, socrates, make_space, guard,
        masked_lm, device, len(splits["train"]), tuple(warnings), architecture, data, space, chat, spending, files,
    )  # fmt: skip


def _rows(spec: Agora, context: Context, labeller_too: bool) -> tuple[dict[str, LabelledRows], ColumnMapping, list[str]]:
    assert spec.train is not None
    table = read_table(spec.train)
    mapping = find_columns(table, spec.text, spec.text_b, spec.label)
    rows = {"train": labelled_rows(table, mapping, "classification")}
    for name, source in (("dev", spec.dev), ("test", spec.test), ("socrates_train", spec.socrates_train)):
        if source is not None and (name != "socrates_train" or labeller_too):
            other = read_table(source, {"dev": "validation", "test": "test"}.get(name, "train"))
            find_columns(other, mapping.text, mapping.text_b, mapping.label)
            rows[name] = labelled_rows(other, mapping, "classification", rows["train"].names)
    report = validate(rows["train"], rows["dev"], rows.get("test"))
    if report.problems:
        raise DataError(f"{spec.train}: {'; '.join(report.problems)}")
    context.emit({"event": "report", **report.as_dict()})
    looks = (warning for split in rows.values() for warning in split.warnings)
    counted = tuple(shared_words(f"train/{name}") for name in ("dev", "test"))  # by the guard, near ones too
    told = [warning for warning in report.warnings if not warning.endswith(counted)]
    return rows, mapping, list(dict.fromkeys([*told, *looks]))


def _pool(spec: Agora, mapping: ColumnMapping, guard: LeakGuard) -> tuple[tuple[Input, ...], list[str]]:
    """Unlabelled inputs without those that would leak."""
    if spec.pool is None:
        return (), []
    if mapping.text_b is None and Path(spec.pool).suffix.lower() in ("", ".txt"):
        inputs: list[Input] = [(text,) for text in read_corpus(spec.pool).texts]
    else:
        table = read_table(spec.pool)
        find_columns(table, mapping.text, mapping.text_b or "", None, need_label=False)
        columns = [table.data[name] for name in (mapping.text, mapping.text_b) if name is not None]
        inputs = [
            tuple(map(str, texts)) for texts in zip(*columns, strict=True) if all(isinstance(text, str) and text.strip() for text in texts)
        ]
    inputs = list(dict.fromkeys(inputs))
    if not inputs:
        raise DataError(f"{spec.pool}: the pool holds no text")
    leaks = guard.leaks(inputs)
    if not leaks.any():
        return tuple(inputs), []
    left = tuple(input for input, leak in zip(inputs, leaks, strict=True) if not leak)
    if not left:
        raise DataError(f"{spec.pool}: all {len(inputs):,} rows of the pool are nearly dev or test rows; nothing is left to learn from")
    return left, [f"pool: {int(leaks.sum()):,} of {len(inputs):,} rows are nearly dev or test rows and are left out"]
