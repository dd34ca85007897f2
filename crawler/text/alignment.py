"""Hold a page against its last capture, so that only what is new has to be judged.

A block that was in the article stays in it, one that was beside it stays beside it; so neither an
extractor's mood nor a newer template makes an unchanged page look edited.
"""

from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from crawler.text.fold import squeeze
from storage.model import Article

K = TypeVar("K")
Place = tuple[str, str]
"""The squeezed text of a block and its slot."""

REPEATED = "~"
"""Before the mark of a block that the site's pages share."""

_SURVIVES = 0.5
"""Share of the last article's letters that must be found again; else another page has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What of a page's runs was there before, by number."""

    inside: frozenset[int]
    """Runs that were in the article."""
    outside: frozenset[int]
    """Runs that were beside it."""
    slots: frozenset[str]
    """The slots in which the article stood."""

    @property
    def count(self) -> int:
        """How many runs were there before."""
        return len(self.inside) + len(self.outside)


def held(
    previous: Article, *, keys: Sequence[str], marks: Sequence[str], slots: Sequence[str]
) -> Held | None:
    """Return which runs of a page its last article knows, or None if it says nothing of this page.

    ``keys`` are the squeezed texts of the runs, ``marks`` their marks, ``slots`` their paths.
    """
    blocks = [(squeeze(block.text), block.path) for block in previous.blocks]
    inside = _inside(blocks, list(zip(keys, slots, strict=True)))
    beside = repeated(previous) | plain(previous)
    outside = {number for number, one in enumerate(marks) if number not in inside and one in beside}
    letters = sum(len(key) for key, _ in blocks)
    if sum(len(keys[number]) for number in inside) < _SURVIVES * letters:
        return None
    return Held(
        inside=frozenset(inside),
        outside=frozenset(outside),
        slots=frozenset(path for _, path in blocks),
    )


def _inside(blocks: Sequence[Place], places: Sequence[Place]) -> set[int]:
    """Return which runs are the blocks of an article: same text and slot first, then same text.

    Of a text that stands on the page more often than in the article, what is nearest to the other
    blocks is meant.
    """
    wanted = Counter(blocks)
    inside = _take(wanted, places, set())
    texts: Counter[str] = Counter()
    for (key, _), count in wanted.items():
        texts[key] += count
    keys = {number: place[0] for number, place in enumerate(places) if number not in inside}
    return inside | _take(texts, keys, inside)


def _take(wanted: Counter[K], found: Sequence[K] | dict[int, K], near: set[int]) -> set[int]:
    """Take as many runs of each name as are wanted, and note that they are."""
    numbered = found.items() if isinstance(found, dict) else enumerate(found)
    offers: dict[K, list[int]] = {}
    for number, name in numbered:
        if wanted[name] > 0:
            offers.setdefault(name, []).append(number)
    sure = near | {
        one for name, those in offers.items() if len(those) <= wanted[name] for one in those
    }
    middle = sorted(sure)
    taken = set()
    for name, those in offers.items():
        ranked = sorted(those, key=lambda number: (_distance(number, middle), number))
        chosen = ranked[: wanted[name]]
        taken.update(chosen)
        wanted[name] -= len(chosen)
    return taken


def _distance(number: int, sure: Sequence[int]) -> int:
    """Return how far the nearest sure run is."""
    place = bisect(sure, number)
    return min((abs(number - one) for one in sure[max(0, place - 1) : place + 1]), default=0)


def repeated(article: Article) -> frozenset[str]:
    """Return the marks of the blocks beside an article that the site's pages share."""
    return frozenset(one[1:] for one in article.rest if one.startswith(REPEATED))


def plain(article: Article) -> frozenset[str]:
    """Return the marks of the other blocks beside an article."""
    return frozenset(one for one in article.rest if not one.startswith(REPEATED))
