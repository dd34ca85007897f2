"""Be a worker's way to the catalogue: every call waits in a thread, never in the loop."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from crawler import alarms, ledger
from crawler.chronicle import Chronicle
from crawler.fetch.fetcher import LARGEST_PAGE_BYTES
from crawler.fetch.needs import Named
from crawler.fetch.requisites import Gathered
from crawler.fetch.ticket import Condition, condition_of
from crawler.ledger import Made
from storage.archive import Archive
from storage.catalogue import captures
from storage.catalogue.engine import Catalogue, Connection
from storage.catalogue.missing import NextTries
from storage.errors import CatalogueError, RecordError
from storage.model import Capture, Missing, Target, Visit
from storage.warc import reader
from storage.warc.reader import StoredPage

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Batch:
    """Visits that are written in one transaction."""

    made: list[Made] = field(default_factory=list)
    written: asyncio.Future[list[Visit | CatalogueError]] | None = None


class Books:
    """What a worker asks of the catalogue and of the archive, and writes there."""

    def __init__(
        self, *, archive: Archive, catalogue: Catalogue, executor: Executor, chronicle: Chronicle
    ) -> None:
        self.archive = archive
        self.chronicle = chronicle
        self.catalogue = catalogue
        self.executor = executor
        self._next_tries = NextTries(catalogue)
        self._waiting: _Batch | None = None
        self._writing: asyncio.Future[list[Visit | CatalogueError]] | None = None

    async def keep(self, made: Made) -> Visit:
        """Write a visit whose bytes are safe, what it found and needs, and when to come again.

        Group commit: what comes while a transaction is under way is written together by the next
        one. Raise FenceError when the claim is lost; then nothing of this visit was written.
        """
        batch = self._waiting
        if batch is None:
            batch = self._waiting = _Batch()
            batch.written = asyncio.ensure_future(self._write_after(self._writing, batch))
        place = len(batch.made)
        batch.made.append(made)
        assert batch.written is not None
        kept = (await asyncio.shield(batch.written))[place]
        if isinstance(kept, CatalogueError):
            raise kept
        return kept

    async def _write_after(
        self, before: asyncio.Future[list[Visit | CatalogueError]] | None, batch: _Batch
    ) -> list[Visit | CatalogueError]:
        if before is not None:
            await asyncio.wait([before])
        self._writing, self._waiting = batch.written, None
        return await self.in_thread(lambda: self._keep_visits(batch.made))

    async def wanted(self, named: Named) -> list[Missing]:
        """List as missing what the site does not have, and return what of it is to be fetched."""
        if not named.needs and not self._next_tries.is_due(named.target.id, now=datetime.now(UTC)):
            return []  # a page that lacks nothing, or nothing that is to be tried now
        return await self.in_thread(lambda: ledger.wanted(self.catalogue, named))

    async def keep_requisites(self, visit: Visit, gathered: Gathered) -> None:
        """Write what came of the requisites of a page; the bytes are safe."""
        await self.in_thread(lambda: ledger.keep_requisites(self.catalogue, visit, gathered))

    async def condition(self, target: Target) -> Condition | None:
        """Return what is held of a target that its server may call unchanged, or None."""
        return await self.in_thread(
            lambda: self._condition(lambda db: captures.latest_whole(db, target.id))
        )

    async def condition_of(self, need: Missing) -> Condition | None:
        """Return what its site holds of a requisite that may be called unchanged, or None."""
        return await self.in_thread(
            lambda: self._condition(lambda db: captures.latest_requisite(db, need.site, need.url))
        )

    async def stored(self, site: str, url: str) -> StoredPage | None:
        """Return the newest requisite of a site at an address, or None if it cannot be read."""
        return await self.in_thread(lambda: self._stored(site, url))

    async def site_lost(self, target: Target, reason: str) -> None:
        """Write the event that a site's spider file does not load; once a day."""
        await self.in_thread(
            lambda: alarms.site_lost(self.catalogue, target, reason, chronicle=self.chronicle)
        )

    async def close_old(self) -> None:
        """Close the file of what was found out, if nothing was added to it for long."""
        await self.in_thread(self.chronicle.close_old)

    async def in_thread(self, step: Callable[[], T]) -> T:
        """Run a catalogue step in the worker's one thread for them."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, step)

    async def close(self) -> None:
        """Let what is being written come to its end, and give the connection back.

        For the end of a worker, when nobody writes any more.
        """
        waiting = self._waiting.written if self._waiting is not None else None
        under_way = [one for one in (self._writing, waiting) if one is not None]
        if under_way:  # a visit that was given up, whose bytes are safe
            await asyncio.wait(under_way)
        self._next_tries.close()
        await self.in_thread(self.chronicle.close)

    def _keep_visits(self, made: Sequence[Made]) -> list[Visit | CatalogueError]:
        return ledger.keep_visits(self.catalogue, made, chronicle=self.chronicle)

    def _condition(self, find: Callable[[Connection], Capture | None]) -> Condition | None:
        with self.catalogue.read() as db:
            held = find(db)
        if held is None or held.record is None:
            return None
        try:
            original, headers = reader.kept_head(self.archive, held.record)
            if not headers:  # the record of a 304 holds none: those of its original hold on
                headers = reader.page(self.archive, held.record, limit_bytes=1).headers
        except RecordError as fault:
            # Asked for unconditionally it is kept anew, so that nothing is lost by it.
            logger.warning("record unreadable", extra={"url": held.url, "reason": str(fault)})
            return None
        return condition_of(original, headers)

    def _stored(self, site: str, url: str) -> StoredPage | None:
        with self.catalogue.read() as db:
            held = captures.latest_requisite(db, site, url)
        if held is None or held.record is None:
            return None
        try:
            return reader.page(self.archive, held.record, limit_bytes=LARGEST_PAGE_BYTES)
        except RecordError as fault:
            logger.warning("record unreadable", extra={"url": url, "reason": str(fault)})
            return None
