"""Tell pictures of an article that were exchanged, by the digests of their payloads."""

from collections.abc import Mapping
from dataclasses import dataclass

from crawler.changes.slots import picture_noise
from crawler.changes.watching import Page

HEAD_STRIPS = 6
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

    The address alone says nothing: content networks give one picture many addresses.
    """
    then, now = digests
    old, new = _shown(before, seen, then), _shown(after, seen, now)
    fresh = new.keys() - old.keys()
    unknown = any(not new[sources] for sources in fresh)
    had = frozenset().union(*old.values()) if old else frozenset()
    has = frozenset().union(*new.values()) if new else frozenset()
    if unknown:
        return frozenset(), frozenset(), True
    came = frozenset(
        digest for sources in fresh for digest in new[sources] if digest not in had
    ) | _other_bytes(old, new)
    if came and again is not None:
        second = _shown(again, seen, now)
        came &= frozenset().union(*second.values()) if second else frozenset()
    gone = frozenset(one for one in had if one not in has) if came else frozenset()
    return gone, came, False


def _other_bytes(
    old: Mapping[tuple[str, ...], frozenset[str]], new: Mapping[tuple[str, ...], frozenset[str]]
) -> frozenset[str]:
    return frozenset(
        digest
        for sources in old.keys() & new.keys()
        if old[sources] and new[sources] and not old[sources] & new[sources]
        for digest in new[sources]
    )


def _shown(
    page: Page, seen: Watch, digests: Mapping[str, str]
) -> dict[tuple[str, ...], frozenset[str]]:
    """Return the pictures between the watched strips of a page, with the digests known of them."""
    strips, keys = page.surface.strips, seen.keys
    places = [n for n, strip in enumerate(strips) if strip.key in keys]
    if not places:
        return {}
    above = range(max(0, places[0] - HEAD_STRIPS), places[0])
    # A picture between headline and text is the article's.
    first = next((n for n in above if strips[n].heading), max(0, places[0] - 2))
    return {
        shot.sources: frozenset(digests[one] for one in shot.sources if one in digests)
        for shot in page.surface.shots
        if first <= shot.position <= places[-1] + 1 and picture_noise(shot.slot) not in seen.noise
    }
