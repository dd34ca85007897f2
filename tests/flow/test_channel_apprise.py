"""Apprise, in its process of its own: what goes out, what is refused, how long it may take."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic

import pytest
from receivers import LOOPBACK, WebReceiver, free_port, silent_receiver, web_receiver

from crawler.alerts import apprise
from crawler.deliver import Channel, make_channel, trial
from crawler.errors import ConfigError, DeliveryError, DeliveryRefusedError
from crawler.fetch.guard import AddressGuard
from crawler.outbound import Door
from storage.model import Delivery

pytestmark = pytest.mark.flow

NOW = datetime(2026, 11, 22, 13, 14, 5, tzinfo=UTC)
OPEN = Door(guard=AddressGuard([LOOPBACK]))
SHUT = Door(guard=AddressGuard([]))
SECRET = "tk-5f2e8a9c"


@pytest.fixture
def receiver() -> Iterator[WebReceiver]:
    with web_receiver() as web:
        yield web


def channel(port: int, **options: object) -> Channel:
    service = f"json://user:{SECRET}@{LOOPBACK}:{port}/hook"
    return make_channel("apprise", {"service": service, "timeout": "20s", **options})


def delivery(count: int = 1, **facts: str) -> Delivery:
    given = trial("desk", now=NOW)
    event = replace(given.events[0], **facts)
    events = tuple(replace(event, id=f"ev-{n}", url=f"https://a.test/{n}") for n in range(count))
    return replace(given, id="delivery-1", events=events)


def test_one_event_is_told_with_its_evidence(receiver: WebReceiver) -> None:
    """The service gets title, summary and the way to the evidence, and nothing that it obeys."""
    channel(receiver.port).send(delivery(summary="\x1b[2J\u202ebad <b>"), OPEN)
    (post,) = receiver.posts
    told = json.loads(post.body)
    assert told["title"] == "Holdfast: test: https://a.test/0"
    assert "holdfast show --archive ARCHIVE ev-0" in told["message"]
    assert "delivery-1" in told["message"]
    assert "\\x1b[2J\\u202ebad <b>" in told["message"]


def test_many_events_are_a_line_each_by_the_template(receiver: WebReceiver) -> None:
    """A digest names its first events, weightiest first, and counts the rest."""
    way = channel(receiver.port, line="{kind} at {url}", title="{alert}: {count}")
    way.send(delivery(apprise.MOST_LINES + 5), OPEN)
    told = json.loads(receiver.posts[0].body)
    assert told["title"] == f"desk: {apprise.MOST_LINES + 5}"
    assert told["message"].count("  test at https://a.test/") == apprise.MOST_LINES
    assert "And 5 more" in told["message"]


def test_an_internal_address_is_not_connected_to(receiver: WebReceiver) -> None:
    """The address guard holds inside of Apprise's own connections."""
    with pytest.raises(DeliveryError, match="allow_addresses"):
        channel(receiver.port).send(delivery(), SHUT)
    assert receiver.posts == []


def test_a_receiver_that_refuses_is_told_without_secrets(receiver: WebReceiver) -> None:
    """The status of the answer is told; the address, with its secret, never is."""
    receiver.status = 503
    way = channel(receiver.port)
    with pytest.raises(DeliveryError, match="it answered 503") as caught:
        way.send(delivery(), OPEN)
    assert SECRET not in f"{caught.value!r} {way!r}"


def test_a_dead_receiver_and_an_unknown_service_are_told() -> None:
    """Nobody listening may be tried again; a service that is none is refused for good."""
    with pytest.raises(DeliveryError, match="did not take it"):
        channel(free_port()).send(delivery(), OPEN)
    unknown = make_channel("apprise", {"service": f"nosuchservice://{SECRET}"})
    with pytest.raises(DeliveryRefusedError, match="no such service") as caught:
        unknown.send(delivery(), OPEN)
    assert SECRET not in str(caught.value)


def test_a_silent_receiver_costs_no_more_than_the_time_out() -> None:
    """The process ends with its time, whatever the service does."""
    with silent_receiver() as port:
        began = monotonic()
        with pytest.raises(DeliveryError, match=r"within 0\.2s"):
            channel(port, timeout="0.2s").send(delivery(), OPEN)
        assert monotonic() - began < 10


def test_options_are_checked_when_they_are_read() -> None:
    """An address without a scheme, and a placeholder that is none, are refused at once."""
    with pytest.raises(ConfigError, match="tgram://TOKEN/CHAT"):
        make_channel("apprise", {"service": "token"})
    with pytest.raises(ConfigError, match=r"did you mean \{count\}"):
        make_channel("apprise", {"service": "json://host", "title": "{counts}"})
