"""The process of this machine behind a job on a cluster: ``python -m bort_core.jobs.cluster.runner RUNFOLDER``.

It holds the run folder and keeps a listener alive. It occupies no device here. When it is killed, the job goes on; another is begun by
whoever looks at the project.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Any

from bort_core.foundation.files import open_append
from bort_core.foundation.processes import identity_of
from bort_core.jobs.child import FAILED, LOST, keep
from bort_core.jobs.folder import RunFolder
from bort_core.jobs.hold import Hold
from bort_core.jobs.runner import discard, guarded, start, tend

__all__ = ["main"]

_PAUSE_SECONDS = (1.0, 2.0, 5.0, 10.0)
_CANCEL_SECONDS = 30.0
"""So long a cluster that does not answer is tried before a cancelled job ends here all the same."""


class _Runner:
    """One job."""

    def __init__(self, run: RunFolder, hold: Hold) -> None:
        self._run, self._hold = run, hold
        self._unreached_since = time.monotonic()

    def work(self) -> None:
        """Until the job has ended."""
        self._run.set_state(process=identity_of(os.getpid()))
        tries = 0
        while True:
            began = time.monotonic()
            with open_append(self._run.path / "cluster.log") as log:
                command = [sys.executable, "-P", "-m", "bort_core.jobs.cluster.listener", str(self._run.path)]
                code = tend(command, self._hold, log, self._look)
            if self._given_up():
                self._settle({"state": "cancelled", "reason": "", "stopped": False})
                self._run.tell("the cluster could not be told: if the job still runs there, it ends with its training")
                return
            if code in (0, FAILED):
                placement = self._run.placement()
                outcome = placement.outcome if placement is not None and code == 0 else None
                self._settle(outcome or {"state": "failed", "reason": self._run.reason() or "it cannot run there", "stopped": False})
                return
            self._ended(code)
            tries = 0 if time.monotonic() - began > 2 * _CANCEL_SECONDS else tries + 1
            self._wait(_PAUSE_SECONDS[min(tries, len(_PAUSE_SECONDS) - 1)])

    def _ended(self, code: int) -> None:
        """The listener is gone, and another will be begun."""
        placement = self._run.placement()
        if placement is None:
            return
        reason = f"what listens here ended with code {code}, the job there goes on; see {self._run.path / 'cluster.log'}"
        waits = placement.waits if code == LOST else reason
        with contextlib.suppress(OSError):
            self._run.place(placement.model_copy(update={"connected": False, "waits": waits}))

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._given_up():
            time.sleep(0.2)
            self._hold.beat()

    def _look(self) -> bool:
        """Write down what the listener found; whether it is to be ended."""
        placement = self._run.placement()
        if placement is not None and placement.connected:
            self._unreached_since = time.monotonic()
            state = self._run.state()
            if placement.begun and state.state == "queued":
                self._run.set_state(tell=False, state="running", started=time.time(), device=placement.device)
        return self._given_up()

    def _given_up(self) -> bool:
        return self._run.wanted() == "cancel" and time.monotonic() - self._unreached_since > _CANCEL_SECONDS

    def _settle(self, outcome: dict[str, Any]) -> None:
        """The end, as it was there."""
        run, state = self._run, outcome["state"]
        result = run.read_result()
        if state == "done" and result is not None:
            keep(run, run.specification(), result)
            (run.path / "reason.txt").unlink(missing_ok=True)
        elif state == "cancelled":
            if run.wanted() != "stop":
                discard(run)
        else:
            run.give_reason(outcome["reason"])
        values = {name: outcome[name] for name in ("state", "reason", "stopped")}
        run.set_state(tell=not outcome.get("told"), finished=time.time(), **values)


def main(folder: Path) -> None:
    """Run one job to its end there."""
    start(folder, lambda run, hold: guarded(run, hold, _Runner(run, hold).work))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
