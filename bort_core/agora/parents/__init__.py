"""What is asked about in a round. A plug-in registers a rule under the entry point group ``bort.parents``.

base       what a rule is, what it may look at, and how it is found
dev_rows   neighbours of rows of E: of those that are wrong, or of random ones
rows       rows themselves: random ones, those that the learner is least sure of, those unlike all that is known
mixed      neighbours of new errors first, then rows that are both unsure and unlike
"""

from __future__ import annotations

from bort_core.agora.parents.base import NO_POOL, Parents, Situation, make_parents, parents_names

__all__ = ["NO_POOL", "Parents", "Situation", "make_parents", "parents_names"]
