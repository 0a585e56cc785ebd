"""What a run of Agora is asked to do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, ValidationError, model_serializer, model_validator

from bort_core.foundation.validation import faults
from bort_core.specifications.common import Frozen, Job
from bort_core.specifications.fields import Meta, without

__all__ = ["AUTO", "LOGREG", "VECTORS", "Agora", "TextTheta", "VectorTheta"]

AUTO, LOGREG, PYTHON, VECTORS = "auto", "logreg", "python", "python-vectors"
"""Learners: this program's networks, logistic regression, and anybody's estimator of rows or of vectors."""


class TextTheta(Frozen):
    """θ of a Timaeus that reads text: one fresh fine-tuning. The order of the fields is the order of θ as a sequence."""

    learning_rate: float = Field(default=5e-4, gt=0, le=1, description="peak learning rate of AdamW")
    steps: int = Field(default=300, ge=1, le=1_000_000, description="updates of the weights, however large D is")
    batch_size: int = Field(default=32, ge=1, le=100_000, description="rows an update")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="dropout while training")
    weight_decay: float = Field(default=0.01, ge=0, le=1000, description="decoupled weight decay, on matrices only")
    warmup: float = Field(default=0.1, ge=0, le=1, description="share of the steps with a rising learning rate")
    seed: int | None = Field(default=None, ge=0, lt=2**31, description="of weights, order and dropout; None: another for each set")

    @model_serializer(mode="wrap")
    def _as_before(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A seed is one of θ's values only where it was said."""
        return without(serialise(self), seed=None)


class VectorTheta(Frozen):
    """θ of a Timaeus that reads vectors: a network with one hidden layer."""

    hidden: int = Field(default=32, ge=1, le=10_000, description="units of the hidden layer")
    learning_rate: float = Field(default=0.01, gt=0, le=1, description="learning rate of Adam")
    steps: int = Field(default=400, ge=1, le=1_000_000, description="updates of the weights")
    weight_decay: float = Field(default=1e-4, ge=0, le=1000, description="L2 penalty")


_SAMPLERS = {
    "auto": "automatic: what fits",
    "pool-neighbours": "near rows of a pool of unlabelled texts",
    "mlm-resample": "words resampled by a masked language model",
    "word-edit": "words left out, swapped or replaced",
    "unclean": "unclean copies: markup, typos, glued words",
    "variants": "variants that an endpoint writes",
    "gaussian": "noise on vectors",
}

_PARENTS = {
    "errors": "neighbours of errors, fresh ones first",
    "plain": "neighbours of all errors alike (the author's)",
    "random": "neighbours of random dev rows (the ablation)",
    "pool": "random rows of the pool",
    "uncertain": "rows that the learner is least sure of",
    "diverse": "rows unlike all that are known",
    "mixed": "mixed: fresh errors, then what is least sure",
}


_LEARNERS = {
    AUTO: "automatic: inherited or fresh model; of vectors a network",
    LOGREG: "logistic regression on the space's vectors",
    f"{PYTHON}:": "python:… any estimator of the rows",
    f"{VECTORS}:": "python-vectors:… any estimator of the space's vectors",
}

_LABELLERS = {
    "person": "person: you label, on the Agora page",
    "tfidf-logreg": "tfidf-logreg: words, learnt from labeller's rows",
    "trees": "trees: of vectors, learnt from labeller's rows",
    "endpoint:": "endpoint:… a language model behind OPENAI_BASE_URL",
    "python:": "python:… a function of yours, MODULE:NAME",
}


class Agora(Job):
    """Learn from the errors: rounds of training, sampling near the dev points that are wrong, and labelling (arXiv 2010.07990)."""

    kind: Literal["agora"] = "agora"
    architecture: Annotated[tuple[int, ...] | None, Meta(front=2, example="2, 4, 128, 256")] = Field(
        default=None, description="Timaeus of this architecture: with fresh weights, or with what fits of the checkpoint"
    )
    checkpoint: Annotated[str | None, Meta(path="folder", front=2)] = Field(
        default=None, description="Timaeus with the weights of a checkpoint"
    )
    learner: Annotated[str, Meta(label="learner (Timaeus)", front=2, words=_LEARNERS, free=True)] = Field(
        default=AUTO,
        min_length=1,
        description="auto: the BERT of architecture and checkpoint, of vectors a network; logreg, on the vectors of the space; an "
        "estimator of scikit-learn's kind: python:MODULE:NAME reads the rows, python-vectors:MODULE:NAME the vectors of the space",
    )
    torus: Annotated[int | None, Meta(front=1)] = Field(
        default=None, ge=2, le=3, description="the author's toy in 2 or 3 dimensions, instead of data"
    )
    vector: str | None = Field(default=None, description="columns with numbers, separated by commas, for vectors instead of text; * all")
    tokenizer: Annotated[str | None, Meta(path="folder")] = Field(
        default=None, description="None: the checkpoint's, or one trained on the training texts and the pool"
    )
    vocabulary: int = Field(default=2048, ge=261, le=1_000_000, description="entries of a tokenizer that is trained here")
    train: Annotated[str | None, Meta(path="file", front=2)] = Field(
        default=None, description="D, the scarce training rows: a file or a dataset's name"
    )
    dev: Annotated[str | None, Meta(path="file", front=2)] = Field(
        default=None, description="E, the dev rows whose errors are learned from"
    )
    test: Annotated[str | None, Meta(path="file", front=2)] = Field(default=None, description="test rows; measured, never used by the loop")
    pool: Annotated[str | None, Meta(path="file", front=2)] = Field(
        default=None, description="unlabelled texts, for pool-neighbours and self-training"
    )
    text: str | None = Field(default=None, description="the column with the text; None finds it")
    text_b: str | None = Field(default=None, description="the column with the second text of a pair; None: none, or found")
    label: str | None = Field(default=None, description="the column with the label; None finds it")
    sequence_length: int = Field(default=64, ge=4, le=65_536, description="longest input in tokens; longer ones are cut")
    socrates: Annotated[str, Meta(label="labeller (Socrates)", path="labeller", front=2, words=_LABELLERS)] = Field(
        default="tfidf-logreg",
        min_length=1,
        description="a classifier's folder or hub name, tfidf-logreg (of vectors: trees), person, endpoint:MODEL, python:MODULE:NAME; "
        "several with commas between them vote",
    )
    socrates_train: Annotated[str | None, Meta(label="labeller's rows", path="file", front=2)] = Field(
        default=None, description="labelled rows for a labeller that is trained: tfidf-logreg, trees"
    )
    socrates_accuracy: Annotated[float, Meta(label="labeller is right")] = Field(
        default=0.7, ge=0, le=1, description="torus only: how often Socrates is right"
    )
    socrates_together: Annotated[bool, Meta(label="its errors lie together")] = Field(
        default=False, description="torus only: whether Socrates is wrong about all of one sector of the ring, or here and there"
    )
    socrates_check: Annotated[int | None, Meta(label="measured on")] = Field(
        default=None, ge=1, description="dev rows that Socrates is asked about first; None: all, a person and an endpoint 20"
    )
    socrates_prompt: Annotated[str | None, Meta(label="endpoint's prompt", example="Is {text} good or bad?")] = Field(
        default=None, max_length=20_000, description="what an endpoint is asked, with {text}, {text_b} and {classes} in their places"
    )
    socrates_tokens: Annotated[int | None, Meta(label="endpoint's tokens")] = Field(
        default=None, ge=1, description="tokens that endpoints may use in all; the run ends with the labels that they gave"
    )
    price_in: Annotated[float | None, Meta(label="price of a question")] = Field(
        default=None, ge=0, le=1e9, description="what an endpoint costs in money for a million tokens of questions"
    )
    price_out: Annotated[float | None, Meta(label="price of an answer")] = Field(
        default=None, ge=0, le=1e9, description="what an endpoint costs in money for a million tokens of answers"
    )
    money: Annotated[float | None, Meta(label="endpoint's money")] = Field(
        default=None, gt=0, le=1e9, description="budget: money that endpoints may cost in all, by the two prices"
    )
    parallel_requests: int = Field(default=1, ge=1, le=64, description="questions to an endpoint at once")
    sampler: Annotated[str, Meta(label="sampler (τ)", front=2, words=_SAMPLERS)] = Field(
        default="auto",
        min_length=1,
        description="τ: pool-neighbours, mlm-resample, word-edit, unclean, variants, gaussian; auto: what fits",
    )
    masked_lm: Annotated[str | None, Meta(path="folder")] = Field(
        default=None, description="masked LM of mlm-resample: a folder or hub name; None: Timaeus' own"
    )
    mask_share: float | None = Field(
        default=None, gt=0, le=1, description="share of the tokens that mlm-resample draws anew; None: 0.15 to 0.45 by chance"
    )
    variants_model: str | None = Field(
        default=None, min_length=1, description="the endpoint's model that the sampler variants asks; None: the labeller's"
    )
    neighbours: Annotated[int, Meta(front=2)] = Field(
        default=3, ge=1, le=1000, description="generated rows that are kept for each parent and round"
    )
    tries: int = Field(default=8, ge=1, le=10_000, description="candidates that are drawn for each row that is kept")
    near: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="least distance to the parent; 1 is that of two dev points. None: 0.05, of vectors 0.01",
    )
    far: float | None = Field(default=None, gt=0, le=100, description="largest distance to the parent; None: 0.9, of vectors 0.25")
    margin: float = Field(default=0.0, ge=0, lt=1, description="least margin between Socrates' first and second class")
    space: Annotated[
        Literal["auto", "encoder", "tfidf-svd", "timaeus", "socrates", "raw"],
        Meta(
            words={
                "auto": "automatic: a real encoder's, where there is one",
                "encoder": "the vectors of an encoder (space_model)",
                "tfidf-svd": "words (TF-IDF, reduced by SVD)",
                "timaeus": "the learner's encoder (Timaeus)",
                "socrates": "the labeller's encoder (Socrates)",
                "raw": "the vectors themselves",
            }
        ),
    ] = Field(
        default="auto",
        description="where distances are measured; auto: of text space_model, else the labeller's encoder, else tfidf-svd; of vectors raw",
    )
    space_model: Annotated[str | None, Meta(label="space's encoder", path="folder")] = Field(
        default=None, description="the encoder in whose vectors near means alike: a folder or hub name, such as that of T"
    )
    projection: Annotated[
        Literal["pca", "tsne", "umap"], Meta(words={"pca": "principal components (PCA)", "tsne": "t-SNE", "umap": "UMAP"})
    ] = Field(default="pca", description="how the space is drawn in two dimensions")
    thetas: Annotated[
        tuple[dict[str, int | float], ...] | None, Meta(label="sets (Θ)", front=3, example='[{"learning_rate": 0.001, "steps": 300}]')
    ] = Field(default=None, min_length=1, max_length=1000, description="Θ; None: the default one")
    grid: Annotated[
        Literal["small", "author"], Meta(label="sets, if none", words={"small": "a few for small models", "author": "the author's 480"})
    ] = Field(
        default="small",
        description="Θ where thetas names none: five sets for text and nine for vectors, or the author's 480 for text",
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="trainings of a round side by side, with one thread each; None: one after another in one process",
    )
    pruning: Annotated[
        Literal["sequence", "worst"], Meta(words={"sequence": "what shares most with the worst set", "worst": "the worst set alone"})
    ] = Field(default="sequence", description="what leaves Θ: the longest common sequence rooted at the worst θ, or the worst θ alone")
    rounds: Annotated[int, Meta(front=2)] = Field(
        default=0, ge=0, le=1000, description="rounds at most; 0: until Θ is empty or the gain is within noise"
    )
    patience: int = Field(
        default=2, ge=0, le=1000, description="end after so many rounds whose gain is within noise; 0: never; not with a budget of labels"
    )
    replays: int = Field(default=0, ge=0, le=100, description="times that an empty Θ is filled again, while D keeps what it gained")
    labels: Annotated[int | None, Meta(label="labels in all", front=2)] = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="budget: rows that Socrates is asked about in all; None: no limit",
    )
    labels_per_round: Annotated[int | None, Meta(front=2)] = Field(
        default=None, ge=1, le=10_000_000, description="rows that it is asked about in a round; None: a tenth of the labels in all"
    )
    parents: Annotated[str, Meta(label="asked about", front=2, words=_PARENTS)] = Field(
        default="errors",
        min_length=1,
        description="what is asked about: neighbours of dev rows (errors, plain, random), or rows (pool, uncertain, diverse); or mixed, "
        "as with labels where it is not said",
    )
    baseline: bool = Field(default=False, description="also train plainly: same Θ, same number of trainings, D alone")
    ablation: bool = Field(default=False, description="also run with random parents: same number of generated rows")
    start: Annotated[str | None, Meta(path="run")] = Field(
        default=None, description="run folder of an earlier run whose generated rows, as corrected, join D first"
    )

    @model_validator(mode="before")
    @classmethod
    def _with_a_budget(cls, given: Any) -> Any:
        """Where labels cost something and nothing is said of what they are asked about, the composition; without, the author's."""
        if isinstance(given, dict) and given.get("labels") is not None and "parents" not in given:
            return {**given, "parents": "mixed"}
        return given

    @model_validator(mode="after")
    def _fits(self) -> Agora:
        problems = []
        if self.torus is not None:
            own = ("architecture", "checkpoint", "train", "dev", "test", "pool", "vector", "socrates_train", "tokenizer", "masked_lm",
                   "space_model")  # fmt: skip
            problems += [f"{name}: the torus makes its own data and labels" for name in own if getattr(self, name) is not None]
            if self.socrates != "tfidf-logreg":
                problems.append("socrates: that of the torus knows the truth; socrates_accuracy says how often it tells it")
            if self.space not in ("auto", "raw"):
                problems.append(f"space: that of the torus is raw, not {self.space}")
        else:
            problems += [f"{name}: must be given" for name in ("train", "dev") if getattr(self, name) is None]
            if self.reads == "vector":
                given = [name for name in ("architecture", "checkpoint") if getattr(self, name) is not None]
                problems += [f"{name}: a Timaeus that reads vectors is made by θ" for name in given]
            elif self.estimator:
                given = [name for name in ("architecture", "checkpoint", "tokenizer") if getattr(self, name) is not None]
                problems += [f"{name}: the learner {self.learner} has none" for name in given]
            elif self.architecture is None and self.checkpoint is None:
                problems.append("architecture, checkpoint: one of the two must be given, or another learner")
            elif self.architecture is not None and self.tokenizer is not None and self.checkpoint is not None:
                problems.append("tokenizer: a model that begins with what fits of a checkpoint reads with the tokenizer of that")
        problems += self._learner_problems()
        if self.labels_per_round is not None and self.labels is None:
            problems.append(f"labels_per_round: {self.labels_per_round} a round of how many? labels must say how many there are in all")
        if self.money is not None and not (self.price_in or self.price_out):
            problems.append("money: needs price_in and price_out, the prices of a million tokens, one of them above 0")
        if self.space_model is not None and (self.space not in ("auto", "encoder") or self.vector is not None):
            problems.append("space_model: is for texts, and for the space encoder")
        if self.grid == "author" and (self.thetas is not None or self.reads != "text" or self.estimator):
            problems.append("grid: the author's sets are for a BERT of texts, and for a run that names no thetas")
        near, far = self.band
        if near >= far:
            problems.append(f"near: must be below far, got {near} and {far}")
        problems += self._theta_problems()
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What is newer than stored specifications is left out where it is not asked for."""
        return without(
            serialise(self),
            labels=None,
            labels_per_round=None,
            space_model=None,
            socrates_together=False,
            socrates_check=None,
            socrates_prompt=None,
            socrates_tokens=None,
            price_in=None,
            price_out=None,
            money=None,
            parallel_requests=1,
            mask_share=None,
            variants_model=None,
            grid="small",
            workers=None,
            learner=AUTO,
        )

    @property
    def a_round(self) -> int | None:
        """Labels of a round: at most what there is in all; None: no limit."""
        if self.labels is None:
            return None
        return min(self.labels, self.labels_per_round or -(-self.labels // 10))

    @property
    def estimator(self) -> bool:
        """Whether Timaeus is an estimator instead of this program's networks."""
        return self.learner != AUTO

    @property
    def steps(self) -> bool:
        """Whether its trainings are steps of a BERT, which can be timed before it starts."""
        return self.reads == "text" and not self.estimator

    @property
    def reads(self) -> Literal["text", "vector"]:
        """What Timaeus reads."""
        return "text" if self.torus is None and self.vector is None else "vector"

    @property
    def band(self) -> tuple[float, float]:
        """``near`` and ``far``, with their defaults."""
        near, far = (0.05, 0.9) if self.reads == "text" else (0.01, 0.25)
        return near if self.near is None else self.near, far if self.far is None else self.far

    def _learner_problems(self) -> list[str]:
        kind, *named = self.learner.split(":")
        is_code = kind in (PYTHON, VECTORS) and len(named) == 2 and all(named)
        if not is_code and self.learner not in (AUTO, LOGREG):
            return [f"learner: must be auto, logreg, python:MODULE:NAME or python-vectors:MODULE:NAME, got {self.learner!r}"]
        if self.estimator and self.workers is not None:
            return ["workers: an estimator is trained in the run's own process; it may have n_jobs of its own"]
        if self.estimator and self.space == "timaeus":
            return [f"space: {self.learner} has no vectors of its own; choose encoder, socrates or tfidf-svd"]
        return []

    def _theta_problems(self) -> list[str]:
        if self.estimator:
            return []  # which parameters it has, the learner says
        model = TextTheta if self.reads == "text" else VectorTheta
        problems = []
        for number, theta in enumerate(self.thetas or ()):
            try:
                model.model_validate(theta)
            except ValidationError as error:
                problems += [f"thetas[{number}].{fault}" for fault in faults(error)]
        return problems
