"""What is found, what is left alone, and how a host is treated meanwhile."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from behaviours import Behaviour, Part, Pause
from newspaper import Newspaper
from papers import article, feed, index, sitemap
from server import Page, Request, Site
from service import holdfast, listing, rows

pytestmark = pytest.mark.flow

CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = ["127.0.0.0/8"]

[defaults]
every = "1h"
delay = "{delay}"
confirm = ["0.3s", "{second}"]
requisites = false
"""

COURIER = """
[[site]]
name = "courier"
start = ["{}/"]
include = ["/node/11*"]
"""


@pytest.fixture
def newspaper() -> Iterator[Newspaper]:
    with Newspaper().serve() as paper:
        yield paper


def made(folder: Path, *, delay: str = "0.005s", second: str = "0.3s", more: str = "") -> Path:
    """Make an archive that may visit the loopback."""
    holdfast("init", str(folder))
    text = CONFIGURATION.format(delay=delay, second=second)
    (folder / "holdfast.toml").write_text(text + more)
    return folder


def watched(archive: Path) -> dict[str, dict[str, object]]:
    listed = rows("watch", "list", "--archive", str(archive))
    return {str(one["url"]): one for one in listed}


def asked(newspaper: Newspaper) -> dict[str, int]:
    """Return how often each path of the newspaper was asked for."""
    requests = newspaper.status()["requests"]
    assert isinstance(requests, dict)
    return requests


def kinds(archive: Path) -> list[tuple[str, str]]:
    """Return what was told of articles, lists aside: kind and address."""
    told = ((one["kind"], one["url"]) for one in listing("events", archive))
    return sorted((kind, url) for kind, url in told if "/node/" in url)


def test_a_newspaper_is_found_from_its_start_page_and_new_articles_later(
    tmp_path: Path, newspaper: Newspaper
) -> None:
    """Every article is found and kept; what robots.txt forbids is not asked for; news is found."""
    archive = made(tmp_path / "archive")
    visit = ("visit", "--quiet", "--archive", str(archive))
    front = f"{newspaper.address}/"
    holdfast("watch", "add", "--archive", str(archive), "--site", "courier", front)
    holdfast(*visit)

    known = watched(archive)
    articles = newspaper.articles
    assert len(articles) >= 30
    assert {url: known[url]["last_outcome"] for url in articles} == dict.fromkeys(articles, "ok")
    assert known[front]["found_by"] == "start"
    assert known[f"{newspaper.address}/sitemap.xml"]["found_on"] == f"{front}robots.txt"
    for url in articles:
        assert known[url]["found_by"] in ("link", "sitemap", "feed")
        assert known[url]["found_on"] in known
    comments = [url for url in known if "/comment/" in url]
    assert comments
    assert {known[url]["last_outcome"] for url in comments} == {"blocked_robots"}
    requests = asked(newspaper)
    assert [path for path in requests if path.startswith("/comment/")] == []
    # The two fetches of a first visit: what differs between them is noise.
    assert {requests[url.removeprefix(newspaper.address)] for url in articles} == {2}

    new = newspaper.publish()
    lists = [front, f"{newspaper.address}/rss.xml", f"{newspaper.address}/sitemap.xml"]
    holdfast(*visit, *lists)
    holdfast(*visit)
    found = watched(archive)[new]
    assert (found["last_outcome"], found["found_on"] in lists) == ("ok", True)
    assert ("new_page", new) in kinds(archive)
    assert asked(newspaper)[new.removeprefix(newspaper.address)] == 2


def test_a_plain_word_of_removal_is_confirmed_at_the_second_look(
    tmp_path: Path, newspaper: Newspaper
) -> None:
    """After 410 and 451 one re-look is enough: the second delay is never waited for."""
    archive = made(tmp_path / "archive", second="1h", more=COURIER.format(newspaper.address))
    visit = ("visit", "--quiet", "--archive", str(archive))
    holdfast(*visit)
    removed = newspaper.take_down(113, status=410)
    blocked = newspaper.take_down(117, status=451)
    holdfast(*visit, "--all")
    assert kinds(archive) == [("blocked_legal", blocked), ("gone", removed)]
    told = {one["url"]: one for one in listing("events", archive)}
    for url, status in ((removed, 410), (blocked, 451)):
        assert told[url]["phase"] == "confirmed"
        assert [one["status"] for one in told[url]["looks"]] == [status, status]
        # Twice at the first visit, then the two looks that decide.
        assert asked(newspaper)[url.removeprefix(newspaper.address)] == 4


def test_two_pages_taken_down_at_once_are_no_outage_of_their_host(
    tmp_path: Path, newspaper: Newspaper
) -> None:
    """Visited alone, each is told as gone: another page, looked at as a control, is well."""
    archive = made(tmp_path / "archive", more=COURIER.format(newspaper.address))
    visit = ("visit", "--quiet", "--archive", str(archive))
    holdfast(*visit)
    lost = sorted([newspaper.take_down(113), newspaper.take_down(117)])
    holdfast(*visit, *lost)
    assert kinds(archive) == [("gone", url) for url in lost]


# --- scope and manners --------------------------------------------------------------------------


@dataclass(slots=True)
class Desk:
    """A site's answers, each written down: when it was asked for and when its end was sent."""

    at: list[tuple[str, float, float]] = field(default_factory=list)
    connections: int = 0

    def answer(self, page: Page) -> Callable[[Request], Behaviour]:
        """Return the answerer of a page that takes its time."""

        def given(request: Request) -> Behaviour:
            begun_at = time.monotonic()
            self.connections += request.number == 1

            def parts() -> Iterator[Part]:
                yield Pause(seconds=0.02)
                self.at.append((request.path, begun_at, time.monotonic()))
                yield page.render()

            return Behaviour(parts=parts)

        return given


def test_links_sitemap_and_feed_are_followed_in_scope_and_at_a_polite_pace(tmp_path: Path) -> None:
    """Each way of finding is remembered, the rest left alone, one request at a time, in pace."""
    desk, elsewhere = Desk(), Desk()
    with Site() as site, Site() as other:
        site.pages |= {
            path: desk.answer(page)
            for path, page in {
                "/robots.txt": Page(
                    200,
                    {"Content-Type": "text/plain"},
                    f"User-agent: *\nDisallow: /private/\nSitemap: {site.url('/map.xml')}\n",
                ),
                "/": index(
                    "/by-link",
                    "/private/letters",
                    "/left-out/page",
                    "/busy",
                    other.url("/far"),
                    feed="/news.rss",
                ),
                "/map.xml": sitemap(site.url("/by-sitemap"), site.url("/private/drafts")),
                "/news.rss": feed(site.url("/by-feed"), other.url("/far-too")),
                "/by-link": article("Links"),
                "/by-sitemap": article("Maps"),
                "/by-feed": article("Feeds"),
                "/left-out/page": article("Left out"),
                "/busy": Page(503, {"Retry-After": "1"}, "later"),
            }.items()
        }
        other.pages |= dict.fromkeys(("/far", "/far-too"), elsewhere.answer(article("Far")))
        more = '[[site]]\nname = "paper"\nstart = ["{}"]\nexclude = ["/left-out/*"]\n'
        archive = made(tmp_path / "archive", delay="0.15s", more=more.format(site.url("/")))
        holdfast("visit", "--quiet", "--archive", str(archive))
        found = {
            url.removeprefix(site.url("")): (one["found_by"], one["found_on"])
            for url, one in watched(archive).items()
        }
        front = site.url("/")

    assert found == {
        "/": ("start", None),
        "/map.xml": ("sitemap", f"{front}robots.txt"),
        "/news.rss": ("feed", front),
        "/by-link": ("link", front),
        "/busy": ("link", front),
        "/private/letters": ("link", front),
        "/by-sitemap": ("sitemap", f"{front}map.xml"),
        "/private/drafts": ("sitemap", f"{front}map.xml"),
        "/by-feed": ("feed", f"{front}news.rss"),
    }
    paths = [path for path, _, _ in desk.at]
    assert elsewhere.at == []
    # An article is fetched twice at its first visit: what differs then is noise.
    articles = ["/by-link", "/by-sitemap", "/by-feed"]
    once = {"/robots.txt", *found} - {"/private/letters", "/private/drafts"}
    assert sorted(paths) == sorted([*once, *articles])
    assert paths[0] == "/robots.txt"
    assert paths[-1] != "/busy"
    assert desk.connections == 1
    for (path, _, ended_at), (_, begun_at, _) in itertools.pairwise(desk.at):
        # Retry-After counts whole seconds (RFC 9110 §10.2.3).
        assert begun_at - ended_at >= (1 if path == "/busy" else 0.15)
