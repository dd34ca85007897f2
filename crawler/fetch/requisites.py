"""Gather what a page needs to be shown: each thing once, politely, in batches that are safe."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import timedelta

from crawler.fetch.fetcher import Fetcher
from crawler.fetch.keeper import Keeper
from crawler.fetch.pace import Pace
from crawler.fetch.ticket import Ticket
from storage.host import host_of
from storage.model import ANSWERED, Capture, Outcome, Site

MOST_REQUISITES = 500
REQUISITES_A_BATCH = 10
"""Requisites that are synced and written down together."""
FAILED_REST_FOR = timedelta(days=1)
"""How long a requisite that could not be had is not asked for again by this worker."""
MOST_FAILED = 10_000
LONGEST_WAIT = timedelta(seconds=30)
"""A host that wants to be left alone for longer is given back, and its requisites wait."""

Wanted = Callable[[Site, list[str]], Awaitable[list[str]]]
"""Given a site and requisite addresses, return those still to be fetched."""


class Gatherer:
    """Fetch the requisites of pages and remember those that could not be had."""

    def __init__(self, *, fetcher: Fetcher, keeper: Keeper, pace: Pace) -> None:
        self._fetcher = fetcher
        self._keeper = keeper
        self._pace = pace
        self._failed: dict[str, float] = {}

    async def gather(self, ticket: Ticket, *, wanted: Wanted) -> AsyncIterator[list[Capture]]:
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
