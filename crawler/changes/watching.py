"""Say which blocks of a page are watched: those of its article, without what is noise."""

from collections.abc import Collection
from dataclasses import dataclass

from crawler.changes.slots import (
    LINKED,
    SEEN_TWICE,
    article_strips,
    counter_noise,
    main_slots,
    slot_noise,
    text_noise,
)
from crawler.changes.surface import Strip, Surface, plain_slot
from crawler.text.fold import fold
from storage.model import Article

ASIDE_WORDS = 12
"""Words from which a block in a slot of its own, chosen by the extractor, is watched as well."""

LINE_WORDS = 8
"""Words from which a paragraph of a class of its own is text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as it is compared: all that it shows, and which of it an extractor chose."""

    surface: Surface
    chosen: frozenset[str]
    """Folded texts of the article's blocks."""


def page_of(surface: Surface | None, article: Article | None) -> Page | None:
    """Return a page to compare; None where it was not read, or there is too much on it."""
    if surface is None or surface.cut or article is None or not surface.strips:
        return None
    return Page(surface=surface, chosen=frozenset(fold(block.text) for block in article.blocks))


def watched(page: Page, noise: Collection[str] = frozenset()) -> tuple[Strip, ...]:
    """Return the strips of a good page that are watched: its article, without what is noise."""
    chosen = article_strips(page.surface, page.chosen)
    main = main_slots(chosen)
    return tuple(strip for strip in chosen if _is_watched(strip, main, noise))


def _is_watched(strip: Strip, main: frozenset[str], noise: Collection[str]) -> bool:
    if strip.chrome or strip.linked >= LINKED:
        return False
    if is_noise(strip, main, noise):
        return False
    return is_text_of(strip, main) or (SEEN_TWICE in noise and strip.weight >= ASIDE_WORDS)


def is_text_of(strip: Strip, main: Collection[str]) -> bool:
    """Whether a strip is text of the article: in its own slots, or a long one beside them.

    A short line of another class among the paragraphs is a stamp, a counter, a label.
    """
    return strip.slot in main or (strip.weight >= LINE_WORDS and is_of(strip.slot, main))


def is_of(slot: str, main: Collection[str]) -> bool:
    """Whether a slot carries the article, or stands beside one that does with another class.

    Paragraphs get classes of their own: the first one, those of an experiment.
    """
    return slot in main or plain_slot(slot) in {plain_slot(one) for one in main}


def is_noise(strip: Strip, main: Collection[str], noise: Collection[str]) -> bool:
    """Whether a strip is known to come and go; the slots of an article never are as a whole."""
    if not noise:
        return False
    if strip.slot not in main and slot_noise(strip.slot) in noise:
        return True
    return text_noise(strip.key) in noise or counter_noise(strip.key) in noise
