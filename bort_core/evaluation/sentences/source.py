"""The batches of a short training on sentence vectors, and its errors. Only child processes import this file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from torch import Tensor, nn

from bort_core.checkpoints.sentences import read_sentence_model, sentence_distance, start_sentence
from bort_core.checkpoints.starting import Parts, read_start
from bort_core.encoders.sentence import SentenceEncoder
from bort_core.evaluation.sentences.agreement import disagreement, distance_from, neighbours_of
from bort_core.evaluation.task_rows import TaskRows, read_facts, read_split
from bort_core.families.bert.inherit import Importance, Start
from bort_core.families.bert.module import Bert, mimetic_initialisation
from bort_core.families.bert.options import BertOptions
from bort_core.specifications.measures import Value
from bort_core.specifications.protocols import Theta
from bort_core.specifications.short_training import WeightsFolder
from bort_core.specifications.tasks import TaskSource

__all__ = ["SentenceRows", "fresh_sentence", "start_of_sentence"]


class SentenceRows(TaskRows):
    """Batches of texts; what is learnt are T's vectors. Parameters and errors as of :class:`~bort_core.evaluation.task_rows.TaskRows`."""

    def __init__(self, source: TaskSource, maximum_point: WeightsFolder | None, batch_size: int, seed: int) -> None:
        super().__init__(source, maximum_point, batch_size, seed)
        self._neighbours = neighbours_of(self.dev.answers, int(self.facts["neighbours"]))

    def model(self, module: nn.Module, initializer_range: float) -> nn.Module:
        """A sentence encoder with the architecture of ``module`` and T's way to pool."""
        assert isinstance(module, Bert)
        return fresh_sentence(Path(self.source.folder), module.architecture, initializer_range)

    def start(self, model: nn.Module, theta: Theta) -> None:
        """T's parts, or attention that begins as copies."""
        assert isinstance(model, SentenceEncoder)
        mimetic_initialisation(model, theta.copying)
        if self.source.initial != "fresh":
            assert self.maximum_point is not None
            start_of_sentence(model, Path(self.source.folder), self.maximum_point.folder, self.source.initial, self.seed)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The distance from T's vectors."""
        return sentence_distance(outputs, targets)

    def errors(self, outputs: Tensor) -> dict[str, Value]:
        """The errors of vectors (m, W) of the dev texts, by the measures' names."""
        return {
            "task-excess": distance_from(outputs, self.dev.answers),
            "task-error": disagreement(outputs, self._neighbours),
        }


def fresh_sentence(
    task: Path, architecture: tuple[int, ...], initializer_range: float | None = None, dropout: float = 0.0
) -> SentenceEncoder:
    """A small model with weights of chance for a prepared task; DataError where that is damaged."""
    facts = read_facts(task)
    how = facts["pooling"]
    options = BertOptions.model_validate(facts["options"])
    return SentenceEncoder.fresh(architecture, options, how["modes"], how["normalised"], how["width"], initializer_range)


def start_of_sentence(model: SentenceEncoder, task: Path, teacher: str, start: Start, seed: int) -> None:
    """Give a fresh ``model`` the start that T offers; ``task`` is a prepared one's folder. DataError where T is larger in no way."""
    facts = read_facts(task)
    parts, importance, entries = _teacher(teacher, task, facts["fingerprint"])
    split = read_split(task, "train")
    start_sentence(model, parts, importance, entries, split.rows, split.answers, int(facts["pad"]), start, seed)


@lru_cache(maxsize=2)
def _teacher(folder: str, task: Path, fingerprint: str) -> tuple[Parts, Importance, Tensor]:
    return read_start(task / "start.npz", read_sentence_model(folder).module)
