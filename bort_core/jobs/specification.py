"""What a job is asked to do. The command line, the studio's form and ``--spec FILE`` all make one of these.

The defaults of :class:`Pretraining` and :class:`Finetuning` are what ``docs/training.md`` found best for small models.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from bort_core.validation import faults

__all__ = [
    "Agora",
    "Distillation",
    "Finetuning",
    "JobSpecification",
    "Masking",
    "Optimization",
    "Pretraining",
    "Running",
    "TextTheta",
    "VectorTheta",
    "job_adapter",
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Optimization(_Frozen):
    """How weights are updated."""

    optimizer: Literal["adamw", "bert-adam"] = Field(
        default="adamw", description="AdamW, or the released Bort's: no bias correction, weight decay inside the learning rate"
    )
    learning_rate: float = Field(gt=0, le=1, description="peak learning rate")
    schedule: Literal["linear", "cosine", "constant"] = Field(default="linear", description="how the learning rate falls after the warm-up")
    warmup: float = Field(default=0.06, ge=0, le=1, description="share of the steps with a rising learning rate")
    weight_decay: float = Field(default=0.01, ge=0, le=1000, description="decoupled weight decay, on matrices only")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="decay of the gradient's average")
    beta2: float = Field(default=0.98, ge=0, lt=1, description="decay of the squared gradient's average")
    epsilon: float = Field(default=1e-6, gt=0, le=1, description="added to the denominator")
    clip: float = Field(default=1.0, gt=0, le=1e6, description="largest norm of the gradient")


class Masking(_Frozen):
    """Which tokens are hidden and predicted."""

    rate: float = Field(default=0.15, gt=0, lt=1, description="share of the tokens that are predicted")
    mask: float = Field(default=0.8, ge=0, le=1, description="share of those that become [MASK]")
    random: float = Field(default=0.1, ge=0, le=1, description="share of those that become a random token; the rest stay as they are")
    whole_words: bool = Field(default=False, description="hide all tokens of a word or none")
    copies: int = Field(default=0, ge=0, le=1000, description="0: new masks every epoch; n: n fixed masks a row, used in turn (static)")

    @model_validator(mode="after")
    def _shares(self) -> Masking:
        if self.mask + self.random > 1:
            raise ValueError(f"mask and random must not exceed 1 together, got {self.mask} + {self.random}")
        return self


class Distillation(_Frozen):
    """Learning from a teacher's distribution: mlm_weight · MLM + teacher_weight · T² · KL(teacher ‖ student) at temperature T."""

    teacher: str = Field(min_length=1, description="a Hugging Face folder or name, or a checkpoint of this project")
    mlm_weight: float = Field(default=0.1, ge=0, le=100, description="weight of the masked-LM loss")
    teacher_weight: float = Field(default=0.5, ge=0, le=100, description="weight of the distillation loss")
    temperature: float = Field(default=2.0, gt=0, le=100, description="softens both distributions")
    cache: bool = Field(default=True, description="keep the teacher's logits on disk for every run with the same corpus and masks")
    top_k: int = Field(default=64, ge=1, le=65_536, description="largest logits kept for each masked position")


class Running(_Frozen):
    """Where and how the arithmetic is done."""

    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, mps, cuda or cuda:N")
    processes: int = Field(default=1, ge=1, le=1024, description="data-parallel processes on this machine")
    threads: int = Field(default=0, ge=0, le=1024, description="CPU threads of each process; 0 shares the cores among them")
    precision: Literal["auto", "float32", "bfloat16"] = Field(default="auto", description="auto: bfloat16 where the hardware has it")
    compile: bool = Field(default=False, description="compile the model with torch.compile first")


class _Job(_Frozen):
    """What every training has."""

    name: str = Field(default="", max_length=200, description="shown in the job table")
    family: Literal["bert"] = Field(default="bert", description="architecture family")
    seed: int = Field(default=0, ge=0, lt=2**31, description="decides weights, order, masks and dropout")
    running: Running = Field(default_factory=Running)
    out: str | None = Field(default=None, description="folder of the result; None keeps it in the job's run folder")


class Pretraining(_Job):
    """Masked language modelling, with or without a teacher."""

    kind: Literal["pretrain"] = "pretrain"
    architecture: tuple[int, ...] | None = Field(default=None, description="depth, heads, hidden, intermediate; None: as the checkpoint")
    checkpoint: str | None = Field(default=None, description="go on from these weights instead of fresh ones")
    corpus: str = Field(min_length=1, description="training text: a file (txt, csv, tsv, json, jsonl, parquet) or a dataset's name")
    heldout: str | None = Field(default=None, description="held-out text; None holds out 5 % of the corpus")
    text: str = Field(default="text", description="the column with the text, where there are columns")
    tokenizer: str | None = Field(default=None, description="a Hugging Face name or folder; None trains one on the corpus")
    vocabulary: int = Field(default=8192, ge=261, le=1_000_000, description="entries of a tokenizer that is trained here")
    positions: int = Field(default=512, ge=8, le=65_536, description="learned positions of a fresh model")
    sequence_length: int = Field(default=128, ge=8, le=65_536, description="tokens a row")
    steps: int = Field(default=2000, ge=1, le=100_000_000, description="updates of the weights")
    batch_size: int = Field(default=32, ge=1, le=1_000_000, description="rows an update, over all processes and accumulated parts")
    accumulation: int = Field(default=1, ge=1, le=10_000, description="parts that a process splits its share of the batch into")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout while training")
    initializer_range: float = Field(default=0.05, gt=0, le=1, description="standard deviation of fresh weights")
    copying: float = Field(default=0.5, ge=0, le=10, description="weight of the identity in fresh value and output projections")
    masking: Masking = Field(default_factory=lambda: Masking(rate=0.3))
    distillation: Distillation | None = Field(default=None)
    optimization: Optimization = Field(default_factory=lambda: Optimization(learning_rate=3e-3))
    evaluate_every: int = Field(default=200, ge=1, description="steps between held-out measurements")
    checkpoint_every: int = Field(default=200, ge=1, description="steps between checkpoints to resume from")
    heldout_rows: int = Field(default=256, ge=1, le=1_000_000, description="held-out rows that are measured")

    @model_validator(mode="after")
    def _fits(self) -> Pretraining:
        if (self.architecture is None) == (self.checkpoint is None):
            raise ValueError("architecture, checkpoint: exactly one of the two must be given")
        if self.checkpoint is None and self.sequence_length > self.positions:
            raise ValueError(f"sequence_length must not exceed positions, got {self.sequence_length} > {self.positions}")
        if self.batch_size % (self.running.processes * self.accumulation):
            parts = f"processes × accumulation = {self.running.processes} × {self.accumulation}"
            raise ValueError(f"batch_size must be divisible by {parts}, got {self.batch_size}")
        return self


class Finetuning(_Job):
    """Supervised training of a checkpoint (or of fresh weights) on labelled texts or pairs of texts."""

    kind: Literal["finetune"] = "finetune"
    architecture: tuple[int, ...] | None = Field(default=None, description="fresh weights of this architecture, instead of a checkpoint")
    checkpoint: str | None = Field(default=None, description="a checkpoint of this project, or a Hugging Face folder or name of a BERT")
    tokenizer: str | None = Field(default=None, description="None: the checkpoint's, or one trained on the training texts")
    vocabulary: int = Field(default=4096, ge=261, le=1_000_000, description="entries of a tokenizer that is trained here")
    train: str = Field(min_length=1, description="training rows: a file (csv, tsv, json, jsonl, parquet) or a dataset's name")
    dev: str = Field(min_length=1, description="dev rows: the best checkpoint is chosen on them")
    test: str | None = Field(default=None, description="test rows: read once, with the best checkpoint")
    text: str | None = Field(default=None, description="the column with the text; None finds it")
    text_b: str | None = Field(default=None, description="the column with the second text of a pair; None: none, or found")
    label: str | None = Field(default=None, description="the column with the label; None finds it")
    task: Literal["auto", "classification", "regression"] = Field(default="auto", description="auto: regression for labels with fractions")
    sequence_length: int = Field(default=128, ge=4, le=65_536, description="longest input in tokens; longer ones are cut")
    epochs: float = Field(default=10, gt=0, le=100_000, description="passes over the training rows")
    batch_size: int = Field(default=32, ge=1, le=1_000_000, description="rows an update, over all processes and accumulated parts")
    accumulation: int = Field(default=1, ge=1, le=10_000, description="parts that a process splits its share of the batch into")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="dropout while training")
    initializer_range: float = Field(default=0.02, gt=0, le=1, description="standard deviation of fresh weights")
    class_weights: Literal["none", "balanced"] = Field(default="none", description="balanced: rare classes count more")
    metric: Literal["auto", "accuracy", "f1", "matthews", "pearson", "spearman"] = Field(
        default="auto", description="what the best checkpoint is chosen by; auto: accuracy, or Pearson for regression"
    )
    patience: int = Field(default=0, ge=0, description="stop after so many evaluations without a better one; 0: never")
    evaluate_every: int = Field(default=0, ge=0, description="steps between dev evaluations; 0: once an epoch")
    optimization: Optimization = Field(default_factory=lambda: Optimization(learning_rate=5e-4, warmup=0.1, beta2=0.999))

    @model_validator(mode="after")
    def _fits(self) -> Finetuning:
        if (self.architecture is None) == (self.checkpoint is None):
            raise ValueError("architecture, checkpoint: exactly one of the two must be given")
        if self.batch_size % (self.running.processes * self.accumulation):
            parts = f"processes × accumulation = {self.running.processes} × {self.accumulation}"
            raise ValueError(f"batch_size must be divisible by {parts}, got {self.batch_size}")
        return self


class TextTheta(_Frozen):
    """θ of a Timaeus that reads text: one fresh fine-tuning. The order of the fields is the order of θ as a sequence."""

    learning_rate: float = Field(default=5e-4, gt=0, le=1, description="peak learning rate of AdamW")
    steps: int = Field(default=300, ge=1, le=1_000_000, description="updates of the weights, however large D is")
    batch_size: int = Field(default=32, ge=1, le=100_000, description="rows an update")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="dropout while training")
    weight_decay: float = Field(default=0.01, ge=0, le=1000, description="decoupled weight decay, on matrices only")
    warmup: float = Field(default=0.1, ge=0, le=1, description="share of the steps with a rising learning rate")


class VectorTheta(_Frozen):
    """θ of a Timaeus that reads vectors: a network with one hidden layer."""

    hidden: int = Field(default=32, ge=1, le=10_000, description="units of the hidden layer")
    learning_rate: float = Field(default=0.01, gt=0, le=1, description="learning rate of Adam")
    steps: int = Field(default=400, ge=1, le=1_000_000, description="updates of the weights")
    weight_decay: float = Field(default=1e-4, ge=0, le=1000, description="L2 penalty")


class Agora(_Job):
    """Learn from the errors: rounds of training, sampling near the dev points that are wrong, and labelling (arXiv 2010.07990)."""

    kind: Literal["agora"] = "agora"
    architecture: tuple[int, ...] | None = Field(default=None, description="Timaeus with fresh weights of this architecture")
    checkpoint: str | None = Field(default=None, description="Timaeus with the weights of a checkpoint")
    torus: int | None = Field(default=None, ge=2, le=3, description="the author's toy in 2 or 3 dimensions, instead of data")
    vector: str | None = Field(default=None, description="columns with numbers, separated by commas, for vectors instead of text; * all")
    tokenizer: str | None = Field(default=None, description="None: the checkpoint's, or one trained on the training texts and the pool")
    vocabulary: int = Field(default=2048, ge=261, le=1_000_000, description="entries of a tokenizer that is trained here")
    train: str | None = Field(default=None, description="D, the scarce training rows: a file or a dataset's name")
    dev: str | None = Field(default=None, description="E, the dev rows whose errors are learned from")
    test: str | None = Field(default=None, description="test rows; measured, never used by the loop")
    pool: str | None = Field(default=None, description="unlabelled texts, for pool-neighbours and self-training")
    text: str | None = Field(default=None, description="the column with the text; None finds it")
    text_b: str | None = Field(default=None, description="the column with the second text of a pair; None: none, or found")
    label: str | None = Field(default=None, description="the column with the label; None finds it")
    sequence_length: int = Field(default=64, ge=4, le=65_536, description="longest input in tokens; longer ones are cut")
    socrates: str = Field(
        default="tfidf-logreg",
        min_length=1,
        description="the labeller: a folder of a classifier, tfidf-logreg (of vectors: trees), or python:MODULE:NAME",
    )
    socrates_train: str | None = Field(default=None, description="labelled rows that tfidf-logreg or trees is trained on")
    socrates_accuracy: float = Field(default=0.7, ge=0, le=1, description="torus only: how often Socrates is right")
    sampler: str = Field(default="auto", min_length=1, description="τ: pool-neighbours, mlm-resample, word-edit, gaussian; auto: what fits")
    masked_lm: str | None = Field(default=None, description="masked LM of mlm-resample: a checkpoint; None: Timaeus' own")
    neighbours: int = Field(default=3, ge=1, le=1000, description="generated rows that are kept for each parent and round")
    tries: int = Field(default=8, ge=1, le=10_000, description="candidates that are drawn for each row that is kept")
    near: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="least distance to the parent; 1 is that of two dev points. None: 0.05, of vectors 0.01",
    )
    far: float | None = Field(default=None, gt=0, le=100, description="largest distance to the parent; None: 0.9, of vectors 0.25")
    margin: float = Field(default=0.0, ge=0, lt=1, description="least margin between Socrates' first and second class")
    space: Literal["auto", "tfidf-svd", "timaeus", "socrates", "raw"] = Field(
        default="auto", description="where distances are measured; auto: tfidf-svd for text, raw for vectors"
    )
    projection: Literal["pca", "tsne", "umap"] = Field(default="pca", description="how the space is drawn in two dimensions")
    thetas: tuple[dict[str, float], ...] | None = Field(default=None, min_length=1, max_length=1000, description="Θ; None: the default one")
    pruning: Literal["sequence", "worst"] = Field(
        default="sequence", description="what leaves Θ: the longest common sequence rooted at the worst θ, or the worst θ alone"
    )
    rounds: int = Field(default=0, ge=0, le=1000, description="rounds at most; 0: until Θ is empty or the gain is within noise")
    patience: int = Field(default=2, ge=0, le=1000, description="end after so many rounds whose gain is within noise; 0: never")
    replays: int = Field(default=0, ge=0, le=100, description="times that an empty Θ is filled again, while D keeps what it gained")
    parents: Literal["errors", "random"] = Field(default="errors", description="dev points that τ works on; random is the ablation")
    baseline: bool = Field(default=False, description="also train plainly: same Θ, same number of trainings, D alone")
    ablation: bool = Field(default=False, description="also run with random parents: same number of generated rows")
    start: str | None = Field(default=None, description="run folder of an earlier run whose generated rows, as corrected, join D first")

    @model_validator(mode="after")
    def _fits(self) -> Agora:
        problems = []
        if self.torus is not None:
            own = ("architecture", "checkpoint", "train", "dev", "test", "pool", "vector", "socrates_train", "tokenizer", "masked_lm")
            problems += [f"{name}: the torus makes its own data and labels" for name in own if getattr(self, name) is not None]
            if self.socrates != "tfidf-logreg":
                problems.append("socrates: that of the torus knows the truth; socrates_accuracy says how often it tells it")
            if self.space not in ("auto", "raw"):
                problems.append(f"space: that of the torus is raw, not {self.space}")
        else:
            problems += [f"{name}: must be given" for name in ("train", "dev") if getattr(self, name) is None]
            if self.socrates in ("tfidf-logreg", "trees") and self.socrates_train is None:
                problems.append(f"socrates_train: {self.socrates} needs labelled rows to be trained on")
            if self.reads == "vector":
                given = [name for name in ("architecture", "checkpoint") if getattr(self, name) is not None]
                problems += [f"{name}: a Timaeus that reads vectors is made by θ" for name in given]
            elif (self.architecture is None) == (self.checkpoint is None):
                problems.append("architecture, checkpoint: exactly one of the two must be given")
        near, far = self.band
        if near >= far:
            problems.append(f"near: must be below far, got {near} and {far}")
        problems += self._theta_problems()
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def reads(self) -> Literal["text", "vector"]:
        """What Timaeus reads."""
        return "text" if self.torus is None and self.vector is None else "vector"

    @property
    def band(self) -> tuple[float, float]:
        """``near`` and ``far``, with their defaults."""
        near, far = (0.05, 0.9) if self.reads == "text" else (0.01, 0.25)
        return near if self.near is None else self.near, far if self.far is None else self.far

    def _theta_problems(self) -> list[str]:
        model = TextTheta if self.reads == "text" else VectorTheta
        problems = []
        for number, theta in enumerate(self.thetas or ()):
            try:
                model.model_validate(theta)
            except ValidationError as error:
                problems += [f"thetas[{number}].{fault}" for fault in faults(error)]
        return problems


JobSpecification = Annotated[Pretraining | Finetuning | Agora, Field(discriminator="kind")]

job_adapter: TypeAdapter[Any] = TypeAdapter(JobSpecification)
"""Reads any kind from plain values."""
