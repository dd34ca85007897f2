"""The engine lane: one long-lived Scrapy engine that makes the visits handed to it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.errors import CrawlerError
from crawler.fetch.fetcher import Fetcher
from crawler.fetch.guard import refused_url
from crawler.fetch.handler import WEB_FAILURES
from crawler.fetch.settings import engine_settings
from crawler.fetch.ticket import Ticket
from spiders.base import Requisite, SiteSpider
from spiders.scope import in_scope
from storage.model import Found, FoundBy

logger = logging.getLogger(__name__)

END = None
MOST_FINDINGS = 100_000
"""Taken from one page: a spider that never stops costs its findings after these only."""


class VisitSpider(Spider):
    """Feed the engine the visits of a worker and let each site's own spider read the answers."""

    name = "holdfast"

    def __init__(self, *, fetcher: Fetcher, waiting: "asyncio.Queue[Request | None]") -> None:
        super().__init__()
        self.fetcher = fetcher
        self._waiting = waiting

    async def start(self) -> AsyncIterator[Request]:
        """Yield the visits that lanes hand over, until there are no more."""
        while (request := await self._waiting.get()) is not END:
            yield request


class EngineLane:
    """Make visits through Scrapy; many at once, each awaited by the lane of its host."""

    def __init__(self, fetcher: Fetcher, *, lanes: int) -> None:
        self._waiting: asyncio.Queue[Request | None] = asyncio.Queue()
        self._crawler = Crawler(VisitSpider, engine_settings(lanes=lanes))
        self._fetcher = fetcher
        self._crawl: asyncio.Task[None] | None = None
        # Spiders read in a thread, so that a long page holds nobody up; in one, so that their
        # files need not be safe for several.
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spiders")

    async def open(self) -> None:
        """Start the engine; it runs until ``close``."""
        crawl = self._crawler.crawl_async(fetcher=self._fetcher, waiting=self._waiting)
        self._crawl = asyncio.create_task(crawl, name="scrapy engine")

    async def fetch(self, ticket: Ticket, spider: SiteSpider) -> None:
        """Fetch a visit's page and let the spider read it; the ticket has what came of it.

        Raise CrawlerError when the engine has ended: then no visit can be made any more.
        """
        if self._crawl is None:
            raise CrawlerError("the engine was not started")
        await self._waiting.put(
            Request(
                ticket.target.url,
                callback=partial(_read, ticket=ticket, spider=spider, thread=self._reading),
                errback=partial(_failed, ticket=ticket),
                meta={"ticket": ticket, "verbatim_url": True},
                dont_filter=True,
            )
        )
        try:
            await asyncio.wait([ticket.read, self._crawl], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            ticket.read.cancel()  # nobody waits for it any more
            raise
        if not ticket.read.done():
            fault = self._crawl.exception() if not self._crawl.cancelled() else None
            raise CrawlerError("the Scrapy engine ended; the worker must start anew") from fault
        ticket.read.result()

    async def close(self) -> None:
        """Let the engine finish what it has and end."""
        await self._waiting.put(END)
        if self._crawl is not None:
            await self._crawl
        self._reading.shutdown(wait=False, cancel_futures=True)


async def _read(
    response: Response, *, ticket: Ticket, spider: SiteSpider, thread: Executor
) -> None:
    """Let the site's spider read a page, in its thread; the ticket has what it finds."""
    try:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(thread, partial(read, response, ticket=ticket, spider=spider))
    finally:
        _done(ticket)


def read(response: Response, *, ticket: Ticket, spider: SiteSpider) -> None:
    """Take down what the site's spider finds; a spider that fails costs its findings only."""
    try:
        for one in islice(spider.parse(response), MOST_FINDINGS):
            if ticket.read.done():
                return  # the visit was given up
            _take(one, ticket=ticket, spider=spider, found_on=response.url)
    except Exception:
        logger.exception(
            "spider failed on a page; the page is kept, its links are not followed",
            extra={"site": ticket.site.name, "spider": spider.name, "url": ticket.target.url},
        )


def _take(
    one: Found | Requisite | Request, *, ticket: Ticket, spider: SiteSpider, found_on: str
) -> None:
    """Note one finding, unless its address can be no target: a spider's file may name anything."""
    if (refusal := refused_url(one.url)) is not None:
        fields = {"url": one.url, "found_on": found_on, "reason": refusal}
        logger.debug("address left alone", extra=fields)
        return
    match one:
        case Found():
            found_by = FoundBy(one.found_by)
            ticket.found.append(replace(one, found_by=found_by, found_on=found_on))
        case Requisite():
            ticket.requisites.append(one.url)
        case Request() if in_scope(spider.site, one.url):
            ticket.found.append(Found(url=one.url, found_by=FoundBy.LINK, found_on=found_on))
        case Request():
            pass


def _failed(failure: Failure, *, ticket: Ticket) -> None:
    """Note that there was no answer to read; the last exchange of the ticket says why.

    Anything but the handler's own words for that is a failure of ours and goes to the lane.
    """
    if isinstance(failure.value, WEB_FAILURES):
        _done(ticket)
    elif not ticket.read.done():
        ticket.read.set_exception(failure.value or CrawlerError(str(failure)))


def _done(ticket: Ticket) -> None:
    if not ticket.read.done():
        ticket.read.set_result(None)
