"""Looking names up: remembered for a while, failures for less, once at a time, families in turn."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from server import Site

from crawler.fetch.guard import AddressGuard
from crawler.fetch.wire import Client, Limits, WireRequest
from crawler.fetch.wire.resolver import Resolver
from storage.model import Outcome

NOTHING = timedelta(0)


class Names:
    """A name server that counts what it is asked and waits until it is let."""

    def __init__(self, *answers: list[str] | Exception) -> None:
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._answers = answers

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        await self.may_answer.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def error_of(look_up: Awaitable[object]) -> Exception | None:
    try:
        await look_up
    except (OSError, UnicodeError) as error:
        return error
    return None


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(work())


def test_many_who_ask_at_once_share_one_look_up():
    """Ten pages of a new host make one question; the answer serves them all, and later ones."""

    async def work() -> None:
        names = Names(["192.0.2.1"])
        names.may_answer.clear()
        resolver = Resolver(names)
        asking = [asyncio.create_task(resolver.addresses("a.example", 80)) for _ in range(10)]
        await asyncio.sleep(0)
        names.may_answer.set()
        assert set(await asyncio.gather(*asking)) == {("192.0.2.1",)}
        assert await resolver.addresses("a.example", 80) == ("192.0.2.1",)
        assert names.asked == ["a.example"]

    run(work)


def test_who_gives_up_waiting_takes_the_answer_from_nobody():
    """A fetch that is cancelled in the middle of a shared look-up leaves it to the others."""

    async def work() -> None:
        names = Names(["192.0.2.1"])
        names.may_answer.clear()
        resolver = Resolver(names)
        first, second = (asyncio.create_task(resolver.addresses("a.example", 80)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        names.may_answer.set()
        assert await second == ("192.0.2.1",)
        assert first.cancelled()
        assert names.asked == ["a.example"]

    run(work)


@pytest.mark.parametrize(
    "fault", [socket.gaierror(socket.EAI_NONAME, "not known"), OSError(5, "broken"), []]
)
def test_a_failure_is_remembered_for_a_moment_only(fault):
    """Ten pages ask once; when the moment is over the name is asked for again."""

    async def work() -> None:
        names = Names(fault, ["192.0.2.1"])
        resolver = Resolver(names, keep_failure=timedelta(seconds=0.05))
        errors = [await error_of(resolver.addresses("a.example", 80)) for _ in range(10)]
        assert {type(one) for one in errors} == {type(fault) if fault else socket.gaierror}
        assert len({id(one) for one in errors}) == 10
        assert len({str(one) for one in errors}) == 1
        assert names.asked == ["a.example"]
        async with asyncio.timeout(10):
            while await error_of(resolver.addresses("a.example", 80)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert names.asked == ["a.example"] * 2

    run(work)


def test_an_answer_is_forgotten_after_its_time():
    """An address that moved is found again."""

    async def work() -> None:
        names = Names(["192.0.2.1"], ["192.0.2.2"])
        resolver = Resolver(names, keep=NOTHING)
        assert await resolver.addresses("a.example", 80) == ("192.0.2.1",)
        assert await resolver.addresses("a.example", 80) == ("192.0.2.2",)

    run(work)


@pytest.mark.parametrize(
    ("found", "tried"),
    [
        (["::1", "::2", "::3", "1.1.1.1", "2.2.2.2"], ["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"]),
        (["1.1.1.1", "2.2.2.2", "::1"], ["1.1.1.1", "::1", "2.2.2.2"]),
        (["::1", "::1", "::2"], ["::1", "::2"]),
        (
            [*map("::{}".format, range(1, 20)), "1.1.1.1"],
            ["::1", "1.1.1.1", "::2", "::3", "::4", "::5", "::6", "::7"],
        ),
    ],
)  # fmt: skip
def test_families_take_turns(found, tried):
    """The first address stays the first, and a dead family costs one try (RFC 8305 §4)."""

    async def work() -> None:
        assert list(await Resolver(Names(found)).addresses("a.example", 80)) == tried

    run(work)


def test_an_address_is_not_looked_up():
    """What is an address already is its own answer."""

    async def work() -> None:
        names = Names([])
        assert await Resolver(names).addresses("::1", 80) == ("::1",)
        assert names.asked == []

    run(work)


def test_a_name_whose_addresses_take_no_connection_is_asked_for_again():
    """A host that moved is found at the next visit, not when the old answer has run out."""

    async def work() -> None:
        with Site() as site:
            names = Names(["127.0.0.2"], ["127.0.0.1"])
            guard = AddressGuard(["127.0.0.2", site.address])
            client = Client(guard=guard, limits=Limits(), resolver=names)
            url = f"http://a.example:{site.port}/page"
            first = await client.fetch(WireRequest(url=url))
            second = await client.fetch(WireRequest(url=url))
            await client.close()
        assert (first.outcome, second.outcome) == (Outcome.REFUSED, Outcome.OK)
        assert names.asked == ["a.example"] * 2

    run(work)


def test_closing_gives_up_what_is_still_looked_up():
    """A name server that never answers leaves no task behind."""

    async def work() -> None:
        names = Names(["192.0.2.1"])
        names.may_answer.clear()
        resolver = Resolver(names)
        asking = asyncio.create_task(resolver.addresses("a.example", 80))
        await asyncio.sleep(0)
        resolver.close()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(work)
