"""The wire client: connections, names, guard, limits, requests; all over real sockets."""

import asyncio
import gc
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from behaviours import Behaviour, End, Pause
from receivers import full_receiver
from server import Page, Site

from crawler.fetch.guard import AddressGuard
from crawler.fetch.wire import Client, ClientClosedError, Limits, WireRequest
from crawler.fetch.wire.answer import Answer
from crawler.fetch.wire.connection import Connection
from crawler.fetch.wire.dial import Dialer
from crawler.fetch.wire.request import Place
from crawler.fetch.wire.resolver import Resolver, in_loose_thread
from storage.model import Exchange, Outcome, Truncation

QUICK = Limits(
    connect=timedelta(seconds=5),
    first_byte=timedelta(seconds=0.15),
    idle=timedelta(seconds=0.15),
    total=timedelta(seconds=5),
)


@pytest.fixture(scope="module")
def running():
    with Site() as site:
        yield site


@pytest.fixture
def site(running):
    """Lend the running site with no pages set."""
    running.pages.clear()
    return running


@asynccontextmanager
async def client_of(site: Site, **options):
    """Lend a client that may connect to the site, and to nothing else inside."""
    guard = AddressGuard([site.address, site.tls_address])
    client = Client(guard=guard, **{"limits": Limits(), **options})
    try:
        yield client
    finally:
        await client.close()


def fetch(site: Site, *requests: WireRequest | str, **options) -> list[Exchange]:
    """Fetch one after the other through one client."""

    async def run() -> list[Exchange]:
        async with client_of(site, **options) as client:
            return [
                await client.fetch(one if isinstance(one, WireRequest) else WireRequest(url=one))
                for one in requests
            ]

    return asyncio.run(run())


def number_on_connection(request) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % request.number


def names(**known: str) -> Callable[[str, int], Awaitable[list[str]]]:
    """Return a resolver that knows these names, dots written as underscores."""

    async def resolve(host: str, port: int) -> list[str]:
        return known[host.replace(".", "_")].split()

    return resolve


def body(exchange: Exchange) -> bytes:
    return exchange.answer.read()[exchange.head_bytes :]


# --- what is sent -----------------------------------------------------------------------------


def test_a_request_is_sent_as_given(site):
    """Host comes first, then the headers in their order and case, and nothing else."""
    headers = ((b"user-AGENT", b"x"), (b"Accept", b"*/*"), (b"accept", b"y"))
    request = WireRequest(url=site.url("/page?a=b#c"), headers=headers)
    [exchange] = fetch(site, request)
    expected = (
        b"GET /page?a=b HTTP/1.1\r\nHost: %b\r\nuser-AGENT: x\r\nAccept: */*\r\naccept: y\r\n\r\n"
    )
    assert exchange.request == expected % site.address.encode()
    assert site.log[-1].request == exchange.request


def test_a_body_gets_its_length_and_a_given_host_stays(site):
    """POST sends body and Content-Length; a Host among the headers is not doubled."""
    site.pages["/form"] = lambda request: Page(200, {}, request.method.encode() + request.body)
    request = WireRequest(
        url=site.url("/form"), method="POST", headers=((b"HOST", b"other"),), body=b"a=1"
    )
    [exchange] = fetch(site, request)
    assert exchange.request == b"POST /form HTTP/1.1\r\nHOST: other\r\nContent-Length: 3\r\n\r\na=1"
    assert body(exchange) == b"POSTa=1"


def test_what_a_page_names_cannot_break_a_request(site):
    """Line ends in a value become blanks, other scripts in a path are percent-encoded."""
    headers = ((b"If-None-Match", b'"a\r\nX-Evil: 1\0"'),)
    [exchange] = fetch(site, WireRequest(url=site.url("/\u00e9?\u00fc"), headers=headers))
    assert exchange.request.startswith(b"GET /%C3%A9?%C3%BC HTTP/1.1\r\n")
    assert exchange.request.endswith(b'If-None-Match: "a  X-Evil: 1 "\r\n\r\n')


@pytest.mark.parametrize("path", ["", "?", "?a", "#b"])
def test_a_bare_host_is_asked_for_its_root(site, path):
    """The target begins with a slash whatever the URL does, and keeps its question mark."""
    [exchange] = fetch(site, f"http://{site.address}{path}")
    assert exchange.request.split()[1].decode() == "/" + path.partition("#")[0]


@pytest.mark.parametrize(
    ("method", "headers"), [("GET X", ()), ("", ()), ("GET", ((b"a b", b""),))]
)
def test_impossible_requests_are_our_own_error(site, method, headers):
    """A method or field name that is no token is refused before anything is sent."""
    with pytest.raises(ValueError, match="no "):
        fetch(site, WireRequest(url=site.url("/"), method=method, headers=headers))


def test_head_has_no_body_whatever_its_length_says(site):
    """The answer to HEAD ends with its head; a body that comes all the same is surplus."""
    site.pages["/n"] = number_on_connection
    site.pages["/right"] = Page(200, {}, "some body")
    right, second, wrong, third = fetch(
        site,
        WireRequest(url=site.url("/right"), method="HEAD"),
        site.url("/n"),
        WireRequest(url=site.url("/body/binary"), method="HEAD"),
        site.url("/n"),
    )
    for one in (right, wrong):
        assert one.outcome is Outcome.OK
        assert one.answer_bytes == one.head_bytes
        assert one.payload_bytes == 0
    assert body(second) == b"2"
    assert wrong.surplus.startswith(bytes(range(256)))
    assert body(third) == b"1"


# --- connections ------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True])
def test_a_connection_is_used_again(site, tls):
    """Whole answers leave the connection open for the next request to the place."""
    site.pages["/n"] = number_on_connection
    found = fetch(site, *[site.url("/n", tls=tls)] * 3)
    assert [body(one) for one in found] == [b"1", b"2", b"3"]
    assert found[0].tls == found[2].tls


@pytest.mark.parametrize(
    "before",
    ["/body/surplus", "/head/connection-close", "/head/http10", "/body/close", "/cut/body"],
)
def test_a_connection_that_cannot_go_on_is_not_used_again(site, before):
    """Surplus bytes, ``close``, HTTP/1.0 and cut answers end their connection."""
    site.pages["/n"] = number_on_connection
    _, after = fetch(site, site.url(before), site.url("/n"))
    assert body(after) == b"1"


def test_late_bytes_are_never_taken_for_the_next_answer(site):
    """What a server sends after its answer was complete ends the connection."""
    parts = [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Pause(seconds=0.02), b"late"]
    site.pages["/late"] = Behaviour(parts=lambda: parts)
    site.pages["/n"] = number_on_connection

    async def run() -> list[Exchange]:
        async with client_of(site) as client:
            first = await client.fetch(WireRequest(url=site.url("/late")))
            await asyncio.to_thread(until, lambda: not open_sockets_to(site))
            return [first, await client.fetch(WireRequest(url=site.url("/n")))]

    first, second = asyncio.run(run())
    assert (first.outcome, first.surplus) == (Outcome.OK, b"")
    assert body(second) == b"1"


def until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds."""
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.002)


def test_a_kept_connection_that_died_is_replaced_once_and_told(site):
    """The request goes out again on a fresh connection; the dead attempt is kept beside it."""
    _, exchange = fetch(site, site.url("/page"), site.url("/close-when-reused"))
    assert exchange.outcome is Outcome.OK
    [dead] = exchange.earlier
    assert dead.outcome is Outcome.RESET
    assert dead.request == exchange.request
    assert dead.answer is None
    assert dead.started_at <= exchange.started_at
    assert site.requests("/close-when-reused") == 2


def test_a_post_is_never_repeated(site):
    """What may have been done is not done twice."""
    before = site.requests("/close-when-reused")
    request = WireRequest(url=site.url("/close-when-reused"), method="POST")
    _, exchange = fetch(site, site.url("/page"), request)
    assert exchange.outcome is Outcome.RESET
    assert site.requests("/close-when-reused") == before + 1


def test_a_fresh_connection_that_dies_is_not_tried_again(site):
    """Only a kept connection may have died of old age."""
    before = site.requests("/cut/nothing")
    [exchange] = fetch(site, site.url("/cut/nothing"))
    assert exchange.outcome is Outcome.RESET
    assert exchange.reason
    assert site.requests("/cut/nothing") == before + 1


def test_no_more_than_six_exchanges_at_a_time_at_one_place(site):
    """Thirty fetches at once share six connections."""
    site.pages["/n"] = number_on_connection

    async def run() -> list[Exchange]:
        async with client_of(site) as client:
            request = WireRequest(url=site.url("/n"))
            return await asyncio.gather(*(client.fetch(request) for _ in range(30)))

    numbers = [int(body(one)) for one in asyncio.run(run())]
    assert numbers.count(1) <= 6


@pytest.mark.parametrize("path", ["/cut/nothing-stall", "/cut/body-stall", "/endless/body"])
@pytest.mark.parametrize("tls", [False, True])
def test_cancelling_a_fetch_leaves_no_open_socket(site, path, tls):
    """A cancelled fetch is over at once, and so is its connection."""

    async def run() -> int:
        seen = site.requests(path)
        async with client_of(site) as client:
            task = asyncio.create_task(client.fetch(WireRequest(url=site.url(path, tls=tls))))
            await asyncio.to_thread(site.wait_for, path, seen + 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0)
            return len(open_sockets_to(site))

    assert asyncio.run(run()) == 0
    gc.collect()


def test_cancelling_while_connecting_leaves_no_open_socket(site):
    """A handshake that never comes ends with the fetch that waits for it."""

    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            client = Client(guard=AddressGuard(["127.0.0.1"]), limits=Limits())
            task = asyncio.create_task(client.fetch(WireRequest(url=f"https://127.0.0.1:{port}/")))
            peer, _ = await asyncio.to_thread(silent.accept)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(drain, peer)
            await client.close()

    asyncio.run(run())
    gc.collect()


def drain(peer: socket.socket) -> None:
    """Read until the other side closes."""
    with peer:
        peer.settimeout(10)
        while peer.recv(65536):
            pass


def open_sockets_to(site: Site) -> list[str]:
    """List this process' sockets whose peer is the site (the site's own lie in its thread)."""
    return sockets_to({f":{port:04X}" for port in (site.port, site.tls_port)})


def sockets_to(ports: set[str]) -> list[str]:
    """List the peers of this process' sockets that have one of these ports, in hexadecimal."""
    inodes = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            link = str(entry.readlink())
        except OSError:
            continue
        inodes.add(link.removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return [row[2] for row in rows if row[2][-5:] in ports and row[9] in inodes]


@pytest.mark.parametrize(
    ("banner", "outcome"),
    [
        (b"220 mail ready\r\n", Outcome.NOT_HTTP),
        (b"HTTP/1.1 408 Slow\r\nConnection: close\r\n\r\n", Outcome.CLIENT_ERROR),
    ],
)
def test_what_a_server_says_before_it_is_asked_is_its_answer(banner, outcome):
    """On a fresh connection nothing is lost, however early it comes."""

    async def run() -> tuple[bytes, Exchange]:
        greeted = asyncio.Event()

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(banner)
            await writer.drain()
            greeted.set()
            await reader.read(65536)
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        place = Place("http", "127.0.0.1", port)
        guard = AddressGuard(["127.0.0.1"])
        dialer = Dialer(guard=guard, resolver=Resolver(), trust=None)
        loop = asyncio.get_running_loop()
        connection = await dialer.dial(place, until=loop.time() + 10)
        assert isinstance(connection, Connection)
        await greeted.wait()
        await asyncio.to_thread(until, lambda: connection._early)
        answer = Answer("GET", Limits(), None)
        await connection.ask(b"GET / HTTP/1.1\r\n\r\n", answer, Limits(), until=loop.time() + 10)
        connection.abort()
        await connection.gone
        client = Client(guard=guard, limits=Limits())
        exchange = await client.fetch(WireRequest(url=f"http://127.0.0.1:{port}/"))
        await client.close()
        server.close()
        return bytes(answer.spool.file.getvalue()), exchange

    early, exchange = asyncio.run(run())
    assert early == exchange.answer.read() == banner
    assert exchange.outcome is outcome


# --- names and addresses ----------------------------------------------------------------------


def test_an_unknown_name_is_an_outcome(site):
    """A name without address gives ``dns`` and the resolver's words; nothing is sent."""

    async def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    [exchange] = fetch(site, "http://gone.example/", resolver=nowhere)
    assert exchange.outcome is Outcome.DNS
    assert exchange.reason == "gone.example has no address: Name or service not known"
    assert exchange.request == b""
    assert exchange.address is None


def test_a_refused_connection_is_an_outcome(site):
    """Nobody listening gives ``refused`` with the address."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        site_guard = AddressGuard(["127.0.0.1"])

        async def run() -> Exchange:
            client = Client(guard=site_guard, limits=Limits())
            return await client.fetch(WireRequest(url=f"http://127.0.0.1:{port}/"))

        exchange = asyncio.run(run())
    assert exchange.outcome is Outcome.REFUSED
    assert "refused" in exchange.reason


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "017700000001", "[::ffff:127.0.0.1]",
     "[64:ff9b::7f00:1]", "127.0.0.1.", "localhost", "10.0.0.1", "169.254.169.254", "[::1]"],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_of_an_inner_address_is_reached(host, scheme):
    """Whatever the URL says, the socket's address is judged, and nothing listens to us."""
    with socket.create_server(("127.0.0.1", 0)) as inner:
        port = inner.getsockname()[1]

        async def run() -> Exchange:
            client = Client(guard=AddressGuard(), limits=Limits())
            return await client.fetch(WireRequest(url=f"{scheme}://{host}:{port}/"))

        exchange = asyncio.run(run())
        inner.settimeout(0)
        with pytest.raises(BlockingIOError):
            inner.accept()
    assert exchange.outcome is Outcome.BLOCKED_ADDRESS
    assert "not a public address" in exchange.reason
    assert exchange.request == b""


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://u@127.0.0.1/", "http://a\\b/", "x"])
def test_urls_that_cannot_be_targets_are_blocked(site, url):
    """What the URL guard refuses is an outcome with its sentence."""
    [exchange] = fetch(site, url)
    assert exchange.outcome is Outcome.BLOCKED_ADDRESS
    assert exchange.reason
    assert exchange.request == b""


def test_a_name_that_moves_inside_is_blocked_at_the_second_connection(site):
    """An answer of the name server is judged anew for every connection, remembered or not."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def moving(host: str, port: int) -> list[str]:
        return next(answers)

    async def run() -> list[Exchange]:
        found = []
        for _ in range(2):
            async with client_of(site, resolver=shared) as client:
                url = f"http://moving.example:{site.port}/page"
                found.append(await client.fetch(WireRequest(url=url)))
        return found

    shared = moving
    first, second = asyncio.run(run())
    assert first.outcome is Outcome.OK
    assert first.request.startswith(b"GET /page HTTP/1.1\r\nHost: moving.example:")
    assert second.outcome is Outcome.BLOCKED_ADDRESS


def test_the_addresses_of_a_name_are_tried_in_order(site):
    """Blocked and dead addresses are passed over as long as one answers."""
    resolver = names(many_example="10.0.0.1 ::1 127.0.0.1")
    [exchange] = fetch(site, f"http://many.example:{site.port}/page", resolver=resolver)
    assert exchange.outcome is Outcome.OK
    assert exchange.address == "127.0.0.1"


def test_a_name_with_only_inner_addresses_is_blocked(site):
    """No address left means blocked, with the reason of the first."""
    resolver = names(inner_example="10.0.0.1 192.168.0.1 nonsense")
    [exchange] = fetch(site, "http://inner.example/", resolver=resolver)
    assert exchange.outcome is Outcome.BLOCKED_ADDRESS
    assert exchange.reason.startswith("10.0.0.1 is of a private network")


def test_a_name_is_asked_for_once_in_a_while(site):
    """Ten connections within the minute ask the name server once."""
    asked = []

    async def counting(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    urls = [f"http://often.example:{site.port}/head/connection-close"] * 10
    assert {one.outcome for one in fetch(site, *urls, resolver=counting)} == {Outcome.OK}
    assert asked == ["often.example"]


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "limits", "words"),
    [
        ("/cut/nothing-stall", QUICK, "no answer came: nothing came for"),
        ("/cut/body-stall", QUICK, "the answer was cut: nothing came for"),
        ("/slow/for-ever", Limits(total=timedelta(seconds=0.2)), "it was not finished within"),
    ],
)
def test_time_limits_end_an_exchange(site, path, limits, words):
    """First byte, idle and total time each end it, a little after their time and not before."""
    [exchange] = fetch(site, site.url(path), limits=limits)
    assert exchange.outcome is Outcome.TIMEOUT
    assert words in exchange.reason
    allowed = min(limits.first_byte, limits.idle, limits.total)
    assert allowed <= exchange.took < allowed + timedelta(seconds=2)


def test_a_silent_handshake_ends_in_time(site):
    """A server that accepts and says nothing costs the time to connect and no more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]

        async def run() -> Exchange:
            limits = Limits(connect=timedelta(seconds=0.2))
            client = Client(guard=AddressGuard(["127.0.0.1"]), limits=limits)
            return await client.fetch(WireRequest(url=f"https://127.0.0.1:{port}/"))

        exchange = asyncio.run(run())
    assert exchange.outcome is Outcome.TIMEOUT
    assert "TLS handshake" in exchange.reason


def test_a_slow_name_server_ends_in_time(site):
    """A name that is not found in time counts as not found."""

    async def never(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    limits = Limits(connect=timedelta(seconds=0.1))
    [exchange] = fetch(site, "http://slow.example/", limits=limits, resolver=never)
    assert exchange.outcome is Outcome.DNS
    assert "in time" in exchange.reason


def test_a_body_of_exactly_the_limit_is_whole(site):
    """The limit is the largest allowed size, for all three ways to end a body."""
    limits = Limits(body_bytes=100)
    head = b"HTTP/1.1 200 OK\r\n"
    chunks = b"0057\r\n" + b"x" * 0x57 + b"\r\n0\r\n\r\n"
    site.pages["/length"] = Page(200, {}, b"x" * 100)
    site.pages["/more"] = Page(200, {}, b"x" * 101)
    site.pages["/chunked"] = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    site.pages["/close"] = Behaviour(parts=lambda: [head + b"\r\n", b"x" * 100], end=End.CLOSE)
    paths = ["/length", "/chunked", "/close", "/more"]
    *whole, more = fetch(site, *map(site.url, paths), limits=limits)
    assert {one.outcome for one in whole} == {Outcome.OK}
    assert {one.answer_bytes - one.head_bytes for one in whole} == {100}
    assert (more.outcome, more.truncated) == (Outcome.TOO_LARGE, Truncation.LENGTH)
    assert more.answer_bytes - more.head_bytes == 100


def test_long_answers_are_spooled_to_the_disk(site, tmp_path):
    """What does not fit a mebibyte lies in a file without name in the given folder."""
    [exchange] = fetch(site, site.url("/body/2-mib"), spool_folder=tmp_path)
    assert exchange.outcome is Outcome.OK
    with exchange.answer as file:
        assert os.fstat(file.fileno()).st_size == exchange.answer_bytes
        assert len(body(exchange)) == 2 * 1024 * 1024
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_more_is_an_error_of_ours(site):
    """An answer that cannot be spooled is no outcome: it is raised, and the socket closed."""

    async def run() -> int:
        async with client_of(site, spool_folder=Path("/nonexistent")) as client:
            with pytest.raises(Exception, match="cannot be put by while it comes"):
                await client.fetch(WireRequest(url=site.url("/body/2-mib")))
            await asyncio.sleep(0)
            return len(open_sockets_to(site))

    assert asyncio.run(run()) == 0


def test_a_hostile_page_does_not_harm_its_neighbours(site):
    """While endless answers come in, other pages of the place are fetched as ever."""

    async def run() -> list[Exchange]:
        limits = Limits(body_bytes=4 * 1024 * 1024, total=timedelta(seconds=20))
        async with client_of(site, limits=limits) as client:
            paths = ["/endless/body", "/endless/chunks", "/endless/head", *["/page"] * 20]
            return await asyncio.gather(
                *(client.fetch(WireRequest(url=site.url(path))) for path in paths)
            )

    found = asyncio.run(run())
    assert [one.outcome for one in found[:3]] == [Outcome.TOO_LARGE] * 3
    assert {one.outcome for one in found[3:]} == {Outcome.OK}
    for one in found:
        one.answer.close()


def test_closing_the_client_ends_what_is_under_way(site):
    """A fetch whose client closes is told as reset, and nothing stays open."""

    async def run() -> Exchange:
        seen = site.requests("/cut/nothing-stall")
        async with client_of(site) as client:
            request = WireRequest(url=site.url("/cut/nothing-stall"))
            task = asyncio.create_task(client.fetch(request))
            await asyncio.to_thread(site.wait_for, "/cut/nothing-stall", seen + 1)
            await client.close()
            return await task

    assert asyncio.run(run()).outcome is Outcome.RESET


def test_closing_the_client_cuts_a_connection_in_the_making():
    """A connect to a full backlog, which would hang for its whole time, ends with the client."""

    async def run(port: int) -> None:
        ports = {f":{port:04X}"}
        others = len(sockets_to(ports))
        client = Client(guard=AddressGuard(["127.0.0.1"]), limits=Limits())
        task = asyncio.create_task(client.fetch(WireRequest(url=f"http://127.0.0.1:{port}/")))
        await asyncio.to_thread(until, lambda: len(sockets_to(ports)) > others)
        await client.close()
        with pytest.raises(ClientClosedError, match="given up"):
            async with asyncio.timeout(5):
                await task
        assert len(sockets_to(ports)) == others

    with full_receiver() as port:
        asyncio.run(run(port))


def test_a_closed_client_asks_nobody(site):
    """What comes after ``close``, or waited for its turn until then, is refused and not sent."""

    async def run() -> list[BaseException | Exchange]:
        stalled, waiting = site.url("/cut/nothing-stall"), site.url("/page")
        seen = site.requests("/cut/nothing-stall")
        async with client_of(site) as client:
            under_way = [client.fetch(WireRequest(url=stalled)) for _ in range(6)]
            tasks = [asyncio.create_task(one) for one in under_way]
            await asyncio.to_thread(site.wait_for, "/cut/nothing-stall", seen + 6)
            tasks.append(asyncio.create_task(client.fetch(WireRequest(url=waiting))))
            await asyncio.sleep(0)
            await client.close()
            tasks.append(asyncio.create_task(client.fetch(WireRequest(url=waiting))))
            return await asyncio.gather(*tasks, return_exceptions=True)

    before = site.requests("/page")
    *cut, waited, late = asyncio.run(run())
    assert {one.outcome for one in cut} == {Outcome.RESET}
    assert isinstance(waited, ClientClosedError)
    assert isinstance(late, ClientClosedError)
    assert site.requests("/page") == before


def test_a_look_up_that_hangs_holds_nobody_up():
    """The loop ends at once although a name is still being looked up."""
    over = threading.Event()

    async def run() -> None:
        async with asyncio.timeout(0.05):
            await in_loose_thread(over.wait)

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert time.monotonic() - began < 2
    over.set()
