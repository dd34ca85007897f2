"""Open a connection: name, guard, socket, guard again, proxy, TLS, within the time for it."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from crawler.errors import CrawlerError
from crawler.fetch.guard import AddressGuard
from crawler.fetch.wire.connection import BUFFER_BYTES, Connection
from crawler.fetch.wire.proxy import Proxy, ProxyError, open_tunnel
from crawler.fetch.wire.request import Place
from crawler.fetch.wire.resolver import Resolver
from crawler.fetch.wire.tls import describe, lenient_context
from storage.model import Outcome

if TYPE_CHECKING:
    from crawler.fetch.wire.trust import Trust

_STAGGER_SECONDS = 0.25
"""How long one address is tried alone before the next is tried too (RFC 8305 §5)."""
_OUR_OWN = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """Why there is no connection; ``address`` names the last one tried."""

    outcome: Outcome
    reason: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class _Reached:
    """A connected socket, and the address of the target at its other end."""

    sock: socket.socket
    address: str


_Reach = Callable[[str, int], Coroutine[None, None, _Reached | Unreached]]


class Dialer:
    """Open connections to places that the guard allows, through the proxy where there is one.

    The guard judges the target's address in both cases, so names are looked up here and the proxy
    is asked for an address. The proxy itself was named by whoever runs the archive, and may lie
    anywhere.
    """

    def __init__(
        self,
        *,
        guard: AddressGuard,
        resolver: Resolver,
        trust: "Trust | None",
        proxy: Proxy | None = None,
    ) -> None:
        self._guard = guard
        self._resolver = resolver
        self._trust = trust
        self._proxy = proxy
        self._context: ssl.SSLContext | None = None
        self._buffer = bytearray(BUFFER_BYTES)

    async def dial(self, place: Place, *, until: float) -> Connection | Unreached:
        """Connect, the loop's time ``until`` at the latest, and say why if that cannot be."""
        addresses = await self._addresses(place, until=until)
        if isinstance(addresses, Unreached):
            return addresses
        proxy = self._proxy if self._proxy is not None and self._proxy.serves(place.host) else None
        through = f" through the proxy {proxy}" if proxy else ""
        reach = partial(self._reach_through, proxy) if proxy else self._reach
        try:
            async with asyncio.timeout_at(until):
                reached = await _first(addresses, place.port, reach)
        except TimeoutError:
            reached = Unreached(
                outcome=Outcome.TIMEOUT,
                reason=f"no connection to {place}{through} came about in time",
                address=addresses[-1],
            )
        if isinstance(reached, Unreached):
            self._resolver.forget(place.host, place.port)
            return reached
        return await self._open(reached, place, until=until)

    def close(self) -> None:
        """Give up what is still being looked up."""
        self._resolver.close()

    async def _addresses(self, place: Place, *, until: float) -> tuple[str, ...] | Unreached:
        try:
            async with asyncio.timeout_at(until):
                return await self._found(place.host, place.port)
        except TimeoutError:
            reason = f"the address of {place.host} was not found in time"
            return Unreached(outcome=Outcome.DNS, reason=reason)

    async def _found(self, host: str, port: int) -> tuple[str, ...] | Unreached:
        try:
            return await self._resolver.addresses(host, port)
        except socket.gaierror as error:
            reason = f"{host} has no address: {error.strerror or error}"
        except (OSError, UnicodeError) as error:
            reason = f"{host} cannot be looked up: {error}"
        return Unreached(outcome=Outcome.DNS, reason=reason)

    async def _reach(self, address: str, port: int) -> _Reached | Unreached:
        """Connect to one address, judged before, and judged again as the socket reports it."""
        refusal = self._guard.refusal(address, port)
        if refusal is not None:
            return _blocked(refusal, address)
        try:
            sock = await _connected(address, port)
        except OSError as error:
            return _failure(error, _spelled(address, port), address)
        try:
            peer = str(sock.getpeername()[0])
        except OSError:
            # It was accepted and reset before we could look: whose socket it was is not known.
            sock.close()
            reason = f"{_spelled(address, port)} reset the connection at once"
            return Unreached(outcome=Outcome.RESET, reason=reason, address=address)
        refusal = self._guard.refusal(peer, port)
        if refusal is None:
            return _Reached(sock, peer)
        sock.close()
        return _blocked(refusal, address)

    async def _reach_through(self, proxy: Proxy, address: str, port: int) -> _Reached | Unreached:
        """Have the proxy connect to one address, which the guard has judged before."""
        refusal = self._guard.refusal(address, port)
        if refusal is not None:
            return _blocked(refusal, address)
        sock = await self._to_proxy(proxy)
        if isinstance(sock, Unreached):
            return replace(sock, address=address)
        try:
            await open_tunnel(sock, proxy, address, port)
        except ProxyError as error:
            sock.close()
            return Unreached(outcome=error.outcome, reason=str(error), address=address)
        except OSError as error:
            sock.close()
            return _failure(error, f"the proxy {proxy}", address)
        except BaseException:
            sock.close()
            raise
        return _Reached(sock, address)

    async def _to_proxy(self, proxy: Proxy) -> socket.socket | Unreached:
        """Connect to the first address of the proxy that takes the connection."""
        found = await self._found(proxy.host, proxy.port)
        if isinstance(found, Unreached):
            return replace(found, reason=f"the proxy {proxy} is not found: {found.reason}")
        failure: Unreached | None = None
        for address in found:
            try:
                return await _connected(address, proxy.port)
            except OSError as error:
                failure = _failure(error, f"the proxy {proxy}", address)
        self._resolver.forget(proxy.host, proxy.port)
        assert failure is not None
        return failure

    async def _open(
        self, reached: _Reached, place: Place, *, until: float
    ) -> Connection | Unreached:
        """Make a connection of a connected socket, with TLS where the place wants it."""
        loop = asyncio.get_running_loop()
        connection = Connection(loop, buffer=self._buffer)
        connection.address = reached.address
        secure = place.scheme == "https"
        host = place.host.removesuffix(".")
        try:
            async with asyncio.timeout_at(until):
                await loop.create_connection(
                    lambda: connection,
                    sock=reached.sock,
                    ssl=self._tls_context() if secure else None,
                    server_hostname=host if secure else None,
                )
        except TimeoutError:
            reason = f"the TLS handshake with {place} was not finished in time"
            return Unreached(outcome=Outcome.TIMEOUT, reason=reason, address=reached.address)
        except (OSError, ValueError, RuntimeError) as error:  # ssl.SSLError is an OSError
            # The loops are not of one mind what a handshake that is cut off raises.
            reached.sock.close()
            return _no_tls(error, place, reached.address)
        if not connection.opened:  # the handshake ended with the connection, and said nothing
            return _no_tls(None, place, reached.address)
        if secure:
            connection.tls = describe(connection.tls_object(), host, self._trusted())
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = lenient_context()
        return self._context

    def _trusted(self) -> "Trust":
        if self._trust is None:
            from crawler.fetch.wire.trust import Trust  # noqa: PLC0415  # see there

            self._trust = Trust()
        return self._trust


async def _first(addresses: tuple[str, ...], port: int, reach: _Reach) -> _Reached | Unreached:
    """Return the first connection that comes about, each address given a short head start."""
    if len(addresses) == 1:
        return await reach(addresses[0], port)
    waiting = list(addresses)
    tries: set[asyncio.Task[_Reached | Unreached]] = set()
    failures: list[Unreached] = []
    try:
        while waiting or tries:
            if waiting:
                tries.add(asyncio.create_task(reach(waiting.pop(0), port)))
            done, tries = await asyncio.wait(
                tries,
                timeout=_STAGGER_SECONDS if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            results = [attempt.result() for attempt in done]
            failures += [one for one in results if isinstance(one, Unreached)]
            if reached := [one for one in results if isinstance(one, _Reached)]:
                _close(reached[1:])
                return reached[0]
    finally:
        await _give_up(tries)
    return _most_telling(failures)


async def _connected(address: str, port: int) -> socket.socket:
    """Return a socket connected to an address; raise OSError if it cannot be."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _spelled(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _blocked(refusal: str, address: str) -> Unreached:
    return Unreached(outcome=Outcome.BLOCKED_ADDRESS, reason=refusal, address=address)


def _no_tls(error: Exception | None, place: Place, address: str) -> Unreached:
    words = "the connection ended in the handshake"
    if error is not None:
        known = error.reason if isinstance(error, ssl.SSLError) else None
        words = known or str(error) or words
    reason = f"no TLS with {place}: {words.replace('_', ' ').lower()}"
    return Unreached(outcome=Outcome.TLS, reason=reason, address=address)


def _failure(error: OSError, who: str, address: str) -> Unreached:
    """Say how ``who`` would not be connected to; raise CrawlerError when it is this machine."""
    if error.errno in _OUR_OWN:
        raise CrawlerError(f"no socket for a connection to {who}: {error.strerror}") from error
    outcome, said = Outcome.REFUSED, "cannot be reached"
    match error:
        case ConnectionRefusedError():
            said = "refused the connection"
        case ConnectionResetError():
            outcome, said = Outcome.RESET, "reset the connection"
        case TimeoutError():
            outcome, said = Outcome.TIMEOUT, "did not answer"
    words = os.strerror(error.errno).lower() if error.errno else str(error)
    return Unreached(outcome=outcome, reason=f"{who} {said} ({words})", address=address)


def _most_telling(failures: Sequence[Unreached]) -> Unreached:
    """An address that we tried says more than one that we did not."""
    tried = [one for one in failures if one.outcome is not Outcome.BLOCKED_ADDRESS]
    return tried[-1] if tried else failures[0]


async def _give_up(tries: AbstractSet[asyncio.Task[_Reached | Unreached]]) -> None:
    for attempt in tries:
        attempt.cancel()
    results = await asyncio.gather(*tries, return_exceptions=True)
    _close([one for one in results if isinstance(one, _Reached)])


def _close(connections: Iterable[_Reached]) -> None:
    for one in connections:
        one.sock.close()
