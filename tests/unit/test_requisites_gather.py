"""Requisites over real sockets: one request at a time to a host, nothing lost when it is cut."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from behaviours import Behaviour, Part, Pause, message
from catalogues import HOUR, opened, watch
from chronicles import chronicle
from fetchroom import Room, run
from server import Page, Request, Site

from crawler.books import Books
from crawler.fetch.needs import FRAME_DEPTH, STYLE_DEPTH
from crawler.fetch.pace import PaceOverError
from crawler.fetch.requisites import Gatherer
from crawler.fetch.ticket import Ticket
from crawler.ledger import Made
from storage.catalogue import captures, claims, missing, targets
from storage.catalogue.engine import Catalogue
from storage.model import Outcome, Requisite, RequisiteKind, Role, Visit

CSS = {"Content-Type": "text/css"}
EMPTY: Mapping[str, object] = MappingProxyType({})


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        running.pages["/page"] = Page(200, {}, "<p>page</p>")
        yield running


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    kept = opened(tmp_path)
    yield kept
    kept.close()


@contextmanager
def books_of(room: Room, catalogue: Catalogue) -> Iterator[Books]:
    with ThreadPoolExecutor(1) as queries:
        yield Books(
            archive=room.archive,
            catalogue=catalogue,
            executor=queries,
            chronicle=chronicle(room.archive),
        )


async def visited(
    room: Room, books: Books, url: str, *needs: Requisite, options: Mapping[str, object] = EMPTY
) -> tuple[Ticket, Visit]:
    """Visit a page and write that down with what it names; nothing of that is fetched yet."""
    ticket, now = room.ticket(url), datetime.now(UTC)
    with books.catalogue.write() as db:
        watch(db, url)
        target = targets.by_url(db, url)
        assert target is not None
        targets.make_due(db, [target.id], at=now)
        claim = claims.claim(db, worker="w", now=now, lease=HOUR, limit=9)
    assert claim is not None
    ticket.target, ticket.site = target, replace(ticket.site, **options)
    await room.fetcher.page(ticket)
    await room.keeper.synced()
    done = ticket.visit(finished_at=datetime.now(UTC))
    made = Made(visit=done, target=target, site=ticket.site, claim=claim, requisites=needs)
    kept = await books.keep(made)
    with books.catalogue.write() as db:
        claims.release(db, claim, next_ok_at=now)
    return ticket, kept


def gatherer(room: Room) -> Gatherer:
    return Gatherer(fetcher=room.fetcher, keeper=room.keeper, pace=room.pace)


def needed(*urls: str, kind: RequisiteKind = RequisiteKind.IMAGE) -> list[Requisite]:
    return [Requisite(url=url, kind=kind) for url in urls]


class Turns:
    """Answer slowly, and know how many requests each host, and all of them, had at once."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.most_in_all = 0

    def answer(self, request: Request) -> Behaviour:
        host = request.headers["host"]

        def parts() -> Iterator[Part]:
            self.now[host] = self.now.get(host, 0) + 1
            self.most[host] = max(self.most.get(host, 0), self.now[host])
            self.most_in_all = max(self.most_in_all, sum(self.now.values()))
            yield Pause(seconds=0.03)
            self.now[host] -= 1
            yield message()

        return Behaviour(parts=parts)


def test_hosts_are_asked_side_by_side_and_each_one_at_a_time(
    site: Site, tmp_path: Path, catalogue: Catalogue
) -> None:
    """A page's requisites on two hosts come from both at once, politely from each."""
    turns = Turns()
    paths = [f"/{n}.png" for n in range(6)]
    site.pages |= dict.fromkeys(paths, turns.answer)

    async def work(room: Room) -> None:
        needs = needed(*(site.url(one, tls=tls) for one in paths for tls in (0, 1)))
        with books_of(room, catalogue) as books:
            ticket, made = await visited(room, books, site.url("/page"), *needs)
            await gatherer(room).gather(ticket, made, shelf=books)

    run(site, tmp_path, work)
    assert turns.most == {site.address: 1, site.tls_address: 1}
    assert turns.most_in_all == 2
    with catalogue.read() as db:
        kept = [one for one in captures.listing(db) if one.role is Role.REQUISITE]
        assert len(kept) == 12
        assert all(one.record is not None and one.outcome is Outcome.OK for one in kept)


def test_two_pages_at_once_fetch_what_both_need_once(
    site: Site, tmp_path: Path, catalogue: Catalogue
) -> None:
    """The second leaves what is under way to the first, and has it then."""
    site.pages |= {"/other": Page(200, {}, "x"), "/logo.png": Turns().answer}

    async def work(room: Room) -> None:
        both, logo = gatherer(room), needed(site.url("/logo.png"))
        with books_of(room, catalogue) as books:
            pages = [
                await visited(room, books, site.url(one), *logo) for one in ("/page", "/other")
            ]
            await asyncio.gather(*(both.gather(*page, shelf=books) for page in pages))
        with catalogue.read() as db:
            assert [missing.of_target(db, one.target.id) for one, _ in pages] == [[], []]

    run(site, tmp_path, work)
    assert site.requests("/logo.png") == 1


def test_what_a_cut_visit_did_not_come_to_stays_on_the_list(
    site: Site, tmp_path: Path, catalogue: Catalogue
) -> None:
    """The end of a worker keeps what came; the next visit fetches the rest, and only that."""
    gate = threading.Event()

    def slow(request: Request) -> Behaviour:
        def parts() -> Iterator[Part]:
            while not gate.is_set():
                yield Pause(seconds=0.01)
            yield message()

        return Behaviour(parts=parts)

    site.pages |= {
        "/a.css": Page(200, CSS, "p { background: url(/slow.png) } b { background: url(/b.png) }"),
        "/slow.png": slow,
        "/b.png": Page(200, {}, "b"),
    }
    page, sheet, late, rest = (site.url(one) for one in ("/page", "/a.css", "/slow.png", "/b.png"))

    async def cut(room: Room) -> None:
        with books_of(room, catalogue) as books:
            named = needed(sheet, kind=RequisiteKind.STYLE)
            ticket, made = await visited(room, books, page, *named)
            gathering = asyncio.create_task(gatherer(room).gather(ticket, made, shelf=books))
            await asyncio.to_thread(site.wait_for, "/slow.png")
            await room.fetcher.close()
            with pytest.raises(PaceOverError):
                await gathering

    async def again(room: Room) -> None:
        with books_of(room, catalogue) as books:
            ticket, made = await visited(room, books, page)
            await gatherer(room).gather(ticket, made, shelf=books)

    def left() -> dict[str, int]:
        with catalogue.read() as db:
            return {one.url: one.tries for one in missing.of_target(db, 1)}

    try:
        run(site, tmp_path / "first", cut)
    finally:
        gate.set()
    assert left() == {late: 0, rest: 0}
    run(site, tmp_path / "second", again)
    assert left() == {}
    assert [site.requests(one) for one in ("/a.css", "/slow.png", "/b.png")] == [1, 2, 1]


def test_documents_that_lead_on_for_ever_are_bounded(
    site: Site, tmp_path: Path, catalogue: Catalogue
) -> None:
    """Sheets that import ever new sheets, frames in frames in frames: a few are followed."""

    def leads_on(request: Request) -> Page:
        number = int(request.path.rpartition("-")[2]) + 1
        if request.path.startswith("/style"):
            return Page(200, CSS, f"@import '/style-{number}';")
        return Page(200, {}, f"<iframe src=/frame-{number}></iframe>")

    site.pages |= {f"/{kind}-{n}": leads_on for kind in ("style", "frame") for n in range(9)}

    async def work(room: Room) -> None:
        needs = needed(site.url("/style-0"), kind=RequisiteKind.STYLE)
        needs += needed(site.url("/frame-0"), kind=RequisiteKind.FRAME)
        with books_of(room, catalogue) as books:
            ticket, made = await visited(room, books, site.url("/page"), *needs)
            await gatherer(room).gather(ticket, made, shelf=books)

    run(site, tmp_path, work)
    asked = [one.path for one in site.log]
    assert sum(one.startswith("/style") for one in asked) == STYLE_DEPTH
    assert sum(one.startswith("/frame") for one in asked) == FRAME_DEPTH
    with catalogue.read() as db:
        listed = [one.url.removeprefix(site.url("/")) for one in missing.of_target(db, 1)]
    assert listed == ["frame-3", "style-6"]


def test_what_a_page_needs_is_listed_with_its_visit(
    site: Site, tmp_path: Path, catalogue: Catalogue
) -> None:
    """A worker killed right after writing a visit loses nothing: the next one fetches the rest."""
    site.pages["/a.png"] = Page(200, {}, "a")

    async def killed(room: Room) -> None:
        with books_of(room, catalogue) as books:
            await visited(room, books, site.url("/page"), *needed(site.url("/a.png")))

    async def again(room: Room) -> None:
        with books_of(room, catalogue) as books:  # the page is as it was, so it names nothing
            ticket, made = await visited(room, books, site.url("/page"))
            await gatherer(room).gather(ticket, made, shelf=books)

    run(site, tmp_path / "first", killed)
    assert site.requests("/a.png") == 0
    run(site, tmp_path / "second", again)
    assert site.requests("/a.png") == 1
    with catalogue.read() as db:
        assert missing.of_target(db, 1) == []


def test_an_old_requisite_is_asked_for_only_where_it_changed(
    site: Site, tmp_path: Path, catalogue: Catalogue
) -> None:
    """A 304 counts as held; of a style sheet that is as it was, the pictures are looked at anew."""
    told: list[tuple[str, str | None, str | None]] = []
    since = "Sun, 22 Nov 2026 10:00:00 GMT"

    def answer(request: Request) -> Page:
        fields = request.headers
        told.append((request.path, fields.get("if-none-match"), fields.get("if-modified-since")))
        if {"if-none-match", "if-modified-since"} & fields.keys():
            return Page(304, {}, "")
        if request.path == "/b.png":
            return Page(200, {"Last-Modified": since, "Date": since.replace("10", "11")}, "b")
        return Page(200, CSS | {"ETag": '"1"'}, "p { background: url(/b.png) }")

    site.pages |= {"/a.css": answer, "/b.png": answer}
    named = needed(site.url("/a.css"), kind=RequisiteKind.STYLE)

    async def rounds(room: Room) -> None:
        with books_of(room, catalogue) as books:
            for _ in range(3):
                options = {"conditional": True, "requisites_every": timedelta(0)}
                page = visited(room, books, site.url("/page"), *named, options=options)
                await gatherer(room).gather(*(await page), shelf=books)

    run(site, tmp_path, rounds)
    assert told == [
        ("/a.css", None, None),
        ("/b.png", None, None),
        *[("/a.css", '"1"', None), ("/b.png", None, since)] * 2,
    ]
    with catalogue.read() as db:
        assert missing.of_target(db, 1) == []
        kept = [one for one in captures.listing(db) if one.role is Role.REQUISITE]
    assert [one.refers_to is not None for one in kept] == [False, False, True, True, True, True]
    assert len({one.payload_digest for one in kept}) == 2
