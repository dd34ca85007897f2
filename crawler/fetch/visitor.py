"""Make one visit: the page and its redirects through the engine, then what the page needs."""

import logging
from datetime import timedelta
from typing import Protocol
from urllib.parse import urljoin

from crawler.fetch.fetcher import Fetcher
from crawler.fetch.keeper import Keeper
from crawler.fetch.lane import EngineLane
from crawler.fetch.needs import reading_turn
from crawler.fetch.recapture import RecaptureLane
from crawler.fetch.requisites import Gatherer, Shelf
from crawler.fetch.roster import Roster, SpiderFileError, load
from crawler.fetch.ticket import Condition, Ticket, new_ticket
from spiders.base import SiteSpider
from spiders.scope import in_scope
from storage.model import Found, FoundBy, Robots, Site, Target, Visit

logger = logging.getLogger(__name__)

FALLBACK_SPIDER = "page"
"""Reads the pages of a site whose own spider file is broken: they are kept all the same."""


class Memory(Protocol):
    """What a visit asks of the catalogue, and tells it, before its bytes are fetched."""

    async def condition(self, target: Target) -> Condition | None:
        """Return what is held of a target that its server may call unchanged, or None."""
        ...

    async def site_lost(self, target: Target, reason: str) -> None:
        """Take down that the spider file of a target's site does not load; told once."""
        ...


class Visitor:
    """The fetch room's door: takes a target, returns a visit whose bytes are safe."""

    def __init__(
        self,
        *,
        worker: str,
        fetcher: Fetcher,
        keeper: Keeper,
        engine: EngineLane,
        recapture: RecaptureLane,
        gatherer: Gatherer,
    ) -> None:
        self._worker = worker
        self._fetcher = fetcher
        self._keeper = keeper
        self._engine = engine
        self._recapture = recapture
        self._gatherer = gatherer
        self._roster = Roster()
        self._lost: set[str] = set()

    async def open(self) -> None:
        """Start the engine."""
        await self._engine.open()

    async def fetch(self, target: Target, site: Site, *, memory: Memory) -> Ticket:
        """Fetch a target; its records are appended, and its host may be asked for the next.

        A target that was read before takes the recapture lane. Raise StorageError when the records
        cannot be kept, CrawlerError when the engine is gone; what the web does is in the ticket.
        """
        ticket = new_ticket(target, site, worker=self._worker)
        try:
            await self._fetch(ticket, memory)
        except BaseException:
            ticket.over()
            raise
        return ticket

    async def _fetch(self, ticket: Ticket, memory: Memory) -> None:
        target, site = ticket.target, ticket.site
        spider, name = await self._spider(target, site, memory)
        ticket.read_with = f"{name} {reading_turn(target, site, now=ticket.started_at)}"
        if target.found_by is FoundBy.START and ticket.robots is not Robots.IGNORE:
            await self._sitemaps(ticket, spider)
        if site.conditional and target.read_as is not None:
            await self._set_condition(ticket, memory)
        lane = self._engine if target.read_as is None else self._recapture
        await lane.fetch(ticket, spider)

    async def safe(self, ticket: Ticket) -> Visit:
        """Return the visit of a ticket when its records are on the disk."""
        finished_at = ticket.ended_at
        await self._keeper.synced()
        ticket.placed()
        return ticket.visit(finished_at=finished_at)

    async def requisites(self, ticket: Ticket, visit: Visit, *, shelf: Shelf) -> None:
        """Fetch what the page of a visit needs, and write it down in batches (see ``Gatherer``)."""
        await self._gatherer.gather(ticket, visit, shelf=shelf)

    def wait_of(self, host: str) -> timedelta:
        """Return how long a host is still to be left alone after its last exchange."""
        return self._fetcher.wait_of(host)

    async def close_old(self) -> None:
        """Close the WARC file, if nothing was added to it for long."""
        await self._keeper.close_old()

    async def close(self) -> None:
        """End the engine, close the connections, close the WARC file under its final name."""
        # The engine waits for what it has under way, so that is cut first.
        await self.cut()
        await self._engine.close()
        await self._keeper.close()

    async def cut(self) -> None:
        """Ask no host any more; exchanges under way end, and what came of them is kept."""
        await self._fetcher.close()

    async def _spider(self, target: Target, site: Site, memory: Memory) -> tuple[SiteSpider, str]:
        try:
            return self._roster.spider(site)
        except SpiderFileError as fault:
            if site.name not in self._lost:
                self._lost.add(site.name)
                await memory.site_lost(target, str(fault))
            return load(FALLBACK_SPIDER)(site), FALLBACK_SPIDER

    async def _set_condition(self, ticket: Ticket, memory: Memory) -> None:
        """Ask conditionally for what the spider has read: a 304 brings nothing to read."""
        condition = await memory.condition(ticket.target)
        if condition is None:
            return
        url, held = ticket.target.url, condition.original.payload_digest
        if ticket.has_read(ticket.name_of(url, held, condition.fields)):
            ticket.conditions[url] = condition

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
