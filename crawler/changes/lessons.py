"""Learn what of a page is noise, from looks between which nothing of the article changed.

Two fetches made at once differ in nothing but noise: so they teach slots, texts that come and go,
counters, and places inside paragraphs. A later look teaches only slots beside the article. No
lesson ever covers a slot that carries the article: its blocks stay watched.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from crawler.changes.align import pair
from crawler.changes.compare import changed_words, place_of
from crawler.changes.slots import (
    SEEN_TWICE,
    article_strips,
    counter_noise,
    main_slots,
    picture_noise,
    slot_noise,
    text_noise,
)
from crawler.changes.surface import Shot, Strip
from crawler.changes.watching import Page, watched

MOST_LESSONS = 300
"""Lessons a target keeps, the newest; a page of a thousand rotating boxes needs no more."""

ALIKE = 0.7
"""Two pages carry the same article from this share of common words on."""

MOST_COMPARED = 50
"""Strips of each side that are paired in search of noise inside paragraphs."""


def learn(known: Sequence[str], new: Iterable[str]) -> tuple[str, ...]:
    """Return what is known with what was learnt now, the newest last, bounded."""
    fresh = [one for one in dict.fromkeys(new) if one not in set(known)]
    return (*known, *fresh)[-MOST_LESSONS:]


def of_one_moment(one: Page, other: Page) -> set[str]:
    """Return what two fetches teach that were made one right after the other."""
    main = _main(one) | _main(other)
    if not _alike(one, other):
        return set()
    lost, came = _only(one, other), _only(other, one)
    found, alone = _paired(lost, came)
    found |= set(_slots(alone, main))
    for strip in alone:
        counter = counter_noise(strip.key)
        if strip.slot in main:
            found |= {text_noise(strip.key)} | ({counter} if counter else set())
    return found | set(_shots(one, other)) | set(_shots(other, one))


def of_two_visits(one: Page, other: Page) -> set[str]:
    """Return what two looks at an unchanged article teach, days apart: slots beside it."""
    main = _main(one) | _main(other)
    if not _alike(one, other):
        return set()
    _, alone = _paired(_only(one, other), _only(other, one))
    return {SEEN_TWICE, *_slots(alone, main)}


def _paired(lost: Sequence[Strip], came: Sequence[Strip]) -> tuple[set[str], list[Strip]]:
    """Return what differs inside texts that are the same else, and the texts that are not."""
    mine, theirs = lost[:MOST_COMPARED], came[:MOST_COMPARED]
    pairs = pair([strip.key for strip in mine], [strip.key for strip in theirs])
    found: set[str] = set()
    for left, right in pairs:
        found |= set(_places(mine[left], theirs[right]))
        counter = counter_noise(mine[left].key)
        if counter is not None and counter == counter_noise(theirs[right].key):
            found.add(counter)
    ours, others = {left for left, _ in pairs}, {right for _, right in pairs}
    alone = [strip for number, strip in enumerate(lost) if number not in ours]
    return found, alone + [one for number, one in enumerate(came) if number not in others]


def _alike(one: Page, other: Page) -> bool:
    """Whether both pages carry the same article, so that what differs is noise."""
    return all(_shared(mine, theirs) >= ALIKE for mine, theirs in ((one, other), (other, one)))


def _shared(page: Page, other: Page) -> float:
    text = watched(page)
    there = sum(strip.weight for strip in text if strip.key in other.surface.keys)
    total = sum(strip.weight for strip in text)
    return there / total if total else 0.0


def _main(page: Page) -> frozenset[str]:
    return main_slots(article_strips(page.surface, page.chosen))


def _only(one: Page, other: Page) -> list[Strip]:
    return [strip for strip in one.surface.strips if strip.key not in other.surface.keys]


def _slots(strips: Iterable[Strip], main: Collection[str]) -> Iterator[str]:
    for strip in strips:
        if strip.slot not in main and not strip.chrome:
            yield slot_noise(strip.slot)


def _places(old: Strip, new: Strip) -> Iterator[str]:
    for start, stop, _ in changed_words(old.text, new.text):
        yield place_of(old.text, start, stop)


def _shots(one: Page, other: Page) -> Iterator[str]:
    known = {shot.sources for shot in other.surface.shots}
    lost: list[Shot] = [shot for shot in one.surface.shots if shot.sources not in known]
    for shot in lost[:MOST_COMPARED]:
        yield picture_noise(shot.slot)
