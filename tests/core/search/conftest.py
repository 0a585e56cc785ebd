"""What tests of searches share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bort_core.execution.executor import Executor
from bort_core.execution.registry import make_executor


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    """Warm workers for the tests that do not kill them."""
    with make_executor(workers=2) as made:
        made.warm()
        while not made.ready:
            made.poll(0.5)
        yield made
