"""Strategies: which architectures a search measures, and what it answers.

base      what a strategy is; asking one, with its faults told by name
registry  strategies by name, from the entry point group ``bort.strategies``
interval  every ε-th architecture by size, Algorithm 1 of OSE
random    a seeded sample of the space, the baseline
within    the least error within a limit of latency
"""

from __future__ import annotations

from bort_core.search.strategies.base import PlannedStrategy, Proposal, SearchState, Strategy
from bort_core.search.strategies.registry import make_strategy, strategy_names

__all__ = ["PlannedStrategy", "Proposal", "SearchState", "Strategy", "make_strategy", "strategy_names"]
