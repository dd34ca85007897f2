"""What Scrapy's extensions and middlewares are told of a download, by a real crawler."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload
from scrapy.http import Response
from server import Page, Site

from crawler.fetch.fetcher import Fetcher
from crawler.fetch.guard import AddressGuard
from crawler.fetch.keeper import Keeper
from crawler.fetch.pace import Pace
from crawler.fetch.settings import engine_settings
from crawler.fetch.ticket import Ticket
from crawler.fetch.wire import Client, Limits
from storage import archive
from storage.model import FoundBy, Robots, Target, TargetState
from storage.model import Site as Watched
from storage.warc.writer import Info, Writer

AT = datetime(2026, 11, 22, tzinfo=UTC)
BODY = b"<p>" + b"word " * 400 + b"</p>"


@pytest.fixture(scope="module")
def site():
    with Site() as running:
        running.pages["/a"] = Page(200, {"X-Odd": "1", "Content-Encoding": "identity"}, BODY)
        yield running


class One(Spider):
    """Fetch one page and keep what came of it."""

    name = "one"

    def __init__(self, *, fetcher: Fetcher, ticket: Ticket) -> None:
        super().__init__()
        self.fetcher = fetcher
        self.ticket = ticket
        self.came: list[Response | Exception] = []

    async def start(self) -> AsyncIterator[Request]:
        """Ask for the page."""
        yield Request(
            self.ticket.target.url,
            meta={"ticket": self.ticket, "verbatim_url": True},
            callback=self.came.append,
            errback=lambda failure: self.came.append(failure.value),
        )


def crawl(
    site: Site, folder, url: str, listen: Callable[[Crawler], None] = lambda crawler: None
) -> tuple[Response | Exception, Ticket]:
    """Let a crawler fetch a page, with the listeners that ``listen`` connects."""

    async def run() -> tuple[Response | Exception, Ticket]:
        keep = archive.create(folder / "archive")
        info = Info(software="t", operator="t", contact="", robots="", user_agent="", is_part_of="")
        target = Target(
            id=1, site="paper", url=url, host="", state=TargetState.ACTIVE, found_by=FoundBy.USER,
            found_on=None, found_at=AT, every=None, robots=Robots.IGNORE, due_at=None,
            last_visit_at=None, last_outcome=None, last_status=None,
        )  # fmt: skip
        watched = Watched(name="paper", start=(url,), delay=timedelta(0))
        ticket = Ticket(target=target, site=watched, worker="w", started_at=AT)
        with ThreadPoolExecutor(1) as syncs:
            keeper = Keeper(Writer(keep, name="w", info=info), syncs)
            guard = AddressGuard([site.address, site.tls_address])
            fetcher = Fetcher(
                client=Client(guard=guard, limits=Limits()),
                keeper=keeper,
                pace=Pace(),
                agent="t/1",
                product="Holdfast",
            )
            crawler = Crawler(One, engine_settings(lanes=1))
            listen(crawler)
            async with asyncio.timeout(20):
                await crawler.crawl_async(fetcher=fetcher, ticket=ticket)
            await fetcher.close()
            await keeper.close()
        assert isinstance(crawler.spider, One)
        return crawler.spider.came[0], ticket

    return asyncio.run(run())


@pytest.mark.parametrize("tls", [False, True])
def test_a_response_says_with_whom_we_spoke(site, tmp_path, tls):
    """Address, protocol and certificate are those of the exchange."""
    response, ticket = crawl(site, tmp_path, site.url("/a", tls=tls))
    assert isinstance(response, Response)
    assert response.ip_address == ip_address("127.0.0.1")
    assert response.protocol == "HTTP/1.1"
    assert (response.certificate is not None) == tls
    if tls:
        assert response.certificate.startswith(b"\x30")
    assert response.body == BODY
    assert 0 < response.meta["download_latency"] < 20
    assert len(ticket.captures) == 1


def test_listeners_hear_of_head_and_body(site, tmp_path):
    """The head is that of the wire, coding and length included; the body comes in one piece."""
    heard = []

    def listen(crawler: Crawler) -> None:
        crawler.signals.connect(on_headers, signals.headers_received)
        crawler.signals.connect(on_bytes, signals.bytes_received)

    def on_headers(headers, body_length, request, spider) -> None:
        heard.append((headers[b"X-Odd"], headers[b"Content-Encoding"], body_length, spider.name))

    def on_bytes(data, request, spider) -> None:
        heard.append((data, request.url, spider.name))

    response, _ = crawl(site, tmp_path, site.url("/a"), listen)
    assert heard == [(b"1", b"identity", len(BODY), "one"), (BODY, site.url("/a"), "one")]
    assert response.flags == []


@pytest.mark.parametrize("signal", [signals.headers_received, signals.bytes_received])
@pytest.mark.parametrize("fail", [True, False])
def test_a_stopped_download_is_kept_whole_all_the_same(site, tmp_path, signal, fail):
    """StopDownload decides what spiders get; the archive has every byte."""

    def listen(crawler: Crawler) -> None:
        crawler.signals.connect(stop, signal)

    def stop(**told: object) -> None:
        raise StopDownload(fail=fail)

    came, ticket = crawl(site, tmp_path, site.url("/a"), listen)
    if fail:
        assert isinstance(came, StopDownload)
        came = came.response
    assert came.flags == ["download_stopped"]
    assert came.body == (b"" if signal is signals.headers_received else BODY)
    assert ticket.captures[0].payload_bytes == len(BODY)
