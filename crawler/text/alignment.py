"""Hold a page against its last capture, so that only what is new has to be judged.

A block that was in the article stays in it, one that was beside it stays beside it; so neither an
extractor's mood nor a newer template makes an unchanged page look edited.
"""

from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from crawler.text.fold import squeeze
from storage.model import Article

K = TypeVar("K")
Place = tuple[str, str]
"""The squeezed text of a block and its slot."""

REPEATED = "~"
"""Before the mark of a block that the site's pages share."""

_ASTRAY = 1_000_000
"""More than any distance of two runs: what is on the wrong side of a neighbour is farther."""

_MOST_PAIRS = 10_000
"""Blocks times runs of one text that are held against each other; more are taken as they come."""

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

    Of a text that stands on the page more often than in the article, what stands between the same
    blocks is meant, or else what is nearest to them.
    """
    found = _take(blocks, dict(enumerate(places)), {})
    texts = [key for key, _ in blocks]
    left = {number: place[0] for number, place in enumerate(places) if number not in found.values()}
    return set(_take(texts, left, found).values())


def _take(
    wanted: Sequence[K], offered: Mapping[int, K], known: Mapping[int, int]
) -> dict[int, int]:
    """Return which run each block is, by their numbers, with those that are ``known``.

    ``wanted`` names the blocks and ``offered`` the runs, in their order.
    """
    asked: dict[K, list[int]] = {}
    for block, name in enumerate(wanted):
        if block not in known:
            asked.setdefault(name, []).append(block)
    offers: dict[K, list[int]] = {}
    for number, name in offered.items():
        if name in asked:
            offers.setdefault(name, []).append(number)
    sure = dict(known)
    for name, those in offers.items():
        if len(those) == len(asked[name]):
            sure |= zip(asked[name], those, strict=True)
    stands = _Neighbours.of(sure)
    for name, those in offers.items():
        if asked[name][0] not in sure:
            sure |= stands.matched(asked[name], those)
    return sure


@dataclass(frozen=True, slots=True)
class _Neighbours:
    """The blocks of which it is sure which runs they are, and these runs, both in their order."""

    blocks: list[int]
    runs: dict[int, int]

    @classmethod
    def of(cls, sure: Mapping[int, int]) -> "_Neighbours":
        return cls(sorted(sure), dict(sure))

    def matched(self, blocks: Sequence[int], offered: Sequence[int]) -> dict[int, int]:
        """Return which of the runs that are offered each block is."""
        if len(blocks) * len(offered) > _MOST_PAIRS:
            return dict(zip(blocks, offered, strict=False))
        free = set(offered)
        found = {}
        for block in blocks[: len(offered)]:
            best = min(free, key=partial(self.rank, block))
            free.remove(best)
            found[block] = best
        return found

    def rank(self, block: int, number: int) -> tuple[int, int]:
        """Return what orders the runs that a block may be: the nearest first."""
        return self.distance(block, number), number

    def distance(self, block: int, number: int) -> int:
        """Return how far a run is from where a block must be: between those beside it."""
        place = bisect(self.blocks, block)
        before = [self.runs[one] for one in self.blocks[max(0, place - 1) : place]]
        after = [self.runs[one] for one in self.blocks[place : place + 1]]
        gaps = [number - one if number > one else _ASTRAY + one - number for one in before]
        gaps += [one - number if number < one else _ASTRAY + number - one for one in after]
        return min(gaps, default=0) if all(gap < _ASTRAY for gap in gaps) else _ASTRAY + min(gaps)


def repeated(article: Article) -> frozenset[str]:
    """Return the marks of the blocks beside an article that the site's pages share."""
    return frozenset(one[1:] for one in article.rest if one.startswith(REPEATED))


def plain(article: Article) -> frozenset[str]:
    """Return the marks of the other blocks beside an article."""
    return frozenset(one for one in article.rest if not one.startswith(REPEATED))
