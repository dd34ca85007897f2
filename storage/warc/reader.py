"""Read one record, or the page in it, by its reference, and trust nothing that does not agree."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from storage.archive import Archive
from storage.errors import RecordError
from storage.folders import explain
from storage.message import codings_of, decode, entity, first_of, parse_head
from storage.model import Original, RecordRef
from storage.warc import fields
from storage.warc.files import INVALID, OPEN
from storage.warc.member import MemberError
from storage.warc.stored import Stored

_IN_MEMORY_BYTES = 1 << 20
_HEAD_BYTES = 4 << 20
_FILE_NAME = re.compile(r".*-(?P<year>\d{4})(?P<month>\d{2})\d{11}-\d{5}-[^/]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """One record as it lies in the archive; ``block`` is at its start, and yours to close."""

    type: str
    id: str
    url: str
    at: datetime
    headers: tuple[tuple[str, str], ...]
    """Named fields of the WARC record, in order."""
    block: IO[bytes]
    block_bytes: int

    def header(self, name: str) -> str | None:
        """Return the first value of a named field of the record."""
        return first_of(self.headers, name.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    """An answer ready to be read: its own status and headers, its body without any coding."""

    url: str
    at: datetime
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def read(archive: Archive, ref: RecordRef) -> StoredRecord:
    """Return the record, once its length and digests agree with the reference and with itself."""
    return _read(archive, ref.file, offset=ref.offset, length=ref.length, digest=ref.digest)


def page(archive: Archive, ref: RecordRef, *, limit_bytes: int) -> StoredPage:
    """Return the answer in the record, its body decoded and cut at ``limit_bytes``.

    A revisit gives the body of its original. A record without an answer is a RecordError.
    """
    record = read(archive, ref)
    with record.block:
        if record.type == "revisit":
            return _revisited_page(archive, ref, record, limit_bytes=limit_bytes)
        return _page(ref, record, limit_bytes=limit_bytes)


def original(archive: Archive, ref: RecordRef) -> Original:
    """Return what a revisit must say of the record; for a revisit, what it says itself."""
    record = read(archive, ref)
    record.block.close()
    return _original(ref, record)


def _original(ref: RecordRef, record: StoredRecord) -> Original:
    if record.type == "revisit":
        prefix, record_id = "WARC-Refers-To-", _needed(ref, record, "WARC-Refers-To")
        uri = _needed(ref, record, "WARC-Refers-To-Target-URI")
        place = _place(record)
    else:
        prefix, record_id, uri = "WARC-", record.id, record.url
        place = (Path(ref.file).name, ref.offset)
    return Original(
        record_id=record_id,
        uri=uri,
        date=_needed(ref, record, prefix + "Date"),
        payload_digest=_needed(ref, record, "WARC-Payload-Digest"),
        place=place,
    )


def kept_head(archive: Archive, ref: RecordRef) -> tuple[Original, tuple[tuple[str, str], ...]]:
    """Return what a revisit must say of the record, and the header fields of the answer in it.

    Of a revisit its original is read too: both are sound when this returns.
    """
    record = read(archive, ref)
    with record.block:
        head = parse_head(record.block.read(_HEAD_BYTES))
    original = _original(ref, record)
    if record.type == "revisit":
        check(archive, original)
    return original, head.fields if head is not None else ()


def head_fields(archive: Archive, ref: RecordRef) -> tuple[tuple[str, str], ...]:
    """Return the header fields of the answer in a record; of a revisit its own, if it has any."""
    record = read(archive, ref)
    with record.block:
        found = parse_head(record.block.read(_HEAD_BYTES))
    return found.fields if found is not None else ()


def check(archive: Archive, held: Original) -> None:
    """Read the record of an original and hold it to its digests; RecordError if it is not sound."""
    file = place_of(archive, held.place[0]) if held.place else None
    if held.place is None or file is None:
        raise RecordError(f"{fields.one_line(held.uri[:200])} is kept nobody knows where")
    place = held.place[1]
    record = _read(archive, file, offset=place, length=None, digest=held.payload_digest)
    record.block.close()
    if record.id != held.record_id:
        raise RecordError(f"the record at {place} of {file} is {record.id}, not {held.record_id}")


def _read(
    archive: Archive, file: str, *, offset: int, length: int | None, digest: str | None
) -> StoredRecord:
    url = ""
    # The block is handed out open, and closed here only when it is not handed out.
    block: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115
    try:
        with opened(archive, file) as source:
            stored = Stored(source, offset=offset)
            url = stored.header("WARC-Target-URI") or ""
            for piece in stored.block(verify=True):
                block.write(piece)
        _refuse_another(stored, length=length, digest=digest)
        block.seek(0)
        return StoredRecord(
            type=stored.header("WARC-Type") or "",
            id=stored.header("WARC-Record-ID") or "",
            url=url,
            at=fields.parse_date(stored.header("WARC-Date") or ""),
            headers=stored.headers,
            block=block,
            block_bytes=stored.block_bytes,
        )
    except (RecordError, OSError) as error:
        block.close()
        why = explain(error) if isinstance(error, OSError) else str(error)
        what = f" ({fields.one_line(url[:200])})" if url else ""
        raise RecordError(f"the record at {offset} of {file}{what} is unreadable: {why}") from error
    except BaseException:
        block.close()
        raise


def _refuse_another(stored: Stored, *, length: int | None, digest: str | None) -> None:
    if length is not None and stored.length != length:
        raise MemberError(f"it is {stored.length} bytes long, not {length}")
    payload = stored.header("WARC-Payload-Digest")
    if digest is not None and payload != digest:
        raise MemberError(f"its payload is {payload}, not {digest}")


@contextmanager
def opened(archive: Archive, file: str) -> Iterator[IO[bytes]]:
    """Open a WARC file that may be growing, be finished in this very moment, or be set aside."""
    path = archive.path(file)
    growing, aside = path.with_name(path.name + OPEN), path.with_name(path.name + INVALID)
    for one in (path, growing, path, aside):
        try:
            source = one.open("rb")
        except FileNotFoundError:
            continue
        with source:
            yield source
        return
    raise MemberError("the file is missing")


def _page(
    ref: RecordRef,
    record: StoredRecord,
    *,
    limit_bytes: int,
    headers: tuple[tuple[str, str], ...] | None = None,
) -> StoredPage:
    """Return the page in a response record, read by ``headers`` where a revisit has its own."""
    if record.type != "response":
        raise RecordError(f"{_named(ref, record)} is a {record.type} record and holds no page")
    head = parse_head(record.block.read(_HEAD_BYTES))
    if head is None:
        raise RecordError(f"{_named(ref, record)} holds an answer that is not HTTP")
    record.block.seek(0)
    codings = codings_of(head.fields if headers is None else headers)
    return StoredPage(
        url=record.url,
        at=record.at,
        status=head.status,
        headers=head.fields,
        body=decode(entity(record.block), codings, limit_bytes=limit_bytes),
    )


def _revisited_page(
    archive: Archive, ref: RecordRef, record: StoredRecord, *, limit_bytes: int
) -> StoredPage:
    place = _place(record)
    file = place_of(archive, place[0]) if place else None
    if place is None or file is None:
        raise RecordError(f"{_named(ref, record)} is a revisit that does not say where its page is")
    digest = record.header("WARC-Payload-Digest")
    first = _read(archive, file, offset=place[1], length=None, digest=digest)
    own = parse_head(record.block.read(_HEAD_BYTES))
    with first.block:
        headers = own.fields if own is not None else None
        body = _page(ref, first, limit_bytes=limit_bytes, headers=headers)
    return StoredPage(
        url=record.url,
        at=record.at,
        status=own.status if own else body.status,
        headers=own.fields if own else body.headers,
        body=body.body,
    )


def place_of(archive: Archive, name: str) -> str | None:
    """Return the name in the archive of a WARC file by its base name, which tells its month."""
    named = _FILE_NAME.fullmatch(name)
    return f"{archive.warc.name}/{named['year']}/{named['month']}/{name}" if named else None


def _place(record: StoredRecord) -> tuple[str, int] | None:
    name = record.header("WARC-Refers-To-Filename") or ""
    offset = record.header("WARC-Refers-To-File-Offset") or ""
    return (name, int(offset)) if name and offset.isascii() and offset.isdigit() else None


def _needed(ref: RecordRef, record: StoredRecord, name: str) -> str:
    value = record.header(name)
    if value is None:
        raise RecordError(f"{_named(ref, record)} has no {name}, so nothing can refer to it")
    return value


def _named(ref: RecordRef, record: StoredRecord) -> str:
    return f"the record at {ref.offset} of {ref.file} ({fields.one_line(record.url[:200])})"
