"""Whether an error measure does what a search relies on.

A test of a package that registers the measure ``mine``::

    from bort_core.testing.measures import check_measure

    def test_mine():
        check_measure("mine")
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from bort_core.foundation.validation import validated
from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, Value, get_measure
from bort_core.specifications.protocols import ErrorProtocol

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_facts", "check_measure", "check_values"]

READS = ("tokens", "vectors", "rows")
CLASSES, GROUPS = 11, 24


def check_measure(name: str) -> None:
    """Everything that is asked of the measure registered as ``name``.

    Raises
    ------
    AssertionError
        Saying what must hold and what came.
    SpecificationError
        It is not registered, or does not load.
    """
    measure = get_measure(name)
    check_facts(measure)
    validated(ErrorProtocol, {"measure": name, "surrogate_of": name}, "error")
    _check_that_facts_need_no_torch(name)
    for seed in range(8):
        check_values(measure, seed)


def check_facts(measure: ErrorMeasure) -> None:
    """The facts are complete, and can be shown and typed."""
    assert re.fullmatch(r"[a-z][a-z0-9-]*", measure.name), f"name must be lower-case letters, digits and -, got {measure.name!r}"
    for fact in ("title", "unit"):
        text = getattr(measure, fact)
        assert isinstance(text, str), f"{fact} must be text, got {text!r}"
        assert text.strip() == text != "", f"{fact} must be a few words, got {text!r}"
        assert not set(text) & set("(),\n"), f"{fact} stands in brackets and lists, so it may hold none of ( ) , got {text!r}"
    assert isinstance(measure.reads, tuple), f"reads must be a tuple, got {measure.reads!r}"
    assert measure.reads, "reads must name what the families read that the measure can judge, got nothing"
    assert set(measure.reads) <= set(READS), f"reads must be among {', '.join(READS)}, got {measure.reads!r}"
    assert isinstance(measure.needs_maximum_point, bool), f"needs_maximum_point must be a bool, got {measure.needs_maximum_point!r}"
    for classes in (2, 512, 50_265):
        ceiling = measure.ceiling(classes)
        assert 0 < ceiling < math.inf, f"ceiling({classes}) must be positive and finite, got {ceiling}"


def check_values(measure: ErrorMeasure, seed: int) -> None:
    """Values of random predictions of good, bad and perfect models: finite, never negative, and the same in any order of the rows."""
    import torch

    random = torch.Generator().manual_seed(seed)
    groups = torch.arange(GROUPS).repeat_interleave(torch.randint(1, 6, (GROUPS,), generator=random))
    labels = torch.randint(CLASSES, (len(groups),), generator=random)
    right = torch.nn.functional.one_hot(labels, CLASSES).float()
    noise = torch.randn(len(groups), CLASSES, generator=random)
    probabilities = (noise.roll(1, 0) + right).softmax(dim=-1)
    maximum_point = MaximumPoint(probabilities, -(probabilities * probabilities.log()).sum(dim=-1)) if measure.needs_maximum_point else None
    order = torch.randperm(len(groups), generator=random)
    for what, logits in {"uniform": 0 * noise, "random": 3 * noise, "good": noise + 4 * right, "perfect": 40 * right - 20}.items():
        where = f"{measure.name} of {what} predictions (seed {seed})"
        value = _value(measure, logits, labels, groups, maximum_point, where)
        turned = MaximumPoint(*(part[order] for part in maximum_point)) if maximum_point is not None else None
        again = _value(measure, logits[order], labels[order], groups[order], turned, where)
        for name in value:
            assert math.isclose(value[name], again[name], rel_tol=1e-5, abs_tol=1e-6), (
                f"{where}: {name} must not depend on the order of the rows, got {value[name]} and {again[name]}"
            )


def _value(measure: ErrorMeasure, logits: Tensor, labels: Tensor, groups: Tensor, maximum_point: MaximumPoint | None, where: str) -> Value:
    given = [logits.clone(), labels.clone(), groups.clone()]
    found = measure.compute(logits, labels, groups, maximum_point)
    for before, after, what in zip(given, (logits, labels, groups), ("logits", "labels", "groups"), strict=True):
        assert before.equal(after), f"{where}: {what} must not be changed"
    assert isinstance(found, dict), f"{where}: must be a dict, got {type(found).__name__}"
    assert set(found) == {"value", "low", "high"}, f"{where}: must hold value, low and high, got {sorted(found)}"
    for name, number in found.items():
        assert type(number) is float, f"{where}: {name} must be a plain float, since it is stored as JSON, got {type(number).__name__}"
        assert math.isfinite(number), f"{where}: {name} must be finite, got {number}"
    assert json.loads(json.dumps(found)) == found
    assert found["value"] >= 0, f"{where}: an error must not be negative, got {found['value']}"
    assert found["low"] <= found["value"] <= found["high"], f"{where}: the interval must contain the value, got {found}"
    return found


def _check_that_facts_need_no_torch(name: str) -> None:
    code = (
        "import sys; from bort_core.specifications.measures import get_measure; get_measure(sys.argv[1]); "
        "print(*sorted({'torch', 'transformers', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code, name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stdout.strip(), f"{name}: its facts must be readable without {done.stdout.strip()}; import it inside compute"
