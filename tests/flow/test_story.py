"""The whole road, with the real service over the sample newspaper."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from fastwarc.warc import WarcRecordType
from newspaper import Newspaper
from receivers import MailReceiver, WebReceiver, mail_receiver, web_receiver
from service import Service, holdfast, listing, wait_for
from standardwebhooks import Webhook
from warcio.archiveiterator import ArchiveIterator

pytestmark = pytest.mark.flow

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = ["127.0.0.0/8"]

[defaults]
every = "{every}"
delay = "0.01s"
confirm = ["0.3s", "0.6s"]

[[site]]
name = "courier"
start = ["{address}/"]
include = ["/node/*", "/archive/*"]
exclude = ["/comment/*"]
alerts = ["desk", "post"]

[[alert]]
name = "desk"
channel = "webhook"
url = "{hook}"
secret = "{secret}"

[[alert]]
name = "post"
channel = "email"
host = "127.0.0.1"
port = {mail}
tls = "none"
sender = "holdfast@example.org"
recipients = ["desk@example.org"]
"""


@pytest.fixture
def newspaper() -> Iterator[Newspaper]:
    with Newspaper().serve() as paper:
        yield paper


@pytest.fixture
def desk() -> Iterator[WebReceiver]:
    with web_receiver() as receiver:
        yield receiver


@pytest.fixture
def post() -> Iterator[MailReceiver]:
    with mail_receiver() as receiver:
        yield receiver


@pytest.fixture
def archive(tmp_path: Path, newspaper: Newspaper, desk: WebReceiver, post: MailReceiver) -> Path:
    folder = tmp_path / "archive"
    holdfast("init", str(folder))
    text = CONFIGURATION.format(
        every="2s", address=newspaper.address, hook=desk.url, mail=post.port, secret=SECRET
    )
    (folder / "holdfast.toml").write_text(text)
    return folder


@pytest.fixture
def service(archive: Path) -> Iterator[Service]:
    running = Service(archive=archive)
    yield running
    if running.process.poll() is None:
        running.end(signal.SIGKILL)


def all_captured(service: Service, newspaper: Newspaper) -> bool:
    """Say whether every article of the newspaper was captured, and so good as all is compared.

    Twice: what differs between the two fetches of a first visit is learnt to be noise.
    """
    listed = service.ask("captures?limit=1000")
    kept = Counter(one["url"] for one in listed if one["outcome"] == "ok")
    twice = all(kept[url] > 1 for url in newspaper.articles)
    return twice and service.metric("holdfast_unread_visits") < 10


def told(service: Service, kind: str, url: str) -> dict[str, Any] | None:
    """Return the event of a kind about an address, once it is there; twice is a fault."""
    listed = service.ask(f"events?limit=1000&url={quote(url, safe='')}")
    found = [one for one in listed if one["kind"] == kind]
    assert len(found) < 2, f"told twice: {found}"
    return found[0] if found else None


def suspects(service: Service) -> int:
    return sum(int(one["suspects"]) for one in service.ask("sites"))


def test_a_page_is_watched_edited_taken_down_and_somebody_is_told(
    archive: Path,
    newspaper: Newspaper,
    service: Service,
    desk: WebReceiver,
    post: MailReceiver,
) -> None:
    """Edit, takedown, confirmation, move and return are each told once, by webhook and mail."""
    service.start()
    wait_for(lambda: all_captured(service, newspaper))

    edited = newspaper.edit()
    edit = wait_for(lambda: told(service, "substantive_edit", edited))
    assert "[-3.2-]" in edit["diff"]
    assert "{+2.3+}" in edit["diff"]

    lost = newspaper.take_down()
    moved_from = newspaper.articles  # the move is asked for while the takedown is suspected
    moved_to = newspaper.move()
    (moved,) = {url for url in moved_from if url not in newspaper.articles}
    gone = wait_for(lambda: told(service, "gone", lost))
    assert gone["phase"] == "confirmed"
    assert gone["confirmed_at"] > gone["captured_at"]
    assert len(gone["looks"]) == 3
    move = wait_for(lambda: told(service, "moved", moved))
    assert moved_to in str(move["findings"])

    newspaper.restore()
    wait_for(lambda: told(service, "restored", lost))

    kinds = ["substantive_edit", "gone", "moved", "restored"]
    wait_for(lambda: all(any(kind in text for text in desk.taken()) for kind in kinds))
    words = [kind.replace("_", " ") for kind in kinds]
    wait_for(lambda: all(any(word in text for text in post.taken()) for word in words))
    for one in desk.posts:
        Webhook(SECRET).verify(one.body, one.headers)
    assert service.end() == 0
    read_back(archive)


def read_back(archive: Path, *, killed: bool = False) -> None:
    """Hold the archive against two readers of WARC files that are not ours."""
    files = sorted((archive / "warc").rglob("*.warc.gz"))
    assert files
    assert not list((archive / "warc").rglob("*.open"))
    by_warcio = [one for file in files for one in responses_by_warcio(file)]
    by_fastwarc = [one for file in files for one in responses_by_fastwarc(file)]
    assert by_warcio == by_fastwarc
    listed = [
        (one["url"], one["payload_digest"])
        for one in listing("captures", archive)
        if one["status"] is not None
    ]
    assert not Counter(listed) - Counter(by_warcio), "a capture without its record"
    if killed:
        return  # what was written and not yet acknowledged when it was killed has no row
    assert Counter(listed) == Counter(by_warcio)


ANSWERS = WarcRecordType.response | WarcRecordType.revisit


def responses_by_warcio(file: Path) -> list[tuple[str, str]]:
    found = []
    with file.open("rb") as stream:
        for record in ArchiveIterator(stream, check_digests="raise"):
            if record.rec_type in ("response", "revisit"):
                record.content_stream().read()
                fields = record.rec_headers
                found.append(
                    (fields["WARC-Target-URI"], fields["WARC-Payload-Digest"]),
                )
    return found


def responses_by_fastwarc(file: Path) -> list[tuple[str, str]]:
    found = []
    with file.open("rb") as stream:
        for record in FastIterator(stream, record_types=ANSWERS, parse_http=False):
            assert record.verify_block_digest()
            fields = record.headers
            found.append((fields["WARC-Target-URI"], fields["WARC-Payload-Digest"]))
    return found


def test_a_killed_service_tells_the_same_story(
    archive: Path, newspaper: Newspaper, service: Service, desk: WebReceiver
) -> None:
    """SIGKILL in the middle of capture, suspicion and delivery changes nothing of what is told."""
    service.start()
    wait_for(lambda: len(service.ask("captures?limit=20")) > 8)
    service.end(signal.SIGKILL)
    service.start()
    wait_for(lambda: all_captured(service, newspaper))

    edited = newspaper.edit()
    lost = newspaper.take_down()
    wait_for(lambda: suspects(service) or told(service, "gone", lost))
    service.end(signal.SIGKILL)
    service.start()
    wait_for(lambda: told(service, "gone", lost))
    wait_for(lambda: told(service, "substantive_edit", edited))
    newspaper.restore()
    service.end(signal.SIGKILL)
    service.start()
    wait_for(lambda: told(service, "restored", lost))
    story = sorted((one["kind"], one["url"]) for one in service.ask("events?limit=1000"))
    assert story == sorted([("substantive_edit", edited), ("gone", lost), ("restored", lost)])
    # What happens together is told together: how many deliveries there are is not the point.
    wait_for(lambda: all(any(kind in text for text in desk.taken()) for kind, _ in story))
    assert service.end() == 0
    read_back(archive, killed=True)


def test_a_second_service_on_one_archive_is_refused(archive: Path, service: Service) -> None:
    """The second instance exits 75 and names the first."""
    service.start()
    said = holdfast("run", "--archive", str(archive), expect=75)
    assert str(service.process.pid) in said
    assert len(said.splitlines()) == 1
    assert service.end(signal.SIGINT) == 0
