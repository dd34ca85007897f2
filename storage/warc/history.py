"""Read back from the WARC files what the catalogue knew: exchanges, visits, statements.

A record counts only where it names the warcinfo record of its file. Its id is not to be guessed, so
a WARC file that a server sent, and that shows in the middle of a damaged record of ours, forges
nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from storage.archive import Archive
from storage.errors import RecordError
from storage.message import Head as HttpHead
from storage.message import first_of, parse_head
from storage.model import (
    Capture,
    FoundBy,
    Outcome,
    RecordRef,
    Role,
    TargetState,
    Truncation,
)
from storage.warc import fields
from storage.warc.checks.tape import Flow, Member, Tape, next_member
from storage.warc.files import INVALID
from storage.warc.member import MemberError
from storage.warc.statements import Statement, VisitName, statement_of

LOST = "its record is damaged"
"""Why an exchange is no capture whose metadata alone could be read."""
_END = b"\r\n\r\n"
_LONGEST_HEAD_BYTES = 1 << 20
_USUAL_HEAD_BYTES = 1 << 14
_HTTP_HEAD_BYTES = 4 << 20
_FIELDS = "application/warc-fields"
_MOST_AGAIN = 8
"""How many times its size a file may be read again behind what is broken: records that lie within
each other would else take quadratic time."""
_GIVEN_UP = "too much of the file is broken: its rest was given up"
_LONGEST_NOTE_BYTES = 32 << 20
"""A statement longer than this is none of ours."""
_RAW = "urn:raw:"
_NOT_MODIFIED = "urn:not-modified:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One exchange of a visit, or the note that there was none."""

    visit: VisitName
    capture: Capture
    """Without ``location``, ``transfer`` of which ``headers`` tell; nothing of it has a number."""
    headers: tuple[tuple[str, str], ...]
    """Fields of the answer."""
    ended_at: datetime
    via: str = ""
    """Address of what led to it."""
    due_at: datetime | None = None
    found_by: FoundBy | None = None
    found_at: datetime | None = None
    state: TargetState = TargetState.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A place from which nothing could be read."""

    file: str
    offset: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclaimed:
    """An exchange that is of no visit: its visit was given up, or made by an older release."""

    file: str
    offset: int


Item: TypeAlias = Past | Statement | Damage | Unclaimed


@dataclass(frozen=True, slots=True)
class _Record:
    """One record: its place, its named fields, and the start of its block."""

    ref: RecordRef
    fields: Mapping[str, str]
    block: bytes

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def id(self) -> str:
        return self.get("warc-record-id")


@dataclass(slots=True)
class _Parts:
    """The records of one exchange, as they come."""

    request: _Record | None = None
    main: _Record | None = None
    not_modified: HttpHead | None = None


def files_of(archive: Archive) -> list[str]:
    """Return the names of the WARC files, in the order in which they are read."""
    return sorted(archive.name(path) for path in archive.warc.rglob("*.warc.gz"))


def read_file(archive: Archive, file: str, *, start: int = 0) -> Iterator[Item]:
    """Yield what one WARC file says; what cannot be read is told and passed over.

    ``start`` is where a record is known to begin, for who wants the end of a file only.
    Raise OSError when the file cannot be read at all.
    """
    path = archive.path(file)
    if not path.exists():  # set aside, because a part of it could not be proved
        path = path.with_name(path.name + INVALID)
    with path.open("rb") as source:
        tape = Tape(source, size=path.stat().st_size)
        tape.seek(start)
        parts = _Parts()
        info_id = ""
        again = 0
        while tape.position < tape.size:
            offset = tape.position
            try:
                record = _next_record(tape, file)
                if record.get("warc-type") == "warcinfo":
                    info_id = info_id or record.id
                    continue
                if not info_id:
                    info_id = record.get("warc-warcinfo-id")
                if record.get("warc-warcinfo-id") == info_id:
                    yield from _items(record, parts)
            except MemberError as fault:
                yield Damage(file=file, offset=offset, message=str(fault))
                found = next_member(tape, offset + 1)
                again += max(0, tape.position - found)
                if again > _MOST_AGAIN * tape.size:
                    yield Damage(file=file, offset=found, message=_GIVEN_UP)
                    return
                tape.seek(found)
            except RecordError as fault:
                yield Damage(file=file, offset=offset, message=str(fault))
            except ValueError as fault:  # a word of a newer release where one of a few is expected
                yield Damage(file=file, offset=offset, message=fields.one_line(str(fault)))


def _next_record(tape: Tape, file: str) -> _Record:
    """Read the record at the tape's position, of a large answer only the start."""
    offset = tape.position
    member = Member(tape)
    flow = Flow(member.read)
    head = flow.until(_END, limit=_LONGEST_HEAD_BYTES)
    if head is None or not head.startswith(b"WARC/1."):
        raise MemberError("it is no WARC record")
    named = _named_fields(head)
    block = _start(named, flow)
    size = named.get("content-length", "")
    flow.drain()
    if member.wrong:
        raise MemberError(f"the gzip member is not what its trailer says: {member.wrong} differs")
    if not (size.isascii() and size.isdigit() and len(size) < 19):
        raise MemberError("it names no length")
    if flow.position != len(head) + int(size) + len(_END):
        raise MemberError("its block is not as long as it says")
    ref = RecordRef(
        file=file,
        offset=offset,
        length=tape.position - offset,
        digest=named.get("warc-payload-digest"),
    )
    return _Record(ref, named, block[: int(size)])


def _start(named: Mapping[str, str], flow: Flow) -> bytes:
    """Return as much of a block as says something: all of a note, the head of an answer."""
    kind, content = named.get("warc-type"), named.get("content-type")
    if kind == "resource" or (kind == "metadata" and content == _FIELDS):
        return flow.peek(_LONGEST_NOTE_BYTES)
    if kind not in ("response", "revisit", "metadata"):
        return b""
    start = flow.peek(_USUAL_HEAD_BYTES)
    return start if len(start) < _USUAL_HEAD_BYTES or _END in start else flow.peek(_HTTP_HEAD_BYTES)


def _items(record: _Record, parts: _Parts) -> Iterator[Item]:
    """Take a record to the exchange it belongs to; yield what is complete with it."""
    match record.get("warc-type"):
        case "request":
            parts.request, parts.main, parts.not_modified = record, None, None
        case "response" | "revisit":
            parts.main, parts.not_modified = record, None
        case "resource":
            said = statement_of(record.get("warc-target-uri"), record.block)
            if said is not None:
                yield said
        case "metadata":
            uri = record.get("warc-target-uri")
            if uri.startswith(_RAW):
                parts.main = record
            elif uri.startswith(_NOT_MODIFIED):
                parts.not_modified = parse_head(record.block)
            elif record.get("content-type") == _FIELDS:
                facts = _facts(record.block)
                if "role" in facts and "outcome" in facts:
                    yield _exchange(record, facts, parts)
                    parts.request = parts.main = parts.not_modified = None
        case _:
            pass


def _exchange(last: _Record, facts: Mapping[str, str], parts: _Parts) -> Past | Unclaimed:
    """Put an exchange together from its records; the last of them is its metadata."""
    visit = _visit(last, facts)
    if visit is None:
        return Unclaimed(file=last.ref.file, offset=last.ref.offset)
    request, main = _tied(last, parts)
    answer = main or last
    head = parts.not_modified
    if main is not None and head is None:
        head = parse_head(main.block)
    at = fields.parse_date(last.get("warc-date"))
    took = timedelta(milliseconds=_number(facts.get("fetchTimeMs", "")))
    is_revisit = answer.get("warc-type") == "revisit"
    cut = "" if is_revisit else answer.get("warc-truncated")
    # Tied to something that is not there: it could not be read.
    is_lost = main is None and request is None and bool(last.get("warc-concurrent-to"))
    has_record = facts.get("asked") != "no" and not is_lost
    refers_to = answer.get("warc-refers-to") if is_revisit else ""
    capture = Capture(
        site=facts.get("site", ""),
        url=facts.get("url") or _address(last),
        role=Role(facts["role"]),
        hop=facts.get("hopsFromSeed", "").count("R"),
        captured_at=at,
        outcome=Outcome.TRUNCATED if is_lost else Outcome(facts["outcome"]),
        reason=LOST if is_lost else facts.get("reason", ""),
        status=head.status if head is not None else None,
        content_type=first_of(head.fields, "content-type") if head is not None else None,
        address=_connected(request, answer),
        record=answer.ref if has_record else None,
        request_record=request.ref if request is not None else None,
        record_id=answer.id if has_record else None,
        refers_to=refers_to or None,
        payload_digest=answer.get("warc-payload-digest") or None,
        payload_bytes=_number(facts.get("payloadBytes", "")),
        truncated=Truncation(cut) if cut else None,
    )
    return Past(
        visit=visit,
        capture=capture,
        headers=head.fields if head is not None else (),
        ended_at=at + took,
        via=facts.get("via", ""),
        due_at=_moment(facts.get("due")),
        found_by=FoundBy(facts["foundBy"]) if "foundBy" in facts else None,
        found_at=_moment(facts.get("foundAt")),
        state=TargetState(facts.get("watch", TargetState.ACTIVE)),
    )


def _tied(last: _Record, parts: _Parts) -> tuple[_Record | None, _Record | None]:
    """Return request and answer of an exchange, those that its metadata is tied to."""
    tie = last.get("warc-concurrent-to")
    main, request = parts.main, parts.request
    if main is not None and main.id == tie:
        told = main.get("warc-concurrent-to")
        return (request if request is not None and request.id == told else None), main
    if request is not None and request.id == tie:
        return request, None
    return None, None


def _visit(last: _Record, facts: Mapping[str, str]) -> VisitName | None:
    started, _, worker = facts.get("visit", "").partition(" ")
    if not started:
        return None
    url = facts.get("target") or facts.get("url") or _address(last)
    return VisitName(started_at=fields.parse_date(started), worker=worker, url=url)


def _address(record: _Record) -> str:
    return record.get("warc-target-uri")


def _connected(request: _Record | None, answer: _Record) -> str | None:
    """Return the address we were connected to, as the first record says that can."""
    told = answer.get("warc-ip-address")
    return told or (request.get("warc-ip-address") if request is not None else "") or None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _moment(text: str | None) -> datetime | None:
    return fields.parse_date(text) if text else None


def _named_fields(head: bytes) -> dict[str, str]:
    """Return the first value of each named field, names in lower case; ours fold no lines."""
    found: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.lower(), value.strip(" \t"))
    return found


def _facts(block: bytes) -> dict[str, str]:
    """Return the first value of each field of a metadata record."""
    found: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name, value.removeprefix(" "))
    return found
