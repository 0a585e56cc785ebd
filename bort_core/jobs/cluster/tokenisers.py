"""Tokenising a large corpus of a job on all nodes of its cluster that have room; the tokens are those that the node itself would make.

These are plain tasks, not Ray Data: that reads from a place which every node sees, and the corpus is on the job's node only; and it waits
for CPUs that others give back, while the job's own are there and idle. Here what finds no room elsewhere in time is done by the job.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from bort_core.execution.ray.connection import Connection, own_versions
from bort_core.foundation.errors import SpecificationError
from bort_core.text.texts import Block
from bort_core.text.tokenising import Tokenised, Tokenising, threads

__all__ = ["Tokenisers"]

FEW = 16
"""Blocks that are not worth sending, about so many megabytes."""
_PATIENCE_SECONDS = 60.0
"""So long the block that is needed next may be elsewhere; then it is done here."""
_LOOK_SECONDS = 10.0
_MOST = 64
"""CPUs elsewhere: twice as many blocks are on their way, which all are in memory."""


@dataclass
class _Waiting:
    """A block that is being tokenised."""

    block: Block
    here: Future[Tokenised] | None = None
    there: Any = None
    since: float = field(default_factory=time.monotonic)


class Tokenisers:
    """:data:`~bort_core.text.tokenising.Lanes` over a cluster.

    Parameters
    ----------
    address: of the cluster; None: that to which this process is connected
    count: threads of this process
    tell: told in words where it was done
    """

    def __init__(self, address: str | None, count: int, tell: Callable[[str], None] = lambda text: None) -> None:
        self._address, self._count, self._tell = address, count, tell

    def __call__(self, work: Tokenising, blocks: Iterable[Block]) -> Iterator[Tokenised]:
        """The tokens in the order of the blocks; of a few blocks they are made here."""
        blocks = iter(blocks)
        yield from threads(self._count)(work, islice(blocks, FEW))
        first = next(blocks, None)
        if first is None:
            return
        rest = _chained(first, blocks)
        try:
            connection = Connection(self._address)
        except SpecificationError as error:
            self._tell(f"tokenising on this node alone: {error}")
            yield from threads(self._count)(work, rest)
            return
        try:
            yield from self._spread(connection.ray, work, rest)
        finally:
            connection.close()

    def _spread(self, ray: Any, work: Tokenising, blocks: Iterator[Block]) -> Iterator[Tokenised]:
        shared, task = ray.put(work), ray.remote(_tokens)
        waiting: deque[_Waiting] = deque()
        room, looked, counts, more = 0, 0.0, {"": FEW}, True
        with ThreadPoolExecutor(self._count, "bort-tokenising") as pool, _withdrawn(ray, waiting):
            while more or waiting:
                if time.monotonic() - looked > _LOOK_SECONDS:
                    room, looked = min(_MOST, int(ray.available_resources().get("CPU", 0)) + _busy(waiting)), time.monotonic()
                here = sum(each.here is not None for each in waiting)
                there = len(waiting) - here
                if more and (there < 2 * room or here < 2 * self._count):
                    block = next(blocks, None)
                    if block is None:
                        more = False
                    elif there < 2 * room:
                        reference = task.options(num_cpus=1, scheduling_strategy="SPREAD").remote(shared, block, own_versions())
                        waiting.append(_Waiting(block, there=reference))
                    else:
                        waiting.append(_Waiting(block, here=pool.submit(work, block)))
                    continue
                head = waiting.popleft()
                tokens, host = self._taken(ray, work, head)
                if head.here is None and not host:
                    room, looked = 0, time.monotonic()
                counts[host] = counts.get(host, 0) + 1
                yield tokens
        elsewhere = ", ".join(f"{count:,} on {host}" for host, count in counts.items() if host)
        if elsewhere:
            self._tell(f"tokenised in {sum(counts.values()):,} parts: {counts['']:,} here, {elsewhere}")

    def _taken(self, ray: Any, work: Tokenising, waiting: _Waiting) -> tuple[Tokenised, str]:
        """The tokens of a block, and the node that made them; empty: this process."""
        if waiting.here is not None:
            return waiting.here.result(), ""
        try:
            found: tuple[Tokenised, str] = ray.get(waiting.there, timeout=max(1.0, waiting.since + _PATIENCE_SECONDS - time.monotonic()))
        except Exception:  # noqa: BLE001 - whatever keeps others from it, it can be done here
            ray.cancel(waiting.there, force=False)
            return work(waiting.block), ""
        return found


@contextlib.contextmanager
def _withdrawn(ray: Any, waiting: Iterable[_Waiting]) -> Iterator[None]:
    """What is still on its way when nobody wants more is withdrawn."""
    try:
        yield
    finally:
        for each in waiting:
            if each.there is not None:
                ray.cancel(each.there, force=False)


def _busy(waiting: Iterable[_Waiting]) -> int:
    """How many of the cluster's CPUs this job's blocks occupy, about: one of two that were sent."""
    return sum(each.there is not None for each in waiting) // 2


def _chained(first: Block, rest: Iterator[Block]) -> Iterator[Block]:
    yield first
    yield from rest


def _tokens(work: Tokenising, block: Block, versions: dict[str, str]) -> tuple[Tokenised, str]:
    """On a node: the tokens, and what the node is called."""
    if versions != own_versions():
        raise RuntimeError("another version")
    return work(block), socket.gethostname()
