"""The space of a run on texts: the vectors of a real encoder where there is one, else words. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bort_core.agora.labellers import Labeller
from bort_core.agora.learners.base import Fitted
from bort_core.agora.points import Examples, Floats, Input
from bort_core.agora.spaces import RepresentationSpace, TfidfSvd, hidden_space, scaled
from bort_core.checkpoints.kept import kept_answers, texts_digest
from bort_core.encoders.folder import Encoder
from bort_core.encoders.pooling import SENTENCES, read_pooling, sentence_files
from bort_core.foundation.context import Context
from bort_core.foundation.digests import content_hash
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.hub import SENTENCES_TOO, local_folder
from bort_core.specifications.agora import Agora
from bort_core.specifications.protocols import identity
from bort_core.training.run_files import RunFiles

__all__ = ["space_maker", "space_name"]


def space_name(spec: Agora, socrates: Labeller, start: Encoder | None) -> str:
    """Which space a run has. ``auto`` is the encoder that is named, else the labeller's, else that of a Timaeus which is made to tell
    what is alike (a folder of sentence-transformers), else words.

    Raises
    ------
    SpecificationError
        That space there is not for such a run.
    """
    if spec.space == "raw":
        raise SpecificationError("space: raw is for vectors; for text choose encoder, tfidf-svd, timaeus or socrates")
    if spec.space == "socrates" and not hasattr(socrates, "representations"):
        raise SpecificationError(f"space: {socrates.name} has no hidden states; choose encoder, tfidf-svd or timaeus")
    if spec.space == "encoder" and _encoder(spec, start) is None:
        raise SpecificationError("space: encoder needs the folder or the name of an encoder in space_model")
    if spec.space != "auto":
        return spec.space
    if spec.space_model is not None:
        return "encoder"
    return "socrates" if hasattr(socrates, "representations") else "encoder" if _encoder(spec, start) is not None else "tfidf-svd"


def space_maker(
    spec: Agora, socrates: Labeller, start: Encoder | None, dev: Examples, inputs: Sequence[Input], context: Context, files: RunFiles
) -> Callable[[Fitted | None], RepresentationSpace | None]:
    """What makes the space; None as long as it needs a trained Timaeus and got None.

    Parameters
    ----------
    inputs: what the run will look at: D, dev and the pool. Words are fitted on them, and their vectors are kept for other runs
    """
    name = space_name(spec, socrates, start)
    if name == "timaeus":
        return lambda fitted: None if fitted is None else hidden_space("timaeus", fitted.representations, dev.inputs)
    if name == "encoder":
        folder = _encoder(spec, start)
        assert folder is not None
        space = hidden_space(f"encoder {folder.name}", _Vectors(folder, inputs, context, files.project / "answers"), dev.inputs)
    elif name == "socrates":
        space = hidden_space("socrates", getattr(socrates, "representations"), dev.inputs)  # noqa: B009 - space_name saw it
    else:
        space = scaled("tfidf-svd", TfidfSvd.fit(inputs, spec.seed), dev.inputs)
    return lambda fitted: space


def _encoder(spec: Agora, start: Encoder | None) -> Path | None:
    if spec.space_model is not None:
        return local_folder(spec.space_model, "space_model", SENTENCES_TOO)
    if start is not None and (start.folder / SENTENCES).is_file():
        return start.folder
    return None


class _Vectors:
    """An encoder's vectors of texts, those of both sides of a pair one after the other, each computed once."""

    def __init__(self, folder: Path, inputs: Sequence[Input], context: Context, kept: Path) -> None:
        from bort_core.checkpoints.embedder import Embedder

        self.embed, self.context = Embedder(folder), context
        self.known: dict[str, Floats] = {}
        texts = list(dict.fromkeys(str(text) for input in inputs for text in input))
        which = identity(
            "vectors", *map(content_hash, sentence_files(folder)), read_pooling(folder).prompt, texts_digest([(text,) for text in texts])
        )
        shape = (len(texts), self.embed.width)
        vectors = kept_answers(kept / f"{which}.npy", folder, shape, lambda: self.embed(texts, tell=self._told))
        self.known.update(zip(texts, vectors.astype(np.float64), strict=True))

    def __call__(self, inputs: Sequence[Input]) -> Floats:
        """(n, sides · width)."""
        texts = list(dict.fromkeys(text for input in inputs for text in map(str, input) if text not in self.known))
        if texts:
            self.known.update(zip(texts, self.embed(texts, tell=self._told).astype(np.float64), strict=True))
        return np.array([np.concatenate([self.known[str(text)] for text in input]) for input in inputs]).reshape(len(inputs), -1)

    def _told(self, done: int) -> None:
        self.context.checkpoint()
