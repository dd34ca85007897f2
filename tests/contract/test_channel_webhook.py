"""Hold the webhook to the wire: signature, body, refusals, and what a receiver may do to it."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from receivers import LOOPBACK, certificate, dripping_receiver, web_receiver
from standardwebhooks import Webhook, WebhookVerificationError

from crawler.alerts.webhook import Channel
from crawler.deliver import make_channel, trial
from crawler.errors import ConfigError, DeliveryError, DeliveryRefusedError
from crawler.fetch.guard import AddressGuard
from crawler.outbound import Door

NOW = datetime(2026, 11, 22, 13, 14, 5, 123456, tzinfo=UTC)
OPEN = Door(guard=AddressGuard([LOOPBACK]))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DELIVERY = trial("desk", now=NOW)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """An independent implementation verifies what we signed, and nothing that was changed."""
    with web_receiver() as receiver:
        Channel(url=receiver.url, secret=SECRET).send(DELIVERY, OPEN)
    post = receiver.posts[0]
    assert Webhook(SECRET).verify(post.body, post.headers)["id"] == DELIVERY.id
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(post.body.replace(b"test", b"pest"), post.headers)


def test_the_body_holds_the_events_and_a_repeat_is_the_same() -> None:
    """The documented keys arrive; sent again, the body has the same bytes and the same id."""
    with web_receiver() as receiver:
        for _ in range(2):
            Channel(url=receiver.url).send(DELIVERY, OPEN)
    first, second = receiver.posts
    assert first.request_line == "POST /hook?desk=1 HTTP/1.1"
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == DELIVERY.id
    assert "webhook-signature" not in first.headers
    content = json.loads(first.body)
    assert (content["type"], content["id"], content["alert"]) == ("events", DELIVERY.id, "desk")
    assert content["events"][0]["kind"] == "test"
    assert content["events"][0]["captured_at"] == "2026-11-22T13:14:05.123456Z"
    assert content["events"][0]["alert"] is True


@pytest.mark.parametrize("path", ["?token=1", "//twice/x", "", "/a/?b=//c"])
def test_the_address_is_asked_for_as_it_is_written(path: str) -> None:
    """Path and query reach the receiver unchanged; an empty path is a slash, a fragment stays."""
    with web_receiver() as receiver:
        Channel(url=f"http://{LOOPBACK}:{receiver.port}{path}#part").send(DELIVERY, OPEN)
    wanted = path if path.startswith("/") else f"/{path}"
    # http.server makes one slash of two at the start; what came is on the request line.
    assert receiver.posts[0].request_line == f"POST {wanted} HTTP/1.1"


def test_a_redirect_is_not_followed() -> None:
    """The final address is asked for; nothing goes where the answer points."""
    with web_receiver() as elsewhere, web_receiver() as receiver:
        receiver.status = 307
        receiver.fields = {"Location": elsewhere.url}
        with pytest.raises(DeliveryRefusedError, match="final address"):
            Channel(url=receiver.url).send(DELIVERY, OPEN)
    assert elsewhere.posts == []


@pytest.mark.parametrize("status", [400, 404, 410, 413, 500])
def test_an_answer_about_the_delivery_lets_the_next_ones_go_on(status: int) -> None:
    """The receiver is well and did not want this one; its words are told, made harmless."""
    with web_receiver() as receiver:
        receiver.status = status
        receiver.body = b"no\x1b[2J such hook\n" + b"y" * 100_000
        with pytest.raises(DeliveryRefusedError) as caught:
            Channel(url=receiver.url).send(DELIVERY, OPEN)
    told = str(caught.value)
    assert f"answered {status}: no\\x1b[2J such hook" in told
    assert told.isprintable()
    assert len(told) < 300


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_receiver_that_is_not_well_is_left_alone(status: int) -> None:
    """Busy and gateway answers are about the receiver, so the whole channel waits."""
    with web_receiver() as receiver:
        receiver.status = status
        with pytest.raises(DeliveryError) as caught:
            Channel(url=receiver.url).send(DELIVERY, OPEN)
    assert not isinstance(caught.value, DeliveryRefusedError)


def test_an_endless_answer_is_cut_when_the_time_is_over() -> None:
    """A byte now and then does not keep a delivery open past its time-out."""
    with dripping_receiver(b"HTTP/1.1 200 OK\r\nX-Slow: ") as port:
        channel = Channel(url=f"http://{LOOPBACK}:{port}/", timeout=timedelta(seconds=0.3))
        began = monotonic()
        with pytest.raises(DeliveryError, match=r"within 0\.3s"):
            channel.send(DELIVERY, OPEN)
        assert monotonic() - began < 2


def test_an_endless_body_after_a_good_answer_is_taken() -> None:
    """Once the status says taken, nothing that follows can make it untaken."""
    with dripping_receiver(b"HTTP/1.1 200 OK\r\n\r\n") as port:
        Channel(url=f"http://{LOOPBACK}:{port}/").send(DELIVERY, OPEN)


def test_what_is_no_http_is_a_delivery_error() -> None:
    """A port that speaks something else is told in one line."""
    with (
        dripping_receiver(b"SSH-2.0-OpenSSH_9.6\r\n") as port,
        pytest.raises(DeliveryError, match=r"SSH-2\.0"),
    ):
        Channel(url=f"http://{LOOPBACK}:{port}/").send(DELIVERY, OPEN)


def test_https_asks_for_a_certificate_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate nobody vouches for stops the delivery; one we trust carries it."""
    file, context = certificate(tmp_path)
    with web_receiver(tls=context) as receiver:
        channel = Channel(url=receiver.url.replace("http:", "https:"))
        with pytest.raises(DeliveryError, match="certificate is not trusted"):
            channel.send(DELIVERY, OPEN)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        channel.send(DELIVERY, OPEN)
    assert len(receiver.posts) == 1


@pytest.mark.parametrize(
    ("options", "right"),
    [
        ({"url": "ftp://example.org/"}, "https://host/path"),
        ({"url": "https://"}, "https://host/path"),
        ({"url": "https://user:pw@example.org/"}, "user or password"),
        ({"url": "https://example.org/a b"}, "printable ASCII"),
        ({"url": "https://example.org:99999/"}, "Port out of range"),
        ({"url": "https://example.org/", "secret": "hunter2hunter2"}, "whsec_"),
        ({"url": "https://example.org/", "secret": "whsec_c2hvcnQ="}, "24 to 64 bytes"),
        ({"url": "https://example.org/", "timeout": "soon"}, '"90s"'),
        ({"url": "https://example.org/", "timeout": 10}, '"90s"'),
        ({"url": 7}, 'option "url"'),
        ({"url": "https://example.org/", "secrets": "x"}, 'did you mean "secret"?'),
    ],
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, object], right: str) -> None:
    """Wrong options end at the door, with what would be right and without the secret."""
    with pytest.raises(ConfigError, match=re.escape(right)) as caught:
        make_channel("webhook", options)
    assert "hunter2" not in str(caught.value)
    assert "user:pw" not in str(caught.value)


def test_a_host_that_cannot_exist_is_a_delivery_error() -> None:
    """A name too long for the name system is told like any other failure."""
    channel = Channel(url=f"http://{'a' * 70}.test/")
    with pytest.raises(DeliveryError, match="cannot be the name of a host"):
        channel.send(replace(DELIVERY), OPEN)
