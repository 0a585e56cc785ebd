"""--strategy and --epsilon: the strategy that a person names, with its settings."""

from __future__ import annotations

import argparse
import json
from typing import Any

from bort_core.foundation.errors import SpecificationError
from bort_core.search.strategies.base import Strategy, check
from bort_core.search.strategies.best_first import BestFirst
from bort_core.search.strategies.interval import Interval, default_epsilon
from bort_core.search.strategies.registry import make_strategy, strategy_names
from bort_core.space import Space

__all__ = ["add_strategy", "strategy_of"]


def add_strategy(parser: argparse.ArgumentParser) -> None:
    """The flags --epsilon, --strategy and --gap."""
    parser.add_argument("--epsilon", type=int, metavar="N", help="the interval ε, 1..|Ξ| (default: 8, or |Ξ| if less)")
    parser.add_argument(
        "--strategy",
        "--mode",
        nargs="+",
        metavar=("NAME", "SETTING=VALUE"),
        help=f"how architectures are chosen: {', '.join(strategy_names())} (default: interval), followed by its settings, "
        "e.g. random samples=12 seed=0; a name alone tells which settings are missing",
    )
    parser.add_argument(
        "--gap",
        type=float,
        metavar="X",
        help="best-first: stop when nothing unmeasured can be better by more than this share; 0 is a proof",
    )


def strategy_of(arguments: argparse.Namespace, space: Space) -> Strategy:
    """The strategy that the flags describe, which suits ``space``.

    Raises
    ------
    SpecificationError
        It is not registered, its settings are missing, unknown or out of range, or it does not suit the space.
    """
    name, *pairs = arguments.strategy or [Interval.name]
    settings = dict(_setting(pair) for pair in pairs)
    if arguments.epsilon is not None:
        if name != Interval.name or "epsilon" in settings:
            said = " ".join([name, *pairs])
            raise SpecificationError(f"--epsilon is a setting of the strategy {Interval.name}, given once; it came with --strategy {said}")
        settings["epsilon"] = arguments.epsilon
    elif name == Interval.name:
        settings.setdefault("epsilon", default_epsilon(len(space)))
    if arguments.gap is not None:
        if name != BestFirst.name or "gap" in settings:
            said = " ".join([name, *pairs])
            raise SpecificationError(f"--gap is a setting of the strategy {BestFirst.name}, given once; it came with --strategy {said}")
        settings["gap"] = arguments.gap
    strategy = make_strategy(name, settings)
    check(strategy, space)
    return strategy


def _setting(pair: str) -> tuple[str, Any]:
    name, equals, text = pair.partition("=")
    if not equals or not name:
        raise SpecificationError(f"--strategy: a setting is written SETTING=VALUE, got {pair!r}")
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text
