"""Sum the catalogue up: what a person or a monitor asks first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, func, select

from storage.catalogue import visits
from storage.catalogue.tables import deliveries, events, standings, tallies, targets
from storage.catalogue.tables import sites as site_rows
from storage.model import DeliveryState, Outcome, Phase, TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOverview:
    """How one site is doing; removed targets are not counted."""

    site: str
    targets: int = 0
    paused: int = 0
    due_now: int = 0
    suspects: int = 0
    confirmed: int = 0
    last_visit_at: datetime | None = None
    last_event_at: datetime | None = None
    next_due_at: datetime | None = None
    captures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How the whole archive is doing; ``outcomes`` counts visits by how they ended."""

    targets: int
    visits: int
    captures: int
    events: int
    unread_visits: int
    unread_since_at: datetime | None
    """When the oldest visit ended that is not yet compared; None when all are."""
    pending_deliveries: int
    given_up_deliveries: int
    oldest_due_at: datetime | None
    """Since when the most overdue target waits; None when nothing is overdue."""
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)


def site_overviews(db: Connection, *, now: datetime) -> list[SiteOverview]:
    """Return how each site is doing, by name; also sites that only have targets or captures."""
    states = _by_site(db, _states())
    queues = _by_site(db, _queues(now))
    phases = _by_site(db, _phases())
    counts = _by_site(db, _counts())
    last = _by_site(db, _last_events())
    names = set(db.execute(select(site_rows.c.name).where(~site_rows.c.gone)).scalars())
    names |= states.keys() | counts.keys()
    return [
        SiteOverview(
            site=name,
            **states.get(name, {}),
            **queues.get(name, {}),
            **phases.get(name, {}),
            **counts.get(name, {}),
            **last.get(name, {}),
        )
        for name in sorted(names)
    ]


def totals(db: Connection, *, now: datetime) -> Totals:
    """Return how the archive is doing."""
    by_outcome = select(tallies.c.outcome, func.sum(tallies.c.visits).label("visits"))
    outcomes = db.execute(by_outcome.group_by(tallies.c.outcome)).all()
    by_state = select(deliveries.c.state, func.count().label("count")).group_by(deliveries.c.state)
    states = {row.state: int(row[1]) for row in db.execute(by_state)}
    captures = db.execute(select(func.coalesce(func.sum(tallies.c.captures), 0))).scalar_one()
    unread, unread_since_at = visits.backlog(db)
    watched = targets.c.state != TargetState.REMOVED
    oldest = select(func.min(targets.c.queue_at)).where(targets.c.queue_at <= now)
    return Totals(
        targets=db.execute(select(func.count()).select_from(targets).where(watched)).scalar_one(),
        visits=sum(int(row.visits) for row in outcomes),
        captures=int(captures),
        events=db.execute(select(func.count()).select_from(events)).scalar_one(),
        unread_visits=unread,
        unread_since_at=unread_since_at,
        pending_deliveries=states.get(DeliveryState.PENDING, 0),
        given_up_deliveries=states.get(DeliveryState.GIVEN_UP, 0),
        oldest_due_at=db.execute(oldest).scalar(),
        outcomes={row.outcome: int(row.visits) for row in outcomes},
    )


def _by_site(db: Connection, statement: Select[*tuple[object, ...]]) -> dict[str, dict[str, Any]]:
    rows = [dict(row) for row in db.execute(statement).mappings()]
    return {str(row.pop("site")): row for row in rows}


def _states() -> Select[*tuple[object, ...]]:
    return (
        select(
            targets.c.site,
            func.count().label("targets"),
            _count(targets.c.state == TargetState.PAUSED).label("paused"),
        )
        .where(targets.c.state != TargetState.REMOVED)
        .group_by(targets.c.site)
    )


def _queues(now: datetime) -> Select[*tuple[object, ...]]:
    return (
        select(
            targets.c.site,
            _count(targets.c.queue_at <= now).label("due_now"),
            func.min(targets.c.queue_at).label("next_due_at"),
        )
        .where(targets.c.queue_at.is_not(None))
        .group_by(targets.c.site)
    )


def _phases() -> Select[*tuple[object, ...]]:
    return (
        select(
            targets.c.site,
            _count(standings.c.phase == Phase.SUSPECT).label("suspects"),
            _count(standings.c.phase == Phase.CONFIRMED).label("confirmed"),
        )
        .join(standings, standings.c.target_id == targets.c.id)
        .where(
            standings.c.phase.in_((Phase.SUSPECT, Phase.CONFIRMED)),
            targets.c.state != TargetState.REMOVED,
        )
        .group_by(targets.c.site)
    )


def _counts() -> Select[*tuple[object, ...]]:
    return select(
        tallies.c.site,
        func.sum(tallies.c.captures).label("captures"),
        func.max(tallies.c.last_visit_at).label("last_visit_at"),
    ).group_by(tallies.c.site)


def _last_events() -> Select[*tuple[object, ...]]:
    last = func.max(events.c.told_at).label("last_event_at")
    return select(events.c.site, last).group_by(events.c.site)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
