"""Learn how often pages of a kind change as they grow older.

A page changes as often a day as the product of its own factor, its host's factor and the curve of
its role at its age. The curve is a table that all pages of a role share: one page alone teaches too
little, most articles never change. Times are floats in this room: days since 1970, or lengths in
days.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import lgamma, log

HOUR = 1 / 24


class PageRole(StrEnum):
    """What a page is to the policy: pages of one role share a curve."""

    ARTICLE = "article"
    """Edited most in its first hours."""
    SECTION = "section"
    """A front page or list, which follows the day."""
    PAGE = "page"
    """Changed now and then, whatever its age."""
    ARCHIVE = "archive"
    """Of a time long past: it lies still, and may be gone tomorrow."""
    FEED = "feed"
    SITEMAP = "sitemap"

    @property
    def lists(self) -> bool:
        """Whether it says of other pages that they changed."""
        return self in (PageRole.FEED, PageRole.SITEMAP)


EDGES: dict[PageRole, tuple[float, ...]] = dict.fromkeys(PageRole, (0.0,))
"""Where each age class of a role begins, in days; most roles have one."""
EDGES[PageRole.ARTICLE] = (
    0.0,
    *(hours * HOUR for hours in (0.5, 1, 3, 6, 12, 24, 48)),
    *(7.0, 30.0, 90.0),
)
_EXPECTED: dict[PageRole, tuple[float, ...]] = {
    PageRole.ARTICLE: (2.0, 1.5, 1.0, 0.6, 0.4, 0.2, 0.08, 0.02, 0.004, 0.001, 0.0005),
    PageRole.SECTION: (24.0,),
    PageRole.PAGE: (0.05,),
    PageRole.ARCHIVE: (0.0005,),
    PageRole.FEED: (24.0,),
    PageRole.SITEMAP: (1.0,),
}
"""Changes a day that are expected in each age class before any is seen."""
_PSEUDO_CHANGES = 3.0
"""So many changes of one age class weigh as much as what is expected of it."""
_SPREADS = (0.08, 0.12, 0.2, 0.35, 0.6, 1.0, 2.0, 4.0)
_SPREAD_AT_FIRST: dict[PageRole, float] = dict.fromkeys(PageRole, 0.2)
_SPREAD_AT_FIRST |= {
    PageRole.ARCHIVE: 0.5,
    PageRole.SECTION: 1.0,
    PageRole.FEED: 1.0,
    PageRole.SITEMAP: 1.0,
}
_REFRESHED_AFTER = 40
"""So many lessons change the table by too little to add it up anew."""


@dataclass(slots=True)
class Curve:
    """The changes a day by age of one role; it learns, so it is no frozen value.

    ``changes`` and ``days`` are by age class: changes seen, and the days they were seen in, each
    weighted with the factors of its page and host. ``spread`` is the shape of the gamma
    distribution of page factors: the smaller, the more pages differ.
    """

    role: PageRole
    changes: list[float] = field(default_factory=list)
    days: list[float] = field(default_factory=list)
    spread: float = 0.0
    rates: list[float] = field(default_factory=list)
    """Changes a day by age class, as they are believed now."""
    _sums: list[float] = field(default_factory=list)
    """Changes up to the beginning of each class."""
    _lessons: int = 0

    def __post_init__(self) -> None:
        classes = len(self.edges)
        self.changes = self.changes or [0.0] * classes
        self.days = self.days or [0.0] * classes
        self.spread = self.spread or _SPREAD_AT_FIRST[self.role]
        self.refresh()

    @property
    def edges(self) -> tuple[float, ...]:
        """Return where each age class begins, in days."""
        return EDGES[self.role]

    def refresh(self) -> None:
        """Add the table up anew from what was seen."""
        seen = zip(self.changes, self.days, _EXPECTED[self.role], strict=True)
        self.rates = [
            (_PSEUDO_CHANGES + changes) / (_PSEUDO_CHANGES / expected + days)
            for changes, days, expected in seen
        ]
        self._sums = [0.0]
        for place in range(1, len(self.edges)):
            length = self.edges[place] - self.edges[place - 1]
            self._sums.append(self._sums[-1] + self.rates[place - 1] * length)
        self._lessons = 0

    def class_of(self, age: float) -> int:
        """Return the age class of an age in days."""
        return max(bisect_right(self.edges, age) - 1, 0)

    def expected(self, age: float) -> float:
        """Return the changes expected from birth to an age, of a page with factor 1."""
        edges = EDGES[self.role]
        if age <= 0:
            return 0.0
        place = bisect_right(edges, age) - 1
        return self._sums[place] + self.rates[place] * (age - edges[place])

    def learn(self, age: float, until: float, *, changes: float, weight: float) -> None:
        """Take in that so many changes came between two ages of a page that weighs so much.

        They are spread over the age classes as the table would have it.
        """
        whole = self.expected(until) - self.expected(age)
        for place, length in self._parts(max(age, 0.0), until):
            self.days[place] += weight * length
            if changes and whole > 0:
                self.changes[place] += changes * self.rates[place] * length / whole
        self._lessons += 1
        if self._lessons >= _REFRESHED_AFTER:
            self.refresh()

    def _parts(self, age: float, until: float) -> Iterator[tuple[int, float]]:
        """Yield each age class between two ages, and how many days lie in it."""
        edges = self.edges
        place = bisect_right(edges, age) - 1
        while age < until:
            end = min(until, edges[place + 1]) if place + 1 < len(edges) else until
            yield place, end - age
            age = end
            place += 1


def fit_spread(curve: Curve, seen: Sequence[tuple[float, float]]) -> float:
    """Return the spread that makes pages as different as they were seen to be most likely.

    Each page is the changes it had and the changes expected of it: together they are
    negative-binomial (empirical Bayes; Casella, The American Statistician 39, 1985).
    """
    if len(seen) < _ENOUGH_PAGES:
        return curve.spread
    return max(_SPREADS, key=lambda spread: sum(_likelihood(spread, *one) for one in seen))


_ENOUGH_PAGES = 50


def _likelihood(spread: float, changes: float, expected: float) -> float:
    return (
        lgamma(spread + changes)
        - lgamma(spread)
        + spread * log(spread / (spread + expected))
        - changes * log(spread + expected)
    )
