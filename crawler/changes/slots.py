"""Say which slots of a page carry its article, and name what is learnt to be noise."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

from crawler.changes.surface import Strip, Surface

SLOT_SHARE = 0.35
"""A slot carries the article from this share of the words of the one that carries most."""

LINKED = 0.5
"""From this share of link text on, a run is a list of links."""

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


def main_slots(strips: Iterable[Strip]) -> frozenset[str]:
    """Return the slots that carry the article, of the strips that are its text."""
    weights: Counter[str] = Counter()
    for strip in strips:
        if not strip.chrome and strip.linked < LINKED:
            weights[strip.slot] += strip.weight
    if not weights:
        return frozenset()
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
