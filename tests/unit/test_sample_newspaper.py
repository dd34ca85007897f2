"""The sample newspaper keeps the promises that a demonstration and the flow tests rely on."""

import http.client
import json
import struct
import subprocess
import sys
import threading
import urllib.robotparser
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from gzip import decompress
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree as ET

import pytest
from newspaper import HERE, Newspaper
from saltmarsh.answers import Request
from saltmarsh.edition import SECTIONS, SampleError, read_edition

FROZEN = "Tue, 31 Mar 2015 20:00:00 GMT"
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


class Reader:
    """Ask the newspaper over one connection that stays open."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=5)

    def get(self, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request("GET", path, headers=fields)
        answer = self.connection.getresponse()
        return answer, answer.read()

    def post(self, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        sent = b"" if body is None else json.dumps(body).encode()
        self.connection.request("POST", path, body=sent)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


class Links(HTMLParser):
    """Collect what a page points to."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name in {"href", "src"} and value}


@pytest.fixture
def paper() -> Iterator[Newspaper]:
    with Newspaper().serve() as newspaper:
        yield newspaper


@pytest.fixture
def reader(paper: Newspaper) -> Iterator[Reader]:
    one = Reader(paper.address)
    yield one
    one.connection.close()


def path_of(address: str) -> str:
    return urlsplit(address).path


def test_there_are_articles_enough_and_each_is_one() -> None:
    """At least 32 articles of 120 to 400 words, no headline twice, three or more in a section."""
    edition = read_edition(HERE / "articles", HERE / "held")
    articles = [*edition.articles.values(), *edition.held.values()]
    assert len(edition.articles) >= 32
    assert len({one.headline for one in articles}) == len(articles)
    assert all(120 <= len(" ".join(one.paragraphs).split()) <= 400 for one in articles)
    assert all(len(edition.listed(section)) >= 3 for section in SECTIONS)


def test_everything_a_reader_can_reach_is_there(paper: Newspaper, reader: Reader) -> None:
    """From the front page, links lead to every article, and none leads nowhere."""
    seen: dict[str, bytes] = {}
    ahead = ["/"]
    while ahead:
        path = ahead.pop()
        answer, body = reader.get(path)
        assert answer.status == 200, path
        seen[path] = body
        if answer.headers.get_content_type() == "text/html":
            for link in Links(body).found:
                whole = urlsplit(urljoin(paper.address + path, link))
                target = whole.path + (f"?{whole.query}" if whole.query else "")
                if target not in seen and target not in ahead:
                    ahead.append(target)
    assert {path_of(one) for one in paper.articles} <= seen.keys()
    assert "/section/flood-inquiry?page=1" in seen


def test_an_article_page_has_the_shape_of_a_frozen_edition(reader: Reader) -> None:
    """Headline, titles, photo, byline, date, closing note, comment form, way back to top."""
    _, body = reader.get("/node/110")
    page = body.decode()
    headline = "Two thousand lanterns for the night the water stayed away"
    for part in (
        f'<h1 class="title" id="page-title">{headline}</h1>',
        f"<title>{headline} | The Saltmarsh Courier English</title>",
        f'<meta property="og:title" content="{headline}">',
        '<img src="/sites/default/files/photo-110.png"',
        '<div class="byline">By: Linnet Farrow</div>',
        "Published Friday, October 10, 2014",
        "This article is an edited translation from the Marish edition.",
        'action="/comment/reply/110" method="post"',
        ">back to top</a>",
        "for archival purposes only",
    ):
        assert part in page, part


def test_feed_and_sitemap_lead_to_articles(paper: Newspaper, reader: Reader) -> None:
    """The site map names every article, the feed the newest, by addresses that answer."""
    sitemap = ET.fromstring(reader.get("/sitemap.xml")[1])
    listed = {loc.text for loc in sitemap.iter(f"{SITEMAP}loc")}
    assert set(paper.articles) <= listed
    feed = ET.fromstring(reader.get("/rss.xml")[1])
    assert [item.findtext("link") for item in feed.iter("item")] == paper.articles[:10]
    assert all(parsedate_to_datetime(one.text or "") for one in feed.iter("pubDate"))


def test_robots_are_asked_to_leave_the_comments_alone(paper: Newspaper, reader: Reader) -> None:
    """robots.txt allows the articles, forbids one path, and names the site map."""
    rules = urllib.robotparser.RobotFileParser()
    rules.parse(reader.get("/robots.txt")[1].decode().splitlines())
    assert rules.can_fetch("anybody", paper.address + "/node/101")
    assert not rules.can_fetch("anybody", paper.address + "/comment/reply/101")
    assert rules.site_maps() == [paper.address + "/sitemap.xml"]


def test_a_photograph_is_a_real_picture(reader: Reader) -> None:
    """Every chunk of the PNG has its right checksum, and its rows are all there."""
    answer, picture = reader.get("/sites/default/files/photo-101.png", Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] is None
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    place, chunks = 8, {}
    while place < len(picture):
        (length,) = struct.unpack_from(">I", picture, place)
        named = picture[place + 4 : place + 8 + length]
        assert struct.unpack_from(">I", picture, place + 8 + length) == (zlib.crc32(named),)
        chunks[named[:4]] = named[4:]
        place += 12 + length
    width, height = struct.unpack_from(">II", chunks[b"IHDR"])
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (1 + 3 * width)


def test_what_has_not_changed_is_not_sent_again(reader: Reader) -> None:
    """Both validators are honoured, the tag before the date, and 304 has no body."""
    whole, body = reader.get("/node/101")
    tag = whole.headers["ETag"]
    assert whole.headers["Last-Modified"] == FROZEN
    assert int(whole.headers["Content-Length"]) == len(body)
    for fresh in (
        {"If_None_Match": tag},
        {"If_None_Match": f'"other", W/{tag}'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": FROZEN},
    ):
        answer, nothing = reader.get("/node/101", **fresh)
        assert (answer.status, nothing, answer.headers["ETag"]) == (304, b"", tag), fresh
    for stale in (
        {"If_None_Match": '"other"', "If_Modified_Since": FROZEN},
        {"If_Modified_Since": "Mon, 30 Mar 2015 20:00:00 GMT"},
        {"If_Modified_Since": "yesterday"},
    ):
        assert reader.get("/node/101", **stale)[0].status == 200, stale


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, br", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0, *", None),
        ("identity", None),
        ("gzip;q=x", None),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(
    reader: Reader, accepted: str, coding: str | None
) -> None:
    """The compressed page is the same page, under a tag of its own."""
    plain, body = reader.get("/node/101")
    answer, sent = reader.get("/node/101", Accept_Encoding=accepted)
    assert answer.headers["Content-Encoding"] == coding
    assert (decompress(sent) if coding else sent) == body
    assert (answer.headers["ETag"] != plain.headers["ETag"]) == bool(coding)


def test_a_connection_serves_many_requests(reader: Reader) -> None:
    """The connection stays open through pages, missing pages, 304 and a POST."""
    reader.get("/")
    first = reader.connection.sock
    reader.get("/nowhere")
    reader.get("/node/101", If_None_Match="*")
    reader.post("/_control/edit")
    assert reader.connection.sock is first


def test_a_silent_edit_changes_one_page(paper: Newspaper, reader: Reader) -> None:
    """Two words change in the body; the page gets a new tag and date, every other keeps its own."""
    before, old = reader.get("/node/106")
    assert paper.edit() == f"{paper.address}/node/106"
    after, new = reader.get("/node/106")
    assert (
        old.replace(b"3.2 million", b"2.3 million").replace(b"Orrin Tasse", b"Ebba Mansell") == new
    )
    assert after.headers["ETag"] != before.headers["ETag"]
    age = datetime.now(UTC) - parsedate_to_datetime(after.headers["Last-Modified"])
    assert timedelta(0) <= age < timedelta(seconds=30)
    for path in ("/", "/node/105", "/section/council", "/rss.xml"):
        assert reader.get(path)[0].headers["Last-Modified"] == FROZEN, path


@pytest.mark.parametrize("status", [404, 410, 451])
def test_what_is_taken_down_comes_back_as_it_was(
    paper: Newspaper, reader: Reader, status: int
) -> None:
    """The article answers with the status, leaves lists and site map, and returns byte for byte."""
    before, old = reader.get("/node/113")
    gone = paper.take_down(status=status)
    assert reader.get("/node/113")[0].status == status
    assert gone not in reader.get("/sitemap.xml")[1].decode()
    assert b"/node/113" not in reader.get("/section/flood-inquiry")[1].split(b"sidebar")[0]
    assert paper.restore() == gone
    after, new = reader.get("/node/113")
    assert (new, after.headers["ETag"]) == (old, before.headers["ETag"])


def test_a_moved_article_is_found_at_its_new_address(paper: Newspaper, reader: Reader) -> None:
    """The old address redirects, the new one has the article, and lists name the new one."""
    to = paper.move()
    answer, _ = reader.get("/node/118")
    assert (answer.status, answer.headers["Location"]) == (301, to)
    answer, body = reader.get(path_of(to))
    assert answer.status == 200
    assert b"A bell for Tern Island" in body
    assert to in paper.articles


def test_a_published_article_stands_in_front(paper: Newspaper, reader: Reader) -> None:
    """A new article appears on the front page, in the feed and in the site map."""
    assert reader.get("/node/137")[0].status == 404
    new = paper.publish()
    assert paper.articles[0] == new
    assert reader.get("/node/137")[0].status == 200
    for path in ("/", "/section/opinion", "/rss.xml", "/sitemap.xml"):
        assert b"/node/137" in reader.get(path)[1], path


def test_what_makes_no_sense_is_refused(paper: Newspaper) -> None:
    """An edit of words that are not there, a second takedown, a return of what never left."""
    paper.take_down(113)
    for wrong in (
        lambda: paper.edit(106, [("not in it", "x")]),
        lambda: paper.edit(101),
        lambda: paper.edit(999, [("a", "b")]),
        lambda: paper.take_down(113),
        lambda: paper.take_down(114, status=500),
        lambda: paper.restore(114),
        lambda: paper.move(101, to="/node/102"),
        lambda: paper.move(101, status=200),
        lambda: paper.publish(101),
    ):
        with pytest.raises(SampleError):
            wrong()


def test_it_can_be_driven_from_the_loopback(paper: Newspaper, reader: Reader) -> None:
    """Each control does what the method of its name does, and the status says what was done."""
    for verb, body in (
        ("edit", {"node": 101, "replace": [["matchbox", "thimble"]]}),
        ("takedown", {"node": 102, "status": 410}),
        ("move", {"node": 103, "to": "/archive/berth", "status": 302}),
        ("restore", {"node": 102}),
        ("publish", None),
    ):
        assert reader.post(f"/_control/{verb}", body)[0] == 200, verb
    _, status = reader.post("/_control/status")
    assert [one["change"] for one in status["changes"]] == [
        "edit",
        "take_down",
        "move",
        "restore",
        "publish",
    ]
    assert status["moved"] == {"/node/103": "/archive/berth"}
    assert b"thimble" in reader.get("/node/101")[1]
    assert json.loads(reader.get("/_control/status")[1])["requests"] == {"/node/101": 1}


@pytest.mark.parametrize(
    "body",
    [[], {"node": "106"}, {"nodes": 106}, {"replace": [["one"]]}, {"replace": [[1, 2]]}],
)
def test_a_wish_it_does_not_understand_is_refused(reader: Reader, body: object) -> None:
    """A wrong body is answered 400 with a reason, and nothing is changed."""
    status, answer = reader.post("/_control/edit", body)
    assert status == 400
    assert answer["error"]
    assert reader.post("/_control/status")[1]["changes"] == []


def test_strangers_cannot_drive_it() -> None:
    """A control that does not come over the loopback is a page that does not exist, or closed."""
    paper = Newspaper()
    asked = Request(method="POST", target="/_control/takedown", headers={}, from_here=False)
    assert paper.answer(asked).status == 403
    assert paper.status()["changes"] == []


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def ask(paper: Newspaper, path: str) -> int:
    return paper.answer(Request(method="GET", target=path, headers={})).status


def story(paper: Newspaper) -> tuple[bool, int, int, int]:
    asked = Request(method="GET", target="/node/106", headers={})
    edited = b"Ebba Mansell" in paper.answer(asked).body
    return edited, ask(paper, "/node/113"), ask(paper, "/node/118"), ask(paper, "/node/137")


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_the_script_runs_from_the_first_article_on(speed: float) -> None:
    """However late somebody comes, the changes follow the first article at the script's times."""
    clock = Clock()
    paper = Newspaper(script=True, publishing=True, speed=speed, now=clock)
    clock.now += timedelta(hours=1)
    ask(paper, "/")
    clock.now += timedelta(hours=1)
    assert story(paper) == (False, 200, 200, 404)
    start = clock.now
    for after, expected in (
        (24.9, (False, 200, 200, 404)),
        (25.0, (True, 200, 200, 404)),
        (35.0, (True, 404, 200, 404)),
        (50.0, (True, 404, 301, 404)),
        (70.0, (True, 404, 301, 200)),
        (90.0, (True, 200, 301, 200)),
    ):
        clock.now = start + timedelta(seconds=after / speed)
        assert story(paper) == expected, after


def test_changes_missed_are_dated_to_their_time_and_a_hand_may_be_quicker() -> None:
    """Asked only at the end, it has made every change at its moment, save what was done already."""
    clock = Clock()
    paper = Newspaper(script=True, now=clock)
    ask(paper, "/node/101")
    start = clock.now
    paper.take_down()
    clock.now += timedelta(hours=1)
    assert story(paper) == (True, 200, 301, 404)
    done = [(one["change"], one["at"]) for one in paper.status()["changes"]]
    at = [(start + timedelta(seconds=after)).isoformat() for after in (0, 25, 50, 90)]
    assert done == list(zip(["take_down", "edit", "move", "restore"], at, strict=True))


def test_it_goes_on_from_its_state(tmp_path: Path) -> None:
    """Started again, it has the same changes and dates, and the rest of the script to come."""
    clock = Clock()
    state = tmp_path / "state.json"
    paper = Newspaper(script=True, state=state, now=clock)
    ask(paper, "/node/101")
    clock.now += timedelta(seconds=40)
    ask(paper, "/")
    edited = paper.answer(Request(method="GET", target="/node/106", headers={}))
    clock.now += timedelta(seconds=5)
    again = Newspaper(script=True, state=state, now=clock)
    assert story(again) == (True, 404, 200, 404)
    assert again.answer(Request(method="GET", target="/node/106", headers={})) == edited
    clock.now += timedelta(seconds=60)
    assert story(again) == (True, 200, 301, 404)


def test_it_serves_many_at_once(paper: Newspaper) -> None:
    """Eight readers at a time are answered while the edition changes under them."""
    failures: list[object] = []

    def read() -> None:
        one = Reader(paper.address)
        try:
            failures.extend(n for n in range(101, 111) if one.get(f"/node/{n}")[0].status != 200)
        except OSError as error:
            failures.append(error)
        finally:
            one.connection.close()

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    paper.edit()
    paper.take_down()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_program_needs_nothing_but_python_and_says_nothing() -> None:
    """Started without any package it announces its address, serves, and ends with 0 on SIGTERM."""
    command = [sys.executable, "-S", "-E", str(HERE / "newspaper.py"), "--port", "0", "--announce"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        address = child.stdout.readline().strip()
        reader = Reader(address)
        assert reader.get("/node/101")[0].status == 200
        reader.connection.close()
        child.terminate()
        said = child.communicate(timeout=10)
    assert (child.returncode, said) == (0, ("", ""))


def test_a_port_that_is_taken_is_told_in_a_line(paper: Newspaper) -> None:
    """A second newspaper on the same port ends with 1 and one line."""
    port = str(urlsplit(paper.address).port)
    command = [sys.executable, "-S", "-E", str(HERE / "newspaper.py"), "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
