"""The index of payloads: what the archive holds whole, found at once."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from catalogues import capture, only_sqlite, opened, visit, watch
from exchanges import AT, answered, message

from storage.archive import create
from storage.catalogue import payloads, visits
from storage.catalogue.payloads import SMALLEST_BYTES, Payloads
from storage.errors import CatalogueError
from storage.model import Capture, Outcome, RecordRef, Role, Truncation
from storage.warc import reader
from storage.warc.writer import Info, Writer

A, B = "https://a.example/", "https://b.example/"
ID = "<urn:uuid:00000000-0000-4000-8000-000000000001>"


@pytest.fixture
def catalogue(tmp_path):
    catalogue = opened(tmp_path)
    yield catalogue
    catalogue.close()


@pytest.fixture
def known(catalogue):
    known = Payloads(catalogue)
    yield known
    known.close()


def held(
    url: str = A,
    *,
    digest: str = "sha1:AAAA",
    file: str = "warc/2026/11/x.warc.gz",
    offset: int = 0,
) -> Capture:
    """Make a capture whose record holds a payload."""
    return replace(
        capture(url, digest=digest),
        record=RecordRef(file=file, offset=offset, length=20, digest=digest),
        record_id=ID,
        payload_bytes=SMALLEST_BYTES,
    )


def run(folder, statement):
    """Run a statement on the catalogue from outside."""
    with closing(sqlite3.connect(folder / "catalogue.db")) as raw:
        return raw.execute(statement).fetchone()


def keep(catalogue, *made: Capture) -> None:
    """Commit a visit that made these captures."""
    with catalogue.write() as db:
        (target,) = watch(db, A) or [visits.listing(db)[0]]
        visit(db, target, made=made)


def test_what_is_found_is_letter_by_letter_what_the_record_says(tmp_path, catalogue, known):
    """Id, address, date to the microsecond and place are those that the record itself tells."""
    archive = create(tmp_path / "archive")
    url = "http://paper.example/ä b?q=<1>"
    exchange = answered(message(b"x" * 300), url=url, at=AT + timedelta(microseconds=1))
    with_none = answered(message(b"y" * 300), at=AT.replace(microsecond=0))
    writer = Writer(archive, name="test", info=Info(software="x"), max_bytes=10**9)
    made = []
    for one in (exchange, with_none):
        kept = writer.append(one, role=Role.TARGET, via=None, hops="", site="paper")
        made.append(
            Capture(
                url=one.url,
                role=Role.TARGET,
                captured_at=one.started_at,
                outcome=one.outcome,
                record=kept.record,
                record_id=kept.record_id,
                payload_digest=one.payload_digest,
                payload_bytes=one.payload_bytes,
            )
        )
    writer.close()
    keep(catalogue, *made)
    for one in made:
        assert known.find(one.payload_digest, "") == reader.original(archive, one.record)


@pytest.mark.parametrize(
    "facts",
    [
        {"record": None},
        {"record_id": None},
        {"payload_digest": None},
        {"refers_to": ID},
        {"truncated": Truncation.DISCONNECT},
        {"outcome": Outcome.TRUNCATED},
        {"outcome": Outcome.NOT_HTTP},
        {"payload_bytes": SMALLEST_BYTES - 1},
    ],
    ids=str,
)
def test_only_a_record_that_holds_a_whole_payload_is_an_original(catalogue, known, facts):
    """Revisits, cut answers, unwritten ones and payloads too small to gain are passed over."""
    keep(catalogue, replace(held(), **facts), held(digest="sha1:BBBB"))
    assert known.find("sha1:AAAA", "") is None
    assert known.find("sha1:BBBB", "") is not None


def test_an_original_came_in_the_same_transfer_coding(catalogue, known):
    """Replay tools read the block of the original by the header fields of the revisit."""
    keep(catalogue, held(), replace(held(B), transfer="chunked"))
    assert known.find("sha1:AAAA", "").uri == A
    assert known.find("sha1:AAAA", "chunked").uri == B
    assert known.find("sha1:AAAA", "gzip, chunked") is None


def test_an_error_page_is_stored_once_too(catalogue, known):
    """A 404 or a redirect with a body holds its payload as well as a page does."""
    gone = replace(held(), outcome=Outcome.CLIENT_ERROR, status=404)
    keep(catalogue, gone, replace(held(B, digest="sha1:B"), outcome=Outcome.REDIRECT))
    assert known.find("sha1:AAAA", "").uri == A
    assert known.find("sha1:B", "").uri == B


def test_requisites_that_come_after_the_visit_are_known(catalogue, known):
    """What a page needs is written later than the page, and counts as much."""
    with catalogue.write() as db:
        (target,) = watch(db, A)
        kept = visit(db, target)
        visits.add_captures(db, kept, [replace(held(f"{A}logo.png"), role=Role.REQUISITE)])
    assert known.find("sha1:AAAA", "").uri == f"{A}logo.png"


def test_a_commit_is_seen_at_once_and_nothing_before_it(catalogue, known):
    """The reader neither waits for a writer nor sees what may yet be undone."""
    assert known.find("sha1:AAAA", "") is None
    with catalogue.write() as db:
        (target,) = watch(db, A)
        visit(db, target, made=[held()])
        assert known.find("sha1:AAAA", "") is None
    assert known.find("sha1:AAAA", "") is not None
    keep(catalogue, held(B, digest="sha1:BBBB"))
    assert known.find("sha1:BBBB", "") is not None


def test_a_reader_keeps_no_moment_of_the_catalogue(tmp_path, catalogue, known):
    """After a hit and after a miss the log can be emptied: no transaction stays open."""
    keep(catalogue, held())
    for digest in ("sha1:AAAA", "sha1:NONE"):
        known.find(digest, "")
        (busy, _, _) = run(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")
        assert busy == 0


def test_a_payload_kept_whole_again_is_found_where_it_is_now(catalogue, known):
    """It is kept again only where the first record is not to be had, so the later one counts."""
    keep(catalogue, held(file="warc/2026/11/lost.warc.gz"))
    keep(catalogue, held(B, file="warc/2026/12/y.warc.gz", offset=7), held(B, offset=9))
    found = known.find("sha1:AAAA", "")
    assert (found.uri, found.place) == (B, ("x.warc.gz", 9))


def test_a_file_that_is_gone_is_forgotten(catalogue, known):
    """What lay in it is no original any more; other files keep theirs."""
    lost = "warc/2026/11/lost.warc.gz"
    keep(catalogue, held(file=lost), held(digest="sha1:BBBB", file=lost), held(digest="sha1:C"))
    with catalogue.write() as db:
        assert payloads.forget(db, lost) == 2
    assert known.find("sha1:AAAA", "") is None
    assert known.find("sha1:C", "") is not None


def test_a_closed_reader_opens_again(catalogue, known):
    """Closing gives the connection back and ends nothing."""
    keep(catalogue, held())
    known.close()
    known.close()
    assert known.find("sha1:AAAA", "") is not None


@only_sqlite
def test_a_failing_database_is_one_clear_error(tmp_path, catalogue, known):
    """The failure names the catalogue, and the reader works again when it is over."""
    keep(catalogue, held())
    assert known.find("sha1:AAAA", "") is not None
    run(tmp_path, "ALTER TABLE payloads RENAME TO elsewhere")
    with pytest.raises(CatalogueError, match=r"catalogue\.db"):
        known.find("sha1:AAAA", "")
    run(tmp_path, "ALTER TABLE elsewhere RENAME TO payloads")
    assert known.find("sha1:AAAA", "") is not None
