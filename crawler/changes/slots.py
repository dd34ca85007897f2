"""Say which slots of a page carry its article, and name what is learnt to be noise."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

from crawler.changes.surface import Strip, Surface

SLOT_SHARE = 0.35
"""A slot carries the article from this share of the words of the one that carries most."""

SIDE_BY_SIDE = 3
"""Paragraphs in one frame from which that is taken for the article's way."""

LINKED = 0.5
"""From this share of link text on, a run is a list of links."""

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


def main_slots(strips: Iterable[Strip]) -> frozenset[str]:
    """Return the slots that carry the article, of the strips that are its text."""
    groups: dict[tuple[str, int], list[int]] = {}
    for strip in strips:
        if not strip.chrome and strip.linked < LINKED:
            groups.setdefault((strip.slot, strip.frame), []).append(strip.weight)
    if not groups:
        return frozenset()
    weights: Counter[str] = Counter()
    # Where the paragraphs stand side by side, what stands in many frames of its own is a list of
    # items beside the article, such as comments; else all of a slot counts.
    side_by_side = len(max(groups.values(), key=sum)) >= SIDE_BY_SIDE
    for (slot, _), found in groups.items():
        weight = sum(found)
        weights[slot] = max(weights[slot], weight) if side_by_side else weights[slot] + weight
    top = max(weights.values())
    return frozenset(slot for slot, weight in weights.items() if weight >= SLOT_SHARE * top)


def article_strips(page: Surface, texts: frozenset[str]) -> tuple[Strip, ...]:
    """Return the strips of a page that an extractor chose; ``texts`` are theirs, folded."""
    return tuple(strip for strip in page.strips if strip.key in texts)


def slot_noise(slot: str) -> str:
    """Name a slot whose text is another one at every look."""
    return "s:" + _digest(slot)


def counter_noise(key: str) -> str | None:
    """Name a text whose numbers count on; None where it has none."""
    masked, count = _NUMBER.subn("0", key)
    return "m:" + _digest(masked) if count else None


SEEN_TWICE = "v:"
"""Lesson of a page that was looked at by schedule: what changes daily beside the text is known."""


def text_noise(key: str) -> str:
    """Name a text that comes and goes."""
    return "t:" + _digest(key)


def place_noise(before: Iterable[str], after: Iterable[str]) -> str:
    """Name a place inside a paragraph where words come and go, by the words around it."""
    return "h:" + _digest(" ".join((*before, "\0", *after)))


def picture_noise(slot: str) -> str:
    """Name a slot whose picture is another one at every look."""
    return "i:" + _digest(slot)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).hexdigest()
