"""Find the addresses of a host, and remember them for a short while."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from itertools import zip_longest
from typing import TypeVar

T = TypeVar("T")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Look a name up: host and port to addresses, the best first; OSError when there are none."""

_MOST_NAMES = 2048
_MOST_ADDRESSES = 8
"""A name with more addresses is not worth more tries."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What a look-up brought, addresses or why there are none, until the loop's time ``until``."""

    until: float
    addresses: tuple[str, ...] = ()
    error: Exception | None = None


class Resolver:
    """Answer from memory while it is fresh, else ask, once at a time for a name.

    A remembered address is no trusted one: the guard judges it again at every connection. That
    there is none is remembered for a shorter while: ten pages ask once, and an outage ends soon.
    """

    def __init__(
        self,
        ask: Resolve | None = None,
        *,
        keep: timedelta = timedelta(minutes=1),
        keep_failure: timedelta = timedelta(seconds=5),
    ) -> None:
        self._ask = ask or system_resolve
        self._keep_seconds = keep.total_seconds()
        self._keep_failure_seconds = keep_failure.total_seconds()
        self._known: dict[tuple[str, int], _Known] = {}
        self._asking: dict[tuple[str, int], asyncio.Task[_Known]] = {}

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Return the host's addresses, the best first; OSError or UnicodeError if there are none.

        IPv6 and IPv4 take turns (RFC 8305 §4): a family without a way out costs one try, not all.
        """
        if is_address(host):
            return (host,)
        key = (host, port)
        known = self._known.get(key)
        if known is None or known.until <= asyncio.get_running_loop().time():
            known = await self._look_up(key)
        if known.error is not None:
            # A new one: raised again and again, the same would gather a longer and longer trace.
            raise type(known.error)(*known.error.args)
        return known.addresses

    def forget(self, host: str, port: int) -> None:
        """Ask again next time: none of the remembered addresses took a connection."""
        self._known.pop((host, port), None)

    def close(self) -> None:
        """Give up the look-ups under way."""
        for asking in self._asking.values():
            asking.cancel()

    async def _look_up(self, key: tuple[str, int]) -> _Known:
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._asked(key))
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        # Shielded: who gives up waiting takes the answer from nobody else.
        return await asyncio.shield(asking)

    async def _asked(self, key: tuple[str, int]) -> _Known:
        found: tuple[str, ...] = ()
        error: Exception | None = None
        try:
            found = _interleaved(dict.fromkeys(await self._ask(*key)))
            if not found:
                error = socket.gaierror(socket.EAI_NONAME, "the name has no address")
        except (OSError, UnicodeError) as raised:
            error = raised.with_traceback(None)
        keep = self._keep_seconds if error is None else self._keep_failure_seconds
        known = _Known(asyncio.get_running_loop().time() + keep, found, error)
        self._known.pop(key, None)
        while len(self._known) >= _MOST_NAMES:
            del self._known[next(iter(self._known))]
        self._known[key] = known
        return known


def _interleaved(addresses: Iterable[str]) -> tuple[str, ...]:
    """Let the families take turns, that of the first address first."""
    families: dict[bool, list[str]] = {}
    for one in addresses:
        families.setdefault(":" in one, []).append(one)
    turns = zip_longest(*families.values())
    return tuple(one for turn in turns for one in turn if one is not None)[:_MOST_ADDRESSES]


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """Look a name up as this machine is set up to."""
    found = await in_loose_thread(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return [str(address[0]) for *_, address in found]


async def in_loose_thread(step: Callable[[], T]) -> T:
    """Wait for a step in a thread of its own, which the end of the loop or process cuts loose.

    The loop's own threads are joined at its end, and a name server may be silent for a minute.
    """
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result.set_result(step())
        except BaseException as error:  # noqa: BLE001 - it is raised where the step is awaited
            result.set_exception(error)

    threading.Thread(target=run, name="look-up", daemon=True).start()
    return await asyncio.wrap_future(result)


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address, which needs no look-up."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
