"""Find the addresses of a host, and remember them for a short while."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta
from ipaddress import ip_address
from typing import TypeVar

T = TypeVar("T")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Look a name up: host and port to addresses, the best first; OSError when there are none."""

_MOST_NAMES = 2048
_MOST_ADDRESSES = 8
"""A name with more addresses is not worth more tries."""


class Resolver:
    """Answer from memory while it is fresh, else ask.

    A remembered address is no trusted one: the guard judges it again at every connection.
    Failures are not remembered.
    """

    def __init__(self, ask: Resolve | None = None, *, keep: timedelta = timedelta(minutes=1)):
        self._ask = ask or system_resolve
        self._keep_seconds = keep.total_seconds()
        self._known: dict[tuple[str, int], tuple[float, tuple[str, ...]]] = {}

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Return the host's addresses, the best first; OSError says why there are none."""
        if _is_address(host):
            return (host,)
        now = asyncio.get_running_loop().time()
        known = self._known.get((host, port))
        if known is not None and now < known[0]:
            return known[1]
        found = tuple(dict.fromkeys(await self._ask(host, port)))[:_MOST_ADDRESSES]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        self._known.pop((host, port), None)
        while len(self._known) >= _MOST_NAMES:
            del self._known[next(iter(self._known))]
        self._known[host, port] = (now + self._keep_seconds, found)
        return found


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


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
