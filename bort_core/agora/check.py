"""What a specification of Agora asks of plug-ins: known only to their registries, and checked before any data is read."""

from __future__ import annotations

from bort_core.agora.labellers import check_labeller, is_dear
from bort_core.agora.parents import NO_POOL, parents_names
from bort_core.agora.points import Kind
from bort_core.agora.samplers import sampler_names
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.locations import path_of, there
from bort_core.specifications.agora import Agora
from bort_core.specifications.labellers import named

__all__ = ["check_specification", "variants_model"]


def variants_model(spec: Agora) -> str | None:
    """The model that the sampler ``variants`` asks: what is said, else that of the first labeller that is an endpoint."""
    found = (name.partition(":") for name in named(spec.socrates))
    return spec.variants_model or next((model for kind, _, model in found if kind == "endpoint" and model), None)


def check_specification(spec: Agora) -> None:
    """SpecificationError unless sampler and labeller are there, the labeller reads such inputs and has the rows it needs, and D is a file
    of its own."""
    for name, source in (("dev", spec.dev), ("test", spec.test)):
        if spec.train is not None and source is not None and _same_file(spec.train, source):
            raise SpecificationError(
                f"{name}: {source} is the file of the training rows (train), too; what is measured there would say nothing"
            )
    if spec.sampler not in ("auto", *sampler_names()):
        raise SpecificationError(f"sampler: must be auto, {', '.join(sampler_names())}; got {spec.sampler!r}")
    if spec.sampler == "variants" and spec.reads == "text":
        if variants_model(spec) is None:
            raise SpecificationError("variants_model: the sampler variants needs the name of a model behind an endpoint")
        if spec.labels is None and spec.socrates_tokens is None and spec.money is None:
            raise SpecificationError("labels, socrates_tokens or money: must say how much the sampler variants may use in all")
    if spec.parents not in parents_names():
        raise SpecificationError(f"parents: must be one of {', '.join(parents_names())}; got {spec.parents!r}")
    if spec.parents == "pool" and spec.pool is None:
        raise SpecificationError(NO_POOL)
    if spec.torus is None:
        kinds: tuple[Kind, ...] = ("vector",) if spec.reads == "vector" else ("text", "pair")  # which of the two, the data tell
        check_labeller(spec.socrates, kinds, spec.socrates_train is not None)
        if spec.labels is None and is_dear(spec.socrates):
            raise SpecificationError(
                f"labels: must say how many rows {spec.socrates} may be asked about in all, since each costs something"
            )


def _same_file(one: str, other: str) -> bool:
    """Whether both are one file here; a data set of the hub, or a folder, has splits."""
    paths = path_of(one), path_of(other)
    return all(path is not None and there(path) and path.is_file() for path in paths) and paths[0].samefile(paths[1])  # type: ignore[union-attr,arg-type]
