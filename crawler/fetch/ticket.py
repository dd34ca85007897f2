"""Carry one visit through the fetch room: its target, and what has been kept so far."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from storage.model import (
    Capture,
    Found,
    Outcome,
    Robots,
    Role,
    Site,
    Target,
    Visit,
    payload_captures,
)


@dataclass(slots=True, kw_only=True, eq=False)
class Ticket:
    """One visit under way; the only changing value of the room, owned by one lane."""

    target: Target
    site: Site
    worker: str
    started_at: datetime
    captures: list[Capture] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    requisites: list[str] = field(default_factory=list)
    reason: str = ""
    """Why the visit ended, where its last exchange does not say it."""
    read: asyncio.Future[None] = field(default_factory=asyncio.Future)
    """Done when the spider has read the page, or there was none to read."""

    @property
    def robots(self) -> Robots:
        """Return what robots.txt means to this visit: the target's own word, else the site's."""
        return self.target.robots or self.site.robots

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
        )


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
