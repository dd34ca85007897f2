"""Say where the texts of a kept page stand, and which of them are compared: the names of slots."""

from collections.abc import Iterator
from dataclasses import dataclass

from crawler.changes.slots import article_strips, main_slots
from crawler.changes.watching import is_noise, page_of, watched
from crawler.errors import CrawlerError
from crawler.killable import ArticleReader
from crawler.opening import Parts
from crawler.readings import shown_by
from crawler.site_rules import reading_as
from storage.catalogue import sites, standings
from storage.model import Article, Capture, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Slotted:
    """A text of a page, the slot it stands in, and how it is taken.

    ``taken`` is "article" for what is watched, "noise" for what is known to come and go, "beside"
    for all else.
    """

    slot: str
    taken: str
    text: str


def slotted(own: Parts, capture: Capture, article: Article) -> Iterator[Slotted]:
    """Yield the texts of a kept page in their order; ``article`` is what was read of it.

    Raise CrawlerError where the page cannot be read again from its record.
    """
    with own.catalogue.read() as db:
        site = sites.one(db, capture.site) or Site(name=capture.site)
        noise = standings.one(db, capture.target_id).noise
    with ArticleReader() as articles:
        shown = shown_by(capture, archive=own.archive, articles=reading_as(site, articles))
    page = page_of(shown, article)
    if shown is None or page is None:
        raise CrawlerError(f"{capture.url} as it was kept cannot be read again as a page")
    main = main_slots(article_strips(shown, page.chosen))
    keys = {strip.key for strip in watched(page, noise)}
    for strip in shown.strips:
        beside = "noise" if is_noise(strip, main, noise) else "beside"
        taken = "article" if strip.key in keys else beside
        yield Slotted(slot=strip.slot, taken=taken, text=strip.text)
