"""Say how far a one-off run is: what it has visited, what is left, what it waits for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from storage.catalogue.dialects import portions
from storage.catalogue.tables import hosts, standings, targets, visits
from storage.model import Phase, TargetState

LONGEST_PATIENCE = timedelta(minutes=1)
"""A run leaves targets due whose host wants to be left alone for longer."""
_WATCHED = (TargetState.ACTIVE, TargetState.ONCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is; counts of targets, and of visits for ``unread``."""

    visited: int = 0
    due: int = 0
    """Due, and not visited since the run began."""
    suspected: int = 0
    """Suspected or doubted, with a re-look to come; not an outage that goes on by schedule."""
    next_look_at: datetime | None = None
    """When the first suspected target is looked at again."""
    unread: int = 0
    """Visits not yet compared."""


def of_run(
    db: Connection, *, since: datetime, now: datetime, ids: Collection[int] | None = None
) -> Progress:
    """Return how far the run is that began at ``since``, over these targets or over all."""
    if ids is None:
        return _of(db, targets.c.id.is_not(None), visits.c.id.is_not(None), since=since, now=now)
    total = Progress()
    for part in portions(sorted(ids)):
        one = _of(db, targets.c.id.in_(part), visits.c.target_id.in_(part), since=since, now=now)
        times = [at for at in (total.next_look_at, one.next_look_at) if at is not None]
        total = Progress(
            visited=total.visited + one.visited,
            due=total.due + one.due,
            suspected=total.suspected + one.suspected,
            next_look_at=min(times, default=None),
            unread=total.unread + one.unread,
        )
    return total


def _of(
    db: Connection,
    chosen: ColumnElement[bool],
    chosen_visits: ColumnElement[bool],
    *,
    since: datetime,
    now: datetime,
) -> Progress:
    watched = and_(chosen, targets.c.state.in_(_WATCHED))
    unvisited = or_(targets.c.last_visit_at.is_(None), targets.c.last_visit_at < since)
    visited = select(func.count()).where(watched, targets.c.last_visit_at >= since)
    # A host that asked to be left alone for long is not waited for; a lent one is.
    patience = hosts.c.asleep_until <= now + LONGEST_PATIENCE
    open_host = or_(hosts.c.asleep_until.is_(None), hosts.c.lease_worker.is_not(None), patience)
    reachable = targets.c.host.in_(select(hosts.c.host).where(open_host))
    due = select(func.count()).where(watched, targets.c.queue_at <= now, unvisited, reachable)
    suspects = (
        select(func.count(), func.min(targets.c.queue_at))
        .join_from(standings, targets, standings.c.target_id == targets.c.id)
        .where(standings.c.phase != Phase.CONFIRMED, standings.c.relook_at.is_not(None))
        .where(watched, targets.c.queue_at.is_not(None), reachable)
    )
    unread = select(func.count()).where(visits.c.read_at.is_(None), chosen_visits)
    suspected, next_look_at = db.execute(suspects).one()
    return Progress(
        visited=db.execute(visited).scalar_one(),
        due=db.execute(due).scalar_one(),
        suspected=suspected,
        next_look_at=next_look_at,
        unread=db.execute(unread).scalar_one(),
    )
