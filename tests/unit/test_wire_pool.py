"""The pool of kept connections: what it keeps, for how long, and what it lets go."""

import asyncio
from datetime import timedelta

import pytest
from server import Site

from crawler.fetch.guard import AddressGuard
from crawler.fetch.wire.connection import Connection
from crawler.fetch.wire.dial import Dialer
from crawler.fetch.wire.pool import Pool
from crawler.fetch.wire.request import Place
from crawler.fetch.wire.resolver import Resolver


@pytest.fixture(scope="module")
def site():
    with Site() as running:
        yield running


async def connect(site: Site) -> tuple[Place, Connection]:
    guard = AddressGuard([site.address])
    place = Place("http", "127.0.0.1", site.port)
    loop = asyncio.get_running_loop()
    dialer = Dialer(guard=guard, resolver=Resolver(), trust=None)
    connection = await dialer.dial(place, until=loop.time() + 10)
    assert isinstance(connection, Connection)
    return place, connection


def test_an_idle_connection_is_closed_after_its_time(site):
    """Nobody asks for it again, so the socket is closed and the place forgotten."""

    async def run() -> None:
        pool = Pool(keep=timedelta(seconds=0.05))
        place, connection = await connect(site)
        pool.add(connection)
        async with pool.turn(place):
            pool.give(place, connection)
        await asyncio.wait_for(connection.gone, 10)
        assert pool.take(place) is None
        await pool.close()

    asyncio.run(run())


def test_no_more_connections_are_kept_than_allowed(site):
    """What is one too many is closed instead of kept; the latest kept is lent first."""

    async def run() -> None:
        pool = Pool(most_free=2)
        place, first = await connect(site)
        others = [(await connect(site))[1] for _ in range(2)]
        async with pool.turn(place):
            for connection in (first, *others):
                pool.add(connection)
                pool.give(place, connection)
            await asyncio.wait_for(others[1].gone, 10)
            assert pool.take(place) is others[0]
            assert pool.take(place) is first
            assert pool.take(place) is None
        await pool.close()
        assert not first.alive

    asyncio.run(run())


def test_a_turn_waits_for_the_ones_before(site):
    """With one exchange at a time allowed, the second begins when the first has ended."""

    async def run() -> list[str]:
        pool = Pool(per_place=1)
        place = Place("http", "127.0.0.1", site.port)
        story: list[str] = []

        async def visit(name: str) -> None:
            async with pool.turn(place):
                story.append(f"{name} begins")
                await asyncio.sleep(0)
                story.append(f"{name} ends")

        await asyncio.gather(visit("a"), visit("b"))
        return story

    assert asyncio.run(run()) == ["a begins", "a ends", "b begins", "b ends"]
