"""Verbs that do one thing and end: beside the service, beside each other, after a story."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from behaviours import Behaviour, Part, Pause, message
from papers import article, index
from receivers import WebReceiver, web_receiver
from server import Page, Site
from service import Service, begun, holdfast, listing, rows, verb

pytestmark = pytest.mark.flow

CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = {allowed}

[defaults]
every = "1h"
delay = "0.01s"
confirm = ["0.2s", "0.3s"]
"""

PAPER = """
[[site]]
name = "paper"
start = ["{front}"]
alerts = ["desk"]

[[alert]]
name = "desk"
channel = "webhook"
url = "{hook}"
"""


def made(folder: Path, *allowed: str, more: str = "") -> Path:
    holdfast("init", str(folder))
    text = CONFIGURATION.format(allowed=json.dumps(allowed)) + more
    (folder / "holdfast.toml").write_text(text)
    return folder


def gated(gate: threading.Event) -> Behaviour:
    """Return a page that comes when the gate is opened."""

    def parts() -> Iterator[Part]:
        while not gate.is_set():
            yield Pause(seconds=0.02)
        yield message()

    return Behaviour(parts=parts)


def test_a_one_off_hands_its_work_to_the_service_or_is_refused(tmp_path: Path, site: Site) -> None:
    """``capture`` beside the service follows it; what the service could not keep to is refused."""
    archive = made(tmp_path / "archive", site.address)
    service = Service(archive=archive).start()
    try:
        said = holdfast("capture", "--archive", str(archive), site.url("/page"))
        assert said.startswith("1 of 1 captured")
        (kept,) = service.ask("captures?limit=10&url=" + site.url("/page"))
        (visit,) = listing("visits", archive)
        assert (kept["outcome"], visit["url"]) == ("ok", site.url("/page"))
        assert visit["worker"] == "worker-1"

        asked = len(site.log)
        allowed = ("--allow-address", "127.0.0.1:9", "http://127.0.0.1:9/")
        done = verb("capture", "--archive", str(archive), *allowed)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert "stop the service first" in line
        assert len(site.log) == asked
    finally:
        assert service.end() == 0


def test_a_one_off_waits_for_another_one(tmp_path: Path, site: Site) -> None:
    """While ``capture`` holds the archive ``visit`` waits and says so, then does its own work."""
    archive = made(tmp_path / "archive", site.address)
    watched, slow = site.url("/page"), site.url("/slow")
    gate = threading.Event()
    site.pages["/slow"] = gated(gate)
    holdfast("watch", "add", "--archive", str(archive), watched)
    try:
        with begun("capture", "--archive", str(archive), slow) as first:
            site.wait_for("/slow")
            with begun("visit", "--archive", str(archive), watched) as second:
                assert second.stderr is not None
                said = second.stderr.readline()
                assert "waiting until the archive is free" in said
                assert f"process {first.pid}" in said
                assert site.requests("/page") == 0
                gate.set()
                assert first.wait(timeout=30) == 0, first.communicate()
                assert second.wait(timeout=30) == 0, second.communicate()
    finally:
        gate.set()
    made_visits = [(one["url"], one["outcome"]) for one in listing("visits", archive)]
    # A watched page is fetched twice at first: what differs between the two is noise.
    assert made_visits == [(slow, "ok"), (watched, "ok"), (watched, "ok")]


def test_a_visit_ends_though_a_page_stays_out_of_reach(tmp_path: Path, site: Site) -> None:
    """An outage is not waited for: it stays suspected, and the next run or the service goes on."""
    archive = made(tmp_path / "archive", site.address)
    page = site.url("/article")
    site.pages["/article"] = article("The mole")
    holdfast("watch", "add", "--archive", str(archive), page)
    holdfast("visit", "--quiet", "--archive", str(archive))
    site.pages["/article"] = Page(500, {}, "oops")
    with begun("visit", "--quiet", "--archive", str(archive), page) as visit:
        assert visit.wait(timeout=30) == 0, visit.communicate()
    (status,) = rows("status", "--archive", str(archive))
    (trouble,) = status["troubled"]
    assert (trouble["kind"], trouble["phase"]) == ("server_error", "suspect")
    assert trouble["next_look_at"] is not None


def test_the_watch_list_goes_round(tmp_path: Path, site: Site) -> None:
    """Add, pause, resume, remove: each is seen in the list, and paused pages are left alone."""
    archive = made(tmp_path / "archive", site.address)
    page, other = site.url("/page"), site.url("/head/folded")

    def watch(step: str, *words: str) -> dict[str, tuple[str, str]]:
        holdfast("watch", step, "--archive", str(archive), *words)
        listed = rows("watch", "list", "--archive", str(archive))
        return {one["url"]: (one["state"], one["every"]) for one in listed}

    added = watch("add", "--every", "6h", page, other)
    assert added == {page: ("active", "6h"), other: ("active", "6h")}
    assert watch("pause", page)[page] == ("paused", "6h")
    holdfast("visit", "--quiet", "--all", "--archive", str(archive))
    assert (site.requests("/page"), site.requests("/head/folded")) == (0, 2)
    assert watch("resume", page)[page] == ("active", "6h")
    assert watch("remove", page, other) == {}
    assert watch("add", page) == {page: ("active", "6h")}
    done = verb("watch", "pause", "--archive", str(archive), site.url("/unknown"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


# --- a story, asked about by every verb ---------------------------------------------------------

CAPTURE_KEYS = {"url", "captured_at", "status", "outcome", "reason", "payload_digest"}
RECORD_KEYS = {"warc_file", "warc_offset", "warc_length"}
EVENT_KEYS = {"id", "url", "kind", "captured_at", "alert", "severity"}


@dataclass(frozen=True, slots=True)
class Story:
    """An archive in which one page was edited, one taken down, and a muted one taken down."""

    archive: Path
    site: Site
    desk: WebReceiver

    @property
    def edited(self) -> str:
        return self.site.url("/edited")

    @property
    def lost(self) -> str:
        return self.site.url("/lost")

    @property
    def muted(self) -> str:
        return self.site.url("/muted")

    def say(self, *words: str, expect: int = 0) -> str:
        """Run a verb on the archive and return what it printed."""
        head, *rest = words
        return holdfast(head, *rest, "--archive", str(self.archive), expect=expect)

    def one(self, *words: str) -> dict[str, Any]:
        """Run a verb that prints one object."""
        head, *rest = words
        (found,) = rows(head, *rest, "--archive", str(self.archive))
        return found

    def event(self, kind: str, url: str) -> dict[str, Any]:
        told = listing("events", self.archive, "--url", url)
        (found,) = [one for one in told if one["kind"] == kind]
        return found


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with web_receiver() as desk, Site() as site:
        more = PAPER.format(front=site.url("/"), hook=desk.url)
        folder = tmp_path_factory.mktemp("story") / "archive"
        archive = made(folder, site.address, f"127.0.0.1:{desk.port}", more=more)
        names = ("edited", "lost", "muted")
        site.pages["/"] = index(*(f"/{name}" for name in names))
        site.pages |= {f"/{name}": article(f"The {name} article") for name in names}
        told = Story(archive, site, desk)
        told.say("visit", "--quiet")
        assert told.say("mute", told.muted) == "1 muted\n"
        site.pages["/edited"] = article("The edited article", amount="15 million")
        site.pages["/lost"] = site.pages["/muted"] = Page(404, {}, "<h1>Nothing here</h1>")
        told.say("visit", "--quiet", "--all")
        yield told


def test_the_listings_carry_what_scripts_rely_on(story: Story) -> None:
    """Every line of captures, events, visits and status is an object with its keys."""
    kept = listing("captures", story.archive)
    assert all(set(one) >= CAPTURE_KEYS | RECORD_KEYS for one in kept)
    of_lost = [one for one in kept if one["url"] == story.lost]
    assert [(one["status"], one["outcome"]) for one in of_lost] == [
        *[(200, "ok")] * 2,
        *[(404, "client_error")] * 3,
    ]
    assert listing("captures", story.archive, "--url", story.lost) == of_lost
    for one in of_lost:
        assert (story.archive / one["warc_file"]).stat().st_size > one["warc_offset"]

    events = listing("events", story.archive)
    assert all(set(one) >= EVENT_KEYS for one in events)
    told = {(one["kind"], one["url"], one["alert"]) for one in events}
    assert told == {
        ("substantive_edit", story.edited, True),
        ("gone", story.lost, True),
        ("gone", story.muted, True),
    }
    visits = listing("visits", story.archive, "--url", story.lost)
    assert [one["status"] for one in visits] == [200, 200, 404, 404, 404]
    status = story.one("status")
    assert status["totals"]["events"] == 3
    assert status["totals"]["not_yet_compared"] == 0
    assert {one["url"] for one in status["troubled"]} == {story.lost, story.muted}
    assert status["held_by"] is None


def test_one_story_is_told_shown_and_explained(story: Story) -> None:
    """Article, diff, evidence and reasons can be had by page and by event, now and as of a time."""
    edit, gone = story.event("substantive_edit", story.edited), story.event("gone", story.lost)
    assert "15 million crowns" in story.one("text", story.edited)["text"]
    # The time an event names is that of its capture.
    assert "15 million" in story.one("text", story.edited, "--at", edit["captured_at"])["text"]
    first = listing("captures", story.archive, "--url", story.edited)[0]["captured_at"]
    assert "12 million crowns" in story.one("text", story.edited, "--at", first)["text"]
    assert story.say("text", story.lost).startswith("# The lost article\n")
    for what in (story.edited, edit["id"]):
        assert "[-12-]{+15+} million" in story.one("diff", what)["diff"]
    shown = story.one("show", gone["id"])
    assert shown["before"]["status"] == 200
    assert shown["after"]["status"] == 404
    assert [one["status"] for one in shown["look_captures"]] == [404] * 3
    assert len(story.one("show", story.lost)["captures"]) == 5
    because = "\n".join(story.one("explain", gone["id"])["because"])
    assert because.count("look at ") == 3
    because = "\n".join(story.one("explain", story.lost)["because"])
    assert f"found by link on {story.site.url('/')}" in because
    assert "It is gone since" in because
    assert story.say("ack", gone["id"]) == "1 acknowledged\n"
    assert story.event("gone", story.lost)["acknowledged_at"]
    for words in (("diff", story.lost), ("text", "http://paper.example/"), ("show", "nothing")):
        assert story.say(*words, expect=1).count("\n") == 1


def test_a_muted_page_is_told_to_nobody(story: Story) -> None:
    """Its event is kept, no delivery is made; the others reach the channel, as does a test."""
    told = {
        story.event("substantive_edit", story.edited)["id"],
        story.event("gone", story.lost)["id"],
    }
    muted = story.event("gone", story.muted)["id"]
    sent = rows("alerts", "deliveries", "--archive", str(story.archive))
    assert {event for one in sent for event in one["events"]} == told
    assert {(one["alert"], one["state"], one["attempts"]) for one in sent} == {("desk", "sent", 1)}
    assert {post.headers["webhook-id"] for post in story.desk.posts} == {one["id"] for one in sent}
    assert not any(muted in post for post in story.desk.taken())

    assert story.say("mute", "--off", story.muted) == "1 told again\n"
    story.say("visit", "--quiet", story.edited)
    assert rows("alerts", "deliveries", "--archive", str(story.archive)) == sent

    listed = story.one("alerts", "list")
    assert listed == {"name": "desk", "channel": "webhook", "sites": ["paper"]}
    said = story.say("alerts", "test")
    assert "desk: taken" in said
    trial = json.loads(story.desk.posts[-1].body)
    assert [one["kind"] for one in trial["events"]] == ["test"]
