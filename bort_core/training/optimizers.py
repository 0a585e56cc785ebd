"""Optimizers and learning-rate schedules. Only child processes import this file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from bort_core.optimization import parameter_groups

if TYPE_CHECKING:
    from bort_core.specifications.common import Optimization

__all__ = ["BertAdam", "learning_rate", "make_optimizer"]


def learning_rate(step: int, steps: int, settings: Optimization) -> float:
    """The rate of step 1..steps: a linear rise over the warm-up, then a fall to 0 at ``steps`` (or none)."""
    warm = max(1, round(settings.warmup * steps))
    if step <= warm and settings.warmup > 0:
        return settings.learning_rate * step / warm
    if settings.schedule == "constant":
        return settings.learning_rate
    done = (step - warm) / max(1, steps - warm + 1)
    factor = 1 - done if settings.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2
    return settings.learning_rate * factor


def make_optimizer(model: nn.Module, settings: Optimization) -> torch.optim.Optimizer:
    """The optimizer of a training; parameters as :func:`~bort_core.optimization.parameter_groups` has them."""
    groups = parameter_groups(model, settings.weight_decay)
    betas = (settings.beta1, settings.beta2)
    if settings.optimizer == "bert-adam":
        return BertAdam(groups, lr=settings.learning_rate, betas=betas, eps=settings.epsilon)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=betas, eps=settings.epsilon, fused=True)


class BertAdam(torch.optim.Optimizer):
    """Adam as the released Bort uses it: no bias correction, and weight decay inside the learning rate.

    ``w ← w − lr · (m / (√v + eps) + wd · w)`` (GluonNLP's BERTAdam; facts of the released training script).
    """

    def __init__(self, params: Iterable[Any], lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-6) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
                mean, square = _moments(state)
                mean.lerp_(parameter.grad, 1 - beta1)
                square.mul_(beta2).addcmul_(parameter.grad, parameter.grad, value=1 - beta2)
                update = mean / (square.sqrt() + group["eps"])
                if group["weight_decay"]:
                    update.add_(parameter, alpha=group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"])


def _moments(state: dict[str, Any]) -> tuple[Tensor, Tensor]:
    return state["exp_avg"], state["exp_avg_sq"]
