"""Read an archive back with two other libraries, and hold its catalogue to it."""

import base64
import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fastwarc.warc import ArchiveIterator as FastIterator
from fastwarc.warc import WarcRecordType
from warcio.archiveiterator import ArchiveIterator

from storage.archive import open_archive
from storage.catalogue import captures
from storage.catalogue.engine import open_catalogue
from storage.warc.verify import Fault, Gravity, plan, verify

_ROWS = (
    "SELECT id, url, outcome, record_file, record_offset, record_length, payload_digest "
    "FROM captures WHERE record_file IS NOT NULL ORDER BY id"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One capture, as the catalogue has it."""

    id: int
    url: str
    outcome: str
    file: str
    offset: int
    length: int
    digest: str | None


def rows(catalogue: Path) -> list[Row]:
    """Return the captures that have a record; none while there is no catalogue."""
    if not catalogue.exists():
        return []
    with closing(sqlite3.connect(f"file:{catalogue}?mode=ro", uri=True, timeout=20)) as db:
        return [Row(*found) for found in db.execute(_ROWS)]


def read_back(path: Path, wanted: Iterable[Row]) -> None:
    """Read a whole file with warcio and with fastwarc, and find each row's record in it."""
    by_warcio, by_fastwarc = _by_warcio(path), _by_fastwarc(path)
    assert by_warcio == by_fastwarc, f"two libraries read {path.name} differently"
    for row in wanted:
        assert row.offset in by_warcio, f"capture {row.id} names no record of {path.name}"
        uri, digest = by_warcio[row.offset]
        assert uri == row.url, row
        assert digest == row.digest, row


def _by_warcio(path: Path) -> dict[int, tuple[str, str]]:
    found = {}
    with path.open("rb") as source:
        iterator = ArchiveIterator(source, check_digests="raise")
        for record in iterator:
            body = hashlib.sha1(record.content_stream().read()).digest()
            if record.rec_type == "response":
                uri = record.rec_headers.get_header("WARC-Target-URI")
                digest = "sha1:" + base64.b32encode(body).decode()
                found[iterator.get_record_offset()] = (uri, digest)
    return found


def _by_fastwarc(path: Path) -> dict[int, tuple[str, str]]:
    found = {}
    with path.open("rb") as source:
        for record in FastIterator(source, parse_http=True):
            if record.record_type == WarcRecordType.response:
                body = hashlib.sha1(record.reader.read()).digest()
                uri = record.headers["WARC-Target-URI"]
                digest = "sha1:" + base64.b32encode(body).decode()
                found[record.stream_pos] = (uri, digest)
    return found


def faults(root: Path) -> tuple[list[Fault], list[Fault]]:
    """Return what ``verify`` finds in an archive: faults, and remarks."""
    archive = open_archive(root, read_only=True)
    catalogue = open_catalogue(archive)
    try:
        with catalogue.read() as db:
            kept = captures.listing(db, limit=1_000_000)
    finally:
        catalogue.close()
    found = [
        fault
        for one in verify(plan(archive), captures=kept, archive=archive)
        for fault in one.faults
    ]
    wrong = [one for one in found if one.gravity is Gravity.FAULT]
    return wrong, [one for one in found if one.gravity is not Gravity.FAULT]
