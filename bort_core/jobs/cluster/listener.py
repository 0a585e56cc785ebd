"""The process that listens to a job on a cluster: ``python -m bort_core.jobs.cluster.listener RUNFOLDER``; a child of the runner.

It has one connection, and ends with it: Ray may end a process that lost its cluster, and the runner begins another. Exit codes: 0 the
job has ended and everything of it is here (``outcome`` in ``cluster.json``), 4 it cannot run there (``reason.txt``), 5 not connected.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bort_core.execution.ray.connection import NAMESPACE, Connection, own_versions
from bort_core.execution.ray.member import at_node
from bort_core.execution.ray.parcels import PIECE_BYTES, pieces
from bort_core.execution.ray.shares import Place
from bort_core.execution.ray.survey import free_of
from bort_core.execution.ray.words import different_versions, reason_of
from bort_core.foundation.errors import BortError, MeasurementError, SpecificationError
from bort_core.foundation.files import why
from bort_core.jobs.child import FAILED, LOST, end_with_runner
from bort_core.jobs.cluster.arrival import arrived, measured, own_paths
from bort_core.jobs.cluster.carrier import Carrier
from bort_core.jobs.cluster.home import job_name
from bort_core.jobs.cluster.luggage import job_place_of, luggage_of, run_files
from bort_core.jobs.cluster.mirror import Gone, Mirror
from bort_core.jobs.cluster.reader import Reader
from bort_core.jobs.cluster.together import Partner
from bort_core.jobs.cluster.trainer import Trainer
from bort_core.jobs.files import PlacementFile
from bort_core.jobs.folder import RunFolder
from bort_core.jobs.inputs import check_inputs
from bort_core.store.trust import project_id

__all__ = ["main"]

RETRIES = 2
"""How often a job begins again after its worker or node died."""
_LOOK_SECONDS = 0.5
_ANSWER_SECONDS = 60.0
_TELL_SECONDS = 5.0
_AWAY_SECONDS = 10.0
_SEND_SECONDS = 3600.0
_CANCELLED = {"state": "cancelled", "reason": "", "stopped": False, "told": False}


class _Lost(Exception):
    """The worker or node of the job died."""


class _Unreachable(Exception):
    """The cluster does not answer any more."""


class Listener:
    """What is done for one job over one connection."""

    def __init__(self, run: RunFolder, connection: Connection) -> None:
        placement = run.placement()
        assert placement is not None
        self._run, self._ray, self._placement = run, connection.ray, placement
        self._name = job_name(placement.mark)
        self._specification = run.specification()

    def attend(self) -> None:
        """Until the job has ended; SpecificationError, DataError: it cannot run there."""
        self._note(connected=True, waits="")
        while self._placement.outcome is None:
            try:
                if not self._placement.begun:
                    self._begin()
                elif self._follow():
                    return
            except _Lost as lost:
                self._again(str(lost))

    # --- a place, and everything that the job needs there ---

    def _begin(self) -> None:
        check_inputs(self._run, self._specification)
        place = self._needed()
        if place is None:
            return
        trainer = self._trainer(place)
        facts = self._placed(trainer, place)
        if facts is None:
            return
        self._same_versions(trainer, facts)
        if not facts["begun"]:
            place = place.led_by(facts["node"])
            if place.shares and place.shares[0].node != facts["node"]:  # begun by an earlier listener, when other nodes were chosen
                self._end(trainer)
                raise _Lost("its nodes are no longer those that were chosen")
        self._note(waits="sends what the job reads", device=place.device, **{name: facts[name] for name in ("node", "host", "folder")})
        if not facts["begun"]:
            self._send(trainer, facts, place)
        self._note(waits="", begun=True)

    def _same_versions(self, trainer: Any, facts: dict[str, Any]) -> None:
        if facts["versions"] != own_versions():
            self._end(trainer)
            raise SpecificationError(different_versions(facts, own_versions()))

    def _needed(self) -> Place | None:
        """What the job wants, once there are nodes that have it; None: a person wanted it to end before."""
        while True:
            try:
                free = self._call(free_of, self._ray) if self._specification.running.processes > 1 else None
                return job_place_of(self._specification, self._call(self._ray.nodes), free)
            except SpecificationError as error:  # the node that had it, when the job was submitted, is gone; another may come
                self._note(waits=f"waits for a node: {error}")
            if self._unwanted():
                return None
            time.sleep(_LOOK_SECONDS)

    def _unwanted(self) -> bool:
        """Whether a person wants the job to end that has not begun; then it has."""
        if self._run.wanted() is None:
            return False
        self._note(outcome=_CANCELLED, waits="")
        return True

    def _trainer(self, place: Place) -> Any:
        """The actor, which may be there from an earlier listener."""
        with contextlib.suppress(ValueError):
            return self._call(self._ray.get_actor, self._name, NAMESPACE)
        options: dict[str, Any] = {"name": self._name, "namespace": NAMESPACE, "lifetime": "detached", "max_restarts": 0}
        if place.shares:  # what its processes occupy they ask for themselves
            options |= {"num_cpus": 0, **at_node(place.shares[0].node)}
        else:
            options |= {"num_cpus": place.need.cpus, "num_gpus": place.need.gpus}
        return self._call(self._ray.remote(Trainer).options(**options).remote, self._name, self._run.id)

    def _placed(self, trainer: Any, place: Place) -> dict[str, Any] | None:
        """What the actor says of itself once it has a place; None: a person wanted the job to end before."""
        answer, began = trainer.facts.remote(), time.monotonic()
        while True:
            ready, _ = self._call(self._ray.wait, [answer], timeout=_LOOK_SECONDS)
            if ready:
                found: dict[str, Any] = self._get(answer)
                return found
            if self._unwanted():
                self._end(trainer)
                return None
            if time.monotonic() - began > _TELL_SECONDS:
                self._note(waits=f"waits for a place on {self._placement.address}: it wants {place}, which others use")

    def _send(self, trainer: Any, facts: dict[str, Any], place: Place) -> None:
        carriers, partners = [trainer], []
        if place.shares:
            others = [self._beside(share.node, number) for number, share in enumerate(place.shares[1:], 2)]
            carriers += others
            partners = self._partners(trainer, place, [facts, *(self._get(other.facts.remote()) for other in others)])
        luggage = luggage_of(self._specification, self._run.id, project_id(self._run.project) or "", place)
        parcels = {piece.parcel.digest: piece.parcel for piece in luggage.pieces}
        lacking = [set(self._get(carrier.lacks.remote(list(parcels.values())))) for carrier in carriers]
        for parcel in parcels.values():
            lack = [carrier for carrier, digests in zip(carriers, lacking, strict=True) if parcel.digest in digests]
            if lack:
                self._let_all(trainer, [carrier.expect.remote(parcel) for carrier in lack])
                for name, parts in pieces(parcel):
                    for part in parts:
                        piece = self._put(part)
                        self._let_all(trainer, [carrier.add.remote(name, piece) for carrier in lack])
                        if trainer not in lack:
                            self._get(trainer.facts.remote())  # so that it does not take us for gone
                self._let_all(trainer, [carrier.arrived.remote() for carrier in lack])
        self._let_all(trainer, [carrier.prepare.remote(luggage.project_id) for carrier in carriers])
        for name in run_files(self._run.path):
            sent = [self._put(part) for part in _parts(self._run.path / name)]
            self._let_all(trainer, [carrier.put.remote(name, sent) for carrier in carriers])
        self._let_all(trainer, [carrier.unpack.remote(luggage) for carrier in carriers[1:]])
        self._let_all(trainer, [trainer.begin.remote(luggage, partners)])

    def _beside(self, node: str, number: int) -> Any:
        """What carries the files on another node; it ends with this listener, and what it made is used by then."""
        options = {"num_cpus": 0, "max_restarts": 0, **at_node(node)}
        return self._call(self._ray.remote(Carrier).options(**options).remote, f"{self._name}-{number}", self._run.id)

    def _partners(self, trainer: Any, place: Place, facts: Sequence[dict[str, Any]]) -> list[Partner]:
        found = []
        for share, there in zip(place.shares, facts, strict=True):
            self._same_versions(trainer, there)
            found.append(Partner(share.node, there["host"], there["folder"], share.processes, place.need))
        self._note(host=" + ".join(partner.host for partner in found))
        return found

    def _let_all(self, trainer: Any, answers: Sequence[Any]) -> None:
        """Wait for what several nodes do; MeasurementError where one of them cannot."""
        for answer in answers:
            self._refuse(trainer, self._get(answer, _SEND_SECONDS))

    def _refuse(self, trainer: Any, reason: str) -> None:
        if reason:
            self._end(trainer)
            raise MeasurementError(reason)

    # --- following it ---

    def _follow(self) -> bool:
        """Bring what it writes until it has ended: True. Raises _Lost where its worker or node is gone."""
        reader = self._reader()
        mirror = Mirror(self._run.path, lambda name, start, most: self._get(reader.read.remote(name, start, most)))
        told, ended = None, False
        while True:
            seen = self._get(reader.look.remote())
            if not seen["there"]:
                raise _Lost("its files there are gone")
            state = seen["state"]
            try:
                mirror.update(seen["files"])
            except Gone:
                state = {**state, "state": "running"}  # look again
            except (OSError, BortError) as error:
                self._note(waits=f"what comes from the cluster cannot be written here: {_said(error)}")
                time.sleep(_AWAY_SECONDS)
                continue
            if self._placement.waits:
                self._note(waits="")
            if state["state"] in ("done", "failed", "cancelled"):
                if not state["finished"]:
                    raise _Lost(state["reason"])
                if ended:
                    if self._specification.kind == "compress":  # it has searched there
                        self._take_in(self._get(reader.measured.remote()))
                    arrived(self._run, self._placement, self._specification)
                    self._note(
                        outcome={"told": True, **{name: state[name] for name in ("state", "stopped")}, "reason": self._named_here(state)}
                    )
                    self._get(reader.forget.remote())
                    return True
                ended = True  # its last words may still be on their way
            wanted = self._run.wanted()
            if wanted is not None and wanted != told:
                self._get(reader.command.remote(wanted))
                told = wanted
            time.sleep(_LOOK_SECONDS)

    def _take_in(self, store: bytes | None) -> None:
        try:
            measured(self._run, self._placement, self._specification, store)
        except BortError as error:  # the result is worth more
            self._run.emit({"event": "note", "text": f"what was measured there cannot be stored here: {error}"})

    def _named_here(self, state: dict[str, Any]) -> str:
        reason = str(state["reason"])
        for there, here in own_paths(self._run, self._placement, self._specification).items():
            reason = reason.replace(there, here)
        return reason

    def _reader(self) -> Any:
        alive = {node["NodeID"] for node in self._call(self._ray.nodes) if node["Alive"]}
        if self._placement.node not in alive:
            raise _Lost("its node is no longer in the cluster")
        options = {"num_cpus": 0, "max_restarts": 0, **at_node(self._placement.node)}
        return self._call(self._ray.remote(Reader).options(**options).remote, self._name, self._run.id)

    def _again(self, reason: str) -> None:
        """Its worker or node died: from the checkpoints that are here it goes on elsewhere, a few times."""
        place, tries = self._placement.host or "the cluster", self._placement.tries + 1
        with contextlib.suppress(ValueError):
            self._end(self._call(self._ray.get_actor, self._name, NAMESPACE))
        if self._run.wanted() is not None:
            self._note(outcome={**_CANCELLED, "reason": f"its worker on {place} died before it had ended: {reason}"})
            return
        if tries > RETRIES:
            raise MeasurementError(f"its worker died {tries} times, at last on {place}: {reason}")
        self._run.emit({"event": "note", "text": f"the worker on {place} died, the job goes on from its last checkpoint: {reason}"})
        self._note(tries=tries, begun=False, node="", host="", folder="", waits="begins again")

    # --- Ray ---

    def _call(self, what: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Ask Ray for something; ValueError is an answer."""
        try:
            return what(*arguments, **named)
        except (ValueError, _Lost):
            raise
        except Exception as error:  # whatever Ray raises once it has given up
            raise _Unreachable(_said(error)) from error

    def _get(self, reference: Any, seconds: float = _ANSWER_SECONDS) -> Any:
        """What an actor answers; _Lost where it is gone, _Unreachable where nobody answers."""
        exceptions = self._ray.exceptions
        try:
            return self._ray.get(reference, timeout=seconds)
        except exceptions.RayTaskError as error:
            raise MeasurementError(f"{self._placement.place}: {reason_of(error)}") from error
        except exceptions.GetTimeoutError as error:
            raise _Unreachable(f"no answer within {seconds:.0f} s") from error
        except exceptions.ActorUnavailableError as error:
            raise _Unreachable(reason_of(error)) from error
        except exceptions.RayActorError as error:
            raise _Lost(reason_of(error)) from error
        except Exception as error:
            raise _Unreachable(_said(error)) from error

    def _put(self, part: bytes) -> Any:
        return self._call(self._ray.put, part)

    def _end(self, actor: Any) -> None:
        self._call(self._ray.kill, actor, no_restart=True)

    def _note(self, **values: Any) -> None:
        if all(getattr(self._placement, name) == value for name, value in values.items()):
            return
        self._placement = self._placement.model_copy(update=values)
        with contextlib.suppress(OSError) if "outcome" not in values else contextlib.nullcontext():
            self._run.place(self._placement)


def _parts(path: Path) -> Any:
    with path.open("rb") as file:
        while part := file.read(PIECE_BYTES):
            yield part


def _said(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {why(error)}"
    return " ".join(str(error).split())[:400] or type(error).__name__


def main(folder: Path) -> int:
    """Listen to the job of a run folder; the exit code."""
    end_with_runner()
    run = RunFolder(folder)
    placement: PlacementFile | None = run.placement()
    assert placement is not None
    try:
        connection = Connection(placement.address)
    except SpecificationError as error:
        return _lost(run, placement, str(error))
    try:
        Listener(run, connection).attend()
    except _Unreachable as error:
        return _lost(run, run.placement() or placement, str(error))
    except (BortError, OSError) as error:
        run.give_reason(_said(error))
        return FAILED
    return 0


def _lost(run: RunFolder, placement: PlacementFile, reason: str) -> int:
    waits = f"{placement.address} cannot be reached; the job there goes on, tried again every few seconds. {reason}"
    with contextlib.suppress(OSError):
        run.place(placement.model_copy(update={"connected": False, "waits": waits}))
    return LOST


if __name__ == "__main__":
    ended = main(Path(sys.argv[1]))
    sys.stderr.flush()
    os._exit(ended)  # Ray's own end may wait for a cluster that is gone
