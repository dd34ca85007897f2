"""The one way to the wire: robots, redirects, pace and records, over real sockets."""

import asyncio
import gzip
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fetchroom import Room, records, run
from server import Page, Site

from crawler.fetch.fetcher import hops_from_seed
from storage.model import Outcome, Robots, Role

TEXT = {"Content-Type": "text/plain"}
FORBIDDEN = "User-agent: *\nDisallow: /"


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve the misbehaving site."""
    with Site() as running:
        yield running


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
    assert hops == ["", "R", "RR", "E", "ER", "ERR", "", "", "R"]


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
