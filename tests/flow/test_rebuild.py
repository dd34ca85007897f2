"""The catalogue is made anew from WARC files, journal and configuration, and says the same."""

import json
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from papers import article, index
from receivers import web_receiver
from server import Page, Site
from service import Service, holdfast, listing, rows, wait_for

from storage.archive import Archive, hold
from storage.catalogue import captures, texts
from storage.catalogue.engine import open_catalogue
from storage.model import Article

pytestmark = pytest.mark.flow

CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = ["127.0.0.0/8"]

[defaults]
every = "1h"
delay = "0.01s"
confirm = {confirm}
robots = "obey"

[[site]]
name = "paper"
start = ["{front}"]
exclude = ["/private/*"]
"""
DESK = """
alerts = ["desk"]

[[alert]]
name = "desk"
channel = "webhook"
url = "{url}"
"""
QUICK, SLOW = '["0.1s", "0.1s"]', '["1h", "1h"]'
ROW_NUMBERS = frozenset({"id", "visit_id", "capture_id", "before_capture_id"})
"""They name rows, and a catalogue made anew has others; the ids of events are none."""


class Story:
    """A small site and an archive of it, to which things happen."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.archive = folder / "archive"
        holdfast("init", str(self.archive))
        self.configure(QUICK)

    def configure(self, confirm: str) -> None:
        text = CONFIGURATION.format(confirm=confirm, front=self.site.url("/"))
        (self.archive / "holdfast.toml").write_text(text)

    def verb(self, *words: str, expect: int | None = 0) -> str:
        name, *rest = words
        more = [rest.pop(0)] if name == "watch" else []
        return holdfast(name, *more, "--archive", str(self.archive), *rest, expect=expect)

    def visit(self, *paths: str) -> None:
        urls = [self.site.url(path) for path in paths] or ["--all"]
        self.verb("visit", *urls, expect=None)

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in listing("events", self.archive) if one["kind"] == kind]

    def texts(self) -> dict[str, Article | None]:
        """Return the article of every capture that was read."""
        catalogue = open_catalogue(self.archive / "catalogue.db")
        with closing(catalogue), catalogue.read() as db:
            return {
                f"{one.record_id}": texts.of_capture(db, one.id) for one in captures.listing(db)
            }

    def sent(self) -> list[dict[str, Any]]:
        """Return what was sent, without what its tries were planned for."""
        listed = rows("alerts", "deliveries", "--archive", str(self.archive))
        return [one | {"next_try_at": None} for one in listed if one["state"] == "sent"]

    def told(self) -> dict[str, Any]:
        """Return all that listings say, without the numbers of rows."""
        watched = holdfast("watch", "list", "--archive", str(self.archive), "--json")
        status = json.loads(self.verb("status", "--json"))
        status.pop("disk_free_bytes")
        return {
            "captures": same(listing("captures", self.archive)),
            "visits": same(listing("visits", self.archive)),
            "events": numberless(listing("events", self.archive)),
            "watched": same([json.loads(line) for line in watched.splitlines()]),
            "texts": self.texts(),
            "status": status,
        }


def numberless(value: Any) -> Any:
    if isinstance(value, dict):
        events = "kind" in value and "severity" in value and "routing" in value
        named = ROW_NUMBERS - {"id"} if events else ROW_NUMBERS
        return {key: numberless(part) for key, part in value.items() if key not in named}
    return [numberless(part) for part in value] if isinstance(value, list) else value


def same(rows: list[dict[str, Any]]) -> list[str]:
    """Return rows without their numbers, in an order of their own."""
    return sorted(json.dumps(numberless(one), sort_keys=True) for one in rows)


@pytest.fixture
def story(site: Site, tmp_path: Path) -> Story:
    """Let an edit, a takedown, a suspicion and what else there is happen to a small site."""
    site.robots = "User-agent: *\nDisallow: /closed"
    names = ("/edited", "/lost", "/kept", "/closed", "/doubted")
    site.pages |= {name: article(name) for name in names}
    site.pages["/"] = index(*names, "/moving")
    site.pages["/moving"] = Page(302, {"Location": "/kept"}, "")
    pictures = '<img src="/a.png"><img src="/b.png"></article>'
    kept = str(article("/kept").body).replace("</article>", pictures)
    site.pages["/kept"] = Page(200, {}, kept)
    site.pages["/a.png"] = Page(200, {"Content-Type": "image/png"}, b"\x89PNG" + b"x" * 400)
    site.pages["/b.png"] = Page(404, {}, "none")
    made = Story(site, tmp_path)
    made.visit()
    made.visit()
    site.pages["/new"] = article("/new")
    site.pages["/"] = index(*names, "/moving", "/new")
    site.pages["/edited"] = article("/edited", amount="19 million")
    site.pages["/lost"] = Page(404, {}, "gone")
    made.visit("/", "/edited", "/lost", "/kept")
    site.pages["/private/page"] = article("/private/page")
    made.verb("watch", "add", site.url("/private/page"))
    made.verb("capture", site.url("/private/once"), expect=None)
    made.verb("visit")
    (gone,) = made.events("gone")
    made.verb("ack", gone["id"])
    made.verb("mute", site.url("/kept"))
    made.verb("watch", "pause", site.url("/moving"))
    made.configure(SLOW)
    site.pages["/doubted"] = Page(404, {}, "gone")
    made.verb("capture", site.url("/doubted"), expect=None)
    return made


def test_a_rebuilt_catalogue_says_the_same_and_goes_on_as_before(story: Story) -> None:
    """All listings agree, no event is told anew, and a suspicion is confirmed where it stood."""
    before = story.told()
    index = {one: one.read_bytes() for one in (story.archive / "index").iterdir()}
    for one in index:
        one.unlink()
    (story.archive / "catalogue.db").write_bytes(b"no database at all")
    with hold(Archive(story.archive)):
        assert "in use" in story.verb("rebuild", expect=75)
    said = json.loads(story.verb("rebuild", "--json"))
    assert (said["damaged"], said["unread"]) == (0, 0)
    assert (story.archive / said["old"]).read_bytes() == b"no database at all"
    assert {one: one.read_bytes() for one in (story.archive / "index").iterdir()} == index
    after = story.told()
    for what, told in before.items():
        assert after[what] == told, what
    assert sum(one is not None for one in after["texts"].values()) >= 5

    known = {one["id"] for one in listing("events", story.archive)}
    story.configure(QUICK)
    story.site.pages["/new"] = article("/new", amount="7 million")
    story.visit()
    new = {one["kind"]: one for one in listing("events", story.archive) if one["id"] not in known}
    assert sorted(new) == ["gone", "substantive_edit"]
    assert new["substantive_edit"]["before_capture_id"] is not None
    first = [one for one in listing("captures", story.archive) if one["status"] == 404]
    doubted = [one for one in first if one["url"].endswith("/doubted")]
    assert new["gone"]["captured_at"] == doubted[0]["captured_at"]
    assert len(new["gone"]["looks"]) == 3
    (pictures, *_) = [one for one in first if one["url"].endswith("/b.png")]
    assert pictures["role"] == "requisite"
    kept = [one for one in listing("captures", story.archive) if one["url"].endswith("/kept")]
    assert kept[-1]["record_type"] == "revisit"


def test_what_is_damaged_is_named_and_all_else_is_rebuilt(site: Site, tmp_path: Path) -> None:
    """A flipped bit costs its own answer; a rebuild may be made again and again."""
    site.pages |= {"/one": article("/one"), "/two": article("/two")}
    story = Story(site, tmp_path)
    story.verb("capture", site.url("/one"), site.url("/two"))
    before = listing("captures", story.archive)
    (hurt,) = [one for one in before if one["url"].endswith("/one")]
    file = story.archive / hurt["warc_file"]
    data = bytearray(file.read_bytes())
    data[hurt["warc_offset"] + hurt["warc_length"] // 2] ^= 4
    file.write_bytes(data)
    (story.archive / "catalogue.db").unlink()
    (story.archive / "catalogue.db.rebuilding").write_bytes(b"the rest of one that died")
    for _ in range(2):
        said = story.verb("rebuild", expect=1)
        assert f"{hurt['warc_file']}:{hurt['warc_offset']}: " in said
        lost = {one["url"]: one for one in listing("captures", story.archive)}
        one = lost.pop(hurt["url"])
        assert (one["outcome"], one["reason"]) == ("truncated", "its record is damaged")
        assert (one["warc_file"], one["role"]) == (None, "target")
        assert same([*lost.values()]) == same([one for one in before if one != hurt])
    assert len(list(story.archive.glob("catalogue.db*"))) == 2


def test_what_the_service_left_out_and_what_it_sent_are_known_again(
    site: Site, tmp_path: Path
) -> None:
    """A stop is told with its cause as before, and nobody is told twice what was told once."""
    site.pages |= {"/": index("/page"), "/page": article("/page")}
    story = Story(site, tmp_path)
    with web_receiver() as desk:
        text = (story.archive / "holdfast.toml").read_text().replace('"1h"', '"1s"', 1)
        (story.archive / "holdfast.toml").write_text(text + DESK.format(url=desk.url))
        service = Service(archive=story.archive).start()
        site.wait_for("/page", 2)
        site.pages["/page"] = article("/page", amount="19 million")
        wait_for(lambda: desk.posts)
        assert service.end() == 0
        stopped = len(listing("visits", story.archive))
        wait_for(lambda: len(listing("visits", story.archive, "--gaps")) > 1)
        service.start()
        wait_for(lambda: len(listing("visits", story.archive)) > stopped + 2)
        assert service.end(signal.SIGKILL) == -signal.SIGKILL
        service.start()
        assert service.end() == 0

        before, sent = story.told(), story.sent()
        causes = {one["cause"] for one in before["status"]["visits"]["not_made"]}
        assert "not_running" in causes
        (story.archive / "catalogue.db").unlink()
        story.verb("rebuild")
        after = story.told()
        for what in ("visits", "events"):
            assert after[what] == before[what], what
        assert story.sent() == sent
        posts = len(desk.posts)
        assert posts == len(sent) > 0
        service.start()
        wait_for(lambda: service.metric("holdfast_unread_visits") == 0)
        assert service.end() == 0
        assert len(desk.posts) == posts
