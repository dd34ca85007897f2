"""Hold every file of crawler/alerts to the promise of a channel."""

import inspect
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import get_args, get_origin, get_type_hints

import pytest
from receivers import (
    LOOPBACK,
    MailReceiver,
    WebReceiver,
    free_port,
    mail_receiver,
    silent_receiver,
    web_receiver,
)

from crawler.deliver import Channel, channel_names, make_channel, option_names, trial
from crawler.errors import ConfigError, DeliveryError
from crawler.fetch.guard import AddressGuard
from crawler.outbound import Door
from storage.model import Delivery, Look, Outcome, Severity

NOW = datetime(2026, 11, 22, 13, 14, 5, 123456, tzinfo=UTC)
OPEN = Door(guard=AddressGuard([LOOPBACK]))
SHUT = Door(guard=AddressGuard([]))
SECRETS = {
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "password": "correct horse",
    "token": "tk-5f2e8a9c",
}
HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\nBcc: all@example.org\n.\n\u202eback\u2066\x9b1m\ud800\x00<b>"
NEVER_RAW = "\x1b\x07\x9b\x00\u202e\u2066\ud800"
ELSEWHERE = {"apprise"}
"""Its process takes a second to start; tests/flow/test_channel_apprise.py holds it to the same."""
CHANNELS = [name for name in channel_names() if name not in ELSEWHERE]
REMOTE = [name for name in CHANNELS if {"url", "host"} & set(option_names(name))]


@dataclass(slots=True)
class Stage:
    """One channel under test, and everything it let out."""

    name: str
    folder: Path
    caplog: pytest.LogCaptureFixture
    receiver: WebReceiver | MailReceiver | None = None
    options: dict[str, object] = field(default_factory=dict)

    def channel(self, **options: object) -> Channel:
        return make_channel(self.name, {**self.options, **options})

    def left(self) -> list[str]:
        logged = [
            " ".join((record.getMessage(), *(str(value) for value in vars(record).values())))
            for record in self.caplog.records
            if record.name.startswith("crawler.alerts")
        ]
        written = [file.read_text() for file in self.folder.rglob("*") if file.is_file()]
        taken = self.receiver.taken() if self.receiver is not None else []
        return logged + written + taken


@pytest.fixture(params=CHANNELS)
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[Stage]:
    """Give each channel with a receiver that is well."""
    caplog.set_level(logging.INFO)
    with receiver_of(request.param) as receiver:
        port = receiver.port if receiver is not None else 1
        options = example_options(request.param, port, tmp_path)
        yield Stage(request.param, tmp_path, caplog, receiver, options)


@contextmanager
def receiver_of(name: str) -> Iterator[WebReceiver | MailReceiver | None]:
    """Run what the channel's options ask for: ``url`` a web server, ``host`` a mail server."""
    if "url" in option_names(name):
        with web_receiver() as web:
            yield web
    elif "host" in option_names(name):
        with mail_receiver() as mail:
            yield mail
    else:
        yield None


def example_options(name: str, port: int, folder: Path) -> dict[str, object]:
    """Fill a channel's options: those we know by name, and the needed ones by type."""
    known: dict[str, object] = {
        "url": f"http://{LOOPBACK}:{port}/hook",
        "host": LOOPBACK,
        "port": port,
        "sender": "Holdfast <holdfast@example.org>",
        "recipients": ["desk@example.org"],
        "tls": "none",
        "timeout": "5s",
        **SECRETS,
    }
    by_type = {str: f"{folder}/example", int: 1, bool: True, timedelta: "1s", tuple: ["example"]}
    filled: dict[str, object] = {}
    hints = get_type_hints(channel_class(name))
    for option in fields(channel_class(name)):
        if option.name in known:
            filled[option.name] = known[option.name]
        elif option.default is MISSING and option.default_factory is MISSING:
            hint = hints[option.name]
            filled[option.name] = by_type[get_origin(hint) or hint]
    return filled


def channel_class(name: str) -> type:
    return import_module(f"crawler.alerts.{name}").Channel


def delivery(**changes: str) -> Delivery:
    """Return two events in one delivery, with looks and a word diff."""
    given = trial("desk", now=NOW)
    look = Look(visit_id=1, at=NOW, outcome=Outcome.CLIENT_ERROR, status=404, kind="gone")
    facts = {"diff": "The [-old-] {+new+} sentence.", **changes}
    event = replace(given.events[0], looks=(look, look), **facts)
    return replace(given, events=(event, replace(event, id="ev-2", severity=Severity.HIGH)))


def plain(hint: object) -> bool:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return True
    return hint in {str, int, bool, timedelta, float} or (
        get_origin(hint) is tuple and get_args(hint) == (str, Ellipsis)
    )


def test_a_channel_is_a_frozen_dataclass_of_plain_options(stage: Stage) -> None:
    """Its options are its fields, of plain types, and both file and class say what they are for."""
    kind = channel_class(stage.name)
    assert all(plain(hint) for hint in get_type_hints(kind).values())
    assert import_module(kind.__module__).__doc__
    assert inspect.getdoc(kind)
    channel = stage.channel()
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        channel.something = 1  # type: ignore[attr-defined]


def test_an_unknown_option_is_refused_with_what_would_be_right(stage: Stage) -> None:
    """A misspelt option never goes unnoticed."""
    with pytest.raises(ConfigError, match=r'no option "colour"'):
        stage.channel(colour="red")


def test_every_needed_option_is_asked_for_by_name(stage: Stage) -> None:
    """Without one of its needed options a channel is not built, and the message names it."""
    for option in fields(channel_class(stage.name)):
        if option.default is MISSING and option.default_factory is MISSING:
            rest = {name: value for name, value in stage.options.items() if name != option.name}
            with pytest.raises(ConfigError, match=f'"{option.name}"'):
                make_channel(stage.name, rest)


def test_what_is_sent_names_the_delivery_and_every_event(stage: Stage) -> None:
    """Whoever gets it can tell what happened, and a repeat by the id of the delivery."""
    sent = delivery()
    stage.channel().send(sent, OPEN)
    once = stage.left()
    assert once
    for needed in (sent.id, *(event.id for event in sent.events), sent.events[0].url):
        assert any(needed in text for text in once)
    stage.channel().send(sent, OPEN)
    times = [sum(text.count(sent.id) for text in left) for left in (once, stage.left())]
    # What is kept in a file stands there once; what is sent, is sent again under its id.
    assert times[1] == times[0] if "path" in stage.options else times[1] >= 2 * times[0]


def test_hostile_text_leaves_harmless(stage: Stage) -> None:
    """No control character of a page reaches a terminal, a header or a mail program."""
    url = f"https://example.org/{HOSTILE}"
    stage.channel().send(delivery(url=url, summary=HOSTILE, diff=HOSTILE, site=HOSTILE), OPEN)
    assert stage.left()
    for text in stage.left():
        assert not set(text) & set(NEVER_RAW)
        assert "\nBcc:" not in text


def test_secrets_are_in_no_text_about_the_channel(stage: Stage) -> None:
    """Neither what a channel prints of itself nor what goes out holds its secrets."""
    channel = stage.channel()
    channel.send(delivery(), OPEN)
    given = {stage.options[name] for name in SECRETS if name in stage.options}
    for secret in given:
        assert str(secret) not in repr(channel)
        assert not any(str(secret) in text for text in stage.left())


@pytest.mark.parametrize("name", REMOTE)
def test_a_dead_receiver_is_a_delivery_error_of_one_line(name: str, tmp_path: Path) -> None:
    """Nobody listening: an error to tell a person, without secrets, never a traceback."""
    channel = make_channel(name, example_options(name, free_port(), tmp_path))
    with pytest.raises(DeliveryError, match=LOOPBACK) as caught:
        channel.send(delivery(), OPEN)
    assert str(caught.value).isprintable()
    assert not any(secret in str(caught.value) for secret in SECRETS.values())


@pytest.mark.parametrize("name", REMOTE)
def test_an_internal_address_is_not_connected_to(name: str, tmp_path: Path) -> None:
    """The address guard holds for alerts too: without an exception nothing goes to the loopback."""
    with receiver_of(name) as receiver:
        assert receiver is not None
        channel = make_channel(name, example_options(name, receiver.port, tmp_path))
        with pytest.raises(DeliveryError, match="allow_addresses"):
            channel.send(delivery(), SHUT)
        assert receiver.taken() == []


@pytest.mark.parametrize("name", REMOTE)
def test_a_silent_receiver_costs_no_more_than_the_time_out(name: str, tmp_path: Path) -> None:
    """A receiver that never says a word holds the other alerts up for ``timeout`` at most."""
    assert "timeout" in option_names(name)
    with silent_receiver() as port:
        options = example_options(name, port, tmp_path) | {"timeout": "0.2s"}
        began = monotonic()
        with pytest.raises(DeliveryError, match=r"within 0\.2s"):
            make_channel(name, options).send(delivery(), OPEN)
        assert monotonic() - began < 2
