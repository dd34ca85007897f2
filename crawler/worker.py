"""Serve claims: lend a host, visit its due targets one after another, give the host back."""

import asyncio
import logging
import time
import zlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeVar

from crawler import budget, flow, ledger
from crawler.books import Books
from crawler.errors import CrawlerError
from crawler.fetch.requisites import LONGEST_WAIT
from crawler.fetch.ticket import Ticket
from crawler.fetch.visitor import Visitor
from storage.archive import Archive, room
from storage.catalogue import claims, sites, standings, stoppages
from storage.catalogue.engine import Catalogue
from storage.catalogue.stoppages import Stoppage
from storage.errors import CatalogueError, FenceError, StorageError
from storage.model import Cause, Claim, Phase, Site, Target, TargetState

logger = logging.getLogger(__name__)

T = TypeVar("T")

LEASE = timedelta(minutes=2)
RENEWED_AFTER = LEASE / 3
TARGETS_A_CLAIM = 20
MOST_UNWRITTEN = 10
"""So many visits of a claim may be made whose rows are not written yet."""
MANY_FOUND = 1000
FAULTY_AGAIN_AFTER = timedelta(minutes=10)
SPENT_AGAIN_AFTER = timedelta(minutes=10)
"""When the targets of a spent budget are asked about again, up to twice that."""
LOOKS_FOR_WORK_EVERY = timedelta(milliseconds=200)
DRAINED_WITHIN = timedelta(seconds=5)
"""How long visits under way may go on after the signal to stop; the service ends within 10 s."""
CUT_WITHIN = timedelta(seconds=1)
"""How long cut exchanges may take to be kept."""
TOLD_AFTER = timedelta(minutes=1)
"""A host that is left alone for longer is noted: planned visits may be passed over by it."""
ROOM_SEEN_EVERY = timedelta(seconds=2)
FILES_SEEN_EVERY = timedelta(seconds=1)
SITES_READ_EVERY = timedelta(seconds=2)


@dataclass(slots=True, kw_only=True)
class Worker:
    """Several lanes over one engine; each lane has one host at a time."""

    name: str
    archive: Archive
    catalogue: Catalogue
    visitor: Visitor
    books: Books
    ends: AsyncExitStack
    """Closes what the worker is made of, in order, when it ends: it runs once."""
    lanes: int = 16
    only: set[int] | None = None
    """Target ids this worker may visit; None for all (the service)."""
    amend: Callable[[Site], Site] | None = None
    """What a one-off run changes about every site, such as ``--ignore-robots``."""
    serving: int = 0
    """Hosts whose targets, and what their pages need, are being fetched now."""
    _has_room_now: bool = True
    _room_seen_at: float = float("-inf")
    _files_seen_at: float = float("-inf")
    _told_spent: dict[str, date] = field(default_factory=dict)
    _allowances: budget.Allowances = field(default_factory=budget.Allowances)
    _sites: dict[str, Site] = field(default_factory=dict)
    _sites_read_at: float = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Visit what is due until ``stop``; then finish the visits under way and end.

        Raise the first error of a lane: a worker that cannot keep bytes must not go on.
        """
        await self.visitor.open()
        serving: set[asyncio.Task[None]] = set()
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                serving = self._raise_failed(serving)
                free = len(serving) < self.lanes and self._has_room()
                claim = await self._claim() if free else None
                if claim is not None:
                    serving.add(asyncio.create_task(self._serve(claim, stop)))
                else:
                    await self._idle(serving, stopping)
            if serving:
                await asyncio.wait(serving, timeout=DRAINED_WITHIN.total_seconds())
            serving = self._raise_failed(serving)
        finally:
            # What is still under way is given up: its bytes so far are kept, its target stays due,
            # its lease runs out.
            await self.visitor.cut()
            if serving:
                await asyncio.wait(serving, timeout=CUT_WITHIN.total_seconds())
            for task in serving:
                task.cancel()
            stopping.cancel()
            await asyncio.gather(*serving, stopping, return_exceptions=True)
            await self.ends.aclose()

    async def _idle(
        self, serving: set[asyncio.Task[None]], stopping: asyncio.Task[Literal[True]]
    ) -> None:
        """Wait until a lane is free, the worker is to stop, or it is time to look for work.

        Files to which nothing comes any more are closed meanwhile, for their copies' sake.
        """
        now = time.monotonic()
        if now - self._files_seen_at > FILES_SEEN_EVERY.total_seconds():
            self._files_seen_at = now
            await self.visitor.close_old()
            await self.books.close_old()
        await asyncio.wait(
            {*serving, stopping},
            timeout=LOOKS_FOR_WORK_EVERY.total_seconds(),
            return_when=asyncio.FIRST_COMPLETED,
        )

    def _has_room(self) -> bool:
        """Say whether the archive's disk has room; captures pause without it and go on by it."""
        now = time.monotonic()
        if now - self._room_seen_at > ROOM_SEEN_EVERY.total_seconds():
            had, self._room_seen_at = self._has_room_now, now
            self._has_room_now = room(self.archive) >= 0
            if had and not self._has_room_now:
                logger.error("the disk is full, captures pause until there is room; make room")
            if self._has_room_now and not had:
                logger.info("there is room on the disk again, captures go on")
        return self._has_room_now

    def _raise_failed(self, serving: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        for task in serving:
            if task.done():
                task.result()
        return {task for task in serving if not task.done()}

    async def _claim(self) -> Claim | None:
        return await self.books.in_thread(self._take_claim)

    def _take_claim(self) -> Claim | None:
        now = datetime.now(UTC)
        with self.catalogue.read() as db:
            first = claims.next_at(db)
        if first is None or first > now:
            return None
        with self.catalogue.write() as db:
            return claims.claim(
                db,
                worker=self.name,
                now=now,
                lease=LEASE,
                limit=TARGETS_A_CLAIM,
                only=self.only,
            )

    async def _serve(self, claim: Claim, stop: asyncio.Event) -> None:
        """Make the visits of one claim; a lost lease ends it, and another worker has the host."""
        renewing = asyncio.create_task(self._renew(claim))
        visiting = asyncio.create_task(self._visit_all(claim, stop))
        self.serving += 1
        try:
            await asyncio.wait([visiting, renewing], return_when=asyncio.FIRST_COMPLETED)
            if renewing.done():
                renewing.result()
            await visiting
            next_ok_at = datetime.now(UTC) + self.visitor.wait_of(claim.host)
            await self.books.in_thread(lambda: self._release(claim, next_ok_at))
        except FenceError as lost:
            logger.warning(
                "claim lost, its targets are visited by another worker",
                extra={"host": claim.host, "reason": str(lost)},
            )
        finally:
            self.serving -= 1
            renewing.cancel()
            visiting.cancel()
            (ended,) = await asyncio.gather(visiting, return_exceptions=True)
        if isinstance(ended, StorageError) and not isinstance(ended, FenceError):
            raise ended  # a lost claim must not hide that something could not be kept

    async def _visit_all(self, claim: Claim, stop: asyncio.Event) -> None:
        """Fetch one target after another; the host is asked on while the last ones are written."""
        keeping: list[asyncio.Task[None]] = []
        try:
            for target in claim.targets:
                await self._let_go_on(keeping)
                if stop.is_set() or self.visitor.wait_of(claim.host) > LONGEST_WAIT:
                    break
                ticket = await self._fetch(target, keeping)
                if ticket is None:
                    continue
                keeping.append(asyncio.create_task(self._keep(ticket, claim)))
                # Requisites ask the same host, and many findings are much to hold.
                if ticket.requisites or len(ticket.found) > MANY_FOUND:
                    await keeping[-1]
        finally:
            # What was fetched is written also when a later visit fails.
            for ended in await asyncio.gather(*keeping, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended

    async def _let_go_on(self, keeping: list[asyncio.Task[None]]) -> None:
        """Return when few enough visits of a claim are unwritten; raise what one of them raised.

        So a claim that is lost, or a disk that is full, ends the asking after a few pages.
        """
        if len(keeping) >= MOST_UNWRITTEN and not keeping[-MOST_UNWRITTEN].done():
            await asyncio.wait([keeping[-MOST_UNWRITTEN]])  # they are written in their order
        for one in keeping:
            if one.done():
                one.result()

    async def _fetch(self, target: Target, keeping: list[asyncio.Task[None]]) -> Ticket | None:
        """Fetch one target, if it may be; return None where nothing is to be kept.

        ``keeping`` are the visits of its claim that were made before, which may be in no row yet.
        """
        site = await self._site_of(target)
        if site is None or await self._is_spent(target, site, keeping):
            return None
        step = flow.make_visit(target, site=site, visitor=self.visitor, memory=self.books)
        return await self._costing_one(target, step)

    async def _keep(self, ticket: Ticket, claim: Claim) -> None:
        step = flow.keep_visit(ticket, claim=claim, visitor=self.visitor, books=self.books)
        await self._costing_one(ticket.target, step)

    async def _costing_one(self, target: Target, step: Awaitable[T]) -> T | None:
        """Take a step of a visit; a fault of ours in it costs this visit, not the worker."""
        try:
            return await step
        except (StorageError, CrawlerError):
            raise  # what cannot be kept, or an engine that ended, is no fault of this page
        except Exception:
            logger.exception(
                "visit failed by a fault of ours; it is made again later",
                extra={"url": target.url, "site": target.site},
            )
            await self._postpone(target, FAULTY_AGAIN_AFTER, Cause.FAULT)
            return None

    async def _is_spent(
        self, target: Target, site: Site, keeping: list[asyncio.Task[None]]
    ) -> bool:
        """Say whether the budget of site or host for today (UTC) is spent; then the target waits.

        What a person asked for once is fetched anyway. Looks that decide a suspicion, and controls,
        may exceed the budget of a site, which is ours, and not that of a host, which is theirs.
        What waits is asked about again soon, so that a raised budget counts at once.
        """
        if self._allowances.take(site, now=datetime.now(UTC)):
            return False
        unwritten = [one for one in keeping if not one.done()]
        cause = await self.books.in_thread(lambda: self._spent(target, site, len(unwritten)))
        if cause is Cause.HOST_BUDGET and unwritten:
            await asyncio.wait(unwritten)  # a visit that is being written may count twice
            cause = await self.books.in_thread(lambda: self._spent(target, site, 0))
        if cause is None:
            return False
        wait = SPENT_AGAIN_AFTER * (1 + zlib.crc32(target.url.encode()) / 2**32)
        await self._postpone(target, wait, cause)
        today = datetime.now(UTC).date()
        whose = target.host if cause is Cause.HOST_BUDGET else site.name
        if self._told_spent.get(whose) != today:
            self._told_spent[whose] = today
            logger.warning(
                "the budget for today is spent; the targets of it wait until tomorrow (UTC)",
                extra={"of": whose, "cause": cause.value},
            )
        return True

    async def _postpone(self, target: Target, wait: timedelta, cause: Cause) -> None:
        now = datetime.now(UTC)
        until = now + wait
        await self.books.in_thread(
            lambda: ledger.postpone(self.catalogue, target, until=until, now=now, cause=cause)
        )

    def _spent(self, target: Target, site: Site, unwritten: int) -> Cause | None:
        if target.state is TargetState.ONCE:
            return None
        now = datetime.now(UTC)
        with self.catalogue.read() as db:
            cause = budget.spent(db, site, target.host, now=now, unwritten=unwritten)
            if cause is None:
                self._allowances.give(site, left=budget.left(db, site, now=now), now=now)
            if cause is not Cause.BUDGET:
                return cause
            standing = standings.one(db, target.id)
        decides = standing.phase is Phase.SUSPECT or standing.twin_capture_id is not None
        return None if decides else cause

    async def _renew(self, claim: Claim) -> None:
        """Keep the lease until cancelled; raise FenceError when it is lost, or cannot be kept."""
        until = claim.until
        while True:
            await asyncio.sleep(RENEWED_AFTER.total_seconds())
            try:
                until = await self.books.in_thread(lambda: self._extend(claim))
            except FenceError:
                raise
            except CatalogueError:
                if datetime.now(UTC) > until:
                    raise

    def _extend(self, claim: Claim) -> datetime:
        with self.catalogue.write() as db:
            return claims.renew(db, claim, until=datetime.now(UTC) + LEASE).until

    def _release(self, claim: Claim, next_ok_at: datetime) -> None:
        now = datetime.now(UTC)
        with self.catalogue.write() as db:
            claims.release(db, claim, next_ok_at=next_ok_at)
            if next_ok_at - now > TOLD_AFTER:
                left_alone = Stoppage(
                    cause=Cause.ASKED, host=claim.host, began_at=now, ended_at=next_ok_at
                )
                stoppages.prolong(db, left_alone)

    async def _site_of(self, target: Target) -> Site | None:
        """Return the site of a target; None when it is gone from the configuration meanwhile."""
        now = asyncio.get_running_loop().time()
        stale = now - self._sites_read_at > SITES_READ_EVERY.total_seconds()
        if stale or target.site not in self._sites:
            self._sites = await self.books.in_thread(self._read_sites)
            self._sites_read_at = now
        return self._sites.get(target.site)

    def _read_sites(self) -> dict[str, Site]:
        with self.catalogue.read() as db:
            listed = sites.listing(db)
        amended = listed if self.amend is None else [self.amend(site) for site in listed]
        return {site.name: site for site in amended}
