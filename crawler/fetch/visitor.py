"""Make one visit: the page and its redirects through the engine, then what the page needs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

from crawler.fetch.fetcher import Fetcher
from crawler.fetch.keeper import Keeper
from crawler.fetch.lane import EngineLane
from crawler.fetch.pace import Pace
from crawler.fetch.roster import Roster, SpiderFileError, load
from crawler.fetch.ticket import Ticket, new_ticket
from spiders.base import SiteSpider
from spiders.scope import in_scope
from storage.catalogue.hosts import host_of
from storage.model import ANSWERED, Capture, Found, FoundBy, Outcome, Robots, Site, Target, Visit

logger = logging.getLogger(__name__)

MOST_REQUISITES = 500
REQUISITES_A_BATCH = 10
"""Requisites that are synced and written down together."""
FAILED_REST_FOR = timedelta(days=1)
"""How long a requisite that could not be had is not asked for again by this worker."""
MOST_FAILED = 10_000
LONGEST_WAIT = timedelta(seconds=30)
"""A host that wants to be left alone for longer is given back, and its requisites wait."""
FALLBACK_SPIDER = "page"
"""Reads the pages of a site whose own spider file is broken: they are kept all the same."""

Wanted = Callable[[Site, list[str]], Awaitable[list[str]]]
"""Given a site and requisite addresses, return those still to be fetched."""
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
        self._failed: dict[str, float] = {}

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

    async def requisites(self, ticket: Ticket, *, wanted: Wanted) -> AsyncIterator[list[Capture]]:
        """Fetch what the page needs and the site does not have yet; yield what is on the disk."""
        page = ticket.captures[-1]
        if not ticket.site.requisites or page.outcome is not Outcome.OK:
            return
        told = len(ticket.captures)
        for batch in batched(await self._wanted(ticket, wanted), REQUISITES_A_BATCH):
            for url in batch:
                if self._pace.wait_of(host_of(url)) < LONGEST_WAIT:
                    await self._fetcher.requisite(ticket, url, via=page.url)
                    self._note(url, ticket.captures[-1])
            await self._keeper.synced()
            if len(ticket.captures) > told:
                yield ticket.captures[told:]
                told = len(ticket.captures)

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

    async def _wanted(self, ticket: Ticket, wanted: Wanted) -> list[str]:
        """Return the requisites to fetch: each once, not known to the site, not failed lately."""
        urls = list(dict.fromkeys(ticket.requisites))[:MOST_REQUISITES]
        now = asyncio.get_running_loop().time()
        worth = [url for url in urls if self._failed.get(url, now) <= now]
        return await wanted(ticket.site, worth) if worth else []

    def _note(self, url: str, capture: Capture) -> None:
        """Remember a requisite that could not be had."""
        if capture.outcome in ANSWERED and capture.outcome is not Outcome.SERVER_ERROR:
            return
        while len(self._failed) >= MOST_FAILED:
            del self._failed[next(iter(self._failed))]
        later = asyncio.get_running_loop().time() + FAILED_REST_FOR.total_seconds()
        self._failed[url] = later


def batched(urls: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Yield a sequence in parts of at most ``size``."""
    for start in range(0, len(urls), size):
        yield urls[start : start + size]
