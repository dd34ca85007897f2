"""A revisit shows the page it stands for: pywb finds the original and serves its payload."""

import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import brotli
import pytest
from exchanges import AT, answered, chunked, message
from replay import Replay, installed, replaying

from storage.archive import create
from storage.message import entity
from storage.model import Role
from storage.warc import reader
from storage.warc.writer import Info, Profile, Revisit, Writer

pytestmark = pytest.mark.flow

HOST = "http://paper.example"
LATER = AT + timedelta(days=1)
HTML, GZIP, BROTLI = "Content-Type: text/html", "Content-Encoding: gzip", "Content-Encoding: br"
TEXT = b"<!doctype html><title>Harbour</title>" + b"<p>The council met on Thursday.</p>\n" * 20
GZIPPED, BROTLIED = gzip.compress(TEXT, mtime=0), brotli.compress(TEXT)
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
NOT_MODIFIED = b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nX-Look: 2\r\n\r\n'
SECOND = "X-Look: 2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """An answer that was kept, and a later one of which only the revisit was."""

    first: bytes
    then: bytes
    elsewhere: bool = False
    """Whether the later one came from another address."""
    profile: Profile = Profile.IDENTICAL

    @property
    def payload(self) -> bytes:
        """Return the entity both answers carry."""
        return b"".join(entity(io.BytesIO(self.first)))

    def url(self, name: str) -> str:
        """Return the address of the later answer."""
        return f"{HOST}/{name}/elsewhere" if self.elsewhere else f"{HOST}/{name}"


def _halves(data: bytes) -> list[bytes]:
    return [data[:100], data[100:]]


PLAIN, PLAIN_AGAIN = message(TEXT, HTML), message(TEXT, HTML, SECOND)
FRAMED, FRAMED_AGAIN = chunked(_halves(TEXT), HTML), chunked([TEXT], HTML, SECOND)
CLOSED = b"HTTP/1.0 200 OK\r\nX-Look: 2\r\n\r\n" + TEXT
MOVED = message(TEXT, "Location: /new", SECOND, status="302 Found")
ABSENT = message(TEXT, HTML, SECOND, status="404 Not Found")

AGAIN = {
    "plain": Again(first=PLAIN, then=PLAIN_AGAIN),
    "plain-elsewhere": Again(first=PLAIN, then=PLAIN_AGAIN, elsewhere=True),
    "picture": Again(first=message(PICTURE), then=message(PICTURE, SECOND), elsewhere=True),
    "gzip": Again(first=message(GZIPPED, HTML, GZIP), then=message(GZIPPED, HTML, GZIP, SECOND)),
    "brotli-elsewhere": Again(
        first=message(BROTLIED, HTML, BROTLI),
        then=message(BROTLIED, HTML, BROTLI, SECOND),
        elsewhere=True,
    ),
    "chunked": Again(first=FRAMED, then=FRAMED_AGAIN),
    "chunked-elsewhere": Again(first=FRAMED, then=FRAMED_AGAIN, elsewhere=True),
    "chunked-gzip": Again(
        first=chunked(_halves(GZIPPED), HTML, GZIP), then=chunked([GZIPPED], HTML, GZIP, SECOND)
    ),
    "chunks-where-there-were-none": Again(first=PLAIN, then=FRAMED_AGAIN),
    "closed-where-there-was-a-length": Again(first=PLAIN, then=CLOSED),
    "length-where-it-was-closed": Again(first=CLOSED, then=PLAIN_AGAIN),
    "coding-no-longer-named": Again(
        first=message(GZIPPED, HTML, GZIP), then=message(GZIPPED, HTML, SECOND)
    ),
    "other-type": Again(first=PLAIN, then=message(TEXT, "Content-Type: text/plain", SECOND)),
    "found-then-absent": Again(first=PLAIN, then=ABSENT),
    "absent-then-found": Again(first=ABSENT, then=PLAIN_AGAIN, elsewhere=True),
    "moved-then-found": Again(first=MOVED, then=PLAIN_AGAIN),
    "empty": Again(first=message(b"", HTML), then=message(b"", HTML, SECOND), elsewhere=True),
    "not-modified": Again(first=PLAIN, then=NOT_MODIFIED, profile=Profile.NOT_MODIFIED),
    "not-modified-chunked-gzip": Again(
        first=chunked(_halves(GZIPPED), HTML, GZIP),
        then=NOT_MODIFIED,
        profile=Profile.NOT_MODIFIED,
    ),
}

LOST = {
    # pywb reads the original's block by the headers of the revisit: chunk framing they do not
    # name is shown as text.
    "chunks-no-longer": Again(first=FRAMED, then=PLAIN_AGAIN),
    # Of a revisit with a redirect's status pywb reads the head alone (its ResolvingLoader).
    "moved-again": Again(first=MOVED, then=MOVED),
    "found-then-moved": Again(first=PLAIN, then=MOVED, elsewhere=True),
}
"""Revisits that pywb shows without their payload, so that such answers are kept whole."""


@pytest.fixture(scope="module", autouse=True)
def pywb() -> None:
    """Skip what cannot be shown before the work for it is done."""
    installed()


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    """Serve an archive of two files: the answers, and a day later the revisits of them."""
    folder = tmp_path_factory.mktemp("revisits")
    archive = create(folder / "archive")
    every = AGAIN | LOST
    with Writer(archive, name="first", info=Info(software="x")) as first:
        kept = {
            name: first.append(answered(one.first, url=f"{HOST}/{name}"), role=Role.TARGET)
            for name, one in every.items()
        }
    with Writer(archive, name="later", info=Info(software="x")) as later:
        for name, one in every.items():
            revisit = Revisit(
                original=reader.original(archive, kept[name].record), profile=one.profile
            )
            exchange = answered(one.then, url=one.url(name), at=LATER)
            record = later.append_revisit(exchange, revisit, role=Role.TARGET).record
            if name == "plain":
                # What a revisit says of its original is what the original says: the third look.
                of_revisit = Revisit(original=reader.original(archive, record), profile=one.profile)
                third = answered(one.then, url=f"{HOST}/third", at=LATER)
                later.append_revisit(third, of_revisit, role=Role.TARGET)
    with replaying(folder / "archive", work=folder / "pywb") as running:
        yield running


@pytest.mark.parametrize("name", AGAIN)
def test_a_revisit_shows_the_payload_of_its_original(replay: Replay, name: str) -> None:
    """Across addresses, files, codings and statuses: the first look's bytes, at its own time."""
    one = AGAIN[name]
    first = replay.raw(f"{HOST}/{name}", AT, codings="gzip, br")
    then = replay.raw(one.url(name), LATER, codings="gzip, br")
    assert first.body == one.payload
    assert then.body == one.payload
    assert (first.at, then.at) == (AT.replace(microsecond=0), LATER.replace(microsecond=0))


@pytest.mark.parametrize(
    "name", [name for name, one in AGAIN.items() if one.profile is Profile.IDENTICAL]
)
def test_an_identical_revisit_shows_its_own_head(replay: Replay, name: str) -> None:
    """Status and header fields are those of the later answer, not of the original."""
    one = AGAIN[name]
    then = replay.raw(one.url(name), LATER, codings="gzip, br")
    assert then.status == answered(one.then).status
    assert then.header("X-Look") == "2"


def test_an_unmodified_page_is_shown_as_it_was(replay: Replay) -> None:
    """A revisit with an empty block has the original's status and headers, not those of the 304."""
    then = replay.raw(f"{HOST}/not-modified-chunked-gzip", LATER, codings="gzip")
    assert then.status == 200
    assert then.header("Content-Encoding") == "gzip"
    assert then.header("X-Look") is None


@pytest.mark.parametrize("name", ["plain", "gzip", "chunked-gzip", "not-modified-chunked-gzip"])
def test_a_revisited_page_is_decoded_for_a_browser(replay: Replay, name: str) -> None:
    """What pywb rewrites it must read first: chunks and coding come off as in the original."""
    assert TEXT.splitlines()[1] in replay.rewritten(AGAIN[name].url(name), LATER).body


def test_a_revisit_of_a_revisit_shows_the_page(replay: Replay) -> None:
    """A third look names the record that holds the page, and is shown like the second."""
    assert replay.raw(f"{HOST}/third", LATER).body == TEXT


@pytest.mark.parametrize("name", LOST)
def test_what_pywb_loses_is_what_is_kept_whole(replay: Replay, name: str) -> None:
    """These revisits do not replay; should pywb learn to, answers like them may become revisits."""
    then = replay.raw(LOST[name].url(name), LATER)
    assert then.header("X-Look") == "2"
    assert then.body != LOST[name].payload
