"""Say of a record that was just written what a later revisit must say of it."""

from pathlib import PurePosixPath

from storage.model import Exchange, Original, RecordRef
from storage.warc import fields

SMALLEST_BYTES = 200
"""A revisit record says more than a response record does: below this it would save nothing."""


def original_of(exchange: Exchange, *, record_id: str, record: RecordRef) -> Original:
    """Return the record of an exchange as an original, its fields letter by letter as they lie."""
    return Original(
        record_id=record_id,
        uri=fields.target_uri(exchange.url),
        date=fields.warc_date(exchange.started_at),
        payload_digest=exchange.payload_digest or record.digest or "",
        place=(PurePosixPath(record.file).name, record.offset),
    )
