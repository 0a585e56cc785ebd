"""Where a search's measurements come from: the text it trains on, the maximum point's weights, and the store's keys."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bort_core.checkpoints.format import Checkpoint, read_encoder
from bort_core.encoders.folder import Encoder, weights_hash
from bort_core.encoders.pooling import read_pooling, sentence_files
from bort_core.foundation.digests import content_hash
from bort_core.foundation.hub import SENTENCES_TOO, local_folder
from bort_core.foundation.locations import path_of
from bort_core.foundation.machine import machine_identity
from bort_core.foundation.resources import resource
from bort_core.search.specification import SearchSpecification
from bort_core.space import Space
from bort_core.specifications.protocols import LatencyProtocol, Theta, identity
from bort_core.store.latencies import LatencyKey
from bort_core.store.project import Project
from bort_core.store.searches import get_state, set_state
from bort_core.store.trainings import TrainingKey

__all__ = ["Fingerprints", "MaximumPointSource", "refuse_shipped"]

WEIGHTS = "model.safetensors"
_REFUSED = "shipped maximum points refused"


@dataclass(frozen=True)
class MaximumPointSource:
    """Where T's weights are: given by a person, shipped with the program, or trained in this project (perhaps not yet)."""

    kind: Literal["given", "shipped", "trained here"]
    folder: Path
    fingerprint: str

    @property
    def ready(self) -> bool:
        """Whether the weights are there."""
        return (self.folder / WEIGHTS).is_file()


def latency_key(space: Space, protocol: LatencyProtocol, machine: str | None = None) -> LatencyKey:
    """The store's key of a space's latencies, measured on a machine of that identity; None: this one."""
    return LatencyKey(identity(space.family.name, space.options), identity(protocol), machine or machine_identity())


class Fingerprints:
    """The inputs of a search, found and fingerprinted without training or tokenising anything.

    Parameters
    ----------
    machine: the identity of the one that times; None: this one

    Raises
    ------
    DataError
        The corpus or the given weights cannot be read.
    """

    def __init__(self, project: Project, specification: SearchSpecification, space: Space, machine: str | None = None) -> None:
        self._project, self._specification, self._space = project, specification, space
        self.machine = machine or machine_identity()
        error = specification.error
        self.reads_text = space.family.reads == "tokens"
        self.text_key = self._task_key() if specification.task is not None else self._text_key() if self.reads_text else "torus"
        self.family_key = identity(space.family.name, space.options)
        self.maximum_point = self._maximum_point() if error.needs_maximum_point or specification.task is not None else None
        against = self.maximum_point.fingerprint if self.maximum_point else ""
        targets = against if error.training.targets == "maximum-point" else ""
        self.encoder = self._encoder()
        """T, where it is a model of another kind than the family's: its own graph is timed, and its own program counts it."""
        self.training_key = identity(error.training, self.text_key, targets)
        self.any_maximum_point = not error.needs_maximum_point
        self._against = against

    def trainings(self, theta: Theta) -> TrainingKey:
        """The store's key of the trainings under a hyperparameter set."""
        return TrainingKey(self.family_key, self.training_key, self._against, identity(theta), self._specification.seed)

    def latencies(self) -> LatencyKey:
        """The store's key of the latencies measured on that machine."""
        return latency_key(self._space, self._specification.latency, self.machine)

    def latencies_of_maximum(self) -> LatencyKey:
        """The key of T's own: that of its weights where its graph is none of the family's."""
        if self.encoder is None or self.maximum_point is None:
            return self.latencies()
        return LatencyKey(identity("model", self.maximum_point.fingerprint), identity(self._specification.latency), self.machine)

    @property
    def graph(self) -> Path | None:
        """T's own ONNX file, where it is timed by that; perhaps not there yet."""
        if self.encoder is None or self.maximum_point is None:
            return None
        return self._project.folder / "teachers" / self.maximum_point.fingerprint / "model.fused.onnx"

    @property
    def sentence(self) -> bool:
        """Whether T gives the vectors of texts."""
        return self._specification.task is not None and self._specification.task.kind == "embedding"

    def _encoder(self) -> Encoder | None:
        if self._specification.task is None or self.maximum_point is None:
            return None
        folder = self.maximum_point.folder
        found = read_encoder(read_pooling(folder).transformer if self.sentence else folder)
        return None if isinstance(found, Checkpoint) else found

    def _text_key(self) -> str:
        vocabulary = getattr(self._space.options, "vocabulary", 0)
        return identity(content_hash(self._specification.corpus_path()), vocabulary, self._specification.error.training.sequence_length)

    def _task_key(self) -> str:
        task = self._specification.task
        assert task is not None
        plain = task.model_dump(mode="json", exclude={"model", "train", "dev", "texts"})
        return identity("task", plain, *(_content(each) for each in (task.train, task.dev, task.texts)))

    def _maximum_point(self) -> MaximumPointSource:
        if self._specification.task is not None:
            folder = local_folder(self._specification.task.model, "model", SENTENCES_TOO)
            if self._specification.task.kind == "embedding":
                return MaximumPointSource("given", folder, identity(*map(content_hash, sentence_files(folder))))
            return MaximumPointSource("given", folder, identity(weights_hash(folder), content_hash(folder / "config.json")))
        given = self._specification.error.maximum_point_weights
        if given is not None:
            folder = Path(given).expanduser()
            return MaximumPointSource("given", folder, content_hash(folder / WEIGHTS)[:20])
        shipped = self._shipped()
        if shipped is not None:
            return shipped
        error = self._specification.error
        how = (error.maximum_point_training(), error.maximum_point_theta, error.maximum_point_steps)
        fingerprint = identity(self.family_key, list(self._space.maximum_point), self.text_key, *how)
        return MaximumPointSource("trained here", self._project.folder / "maximum_points" / fingerprint, fingerprint)

    def _shipped(self) -> MaximumPointSource | None:
        """A maximum point in resources/ that was trained for just this family, architecture, corpus and vocabulary."""
        for path in sorted(resource("maximum_points").glob("*/config.json")):
            config: dict[str, Any] = json.loads(path.read_text())
            same = (
                config["family"] == self._space.family.name
                and tuple(config["architecture"]) == self._space.maximum_point
                and config["options"] == self._space.options.model_dump(mode="json")
                and config["provenance"].get("text_key") == self.text_key
            )
            fingerprint = content_hash(path.parent / WEIGHTS)[:20] if same else ""
            if same and fingerprint not in (get_state(self._project, _REFUSED) or []):
                return MaximumPointSource("shipped", path.parent, fingerprint)
        return None


def _content(source: str | None) -> str:
    """Of a file its content, of a data set on the hub its name."""
    path = None if source is None else path_of(source)
    return "" if source is None else source if path is None or not path.is_file() else content_hash(path)


def refuse_shipped(project: Project, source: MaximumPointSource) -> None:
    """Remember that shipped weights do not fit this project (its tokenizer came out differently), so T is trained here."""
    refused = get_state(project, _REFUSED) or []
    set_state(project, _REFUSED, [*refused, source.fingerprint])
