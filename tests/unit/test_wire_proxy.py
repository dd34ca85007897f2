"""The wire client through an HTTP proxy: the same exchanges, the same guard, honest reasons."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import uvloop
from proxy import TunnelProxy
from server import Site

from crawler.fetch.guard import AddressGuard
from crawler.fetch.wire import Client, Limits, WireRequest, parse_proxy
from crawler.fetch.wire.proxy import check_exception
from storage.model import Exchange, Outcome

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


def fetch(
    *urls: str,
    proxy: str,
    allow: list[str],
    loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    without: tuple[str, ...] = (),
    **options: object,
) -> list[Exchange]:
    """Fetch one after the other through one client and its proxy."""

    async def run() -> list[Exchange]:
        way = parse_proxy(proxy, except_hosts=without)
        given = {"limits": Limits(), **options}
        client = Client(guard=AddressGuard(allow), proxy=way, **given)
        try:
            return [await client.fetch(WireRequest(url=url)) for url in urls]
        finally:
            await client.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(run())


async def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def told(exchange: Exchange) -> tuple[object, ...]:
    answer = exchange.answer.read() if exchange.answer is not None else b""
    return (exchange.outcome, exchange.status, exchange.headers, answer, exchange.payload_digest)


# --- tunnels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "path", ["/page", "/chunked/trailers", "/not-http/ssh", "/cut/body", "/body/surplus"]
)
def test_an_exchange_is_the_same_with_a_proxy(site, loop, tls, path):
    """Request, answer, digests and address are those of a direct one; only the way differs."""
    url = site.url(path, tls=tls)
    address = site.tls_address if tls else site.address
    with TunnelProxy() as proxy:
        [through] = fetch(url, proxy=proxy.url, allow=[address], loop=loop)
        [direct] = fetch(url, proxy=proxy.url, allow=[address], loop=loop, without=("127.0.0.1",))
        assert proxy.targets == [address]
    assert told(through) == told(direct)
    assert through.request == direct.request
    assert site.log[-1].request == through.request
    assert (through.address, through.truncated) == ("127.0.0.1", direct.truncated)
    assert (through.tls is None) == (not tls)


def test_a_tunnel_is_used_again(site):
    """A second page of the place needs no second tunnel, another scheme does."""
    urls = [site.url("/page"), site.url("/page"), site.url("/page", tls=True)]
    with TunnelProxy() as proxy:
        found = fetch(*urls, proxy=proxy.url, allow=[site.address, site.tls_address])
        assert proxy.targets == [site.address, site.tls_address]
    assert {one.outcome for one in found} == {Outcome.OK}


def test_a_login_goes_to_the_proxy_and_nowhere_else(site):
    """The password is sent with CONNECT, percent signs undone, and is in no kept byte."""
    with TunnelProxy(login="us%:se cret") as proxy:
        url = f"http://us%25:se%20cret@{proxy.address}"
        [exchange] = fetch(site.url("/page"), proxy=url, allow=[site.address])
        assert b"Proxy-Authorization: Basic " in proxy.asked[0]
    assert exchange.outcome is Outcome.OK
    assert b"Authorization" not in exchange.request
    assert "se cret" not in repr(parse_proxy(url))


def test_the_proxy_is_asked_for_the_judged_address_and_the_target_for_its_name(site):
    """CONNECT names the address that the guard has seen; Host and SNI keep the name."""
    url = f"http://paper.example:{site.port}/page"
    with TunnelProxy() as proxy:
        [exchange] = fetch(url, proxy=proxy.url, allow=[site.address], resolver=loopback)
        assert proxy.targets == [site.address]
    assert f"Host: paper.example:{site.port}\r\n".encode() in exchange.request
    assert exchange.outcome is Outcome.OK


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "inside.example", "[::ffff:7f00:1]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_inner_address_is_asked_for(site, host, scheme):
    """The guard judges the target although the proxy would make the connection."""
    with TunnelProxy() as proxy:
        url = f"{scheme}://{host}:{site.port}/"
        [exchange] = fetch(url, proxy=proxy.url, allow=[], resolver=loopback)
        assert proxy.asked == []
    assert exchange.outcome is Outcome.BLOCKED_ADDRESS
    assert "not a public address" in exchange.reason


def test_another_address_is_tried_when_the_proxy_does_not_reach_one(site):
    """What the first address of a name refuses, the second may take."""

    async def two(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    allow = ["127.0.0.2", site.address]
    url = f"http://paper.example:{site.port}/page"
    with TunnelProxy() as proxy:
        [exchange] = fetch(url, proxy=proxy.url, allow=allow, resolver=two)
        assert proxy.targets == [f"127.0.0.2:{site.port}", site.address]
    assert (exchange.outcome, exchange.address) == (Outcome.OK, "127.0.0.1")


# --- proxies that do not ------------------------------------------------------------------------

QUICK = Limits(connect=timedelta(seconds=0.3))


@pytest.mark.parametrize(
    ("said", "outcome", "words"),
    [
        (b"HTTP/1.1 403 Not here\r\n\r\n", Outcome.REFUSED, "opens no connection to {} (403 Not"),
        (b"HTTP/1.1 504 Late\r\n\r\n", Outcome.TIMEOUT, "opens no connection to {} (504 Late)"),
        (b"HTTP/1.1 407 Who\r\n\r\n", Outcome.REFUSED, "does not take our user and password"),
        (b"SSH-2.0-x\r\n\r\n", Outcome.REFUSED, "is not HTTP"),
        (b"HTTP/1.1 200 and then", Outcome.REFUSED, "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000, Outcome.REFUSED, "is not HTTP"),
        (b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 502 No\r\n\r\n", Outcome.REFUSED, "(502 No)"),
        (b"", Outcome.TIMEOUT, "through the proxy"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_opens_no_tunnel_is_an_outcome(site, said, outcome, words, scheme):
    """The reason names the proxy and never its password; what it said is no answer of the site."""
    with TunnelProxy(login="user:hush", answer=lambda target: said) as proxy:
        [exchange] = fetch(
            f"{scheme}://{site.address}/", proxy=proxy.url, allow=[site.address], limits=QUICK
        )
        assert f"the proxy {proxy.address}" in exchange.reason
    assert exchange.outcome is outcome
    assert words.format(site.address) in exchange.reason
    assert "hush" not in exchange.reason
    assert (exchange.request, exchange.answer, exchange.status) == (b"", None, None)
    assert exchange.address == "127.0.0.1"


def test_a_proxy_that_asks_for_a_password_is_told(site):
    """Without one in the configuration the reason says that it is wanted."""
    with TunnelProxy(login="a:b") as proxy:
        url = f"http://{proxy.address}"
        [exchange] = fetch(site.url("/"), proxy=url, allow=[site.address])
    assert exchange.outcome is Outcome.REFUSED
    assert "asks for a password" in exchange.reason


def test_a_proxy_that_is_not_there_is_an_outcome(site):
    """Nobody listening, and a name without address: both name the proxy."""
    with TunnelProxy() as proxy:
        gone = proxy.url
    [refused] = fetch(site.url("/"), proxy=gone, allow=[site.address])
    assert refused.outcome is Outcome.REFUSED
    assert refused.reason.startswith("the proxy 127.0.0.1:")

    async def nowhere(host: str, port: int) -> list[str]:
        return []

    [lost] = fetch(site.url("/"), proxy="http://p.example:1", allow=["127.0.0.1"], resolver=nowhere)
    assert lost.outcome is Outcome.DNS
    assert lost.reason.startswith("the proxy p.example:1 is not found: p.example has no address")


def test_closing_the_client_gives_a_tunnel_in_the_making_up(site):
    """A proxy that says nothing holds nobody up at the end."""

    async def run(url: str) -> None:
        guard = AddressGuard([site.address])
        client = Client(guard=guard, limits=Limits(), proxy=parse_proxy(url))
        task = asyncio.create_task(client.fetch(WireRequest(url=site.url("/"))))
        await asyncio.to_thread(proxy.was_asked.wait, 30)
        await client.close()
        with pytest.raises(Exception, match="given up"):
            await task

    with TunnelProxy(answer=lambda target: b"") as proxy:
        asyncio.run(run(proxy.url))


# --- what is configured -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["", "proxy:3128", "https://p.example:1", "socks5://p:1", "http://p.example", "http://p:1/x",
     "http://:hush@p:1", "http://u:hush@p:99999", "http://u:hush@[::1", "http://p:0", "http://:1"],
)  # fmt: skip
def test_what_is_no_proxy_is_refused(url):
    """The message says what would be right and repeats no password."""
    with pytest.raises(ValueError, match="write") as raised:
        parse_proxy(url)
    assert "hush" not in str(raised.value)
    assert "http://proxy.example:3128" in str(raised.value)


@pytest.mark.parametrize(
    ("host", "served"),
    [
        ("paper.example", False),
        ("www.paper.example.", False),
        ("newspaper.example", True),
        ("10.1.2.3", False),
        ("10.2.0.1", True),
        ("::1", False),
        ("inner.lan", False),
    ],
)
def test_exceptions_name_hosts_names_below_them_and_ranges(host, served):
    """Names count with all below them, addresses and ranges for hosts that are addresses."""
    listed = ["paper.example", "10.1.0.0/16", "::1", ".lan"]
    proxy = parse_proxy("http://p:1", except_hosts=[check_exception(one) for one in listed])
    assert proxy.serves(host) is served


@pytest.mark.parametrize("text", ["", "*", "http://a/", "a..b", "10.0.0.1/8", "a b"])
def test_what_names_no_host_is_no_exception(text):
    """An exception that could never fit is refused."""
    with pytest.raises(ValueError, match="names no host"):
        check_exception(text)
