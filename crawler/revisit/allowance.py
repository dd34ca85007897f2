"""Spread the budget of a day over the day, and hold it."""

from dataclasses import dataclass
from math import exp

_AHEAD = 0.02
"""Share of a day's budget that planned looks may be ahead of the day, or behind it."""
_HOURLY = 0.1
"""The most by which an hour moves the price, as an exponent."""


@dataclass(slots=True, kw_only=True)
class Allowance:
    """How much of a day's budget is spent; a new day begins with nothing spent."""

    budget_per_day: int
    day: int = 0
    spent: int = 0

    def begin(self, now: float) -> bool:
        """Begin a new day if it is one; say whether it is."""
        if int(now) == self.day:
            return False
        self.day, self.spent = int(now), 0
        return True

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left for today."""
        return self.spent >= self.budget_per_day

    def ahead(self, now: float) -> float:
        """Return by what share of the budget more is spent than of the day has passed."""
        return self.spent / self.budget_per_day - (now - self.day)

    def lets_planned(self, now: float) -> bool:
        """Say whether a planned look may be made; news need not ask."""
        return self.ahead(now) <= _AHEAD

    def wants_more(self, now: float) -> bool:
        """Say whether looks should be made before they are due, so that nothing is lost."""
        left = 1 - (now - self.day)
        return self.ahead(now) <= -_AHEAD * left


def trim(price: float, excess: float) -> float:
    """Return a price an hour later, moved by what is due or spent too much, as share of a day."""
    return price * exp(max(-_HOURLY, min(_HOURLY, excess)))
