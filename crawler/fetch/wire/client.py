"""Fetch what is asked for and return the exchange as the wire carried it, whatever came."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.errors import CrawlerError
from crawler.fetch.guard import AddressGuard, refused_url
from crawler.fetch.wire.answer import Answer
from crawler.fetch.wire.connection import Connection, End
from crawler.fetch.wire.dial import Dialer, Unreached
from crawler.fetch.wire.ending import ending
from crawler.fetch.wire.pool import Pool
from crawler.fetch.wire.proxy import Proxy
from crawler.fetch.wire.request import Limits, Place, WireRequest, place_of, serialise
from crawler.fetch.wire.resolver import Resolve, Resolver
from storage.model import Exchange, Outcome

if TYPE_CHECKING:
    from crawler.fetch.wire.trust import Trust

_REPEATABLE = frozenset({"GET", "HEAD"})

Abandoned = Callable[[Exchange], None]
"""Takes what came of a request whose ``fetch`` returns nothing, and closes its ``answer``."""


class ClientClosedError(CrawlerError):
    """Say that a request was not sent because the client closed: our doing, not the web's."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """One attempt at a request: its bytes, its place, and when it began."""

    request: WireRequest
    place: Place
    sent: bytes
    at: datetime
    clock: float


class Client:
    """An HTTP/1.1 client for one event loop.

    ``resolver`` looks names up instead of this machine; ``trust`` judges certificates; ``proxy``
    is asked for tunnels to the hosts it serves, so that what is sent and kept is the same with it
    and without; answers above a mebibyte are spooled to ``spool_folder``, by default where
    temporary files go.
    """

    def __init__(
        self,
        *,
        guard: AddressGuard,
        limits: Limits,
        resolver: Resolve | None = None,
        trust: "Trust | None" = None,
        proxy: Proxy | None = None,
        spool_folder: Path | None = None,
    ) -> None:
        self._limits = limits
        self._spool_folder = spool_folder
        self._pool = Pool()
        self._dialer = Dialer(guard=guard, resolver=Resolver(resolver), trust=trust, proxy=proxy)
        self._closed = False
        self._brakes: set[asyncio.Timeout] = set()

    async def fetch(self, request: WireRequest, *, abandoned: Abandoned | None = None) -> Exchange:
        """Make one exchange. What the web does to us is its outcome, never an exception.

        No redirect is followed and no coding undone. ``answer`` must be closed by the caller. A
        GET or HEAD whose kept connection died before one byte of the answer is sent once more on
        a fresh one; the dead attempt is in ``earlier`` and wants its records too. Where nothing is
        returned because the caller was cancelled, ``abandoned`` is told of each attempt.

        Raise ClientClosedError when ``close`` came before anything was sent.
        """
        refusal = refused_url(request.url)
        if refusal is not None:
            return _unsent(request, Outcome.BLOCKED_ADDRESS, refusal)
        place = place_of(request.url)
        sent = serialise(request, place)
        async with self._pool.turn(place):
            if self._closed:
                raise ClientClosedError(f"nothing is fetched from {place} any more")
            begun = _begin(request, place, sent)
            kept = self._pool.take(place)
            if kept is None:
                return await self._on_fresh(begun, abandoned)
            exchange = await self._on(kept, begun, abandoned)
            died = exchange.outcome is Outcome.RESET and not exchange.interim and not self._closed
            if not died or request.method not in _REPEATABLE:
                return exchange
            try:
                again = await self._on_fresh(_begin(request, place, sent), abandoned)
            except ClientClosedError:
                return exchange  # the server may have seen it, so it wants its records
            except (asyncio.CancelledError, CrawlerError):
                _abandon(exchange, abandoned)
                raise
            return replace(again, earlier=(exchange,))

    async def close(self) -> None:
        """Close all connections and take no more requests; exchanges under way end as reset."""
        self._closed = True
        for brake in self._brakes:
            brake.reschedule(asyncio.get_running_loop().time())
        self._dialer.close()
        await self._pool.close()

    async def _on_fresh(self, begun: _Begun, abandoned: Abandoned | None) -> Exchange:
        dialled = await self._dial(begun)
        if isinstance(dialled, Unreached):
            return _unsent(
                begun.request, dialled.outcome, dialled.reason, begun=begun, address=dialled.address
            )
        if self._closed:  # while the connection was on its way here
            dialled.abort()
            raise ClientClosedError(f"nothing is fetched from {begun.place} any more")
        self._pool.add(dialled)
        return await self._on(dialled, begun, abandoned)

    async def _dial(self, begun: _Begun) -> Connection | Unreached:
        """Open a connection; one that is still being opened when the client closes is given up."""
        limit = min(self._limits.connect, self._limits.total)
        brake = asyncio.timeout(None)  # only ``close`` pulls it
        try:
            async with brake:
                self._brakes.add(brake)
                until = begun.clock + limit.total_seconds()
                return await self._dialer.dial(begun.place, until=until)
        except TimeoutError as pulled:
            raise ClientClosedError(f"the connection to {begun.place} was given up") from pulled
        finally:
            self._brakes.discard(brake)

    async def _on(
        self, connection: Connection, begun: _Begun, abandoned: Abandoned | None
    ) -> Exchange:
        limits = self._limits
        answer = Answer(begun.request.method, limits, self._spool_folder)
        until = begun.clock + limits.total.total_seconds()
        given_up: asyncio.CancelledError | None = None
        try:
            ended = connection.ask(begun.sent, answer, limits, until=until)
            try:
                end = await ended
            except asyncio.CancelledError as cancelled:
                # It may have ended in the very turn of the loop in which we were cancelled.
                given_up, end = cancelled, End.CUT if ended.cancelled() else ended.result()
            answer.settle(closed=end is End.CLOSED)
        except BaseException:
            connection.abort()
            answer.spool.file.close()
            raise
        if end is End.ANSWER and answer.keeps_alive:
            self._pool.give(begun.place, connection)
        else:
            connection.abort()
        exchange = _exchange(begun, answer, end, connection=connection, limits=limits)
        if given_up is not None:
            _abandon(exchange, abandoned)
            raise given_up
        return exchange


def _begin(request: WireRequest, place: Place, sent: bytes) -> _Begun:
    return _Begun(request, place, sent, datetime.now(UTC), asyncio.get_running_loop().time())


def _abandon(exchange: Exchange, abandoned: Abandoned | None) -> None:
    if abandoned is not None:
        abandoned(exchange)
    elif exchange.answer is not None:
        exchange.answer.close()


def _took(begun: _Begun) -> timedelta:
    return timedelta(seconds=asyncio.get_running_loop().time() - begun.clock)


def _unsent(
    request: WireRequest,
    outcome: Outcome,
    reason: str,
    *,
    begun: _Begun | None = None,
    address: str | None = None,
) -> Exchange:
    return Exchange(
        url=request.url,
        method=request.method,
        started_at=begun.at if begun else datetime.now(UTC),
        took=_took(begun) if begun else timedelta(),
        outcome=outcome,
        reason=reason,
        request=b"",
        address=address,
    )


def _exchange(
    begun: _Begun, answer: Answer, end: End, *, connection: Connection, limits: Limits
) -> Exchange:
    outcome, truncated, reason = ending(answer, end, limits)
    spool, head = answer.spool, answer.head
    spool.file.seek(0)
    came = spool.size_bytes > 0
    return Exchange(
        url=begun.request.url,
        method=begun.request.method,
        started_at=begun.at,
        took=_took(begun),
        outcome=outcome,
        reason=reason,
        request=begun.sent,
        answer=spool.file if came else None,
        answer_bytes=spool.size_bytes,
        head_bytes=answer.head_bytes,
        status=head.status if head else None,
        version=head.version if head else "",
        headers=head.fields if head else (),
        block_digest=spool.digest() if came else None,
        payload_digest=answer.payload_digest if came else None,
        payload_bytes=answer.payload_bytes,
        truncated=truncated,
        interim=bytes(answer.interim),
        surplus=answer.surplus,
        address=connection.address,
        tls=connection.tls,
    )
