"""Ten thousand changes at once, through mail, webhook and feed: one digest each, and none lost."""

import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from receivers import MailReceiver, WebReceiver, mail_receiver, web_receiver
from service import Service, holdfast, wait_for

from crawler import opening
from crawler.alarms import tell_events
from crawler.deliver import trial
from crawler.feed import read
from storage.model import Axis, DeliveryState, Event, Severity, Site

pytestmark = pytest.mark.flow

CHANGES = 10_000
A_STEP = 250
ALERTS = ("hook", "post", "feed")
CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = ["127.0.0.0/8"]

[[alert]]
name = "hook"
channel = "webhook"
url = "{hook}"

[[alert]]
name = "post"
channel = "email"
host = "127.0.0.1"
port = {mail}
tls = "none"
sender = "holdfast@example.org"
recipients = ["desk@example.org"]

[[alert]]
name = "feed"
channel = "feed"
path = "{feed}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An archive whose alerts go to receivers of ours."""

    archive: Path
    hook: WebReceiver
    post: MailReceiver
    feed: Path


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as ends:
        hook, post = ends.enter_context(web_receiver()), ends.enter_context(mail_receiver())
        archive, feed = tmp_path / "archive", tmp_path / "holdfast.atom"
        holdfast("init", str(archive))
        text = CONFIGURATION.format(hook=hook.url, mail=post.port, feed=feed)
        (archive / "holdfast.toml").write_text(text)
        yield Stage(archive=archive, hook=hook, post=post, feed=feed)


def _edits() -> list[Event]:
    """Make edits of as many pages; each is told now."""
    given = trial("desk", now=datetime.now(UTC)).events[0]
    made = replace(
        given,
        kind="substantive_edit",
        axis=Axis.CONTENT,
        severity=Severity.NOTICE,
        site="paper",
        summary="A sum was changed.",
        diff="It will cost [-12-] {+15+} million.",
    )
    return [replace(made, id=f"{n:032x}", url=f"https://paper.example/{n}") for n in range(CHANGES)]


def _write(stage: Stage, events: Sequence[Event]) -> None:
    """Write events and their deliveries as the reader does, some in each transaction."""
    own = opening.parts(stage.archive)
    site = Site(name="paper", alerts=ALERTS)
    try:
        for start in range(0, len(events), A_STEP):
            with own.catalogue.write() as db:
                part = events[start : start + A_STEP]
                tell_events(db, part, site=site, now=datetime.now(UTC))
    finally:
        own.catalogue.close()


def test_ten_thousand_changes_are_one_digest_and_none_is_lost(stage: Stage) -> None:
    """Killed while they come and again while they go out: each alert tells all of them, once."""
    edits = _edits()
    service = Service(archive=stage.archive).start()
    try:
        _write(stage, edits[: CHANGES // 2])
        service.end(signal.SIGKILL)
        _write(stage, edits[CHANGES // 2 :])
        service.start()
        wait_for(lambda: stage.hook.posts)
        service.end(signal.SIGKILL)
        service.start()
        wait_for(lambda: stage.post.mails and stage.feed.exists())
        wait_for(lambda: _sent(stage.archive) == set(ALERTS))
        assert service.end() == 0
    finally:
        if service.process.poll() is None:
            service.end(signal.SIGKILL)
    wanted = {one.id for one in edits}
    _hooked(stage.hook, wanted)
    _mailed(stage.post, wanted)
    _fed(stage.feed)


def _sent(archive: Path) -> set[str]:
    every = holdfast("alerts", "deliveries", "--archive", str(archive), "--json").splitlines()
    made = [json.loads(one) for one in every]
    assert len(made) <= len(ALERTS)
    return {one["alert"] for one in made if one["state"] == DeliveryState.SENT}


def _hooked(hook: WebReceiver, wanted: set[str]) -> None:
    """One delivery, however often it was posted, with every change once."""
    bodies = {post.headers["webhook-id"]: post.body for post in hook.posts}
    assert len(bodies) == 1
    assert len({post.body for post in hook.posts}) == 1
    (body,) = bodies.values()
    told = json.loads(body)
    assert told["count"] == CHANGES
    assert len(told["events"]) == CHANGES
    assert {one["id"] for one in told["events"]} == wanted


def _mailed(post: MailReceiver, wanted: set[str]) -> None:
    """One mail, a repeat of it with its id: readable above, complete in what is attached."""
    assert len({str(mail["Message-ID"]) for mail in post.mails}) == 1
    mail = post.mails[-1]
    assert mail["Subject"] == "Holdfast: 10000 events: substantive edit (10000)"
    text = mail.get_body().get_content()
    assert "And 9500 more" in text
    (attached,) = mail.iter_attachments()
    lines = attached.get_content().splitlines()
    assert len(lines) == CHANGES
    assert {json.loads(one)["id"] for one in lines} == wanted


def _fed(feed: Path) -> None:
    """One entry with a line for each change."""
    (entry,) = read(feed.read_bytes())
    assert entry.title == "10000 events: substantive edit (10000)"
    assert all(f"https://paper.example/{n}:" in entry.html for n in range(CHANGES))
    assert entry.html.count("<li>") == CHANGES


def test_a_command_that_ends_waits_for_nothing_more(stage: Stage) -> None:
    """What a one-off run finds due goes out with it, as one; what was not taken stays due."""
    stage.hook.status = 503
    _write(stage, _edits()[:30])
    holdfast("visit", "--quiet", "--archive", str(stage.archive))
    assert len(stage.hook.posts) == len(stage.post.mails) == 1
    assert _sent(stage.archive) == {"post", "feed"}
