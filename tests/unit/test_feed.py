"""The Atom feed: valid, safe, and the same entry for the same event."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree

from crawler.alerts import feed as channel
from crawler.deliver import trial
from crawler.errors import DeliveryError
from crawler.feed import About, Entry, atom, digest_of, entry_of, read
from crawler.fetch.guard import AddressGuard
from crawler.outbound import Door
from storage.model import Delivery, Event

NOW = datetime(2026, 11, 22, 13, 14, 5, tzinfo=UTC)
DOOR = Door(guard=AddressGuard([]))
ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = "</title><script>alert(1)</script>]]>&amp;\x00\x1b\u202e\ud800"


def events(count: int) -> tuple[Event, ...]:
    given = trial("desk", now=NOW).events[0]
    return tuple(
        replace(
            given, id=f"{n:032x}", url=f"https://a.test/{n}", captured_at=NOW - timedelta(hours=n)
        )
        for n in range(count)
    )


def delivery(*told: Event, id_: str = "one") -> Delivery:
    return replace(trial("desk", now=NOW), id=id_, events=told)


def valid(feed: bytes) -> etree._Element:
    """Hold a feed to what RFC 4287 asks of every feed and entry (§4.1.1, §4.1.2)."""
    root = etree.fromstring(feed)
    assert root.tag == f"{ATOM}feed"
    for node in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(node.findall(f"{ATOM}{name}")) == 1
        assert node.findtext(f"{ATOM}id").startswith("urn:uuid:")
        datetime.fromisoformat(node.findtext(f"{ATOM}updated"))
    assert root.find(f"{ATOM}author/{ATOM}name").text
    for entry in root.iter(f"{ATOM}entry"):
        content = entry.findall(f"{ATOM}content")
        assert len(content) == 1
        links = [one for one in entry.findall(f"{ATOM}link") if one.get("rel") == "alternate"]
        assert len(links) <= 1
        assert links or content  # §4.1.2: an entry without content needs such a link
    ids = [one.findtext(f"{ATOM}id") for one in root.iter(f"{ATOM}entry")]
    assert len(set(ids)) == len(ids)
    return root


def test_a_feed_is_valid_newest_first_and_reads_back() -> None:
    """Whatever is written can be read by others, and by us as it was."""
    entries = [entry_of(one) for one in events(5)]
    about = About(title="Holdfast", id="urn:uuid:0", link="https://example.org/feed.atom")
    feed = atom(about, reversed(entries))
    root = valid(feed)
    assert [one.findtext(f"{ATOM}title") for one in root.iter(f"{ATOM}entry")] == [
        f"test: https://a.test/{n}" for n in range(5)
    ]
    assert read(feed) == entries
    valid(atom(about, ()))


def test_hostile_text_is_text() -> None:
    """No page writes markup, forbidden characters or addresses of other schemes into a feed."""
    event = replace(
        events(1)[0],
        summary=HOSTILE,
        site=HOSTILE,
        diff=f"[-{HOSTILE}-]",
        url="javascript:alert(1)",
    )
    root = valid(atom(About(title=HOSTILE, id="urn:uuid:0"), [entry_of(event)]))
    content = root.findtext(f"{ATOM}entry/{ATOM}content")
    assert "<script" not in content
    assert "&lt;script" in content
    assert "<del>" in content
    assert root.find(f"{ATOM}entry/{ATOM}link") is None


def test_a_digest_is_one_entry_and_loses_none() -> None:
    """Ten thousand events are one entry, with a line for each of them."""
    entry = digest_of(delivery(*events(10_000)))
    assert entry.title == "10000 events: test (10000)"
    assert entry.html.count("<li>") == 10_000
    assert entry.html.count("<ul>") == entry.html.count("</ul>") == 1
    valid(atom(About(title="x", id="urn:uuid:0"), [entry]))


def test_the_file_keeps_the_newest_and_each_once(tmp_path: Path) -> None:
    """A delivery that comes twice stands there once; the oldest make room for the newest."""
    path = tmp_path / "holdfast.atom"
    way = channel.Channel(path=str(path), entries=6)
    old, new = delivery(*events(8)[4:], id_="old"), delivery(*events(4), id_="new")
    for one in (old, new, new):
        way.send(one, DOOR)
    kept = read(path.read_bytes())
    assert [one.link for one in kept] == [f"https://a.test/{n}" for n in range(6)]
    many = delivery(*events(channel.DIGEST_FROM), id_="many")
    way.send(many, DOOR)
    assert read(path.read_bytes())[0].title.startswith("20 events")


def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """What stands in the way is told, and kept as it is; so is a folder that is not there."""
    path = tmp_path / "holdfast.atom"
    path.write_text("my thesis")
    with pytest.raises(DeliveryError, match="no feed of ours"):
        channel.Channel(path=str(path)).send(delivery(*events(1)), DOOR)
    assert path.read_text() == "my thesis"
    with pytest.raises(DeliveryError, match="cannot be written"):
        channel.Channel(path=str(tmp_path / "no" / "x.atom")).send(delivery(*events(1)), DOOR)
    with pytest.raises(ValueError, match="whole path"):
        channel.Channel(path="feed.atom")


def test_an_event_keeps_its_entry() -> None:
    """The same event has the same id in every feed, so that no reader shows it twice."""
    first, again = (entry_of(events(1)[0]) for _ in range(2))
    assert first == again
    assert isinstance(first, Entry)
