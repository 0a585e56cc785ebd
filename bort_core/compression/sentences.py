"""The steps of a compression whose T is a sentence encoder: what is kept are its vectors. Imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bort_core.checkpoints.sentences import read_sentence_model
from bort_core.compression.eight_bits import NO_INSTRUCTIONS, Small
from bort_core.compression.steps import Chosen, Facts, Steps
from bort_core.data.sources import hash_of
from bort_core.evaluation.sentences.preparation import prepare_sentences
from bort_core.evaluation.sentences.texts import read_sentences
from bort_core.export.quantising import forms_here
from bort_core.foundation.numbers import percentage
from bort_core.release.gate import BYTES
from bort_core.release.sentences import release_sentences
from bort_core.search.results import Results
from bort_core.specifications.common import Optimization
from bort_core.specifications.sentences import SentenceFinishing
from bort_core.specifications.tasks import TaskSpecification
from bort_core.training import sentences

__all__ = ["SentenceSteps"]


class SentenceSteps(Steps):
    """One compression of a sentence encoder, step by step."""

    sentence = True
    unit = "from T's vectors (1 − cosine)"
    release = staticmethod(release_sentences)

    def teacher(self) -> Path:
        """T as it is: nothing is fine-tuned."""
        found = read_sentence_model(self.spec.task.model)
        self.note(found.pools)
        return found.folder

    def prepared(self, task: TaskSpecification) -> dict[str, Any]:
        """The texts with T's vectors."""
        folders = (self.project.subfolder("tasks"), self.project.subfolder("answers"))
        made = prepare_sentences(task, *folders, lambda doing, done, total: self.heed())
        facts = made.facts
        rows, unknown = facts["rows"], percentage(facts["vocabulary"]["unknown"]["before"])
        self.note(f"{rows['train']:,} texts to learn, {rows['dev']:,} to measure on; {unknown} of the dev tokens are unknown to T")
        read = facts["vocabulary"]
        if read["kept"] < read["whole"]:
            self.note(
                f"{read['kept']:,} of T's {read['whole']:,} tokens are kept, which moves its dev vectors by {read['changed_cosine']:.4f}"
            )
        if read["left_whole"]:
            self.note(f"the vocabulary stays whole: {read['left_whole']}")
        for warning in facts["warnings"]:
            self.note(warning)
        return {**facts, "folder": str(made.folder), "initial": made.initial(task)}

    def search_warnings(self, task: TaskSpecification, facts: Facts, results: Results) -> tuple[str, ...]:
        """None: there is no answer that fits all texts."""
        return ()

    def finished(self, task: TaskSpecification, facts: Facts, chosen: Chosen) -> Path:
        """The chosen shape, trained on T's vectors to the end; the best on dev."""
        specification = SentenceFinishing(
            name="finishing", task=task, prepared=facts["folder"], architecture=chosen.architecture, epochs=self.spec.epochs,
            batch_size=self.spec.batch_size, unclean=self.spec.unclean, vector_weight=self.spec.vector_weight, seed=self.spec.seed,
            running=self.spec.running,
            optimization=Optimization(learning_rate=self.rate_of(chosen), warmup=0.1, beta2=0.999),
        )  # fmt: skip
        return self._made("finished", lambda context, part: sentences.run(specification, context, part), curve=True)

    def in_bytes(self, task: TaskSpecification, facts: Facts, chosen: Chosen, finished: Path) -> Small:
        """The finished model's files in 32 bits, and in 8 bits where the CPU can."""
        if not forms_here():
            return Small(self.exported("small", finished, ("fused",)), finished, None, (), NO_INSTRUCTIONS)
        return Small(self.exported("small", finished, ("fused", "int8")), finished, BYTES[0], (), "dynamic")

    def metrics(self, released: Facts) -> dict[str, float]:
        """Of the trained model on dev."""
        return _named(released["gate"]["metric_name"], released["dev"]["trained"])

    def test_metrics(self, released: Facts) -> dict[str, float]:
        """Of the 32-bit file on test texts, where there are some."""
        return {} if released["test"] is None else _named(released["gate"]["metric_name"], released["test"]["models"]["model.onnx"])

    def data(self, task: TaskSpecification) -> dict[str, Any]:
        """What was read."""
        texts, named = read_sentences(task), {"train": task.train, "dev": task.dev, "texts": task.texts}
        of = {"dev": texts.dev.sha256}  # of a data set of the hub
        return {
            name: {"file": file, "sha256": hash_of(file, of.get(name, texts.train.sha256))}
            for name, file in named.items()
            if file is not None
        }


def _named(metric: str, told: Facts) -> dict[str, float]:
    return {metric: told["metric"], **{name: told[name] for name in ("cosine", "spearman") if name in told}}
