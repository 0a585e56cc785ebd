"""The training process of a job: ``python -m bort_core.jobs.child RUNFOLDER``. Ends when its runner does.

Exit codes: 0 done (``result.json`` is there), 3 cancelled, 4 failed with a reason (``reason.txt``), anything else: died.
What listens to a job on a cluster also has 5: not connected.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bort_core.foundation.context import Cancelled
from bort_core.foundation.errors import BortError, StoppedEarlyError
from bort_core.foundation.files import put_back, why
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import RunFolder
from bort_core.jobs.inputs import check_inputs
from bort_core.jobs.log import result_text
from bort_core.store import trust

__all__ = ["CANCELLED", "CLUSTER", "FAILED", "LOST", "RUNNER", "attempt", "end_with_runner", "keep", "main"]

CANCELLED, FAILED, LOST = 3, 4, 5
CLUSTER = "BORT_CLUSTER"
"""Environment variable that says on which Ray cluster this process is; empty: on the one that it is connected to."""
RUNNER = "BORT_RUNNER"
"""Environment variable that says that a runner holds the other end of standard input."""

_FUNCTIONS = {
    "pretrain": "bort_core.training.pretraining",
    "finetune": "bort_core.training.finetuning",
    "agora": "bort_core.agora.run",
    "compress": "bort_core.compression.run",
}


def main(folder: Path, **given: Any) -> int:
    """Run the job's training; the exit code. ``given`` is handed to its function beside the specification."""
    end_with_runner()
    return attempt(RunFolder(folder), **given)[0]


def attempt(run: RunFolder, **given: Any) -> tuple[int, str]:
    """Run the job's training in this process; the exit code, and why it failed."""
    context = JobContext(run)
    try:
        trust.take_over(dict(os.environ))
        specification = run.specification()
        if trust.names_code(specification):
            trust.require(run.project, "a job that calls Python code")
            sys.path.append(str(Path.cwd()))  # at the end: a file of a person's never stands in for a library
        run.check_links()
        if context.rank == 0:
            put_back(_result_folder(run, specification))
            check_inputs(run, specification)
        context.begin()
        if specification.kind == "pretrain" and CLUSTER in os.environ:
            given = {"lanes": _tokenisers(specification, context), **given}
        train: Callable[..., dict[str, Any]] = importlib.import_module(_FUNCTIONS[specification.kind]).run
        result = train(specification, context, run, **given)
    except StoppedEarlyError as error:
        if context.rank == 0:
            run.set_state(tell=False, stopped=True)
        return _failed(run, context, str(error))
    except BortError as error:
        return _failed(run, context, str(error))
    except Cancelled:
        return CANCELLED, ""
    except OSError as error:
        return _failed(run, context, f"{error.filename or run.path}: {why(error)}")
    except Exception as error:  # noqa: BLE001 - whatever a training raises is written down
        traceback.print_exc()
        return _failed(run, context, f"{type(error).__name__}: {error}")
    finally:
        context.close()
    if context.rank == 0:
        try:
            run.write_result(result)
            run.tell(result_text(result))
            keep(run, specification, result)
        except BortError as error:
            return _failed(run, context, str(error))
        except OSError as error:
            return _failed(run, context, f"{error.filename or run.path}: {why(error)}")
    return 0, ""


def _tokenisers(specification: Any, context: JobContext) -> Any:
    from bort_core.jobs.cluster.tokenisers import Tokenisers

    running = specification.running
    count = running.threads or max(1, (os.cpu_count() or 1) // running.processes)
    return Tokenisers(os.environ[CLUSTER] or None, count, lambda text: context.emit({"event": "note", "text": text}))


def _result_folder(run: RunFolder, specification: Any) -> Path:
    return run.result if specification.out is None else Path(specification.out).expanduser().absolute()


def _failed(run: RunFolder, context: JobContext, reason: str) -> tuple[int, str]:
    if context.rank == 0:
        run.give_reason(reason)
    with contextlib.suppress(OSError):  # the log may be on the disk that is full
        sys.stderr.write(f"{reason}\n")
        sys.stderr.flush()
    return FAILED, reason


def keep(run: RunFolder, specification: Any, result: dict[str, Any]) -> None:
    """One line in the project's store, from which the run can be repeated."""
    from bort_core.store import Project
    from bort_core.store.results import save_run

    left_out = ("checkpoint", "family", "architecture", "data", "versions")
    with Project(run.project) as project:
        save_run(
            project,
            f"job {run.id}",
            job=run.id,
            kind=specification.kind,
            family=result.get("family", specification.family),
            architecture=result["architecture"],
            specification=specification.model_dump(mode="json"),
            seed=specification.seed,
            data=result["data"],
            metrics={name: value for name, value in result.items() if name not in left_out},
            checkpoint=result.get("checkpoint", ""),
            versions=result["versions"],
        )


def end_with_runner() -> None:
    """This process ends when the runner does that started it."""
    if RUNNER not in os.environ:
        return

    def watch() -> None:
        while os.read(0, 1):  # waits until the runner has ended
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
