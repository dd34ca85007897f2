"""Keep exchanges: append them to the worker's WARC file and sync many with one call."""

import asyncio
from concurrent.futures import Executor

from storage.model import Exchange, Role
from storage.warc.writer import Kept, Writer


class Keeper:
    """One worker's way into its WARC file; appends in the loop, syncs in a thread."""

    def __init__(self, writer: Writer, executor: Executor) -> None:
        self._writer = writer
        self._executor = executor
        self._syncing: asyncio.Future[None] | None = None
        self._waiting: asyncio.Future[None] | None = None

    def append(
        self, exchange: Exchange, *, role: Role, via: str | None, hops: str, site: str
    ) -> Kept:
        """Append the records of an exchange; they are safe only after ``synced``."""
        return self._writer.append(exchange, role=role, via=via, hops=hops, site=site)

    async def synced(self) -> None:
        """Return when everything appended so far is on the disk.

        Group commit: whoever comes while a sync is under way waits for the next one, which then
        serves them all. A failed sync raises its error to everyone it was to serve.
        """
        if self._waiting is None:
            self._waiting = asyncio.ensure_future(self._sync_after(self._syncing))
        await asyncio.shield(self._waiting)

    async def _sync_after(self, before: asyncio.Future[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        self._syncing, self._waiting = self._waiting, None
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._writer.sync)

    async def close(self) -> None:
        """Sync and close the file under its final name."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._writer.close)
