"""Carry one visit through the fetch room: its target, and what has been kept so far."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from crawler.fetch.keeper import Place
from storage.message import first_of
from storage.model import (
    Capture,
    Found,
    Original,
    Outcome,
    Requisite,
    Robots,
    Role,
    Site,
    Target,
    TargetState,
    Visit,
    payload_captures,
)
from storage.warc import fields

Fields = Sequence[tuple[str, str]]

_MILLISECOND = timedelta(milliseconds=1)
_NO_TIME = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a conditional request says we have (RFC 9110 §13.1), and the record we have it in."""

    original: Original
    fields: tuple[tuple[str, str], ...]
    """Header fields of the answer that we have."""
    etag: str = ""
    last_modified: str = ""

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return the fields of the request, as the server wrote their values."""
        written = ((b"If-None-Match", self.etag), (b"If-Modified-Since", self.last_modified))
        return tuple((name, value.encode("latin-1")) for name, value in written if value)

    def is_met_by(self, fields: Fields) -> bool:
        """Say whether a 304 with these fields speaks of what we have: its entity tag, if any, is.

        Compared weakly, as is meant for If-None-Match (RFC 9110 §13.1.2).
        """
        told = (first_of(fields, "etag") or "").removeprefix("W/")
        return not told or told == self.etag.removeprefix("W/")


def condition_of(original: Original, fields: tuple[tuple[str, str], ...]) -> Condition | None:
    """Return how to ask for an answer only if it changed; None where the server gave no means.

    A date alone counts only where the answer came a second or more after it: within the second the
    page may have changed once more (RFC 9110 §8.8.2.2).
    """
    etag = first_of(fields, "etag") or ""
    last_modified = first_of(fields, "last-modified") or ""
    if not etag and not _is_strong(last_modified, first_of(fields, "date") or ""):
        last_modified = ""
    if not etag and not last_modified:
        return None
    return Condition(original=original, fields=fields, etag=etag, last_modified=last_modified)


def _is_strong(last_modified: str, answered: str) -> bool:
    try:
        return parsedate_to_datetime(answered) > parsedate_to_datetime(last_modified)
    except (ValueError, TypeError, OverflowError):  # no dates, or one with and one without a zone
        return False


@dataclass(slots=True, kw_only=True, eq=False)
class Ticket:
    """One visit under way; the only changing value of the room, owned by one lane."""

    target: Target
    site: Site
    worker: str
    started_at: datetime
    captures: list[Capture] = field(default_factory=list)
    """Their records have no place until ``placed``."""
    found: list[Found] = field(default_factory=list)
    requisites: list[Requisite] = field(default_factory=list)
    conditions: dict[str, Condition] = field(default_factory=dict)
    """By address, what need not be sent again where it has not changed."""
    read_with: str = ""
    """Names the spider and its settings; what was read with another is read again."""
    page_name: str | None = None
    """Names what the spider is given to read at this visit (``name_of``)."""
    leads: str | None = None
    """Names what of it the spider finds something in, as far as a glance tells."""
    reason: str = ""
    """Why the visit ended, where its last exchange does not say it."""
    read: asyncio.Future[None] = field(default_factory=asyncio.Future)
    """Done when the spider has read the page, or there was none to read."""
    written: asyncio.Future[None] = field(default_factory=asyncio.Future)
    """Done when the visit is in the catalogue with what was found, or was given up."""
    ended_at: datetime = field(init=False)
    """When the last exchange so far had come, to the millisecond that its record says."""
    _unplaced: deque[tuple[int | None, Place]] = field(default_factory=deque)
    """Which rows wait for which places; None waits for the note of a row that has no record."""

    def __post_init__(self) -> None:
        self.ended_at = self.started_at

    @property
    def own_lines(self) -> bytes:
        """Return what the records of the target's own exchange say of the visit (warc-fields)."""
        return f"{self._name}{_promised(self.target)}".encode()

    @property
    def other_lines(self) -> bytes:
        """Return what the records of its other exchanges say of it."""
        return self._name.encode() + fields.named_fields((("target", self.target.url),))

    @property
    def _name(self) -> str:
        return f"visit: {fields.warc_date(self.started_at)} {self.worker}\r\n"

    @property
    def robots(self) -> Robots:
        """Return what robots.txt means to this visit: the target's own word, else the site's."""
        return self.target.robots or self.site.robots

    @property
    def was_read(self) -> bool:
        """Whether the spider has read this very page of the target, so that it adds nothing."""
        return self.page_name is not None and self.has_read(self.page_name)

    def has_read(self, name: str | None) -> bool:
        """Say whether the spider has read what has this name (``name_of``) at an earlier visit."""
        return self._read_before[0] is not None and self._read_before[0] == name

    def leads_where_it_led(self, leads: str | None, *, url: str, content_type: str) -> bool:
        """Take down what a glance at the page tells; say whether it told that before."""
        if leads is None or self.page_name is None:
            return False
        told = f"{self.read_with}\0{leads}\0{url}\0{content_type}"
        self.leads = hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=12).hexdigest()
        return self.leads == self._read_before[1]

    @property
    def read_as(self) -> str | None:
        """Return what a later visit is to know of what was read at this one."""
        if self.page_name is None:
            return None
        leads = self.leads or (self._read_before[1] if self.was_read else "")
        return f"{self.page_name} {leads}".strip()

    @property
    def _read_before(self) -> tuple[str | None, str]:
        page, _, leads = (self.target.read_as or "").partition(" ")
        return page or None, leads

    def name_of(self, url: str, payload_digest: str | None, fields: Fields) -> str | None:
        """Return a name for what a spider reads; None where it can have none.

        It is made of the spider's own name, and of address, bytes, type and coding of the page:
        what has the same name was read with the same spider and settings.
        """
        if not self.read_with or payload_digest is None:
            return None
        kind = first_of(fields, "content-type") or ""
        coding = first_of(fields, "content-encoding") or ""
        read = f"{self.read_with}\0{payload_digest}\0{url}\0{kind}\0{coding}"
        return hashlib.blake2b(read.encode("utf-8", "replace"), digest_size=12).hexdigest()

    def unread(self) -> None:
        """Take back that the page counts as read: its spider failed."""
        self.page_name = None

    def done(self) -> None:
        """Say that the page was read, or that there is none to read."""
        if not self.read.done():
            self.read.set_result(None)

    @property
    def found_on(self) -> str | None:
        """Return what led to the target, at its first visit; later ones need not say it again."""
        return self.target.found_on if self.target.last_visit_at is None else None

    def keeps(self, row: Capture, place: Place, *, took: timedelta = _NO_TIME) -> None:
        """Take a row whose records are being appended; ``took`` is how long its exchange took."""
        self._unplaced.append((len(self.captures), place))
        self.captures.append(row)
        self.ended_at = max(self.ended_at, row.captured_at + took // _MILLISECOND * _MILLISECOND)

    def notes(self, row: Capture, place: Place) -> None:
        """Take the row of what was not asked for; a note of it is being appended."""
        self._unplaced.append((None, place))
        self.captures.append(row)
        self.ended_at = max(self.ended_at, row.captured_at)

    def placed(self) -> None:
        """Write into the rows where their records lie, as far as that is known by now.

        Raise what an exchange could not be kept for.
        """
        while self._unplaced and self._unplaced[0][1].is_known:
            index, place = self._unplaced.popleft()
            kept, original = place.made()
            if index is None:
                continue
            self.captures[index] = replace(
                self.captures[index],
                record=kept.record,
                request_record=kept.request,
                record_id=kept.record_id,
                refers_to=original.record_id if original is not None else None,
            )

    def over(self) -> None:
        """Say that the visit was written, or was given up."""
        if not self.written.done():
            self.written.set_result(None)

    def visit(self, *, finished_at: datetime) -> Visit:
        """Return the visit as the catalogue keeps it; its outcome is that of the last hop."""
        chain = payload_captures(self.captures)
        if not chain:
            message = f"a visit without an exchange: {self.target.url}"
            raise AssertionError(message)
        last = chain[-1]
        return Visit(
            target_id=self.target.id,
            site=self.target.site,
            url=self.target.url,
            worker=self.worker,
            due_at=self.target.due_at,
            started_at=self.started_at,
            finished_at=finished_at,
            outcome=last.outcome,
            reason=last.reason or self.reason,
            status=last.status,
            captures=tuple(self.captures),
            found=tuple(self.found),
            read_as=self.read_as,
        )


def _promised(target: Target) -> str:
    """Return what a target's own exchange says of it, so that its row can be made again."""
    lines = ""
    if target.due_at is not None:
        lines = f"due: {fields.warc_date(target.due_at)}\r\n"
    if target.state is TargetState.ONCE:
        lines += f"watch: {target.state}\r\n"
    if target.last_visit_at is None:
        found_at = fields.warc_date(target.found_at)
        lines += f"foundBy: {target.found_by}\r\nfoundAt: {found_at}\r\n"
    return lines


def new_ticket(target: Target, site: Site, *, worker: str) -> Ticket:
    """Return a ticket for a visit that starts now."""
    return Ticket(target=target, site=site, worker=worker, started_at=datetime.now(UTC))


def blocked(url: str, outcome: Outcome, reason: str, *, role: Role, hop: int) -> Capture:
    """Return the capture row of an exchange that was never made."""
    return Capture(
        url=url,
        role=role,
        hop=hop,
        captured_at=datetime.now(UTC),
        outcome=outcome,
        reason=reason,
    )
