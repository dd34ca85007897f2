"""Tell pictures of an article that were exchanged, by the digests of their payloads.

An article's are those between its headline and the last paragraph beside its own, and those that
stand above in the element that holds all its text. The latter may be of the page around it: one of
them counts only if it took the place of another.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crawler.changes.slots import LINKED, main_slots, picture_noise
from crawler.changes.surface import Shot, Surface
from crawler.changes.watching import Page

HEAD_STRIPS = 10
"""Strips above the text among which its headline is looked for."""

Digests = tuple[Mapping[str, str], Mapping[str, str]]
"""Payload digests of pictures by address: at the last good look, and now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What bounds the article: the folded texts that are watched, and the noise that is known."""

    keys: frozenset[str]
    noise: frozenset[str]


def exchanged(
    before: Page, after: Page, again: Page | None, *, seen: Watch, digests: Digests
) -> tuple[frozenset[str], frozenset[str], bool]:
    """Return the payload digests of pictures of the article that went and that came.

    The address alone says nothing: content networks give one picture many addresses. What stood
    anywhere on the page did not come, and what stands anywhere on it did not go.
    """
    then, now = digests
    old, new = _Seen.of(before, seen, then), _Seen.of(after, seen, now)
    inside = _came(old, old.inside, new.inside, new)
    above = _came(old, old.above, new.above, new)
    if inside is None or above is None:
        return frozenset(), frozenset(), True
    left = {shot.slot: shot for shot in old.above if old.of_shot(shot) - new.all}
    came = {digest for shots in inside.values() for digest in shots}
    came |= {digest for slot, shots in above.items() if slot in left for digest in shots}
    if came and again is not None:
        came &= _Seen.of(again, seen, now).all
    if not came:
        return frozenset(), frozenset(), False
    went = old.digests(old.inside) | old.digests(left.values())
    return frozenset(went - new.all), frozenset(came), False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The pictures of one look at a page."""

    known: Mapping[str, str]
    inside: Sequence[Shot]
    above: Sequence[Shot]
    all: frozenset[str]
    """Digests of all pictures anywhere on the page, as far as they are known."""

    @classmethod
    def of(cls, page: Page, seen: Watch, known: Mapping[str, str]) -> "_Seen":
        shots = [one for one in page.surface.shots if picture_noise(one.slot) not in seen.noise]
        places = [n for n, strip in enumerate(page.surface.strips) if strip.key in seen.keys]
        inside, above = [], []
        if places:
            frames, main = _frames(page.surface, places)
            first, last = _headline(page.surface, places[0]), places[-1]
            for n, strip in enumerate(page.surface.strips[last:], last):
                # What stands below in the article's own way need not have been chosen of it.
                last = n if strip.frame in frames and strip.slot in main else last
            inside = [one for one in shots if first <= one.position <= last + 1]
            holds = _holder(page.surface, {page.surface.strips[n].frame for n in places})
            above = [
                one
                for one in shots
                if one.position < first
                and not one.leads_away
                and holds in _outward(page.surface, one.frame)
            ]
        everywhere = {source for one in page.surface.shots for source in one.sources}
        return cls(
            known=known,
            inside=inside,
            above=above,
            all=frozenset(known[source] for source in everywhere & known.keys()),
        )

    def of_shot(self, shot: Shot) -> set[str]:
        return {self.known[one] for one in shot.sources if one in self.known}

    def digests(self, shots: Iterable[Shot]) -> set[str]:
        return {digest for shot in shots for digest in self.of_shot(shot)}


def _came(
    old: _Seen, shown: Sequence[Shot], shows: Sequence[Shot], new: _Seen
) -> dict[str, set[str]] | None:
    """Return by slot the digests that came; None where there are pictures with unknown bytes."""
    had = {shot.sources: old.of_shot(shot) for shot in shown}
    came: dict[str, set[str]] = {}
    for shot in shows:
        digests = new.of_shot(shot)
        before = had.get(shot.sources)
        if before is None and not digests:
            return None
        if before is None or (before and digests and not before & digests):
            came.setdefault(shot.slot, set()).update(digests - old.all)
    return came


def _headline(page: Surface, first: int) -> int:
    """Return from which strip on pictures are the article's: from its headline, if it is near."""
    near = range(max(0, first - HEAD_STRIPS), first)
    heads = (n for n in near if page.strips[n].heading and page.strips[n].linked < LINKED)
    return next(heads, max(0, first - 2))


def _frames(page: Surface, places: Sequence[int]) -> tuple[set[int], frozenset[str]]:
    """Return the numbers of the elements around the paragraphs of the article, and their slots."""
    watched = [page.strips[n] for n in places]
    main = main_slots(watched)
    return {one.frame for one in watched if one.slot in main}, main


def _holder(page: Surface, frames: Iterable[int]) -> int:
    """Return the number of the innermost element that holds all of these."""
    ways = [list(_outward(page, frame)) for frame in frames]
    return next((one for one in ways[0] if all(one in way for way in ways)), 0) if ways else 0


def _outward(page: Surface, frame: int) -> Iterator[int]:
    """Yield the numbers of an element and of those around it, from the inside."""
    while True:
        yield frame
        outer = page.around[frame] if frame < len(page.around) else frame
        if outer == frame:
            return
        frame = outer
