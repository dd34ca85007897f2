"""Known pages visited again, by real commands: the same manners, small records, no news missed."""

import gzip
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from behaviours import Behaviour, chunk, chunked
from fastwarc.warc import ArchiveIterator
from papers import article, index
from server import Page, Request, Site
from service import holdfast, listing, rows

from storage.catalogue import targets
from storage.catalogue.engine import open_catalogue

pytestmark = pytest.mark.flow

CRAWL_DELAY = 0.1
RETRY_AFTER = 1
ROBOTS = f"User-agent: *\nDisallow: /private/\nCrawl-delay: {CRAWL_DELAY}\n"
DATE = "Wed, 01 Oct 2025 06:00:00 GMT"

CONFIGURATION = """
[network]
allow_addresses = ["{allowed}"]

[defaults]
every = "1h"
delay = "0.01s"
confirm = ["0.2s", "0.3s"]
second_look = false
{more}

[[site]]
name = "paper"
start = ["{front}"]
"""

Answer = Page | Behaviour | bytes
Served = Answer | Callable[[Request], Answer]


@dataclass(slots=True)
class Paper:
    """A site that notes when it was asked, and an archive of it."""

    site: Site
    archive: Path
    asked: list[tuple[str, float]] = field(default_factory=list)
    """Path and moment of each request, in seconds of a clock that only goes forward."""
    listed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What listings said since the last visit."""

    def serve(self, path: str, what: Served) -> None:
        """Answer a path like this from now on."""

        def answer(request: Request) -> Answer:
            self.asked.append((path, time.monotonic()))
            return what(request) if callable(what) else what

        self.site.pages[path] = answer

    def configure(self, more: str = "") -> None:
        text = CONFIGURATION.format(allowed=self.site.address, front=self.site.url("/"), more=more)
        (self.archive / "holdfast.toml").write_text(text)

    def visit(self) -> list[tuple[str, float]]:
        """Visit all there is, and return what was asked for meanwhile."""
        before = len(self.asked)
        self.listed.clear()
        holdfast("visit", "--quiet", "--all", "--archive", str(self.archive))
        return self.asked[before:]

    def say(self, verb: str, *words: str) -> str:
        return holdfast(verb, "--archive", str(self.archive), *words)

    def captures(self, path: str | None = None) -> list[dict[str, Any]]:
        return self.listing("captures", path)

    def visits(self, path: str) -> list[tuple[str, int | None]]:
        """Return how the visits to a path ended, oldest first."""
        made = sorted(self.listing("visits", path), key=lambda one: one["id"])
        return [(one["outcome"], one["status"]) for one in made]

    def events(self) -> list[tuple[str, str]]:
        """Return kind and path of all that was told."""
        start = len(self.site.url(""))
        return [(one["kind"], one["url"][start:]) for one in self.listing("events")]

    def listing(self, verb: str, path: str | None = None) -> list[dict[str, Any]]:
        """Return what a listing says of a path, or of all."""
        found = self.listed.get(verb)
        if found is None:
            found = self.listed[verb] = listing(verb, self.archive)
        return [one for one in found if path is None or one["url"] == self.site.url(path)]

    def requested(self) -> dict[str, bytes]:
        """Visit all there is, and return the last request for each path, in lower case."""
        before = len(self.site.log)
        self.visit()
        return {one.path: one.request.lower() for one in self.site.log[before:]}

    def text(self, path: str) -> str:
        (found,) = rows("text", "--archive", str(self.archive), self.site.url(path))
        return str(found["text"])

    def records(self) -> dict[str, tuple[dict[str, str], bytes]]:
        """Return header and block of every record by its id, as a second reader sees them."""
        found = {}
        for path in sorted(self.archive.glob("warc/**/*.warc.gz")):
            with path.open("rb") as stream:
                for one in ArchiveIterator(stream, parse_http=False):
                    found[one.headers["WARC-Record-ID"]] = (dict(one.headers), one.reader.read())
        return found


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    with Site() as site:
        archive = tmp_path / "archive"
        holdfast("init", str(archive))
        made = Paper(site, archive)
        made.configure()
        yield made


# --- three rounds of an ordinary site -----------------------------------------------------------

LINKED = ("/plain", "/gzip", "/chunked", "/moved", "/nothing", "/private/x")
CHANGING = ("/edited", "/lost", "/busy")


@dataclass(frozen=True, slots=True)
class Rounds:
    """A paper after three rounds, with what was asked for in each."""

    paper: Paper
    asked: tuple[list[tuple[str, float]], ...]
    read_first: set[str]
    """Paths of the pages that the spider had read when the first round was over."""


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rounds]:
    with Site() as site:
        archive = tmp_path_factory.mktemp("rounds") / "archive"
        holdfast("init", str(archive))
        paper = Paper(site, archive)
        paper.configure()
        _publish(paper)
        first = paper.visit()
        read = _read_pages(paper)
        more = article("The edited article", amount="15 million", links=("/new",))
        paper.serve("/edited", more)
        paper.serve("/new", article("The new article"))
        paper.serve("/lost", Page(404, {}, "<h1>Nothing here</h1>"))
        paper.serve("/busy", _busy_once())
        second = paper.visit()
        paper.serve("/busy", _busy_once())
        third = paper.visit()
        yield Rounds(paper, (first, second, third), read)


def _publish(paper: Paper) -> None:
    packed = gzip.compress(_body(article("The packed article")), mtime=0)
    whole = _body(article("The cut article"))
    pages: dict[str, Served] = {
        "/robots.txt": Page(200, {"Content-Type": "text/plain"}, ROBOTS),
        "/": index(*LINKED, *CHANGING),
        "/plain": article("The plain article"),
        "/gzip": Page(200, {"Content-Encoding": "gzip"}, packed),
        "/chunked": chunked(chunk(whole[:300]), chunk(whole[300:])),
        "/moved": Page(301, {"Location": "/there"}, "moved"),
        "/there": article("The article that moved"),
        "/nothing": Page(404, {}, "<h1>Never was here</h1>"),
        "/private/x": article("The private article"),
        "/edited": article("The edited article"),
        "/lost": article("The lost article"),
        "/busy": article("The busy article"),
    }
    for path, what in pages.items():
        paper.serve(path, what)


def _busy_once() -> Callable[[Request], Answer]:
    """Ask the first who comes to be left alone for a while, and answer those after it."""
    answers = iter([Page(429, {"Retry-After": str(RETRY_AFTER)}, "later")])
    well = article("The busy article")
    return lambda _: next(answers, well)


def _body(page: Page) -> bytes:
    return page.body.encode() if isinstance(page.body, str) else page.body


def _read_pages(paper: Paper) -> set[str]:
    catalogue = open_catalogue(paper.archive / "catalogue.db")
    try:
        with catalogue.read() as db:
            read = [one.url for one in targets.listing(db) if one.read_as is not None]
    finally:
        catalogue.close()
    return {url.removeprefix(paper.site.url("")) for url in read}


def test_every_round_keeps_robots_and_pace(rounds: Rounds) -> None:
    """Each round asks for robots.txt first, never for what it forbids, and keeps its delay."""
    assert rounds.read_first >= {"/", *LINKED, *CHANGING} - {"/private/x"}
    for asked in rounds.asked:
        paths = [path for path, _ in asked]
        assert paths[0] == "/robots.txt"
        assert paths.count("/robots.txt") == 1
        assert "/private/x" not in paths
        # What robots.txt asks for is known only when it has come.
        waits = [after - before for (_, before), (_, after) in pairwise(asked[1:])]
        assert min(waits) >= CRAWL_DELAY
    assert set(rounds.paper.visits("/private/x")) == {("blocked_robots", None)}


def test_a_host_that_asks_for_rest_has_it_in_every_round(rounds: Rounds) -> None:
    """After a 429 nothing of the host is asked for before its time is over."""
    for asked in rounds.asked[1:]:
        places = [place for place, (path, _) in enumerate(asked) if path == "/busy"]
        refused = places[0]
        assert len(places) > 1
        assert asked[refused + 1][1] - asked[refused][1] >= RETRY_AFTER
    assert rounds.paper.visits("/busy")[:2] == [("ok", 200), ("client_error", 429)]


def test_every_round_follows_redirects_and_keeps_each_hop(rounds: Rounds) -> None:
    """The redirect and the page behind it are asked for, and kept, at each visit."""
    for asked in rounds.asked:
        paths = [path for path, _ in asked]
        assert "/moved" in paths
        assert all(then == "/there" for path, then in pairwise(paths) if path == "/moved")
    chains: dict[int, list[tuple[str, int, int]]] = {}
    start = len(rounds.paper.site.url(""))
    for one in rounds.paper.captures():
        if one["url"].endswith(("/moved", "/there")):
            hop = (one["url"][start:], one["hop"], one["status"])
            chains.setdefault(one["visit_id"], []).append(hop)
    assert len(chains) >= 3
    assert all(one == [("/moved", 0, 301), ("/there", 1, 200)] for one in chains.values())


def test_what_is_news_is_told_once(rounds: Rounds) -> None:
    """An edit, a takedown and a new page are told in their round and not again in the next."""
    assert sorted(rounds.paper.events()) == [
        ("gone", "/lost"),
        ("new_page", "/new"),
        ("substantive_edit", "/edited"),
    ]
    assert "15 million" in rounds.paper.text("/edited")
    assert rounds.paper.visits("/lost")[0] == ("ok", 200)


def test_a_link_on_a_page_that_changed_is_found(rounds: Rounds) -> None:
    """What the spider first read in the second round is read for links like in the first."""
    second = [path for path, _ in rounds.asked[1]]
    assert "/new" in second
    assert set(rounds.paper.visits("/new")) == {("ok", 200)}


def test_what_did_not_change_is_kept_as_a_revisit_of_its_first_record(rounds: Rounds) -> None:
    """A revisit record has the payload digest of the original it names, which is whole."""
    records = rounds.paper.records()
    for path in ("/plain", "/gzip", "/chunked", "/there"):
        first, *later = rounds.paper.captures(path)
        assert first["record_type"] == "response"
        assert first["refers_to"] is None
        assert len(later) >= 2  # more where it was looked at as a control
        assert {one["record_type"] for one in later} == {"revisit"}
        for one in later:
            assert one["refers_to"] == first["record_id"]
            assert one["payload_digest"] == first["payload_digest"]
            header, _ = records[one["record_id"]]
            original, _ = records[first["record_id"]]
            assert header["WARC-Type"] == "revisit"
            assert header["WARC-Profile"].endswith("/identical-payload-digest")
            assert header["WARC-Refers-To"] == first["record_id"]
            assert header["WARC-Payload-Digest"] == original["WARC-Payload-Digest"]
            assert original["WARC-Type"] == "response"


def test_every_exchange_has_its_row_and_every_row_its_exchange(rounds: Rounds) -> None:
    """The listing and the log of the site name the same requests; what was not asked has none."""
    site = rounds.paper.site
    kept = rounds.paper.captures()
    seen = Counter(site.url(one.path) for one in site.log)
    assert Counter(one["url"] for one in kept if one["record_type"] != "none") == seen
    rest = {(one["url"], one["outcome"]) for one in kept if one["record_type"] == "none"}
    assert rest == {(site.url("/private/x"), "blocked_robots")}
    records = rounds.paper.records()
    for one in kept:
        if one["record_type"] != "none":
            assert records[one["record_id"]][0]["WARC-Type"] == one["record_type"]
    rounds.paper.say("verify")


# --- other settings in the second round ---------------------------------------------------------


def test_a_wider_scope_finds_what_old_pages_link_to(paper: Paper) -> None:
    """After `include` was widened pages that did not change are read again for their links."""
    paper.serve("/", index("/news/a", "/sport/b"))
    paper.serve("/news/a", article("News", links=("/sport/c",)))
    paper.serve("/sport/b", article("Sport"))
    paper.serve("/sport/c", article("More sport"))
    text = 'requisites = false\ninclude = ["/news/*"]'
    paper.configure(text)
    paper.visit()
    assert {path for path, _ in paper.visit()} == {"/", "/news/a"}
    paper.configure(text.replace("[", '["/sport/*", '))
    assert {path for path, _ in paper.visit()} >= {"/", "/news/a", "/sport/b", "/sport/c"}
    assert paper.captures("/news/a")[-1]["record_type"] == "revisit"


# --- conditional requests -----------------------------------------------------------------------


def validated(page: Page, etag: str) -> Served:
    """Answer 304 to who names the page's ETag, else send it with ETag and date."""
    named = {"ETag": etag, "Last-Modified": DATE}

    def answer(request: Request) -> Answer:
        if request.headers.get("if-none-match") == etag:
            return Page(304, named)
        return Page(page.status, {**page.headers, **named}, page.body)

    return answer


@dataclass(frozen=True, slots=True)
class Asked:
    """A paper of which changes alone were asked for, after four rounds."""

    paper: Paper
    requests: tuple[dict[str, bytes], ...]
    """The last request for each path of each round, in lower case."""
    texts: dict[str, str]
    """What `holdfast text` said after the third round, in which nothing had changed."""
    events: list[tuple[str, str]]
    """What had been told by then."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with Site() as site:
        archive = tmp_path_factory.mktemp("asked") / "archive"
        holdfast("init", str(archive))
        paper = Paper(site, archive)
        paper.configure("conditional = true")
        links = ("/node", "/bare", "/never", "/later", "/other")
        paper.serve("/", validated(index(*links), '"front"'))
        paper.serve("/node", validated(article("The mole"), '"one"'))
        paper.serve("/bare", article("A page without validators"))
        paper.serve("/never", Page(304, {"ETag": '"x"'}))
        paper.serve("/later", article("The later article"))
        paper.serve("/other", validated(article("The other article"), '"one"'))
        requests = [paper.requested()]
        paper.serve("/later", Page(304, {"ETag": '"x"'}))
        paper.serve("/other", Page(304, {"ETag": '"two"'}))
        requests += [paper.requested(), paper.requested()]
        texts = {path: paper.text(path) for path in ("/node", "/later")}
        events = paper.events()
        paper.serve("/node", validated(article("The mole", amount="15 million"), '"two"'))
        paper.serve("/never", validated(article("At last"), '"x"'))
        paper.serve("/later", article("The later article", amount="15 million"))
        paper.serve("/other", validated(article("The other article", amount="15 million"), '"two"'))
        requests.append(paper.requested())
        yield Asked(paper, tuple(requests), texts, events)


def test_only_a_page_that_was_read_is_asked_for_conditionally(asked: Asked) -> None:
    """From the second round on requests name what its server said of a page, as it wrote it."""
    first, *later = asked.requests
    assert not any(b"\r\nif-" in one for one in first.values())
    for requests in later:
        assert b'\r\nif-none-match: "one"\r\n' in requests["/node"]
        assert f"\r\nif-modified-since: {DATE}\r\n".lower().encode() in requests["/node"]
        for path in ("/bare", "/robots.txt"):
            assert b"\r\nif-" not in requests[path]


def test_a_304_is_kept_as_a_revisit_of_the_page(asked: Asked) -> None:
    """It refers to the record that has the page, its block is empty, its head stands beside it."""
    paper = asked.paper
    assert paper.visits("/node") == [("ok", 200), *[("not_modified", 304)] * 2, ("ok", 200)]
    first, *unchanged, _ = paper.captures("/node")
    records = paper.records()
    for one in unchanged:
        assert (one["status"], one["record_type"]) == (304, "revisit")
        assert one["refers_to"] == first["record_id"]
        assert one["payload_digest"] == first["payload_digest"]
        header, block = records[one["record_id"]]
        assert header["WARC-Profile"].endswith("/server-not-modified")
        assert block == b""
        beside = [
            block
            for named, block in records.values()
            if named.get("WARC-Concurrent-To") and named["WARC-Date"] == header["WARC-Date"]
        ]
        assert any(block.startswith(b"HTTP/1.1 304") for block in beside)
    paper.say("verify")


def test_a_304_is_no_news_and_the_page_is_still_shown(asked: Asked) -> None:
    """Nothing is suspected or told, and text and evidence are those of the page."""
    assert asked.events == []
    assert all("12 million crowns" in text for text in asked.texts.values())
    assert asked.paper.visits("/bare") == [("ok", 200)] * 4
    node = asked.paper.site.url("/node")
    (shown,) = rows("show", "--archive", str(asked.paper.archive), node)
    assert len(shown["captures"]) == 4


def test_a_page_that_changed_after_304s_is_captured_whole_and_told(asked: Asked) -> None:
    """The edit is one of the last page that came, however many looks brought only a 304."""
    edited = ("/later", "/node", "/other")
    for path in edited:
        assert asked.paper.captures(path)[-1]["record_type"] == "response"
    assert "15 million crowns" in asked.paper.text("/node")
    told = [("substantive_edit", path) for path in edited]
    assert sorted(asked.paper.events()) == told


def test_a_304_that_nobody_asked_for_stands_for_no_page(asked: Asked) -> None:
    """It is kept as it came, and the page is asked for without conditions until it comes."""
    paper = asked.paper
    assert paper.visits("/never") == [*[("not_modified", 304)] * 3, ("ok", 200)]
    assert paper.visits("/later") == [("ok", 200), *[("not_modified", 304)] * 2, ("ok", 200)]
    unasked = (*paper.captures("/never"), *paper.captures("/later"))
    assert {one["record_type"] for one in unasked} == {"response"}
    for requests in asked.requests:
        assert b"\r\nif-" not in requests["/never"] + requests["/later"]
    assert "12 million crowns" in paper.text("/never")


def test_a_304_for_another_page_than_ours_hides_nothing(asked: Asked) -> None:
    """A server that vouches for an ETag we did not name is believed for no later page."""
    first, *middle, last = asked.paper.visits("/other")
    assert first == last == ("ok", 200)
    assert set(middle) == {("not_modified", 304)}


def test_other_settings_ask_for_the_whole_page(paper: Paper) -> None:
    """A page is asked for without conditions when its spider may have more to say of it."""
    paper.serve("/", validated(index("/a", "/b"), '"front"'))
    paper.serve("/a", validated(article("A"), '"a"'))
    paper.serve("/b", validated(article("B"), '"b"'))
    paper.configure('conditional = true\nexclude = ["/b"]')
    paper.visit()
    assert b"if-none-match" in paper.requested()["/"]
    paper.configure("conditional = true")
    requests = paper.requested()
    assert not any(b"if-none-match" in one for one in requests.values())
    assert "/b" in requests
    requests = paper.requested()
    assert all(b"if-none-match" in requests[path] for path in ("/", "/a", "/b"))
