"""The engine lane: one long-lived Scrapy engine that makes the visits handed to it."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.errors import CrawlerError
from crawler.fetch.fetcher import Fetcher
from crawler.fetch.handler import WEB_FAILURES
from crawler.fetch.reading import Reading
from crawler.fetch.settings import engine_settings
from crawler.fetch.ticket import Ticket
from spiders.base import SiteSpider

END = None


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

    def __init__(self, fetcher: Fetcher, *, reading: Reading, lanes: int) -> None:
        self._waiting: asyncio.Queue[Request | None] = asyncio.Queue()
        self._crawler = Crawler(VisitSpider, engine_settings(lanes=lanes))
        self._fetcher = fetcher
        self._crawl: asyncio.Task[None] | None = None
        self._reading = reading

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
                callback=partial(_read, ticket=ticket, spider=spider, reading=self._reading),
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
        """Let the engine finish what it has and end; no spider reads any more then."""
        await self._waiting.put(END)
        if self._crawl is not None:
            await self._crawl
        self._reading.close()


async def _read(
    response: Response, *, ticket: Ticket, spider: SiteSpider, reading: Reading
) -> None:
    try:
        if not ticket.was_read:
            await reading.read(response, ticket=ticket, spider=spider)
    finally:
        ticket.done()


def _failed(failure: Failure, *, ticket: Ticket) -> None:
    """Note that there was no answer to read; the last exchange of the ticket says why.

    Anything but the handler's own words for that is a failure of ours and goes to the lane.
    """
    if isinstance(failure.value, WEB_FAILURES):
        ticket.done()
    elif not ticket.read.done():
        ticket.read.set_exception(failure.value or CrawlerError(str(failure)))
