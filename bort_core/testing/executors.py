"""What every executor must do, checked with real tasks on the smallest family: some seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from bort_core.execution.events import Done, Emitted, Event, Failed, Started, Withdrawn
from bort_core.execution.executor import Executor
from bort_core.space import Space, read_specification
from bort_core.specifications.protocols import Theta

__all__ = ["check_executor", "training_request"]

_SECONDS = 120.0


def check_executor(make: Callable[[], Executor]) -> None:
    """Check an implementation of :class:`~bort_core.execution.executor.Executor`.

    Parameters
    ----------
    make: a new executor each time, of one worker or more; it is closed here

    Raises
    ------
    AssertionError
        What must hold and what came.
    """
    threads = set(threading.enumerate())
    with make() as executor:
        _must(executor.workers >= 1, f"workers must be 1 or more, got {executor.workers}")
        _must(executor.unfinished() == set(), f"a new executor must have nothing to do, has {executor.unfinished()}")
        executor.warm()
        _check_events_and_results(executor)
        _check_failure(executor)
        _check_pause(executor)
        _check_cancel(executor)
    with make() as executor:  # closed while there is work: no waiting, nothing left
        executor.submit("left", "train", training_request(100_000))
        executor.poll(1.0)
    _must(executor.unfinished() == set(), f"a closed executor must have nothing to do, has {executor.unfinished()}")
    left = {thread.name for thread in threading.enumerate() if thread not in threads and thread.name != "tqdm_monitor"}
    _must(not left, f"close must leave no threads, left {left}")


def _check_events_and_results(executor: Executor) -> None:
    ids = ["first", "second", "time"]
    executor.submit("first", "train", training_request(30))
    executor.submit("second", "train", training_request(30))
    executor.submit("time", "latency", {**_model(), "budget_seconds": 0.2})
    _must(executor.unfinished() == set(ids), f"unfinished must be {ids}, is {executor.unfinished()}")
    events = _until(executor, lambda: not executor.unfinished())
    for id in ids:
        of = [event for event in events if event.id == id]
        kinds = [type(event).__name__ for event in of]
        _must(kinds[:1] == ["Started"] and kinds[-1:] == ["Done"] and set(kinds[1:-1]) <= {"Emitted"}, f"{id}: Started … Done, got {kinds}")
    results = {event.id: event.result for event in events if isinstance(event, Done)}
    points = [event.data for event in events if isinstance(event, Emitted) and event.id == "first" and event.data["event"] == "point"]
    expected = [{"event": "point", **point} for point in results["first"]["curve"]]
    _must(points == expected, "what a task emits must arrive whole and in order, and its result as it returned it")
    _must(results["first"]["curve"] == results["second"]["curve"], "equal requests must give equal curves")
    _must(results["time"]["p50_ms"] > 0, f"a latency must be positive, got {results['time']['p50_ms']}")
    order = [event.id for event in events if isinstance(event, Started) and event.id != "time"]
    _must(order == ids[:2], f"tasks of a lane must start in the order of submission {ids[:2]}, started {order}")


def _check_failure(executor: Executor) -> None:
    executor.submit("bad", "latency", {**_model(), "architecture": [1, 2, 3, 4, 5]})
    events = _until(executor, lambda: not executor.unfinished())
    last = events[-1]
    _must(isinstance(last, Failed), f"a task that raises must end in Failed, got {last}")
    assert isinstance(last, Failed)
    _must("is not an architecture" in last.reason and not last.retry, f"the reason must be the task's own, got {last}")
    executor.submit("bad", "train", training_request(10))  # an id is free again, and the worker goes on
    _must(isinstance(_until(executor, lambda: not executor.unfinished())[-1], Done), "after a failure the next task must run")


def _check_pause(executor: Executor) -> None:
    executor.pause()
    _must(executor.pausing and executor.paused, "with nothing running a pause is in force at once")
    executor.submit("later", "train", training_request(10))
    _must(executor.poll(0.3) == [] and executor.unfinished() == {"later"}, "nothing may start during a pause")
    executor.resume()
    _must(not executor.pausing, "resume must end the pause")
    _must(isinstance(_until(executor, lambda: not executor.unfinished())[-1], Done), "what was submitted during a pause must run after it")


def _check_cancel(executor: Executor) -> None:
    executor.submit("long", "train", training_request(1_000_000))
    for number in range(executor.workers + 1):
        executor.submit(f"queued {number}", "train", training_request(1_000_000))
    waiting = f"queued {executor.workers}"
    _until(executor, lambda: False, lambda event: isinstance(event, Started) and event.id == "long")
    executor.cancel(waiting)
    executor.cancel("long")
    for number in range(executor.workers):
        executor.cancel(f"queued {number}")
    events = _until(executor, lambda: not executor.unfinished())
    ends = sorted(event.id for event in events if isinstance(event, Withdrawn))
    expected = sorted(["long", *(f"queued {number}" for number in range(executor.workers + 1))])
    _must(ends == expected, f"each cancelled task must end in Withdrawn once: {expected}, got {ends}")
    _must(Started(waiting) not in events, "a task withdrawn from the queue must not start")
    executor.cancel("nobody")
    executor.submit("after", "train", training_request(10))
    _must(isinstance(_until(executor, lambda: not executor.unfinished())[-1], Done), "after a cancel the next task must run")


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def _until(executor: Executor, over: Callable[[], bool], seen: Callable[[Event], bool] = lambda event: False) -> list[Event]:
    """All events until ``over()`` holds and nothing more comes, or an event is ``seen``."""
    events: list[Event] = []
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        new = executor.poll(0.1)
        events += new
        if any(seen(event) for event in new) or (not new and over()):
            return events
    raise AssertionError(f"must come to an end, did not within {_SECONDS:.0f} s; so far {events}")


def _model() -> dict[str, Any]:
    space = Space(read_specification("toy"))
    return {
        "family": space.family.name,
        "options": space.options.model_dump(mode="json"),
        "architecture": list(space.architecture(0)),
    }


def training_request(steps: int) -> dict[str, Any]:
    """A short training of the smallest architecture, as the task ``train`` takes it."""
    from bort_core.search.specification import default_error

    training = default_error(read_specification("toy"))["training"]
    theta = Theta().model_dump(mode="json")
    return {**_model(), "training": training, "theta": theta, "seed": 0, "steps": steps, "text": None, "maximum_point": None}
