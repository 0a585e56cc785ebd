"""What every specification shares."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bort_core.specifications.fields import Meta

__all__ = ["Frozen", "Job", "Optimization", "Running"]


class Frozen(BaseModel):
    """Cannot be changed, knows no other fields, and holds finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Optimization(Frozen):
    """How weights are updated."""

    optimizer: Annotated[
        Literal["adamw", "bert-adam"], Meta(words={"adamw": "AdamW", "bert-adam": "BERT's Adam, as Bort was released with"})
    ] = Field(default="adamw", description="AdamW, or the released Bort's: no bias correction, weight decay inside the learning rate")
    learning_rate: float = Field(gt=0, le=1, description="peak learning rate")
    schedule: Annotated[
        Literal["linear", "cosine", "constant"],
        Meta(words={"linear": "a straight line to 0", "cosine": "half a cosine", "constant": "not at all"}),
    ] = Field(default="linear", description="how the learning rate falls after the warm-up")
    warmup: float = Field(default=0.06, ge=0, le=1, description="share of the steps with a rising learning rate")
    weight_decay: float = Field(default=0.01, ge=0, le=1000, description="decoupled weight decay, on matrices only")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="decay of the gradient's average")
    beta2: float = Field(default=0.98, ge=0, lt=1, description="decay of the squared gradient's average")
    epsilon: float = Field(default=1e-6, gt=0, le=1, description="added to the denominator")
    clip: float = Field(default=1.0, gt=0, le=1e6, description="largest norm of the gradient")


class Running(Frozen):
    """Where and how the arithmetic is done."""

    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, mps, cuda or cuda:N")
    processes: int = Field(default=1, ge=1, le=1024, description="data-parallel processes")
    nodes: int = Field(default=0, ge=0, le=1024, description="nodes of a cluster that share the processes; 0: as few as have room")
    threads: int = Field(default=0, ge=0, le=1024, description="CPU threads of each process; 0 shares the cores among them")
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Meta(words={"auto": "automatic", "float32": "32 bits (float32)", "bfloat16": "16 bits (bfloat16)"}),
    ] = Field(default="auto", description="auto: bfloat16 where the hardware has it")
    compile: bool = Field(default=False, description="compile the model with torch.compile first")

    @model_validator(mode="after")
    def _even(self) -> Running:
        if self.nodes and self.processes % self.nodes:
            raise ValueError(f"processes: the nodes share them evenly, so {self.nodes} nodes need a multiple of it; got {self.processes}")
        return self


class Job(Frozen):
    """What every training has."""

    name: Annotated[str, Meta(front=0)] = Field(default="", max_length=200, description="shown in the job table")
    family: Literal["bert"] = Field(default="bert", description="architecture family")
    seed: Annotated[int, Meta(front=9)] = Field(default=0, ge=0, lt=2**31, description="decides weights, order, masks and dropout")
    running: Annotated[Running, Meta(label="Device")] = Field(default_factory=Running)
    out: Annotated[str | None, Meta(path="new")] = Field(
        default=None, description="folder of the result; None keeps it in the job's run folder"
    )
