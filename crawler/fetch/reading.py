"""Let a site's own spider read a page that was fetched: the ticket has what it finds."""

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from weakref import WeakKeyDictionary

from scrapy import Request
from scrapy.http import Response, TextResponse

from crawler.fetch.fetcher import Fetched
from crawler.fetch.guard import refused_url
from crawler.fetch.handler import to_response
from crawler.fetch.ticket import Ticket
from spiders.base import SiteSpider
from spiders.scope import in_scope
from storage.model import Found, FoundBy, Requisite

logger = logging.getLogger(__name__)

MOST_FINDINGS = 100_000
"""Taken from one page: a spider that never stops costs its findings after these only."""
QUICK = timedelta(milliseconds=20)
"""A page that is read within it holds up the loop no longer than a few exchanges would."""
PROVEN_AFTER = 20
"""So many quick reads in a row show that a spider is quick; one slow read, and it begins anew."""
SHORT_BYTES = 64 * 1024


class Reading:
    """Where the spiders of a worker read, the same for every lane; one page at a time.

    In a thread, so that a long page holds nobody up; in one, so that the files of spiders need not
    be safe for several. To hand a page over costs as much as to read a short one, so a spider that
    has been quick reads short pages in the loop itself, until one takes long.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spiders")
        self._reading = threading.Lock()
        self._quick_reads: WeakKeyDictionary[SiteSpider, int] = WeakKeyDictionary()

    async def read(self, response: Response, *, ticket: Ticket, spider: SiteSpider) -> None:
        """Let the spider read a page that it has not read; one that fails costs its findings."""
        kind = next(iter(response.headers.getlist("Content-Type")), b"").decode("latin-1")
        if not _leads_on(response.body, ticket, spider, url=response.url, kind=kind):
            await self._read_page(response, ticket, spider)

    async def fetched(self, fetched: Fetched, ticket: Ticket, spider: SiteSpider) -> None:
        """Let the spider read what was fetched without an engine."""
        kind, url = fetched.capture.content_type or "", fetched.capture.url
        if not _leads_on(fetched.body, ticket, spider, url=url, kind=kind):
            await self._read_page(to_response(fetched), ticket, spider)

    async def _read_page(self, response: Response, ticket: Ticket, spider: SiteSpider) -> None:
        quick_reads = self._quick_reads.get(spider, 0)
        short = len(response.body) <= SHORT_BYTES
        if quick_reads >= PROVEN_AFTER and short and self._reading.acquire(blocking=False):
            try:
                took = _read(response, ticket, spider)
            finally:
                self._reading.release()
        else:
            loop = asyncio.get_running_loop()
            took = await loop.run_in_executor(self._thread, self._read, response, ticket, spider)
        self._quick_reads[spider] = quick_reads + 1 if took <= QUICK.total_seconds() else 0

    def _read(self, response: Response, ticket: Ticket, spider: SiteSpider) -> float:
        with self._reading:
            return _read(response, ticket, spider)

    def close(self) -> None:
        """Read no more pages; one that is being read now is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _leads_on(body: bytes, ticket: Ticket, spider: SiteSpider, *, url: str, kind: str) -> bool:
    """Say whether a page leads where it led when the spider read it last, whatever else it says."""
    return ticket.leads_where_it_led(spider.glance(body), url=url, content_type=kind)


def _read(response: Response, ticket: Ticket, spider: SiteSpider) -> float:
    """Take down what the spider finds; return how many seconds it took."""
    begun = time.monotonic()
    try:
        for one in islice(spider.parse(response), MOST_FINDINGS):
            if ticket.read.done():
                break  # the visit was given up
            _take(one, ticket=ticket, spider=spider, found_on=response.url)
    except Exception:
        ticket.unread()
        logger.exception(
            "spider failed on a page; the page is kept, its links are not followed",
            extra={"site": ticket.site.name, "spider": spider.name, "url": ticket.target.url},
        )
    finally:
        # A response and its selector hold each other, and with them the tree of the page, which
        # the collector takes for a few small objects: many large pages would wait for it.
        if isinstance(response, TextResponse):
            response._cached_selector = None  # noqa: SLF001 - Scrapy has no other way
    return time.monotonic() - begun


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
            ticket.requisites.append(one)
        case Request() if in_scope(spider.site, one.url):
            ticket.found.append(Found(url=one.url, found_by=FoundBy.LINK, found_on=found_on))
        case Request():
            pass
