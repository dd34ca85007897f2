"""Know the record of each different payload that the archive holds whole."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, bindparam, delete, select

from storage.catalogue.dialects import insert_or_replace
from storage.catalogue.engine import Catalogue
from storage.catalogue.tables import payloads
from storage.model import ANSWERED, Capture, Original
from storage.warc import fields
from storage.warc.originals import SMALLEST_BYTES

_FIND = select(
    payloads.c.record_id, payloads.c.uri, payloads.c.date, payloads.c.file, payloads.c.offset
).where(
    payloads.c.digest == bindparam("of_digest"), payloads.c.transfer == bindparam("by_transfer")
)


class Payloads:
    """Find payloads from an event loop: on a connection of its own, without waiting for a writer.

    It sees what was committed before the call. For one thread at a time, in the process that made
    it.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._lookup = catalogue.lookup(_FIND)

    def find(self, digest: str, transfer: str) -> Original | None:
        """Return the record that holds the payload of this digest (``sha1:BASE32``), or None.

        ``transfer`` are the transfer codings it came with: a replay reads the block of the original
        by the header fields of the revisit, so they must be the same.
        """
        row = self._lookup.first({"of_digest": digest, "by_transfer": transfer})
        if row is None:
            return None
        record_id, uri, date, file, offset = row
        return Original(
            record_id=record_id,
            uri=uri,
            date=date,
            payload_digest=digest,
            place=(file.rpartition("/")[2], offset),
        )

    def close(self) -> None:
        """Give the connection back; ``find`` takes another."""
        self._lookup.close()


def note(db: Connection, captures: Iterable[Capture]) -> None:
    """Remember the records that hold a payload whole; of equal ones the last.

    The last, because a payload that is known is kept whole again only where its first record is
    not to be had: so the catalogue recovers from the loss of a file.
    """
    rows = dict(row for one in captures for row in _rows(one))
    if rows:
        # In the order of the digests, so that two writers never wait for each other crosswise.
        in_order = [row for _, row in sorted(rows.items())]
        db.execute(insert_or_replace(db, payloads), in_order)


def forget(db: Connection, file: str) -> int:
    """Drop what lies in a WARC file that is gone; return how many payloads that were.

    Answers like them are kept whole again. It reads the whole table.
    """
    return db.execute(delete(payloads).where(payloads.c.file == file)).rowcount


def _rows(capture: Capture) -> Iterator[tuple[tuple[str, str], dict[str, object]]]:
    digest, record = capture.payload_digest, capture.record
    if (
        digest is None
        or record is None
        or capture.record_id is None
        or capture.refers_to is not None
        or capture.truncated is not None
        or capture.outcome not in ANSWERED
        or capture.payload_bytes < SMALLEST_BYTES
    ):
        return
    yield (
        (digest, capture.transfer),
        {
            "digest": digest,
            "transfer": capture.transfer,
            "record_id": capture.record_id,
            "uri": fields.target_uri(capture.url),
            "date": fields.warc_date(capture.captured_at),
            "file": record.file,
            "offset": record.offset,
        },
    )
