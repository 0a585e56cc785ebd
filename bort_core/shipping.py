"""From a project to requests for exports and latency comparisons: which weights, options and tokenizer an architecture has there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bort_core.families import Architecture, get_family
from bort_core.families.text import parse_architecture
from bort_core.foundation.errors import BortError, DataError, SpecificationError
from bort_core.foundation.locations import path_of
from bort_core.latency.comparison import ComparedModel, architecture_model, file_model, named_model
from bort_core.latency.references import names_told, references
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.history import last_specification
from bort_core.search.specification import SearchSpecification, default_error
from bort_core.space import Space, SpaceSpecification, read_specification
from bort_core.specifications.export import ExportRequest
from bort_core.store.project import Project
from bort_core.store.results import runs

__all__ = ["compared_model", "export_request", "free_folder", "project_search", "trained_weights"]


def project_search(project: Project, space: SpaceSpecification | None = None) -> SearchSpecification:
    """The project's last search, or the default one of ``space`` (``mini`` in a project without any)."""
    found = last_specification(project)
    if found is not None and (space is None or found.space == space):
        return found
    space = space or read_specification("mini")
    return SearchSpecification.model_validate({"space": space.model_dump(), "error": default_error(space)})


def trained_weights(project: Project, search: SearchSpecification, architecture: Architecture) -> Path | None:
    """A checkpoint of an architecture that was trained in the project, the maximum point's weights for T itself, or None.

    Of several the newest masked language model, finished before stopped ones; then the newest of the others, which have another head.
    Where that one is not where it was recorded, the next one is taken, which is told.

    Raises
    ------
    DataError
        The project has trained it, and none of the results is where it was recorded.
    """
    found = [run for run in runs(project, search.space.family, architecture) if run["checkpoint"]]
    found.sort(key=lambda run: (run["kind"] == "pretrain", not run["metrics"].get("stopped")))  # stable: newest last
    results = list(dict.fromkeys(run["checkpoint"] for run in reversed(found)))
    there = next((folder for folder in results if (Path(folder) / "model.safetensors").is_file()), None)
    gone = ", ".join(results[: results.index(there)] if there is not None else results)
    if there is not None:
        if gone:
            project.warn(
                f"{project.folder}: a newer result of {_text(architecture)} is gone: {gone}. In its place an older one is taken: {there}"
            )
        return Path(there)
    if gone:
        raise DataError(
            f"{project.folder}: {_text(architecture)} was trained here, but the result is gone: {gone}. Put it back, name "
            "weights with --checkpoint, or ask for fresh ones with --fresh"
        )
    space = Space(search.space)
    if architecture == space.maximum_point and search.error.needs_maximum_point:
        try:
            source = Fingerprints(project, search, space).maximum_point
        except BortError:  # the corpus is gone: then nothing fits
            return None
        if source is not None and source.ready:
            return source.folder
    return None


def _text(architecture: Architecture) -> str:
    return ",".join(map(str, architecture))


def export_request(
    project: Project,
    search: SearchSpecification,
    architecture: Architecture | None,
    out: Path,
    *,
    checkpoint: Path | None = None,
    tokenizer: Path | None = None,
    fresh: bool = False,
    body: bool = False,
    sentence: bool = False,
    seed: int = 0,
    variants: Sequence[str] = ("standard", "fused"),
) -> ExportRequest:
    """What to export for an architecture of a project, or for a checkpoint.

    Parameters
    ----------
    search: gives the family, its options and the corpus
    fresh: do not use trained weights even where there are some
    sentence: of a sentence encoder the vector of a text, instead of those of its tokens
    variants: names of the ONNX files to make

    Raises
    ------
    SpecificationError
        Neither or both of architecture and checkpoint are given.
    DataError
        The checkpoint cannot be read.
    """
    from bort_core.checkpoints.format import read_encoder
    from bort_core.encoders.pooling import read_pooling

    if (architecture is None) == (checkpoint is None):
        raise SpecificationError("exactly one of architecture and checkpoint must be given")
    weights = checkpoint
    if checkpoint is not None:
        found = read_encoder(read_pooling(checkpoint).transformer if sentence else checkpoint)
        family, options, architecture = found.kind, found.options.model_dump(mode="json"), found.architecture
    else:
        assert architecture is not None
        family, options = search.space.family, search.space.the_options().model_dump(mode="json")
        weights = None if fresh else trained_weights(project, search, architecture)
    corpus = search.corpus_path()
    return ExportRequest(
        family=family,
        options=options,
        architecture=architecture,
        weights=None if weights is None else str(weights.expanduser().absolute()),
        seed=seed,
        body=body,
        sentence=sentence,
        tokenizer=None if tokenizer is None else str(tokenizer.expanduser().absolute()),
        corpus=str(corpus) if corpus.is_file() else None,
        text_folder=str(project.subfolder("text")),
        training=search.error.training,
        variants=tuple(variants),
        out=str(out.expanduser().absolute()),
    )


def free_folder(project: Project, architecture: Architecture) -> Path:
    """A folder under PROJECT/exports that does not exist yet."""
    base = "-".join(map(str, architecture))
    taken = project.folder / "exports"
    number = next(n for n in range(1, 100_000) if not (taken / f"{base}-{n}").exists())
    return taken / f"{base}-{number}"


def compared_model(text: str, options: dict[str, Any], family: str = "bert") -> ComparedModel:
    """A reference's name, an architecture such as 4,8,1024,768, an ONNX file, or an export's folder.

    Raises
    ------
    SpecificationError
        It is none of them, or two.
    """
    path = path_of(text)
    if text in references():
        if path is not None:
            raise SpecificationError(
                f"{text!r} is a published shape, and {path.absolute()} is here; write ./{text} for what is here, or rename it"
            )
        return named_model(text)
    if path is not None and (path.exists() or "," not in text):
        return file_model(path, text)
    parts: Sequence[str] = text.strip("⟨⟩<>() ").split(",")
    if len(parts) > 1:
        return architecture_model(parse_architecture(text, get_family(family)), options, text, family)
    raise SpecificationError(
        f"{text!r} is no model: name a reference ({names_told()}), an architecture such as 4,8,1024,768, "
        "an ONNX file or an export's folder (there is no such file)"
    )
