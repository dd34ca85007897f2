"""Keep exchanges: append them to the worker's WARC file and sync many with one call."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta

from crawler.fetch.originals import Originals
from storage.model import Exchange, Original, Outcome, Role
from storage.warc.writer import Kept, Profile, Revisit, Writer

GATHERED_FOR = timedelta(milliseconds=10)
"""How long a sync waits for others: one costs as much as the records of several pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an exchange was made for; ``condition`` is what a conditional request said we have."""

    role: Role
    via: str | None
    hops: str
    site: str
    condition: Original | None = None


class Keeper:
    """One worker's way into its WARC file; appends in the loop, syncs in a thread.

    Without ``originals`` every answer is kept whole.
    """

    def __init__(
        self, writer: Writer, executor: Executor, *, originals: Originals | None = None
    ) -> None:
        self._writer = writer
        self._executor = executor
        self._originals = originals
        self._syncing: asyncio.Future[None] | None = None
        self._waiting: asyncio.Future[None] | None = None

    async def prepare(self, exchange: Exchange) -> None:
        """Do what ``append`` would have to wait for; only large answers make it wait at all."""
        if self._originals is not None:
            await self._originals.prepare(exchange)

    def append(self, exchange: Exchange, asked: Asked) -> tuple[Kept, Original | None]:
        """Append the records of an exchange; they are safe only after ``synced``.

        A payload that the archive holds already becomes a revisit record, and so does the 304 that
        answers a conditional request (WARC/1.1 §6.7); then the earlier record is returned too.
        """
        revisit = self._revisit(exchange, asked)
        role, via, hops, site = asked.role, asked.via, asked.hops, asked.site
        if revisit is not None:
            kept = self._writer.append_revisit(
                exchange, revisit, role=role, via=via, hops=hops, site=site
            )
            return kept, revisit.original
        kept = self._writer.append(exchange, role=role, via=via, hops=hops, site=site)
        if self._originals is not None:
            self._originals.note(exchange, kept)
        return kept, None

    def _revisit(self, exchange: Exchange, asked: Asked) -> Revisit | None:
        if exchange.outcome is Outcome.NOT_MODIFIED:
            if asked.condition is None:
                return None
            return Revisit(original=asked.condition, profile=Profile.NOT_MODIFIED)
        original = self._originals.of(exchange) if self._originals is not None else None
        if original is None:
            return None
        return Revisit(original=original, profile=Profile.IDENTICAL)

    async def synced(self) -> None:
        """Return when everything appended so far is on the disk.

        Group commit: a sync waits a moment for others, and whoever comes while one is under way
        waits for the next, which then serves them all. A failed sync raises its error to everyone
        it was to serve.
        """
        if self._waiting is None:
            self._waiting = asyncio.ensure_future(self._sync_after(self._syncing))
        await asyncio.shield(self._waiting)

    async def _sync_after(self, before: asyncio.Future[None] | None) -> None:
        await asyncio.sleep(GATHERED_FOR.total_seconds())
        if before is not None:
            await asyncio.wait([before])
        self._syncing, self._waiting = self._waiting, None
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._writer.sync)

    async def close(self) -> None:
        """Sync and close the file under its final name."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._writer.close)
