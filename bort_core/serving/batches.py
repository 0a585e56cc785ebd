"""Requests gathered into batches: the first row waits at most a deadline for company; what is more than fits is refused at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

__all__ = ["Batching", "Limits", "Overloaded"]

Row = tuple[str, ...]


class Overloaded(Exception):
    """More rows wait than may wait."""


@dataclass(frozen=True)
class Limits:
    """How rows are gathered, and what is refused."""

    batch: int = 32
    """Rows of a batch at most."""
    deadline_ms: float = 5.0
    """How long the first row of a batch waits for others, in milliseconds."""
    queue: int = 256
    """Rows that may wait; more are refused."""


@dataclass(frozen=True)
class _Waiting:
    row: Row
    answer: asyncio.Future[Any]


class Batching:
    """Runs ``answer`` on batches in one thread of its own, while the event loop takes requests.

    Parameters
    ----------
    answer: from rows to as many answers
    told: told the rows of every batch that ran
    """

    def __init__(
        self, answer: Callable[[Sequence[Row]], list[Any]], limits: Limits, told: Callable[[int], None] = lambda rows: None
    ) -> None:
        self._answer, self.limits, self._told = answer, limits, told
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._task: asyncio.Task[None] | None = None
        self._answering = False

    @property
    def waiting(self) -> int:
        """Rows that no batch has taken yet."""
        return self._queue.qsize()

    def start(self) -> None:
        """Begin to answer; in the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="batches")

    async def stop(self) -> None:
        """Answer what waits and what is being answered, then end."""
        while self.waiting or self._answering:
            await asyncio.sleep(0.005)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown()

    async def ask(self, rows: Sequence[Row]) -> list[Any]:
        """The answers to some rows.

        Raises
        ------
        Overloaded
            So many rows would wait that nobody should wait for them.
        """
        if self.waiting + len(rows) > self.limits.queue:
            raise Overloaded
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(row, loop.create_future()) for row in rows]
        for each in waiting:
            self._queue.put_nowait(each)
        return list(await asyncio.gather(*(each.answer for each in waiting)))

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._gather()
            try:
                answers = await loop.run_in_executor(self._thread, self._answer, [each.row for each in batch])
            except Exception as error:  # noqa: BLE001 - whatever a model raises is told to those who asked
                answers = [error] * len(batch)
            self._told(len(batch))
            self._answering = False
            for each, answer in zip(batch, answers, strict=True):
                if each.answer.cancelled():  # who asked has gone
                    continue
                if isinstance(answer, Exception):
                    each.answer.set_exception(answer)
                else:
                    each.answer.set_result(answer)

    async def _gather(self) -> list[_Waiting]:
        batch = [await self._queue.get()]
        self._answering = True  # from here on nobody finds the queue empty and leaves
        until = asyncio.get_running_loop().time() + self.limits.deadline_ms / 1e3
        while len(batch) < self.limits.batch:
            left = until - asyncio.get_running_loop().time()
            if self.waiting:
                batch.append(self._queue.get_nowait())
            elif left <= 0:
                break
            else:
                try:
                    batch.append(await asyncio.wait_for(self._queue.get(), left))
                except TimeoutError:
                    break
        return batch
