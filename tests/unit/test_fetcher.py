"""The one way to the wire, over real sockets into a real WARC file, with Scrapy's engine above."""

import asyncio
import gzip
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from scrapy import Request
from scrapy.http import Response
from server import Page, Site
from warcio.archiveiterator import ArchiveIterator

from crawler.fetch.fetcher import Fetcher, hops_from_seed
from crawler.fetch.guard import AddressGuard
from crawler.fetch.keeper import Keeper
from crawler.fetch.lane import EngineLane
from crawler.fetch.pace import Pace
from crawler.fetch.roster import SpiderFileError, made
from crawler.fetch.ticket import Ticket
from crawler.fetch.wire import Client, Limits
from spiders.base import Requisite, SiteSpider
from spiders.site import Spider
from storage import archive
from storage.model import (
    Found,
    FoundBy,
    Outcome,
    Robots,
    Role,
    Target,
    TargetState,
)
from storage.model import Site as Watched
from storage.warc.writer import Info, Writer

AT = datetime(2026, 11, 22, tzinfo=UTC)
TEXT = {"Content-Type": "text/plain"}
FORBIDDEN = "User-agent: *\nDisallow: /"


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve the misbehaving site."""
    with Site() as running:
        yield running


@dataclass(frozen=True, slots=True)
class Room:
    """The parts of a worker's fetch room."""

    fetcher: Fetcher
    pace: Pace
    lane: EngineLane
    watched: Watched

    def ticket(self, url: str, *, robots: Robots | None = None) -> Ticket:
        """Return a ticket for a visit of this address."""
        target = Target(
            id=1,
            site=self.watched.name,
            url=url,
            host="",
            state=TargetState.ACTIVE,
            found_by=FoundBy.USER,
            found_on=None,
            found_at=AT,
            every=None,
            robots=robots,
            due_at=None,
            last_visit_at=None,
            last_outcome=None,
            last_status=None,
        )
        return Ticket(target=target, site=self.watched, worker="w", started_at=AT)


@asynccontextmanager
async def room_of(site: Site, folder: Path) -> AsyncIterator[Room]:
    """Lend a fetch room that may visit the site."""
    keep = archive.create(folder / "archive")
    info = Info(software="t", operator="t", contact="", robots="", user_agent="", is_part_of="")
    with ThreadPoolExecutor(1) as syncs:
        keeper = Keeper(Writer(keep, name="w", info=info), syncs)
        client = Client(guard=AddressGuard([site.address, site.tls_address]), limits=Limits())
        pace = Pace()
        fetcher = Fetcher(client=client, keeper=keeper, pace=pace, agent="t/1", product="Holdfast")
        lane = EngineLane(fetcher, lanes=4)
        start = (site.url("/"), site.url("/", tls=True))
        watched = Watched(name="paper", start=start, delay=timedelta(0))
        await lane.open()
        try:
            yield Room(fetcher, pace, lane, watched)
        finally:
            await fetcher.close()
            await lane.close()
            await keeper.close()


def run(site: Site, folder: Path, work: Callable[[Room], Awaitable[None]]) -> None:
    """Do the work in a fetch room, and not for ever."""

    async def main() -> None:
        async with room_of(site, folder) as room, asyncio.timeout(20):
            await work(room)

    asyncio.run(main())


def records(folder: Path) -> list[tuple[str, str, str]]:
    """Return type, path and hopsFromSeed of the records that were kept, as warcio reads them."""
    kept = []
    for file in sorted((folder / "archive/warc").rglob("*.warc.gz")):
        with file.open("rb") as stream:
            for record in ArchiveIterator(stream):
                url = record.rec_headers.get_header("WARC-Target-URI") or ""
                text = record.content_stream().read().decode("latin-1")
                hops = text.partition("hopsFromSeed: ")[2].partition("\r\n")[0]
                path = url.partition("//")[2].partition("/")[2]
                kept.append((record.rec_type, f"/{path}", hops))
    return kept


# --- robots.txt ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "served",
    [
        Page(200, {"Content-Type": "application/octet-stream"}, FORBIDDEN),
        Page(200, {"Content-Type": "image/png"}, b"\xef\xbb\xbf" + FORBIDDEN.encode()),
        Page(200, TEXT | {"Content-Encoding": "gzip"}, gzip.compress(FORBIDDEN.encode())),
        Page(302, {"Location": "/the robots.txt"}, ""),
    ],
)
def test_a_robots_txt_that_is_served_is_obeyed(site: Site, tmp_path: Path, served: Page) -> None:
    """Whatever type, mark, coding or place it has: a page it forbids is not asked for."""
    site.robots = served
    site.pages["/the%20robots.txt"] = Page(200, TEXT, FORBIDDEN)

    async def work(room: Room) -> None:
        ticket = room.ticket(site.url("/page"))
        fetched = await room.fetcher.page(ticket)
        assert fetched.capture.outcome is Outcome.BLOCKED_ROBOTS

    run(site, tmp_path, work)
    assert site.requests("/page") == 0


def test_rules_belong_to_scheme_and_port(site: Site, tmp_path: Path) -> None:
    """What http forbids, https may allow, and each is asked for once."""
    site.pages["/robots.txt"] = lambda request: (
        Page(503, TEXT, "") if request.headers["host"] == site.address else Page(404, TEXT, "")
    )

    async def work(room: Room) -> None:
        for tls, outcome in ((False, Outcome.SERVER_ERROR), (True, Outcome.OK)):
            for path in ("/page", "/body/empty"):
                fetched = await room.fetcher.page(room.ticket(site.url(path, tls=tls)))
                assert fetched.capture.outcome is outcome

    run(site, tmp_path, work)
    assert site.requests("/robots.txt") == 2


def test_a_crawl_delay_no_clock_can_tell_is_cut(site: Site, tmp_path: Path) -> None:
    """The page is fetched, and the host is left alone for a minute then."""
    site.robots = "User-agent: *\nCrawl-delay: 99999999999999999999"

    async def work(room: Room) -> None:
        first = room.ticket(site.url("/page"))
        await room.fetcher.rules(first, first.target.url)
        assert (await room.fetcher.page(first)).capture.outcome is Outcome.OK
        wait = room.pace.wait_of(site.address)
        assert timedelta(seconds=59) < wait <= timedelta(minutes=1)

    run(site, tmp_path, work)


# --- exchanges ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "field", "seconds"),
    [
        (429, "600", 600),
        (429, "9" * 5000, 24 * 3600),
        (429, "Sun, 22 Nov 2026 12:00:30 +99999999999", 0),
        (503, "2", 2),
        (503, "600", 15),
    ],
)
def test_a_host_that_asks_for_it_is_left_alone(
    site: Site, tmp_path: Path, status: int, field: str, seconds: int
) -> None:
    """All of it after 429, a little after 503; whatever it says, the exchange is kept."""
    site.pages["/busy"] = Page(status, {"Retry-After": field}, "later")

    async def work(room: Room) -> None:
        ticket = room.ticket(site.url("/busy"), robots=Robots.IGNORE)
        fetched = await room.fetcher.page(ticket)
        assert fetched.capture.status == status
        assert ticket.captures == [fetched.capture]
        wait = room.pace.wait_of(site.address)
        assert timedelta(seconds=seconds - 1) < wait <= timedelta(seconds=seconds)

    run(site, tmp_path, work)
    assert [kind for kind, path, _ in records(tmp_path) if path == "/busy"] == [
        "request",
        "response",
        "metadata",
    ]


def test_a_retry_after_beside_a_good_answer_is_no_wish(site: Site, tmp_path: Path) -> None:
    """Only who is overloaded is left alone."""
    site.pages["/well"] = Page(200, {"Retry-After": "600"}, "well")

    async def work(room: Room) -> None:
        await room.fetcher.page(room.ticket(site.url("/well"), robots=Robots.IGNORE))
        assert room.pace.wait_of(site.address) == timedelta(0)

    run(site, tmp_path, work)


def test_redirects_are_followed_as_browsers_read_them(site: Site, tmp_path: Path) -> None:
    """Blanks and letters are encoded, what leads nowhere is told; all of it is kept."""
    site.pages |= {
        "/one": Page(302, {"Location": " /a b?c=d e#f "}, ""),
        "/a%20b?c=d%20e": Page(301, {"Location": "/caf\u00c3\u00a9"}, ""),
        "/caf%C3%A9": Page(200, {}, "<p>here</p>"),
        "/none": Page(302, {"Location": "http://[bad"}, ""),
        "/file": Page(302, {"Location": "file:///etc/passwd"}, ""),
    }

    async def work(room: Room) -> None:
        ticket = room.ticket(site.url("/one"), robots=Robots.IGNORE)
        fetched = await room.fetcher.page(ticket)
        assert (fetched.capture.url, fetched.body) == (site.url("/caf%C3%A9"), b"<p>here</p>")
        assert [(one.role, one.hop, one.status) for one in ticket.captures] == [
            (Role.TARGET, 0, 302),
            (Role.REDIRECT, 1, 301),
            (Role.REDIRECT, 2, 200),
        ]
        await room.fetcher.requisite(ticket, site.url("/one"), via=ticket.target.url)
        none = await room.fetcher.page(room.ticket(site.url("/none"), robots=Robots.IGNORE))
        assert (none.capture.outcome, none.capture.location) == (Outcome.REDIRECT, None)
        file = await room.fetcher.page(room.ticket(site.url("/file"), robots=Robots.IGNORE))
        assert file.capture.outcome is Outcome.BLOCKED_ADDRESS
        assert file.capture.reason == "only http and https are fetched, not file"

    run(site, tmp_path, work)
    hops = [hops for kind, _, hops in records(tmp_path) if kind == "metadata"]
    assert hops == ["", "R", "RR", "E", "ER", "ERR", "", ""]


def test_the_way_from_the_target_has_a_letter_a_step() -> None:
    """A redirect adds its own letter to that of what was redirected."""
    assert [hops_from_seed(Role.TARGET, 0), hops_from_seed(Role.REDIRECT, 2)] == ["", "RR"]
    assert [hops_from_seed(Role.REQUISITE, n) for n in range(3)] == ["E", "ER", "ERR"]
    assert [hops_from_seed(Role.ROBOTS, n) for n in range(2)] == ["P", "PR"]


def test_many_origins_leave_nothing_behind(site: Site, tmp_path: Path) -> None:
    """Locks of origins that nobody asks about are gone, and many may ask at once."""

    async def work(room: Room) -> None:
        url = site.url("/page")
        tickets = [room.ticket(url) for _ in range(5)]
        await asyncio.gather(*(room.fetcher.rules(one, url) for one in tickets))
        assert sum(len(one.captures) for one in tickets) == 1
        assert len(room.fetcher._asking) == 0

    run(site, tmp_path, work)


# --- what spiders get ---------------------------------------------------------------------------

ENTRY = "<url><loc>{}</loc></url>"
KINDS = ("application/gzip", "application/x-gzip", "application/octet-stream", "application/xml")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("coding", [{}, {"Content-Encoding": "gzip"}])
def test_a_sitemap_in_a_gzip_file_is_read(
    site: Site, tmp_path: Path, kind: str, coding: dict[str, str]
) -> None:
    """It is unpacked whatever its type says, also where the file is called a content coding."""
    packed = gzip.compress(f"<urlset>{ENTRY.format(site.url('/a'))}</urlset>".encode())
    site.pages["/map.xml.gz"] = Page(200, {"Content-Type": kind} | coding, packed)

    async def work(room: Room) -> None:
        ticket = room.ticket(site.url("/map.xml.gz"), robots=Robots.IGNORE)
        await room.lane.fetch(ticket, Spider(room.watched))
        assert [one.url for one in ticket.found] == [site.url("/a")]

    run(site, tmp_path, work)


def test_what_is_no_text_is_not_read(site: Site, tmp_path: Path) -> None:
    """Pictures and packed files that are no lists give spiders nothing, and are kept."""
    packed = gzip.compress(b"<html><a href='/b'>")
    site.pages |= {
        "/a.png": Page(200, {"Content-Type": "image/png"}, "<html>"),
        "/b.gz": Page(200, {"Content-Type": "application/gzip"}, packed),
    }

    async def work(room: Room) -> None:
        for path in ("/a.png", "/b.gz"):
            fetched = await room.fetcher.page(room.ticket(site.url(path), robots=Robots.IGNORE))
            assert (fetched.body, fetched.capture.outcome) == (b"", Outcome.OK)

    run(site, tmp_path, work)


def test_pages_are_cut_for_spiders_and_large_sitemaps_are_not(site: Site, tmp_path: Path) -> None:
    """A spider gets the first two mebibytes of a page, and sitemaps whole, one after another."""
    entries = "".join(ENTRY.format(site.url(f"/{n:0400}")) for n in range(5000))
    site.pages |= {
        "/map.xml": Page(200, {"Content-Type": "application/xml"}, f"<urlset>{entries}</urlset>"),
        "/bomb.gz": Page(200, {}, gzip.compress(b"<urlset>" + b" " * 60 * 1024 * 1024, 1)),
        "/long": Page(200, {}, "<html>" + "x" * 3_000_000),
    }

    async def work(room: Room) -> None:
        maps = [room.ticket(site.url("/map.xml"), robots=Robots.IGNORE) for _ in range(3)]
        await asyncio.gather(*(room.lane.fetch(one, Spider(room.watched)) for one in maps))
        assert [len(one.found) for one in maps] == [5000] * 3
        long = await room.fetcher.page(room.ticket(site.url("/long"), robots=Robots.IGNORE))
        assert len(long.body) == 2 * 1024 * 1024
        assert long.capture.payload_bytes == 3_000_006
        ticket = room.ticket(site.url("/bomb.gz"), robots=Robots.IGNORE)
        assert len((await room.fetcher.page(ticket)).body) == 50 * 1024 * 1024
        ticket.read.cancel()

    run(site, tmp_path, work)


# --- spiders that are not to be trusted ---------------------------------------------------------


class Odd(SiteSpider):
    """Find whatever a careless file may find, then fail."""

    name = "odd"

    def parse(self, response: Response) -> Iterator[Found | Requisite]:
        """Yield good and bad findings."""
        base = response.url
        yield Found(url="/relative", found_by=FoundBy.LINK, found_on=base)
        yield Found(url="http://", found_by=FoundBy.LINK, found_on=base)
        yield Found(url="http://a b/", found_by=FoundBy.LINK, found_on=base)
        yield Found(url=f"{base}/a", found_by=FoundBy.LINK)
        yield Requisite(url="/picture.png")
        yield Requisite(url=f"{base}/picture.png")
        yield Request(f"{base}/b")  # type: ignore[misc]  # what people know from Scrapy
        yield Request("http://elsewhere.example/")  # type: ignore[misc]
        yield Found(url=5, found_by=FoundBy.LINK)  # type: ignore[arg-type]


def test_a_spider_costs_its_own_findings_only(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Addresses that can be no target are left alone; a failure is told and ends no visit."""

    async def work(room: Room) -> None:
        page = site.url("/page")
        ticket = room.ticket(page, robots=Robots.IGNORE)
        with caplog.at_level(logging.ERROR):
            await room.lane.fetch(ticket, Odd(room.watched))
        assert ticket.found == [
            Found(url=f"{page}/a", found_by=FoundBy.LINK, found_on=page),
            Found(url=f"{page}/b", found_by=FoundBy.LINK, found_on=page),
        ]
        assert ticket.requisites == [f"{page}/picture.png"]
        assert ticket.visit(finished_at=AT).outcome is Outcome.OK
        assert [one.message.partition(";")[0] for one in caplog.records] == [
            "spider failed on a page"
        ]

    run(site, tmp_path, work)


class Slow(SiteSpider):
    """Read until somebody lets go."""

    name = "slow"

    def __init__(self, site: Watched) -> None:
        super().__init__(site)
        self.reading = threading.Event()
        self.enough = threading.Event()
        self.at_once = 0

    def parse(self, response: Response) -> Iterator[Found | Requisite]:
        """Find the same page over and over."""
        self.at_once += 1
        assert self.at_once == 1
        self.reading.set()
        self.enough.wait(10)
        yield Requisite(url=response.url)
        self.at_once -= 1


def test_a_spider_that_takes_its_time_holds_up_no_other_host(site: Site, tmp_path: Path) -> None:
    """The loop goes on while a page is read; pages are read one at a time."""

    async def work(room: Room) -> None:
        spider = Slow(room.watched)
        tickets = [room.ticket(site.url("/page"), robots=Robots.IGNORE) for _ in range(3)]
        lanes = [asyncio.create_task(room.lane.fetch(one, spider)) for one in tickets]
        await asyncio.to_thread(spider.reading.wait, 10)
        other = await room.fetcher.page(room.ticket(site.url("/body/empty")))
        assert other.capture.outcome is Outcome.OK
        assert not any(one.done() for one in lanes)
        spider.enough.set()
        await asyncio.gather(*lanes)
        assert [len(one.requisites) for one in tickets] == [1, 1, 1]

    run(site, tmp_path, work)


class Endless(SiteSpider):
    """Never stop finding."""

    name = "endless"

    def __init__(self, site: Watched) -> None:
        super().__init__(site)
        self.reading = threading.Event()

    def parse(self, response: Response) -> Iterator[Found | Requisite]:
        """Find the same page over and over, at leisure."""
        self.reading.set()
        while True:
            time.sleep(0.001)
            yield Requisite(url=response.url)


def test_a_visit_that_is_given_up_is_not_read_further(site: Site, tmp_path: Path) -> None:
    """The end of a worker does not wait for a spider that goes on and on."""

    async def work(room: Room) -> None:
        spider = Endless(room.watched)
        ticket = room.ticket(site.url("/page"), robots=Robots.IGNORE)
        visit = asyncio.create_task(room.lane.fetch(ticket, spider))
        await asyncio.to_thread(spider.reading.wait, 10)
        visit.cancel()
        await asyncio.gather(visit, return_exceptions=True)

    begun = time.monotonic()
    run(site, tmp_path, work)
    assert time.monotonic() - begun < 5


class Unmade(SiteSpider):
    """Fail when it is made."""

    name = "unmade"

    def __init__(self, site: Watched) -> None:
        raise KeyError(site.name)


class Scopeless(SiteSpider):
    """Fail when it is asked for its scope."""

    name = "scopeless"

    def whole_site(self) -> Watched:
        """Fail."""
        raise KeyError(self.site.name)


@pytest.mark.parametrize("kind", [Unmade, Scopeless])
def test_a_spider_that_cannot_be_made_is_a_broken_file(kind: type[SiteSpider]) -> None:
    """A constructor or a scope that raises is told like a file that does not import."""
    with pytest.raises(SpiderFileError, match=r"spiders/x\.py .* site paper \(KeyError: 'paper'\)"):
        made(kind, Watched(name="paper", spider="x"))
