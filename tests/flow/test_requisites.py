"""A page with all it needs, on two hosts: fetched once, what is missing listed and tried again."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from behaviours import Behaviour, End, Part, Pause, message
from server import Page, Request, Site
from service import holdfast, listing, rows
from sqlalchemy import and_, select, update

from crawler import build, opening
from crawler.foreground import Foreground
from crawler.worker import Worker
from storage.catalogue import captures, missing, progress, sites, tables, targets
from storage.catalogue.engine import Connection, open_catalogue
from storage.model import Found, FoundBy, Missing, Outcome
from storage.model import Site as Watched

pytestmark = pytest.mark.flow

CONFIGURATION = """
[network]
allow_addresses = ["127.0.0.0/8"]

[defaults]
delay = "0.001s"
requisites_exclude = ["/ads/*", "*.tracker.gif"]
"""

PICTURE = {"Content-Type": "image/png"}
STYLE = {"Content-Type": "text/css"}

PAGE = """<!doctype html><html><head><title>The mole</title>
<link rel="stylesheet" href="/main.css"><link rel="icon" href="/favicon.ico">
<link rel="prefetch" href="/never/prefetched"><link rel="manifest" href="/app.webmanifest">
<link rel="preload" as="font" href="{cdn}/preloaded.woff2">
<meta property="og:image" content="{cdn}/og.png"><script src="{cdn}/script.js"></script>
<style>@import "inline.css"; body {{ background: url(inline-bg.png) }}</style></head>
<body background="/body.png"><h1>The mole</h1>
<img src="/plain.png" srcset="/small.png 1x, /large,comma.png 2x">
<picture><source srcset="/wide.webp 800w"><img src="/plain.png"></picture>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="/lazy.png" alt="">
<noscript><img src="/noscript.png"></noscript>
<div style="background-image: url('{cdn}/styled.png')" data-bg="/lazy-bg.jpg"></div>
<video poster="/poster.png" src="/never/film.mp4"><track src="/captions.vtt"></video>
<iframe src="{cdn}/frame-1.html"></iframe><object data="/drawing.svg"></object>
<input type="image" src="/button.png"><svg><use href="/sprite.svg#mark"/></svg>
<a href="/never/linked"><img src="/ads/banner.png"></a><img src="/pixel.tracker.gif">
<p>The harbour council met on Thursday evening to settle what nine years had left open.</p>
</body></html>"""

HERE = """
/main.css /favicon.ico /app.webmanifest /inline.css /inline-bg.png /body.png /plain.png /small.png
/large,comma.png /wide.webp /lazy.png /noscript.png /lazy-bg.jpg /poster.png /captions.vtt
/drawing.svg /button.png /sprite.svg /imported-1.css /imported-2.css /deep.png /font.woff2
"""
THERE = """
/preloaded.woff2 /og.png /script.js /styled.png /frame-1.html /frame-2.html /frame-3.html
/framed.css /framed.png /framed-bg.png
"""


@pytest.fixture
def cdn() -> Iterator[Site]:
    with Site() as running:
        yield running


def furnish(site: Site, cdn: Site) -> str:
    """Serve the page and all it needs; return the address of the page."""
    site.robots = cdn.robots = "User-agent: *\nAllow: /"
    site.pages |= dict.fromkeys(HERE.split(), Page(200, PICTURE, b"bytes of a picture"))
    cdn.pages |= dict.fromkeys(THERE.split(), Page(200, PICTURE, b"bytes of another picture"))
    site.pages |= {
        "/mole": Page(200, {}, PAGE.format(cdn=cdn.url(""))),
        "/main.css": Page(
            200, STYLE, '@import url("imported-1.css"); @font-face { src: url(font.woff2) }'
        ),
        "/imported-1.css": Page(200, STYLE, "@import 'imported-2.css' screen;"),
        "/imported-2.css": Page(
            200, STYLE, f"@import '/main.css'; a {{ background: url({site.url('/deep.png')}) }}"
        ),
        "/inline.css": Page(200, STYLE, ""),
        "/drawing.svg": Page(200, {"Content-Type": "image/svg+xml"}, "<svg/>"),
    }
    frame = '<iframe src="/frame-{}.html"></iframe>'
    cdn.pages |= {
        "/frame-1.html": Page(200, {}, frame.format(2) + "<link rel=stylesheet href=/framed.css>"),
        "/frame-2.html": Page(200, {}, frame.format(3) + '<img src="/framed.png">'),
        "/frame-3.html": Page(200, {}, frame.format(4)),
        "/framed.css": Page(200, STYLE, "b { background: url(/framed-bg.png) }"),
    }
    return site.url("/mole")


def made(folder: Path) -> Path:
    holdfast("init", str(folder))
    (folder / "holdfast.toml").write_text(CONFIGURATION)
    return folder


def asked(site: Site) -> dict[str, int]:
    """Return how often each path was asked for, robots.txt aside."""
    paths = [one.path for one in site.log if one.path != "/robots.txt"]
    return {path: paths.count(path) for path in paths}


@contextmanager
def catalogue_of(archive: Path) -> Iterator[Connection]:
    catalogue = open_catalogue(archive / "catalogue.db")
    with catalogue.write() as db:
        yield db
    catalogue.close()


def lacking(archive: Path, page: str) -> dict[str, Missing]:
    """Return what is listed as missing of a page, by the last part of its address."""
    with catalogue_of(archive) as db:
        target = targets.by_url(db, page)
        assert target is not None
        return {one.url.rpartition("/")[2]: one for one in missing.of_target(db, target.id)}


def later(archive: Path, *, by: timedelta) -> None:
    """Let time pass for an archive: whatever it keeps was so much earlier."""
    times = (
        tables.missing.c.next_try_at,
        tables.captures.c.captured_at,
        tables.targets.c.found_at,
        tables.targets.c.last_visit_at,
    )
    with catalogue_of(archive) as db:
        for column in times:
            table = column.table
            for row in db.execute(select(*table.primary_key, column)).all():
                keys = zip(table.primary_key, row, strict=False)
                this = and_(*(key == value for key, value in keys))
                db.execute(update(table).where(this).values({column.name: row[-1] - by}))


def test_all_that_a_page_needs_is_captured_once(tmp_path: Path, site: Site, cdn: Site) -> None:
    """Whatever form it is named in, at whatever depth, on both hosts; and nothing else."""
    archive = made(tmp_path / "archive")
    page = furnish(site, cdn)
    holdfast("capture", "--archive", str(archive), page)
    assert asked(site) == dict.fromkeys(["/mole", *HERE.split()], 1)
    assert asked(cdn) == dict.fromkeys(THERE.split(), 1)
    kept = {one["url"] for one in listing("captures", archive) if one["role"] == "requisite"}
    assert kept == {
        *(site.url(one) for one in HERE.split()),
        *(cdn.url(one) for one in THERE.split()),
    }
    reasons = {name: one.reason for name, one in lacking(archive, page).items()}
    assert set(reasons) == {"banner.png", "pixel.tracker.gif", "film.mp4", "frame-4.html"}
    assert "'/ads/*' of requisites_exclude" in reasons["banner.png"]
    assert "requisites_media" in reasons["film.mp4"]

    holdfast("capture", "--archive", str(archive), page)
    assert asked(site) == dict.fromkeys(HERE.split(), 1) | {"/mole": 2}
    assert asked(cdn) == dict.fromkeys(THERE.split(), 1)


def test_what_is_missing_is_listed_and_tried_again_until_it_is_had(
    tmp_path: Path, site: Site, cdn: Site
) -> None:
    """A broken picture of an unchanged page comes back when its time has come, not before."""
    archive = made(tmp_path / "archive")
    page = furnish(site, cdn)
    holdfast("watch", "add", "--archive", str(archive), page)
    visit = ("visit", "--all", "--quiet", "--archive", str(archive))
    site.pages["/plain.png"] = Page(503, {}, "later")
    site.pages["/deep.png"] = Page(404, {}, "gone")
    cdn.pages["/og.png"] = Behaviour(parts=lambda: [b"no HTTP"], end=End.CLOSE)
    holdfast(*visit)
    before = lacking(archive, page)
    told = {name: (one.outcome, one.status) for name, one in before.items()}
    assert told["plain.png"] == ("server_error", 503)
    assert told["deep.png"] == ("client_error", 404)
    assert told["og.png"] == ("not_http", None)
    assert before["deep.png"].via == site.url("/imported-2.css")

    furnish(site, cdn)
    holdfast(*visit)
    assert (site.requests("/plain.png"), site.requests("/deep.png")) == (1, 1)
    later(archive, by=timedelta(minutes=61))
    cdn.pages["/og.png"] = Page(500, {}, "still")
    holdfast(*visit)
    assert (site.requests("/plain.png"), site.requests("/deep.png")) == (2, 2)
    after = lacking(archive, page)
    assert {"plain.png", "deep.png"} & set(after) == set()
    assert (after["og.png"].tries, after["og.png"].outcome) == (2, Outcome.SERVER_ERROR)
    wait = after["og.png"].next_try_at - datetime.now(UTC)
    assert timedelta(hours=5) < wait <= timedelta(hours=6)

    (whole,) = rows("coverage", "--archive", str(archive))
    assert (whole["targets"], whole["held"], whole["never_had"]) == (1, 1, 0)
    assert (whole["requisites"], whole["missing"]) == (31, 5)
    listed = rows("coverage", "--archive", str(archive), "--url", page)
    told = {one["url"].rpartition("/")[2]: one["tries"] for one in listed}
    assert told == {name: one.tries for name, one in after.items()}


def test_a_picture_is_fetched_again_when_it_is_old(tmp_path: Path, site: Site) -> None:
    """After a week it is looked at anew, once for all pages that need it, be they unchanged."""
    archive = made(tmp_path / "archive")
    page = Page(200, {}, '<title>The mole</title><img src="/picture.png">')
    site.pages |= {"/one": page, "/two": page, "/picture.png": Page(200, PICTURE, b"first")}
    capture = ("capture", "--archive", str(archive), site.url("/one"), site.url("/two"))
    holdfast(*capture)
    holdfast(*capture)
    assert site.requests("/picture.png") == 1
    later(archive, by=timedelta(days=7))
    site.pages["/picture.png"] = Page(200, PICTURE, b"second")
    holdfast(*capture)
    assert site.requests("/picture.png") == 2
    (first, second) = listing("captures", archive, "--url", site.url("/picture.png"))
    assert first["payload_digest"] != second["payload_digest"]


def test_a_run_waits_for_what_its_pages_need(tmp_path: Path, site: Site) -> None:
    """All is visited and compared, and one picture is on its way: the run goes on until it is had.

    Then nothing of the worker is left: no thread, no connection to the catalogue.
    """
    gate, idle = threading.Event(), itertools.count(1)

    def picture(_: Request) -> Behaviour:
        def parts() -> Iterator[Part]:
            while not gate.is_set():
                yield Pause(seconds=0.01)
            yield message()

        return Behaviour(parts=parts)

    site.pages |= {"/mole": Page(200, {}, '<img src="/picture.png">' * 30), "/picture.png": picture}
    own = opening.parts(made(tmp_path / "archive"))
    now = datetime.now(UTC)
    with own.catalogue.write() as db:
        sites.put(db, [Watched(name="paper", delay=timedelta(0))])
        page = Found(url=site.url("/mole"), found_by=FoundBy.USER)
        targets.add(db, [page], site="paper", now=now, due_at=now)

    def busy() -> bool:
        with own.catalogue.read() as db:
            of_run = progress.of_run(db, since=now, now=datetime.now(UTC), ids=None)
        if of_run.due or of_run.unread or not site.requests("/picture.png"):
            return True
        if next(idle) == 3:  # a run that ended with the page would not have asked again
            gate.set()
        return False

    async def run() -> Worker:
        with build.reader(own) as reader:
            worker = build.worker(own, name="w")
            await Foreground(worker=worker, reader=reader, busy=busy).run()
        return worker

    worker = asyncio.run(asyncio.wait_for(run(), 60))
    with own.catalogue.read() as db:
        kept = {one.url: one.outcome for one in captures.listing(db)}
    assert kept[site.url("/picture.png")] is Outcome.OK
    own.catalogue.close()
    names = [one.name for one in threading.enumerate()]
    assert [one for one in names if one.startswith(("sync", "catalogue"))] == []
    assert [one for one in open_files() if "catalogue.db" in one] == [], worker.name


def open_files() -> Iterator[str]:
    """Yield the names of the files that this process has open."""
    for one in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            yield str(one.readlink())
