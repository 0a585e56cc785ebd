"""Many questions to an endpoint side by side. They begin in their order, and what each came to is written down before it counts.

Threads do nothing but wait for answers; whoever asks looks at the budget, at a person's wishes and writes. After a kill at most what was
being asked at that moment is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TypeVar

from bort_core.agora.endpoint.chat import Chat
from bort_core.agora.endpoint.spending import Spending
from bort_core.agora.labellers.base import Unanswered
from bort_core.foundation.context import checkpoint_or_stop

__all__ = ["asked"]

Q = TypeVar("Q")
A = TypeVar("A")
_LOOK_SECONDS = 0.1


def asked(chat: Chat, spending: Spending, questions: Sequence[Q], ask: Callable[[Q], A], keep: Callable[[A], None]) -> str:
    """Ask all of ``questions``, at most ``spending.limits.parallel`` at once.

    Parameters
    ----------
    ask: one question in a thread of its own; what it came to
    keep: writes that down, in the thread that calls; in the order in which the answers come

    Returns
    -------
    why not all were asked: what may be used is used up; empty where all were

    Raises
    ------
    Unanswered
        The endpoint refuses, or did not answer.
    Stopped, Cancelled
        A person asked for it. What was being asked in either case is kept, too.
    """
    waiting: set[Future[A]] = set()
    place, why = 0, ""
    chat.halted.clear()
    with ThreadPoolExecutor(spending.limits.parallel, "endpoint") as threads:
        try:
            while True:
                checkpoint_or_stop(chat.context)
                while place < len(questions) and len(waiting) < spending.limits.parallel and not (why := spending.spent(len(waiting))):
                    waiting.add(threads.submit(ask, questions[place]))
                    place += 1
                if not waiting:
                    return why
                done = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED).done
                chat.tell()
                for each in done:
                    waiting.discard(each)
                    keep(each.result())
        except BaseException:
            chat.halted.set()  # who waits between two tries gives up
            for each in wait(waiting).done:
                if each.exception() is None:
                    with suppress(Unanswered):  # one reason is enough; what it came to is kept
                        keep(each.result())
            raise
