"""Run a worker and the reader in this process until given targets are settled."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from crawler.reader import Reader
from crawler.worker import Worker

LOOKED_AT_EVERY = timedelta(milliseconds=100)
RARER = 100
"""To look at the catalogue of a large run takes time: no more than one part in so many."""


@dataclass(slots=True, kw_only=True)
class Foreground:
    """One run of worker and reader, side by side."""

    worker: Worker
    reader: Reader
    busy: Callable[[], bool]
    """Whether something is still to be visited or compared."""
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _pause_seconds: float = 0.0

    async def run(self) -> None:
        """Visit and compare until nothing is left or ``stop``, what pages need included.

        Raise what either of them raises.
        """
        reading_ends = threading.Event()
        reading = asyncio.create_task(asyncio.to_thread(self.reader.run, reading_ends))
        working = asyncio.create_task(self.worker.run(self._stop))
        both: tuple[asyncio.Task[None], ...] = (working, reading)
        try:
            while (
                not any(one.done() for one in both) and not self._stop.is_set() and self._goes_on()
            ):
                await asyncio.wait(
                    both, timeout=self._pause_seconds, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            self._stop.set()
            reading_ends.set()
            ended = await asyncio.gather(*both, return_exceptions=True)
        for fault in ended:
            if fault is not None:
                raise fault

    def _goes_on(self) -> bool:
        # A page is captured and compared before all it needs is there: that is waited for as well.
        begun = time.thread_time()
        is_busy = self.busy()
        took = time.thread_time() - begun
        self._pause_seconds = max(LOOKED_AT_EVERY.total_seconds(), RARER * took)
        return is_busy or self.worker.serving > 0

    def stop(self) -> None:
        """End the run early; what was not visited stays due."""
        self._stop.set()
