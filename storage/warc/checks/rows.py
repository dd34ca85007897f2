"""Hold the records of a file to the rows that the catalogue has of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from storage.errors import RecordError
from storage.model import Capture, RecordRef
from storage.warc import fields
from storage.warc.checks.fault import Kind, Report, quoted
from storage.warc.checks.head import bare
from storage.warc.checks.record import Facts
from storage.warc.checks.ties import lines_of

_SHOWN = ("response", "revisit")


class Rows:
    """The rows of one file, by the offset of their record; taken out as records are found."""

    def __init__(self, path: Path, report: Report, *, complete: bool) -> None:
        self._report = report
        self._complete = complete
        """Whether a record without a row is worth a remark: a running service is still to add."""
        self._left: dict[int, list[bytes]] = {}
        for line in lines_of(path):
            self._left.setdefault(int(line[0]), []).append("\t".join(line).encode())

    def note(self, facts: Facts) -> None:
        """Hold one record to its rows."""
        lines = self._left.pop(facts.offset, None)
        if lines is None:
            if self._complete and facts.head.type in _SHOWN:
                says = "no row of the catalogue points to this record: it is not listed or compared"
                self._report.add(Kind.NO_ROW, says)
            return
        for line in lines:
            row = line.decode().split("\t")
            differs = "; ".join(_differences(facts, row))
            if differs:
                says = f"capture {row[1]} of the catalogue says otherwise of this record: {differs}"
                self._report.add(Kind.ROW, says)

    def end(self, *, cut: int | None = None) -> None:
        """Tell of the rows whose record was not found, of those behind a ``cut`` all at once."""
        beyond: list[int] = []
        for offset, lines in sorted(self._left.items()):
            if cut is not None and offset >= cut:
                beyond.append(offset)
                continue
            for line in lines:
                row = self._begin(offset, line)
                says = f"no whole record begins where capture {row[1]} of the catalogue points"
                self._report.add(Kind.ROW, f"{says} (its {row[2]} record)")
        if beyond:
            self._tell_beyond(beyond)

    def _tell_beyond(self, offsets: Sequence[int]) -> None:
        last = self._begin(offsets[-1], self._left[offsets[-1]][-1])
        first = self._begin(offsets[0], self._left[offsets[0]][0])
        many = f"{len(offsets)} records of the catalogue lie"
        says = f"{many if len(offsets) > 1 else '1 record of the catalogue lies'} behind the cut"
        if len(offsets) > 1:
            says += (
                f": the first is of {first[7]} at {first[6]}, the last of {last[7]} at {last[6]}"
            )
        self._report.add(Kind.ROW, f"{says}; put back a good copy of the file")

    def _begin(self, offset: int, line: bytes) -> list[str]:
        """Say in the report what the row of a record says, and return it."""
        row = line.decode().split("\t")
        self._report.begin(offset)
        self._report.url, self._report.captured_at = row[7], row[6]
        return row


def lines_of_capture(capture: Capture) -> Iterator[tuple[RecordRef, tuple[object, ...]]]:
    """Yield for each record of a capture its place and the line that is held against it."""
    at = fields.warc_date(capture.captured_at)
    for what, ref in (("answer", capture.record), ("request", capture.request_record)):
        if ref is not None:
            record_id = capture.record_id if what == "answer" else None
            yield (
                ref,
                (
                    ref.offset,
                    capture.id,
                    what,
                    ref.length,
                    ref.digest or "",
                    record_id or "",
                    at,
                    capture.url,
                ),
            )


def _differences(facts: Facts, row: list[str]) -> Iterator[str]:
    _, _, what, length, digest, record_id, at, url = row
    head = facts.head
    if int(length) != facts.length:
        yield f"{length} bytes instead of {facts.length}"
    if digest and digest != head.get("warc-payload-digest"):
        yield f"the payload digest {quoted(digest)}"
    if record_id and bare(record_id) != head.record_id:
        yield f"the id {quoted(bare(record_id))}"
    if at != _moment(head.get("warc-date")):
        yield f"the date {at}"
    if not _same_address(bare(head.get("warc-target-uri")), url):
        yield f"the address {quoted(url)}"
    if (what == "request") != (head.type == "request"):
        yield f"that it is the {what}, and it is a {head.type} record"


def _moment(date: str) -> str:
    if len(date) == len("2026-11-22T13:14:15.123456Z"):
        return date
    try:
        return fields.warc_date(fields.parse_date(date))
    except RecordError:
        return ""


def _same_address(uri: str, url: str) -> bool:
    if uri == url:
        return True
    try:
        wanted = fields.target_uri(url)
    except RecordError:
        return False
    # What is not the page itself stands under urn:KIND:URL.
    return uri == wanted or (uri.startswith("urn:") and uri.endswith(f":{wanted}"))
