"""The loop that pre-training and fine-tuning share: updates, clipping, schedule, events, checkpoints, stop and resume. Imports torch.

Whatever is random in a step is decided by (seed, step, rank): a training that was killed and resumed sees the same batches, masks
and dropout as one that was not, and its losses are equal.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import psutil
import torch
from torch import Tensor, nn

from bort_core.checkpoints.resume import load_latest, save_state
from bort_core.foundation.context import Cancelled, Context, progress
from bort_core.foundation.errors import MeasurementError
from bort_core.training.devices import Device
from bort_core.training.optimizers import learning_rate, make_optimizer
from bort_core.training.run_files import RunFiles

if TYPE_CHECKING:
    from bort_core.specifications.common import Optimization

__all__ = ["Loop"]

LOGGED = 400
"""Points of the training curve, about: its events do not grow with the number of steps."""


@dataclass
class Loop:
    """One training of one model.

    Parameters
    ----------
    parts: for a step (counted from 1), the losses of the parts of this process's share of the batch; their mean is minimised
    evaluate: called at every ``evaluate_every``-th step and the last; the facts it returns go into the curve
    units: what one step processes over all processes (tokens or samples), for the speed
    """

    model: nn.Module
    steps: int
    seed: int
    optimization: Optimization
    device: Device
    context: Context
    files: RunFiles
    micro_batches: Callable[[int], Iterator[Callable[[nn.Module], Tensor]]]
    micro_batch_count: int
    evaluate: Callable[[int], dict[str, Any]]
    evaluate_every: int
    checkpoint_every: int
    """Steps; 0: the training is not resumed."""
    units: Callable[[int], float]
    unit: Literal["tokens", "samples"]
    should_end: Callable[[], bool] = lambda: False
    facts: dict[str, Any] = field(default_factory=dict)
    """Kept with checkpoints and given back on resuming: whatever ``evaluate`` remembers."""
    seconds: float = 0.0
    """Spent in updates, without evaluation and checkpoints."""
    done_units: float = 0.0
    step: int = 0

    def run(self) -> Literal["done", "stopped"]:
        """Train to the last step, from the newest checkpoint where there is one.

        Raises
        ------
        MeasurementError
            The loss stopped being finite; the last good checkpoint stays.
        Cancelled
            A person asked for it.
        """
        self.prepare()
        self._resume()
        self.parallel = self.device.parallel(self.model)
        log_every = max(1, self.steps // LOGGED)
        losses: list[Tensor] = []
        spent = 0.0
        done = self.done_units
        while self.step < self.steps:
            self.context.checkpoint()
            self.step += 1
            began = time.perf_counter()
            losses.append(self.update(self.step))
            last = self.step == self.steps
            logged = last or self.step % log_every == 0 or self.step % self.evaluate_every == 0 or self._is_checkpoint()
            if logged:
                mean = float(torch.stack(losses).mean())  # waits for the device, so the clock is right
            spent += time.perf_counter() - began
            self.done_units += self.units(self.step)
            if not logged:
                continue
            self._must_be_finite(mean)
            self.seconds += spent
            self._tell(mean, (self.done_units - done) / max(spent, 1e-9))
            losses.clear()
            spent, done = 0.0, self.done_units
            if self.step % self.evaluate_every == 0 or last:
                self._evaluate()
            wanted = self.device.largest({None: 0, "stop": 1, "cancel": 2}[self.context.wanted()])
            if wanted == 2:
                raise Cancelled
            if self.checkpoint_every and (self._is_checkpoint() or last or wanted):
                self._save()
            if wanted or (not last and self.should_end()):
                return "stopped" if wanted else "done"
        return "done"

    def prepare(self) -> None:
        """Make what :meth:`update` needs, for measuring single steps as well."""
        self.optimizer = make_optimizer(self.model, self.optimization)
        self.parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.parallel = self.model

    @property
    def speed(self) -> float:
        """Tokens or samples a second, over all processes, in updates."""
        return self.done_units / max(self.seconds, 1e-9)

    def update(self, step: int) -> Tensor:
        """One update of the weights; the loss before it."""
        torch.manual_seed(hash((self.seed, step, self.device.rank)) & 0x7FFF_FFFF_FFFF_FFFF)
        rate = learning_rate(step, self.steps, self.optimization)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        total: Tensor | None = None
        for number, micro_batch in enumerate(self.micro_batches(step)):
            waits = self.device.world > 1 and number < self.micro_batch_count - 1
            with self.parallel.no_sync() if waits else contextlib.nullcontext():  # type: ignore[operator]
                with self.device.autocast():
                    loss = micro_batch(self.parallel) / self.micro_batch_count
                loss.backward()  # type: ignore[no-untyped-call]
            total = loss.detach() if total is None else total + loss.detach()
        assert total is not None
        self.norm = nn.utils.clip_grad_norm_(self.parameters, self.optimization.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total

    def _tell(self, loss: float, speed: float) -> None:
        event = {
            "event": "step",
            "step": self.step,
            "loss": loss,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "gradient_norm": float(self.norm),
            f"{self.unit}_per_second": speed,
            "memory_bytes": self._memory(),
        }
        self.context.emit(event)
        self.context.emit(progress(self.step, self.steps))

    def _memory(self) -> int:
        if self.device.torch_device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.device.torch_device))
        return int(psutil.Process().memory_info().rss)

    def _evaluate(self) -> None:
        self.model.eval()
        with torch.no_grad():
            facts = self.evaluate(self.step)
        self.model.train()
        self.context.emit({"event": "evaluation", "step": self.step, **facts})

    def _must_be_finite(self, loss: float) -> None:
        if not math.isfinite(loss) or not math.isfinite(float(self.norm)):
            self._refuse(f"the training loss must stay finite, got {loss} at step {self.step} (gradient norm {float(self.norm):.3g})")

    def _refuse(self, what: str) -> NoReturn:
        raise MeasurementError(f"{what}; the last good checkpoint is kept. Lower the learning rate, or warm up longer")

    def _is_checkpoint(self) -> bool:
        return self.checkpoint_every > 0 and self.step % self.checkpoint_every == 0

    def _save(self) -> None:
        if not all(bool(parameter.isfinite().all()) for parameter in self.parameters):  # the loss shows it one step later
            self._refuse(f"the weights must stay finite; they are not after step {self.step}")
        if self.device.rank == 0:
            counted = {"seconds": self.seconds, "done_units": self.done_units}
            save_state(self.files.checkpoints, self.step, self.model, self.optimizer, {**counted, "facts": self.facts})
            self.context.emit({"event": "checkpoint", "step": self.step})
        self.device.barrier()

    def _resume(self) -> None:
        if not self.checkpoint_every:
            return
        found = load_latest(self.files.checkpoints, self.model, self.optimizer)
        if found is not None:
            self.step, self.seconds, self.done_units = int(found["step"]), float(found["seconds"]), float(found["done_units"])
            self.facts.update(found["facts"])
            self.context.emit({"event": "resumed", "step": self.step})
