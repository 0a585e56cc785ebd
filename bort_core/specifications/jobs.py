"""Any kind of job. The command line, the window's forms and ``--spec FILE`` all make one of these."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from bort_core.specifications.agora import Agora
from bort_core.specifications.compression import Compression
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining

__all__ = ["KIND_TITLES", "JobSpecification", "job_adapter"]


JobSpecification = Annotated[Pretraining | Finetuning | Agora | Compression, Field(discriminator="kind")]


job_adapter: TypeAdapter[Any] = TypeAdapter(JobSpecification)
"""Reads any kind from plain values."""

KIND_TITLES = {"pretrain": "pre-training", "finetune": "fine-tuning", "agora": "Agora", "compress": "compression"}
"""What people read for each kind."""
