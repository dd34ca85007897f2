"""Gather what the first page shows, in one reading of the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crawler.web.suspicion import Suspicion, suspicion
from storage.catalogue import events, overview, sites, standings, targets, visits
from storage.catalogue.engine import Connection
from storage.catalogue.overview import SiteOverview, Totals
from storage.model import Capture, Event, Phase, Target, TargetState, Visit, payload_captures

LAST_EVENTS = 8
LAST_VISITS = 15
NEXT_VISITS = 10
MOST_SUSPICIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRow:
    """A visit and the capture that stands for it: the last hop's."""

    visit: Visit
    capture: Capture | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What a person asks first."""

    totals: Totals
    sites: Sequence[SiteOverview]
    suspicions: Sequence[Suspicion]
    events: Sequence[Event]
    visits: Sequence[VisitRow]
    coming: Sequence[Target]


def gather(db: Connection, *, now: datetime) -> Overview:
    """Read everything for the first page from one connection, so that its numbers agree."""
    return Overview(
        totals=overview.totals(db, now=now),
        sites=overview.site_overviews(db, now=now),
        suspicions=suspicions(db, most=MOST_SUSPICIONS),
        events=events.listing(db, limit=LAST_EVENTS, newest_first=True),
        visits=visit_rows(visits.listing(db, limit=LAST_VISITS)),
        coming=targets.next_due(db, limit=NEXT_VISITS),
    )


def suspicions(db: Connection, *, most: int, site: str | None = None) -> list[Suspicion]:
    """Return the targets under suspicion, the longest first."""
    known = {one.name: one for one in sites.listing(db)}
    suspected = sorted(
        standings.by_phase(db, Phase.SUSPECT),
        key=lambda one: one.since or datetime.max.replace(tzinfo=UTC),
    )
    found: list[Suspicion] = []
    for standing in suspected:
        target = targets.one(db, standing.target_id)
        if target is None or target.state is TargetState.REMOVED:
            continue
        if site in (None, target.site):
            found.append(suspicion(target, standing, known.get(target.site)))
        if len(found) == most:
            break
    return found


def visit_rows(listed: Sequence[Visit]) -> list[VisitRow]:
    """Return each visit with the capture of its last hop, if it got that far."""
    return [
        VisitRow(visit=one, capture=next(reversed(payload_captures(one.captures)), None))
        for one in listed
    ]
