"""Keep connections that may be used again, by place, and hold the number of open ones down."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from crawler.fetch.wire.connection import Connection
from crawler.fetch.wire.request import Place


@dataclass(slots=True)
class _Lane:
    """The connections of one place: how many are in use or wanted, and which are free."""

    turns: asyncio.Semaphore
    users: int = 0
    free: list[Connection] = field(default_factory=list)


class Pool:
    """Lend free connections, the latest first: it is the one most likely to live."""

    def __init__(
        self,
        *,
        per_place: int = 6,
        most_free: int = 128,
        keep: timedelta = timedelta(seconds=15),
    ) -> None:
        self._per_place = per_place
        self._most_free = most_free
        self._keep_seconds = keep.total_seconds()
        self._lanes: dict[Place, _Lane] = {}
        self._open: set[Connection] = set()
        self._free_count = 0
        self._sweep: asyncio.TimerHandle | None = None

    def turn(self, place: Place) -> "Turn":
        """Wait until the place may have one more exchange at the same time."""
        return Turn(self, place)

    async def enter(self, place: Place) -> _Lane:
        """Take a turn of a place; what is returned ends it (``leave``)."""
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = _Lane(asyncio.Semaphore(self._per_place))
        lane.users += 1
        try:
            await lane.turns.acquire()
        except BaseException:
            lane.users -= 1
            self._forget(place, lane)
            raise
        return lane

    def leave(self, place: Place, lane: _Lane) -> None:
        """End a turn."""
        lane.turns.release()
        lane.users -= 1
        self._forget(place, lane)

    def add(self, connection: Connection) -> None:
        """Know of a new connection, so that ``close`` reaches it."""
        self._open.add(connection)
        connection.gone.add_done_callback(lambda _: self._open.discard(connection))

    def take(self, place: Place) -> Connection | None:
        """Return a free connection that seems to live, or None."""
        lane = self._lanes.get(place)
        while lane is not None and lane.free:
            connection = lane.free.pop()
            self._free_count -= 1
            if connection.quiet():
                return connection
            connection.abort()
        return None

    def give(self, place: Place, connection: Connection) -> None:
        """Take a connection back that may carry another exchange."""
        lane = self._lanes.get(place)
        if lane is None or not connection.alive or self._free_count >= self._most_free:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        lane.free.append(connection)
        self._free_count += 1
        if self._sweep is None:
            self._sweep = loop.call_later(self._keep_seconds, self._sweep_out)

    async def close(self) -> None:
        """Close every connection, and return when the sockets are closed."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._lanes.clear()
        self._free_count = 0
        going = [connection.gone for connection in self._open]
        for connection in list(self._open):
            connection.abort()
        if going:
            await asyncio.wait(going)

    def _sweep_out(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._keep_seconds
        for place, lane in list(self._lanes.items()):
            kept = [one for one in lane.free if one.alive and one.idle_since > oldest]
            for connection in lane.free:
                if connection not in kept:
                    connection.abort()
            self._free_count -= len(lane.free) - len(kept)
            lane.free = kept
            self._forget(place, lane)
        self._sweep = (
            loop.call_later(self._keep_seconds / 2, self._sweep_out) if self._free_count else None
        )

    def _forget(self, place: Place, lane: _Lane) -> None:
        if not lane.users and not lane.free and self._lanes.get(place) is lane:
            del self._lanes[place]


class Turn:
    """One turn of a place, held for the length of an ``async with``."""

    __slots__ = ("_lane", "_place", "_pool")

    def __init__(self, pool: Pool, place: Place) -> None:
        self._pool = pool
        self._place = place
        self._lane: _Lane | None = None

    async def __aenter__(self) -> None:
        self._lane = await self._pool.enter(self._place)

    async def __aexit__(self, *_: object) -> None:
        assert self._lane is not None
        self._pool.leave(self._place, self._lane)
