"""Say what a look is worth after a time, and after what time it is worth its price.

A look is worth an edit caught before the next one, the delay it saves for all edits since, and a
loss seen early. Let g(τ) be that after τ days. Where looks follow each other at equal distances the
gain over the price C is largest where g(τ) - τ g'(τ) = C: this ``index`` is what a look now earns
that one later would not (the same sum as Whittle's index in Azar et al., PNAS 115, 2018, here with
values that fade with delay).
"""

from dataclasses import dataclass
from math import exp, log, log1p, sqrt

EDIT_HALVES = 0.25
"""Days after which an edit seen late is worth half."""
LOSS_HALVES = 1.0
"""Days after which a loss seen late is worth half."""
LOSS_WORTH = 90.0
"""A loss seen at once is worth so many edits seen at once."""

_CLOSE = 0.02
"""An interval is found when its index is within this share of the price."""
_MOST_STEPS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What may happen to a page after a look at it, and what that is worth.

    ``shape`` and ``scale`` are those of the gamma distributed factor, ``changes_a_day`` the changes
    of a page with factor 1 after each time of ``times`` (days), added up.
    """

    shape: float
    scale: float
    steps: tuple[tuple[float, float, float], ...]
    """Begin in days after the look, changes expected until then, changes a day from then on."""
    hazard: float
    """Losses a day, times what one is worth."""
    importance: float

    def expected(self, gap: float) -> float:
        """Return the changes expected in the days after the look, with factor 1."""
        for begin, before, rate in reversed(self.steps):
            if gap >= begin:
                return before + rate * (gap - begin)
        return 0.0


def index(prospect: Prospect, gap: float) -> float:
    """Return what a look earns after ``gap`` days that a later one would not."""
    return sum(parts(prospect, gap))


def parts(prospect: Prospect, gap: float) -> tuple[float, float, float]:
    """Return what a look earns by an edit caught, by delay saved, and by a loss seen early."""
    shape, scale = prospect.shape, prospect.scale
    expected = prospect.expected(gap)
    ratio = scale / (scale + expected)
    same = ratio**shape
    caught = 0.5 * (1 - same - shape * expected / scale * same * ratio)
    changes_a_day = shape / scale * expected / gap
    saved = 0.5 * changes_a_day * EDIT_HALVES * fading(gap / EDIT_HALVES)
    seen = prospect.hazard * LOSS_HALVES * fading(gap / LOSS_HALVES)
    weight = prospect.importance
    return weight * caught, weight * saved, weight * seen


def fading(share: float) -> float:
    """Return ln(1 + x) - x / (1 + x), which is what waiting has cost of values that halve at 1."""
    return log1p(share) - share / (1 + share)


def interval(
    prospect: Prospect, *, price: float, shortest: float, longest: float, near: float
) -> float:
    """Return after how many days a look is worth its price; it is sought from ``near`` on.

    The index grows with the time, about as a power of it, so the search goes by powers.
    """
    here = min(max(near, shortest), longest)
    low = high = 0.0
    low_worth = high_worth = 0.0
    for _ in range(_MOST_STEPS):
        worth = index(prospect, here)
        ratio = price / worth if worth > 0 else float("inf")
        if 1 - _CLOSE < ratio < 1 + _CLOSE:
            return here
        if ratio > 1:
            if here >= longest:
                return longest
            low, low_worth = here, worth
        else:
            if here <= shortest:
                return shortest
            high, high_worth = here, worth
        if low and high:
            if high / low < 1 + _CLOSE:
                break
            here = _between(low, low_worth, high, high_worth, price=price)
        elif low:
            here = min(longest, here * min(max(1.05, ratio**0.8), 8.0))
        else:
            here = max(shortest, here * max(min(0.95, ratio**0.8), 0.125))
    return here


def _between(
    low: float, low_worth: float, high: float, high_worth: float, *, price: float
) -> float:
    """Return where the price lies between two times, if the index is a power between them."""
    if low_worth <= 0:
        return sqrt(low * high)
    share = log(price / low_worth) / log(high_worth / low_worth)
    return low * exp(min(max(share, 0.1), 0.9) * log(high / low))
