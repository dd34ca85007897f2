"""The recapture lane: visits of pages we know, by the same way to the wire, without an engine.

What a visit is made of (guard, robots, pace, redirects, records) lies in ``fetcher.py``, below both
lanes; this one leaves out what Scrapy does for each request above it. It needs no Scrapy at all.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from crawler.fetch.fetcher import Fetched, Fetcher
from crawler.fetch.ticket import Ticket
from storage.model import ANSWERED

if TYPE_CHECKING:  # the class is Scrapy's child, and is only handed on here
    from spiders.base import SiteSpider

Read = Callable[[Fetched, Ticket, "SiteSpider"], Awaitable[None]]
"""Lets the site's spider read a page; what it finds is in the ticket then."""


class RecaptureLane:
    """Make visits of known targets; the spider reads only what it has not read before."""

    def __init__(self, fetcher: Fetcher, *, read: Read) -> None:
        self._fetcher = fetcher
        self._read = read

    async def fetch(self, ticket: Ticket, spider: "SiteSpider") -> None:
        """Fetch a visit's page and let the spider read it where it may have something to add.

        Raise StorageError when it cannot be kept; what the web does is in the ticket.
        """
        try:
            fetched = await self._fetcher.page(ticket)
            if fetched.capture.outcome in ANSWERED and not ticket.was_read:
                await self._read(fetched, ticket, spider)
        finally:
            ticket.done()
