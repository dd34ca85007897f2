"""Run a worker and the reader in this process until given targets are settled."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from crawler.reader import Reader
from crawler.worker import Worker

LOOKED_AT_EVERY = timedelta(milliseconds=100)


@dataclass(slots=True, kw_only=True)
class Foreground:
    """One run of worker and reader, side by side."""

    worker: Worker
    reader: Reader
    busy: Callable[[], bool]
    """Whether something is still to be visited or compared."""
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Visit and compare until nothing is left or ``stop``; raise what the worker raises."""
        reading_ends = threading.Event()
        reading = asyncio.create_task(asyncio.to_thread(self.reader.run, reading_ends))
        working = asyncio.create_task(self.worker.run(self._stop))
        try:
            while not (working.done() or self._stop.is_set()) and self.busy():
                await asyncio.wait([working], timeout=LOOKED_AT_EVERY.total_seconds())
        finally:
            self._stop.set()
            await asyncio.wait([working])
            reading_ends.set()
            await reading
        working.result()

    def stop(self) -> None:
        """End the run early; what was not visited stays due."""
        self._stop.set()
