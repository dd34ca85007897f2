"""Keep exchanges: append them to the worker's WARC file and sync many with one call."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from storage.errors import StorageError
from storage.model import Exchange, Original, Outcome, Role
from storage.warc.writer import Facts, Kept, Profile, Revisit, Writer

if TYPE_CHECKING:  # it reads records, which nobody needs who only writes them
    from crawler.fetch.originals import Originals

GATHERED_FOR = timedelta(milliseconds=10)
"""How long a sync waits for others: one costs as much as the records of several pages."""
MOST_WAITING = 100
LONGEST_WAIT = timedelta(milliseconds=50)
"""What nobody wants synced, such as the robots.txt of a page that is slow, waits no longer."""
LARGE_BYTES = 128 * 1024
"""What is larger waits for nothing: it is to leave the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an exchange was made for; ``condition`` is what a conditional request said we have."""

    role: Role
    via: str | None
    hops: str
    site: str
    condition: Original | None = None
    visit: bytes = b""
    """Lines that say in the metadata record which visit it is of; none where nobody waits."""


def is_appended_at_once(exchange: Exchange) -> bool:
    """Say whether an exchange is too large to wait in memory, so that its answer is free then."""
    return exchange.answer_bytes > LARGE_BYTES


class Place:
    """Where the records of an exchange lie, once they are appended."""

    __slots__ = ("_fault", "_made")

    def __init__(self) -> None:
        self._made: tuple[Kept, Original | None] | None = None
        self._fault: Exception | None = None

    @property
    def is_known(self) -> bool:
        """Whether the exchange was appended, or could not be."""
        return self._made is not None or self._fault is not None

    def made(self) -> tuple[Kept, Original | None]:
        """Return the records, and the earlier one a revisit refers to; raise why there are none."""
        if self._fault is not None:
            raise self._fault
        assert self._made is not None, "asked for before it was appended"
        return self._made

    def fill(self, append: Callable[[], tuple[Kept, Original | None]]) -> None:
        """Append the records now; what it raises is raised to whoever asks for them."""
        try:
            self._made = append()
        except Exception as fault:  # noqa: BLE001 - of this exchange, not of the others that wait
            self.fail(fault)

    def fail(self, fault: Exception) -> None:
        """Take down why there are no records, whatever was thought before."""
        self._fault = fault


class Keeper:
    """One worker's way into its WARC file; appends in the loop, syncs in a thread.

    Exchanges wait for the next sync and are appended together: between two fetches it costs half
    as much again, because nothing of it is in the processor's caches then.

    Without ``originals`` every answer is kept whole.
    """

    def __init__(
        self, writer: Writer, executor: Executor, *, originals: "Originals | None" = None
    ) -> None:
        self._writer = writer
        self._executor = executor
        self._originals = originals
        self._queue: list[tuple[Exchange, Asked, Place]] = []
        self._waiting: list[asyncio.Future[None]] | None = None
        self._last: asyncio.Task[None] | None = None

    async def prepare(self, exchange: Exchange) -> None:
        """Do what appending would have to wait for; only large answers make it wait at all."""
        if self._originals is not None:
            await self._originals.prepare(exchange)

    def append(self, exchange: Exchange, asked: Asked) -> Place:
        """Append the records of an exchange, at the next sync; they are safe after ``synced``.

        Until its place is known the answer may be read, from its start, and must not be closed.
        A payload that the archive holds already becomes a revisit record, and so does the 304 that
        answers a conditional request (WARC/1.1 §6.7).
        """
        place = Place()
        if not self._queue:
            asyncio.get_running_loop().call_later(LONGEST_WAIT.total_seconds(), self.flush)
        self._queue.append((exchange, asked, place))
        if is_appended_at_once(exchange) or len(self._queue) >= MOST_WAITING:
            self.flush()
        return place

    def flush(self) -> None:
        """Append all that waits, in its order, and write it with one call."""
        waiting, self._queue = self._queue, []
        if not waiting:
            return
        try:
            with self._writer.gathering():
                for exchange, asked, place in waiting:
                    place.fill(partial(self._append, exchange, asked))
        except StorageError as fault:
            for _, _, place in waiting:
                place.fail(fault)

    def _append(self, exchange: Exchange, asked: Asked) -> tuple[Kept, Original | None]:
        revisit = self._revisit(exchange, asked)
        facts = Facts(
            role=asked.role, via=asked.via, hops=asked.hops, site=asked.site, visit=asked.visit
        )
        kept = self._writer.keep(exchange, facts, revisit=revisit)
        if revisit is not None:
            return kept, revisit.original
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
        loop = asyncio.get_running_loop()
        if self._waiting is None:
            self._waiting = []
            self._last = loop.create_task(self._sync_for(self._waiting, after=self._last))
        # Each has a future of its own, which costs a third of a shield: one may be cancelled.
        mine = loop.create_future()
        self._waiting.append(mine)
        await mine

    async def _sync_for(
        self, waiting: list[asyncio.Future[None]], *, after: asyncio.Task[None] | None
    ) -> None:
        await asyncio.sleep(GATHERED_FOR.total_seconds())
        if after is not None:
            await asyncio.wait([after])
        self._waiting = None
        fault: Exception | None = None
        try:
            self.flush()
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._executor, self._writer.sync)
        except Exception as error:  # noqa: BLE001 - raised to all who wait for it
            fault = error
        for one in waiting:
            if one.done():
                continue  # given up meanwhile
            if fault is None:
                one.set_result(None)
            else:
                one.set_exception(fault)

    async def close_old(self) -> None:
        """Close a file to which nothing was added for long, so that it is listed and copied."""
        if self._writer.end_old():
            await self.synced()

    async def close(self) -> None:
        """Append what waits, sync and close the file under its final name."""
        self.flush()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._writer.close)
