"""Keep the pace: one request at a time to a host, its delay between two, Retry-After obeyed."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from weakref import WeakValueDictionary

from crawler.errors import CrawlerError
from storage.message import first_of

LONGEST_RETRY_AFTER = timedelta(days=1)
_LONGEST_FIELD = 100
_MOST_HOSTS = 1000
"""So many are remembered before those whose time is over are looked for and dropped."""


class PaceOverError(CrawlerError):
    """Say that no turn is given any more because the worker ends."""


class Pace:
    """The turns of the hosts one worker talks to; monotonic seconds of the running loop."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        # A lock lives as long as somebody holds it or waits for it.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._next_ok: dict[str, float] = {}
        self._swept_above = _MOST_HOSTS

    def turn(self, host: str, *, delay: timedelta) -> "Turn":
        """Wait for the host's turn, hold it, and let its delay begin when it ends.

        Raise PaceOverError when ``close`` comes first.
        """
        return Turn(self, self._locks.setdefault(host, asyncio.Lock()), host, delay)

    async def wait(self, host: str) -> None:
        """Return when the host may be asked; raise PaceOverError when ``close`` comes first."""
        while (wait := self.wait_of(host)) and not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait.total_seconds()):
                    await self._over.wait()
        if self._over.is_set():
            raise PaceOverError(f"the worker ends, {host} is not asked any more")

    def hold_off(self, host: str, wait: timedelta) -> None:
        """Leave the host alone for a while: its delay, or what it asked for."""
        now = asyncio.get_running_loop().time()
        until = now + wait.total_seconds()
        self._next_ok[host] = max(until, self._next_ok.get(host, 0.0))
        if len(self._next_ok) > self._swept_above:
            self._next_ok = {name: at for name, at in self._next_ok.items() if at > now}
            self._swept_above = max(_MOST_HOSTS, 2 * len(self._next_ok))

    def wait_of(self, host: str) -> timedelta:
        """Return how long the host is still to be left alone."""
        left = self._next_ok.get(host, 0.0) - asyncio.get_running_loop().time()
        return timedelta(seconds=max(left, 0.0))

    def close(self) -> None:
        """Give no more turns; who waits for one is told at once."""
        self._over.set()


class Turn:
    """One turn of a host, held for the length of an ``async with``."""

    __slots__ = ("_delay", "_host", "_lock", "_pace")

    def __init__(self, pace: Pace, lock: asyncio.Lock, host: str, delay: timedelta) -> None:
        self._pace = pace
        self._lock = lock
        self._host = host
        self._delay = delay

    async def __aenter__(self) -> None:
        await self._lock.acquire()
        try:
            await self._pace.wait(self._host)
        except BaseException:
            self._lock.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._pace.hold_off(self._host, self._delay)
        self._lock.release()


def retry_after(headers: Sequence[tuple[str, str]], *, now: datetime) -> timedelta | None:
    """Return the wait a Retry-After field asks for (RFC 9110 §10.2.3), at most a day."""
    value = first_of(headers, "retry-after")
    asked = _asked_wait(value.strip()[:_LONGEST_FIELD], now) if value is not None else None
    return None if asked is None else min(max(asked, timedelta(0)), LONGEST_RETRY_AFTER)


def _asked_wait(value: str, now: datetime) -> timedelta | None:
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value), LONGEST_RETRY_AFTER.total_seconds()))
    try:
        until = parsedate_to_datetime(value)
        return (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError):  # no date, or one that no calendar has
        return None
