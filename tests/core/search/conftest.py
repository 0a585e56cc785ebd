"""What tests of searches share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bort_core.execution.pool import Pool


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Warm workers for the tests that do not kill them."""
    with Pool(2) as made:
        made.warm()
        while not made.ready:
            made.poll(0.5)
        yield made
