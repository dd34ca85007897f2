"""Make one visit: the page and its redirects through the engine, then what the page needs."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

from crawler.fetch.fetcher import Fetcher
from crawler.fetch.keeper import Keeper
from crawler.fetch.lane import EngineLane
from crawler.fetch.pace import Pace
from crawler.fetch.requisites import Gatherer, Wanted
from crawler.fetch.roster import Roster, SpiderFileError, load
from crawler.fetch.ticket import Ticket, new_ticket
from spiders.base import SiteSpider
from spiders.scope import in_scope
from storage.model import Capture, Found, FoundBy, Robots, Site, Target, Visit

logger = logging.getLogger(__name__)

FALLBACK_SPIDER = "page"
"""Reads the pages of a site whose own spider file is broken: they are kept all the same."""

SiteLost = Callable[[Target, str], Awaitable[None]]
"""Told once when the spider file of a target's site does not load, with the reason."""


class Visitor:
    """The fetch room's door: takes a target, returns a visit whose bytes are safe."""

    def __init__(
        self, *, worker: str, fetcher: Fetcher, keeper: Keeper, pace: Pace, lane: EngineLane
    ) -> None:
        self._worker = worker
        self._fetcher = fetcher
        self._keeper = keeper
        self._pace = pace
        self._lane = lane
        self._roster = Roster()
        self._lost: set[str] = set()
        self._gatherer = Gatherer(fetcher=fetcher, keeper=keeper, pace=pace)

    async def open(self) -> None:
        """Start the engine."""
        await self._lane.open()

    async def visit(
        self, target: Target, site: Site, *, site_lost: SiteLost
    ) -> tuple[Ticket, Visit]:
        """Fetch a target; return its ticket, and the visit whose records are on the disk.

        Raise StorageError when they cannot be kept, CrawlerError when the engine is gone; what the
        web does is in the visit's outcome.
        """
        ticket = new_ticket(target, site, worker=self._worker)
        spider = await self._spider(target, site, site_lost)
        if target.found_by is FoundBy.START and ticket.robots is not Robots.IGNORE:
            await self._sitemaps(ticket, spider)
        await self._lane.fetch(ticket, spider)
        await self._keeper.synced()
        return ticket, ticket.visit(finished_at=datetime.now(UTC))

    def requisites(self, ticket: Ticket, *, wanted: Wanted) -> AsyncIterator[list[Capture]]:
        """Fetch what the page of a visit needs; yield what is on the disk (see ``Gatherer``)."""
        return self._gatherer.gather(ticket, wanted=wanted)

    def wait_of(self, host: str) -> timedelta:
        """Return how long a host is still to be left alone after its last exchange."""
        return self._pace.wait_of(host)

    async def close(self) -> None:
        """End the engine, close the connections, close the WARC file under its final name."""
        # The engine waits for what it has under way, so that is cut first.
        await self._fetcher.close()
        await self._lane.close()
        await self._keeper.close()

    async def _spider(self, target: Target, site: Site, site_lost: SiteLost) -> SiteSpider:
        try:
            return self._roster.spider(site)
        except SpiderFileError as fault:
            if site.name not in self._lost:
                self._lost.add(site.name)
                await site_lost(target, str(fault))
            return load(FALLBACK_SPIDER)(site)

    async def _sitemaps(self, ticket: Ticket, spider: SiteSpider) -> None:
        """Find the sitemaps that robots.txt names (sitemaps.org protocol), on a start page only."""
        if spider.name == FALLBACK_SPIDER:
            return
        rules = await self._fetcher.rules(ticket, ticket.target.url)
        robots_url = urljoin(ticket.target.url, "/robots.txt")
        everywhere = spider.whole_site()
        for url in rules.sitemaps:
            if in_scope(everywhere, url):
                found = Found(url=url, found_by=FoundBy.SITEMAP, found_on=robots_url)
                ticket.found.append(found)
