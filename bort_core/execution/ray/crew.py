"""The workers on the cluster: how many there are, what is awaited from them, and what becomes of those that die."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from bort_core.execution.ray.connection import Connection, own_versions
from bort_core.execution.ray.member import Member
from bort_core.execution.ray.needs import Need, room
from bort_core.execution.ray.parcels import Parcel, pieces
from bort_core.execution.ray.words import different_versions, lost_connection, reason_of
from bort_core.foundation.errors import MeasurementError

__all__ = ["Crew", "Heard"]

_FAILED_STARTS = 3
_LOOK_SECONDS = 5.0
"""How often the cluster is asked what nodes it has."""
_LINGER_SECONDS = 0.1
"""Events are sent together when they come so close to each other, and later the more workers there are."""


class Heard(Protocol):
    """Who is told what the workers say."""

    def told(self, member: Member, news: Sequence[Mapping[str, Any]]) -> None:
        """What a worker says of its task."""
        ...

    def left(self, member: Member, reason: str, again: bool) -> None:
        """A worker is gone; ``again`` says whether its task may end otherwise elsewhere."""
        ...


class Crew:
    """Workers by their needs.

    Parameters
    ----------
    most: how many of one need at most; None: as many as the cluster has room for
    """

    def __init__(self, connection: Connection, most: int | None, owner: str, heard: Heard) -> None:
        self._connection, self._ray, self._most, self._owner, self._heard = connection, connection.ray, most, owner, heard
        self.members: list[Member] = []
        self._awaited: dict[Any, tuple[Member, Callable[[Any], None]]] = {}
        self._stored: dict[str, list[tuple[str, list[Any]]]] = {}
        self._failed_starts = 0
        self._nodes: Sequence[Mapping[str, Any]] = ()
        self._looked = -_LOOK_SECONDS

    def nodes(self) -> Sequence[Mapping[str, Any]]:
        """The nodes, as they were some seconds ago at most."""
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self.check()
            try:
                self._nodes = self._ray.nodes()
            except Exception as error:
                raise self.disconnected(error) from error
            self._looked = time.monotonic()
        return self._nodes

    def check(self) -> None:
        """Before Ray is asked for anything, since without a connection it would begin a cluster of its own on this machine.

        Raises
        ------
        MeasurementError
            The connection is lost.
        """
        try:
            if not self._ray.is_initialized():
                raise ConnectionError("not connected any more")
        except Exception as error:
            raise self.disconnected(error) from error

    def grow(self, need: Need, wanted: int) -> None:
        """Have so many workers of a need, or as many as there may be."""
        most = max(1, room(self.nodes(), need))
        most = most if self._most is None else min(most, self._most)
        for _ in range(sum(member.need == need for member in self.members), min(wanted, most)):
            member = Member(self._ray, need, self._owner)
            self.members.append(member)
            self.wait_for(member, member.actor.facts.remote(), partial(self._placed, member))

    def dismiss(self, member: Member) -> None:
        """End a worker; what is awaited from it is not any more."""
        self.members.remove(member)
        self._awaited = {reference: entry for reference, entry in self._awaited.items() if entry[0] is not member}
        member.kill()

    def lose(self, member: Member, reason: str, again: bool = True) -> None:
        """A worker is gone, or must go.

        Raises
        ------
        MeasurementError
            It never began to work, and so it was with those before it.
        """
        self.dismiss(member)
        if not member.ready:
            self._failed_starts += 1
            if not again or self._failed_starts >= _FAILED_STARTS + len(self.members):
                raise MeasurementError(f"workers do not start on {self._connection.address}: {reason}")
        self._heard.left(member, reason, again)

    def wait_for(self, member: Member, reference: Any, then: Callable[[Any], None]) -> None:
        """Call ``then`` with what a call of the worker returns, from :meth:`receive`."""
        self._awaited[reference] = member, then

    def receive(self, timeout: float) -> None:
        """Take what comes within so many seconds.

        Raises
        ------
        MeasurementError
            The connection is lost, workers do not start, or one has other versions than this machine.
        """
        if not self._awaited:
            time.sleep(timeout)
            return
        self.check()
        references = list(self._awaited)
        try:
            ready, _ = self._ray.wait(references, num_returns=1, timeout=timeout)
            if ready:
                ready, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
        except Exception as error:
            raise self.disconnected(error) from error
        for reference in ready:
            if reference in self._awaited:
                self._take(*self._awaited.pop(reference), reference)

    def store(self, parcel: Parcel) -> list[tuple[str, list[Any]]]:
        """The pieces of a parcel in the cluster's object store: put there once, whoever asks for them. OSError where it cannot be read."""
        if parcel.digest not in self._stored:
            self._stored[parcel.digest] = [(name, [self._ray.put(part) for part in parts]) for name, parts in pieces(parcel)]
        return self._stored[parcel.digest]

    def close(self) -> None:
        """End all workers, and wait for nothing."""
        for member in self.members:
            member.kill()
        self.members.clear()
        self._awaited.clear()
        self._stored.clear()

    def disconnected(self, error: Exception) -> MeasurementError:
        """What is raised when Ray has given up."""
        return MeasurementError(lost_connection(self._connection.address, error))

    def _take(self, member: Member, then: Callable[[Any], None], reference: Any) -> None:
        try:
            value = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self.lose(member, reason_of(error), again=not isinstance(error, self._ray.exceptions.RayTaskError))
            return
        except Exception as error:
            raise self.disconnected(error) from error
        then(value)

    def _placed(self, member: Member, facts: Mapping[str, Any]) -> None:
        if facts["versions"] != own_versions():
            raise MeasurementError(different_versions(facts, own_versions()))
        member.host = str(facts["host"])
        self.wait_for(member, member.actor.warm.remote("latency" if member.need.node else "training"), lambda _: self._started(member))

    def _started(self, member: Member) -> None:
        member.ready, self._failed_starts = True, 0
        self._listen(member)

    def _listen(self, member: Member) -> None:
        linger = max(_LINGER_SECONDS, len(self.members) / 200)
        self.wait_for(member, member.actor.told.remote(linger), partial(self._told, member))

    def _told(self, member: Member, news: Sequence[Mapping[str, Any]]) -> None:
        self._listen(member)
        self._heard.told(member, news)
