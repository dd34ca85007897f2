"""Hold the mail channel to a real SMTP server: content, repeats, refusals, protection."""

import logging
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from receivers import LOOPBACK, MailReceiver, certificate, dripping_receiver, mail_receiver

from crawler.alerts.email import Channel, Tls
from crawler.deliver import make_channel, trial
from crawler.errors import ConfigError, DeliveryError, DeliveryRefusedError
from crawler.fetch.guard import AddressGuard
from crawler.outbound import Door
from storage.model import Delivery

NOW = datetime(2026, 11, 22, 13, 14, 5, 123456, tzinfo=UTC)
OPEN = Door(guard=AddressGuard([LOOPBACK]))
DELIVERY = trial("desk", now=NOW)


def channel(receiver: MailReceiver, *, tls: Tls = Tls.NONE, user: str = "") -> Channel:
    return Channel(
        host=LOOPBACK,
        port=receiver.port,
        sender="Holdfast <holdfast@example.org>",
        recipients=("desk@example.org", '"Doe, Jo" <jo@example.net>'),
        user=user,
        password="correct horse" if user else "",
        tls=tls,
    )


def titled(url: str) -> Delivery:
    return replace(DELIVERY, events=(replace(DELIVERY.events[0], url=url),))


def test_the_mail_says_what_happened_and_where_the_evidence_is() -> None:
    """One mail to all recipients: a subject of one line, the event, how to see it, its id."""
    with mail_receiver() as receiver:
        channel(receiver).send(DELIVERY, OPEN)
    (mail,) = receiver.mails
    assert mail["Subject"] == "Holdfast: test: https://example.org/holdfast-test"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert receiver.envelopes[0].rcpt_tos == ["desk@example.org", "jo@example.net"]
    assert receiver.envelopes[0].mail_from == "holdfast@example.org"
    text = mail.get_content()
    assert f"holdfast show --archive ARCHIVE {DELIVERY.events[0].id}" in text
    assert "2026-11-22 13:14:05 UTC" in text


def test_a_repeat_has_the_same_message_id() -> None:
    """Mail programs recognise the same delivery when it comes a second time, and only that."""
    other = replace(DELIVERY, id="a" * 64)
    with mail_receiver() as receiver:
        for sent in (DELIVERY, DELIVERY, other):
            channel(receiver).send(sent, OPEN)
    first, second, third = (mail["Message-ID"] for mail in receiver.mails)
    assert first == second == f"<holdfast-{DELIVERY.id}@example.org>"
    assert third == f"<holdfast-{'a' * 64}@example.org>"


def test_no_page_can_write_a_header_or_end_the_mail() -> None:
    """Line ends in an address stay text in the subject; a lone dot does not cut the body."""
    hostile = "https://example.org/\r\nBcc: all@example.org\r\n.\r\nQUIT\r\n"
    diff = "before\n.\nafter"
    event = replace(DELIVERY.events[0], url=hostile, summary=hostile, diff=diff)
    with mail_receiver() as receiver:
        channel(receiver).send(replace(DELIVERY, events=(event,)), OPEN)
    (mail,) = receiver.mails
    assert mail["Bcc"] is None
    assert "\\r\\nBcc:" in mail["Subject"]
    assert "after" in mail.get_content()


def test_letters_of_every_script_arrive() -> None:
    """Subject and text are UTF-8 on the way and themselves at the end."""
    with mail_receiver() as receiver:
        channel(receiver).send(titled("https://example.org/الأخبار-Köln"), OPEN)
    assert "الأخبار-Köln" in receiver.mails[0]["Subject"]
    assert "الأخبار-Köln" in receiver.mails[0].get_content()


def test_a_recipient_refused_for_good_does_not_hold_up_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The others get their mail once, and the log warns of the one that does not exist."""
    with mail_receiver() as receiver:
        receiver.refused_recipients = {"jo@example.net": "550 no such\x1b person"}
        with caplog.at_level(logging.WARNING):
            channel(receiver).send(DELIVERY, OPEN)
    assert len(receiver.mails) == 1
    (record,) = [one for one in caplog.records if one.name == "crawler.alerts.email"]
    assert "jo@example.net (550 no such\\x1b person)" in vars(record)["refused"]


def test_a_recipient_refused_for_now_is_tried_again() -> None:
    """Greylisting is no reason to leave somebody untold: the delivery stays due."""
    with mail_receiver() as receiver:
        receiver.refused_recipients = {"jo@example.net": "451 come back later"}
        with pytest.raises(DeliveryError, match="451 come back later"):
            channel(receiver).send(DELIVERY, OPEN)


def test_no_recipient_at_all_is_a_delivery_error() -> None:
    """When the server knows nobody of the list, that is told."""
    refusals = dict.fromkeys(("jo@example.net", "desk@example.org"), "550 unknown")
    with mail_receiver() as receiver:
        receiver.refused_recipients = refusals
        with pytest.raises(DeliveryError, match="550 unknown"):
            channel(receiver).send(DELIVERY, OPEN)


def test_a_mail_the_server_will_not_have_lets_the_next_ones_go_on() -> None:
    """A content filter that dislikes one mail does not stop the channel."""
    with mail_receiver() as receiver:
        receiver.answer = "554 looks like spam"
        with pytest.raises(DeliveryRefusedError, match="554 looks like spam"):
            channel(receiver).send(DELIVERY, OPEN)


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.TLS])
def test_a_password_goes_only_under_tls_to_a_trusted_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: Tls
) -> None:
    """Login works under both kinds of TLS, and is not tried without a trusted certificate."""
    file, context = certificate(tmp_path)
    with mail_receiver(**{tls.value: context}) as receiver:
        with pytest.raises(DeliveryError, match="certificate is not trusted"):
            channel(receiver, tls=tls, user="holdfast").send(DELIVERY, OPEN)
        assert receiver.logins == []
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        channel(receiver, tls=tls, user="holdfast").send(DELIVERY, OPEN)
        with pytest.raises(DeliveryError, match="535") as caught:
            channel(receiver, tls=tls, user="somebody").send(DELIVERY, OPEN)
    assert len(receiver.mails) == 1
    assert "correct horse" not in str(caught.value)


def test_a_server_without_starttls_gets_nothing() -> None:
    """Protection that was asked for and is not there ends the delivery before a word of it."""
    with mail_receiver() as receiver, pytest.raises(DeliveryError, match="STARTTLS"):
        channel(receiver, tls=Tls.STARTTLS).send(DELIVERY, OPEN)
    assert receiver.mails == []


def test_an_endless_greeting_is_cut_when_the_time_is_over() -> None:
    """A server that talks for ever costs no more than the time-out."""
    with dripping_receiver(b"220 ") as port:
        slow = replace(channel(MailReceiver(port=port)), timeout=timedelta(seconds=0.3))
        with pytest.raises(DeliveryError, match=r"within 0\.3s"):
            slow.send(DELIVERY, OPEN)


@pytest.mark.parametrize(
    ("options", "right"),
    [
        ({"recipients": []}, "at least one address"),
        ({"recipients": "desk@example.org"}, "list"),
        ({"recipients": ["desk"]}, "desk@example.org"),
        ({"recipients": ["a@example.org\r\nBcc: b@example.org"]}, "not a mail address"),
        ({"recipients": ["a@example.org, b@example.org"]}, "not a mail address"),
        ({"sender": "holdfast"}, "not a mail address"),
        ({"tls": "ssl"}, "'none', 'starttls' or 'tls'"),
        ({"tls": "none", "user": "u", "password": "hunter2"}, '"starttls" or "tls"'),
        ({"password": "hünter2", "user": "u"}, "ASCII"),
        ({"port": "many"}, 'option "port"'),
        ({"port": 70000}, "65535"),
        ({"port": True}, 'option "port"'),
    ],
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, object], right: str) -> None:
    """Wrong options end at the door, with what would be right and without the password."""
    good = {
        "host": "mail.example.org",
        "sender": "holdfast@example.org",
        "recipients": ["desk@example.org"],
    }
    with pytest.raises(ConfigError, match=re.escape(right)) as caught:
        make_channel("email", {**good, **options})
    assert "nter2" not in str(caught.value)


def test_text_from_files_and_environment_is_typed() -> None:
    """A port that comes as text is a number, a list of TOML a tuple."""
    made = make_channel(
        "email",
        {"host": "h.test", "port": "2525", "sender": "a@b.test", "recipients": ["c@d.test"]},
    )
    assert made == Channel(
        host="h.test", port=2525, sender="a@b.test", recipients=("c@d.test",), tls=Tls.STARTTLS
    )
