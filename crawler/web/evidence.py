"""Read from the WARC what the wire carried, as far as a page shows it: the heads."""

from dataclasses import dataclass
from typing import IO

from storage.archive import Archive
from storage.errors import RecordError
from storage.model import Capture, RecordRef
from storage.warc import reader

SHOWN_BYTES = 32_768
READ_BYTES = 32 << 20
"""A record longer than this is not read for a page: the reader checks all of it."""

_SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})
_EMPTY_LINES = (b"\r\n\r\n", b"\n\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The heads of request and answer as the WARC keeps them; ``fault`` says what is unreadable."""

    request: str = ""
    answer: str = ""
    answer_type: str = ""
    """WARC type of the capture's record: ``response``, ``revisit`` or ``metadata``."""
    fault: str = ""
    too_long: bool = False


def wire(archive: Archive, capture: Capture) -> Wire:
    """Return what the records of a capture begin with; a record that cannot be read is said."""
    refs = [ref for ref in (capture.request_record, capture.record) if ref is not None]
    if any(ref.length > READ_BYTES for ref in refs):
        return Wire(too_long=True)
    try:
        _, request = _head(archive, capture.request_record)
        answer_type, answer = _head(archive, capture.record)
    except RecordError as error:
        # Shown, not hidden: the page is where a person learns that a record is damaged.
        return Wire(fault=str(error))
    return Wire(request=_without_secrets(request), answer=answer, answer_type=answer_type)


def _head(archive: Archive, ref: RecordRef | None) -> tuple[str, str]:
    if ref is None:
        return "", ""
    record = reader.read(archive, ref)
    return record.type, _text(record.block)


def _text(block: IO[bytes]) -> str:
    with block:
        data = block.read(SHOWN_BYTES)
    ends = [data.index(line) for line in _EMPTY_LINES if line in data]
    return data[: min(ends, default=len(data))].decode("latin-1").replace("\r\n", "\n")


def _without_secrets(head: str) -> str:
    """Hide what we were given in confidence; the record itself keeps it."""
    return "\n".join(
        f"{line.partition(':')[0]}: (kept in the record, not shown)"
        if line.partition(":")[0].strip().lower() in _SECRET
        else line
        for line in head.split("\n")
    )
