"""Open a connection: name, guard, socket, guard again, TLS, within the time for it."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from crawler.errors import CrawlerError
from crawler.fetch.guard import AddressGuard
from crawler.fetch.wire.connection import Connection
from crawler.fetch.wire.request import Place
from crawler.fetch.wire.resolver import Resolver
from crawler.fetch.wire.tls import Trust, describe, lenient_context
from storage.model import Outcome

_STAGGER_SECONDS = 0.25
"""How long one address is tried alone before the next is tried too (RFC 8305 §5)."""
_OUR_OWN = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """Why there is no connection; ``address`` names the last one tried."""

    outcome: Outcome
    reason: str
    address: str | None = None


class Dialer:
    """Open connections to places that the guard allows."""

    def __init__(self, *, guard: AddressGuard, resolver: Resolver, trust: Trust | None) -> None:
        self._guard = guard
        self._resolver = resolver
        self._trust = trust
        self._context: ssl.SSLContext | None = None

    async def dial(self, place: Place, *, until: float) -> Connection | Unreached:
        """Connect, the loop's time ``until`` at the latest, and say why if that cannot be."""
        addresses = await self._addresses(place, until=until)
        if isinstance(addresses, Unreached):
            return addresses
        try:
            async with asyncio.timeout_at(until):
                reached = await self._first(addresses, place.port)
        except TimeoutError:
            return Unreached(
                outcome=Outcome.TIMEOUT,
                reason=f"no connection to {place} came about in time",
                address=addresses[-1],
            )
        if isinstance(reached, Unreached):
            return reached
        return await self._open(reached, place, until=until)

    async def _addresses(self, place: Place, *, until: float) -> tuple[str, ...] | Unreached:
        try:
            async with asyncio.timeout_at(until):
                return await self._resolver.addresses(place.host, place.port)
        except TimeoutError:
            reason = f"the address of {place.host} was not found in time"
        except socket.gaierror as error:
            reason = f"{place.host} has no address: {error.strerror or error}"
        except (OSError, UnicodeError) as error:
            reason = f"{place.host} cannot be looked up: {error}"
        return Unreached(outcome=Outcome.DNS, reason=reason)

    async def _first(self, addresses: tuple[str, ...], port: int) -> socket.socket | Unreached:
        """Return the first socket that connects, each address given a short head start."""
        if len(addresses) == 1:
            return await self._reach(addresses[0], port)
        waiting = list(addresses)
        tries: set[asyncio.Task[socket.socket | Unreached]] = set()
        failures: list[Unreached] = []
        try:
            while waiting or tries:
                if waiting:
                    tries.add(asyncio.create_task(self._reach(waiting.pop(0), port)))
                done, tries = await asyncio.wait(
                    tries,
                    timeout=_STAGGER_SECONDS if waiting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                results = [attempt.result() for attempt in done]
                failures += [one for one in results if isinstance(one, Unreached)]
                if sockets := [one for one in results if isinstance(one, socket.socket)]:
                    _close(sockets[1:])
                    return sockets[0]
        finally:
            await _give_up(tries)
        return _most_telling(failures)

    async def _reach(self, address: str, port: int) -> socket.socket | Unreached:
        """Connect to one address, judged before, and judged again as the socket reports it."""
        refusal = self._guard.refusal(address, port)
        if refusal is not None:
            return Unreached(outcome=Outcome.BLOCKED_ADDRESS, reason=refusal, address=address)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            return _failure(error, address, port)
        try:
            sock.settimeout(0)
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
            refusal = self._guard.refusal(sock.getpeername()[0], port)
        except OSError as error:
            sock.close()
            return _failure(error, address, port)
        except BaseException:
            sock.close()
            raise
        if refusal is None:
            return sock
        sock.close()
        return Unreached(outcome=Outcome.BLOCKED_ADDRESS, reason=refusal, address=address)

    async def _open(
        self, sock: socket.socket, place: Place, *, until: float
    ) -> Connection | Unreached:
        """Make a connection of a connected socket, with TLS where the place wants it."""
        loop = asyncio.get_running_loop()
        connection = Connection(loop)
        connection.address = sock.getpeername()[0]
        secure = place.scheme == "https"
        host = place.host.removesuffix(".")
        try:
            async with asyncio.timeout_at(until):
                await loop.create_connection(
                    lambda: connection,
                    sock=sock,
                    ssl=self._tls_context() if secure else None,
                    server_hostname=host if secure else None,
                )
        except TimeoutError:
            reason = f"the TLS handshake with {place} was not finished in time"
            return Unreached(outcome=Outcome.TIMEOUT, reason=reason, address=connection.address)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            sock.close()
            words = error.reason if isinstance(error, ssl.SSLError) and error.reason else error
            reason = f"no TLS with {place}: {str(words).replace('_', ' ').lower()}"
            return Unreached(outcome=Outcome.TLS, reason=reason, address=connection.address)
        if secure:
            connection.tls = describe(connection.tls_object(), host, self._trusted())
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = lenient_context()
        return self._context

    def _trusted(self) -> Trust:
        if self._trust is None:
            self._trust = Trust()
        return self._trust


def _failure(error: OSError, address: str, port: int) -> Unreached:
    place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    if error.errno in _OUR_OWN:
        raise CrawlerError(f"no socket for a connection to {place}: {error.strerror}") from error
    outcome, said = Outcome.REFUSED, "cannot be reached"
    match error:
        case ConnectionRefusedError():
            said = "refused the connection"
        case ConnectionResetError():
            outcome, said = Outcome.RESET, "reset the connection"
        case TimeoutError():
            outcome, said = Outcome.TIMEOUT, "did not answer"
    words = os.strerror(error.errno).lower() if error.errno else str(error)
    return Unreached(outcome=outcome, reason=f"{place} {said} ({words})", address=address)


def _most_telling(failures: Sequence[Unreached]) -> Unreached:
    """An address that we tried says more than one that we did not."""
    tried = [one for one in failures if one.outcome is not Outcome.BLOCKED_ADDRESS]
    return tried[-1] if tried else failures[0]


async def _give_up(tries: AbstractSet[asyncio.Task[socket.socket | Unreached]]) -> None:
    for attempt in tries:
        attempt.cancel()
    results = await asyncio.gather(*tries, return_exceptions=True)
    _close([one for one in results if isinstance(one, socket.socket)])


def _close(sockets: Iterable[socket.socket]) -> None:
    for one in sockets:
        one.close()
