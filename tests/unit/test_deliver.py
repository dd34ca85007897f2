"""Hold the step from due deliveries to sent ones to its claims, over a real catalogue."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from receivers import LOOPBACK, WebReceiver, free_port, web_receiver

from crawler.alerts.log import Channel as Log
from crawler.alerts.webhook import Channel as Webhook
from crawler.deliver import (
    FIRST_DELAY,
    LONGEST_DELAY,
    MOST_ATTEMPTS,
    Delivered,
    channel_names,
    deliver_due,
    make_channel,
    next_try,
    option_names,
    trial,
)
from crawler.errors import ConfigError
from crawler.fetch.guard import AddressGuard
from crawler.outbound import Door
from storage.catalogue import deliveries, events
from storage.catalogue.engine import Catalogue, open_catalogue
from storage.model import Delivery, DeliveryState

NOW = datetime(2026, 11, 22, 13, 14, 5, tzinfo=UTC)
OPEN = Door(guard=AddressGuard([LOOPBACK]))


class Broken:
    """A channel whose code has a fault."""

    def send(self, delivery: Delivery, door: Door, /) -> None:
        raise ZeroDivisionError("of its\x1b own")


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """Give a real catalogue with nothing in it."""
    opened = open_catalogue(tmp_path / "catalogue.db")
    yield opened
    opened.close()


@pytest.fixture
def receiver() -> Iterator[WebReceiver]:
    """Give a web receiver that is well."""
    with web_receiver() as web:
        yield web


def enqueue(catalogue: Catalogue, name: str, *alerts: str, at: datetime = NOW) -> None:
    event = replace(trial("desk", now=NOW).events[0], id=name, url=f"https://a.test/{name}")
    with catalogue.write() as db:
        events.put(db, event)
        deliveries.enqueue(db, event, alerts=alerts, at=at, gather=False)


def rows(catalogue: Catalogue) -> dict[str, Delivery]:
    """Return every delivery by the id of its event."""
    with catalogue.read() as db:
        return {one.events[0].id: one for one in deliveries.listing(db)}


def posted(receiver: WebReceiver) -> list[str]:
    """Return the ids of the events that were posted, in order."""
    return [event["id"] for post in receiver.posts for event in json.loads(post.body)["events"]]


def test_what_is_due_is_sent_once_in_its_order(catalogue: Catalogue, receiver: WebReceiver) -> None:
    """Oldest first; what is not due yet waits, what was sent is not sent again."""
    enqueue(catalogue, "second", "desk", at=NOW - timedelta(minutes=1))
    enqueue(catalogue, "first", "desk", at=NOW - timedelta(minutes=2))
    enqueue(catalogue, "later", "desk", at=NOW + timedelta(minutes=1))
    channels = {"desk": Webhook(url=receiver.url)}
    assert deliver_due(catalogue, channels, door=OPEN, now=NOW) == Delivered(sent=2)
    assert deliver_due(catalogue, channels, door=OPEN, now=NOW) == Delivered()
    assert posted(receiver) == ["first", "second"]
    kept = rows(catalogue)
    assert kept["first"].state is DeliveryState.SENT
    sent_at = kept["first"].sent_at
    assert sent_at is not None
    assert NOW <= sent_at < NOW + timedelta(seconds=5)
    assert kept["later"].state is DeliveryState.PENDING


def test_a_dead_channel_holds_up_no_other_and_keeps_its_order(
    catalogue: Catalogue, receiver: WebReceiver
) -> None:
    """The other alert is told at once; the dead one rests, then tells all in the first order."""
    for number in range(3):
        enqueue(catalogue, f"dead-{number}", "dead", at=NOW - timedelta(minutes=9 - number))
        enqueue(catalogue, f"desk-{number}", "desk", at=NOW - timedelta(minutes=9 - number))
    dead = Webhook(url=f"http://{LOOPBACK}:{free_port()}/")
    channels = {"dead": dead, "desk": Webhook(url=receiver.url)}
    assert deliver_due(catalogue, channels, door=OPEN, now=NOW) == Delivered(sent=3, failed=1)
    assert posted(receiver) == ["desk-0", "desk-1", "desk-2"]
    head = rows(catalogue)["dead-0"]
    assert (head.attempts, head.state) == (1, DeliveryState.PENDING)
    assert f"no delivery to {LOOPBACK}" in head.last_error

    enqueue(catalogue, "dead-3", "dead", at=NOW)
    soon = NOW + timedelta(seconds=1)
    assert deliver_due(catalogue, channels, door=OPEN, now=soon) == Delivered()

    receiver.posts.clear()
    channels["dead"] = Webhook(url=receiver.url)
    assert deliver_due(catalogue, channels, door=OPEN, now=head.next_try_at) == Delivered(sent=4)
    assert posted(receiver) == ["dead-0", "dead-1", "dead-2", "dead-3"]


def test_a_long_queue_of_a_dead_channel_starves_no_other(
    catalogue: Catalogue, receiver: WebReceiver
) -> None:
    """More waiting deliveries than a pass takes do not keep another alert from its turn."""
    for number in range(120):
        enqueue(catalogue, f"dead-{number}", "dead", at=NOW - timedelta(minutes=200 - number))
    enqueue(catalogue, "desk", "desk")
    dead = Webhook(url=f"http://{LOOPBACK}:{free_port()}/")
    channels = {"dead": dead, "desk": Webhook(url=receiver.url)}
    for second in range(2):
        deliver_due(catalogue, channels, door=OPEN, now=NOW + timedelta(seconds=second))
    assert posted(receiver) == ["desk"]
    assert sum(one.attempts for one in rows(catalogue).values()) == 2


def test_a_delivery_that_is_not_wanted_lets_the_next_ones_pass(
    catalogue: Catalogue, receiver: WebReceiver
) -> None:
    """A receiver that answers 400 to one delivery still gets the others, and that one again."""
    enqueue(catalogue, "one", "desk", at=NOW - timedelta(minutes=1))
    channels = {"desk": Webhook(url=receiver.url)}
    receiver.status = 400
    assert deliver_due(catalogue, channels, door=OPEN, now=NOW) == Delivered(failed=1)
    receiver.status = 200
    enqueue(catalogue, "two", "desk")
    soon = NOW + timedelta(seconds=1)
    assert deliver_due(catalogue, channels, door=OPEN, now=soon) == Delivered(sent=1)
    late = NOW + timedelta(minutes=1)
    assert deliver_due(catalogue, channels, door=OPEN, now=late) == Delivered(sent=1)
    assert posted(receiver) == ["one", "two", "one"]
    first, _, third = receiver.posts
    assert first.headers["webhook-id"] == third.headers["webhook-id"]


def test_a_channel_that_breaks_is_told_and_its_delivery_kept(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault in a channel's code leaves a traceback in the log and the delivery in its row."""
    enqueue(catalogue, "one", "desk", "book")
    channels = {"desk": Broken(), "book": Log()}
    assert deliver_due(catalogue, channels, door=OPEN, now=NOW) == Delivered(sent=1, failed=1)
    assert [record for record in caplog.records if record.exc_info and record.levelname == "ERROR"]
    with catalogue.read() as db:
        (kept,) = deliveries.listing(db, alert="desk")
    assert kept.state is DeliveryState.PENDING
    assert kept.last_error == "ZeroDivisionError: of its\\x1b own"


def test_what_was_tried_too_often_is_given_up_loudly(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    """After about three days the delivery ends as given up, and an ERROR says that nobody knows."""
    enqueue(catalogue, "one", "dead")
    channels = {"dead": Webhook(url=f"http://{LOOPBACK}:{free_port()}/")}
    now, given_up = NOW, 0
    while not given_up:
        given_up = deliver_due(catalogue, channels, door=OPEN, now=now).given_up
        now = max(now, rows(catalogue)["one"].next_try_at)
    kept = rows(catalogue)["one"]
    assert kept.state is DeliveryState.GIVEN_UP
    assert kept.attempts == MOST_ATTEMPTS
    assert timedelta(days=2.5) < now - NOW < timedelta(days=3.5)
    assert "nobody was told" in caplog.records[-1].getMessage()
    assert caplog.records[-1].levelno == logging.ERROR


def test_a_delivery_of_an_alert_that_is_gone_is_given_up(
    catalogue: Catalogue, receiver: WebReceiver
) -> None:
    """An alert taken out of the configuration leaves no delivery that waits for ever."""
    enqueue(catalogue, "one", "removed", "desk")
    channels = {"desk": Webhook(url=receiver.url)}
    assert deliver_due(catalogue, channels, door=OPEN, now=NOW) == Delivered(sent=1, given_up=1)
    with catalogue.read() as db:
        (kept,) = deliveries.listing(db, alert="removed")
    assert kept.state is DeliveryState.GIVEN_UP
    assert '"removed"' in kept.last_error


def test_a_pass_ends_when_its_time_is_over(catalogue: Catalogue, receiver: WebReceiver) -> None:
    """A pass starts nothing after its time; what is left is due in the next one."""
    enqueue(catalogue, "one", "desk")
    channels = {"desk": Webhook(url=receiver.url)}
    over = deliver_due(catalogue, channels, door=OPEN, now=NOW, length=timedelta())
    assert over == Delivered()
    assert receiver.posts == []
    assert deliver_due(catalogue, channels, door=OPEN, now=NOW) == Delivered(sent=1)


def test_nothing_more_is_sent_once_the_service_ends(
    catalogue: Catalogue, receiver: WebReceiver
) -> None:
    """What is under way is finished and written down, the rest stays due."""
    enqueue(catalogue, "first", "desk", at=NOW - timedelta(minutes=1))
    enqueue(catalogue, "second", "desk")
    channels = {"desk": Webhook(url=receiver.url)}
    over = deliver_due(catalogue, channels, door=OPEN, now=NOW, ended=lambda: bool(receiver.posts))
    assert over == Delivered(sent=1)
    assert posted(receiver) == ["first"]
    assert rows(catalogue)["second"].attempts == 0


def test_tries_come_ever_later_and_not_all_together() -> None:
    """Ten seconds doubling to an hour, a fifth more or less, the same for the same delivery."""
    first = trial("desk", now=NOW)
    waits = []
    for attempts in range(MOST_ATTEMPTS - 1):
        again_at = next_try(replace(first, attempts=attempts), now=NOW)
        assert again_at is not None
        assert again_at == next_try(replace(first, attempts=attempts), now=NOW)
        waits.append(again_at - NOW)
    for attempts, wait in enumerate(waits):
        plain = min(FIRST_DELAY * 2 ** min(attempts, 20), LONGEST_DELAY)
        assert 0.8 * plain <= wait <= 1.2 * plain
    assert next_try(replace(first, attempts=MOST_ATTEMPTS - 1), now=NOW) is None
    ids = {next_try(replace(first, id=f"id-{number}"), now=NOW) for number in range(50)}
    assert len(ids) > 40


def test_the_test_of_an_alert_says_that_it_is_one() -> None:
    """Nobody takes a test for a takedown."""
    tried = trial("desk", now=NOW)
    assert tried.alert == "desk"
    assert tried.events[0].kind == "test"
    assert "This is a test" in tried.events[0].summary


def test_channels_are_the_files_of_their_folder() -> None:
    """The name in the configuration is the name of the file, its options are the fields."""
    assert {"apprise", "email", "feed", "log", "webhook"} <= set(channel_names())
    assert option_names("webhook") == ["url", "secret", "timeout"]
    assert make_channel("log", {}) == Log()


def test_an_unknown_channel_is_refused_with_those_there_are() -> None:
    """A person sees at once what could stand there, and a name is never taken for a path."""
    for name in ("webhooks", "", "../webhook", "__init__", "crawler.deliver"):
        with pytest.raises(ConfigError, match="one of: apprise, email, feed, log, webhook"):
            make_channel(name, {})
