"""Keep the pace: one request at a time to a host, its delay between two, Retry-After obeyed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from crawler.errors import CrawlerError

LONGEST_RETRY_AFTER = timedelta(days=1)


class PaceOverError(CrawlerError):
    """Say that no turn is given any more because the worker ends."""


class Pace:
    """The turns of the hosts one worker talks to; monotonic seconds of the running loop."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self._locks: dict[str, asyncio.Lock] = {}
        self._next_ok: dict[str, float] = {}

    @contextlib.asynccontextmanager
    async def turn(self, host: str, *, delay: timedelta) -> AsyncIterator[None]:
        """Wait for the host's turn, hold it, and let its delay begin when it ends.

        Raise PaceOverError when ``close`` comes first.
        """
        loop = asyncio.get_running_loop()
        async with self._locks.setdefault(host, asyncio.Lock()):
            wait = self._next_ok.get(host, 0.0) - loop.time()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(wait, 0.0)):
                    await self._over.wait()
            if self._over.is_set():
                raise PaceOverError(f"the worker ends, {host} is not asked any more")
            try:
                yield
            finally:
                after = loop.time() + delay.total_seconds()
                self._next_ok[host] = max(after, self._next_ok.get(host, 0.0))

    def hold_off(self, host: str, wait: timedelta) -> None:
        """Leave the host alone for a while: it asked for that, or its lease says so."""
        until = asyncio.get_running_loop().time() + wait.total_seconds()
        self._next_ok[host] = max(until, self._next_ok.get(host, 0.0))

    def wait_of(self, host: str) -> timedelta:
        """Return how long the host is still to be left alone."""
        left = self._next_ok.get(host, 0.0) - asyncio.get_running_loop().time()
        return timedelta(seconds=max(left, 0.0))

    def close(self) -> None:
        """Give no more turns; who waits for one is told at once."""
        self._over.set()

    def forget(self, host: str) -> None:
        """Drop what is known of a host whose claim was given back."""
        if (lock := self._locks.get(host)) is not None and not lock.locked():
            del self._locks[host]
            self._next_ok.pop(host, None)


def retry_after(headers: Sequence[tuple[str, str]], *, now: datetime) -> timedelta | None:
    """Return the wait a Retry-After field asks for (RFC 9110 §10.2.3), at most a day."""
    for name, value in headers:
        if name.lower() != "retry-after":
            continue
        if value.strip().isdecimal():
            return min(timedelta(seconds=min(int(value), 10**9)), LONGEST_RETRY_AFTER)
        try:
            until = parsedate_to_datetime(value)
        except ValueError:
            return None
        aware = until if until.tzinfo else until.replace(tzinfo=UTC)
        return min(max(aware - now, timedelta(0)), LONGEST_RETRY_AFTER)
    return None
