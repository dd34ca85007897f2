"""Carry one visit through the fetch room: its target, and what has been kept so far."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from storage.model import (
    ANSWERED,
    Capture,
    Found,
    Original,
    Outcome,
    Requisite,
    Robots,
    Role,
    Site,
    Target,
    Visit,
    payload_captures,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a conditional request says we have (RFC 9110 §13.1), and the record we have it in."""

    original: Original
    etag: str = ""
    last_modified: str = ""

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return the fields of the request, as the server wrote their values."""
        written = ((b"If-None-Match", self.etag), (b"If-Modified-Since", self.last_modified))
        return tuple((name, value.encode("latin-1")) for name, value in written if value)


@dataclass(slots=True, kw_only=True, eq=False)
class Ticket:
    """One visit under way; the only changing value of the room, owned by one lane."""

    target: Target
    site: Site
    worker: str
    started_at: datetime
    captures: list[Capture] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    requisites: list[Requisite] = field(default_factory=list)
    conditions: dict[str, Condition] = field(default_factory=dict)
    """By address, what need not be sent again where it has not changed."""
    read_with: str = ""
    """Names the spider and its settings; what was read with another is read again."""
    reason: str = ""
    """Why the visit ended, where its last exchange does not say it."""
    read: asyncio.Future[None] = field(default_factory=asyncio.Future)
    """Done when the spider has read the page, or there was none to read."""

    @property
    def robots(self) -> Robots:
        """Return what robots.txt means to this visit: the target's own word, else the site's."""
        return self.target.robots or self.site.robots

    def has_read(self, row: Capture) -> bool:
        """Say whether the spider has read this very page of the target, so that it adds nothing."""
        if row.role not in (Role.TARGET, Role.REDIRECT) or row.payload_digest is None:
            return False
        return self.target.read_as == self.name_of(row.url, row.payload_digest)

    def name_of(self, url: str, payload_digest: str) -> str:
        """Return a name for what the spider reads: its own, and the address and digest of the page.

        A page of this name was read with the same spider and settings.
        """
        read = f"{self.read_with} {payload_digest} {url}"
        return hashlib.blake2b(read.encode(), digest_size=12).hexdigest()

    def done(self) -> None:
        """Say that the page was read, or that there is none to read."""
        if not self.read.done():
            self.read.set_result(None)

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
            read_as=self._read_as(last),
        )

    def _read_as(self, last: Capture) -> str | None:
        read = last.outcome in ANSWERED and last.location is None and self.read_with
        return self.name_of(last.url, last.payload_digest) if read and last.payload_digest else None


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
