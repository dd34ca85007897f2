"""What is cut by us: a fetch that is cancelled, a client that closes; what came is told of."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
import uvloop
from behaviours import Behaviour, End
from server import Page, Site

from crawler.fetch.guard import AddressGuard
from crawler.fetch.wire import CUT_BY_US, Client, Limits, WireRequest
from storage.model import Exchange, Outcome, Truncation

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
BEGUN = b"HTTP/1.1 200 OK\r\n\r\nthe first words"
"""An answer that ends with its connection."""
STALLED = Behaviour(parts=lambda: [BEGUN], end=End.STALL)
Work = Callable[[Client], Awaitable[None]]


@pytest.fixture(scope="module")
def running():
    with Site() as site:
        yield site


@pytest.fixture
def site(running):
    """Lend the running site with no pages set."""
    running.pages.clear()
    return running


@pytest.fixture(params=LOOPS)
def run(request, site):
    """Return what does some work with a client on an event loop, and not for ever."""

    async def with_client(work: Work) -> None:
        guard = AddressGuard([site.address, site.tls_address])
        client = Client(guard=guard, limits=Limits())
        try:
            async with asyncio.timeout(20):
                await work(client)
        finally:
            await client.close()

    def running(work: Work) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(with_client(work))
        gc.collect()  # an answer that nobody closed would warn now

    return running


def bytes_of(exchange: Exchange) -> bytes:
    """Return the answer, and close it."""
    if exchange.answer is None:
        return b""
    with exchange.answer as file:
        return file.read()


async def begun(client: Client, site: Site, url: str, told: list[Exchange]):
    """Return a fetch of which the first bytes of the answer have come."""
    path = "/" + url.split("/", 3)[3]
    seen = site.requests(path)
    task = asyncio.create_task(client.fetch(WireRequest(url=url), abandoned=told.append))
    await asyncio.to_thread(site.wait_for, path, seen + 1)
    # What the site sends to another connection after it, on the same loop, comes after it.
    bytes_of(await client.fetch(WireRequest(url=site.url("/page"))))
    return task


@pytest.mark.parametrize("tls", [False, True])
def test_a_cancelled_fetch_tells_what_came(site, run, tls):
    """The exchange is settled like any other: request, bytes so far, and that it was cut by us."""
    told: list[Exchange] = []
    site.pages["/begun"] = STALLED

    async def work(client: Client) -> None:
        task = await begun(client, site, site.url("/begun", tls=tls), told)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work)
    [cut] = told
    assert cut.request == next(one.request for one in site.log if one.request == cut.request)
    assert (cut.outcome, cut.truncated) == (Outcome.TRUNCATED, Truncation.DISCONNECT)
    assert cut.reason == CUT_BY_US
    assert bytes_of(cut) == BEGUN
    assert cut.payload_bytes == len(b"the first words")


def test_a_cancelled_fetch_that_nobody_asks_about_leaves_nothing_open(site, run):
    """Without anybody to tell, what came is let go."""
    site.pages["/begun"] = STALLED

    async def work(client: Client) -> None:
        request = WireRequest(url=site.url("/begun"))
        seen = site.requests("/begun")
        task = asyncio.create_task(client.fetch(request))
        await asyncio.to_thread(site.wait_for, "/begun", seen + 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work)


def test_a_fetch_that_was_not_sent_tells_nothing(site, run):
    """Who waits for a turn or a connection has asked nobody yet."""
    told: list[Exchange] = []

    async def work(client: Client) -> None:
        request = WireRequest(url=site.url("/cut/nothing-stall"))
        seen = site.requests("/cut/nothing-stall")
        first = [asyncio.create_task(client.fetch(request)) for _ in range(6)]
        await asyncio.to_thread(site.wait_for, "/cut/nothing-stall", seen + 6)
        waiting = asyncio.create_task(client.fetch(request, abandoned=told.append))
        await asyncio.sleep(0)
        for one in (waiting, *first):
            one.cancel()
        await asyncio.wait([waiting, *first])

    run(work)
    assert told == []


def test_whenever_a_fetch_is_cancelled_no_exchange_is_lost(site, run):
    """Cancelled after any number of turns of the loop, each request is returned or told, once."""
    told: list[Exchange] = []
    returned: list[Exchange] = []
    site.pages["/n"] = Page(200, {}, "words " * 100)
    seen = site.requests("/n")

    async def work(client: Client) -> None:
        for turns in range(80):
            request = WireRequest(url=site.url("/n"))
            task = asyncio.create_task(client.fetch(request, abandoned=told.append))
            for _ in range(turns % 40):
                await asyncio.sleep(0.0001 if turns >= 40 else 0)
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                returned.append(task.result())
            sent = len(told) + len(returned)
            await asyncio.to_thread(site.wait_for, "/n", seen + sent)

    run(work)
    assert site.requests("/n") - seen == len(told) + len(returned)
    assert told
    for one in told + returned:
        whole = one.outcome is Outcome.OK
        assert whole or one.reason == CUT_BY_US
        assert bytes_of(one).endswith(b"words ") or not whole


def test_both_attempts_of_a_fetch_that_is_cancelled_are_told(site, run):
    """The kept connection that died under the request had been asked as well."""
    told: list[Exchange] = []
    site.pages["/dies"] = lambda request: Behaviour(
        parts=tuple, end=End.CLOSE if request.number > 1 else End.STALL
    )

    async def work(client: Client) -> None:
        bytes_of(await client.fetch(WireRequest(url=site.url("/page"))))
        seen = site.requests("/dies")
        request = WireRequest(url=site.url("/dies"))
        task = asyncio.create_task(client.fetch(request, abandoned=told.append))
        await asyncio.to_thread(site.wait_for, "/dies", seen + 2)
        task.cancel()
        await asyncio.wait([task])

    run(work)
    reasons = [one.reason for one in sorted(told, key=lambda one: one.started_at)]
    assert [one.outcome for one in told] == [Outcome.RESET] * 2
    assert "the server closed the connection" in reasons[0]
    assert reasons[1] == CUT_BY_US


def test_an_answer_cut_by_closing_is_not_taken_for_whole(site, run):
    """The end of the connection ends an answer without length only where the server makes it."""
    found: list[Exchange] = []
    site.pages["/begun"] = STALLED

    async def work(client: Client) -> None:
        task = await begun(client, site, site.url("/begun"), [])
        await client.close()
        found.append(await task)

    run(work)
    [cut] = found
    assert (cut.outcome, cut.truncated) == (Outcome.TRUNCATED, Truncation.DISCONNECT)
    assert cut.reason == CUT_BY_US
    assert cut.took < timedelta(seconds=20)
    assert bytes_of(cut) == BEGUN
