"""Both lanes make the same visit: the same findings, the same records, the same endings."""

import asyncio
import gzip
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fetchroom import AT, LANES, Room, metadata, records, run
from scrapy import Request as ScrapyRequest
from scrapy.http import Response
from server import Page, Request, Site

from crawler.errors import CrawlerError
from crawler.fetch.reading import PROVEN_AFTER, QUICK, SHORT_BYTES
from crawler.fetch.ticket import Condition, Ticket
from crawler.fetch.wire import CUT_BY_US
from spiders.base import Requisite, SiteSpider
from spiders.site import Spider
from storage.model import Found, FoundBy, Outcome, Robots
from storage.model import Site as Watched
from storage.warc import reader


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve the misbehaving site."""
    with Site() as running:
        yield running


@pytest.fixture(params=LANES)
def lane(request: pytest.FixtureRequest) -> str:
    """Name the lane the visits take."""
    return str(request.param)


# --- what spiders get ---------------------------------------------------------------------------

ENTRY = "<url><loc>{}</loc></url>"
KINDS = ("application/gzip", "application/x-gzip", "application/octet-stream", "application/xml")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("coding", [{}, {"Content-Encoding": "gzip"}])
def test_a_sitemap_in_a_gzip_file_is_read(
    site: Site, tmp_path: Path, lane: str, kind: str, coding: dict[str, str]
) -> None:
    """It is unpacked whatever its type says, also where the file is called a content coding."""
    packed = gzip.compress(f"<urlset>{ENTRY.format(site.url('/a'))}</urlset>".encode())
    site.pages["/map.xml.gz"] = Page(200, {"Content-Type": kind} | coding, packed)

    async def work(room: Room) -> None:
        ticket = room.ticket(site.url("/map.xml.gz"), robots=Robots.IGNORE)
        await room.lane.fetch(ticket, Spider(room.watched))
        assert [one.url for one in ticket.found] == [site.url("/a")]

    run(site, tmp_path, work, lane=lane)


def test_pages_are_cut_for_spiders_and_large_sitemaps_are_not(
    site: Site, tmp_path: Path, lane: str
) -> None:
    """A spider gets the first two mebibytes of a page and its first tags, and sitemaps whole."""
    entries = "".join(ENTRY.format(site.url(f"/{n:0400}")) for n in range(5000))
    site.pages |= {
        "/map.xml": Page(200, {"Content-Type": "application/xml"}, f"<urlset>{entries}</urlset>"),
        "/bomb.gz": Page(200, {}, gzip.compress(b"<urlset>" + b" " * 60 * 1024 * 1024, 1)),
        "/long": Page(200, {}, "<html>" + "x" * 3_000_000),
        "/tags": Page(200, {}, "<p>" * 200_001),
    }

    async def work(room: Room) -> None:
        for path, length in (
            ("/long", 2 * 1024 * 1024),
            ("/tags", 3 * 200_000),
            ("/bomb.gz", 50 * 1024 * 1024),
        ):
            ticket = room.ticket(site.url(path), robots=Robots.IGNORE)
            assert len((await room.fetcher.page(ticket)).body) == length
            ticket.over()
        ticket = room.ticket(site.url("/map.xml"), robots=Robots.IGNORE)
        await room.lane.fetch(ticket, Spider(room.watched))
        assert len(ticket.found) == 5000

    run(site, tmp_path, work, lane=lane)


def test_one_large_page_is_read_at_a_time_until_its_visit_is_written(
    site: Site, tmp_path: Path, lane: str
) -> None:
    """Tree and findings of large pages are never held for two visits; small ones pass by."""
    site.pages |= {"/large": Page(200, {}, "<a href=/l>" * 30_000), "/small": Page(200, {}, "s")}

    async def work(room: Room) -> None:
        spider = Spider(room.watched)
        tickets = [room.ticket(site.url("/large"), robots=Robots.IGNORE) for _ in range(3)]
        waiting = {asyncio.create_task(room.lane.fetch(one, spider)) for one in tickets}
        for _ in tickets:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert len(done) == 1
            small = room.ticket(site.url("/small"), robots=Robots.IGNORE)
            await room.lane.fetch(small, spider)
            assert all(not one.done() for one in waiting)
            next(one for one in tickets if one.read.done() and not one.written.done()).over()

    run(site, tmp_path, work, lane=lane)


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
        yield ScrapyRequest(f"{base}/b")  # type: ignore[misc]  # what people know from Scrapy
        yield ScrapyRequest("http://elsewhere.example/")  # type: ignore[misc]
        yield Found(url=5, found_by=FoundBy.LINK)  # type: ignore[arg-type]


def test_a_spider_costs_its_own_findings_only(
    site: Site, tmp_path: Path, lane: str, caplog: pytest.LogCaptureFixture
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
        assert [one.url for one in ticket.requisites] == [f"{page}/picture.png"]
        assert ticket.visit(finished_at=AT).outcome is Outcome.OK
        assert [one.message.partition(";")[0] for one in caplog.records] == [
            "spider failed on a page"
        ]

    run(site, tmp_path, work, lane=lane)


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


def test_a_spider_that_takes_its_time_holds_up_no_other_host(
    site: Site, tmp_path: Path, lane: str
) -> None:
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

    run(site, tmp_path, work, lane=lane)


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


def test_a_visit_that_is_given_up_is_not_read_further(
    site: Site, tmp_path: Path, lane: str
) -> None:
    """The end of a worker does not wait for a spider that goes on and on."""

    async def work(room: Room) -> None:
        spider = Endless(room.watched)
        ticket = room.ticket(site.url("/page"), robots=Robots.IGNORE)
        visit = asyncio.create_task(room.lane.fetch(ticket, spider))
        await asyncio.to_thread(spider.reading.wait, 10)
        visit.cancel()
        await asyncio.gather(visit, return_exceptions=True)

    begun = time.monotonic()
    run(site, tmp_path, work, lane=lane)
    assert time.monotonic() - begun < 5


# --- the same pages again -----------------------------------------------------------------------


class Counting(SiteSpider):
    """Count the pages it is given."""

    name = "counting"

    def __init__(self, site: Watched) -> None:
        super().__init__(site)
        self.given: list[bytes] = []

    def parse(self, response: Response) -> Iterator[Found | Requisite]:
        """Take the page down."""
        self.given.append(response.body)
        yield from ()


def again(room: Room, before: Ticket) -> Ticket:
    """Return the next visit of what a ticket has visited, by the same spider."""
    visit = before.visit(finished_at=AT)
    ticket = room.ticket(before.target.url, robots=Robots.IGNORE)
    ticket.target = replace(ticket.target, read_as=visit.read_as)
    ticket.read_with = before.read_with
    return ticket


def test_a_page_is_read_again_when_it_or_its_reader_changed(
    site: Site, tmp_path: Path, lane: str
) -> None:
    """The same bytes are given to the same spider once; every look is kept."""
    bodies = iter([b"<p>one", b"<p>one", b"<p>two", b"<p>two"])
    site.pages["/a"] = lambda _: Page(200, {}, next(bodies) + b" of many words" * 30)

    async def work(room: Room) -> None:
        spider = Counting(room.watched)
        ticket = room.ticket(site.url("/a"), robots=Robots.IGNORE)
        ticket.read_with = "this"
        for name in ("this", "this", "this", "another"):
            ticket.read_with = name
            await room.lane.fetch(ticket, spider)
            ticket = again(room, ticket)
        assert [one[:6] for one in spider.given] == [b"<p>one", b"<p>two", b"<p>two"]

    run(site, tmp_path, work, lane=lane)
    kinds = [kind for kind, path, _ in records(tmp_path) if path == "/a" and kind != "metadata"]
    assert kinds == ["request", "response", "request", "revisit"] * 2


def test_a_page_that_leads_where_it_led_is_not_read_again(
    site: Site, tmp_path: Path, lane: str
) -> None:
    """Other tokens and words are passed over; a new link is found at the very next visit."""
    body = b"<script>var token = %d</script><p>%d readers</p><a href=/old>Old</a>"
    new = b"<a href=/new>New</a>"
    bodies = iter([body % (1, 1), body % (2, 2), body % (3, 3) + new, body % (4, 4) + new])
    site.pages["/a"] = lambda _: Page(200, {"Content-Type": "text/html"}, next(bodies))

    async def work(room: Room) -> None:
        spider = Spider(room.watched)
        ticket = room.ticket(site.url("/a"), robots=Robots.IGNORE)
        ticket.read_with = "this"
        found = []
        for _ in range(4):
            await room.lane.fetch(ticket, spider)
            found.append([one.url.rpartition("/")[2] for one in ticket.found])
            ticket = again(room, ticket)
        assert found == [["old"], [], ["old", "new"], []]

    run(site, tmp_path, work, lane=lane)


async def asked_once(room: Room, url: str, spider: SiteSpider) -> tuple[Ticket, Condition]:
    """Fetch a page of the entity tag "a"; return its ticket, and how to ask if it changed."""
    first = room.ticket(url, robots=Robots.IGNORE)
    first.read_with = "this"
    await room.lane.fetch(first, spider)
    await room.keeper.synced()
    first.placed()
    record = first.captures[-1].record
    assert record is not None
    original, fields = reader.kept_head(room.archive, record)
    return first, Condition(original=original, fields=fields, etag='"a"')


def test_what_is_not_modified_is_kept_as_a_revisit(site: Site, tmp_path: Path, lane: str) -> None:
    """A 304 stands for the payload that the request said we have, and for nothing else."""
    body = b"<p>of many words</p>" * 30

    def answer(request: Request) -> Page:
        if request.headers.get("if-none-match") == '"a"':
            return Page(304, {"ETag": '"a"'}, b"")
        return Page(200, {"ETag": '"a"'}, body)

    site.pages["/a"] = answer

    async def work(room: Room) -> None:
        spider = Counting(room.watched)
        first, condition = await asked_once(room, site.url("/a"), spider)
        assert ("ETag", '"a"') in condition.fields
        second = again(room, first)
        second.conditions[site.url("/a")] = condition
        await room.lane.fetch(second, spider)
        await room.keeper.synced()
        second.placed()
        row = second.captures[-1]
        assert (row.outcome, row.status) == (Outcome.NOT_MODIFIED, 304)
        assert row.payload_digest == first.captures[-1].payload_digest
        assert row.refers_to == first.captures[-1].record_id
        assert spider.given == [body]
        assert row.record is not None
        page = reader.page(room.archive, row.record, limit_bytes=10**6)
        assert (page.status, page.body) == (200, body)

    run(site, tmp_path, work, lane=lane)


def test_an_exchange_cut_by_the_end_of_the_worker_is_kept(
    site: Site, tmp_path: Path, lane: str
) -> None:
    """What the server saw has its record, which says that it was us; the visit is made again."""

    async def work(room: Room) -> None:
        ticket = room.ticket(site.url("/cut/body-stall"), robots=Robots.IGNORE)
        visit = asyncio.create_task(room.lane.fetch(ticket, Counting(room.watched)))
        await asyncio.to_thread(site.wait_for, "/cut/body-stall")
        await room.fetcher.close()
        with pytest.raises(CrawlerError):
            await visit

    run(site, tmp_path, work, lane=lane)
    kinds = [kind for kind, path, _ in records(tmp_path) if path == "/cut/body-stall"]
    assert kinds[0] == "request"
    assert any(f"reason: {CUT_BY_US}" in text for text in metadata(tmp_path))


@pytest.mark.parametrize("path", ["/cut/nothing-stall", "/cut/body-stall"])
def test_an_exchange_whose_visit_is_given_up_is_kept(
    site: Site, tmp_path: Path, lane: str, path: str
) -> None:
    """A worker that lost its claim waits for no answer, but what the server saw has its records."""

    async def work(room: Room) -> None:
        ticket = room.ticket(site.url(path), robots=Robots.IGNORE)
        visit = asyncio.create_task(room.lane.fetch(ticket, Counting(room.watched)))
        await asyncio.to_thread(site.wait_for, path)
        visit.cancel()
        await asyncio.gather(visit, return_exceptions=True)
        assert visit.cancelled()

    run(site, tmp_path, work, lane=lane)
    kept = [kind for kind, where, _ in records(tmp_path) if where == path]
    assert (kept[0], kept[-1]) == ("request", "metadata")
    [known] = [text for text in metadata(tmp_path) if "outcome: " in text]
    assert f"reason: {CUT_BY_US}" in known
    assert "role: target" in known
    assert "site: paper" in known
    assert site.requests(path) == 1


def test_a_redirect_that_is_given_up_says_where_it_came_from(
    site: Site, tmp_path: Path, lane: str
) -> None:
    """What is kept of the hop that was cut names the address before it and its way."""
    site.pages["/from"] = Page(302, {"Location": "/cut/body-stall"})

    async def work(room: Room) -> None:
        ticket = room.ticket(site.url("/from"), robots=Robots.IGNORE)
        visit = asyncio.create_task(room.lane.fetch(ticket, Counting(room.watched)))
        await asyncio.to_thread(site.wait_for, "/cut/body-stall")
        visit.cancel()
        await asyncio.gather(visit, return_exceptions=True)

    run(site, tmp_path, work, lane=lane)
    [known] = [text for text in metadata(tmp_path) if CUT_BY_US in text]
    assert f"via: {site.url('/from')}" in known
    assert "hopsFromSeed: R" in known


def test_a_304_of_another_page_is_not_believed(site: Site, tmp_path: Path, lane: str) -> None:
    """One that names another entity tag is kept as what came, and the page asked for whole."""
    body = b"<p>of many words</p>" * 30

    def answer(request: Request) -> Page:
        if "if-none-match" in request.headers:
            return Page(304, {"ETag": '"other"'}, b"")
        return Page(200, {"ETag": '"a"'}, body)

    site.pages["/a"] = answer

    async def work(room: Room) -> None:
        spider = Counting(room.watched)
        first, condition = await asked_once(room, site.url("/a"), spider)
        second = again(room, first)
        second.conditions[site.url("/a")] = condition
        await room.lane.fetch(second, spider)
        await room.keeper.synced()
        second.placed()
        assert [(one.status, one.refers_to is None) for one in second.captures] == [
            (304, True),
            (200, False),
        ]

    run(site, tmp_path, work, lane=lane)


def test_a_304_that_nobody_asked_for_is_no_page(site: Site, tmp_path: Path, lane: str) -> None:
    """It stands for nothing, and what it says is not taken for read."""
    site.pages["/a"] = Page(304, {"ETag": '"a"'}, b"")

    async def work(room: Room) -> None:
        ticket = room.ticket(site.url("/a"), robots=Robots.IGNORE)
        ticket.read_with = "this"
        await room.lane.fetch(ticket, Counting(room.watched))
        visit = ticket.visit(finished_at=AT)
        assert (visit.outcome, visit.read_as) == (Outcome.NOT_MODIFIED, None)

    run(site, tmp_path, work, lane=lane)


class Failing(Counting):
    """Fail at the first page."""

    name = "failing"

    def parse(self, response: Response) -> Iterator[Found | Requisite]:
        """Take the page down, and fail if it is the first."""
        yield from super().parse(response)
        if len(self.given) == 1:
            raise MemoryError


def test_a_page_whose_spider_failed_is_read_again(site: Site, tmp_path: Path, lane: str) -> None:
    """The same bytes are given to it until it has read them."""
    site.pages["/a"] = Page(200, {}, b"<p>of many words" * 30)

    async def work(room: Room) -> None:
        spider = Failing(room.watched)
        ticket = room.ticket(site.url("/a"), robots=Robots.IGNORE)
        ticket.read_with = "this"
        for _ in range(3):
            await room.lane.fetch(ticket, spider)
            ticket = again(room, ticket)
        assert len(spider.given) == 2

    run(site, tmp_path, work, lane=lane)


def test_the_same_bytes_of_another_type_are_another_page(
    site: Site, tmp_path: Path, lane: str
) -> None:
    """What came as a download and now comes as a page is read."""
    kinds = iter(["application/octet-stream", "text/html", "text/html"])
    body = b"<p>of many words" * 30
    site.pages["/a"] = lambda _: Page(200, {"Content-Type": next(kinds)}, body)

    async def work(room: Room) -> None:
        spider = Counting(room.watched)
        ticket = room.ticket(site.url("/a"), robots=Robots.IGNORE)
        ticket.read_with = "this"
        for _ in range(3):
            await room.lane.fetch(ticket, spider)
            ticket = again(room, ticket)
        assert spider.given == [b"", body]

    run(site, tmp_path, work, lane=lane)


class Noting(Counting):
    """Note in which thread each page is read; take long over one that says so."""

    name = "noting"

    def __init__(self, site: Watched) -> None:
        super().__init__(site)
        self.threads: list[bool] = []
        self.slow = threading.Event()

    def parse(self, response: Response) -> Iterator[Found | Requisite]:
        """Note the thread."""
        self.threads.append(threading.current_thread() is threading.main_thread())
        if b"slow" in response.body:
            self.slow.wait(QUICK.total_seconds() * 2)
        yield from super().parse(response)


def test_a_spider_that_was_quick_reads_short_pages_without_a_thread(
    site: Site, tmp_path: Path, lane: str
) -> None:
    """Until one takes long: then it has to show anew that it is quick."""
    site.pages |= {
        "/quick": Page(200, {}, b"<p>short"),
        "/slow": Page(200, {}, b"<p>slow"),
        "/long": Page(200, {}, b"<p>long" + b"x" * SHORT_BYTES),
    }

    async def work(room: Room) -> None:
        spider = Noting(room.watched)

        async def read(path: str) -> None:
            await room.lane.fetch(room.ticket(site.url(path), robots=Robots.IGNORE), spider)

        for _ in range(PROVEN_AFTER):
            await read("/quick")
        assert not any(spider.threads)
        spider.threads.clear()
        for path in ("/quick", "/long", "/quick", "/slow", "/quick"):
            await read(path)
        assert spider.threads == [True, False, True, True, False]

    run(site, tmp_path, work, lane=lane)
