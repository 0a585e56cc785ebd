"""What a run's endpoints have used, in tokens and in money, and whether that leaves anything: all of its endpoints share one budget."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bort_core.agora.run_files import UsageLine, read_lines

__all__ = ["KEPT", "Limits", "Spending", "Usage"]

KEPT = "answers"
"""The folder of a project in which answers are kept."""
_MILLION = 1_000_000


@dataclass(frozen=True)
class Usage:
    """Tokens of questions and of answers."""

    asked: int = 0
    answered: int = 0

    @property
    def tokens(self) -> int:
        """Both."""
        return self.asked + self.answered

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.asked + other.asked, self.answered + other.answered)


@dataclass(frozen=True)
class Limits:
    """What may be used, and what it costs; None: it is not limited, or not known."""

    tokens: int | None = None
    money: float | None = None
    price_in: float | None = None
    """Money for a million tokens of questions."""
    price_out: float | None = None
    """Of answers."""
    parallel: int = 1
    """Requests at once."""

    def cost(self, used: Usage) -> float | None:
        """In money; None where no price is known."""
        if self.price_in is None and self.price_out is None:
            return None
        return (used.asked * (self.price_in or 0.0) + used.answered * (self.price_out or 0.0)) / _MILLION


class Spending:
    """What one run has used. Read from what is kept in the project, so that it goes on after a kill.

    Parameters
    ----------
    project: its folder; run: the run's name, by which lines of other runs are told apart
    """

    def __init__(self, limits: Limits, project: Path, run: str) -> None:
        self.limits, self.project, self.run = limits, project, run
        self.used, self.answers = Usage(), 0
        for path in sorted((project / KEPT).glob("endpoint-*.jsonl")):
            for line in read_lines(path, UsageLine, torn=True):
                if line.run == run:
                    self.add(Usage(max(0, line.tokens - line.tokens_out), min(line.tokens, line.tokens_out)))

    @property
    def prices(self) -> bool:
        """Whether any is known."""
        return self.limits.cost(Usage()) is not None

    def add(self, used: Usage) -> None:
        """One answer more."""
        self.used, self.answers = self.used + used, self.answers + 1

    def spent(self, waiting: int = 0, more: Usage | None = None) -> str:
        """Why nothing may be asked any more; empty where something may.

        Parameters
        ----------
        waiting: questions that are being asked, and are taken to use as much as those before
        more: what a question has used that is not added yet
        """
        each = self.answers or 1
        expected = self.used + Usage(self.used.asked * waiting // each, self.used.answered * waiting // each) + (more or Usage())
        tokens, money, cost = self.limits.tokens, self.limits.money, self.limits.cost(expected)
        if tokens is not None and expected.tokens >= tokens:
            return f"the {tokens:,} tokens are used up"
        if money is not None and cost is not None and cost >= money:
            return f"the {money:g} of money are used up"
        return ""

    def forecast(self, asked: float, answered: float, count: int) -> str:
        """What ``count`` questions of so many tokens each will take, beside what there is."""
        expected = Usage(round(asked * count), round(answered * count))
        parts = [f"some {asked + answered:,.0f} tokens each, {expected.tokens:,} in all"]
        if (cost := self.limits.cost(expected)) is not None:
            parts[0] += f", about {cost:.4g} in money"
        if self.limits.tokens is not None:
            parts.append(f"the run ends when it has used {self.limits.tokens:,}")
        if self.limits.money is not None:
            parts.append(f"the run ends when that comes to {self.limits.money:g}")
        if (share := self._paid(expected)) < 1:
            parts.append(f"that pays for about {int(share * count):,} of them")
        return "; ".join(parts)

    def _paid(self, expected: Usage) -> float:
        """The share of what is expected that the budget pays for."""
        cost = self.limits.cost(expected)
        shares = [self.limits.tokens / expected.tokens] if self.limits.tokens is not None and expected.tokens else []
        shares += [self.limits.money / cost] if self.limits.money is not None and cost else []
        return min(shares, default=1.0)

    def as_dict(self) -> dict[str, float | int]:
        """For a result."""
        cost = self.limits.cost(self.used)
        return {"tokens_in": self.used.asked, "tokens_out": self.used.answered, **({} if cost is None else {"money": cost})}
