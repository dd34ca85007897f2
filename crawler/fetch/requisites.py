"""Gather what a page needs to be shown: each thing once, politely, in batches that are safe.

What is to be fetched is written down first, as missing, and taken from that list when it is had: a
visit that is cut short loses nothing, and what fails is tried again at a later visit of the page.
What the page itself needs was written down with its visit; what a style sheet or a frame needs is
written down before that counts as had.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from crawler.fetch.fetcher import Fetched, Fetcher
from crawler.fetch.guard import refused_url
from crawler.fetch.keeper import Keeper
from crawler.fetch.needs import LEAD_ON, MOST_REQUISITES, Named, after_try, needs_of
from crawler.fetch.pace import Pace, PaceOverError
from crawler.fetch.ticket import Condition, Ticket
from spiders.reading.manifests import manifest_requisites
from spiders.reading.requisites import frame_requisites, sheet_requisites
from storage.host import host_of
from storage.message import first_of
from storage.model import (
    Capture,
    Missing,
    Outcome,
    Requisite,
    RequisiteKind,
    Visit,
    payload_captures,
)
from storage.warc.reader import StoredPage

MOST_HOSTS = 6
"""Hosts asked at once for one page; each of them gets one request at a time."""
REQUISITES_A_BATCH = 10
"""Requisites that are synced and written down together."""
LONGEST_WAIT = timedelta(seconds=30)
"""A host that wants to be left alone for longer is given back, and its requisites wait."""
UNREADABLE = "it was not sent again, and what is held of it cannot be read"

_FRAME_TYPES = ("html", "svg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What came of a batch of requisites; the bytes of its captures are safe."""

    captures: tuple[Capture, ...] = ()
    had: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()


class Shelf(Protocol):
    """What gathering asks of the catalogue, and writes there."""

    async def wanted(self, named: Named) -> list[Missing]:
        """List as missing what the site does not have, and return what of it is to be fetched."""
        ...

    async def keep_requisites(self, visit: Visit, gathered: Gathered) -> None:
        """Write a batch: what is had is missing no more."""
        ...

    async def condition_of(self, need: Missing) -> Condition | None:
        """Return what its site holds of a requisite that may be called unchanged, or None."""
        ...

    async def stored(self, site: str, url: str) -> StoredPage | None:
        """Return the newest requisite of a site at an address, or None if it cannot be read."""
        ...


def is_held(last: Capture) -> bool:
    """Say of a last hop whether the archive has what was asked for; all else is missing."""
    unchanged = last.outcome is Outcome.NOT_MODIFIED and last.refers_to is not None
    return last.outcome is Outcome.OK or unchanged


class Gatherer:
    """Fetch the requisites of pages."""

    def __init__(self, *, fetcher: Fetcher, keeper: Keeper, pace: Pace) -> None:
        self._parts = _Parts(fetcher=fetcher, keeper=keeper, pace=pace)

    async def gather(self, ticket: Ticket, visit: Visit, *, shelf: Shelf) -> None:
        """Fetch and keep what is listed as missing of a visit's page and is to be tried now.

        What the page named at this visit was listed with it; what was missing at earlier visits is
        tried again, be the page read or not. Raise StorageError when it cannot be kept.
        """
        page = payload_captures(ticket.captures)[-1]
        if ticket.site.requisites and is_held(page):
            await _Round(self._parts, ticket=ticket, visit=visit, shelf=shelf).run(page.url)


@dataclass(slots=True, kw_only=True)
class _Parts:
    """What all rounds of a worker share."""

    fetcher: Fetcher
    keeper: Keeper
    pace: Pace
    under_way: set[tuple[str, str]] = field(default_factory=set)
    """Site and address of what is being fetched now, so that no two pages fetch it at once."""
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One sheet or frame at a time: the tree of a large one takes many times its size."""


class _Round:
    """The requisites of one page: several hosts at a time, one request at a time to each."""

    def __init__(self, parts: _Parts, *, ticket: Ticket, visit: Visit, shelf: Shelf) -> None:
        self._parts = parts
        self._ticket = ticket
        self._visit = visit
        self._shelf = shelf
        self._told = len(ticket.captures)
        self._room = MOST_REQUISITES
        self._queues: dict[str, deque[Missing]] = {}
        self._asking: dict[asyncio.Task[tuple[Missing, Fetched | None]], str] = {}
        self._mine: set[tuple[str, str]] = set()
        self._had: list[str] = []
        self._missing: list[Missing] = []

    async def run(self, page_url: str) -> None:
        """Fetch until nothing is left; what came is written also when the worker ends."""
        try:
            await self._enter((), via=page_url, depth=0)
            while self._start():
                await asyncio.wait(self._asking, return_when=asyncio.FIRST_COMPLETED)
                await self._take_done()
                if len(self._had) + len(self._missing) >= REQUISITES_A_BATCH:
                    await self._write()
            await self._write()
        except PaceOverError:
            # Exchanges under way are cut now and end by themselves; what came of them is kept.
            if self._asking:
                await asyncio.wait(self._asking)
            await self._write()
            raise
        finally:
            self._parts.under_way -= self._mine
            for task in self._asking:
                task.cancel()
            await asyncio.gather(*self._asking, return_exceptions=True)

    async def _enter(self, requisites: Iterable[Requisite], *, via: str, depth: int) -> None:
        """Queue what a document needs and the site does not have, sheets and frames first.

        At depth 0, the page, it is what stands on its list.
        """
        target, now = self._ticket.target, datetime.now(UTC)
        named = Named(
            target=target,
            site=self._ticket.site,
            via=via,
            needs=needs_of(requisites, target=target, via=via, depth=depth, now=now),
            again=depth == 0,
            room=self._room,
        )
        for need in sorted(await self._shelf.wanted(named), key=_leads_nowhere):
            key = (need.site, need.url)
            if key not in self._parts.under_way:
                self._parts.under_way.add(key)
                self._mine.add(key)
                self._room -= 1
                self._queues.setdefault(host_of(need.url), deque()).append(need)

    def _start(self) -> bool:
        """Ask as many hosts as may be asked at once; return whether any is being asked."""
        busy = set(self._asking.values())
        for host in [one for one in self._queues if one not in busy]:
            if len(self._asking) == MOST_HOSTS:
                break
            queue = self._queues[host]
            task = asyncio.create_task(self._ask(host, queue.popleft()))
            self._asking[task] = host
            if not queue:
                del self._queues[host]
        return bool(self._asking)

    async def _ask(self, host: str, need: Missing) -> tuple[Missing, Fetched | None]:
        if self._parts.pace.wait_of(host) >= LONGEST_WAIT:
            return need, None
        ticket = self._ticket
        if ticket.site.conditional and (known := await self._shelf.condition_of(need)) is not None:
            ticket.conditions[need.url] = known
        try:
            return need, await self._parts.fetcher.requisite(ticket, need.url, via=need.via)
        finally:
            ticket.conditions.pop(need.url, None)

    async def _take_done(self) -> None:
        for task in [one for one in self._asking if one.done()]:
            del self._asking[task]
            need, fetched = task.result()
            now = datetime.now(UTC)
            if fetched is None:
                wait = self._parts.pace.wait_of(host_of(need.url))
                reason = "its host asked to be left alone for a while"
                self._missing.append(replace(need, reason=reason, next_try_at=now + wait))
            elif not is_held(fetched.capture):
                self._missing.append(after_try(need, fetched.capture, now=now))
            elif need.kind not in LEAD_ON:
                self._had.append(need.url)
            elif (whole := await self._whole(fetched)) is None:
                self._missing.append(replace(need, reason=UNREADABLE, next_try_at=now))
            else:
                self._had.append(need.url)
                await self._go_on(need, whole)

    async def _whole(self, fetched: Fetched) -> Fetched | None:
        """Return what was fetched with what a 304 stands for, or None if that cannot be read.

        What a style sheet needs may be old although it is as it was itself.
        """
        row = fetched.capture
        if row.outcome is not Outcome.NOT_MODIFIED:
            return fetched
        stored = await self._shelf.stored(self._ticket.site.name, row.url)
        if stored is None:
            return None
        kind = first_of(stored.headers, "content-type")
        return replace(fetched, body=stored.body, capture=replace(row, content_type=kind))

    async def _go_on(self, need: Missing, fetched: Fetched) -> None:
        """Enter what a style sheet, the document of a frame or a manifest needs in its turn."""
        async with self._parts.reading:
            found = await asyncio.to_thread(nested, need, fetched)
        if found:
            await self._enter(found, via=fetched.capture.url, depth=need.depth + 1)

    async def _write(self) -> None:
        """Write down what came, once its bytes are safe."""
        told, self._told = self._told, len(self._ticket.captures)
        had, self._had = tuple(self._had), []
        missing, self._missing = tuple(self._missing), []
        if not had and not missing and told == self._told:
            return
        await self._parts.keeper.synced()
        self._ticket.placed()
        captures = tuple(self._ticket.captures[told : self._told])
        gathered = Gathered(captures=captures, had=had, missing=missing)
        await self._shelf.keep_requisites(self._visit, gathered)


def nested(need: Missing, fetched: Fetched) -> Sequence[Requisite]:
    """Return what a requisite needs in its turn: a style sheet, a document or a manifest."""
    return [one for one in _nested(need, fetched) if refused_url(one.url) is None]


def _nested(need: Missing, fetched: Fetched) -> Iterator[Requisite]:
    kind = fetched.capture.content_type or ""
    facts = {"url": fetched.capture.url, "content_type": kind}
    is_document = any(one in kind.lower() for one in _FRAME_TYPES)
    if need.kind is RequisiteKind.OTHER and "css" in kind.lower():
        need = replace(need, kind=RequisiteKind.STYLE)
    if need.kind is RequisiteKind.STYLE:
        if is_document:  # such as a page that says there is no sheet
            return
        yield from sheet_requisites(fetched.body, **facts, encoding=need.encoding)
    elif need.kind in LEAD_ON and is_document:
        yield from frame_requisites(fetched.body, **facts)
    elif need.kind is RequisiteKind.DATA and _is_manifest(fetched.capture.url, kind):
        yield from manifest_requisites(fetched.body, url=fetched.capture.url)


def _leads_nowhere(need: Missing) -> bool:
    """Order what leads to more requisites before the rest."""
    return need.kind not in LEAD_ON


def _is_manifest(url: str, content_type: str) -> bool:
    return "json" in content_type.lower() or urlsplit(url).path.endswith(".webmanifest")
