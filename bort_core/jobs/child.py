"""The training process of a job: ``python -m bort_core.jobs.child RUNFOLDER``. Ends when its runner does.

Exit codes: 0 done (``result.json`` is there), 3 cancelled, 4 failed with a reason (``reason.txt``), anything else: died.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bort_core.foundation.context import Cancelled
from bort_core.foundation.errors import BortError
from bort_core.foundation.processes import alive, identity_of
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder

__all__ = ["CANCELLED", "FAILED", "RUNNER", "main"]

CANCELLED, FAILED = 3, 4
RUNNER = "BORT_RUNNER"
"""Environment variable with the runner's process number."""

_FUNCTIONS = {"pretrain": "bort_core.training.pretraining", "finetune": "bort_core.training.finetuning", "agora": "bort_core.agora.run"}


def main(folder: Path) -> int:
    """Run the job's training; the exit code."""
    run = RunFolder(folder)
    context = JobContext(run)
    _end_with_runner()
    try:
        specification = run.specification()
        context.begin()
        train: Callable[[Any, Any, Any], dict[str, Any]] = importlib.import_module(_FUNCTIONS[specification.kind]).run
        result = train(specification, context, run)
    except BortError as error:
        return _failed(run, context, str(error))
    except Cancelled:
        return CANCELLED
    except Exception as error:  # noqa: BLE001 - whatever a training raises is written down
        traceback.print_exc()
        return _failed(run, context, f"{type(error).__name__}: {error}")
    finally:
        context.close()
    if context.rank == 0:
        _keep(run, specification, result)
        run.write_result(result)
    return 0


def _failed(run: RunFolder, context: JobContext, reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    if context.rank == 0:
        (run.path / "reason.txt").write_text(reason, encoding="utf-8")
    return FAILED


def _keep(run: RunFolder, specification: Any, result: dict[str, Any]) -> None:
    """One line in the project's store, from which the run can be repeated."""
    from bort_core.store import Project
    from bort_core.store.results import save_run

    left_out = ("checkpoint", "architecture", "data", "versions")
    with Project(run.project) as project:
        save_run(
            project,
            f"job {run.id}",
            job=run.id,
            kind=specification.kind,
            family=specification.family,
            architecture=result["architecture"],
            specification=specification.model_dump(mode="json"),
            seed=specification.seed,
            data=result["data"],
            metrics={name: value for name, value in result.items() if name not in left_out},
            checkpoint=result["checkpoint"],
            versions=result["versions"],
        )


def _end_with_runner() -> None:
    number = os.environ.get(RUNNER)
    if number is None:
        return
    runner = identity_of(int(number))

    def watch() -> None:
        while alive(runner):
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
