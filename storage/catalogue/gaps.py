"""Keep what of the planned visits was not made, and why: so many, from when to when, one row."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update

from storage.catalogue.dialects import insert_new, portions
from storage.catalogue.tables import gaps, sites, targets, waits
from storage.catalogue.targets import COLUMNS, from_row
from storage.model import Cause, Target, TargetState

# Made once, not with each visit: putting a statement together costs more than running it.
_WAITING = select(*waits.columns).where(waits.c.target_id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A target whose planned visit was put off; ``due_at`` is when it was planned at first."""

    target_id: int
    cause: Cause
    due_at: datetime
    since_at: datetime
    """Since when it waits for this cause."""
    until_at: datetime | None = None
    """Until when it waits for this cause; None for as long as it lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Planned visits of a target, one after another, that were not made for one cause."""

    target_id: int
    url: str = ""
    site: str
    cause: Cause
    first_at: datetime
    last_at: datetime
    visits: int
    visit_id: int | None = None
    """The visit that ended it; None while it lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapSum:
    """The planned visits of a site that were not made for one cause, all together."""

    site: str
    cause: Cause
    visits: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Targets of a site whose planned visit is overdue, for one cause where one is known."""

    site: str
    cause: Cause | None
    targets: int
    since_at: datetime
    """When the first of these visits was planned."""


def put_off(
    db: Connection,
    target_id: int,
    cause: Cause,
    *,
    due_at: datetime,
    at: datetime,
    until: datetime | None,
) -> None:
    """Say that a planned visit waits; when it was planned at first is kept, however often."""
    row = {"target_id": target_id, "cause": cause, "due_at": due_at, "since_at": at}
    if db.execute(insert_new(db, waits), [row | {"until_at": until}]).rowcount:
        return
    this = update(waits).where(waits.c.target_id == target_id)
    db.execute(this.where(waits.c.cause != cause).values(cause=cause, since_at=at))
    db.execute(this.values(until_at=until))


def go_on(db: Connection, target_ids: Sequence[int], cause: Cause, *, at: datetime) -> None:
    """Say that targets wait for this cause no more: their visit is due, and not made yet."""
    for part in portions(target_ids):
        these = update(waits).where(waits.c.target_id.in_(part), waits.c.cause == cause)
        db.execute(these.values(until_at=at))


def waiting(db: Connection, target_ids: Collection[int]) -> dict[int, Wait]:
    """Return of these targets those whose visit was put off."""
    found = (
        Wait(**dict(row))
        for part in portions(sorted(set(target_ids)))
        for row in db.execute(_WAITING, {"ids": part}).mappings()
    )
    return {one.target_id: one for one in found}


def visited(db: Connection, target_ids: Collection[int]) -> None:
    """Take out the waits of targets whose visit was made."""
    for part in portions(sorted(set(target_ids))):
        db.execute(delete(waits).where(waits.c.target_id.in_(part)))


def put(db: Connection, ended: Iterable[Gap]) -> None:
    """Keep gaps that visits have ended."""
    names = [column.name for column in gaps.columns if column.name != "id"]
    if rows := [{name: getattr(one, name) for name in names} for one in ended]:
        db.execute(insert(gaps), rows)


def of_visits(db: Connection, visit_ids: Sequence[int]) -> dict[int, list[Gap]]:
    """Return the gaps that these visits ended, in the order of their times."""
    found: dict[int, list[Gap]] = {}
    for part in portions(visit_ids):
        for one in _listed(db, gaps.c.visit_id.in_(part)):
            if one.visit_id is not None:
                found.setdefault(one.visit_id, []).append(one)
    return found


def listing(
    db: Connection,
    *,
    site: str | None = None,
    url: str | None = None,
    since: datetime | None = None,
    limit: int | None = None,
) -> list[Gap]:
    """Return the gaps that are over, the newest ``limit`` of them, oldest first."""
    conditions: list[ColumnElement[bool]] = []
    if site is not None:
        conditions.append(gaps.c.site == site)
    if url is not None:
        conditions.append(targets.c.url == url)
    if since is not None:
        conditions.append(gaps.c.last_at >= since)
    return _listed(db, *conditions, limit=limit)


def sums(db: Connection, *, target_id: int | None = None) -> list[GapSum]:
    """Return what was not made of each site, or of one target, for each cause, all together."""
    statement = (
        select(
            gaps.c.site,
            gaps.c.cause,
            func.sum(gaps.c.visits).label("visits"),
            func.min(gaps.c.first_at).label("first_at"),
            func.max(gaps.c.last_at).label("last_at"),
        )
        .group_by(gaps.c.site, gaps.c.cause)
        .order_by(gaps.c.site, gaps.c.cause)
    )
    if target_id is not None:
        statement = statement.where(gaps.c.target_id == target_id)
    return [
        GapSum(**dict(row) | {"visits": int(row["visits"])})
        for row in db.execute(statement).mappings()
    ]


def owed(db: Connection, *, now: datetime) -> list[Owed]:
    """Return how many targets wait for a planned visit, by site and by what is known of why."""
    planned = func.coalesce(waits.c.due_at, targets.c.due_at)
    found = (
        select(
            targets.c.site,
            targets.c.state,
            func.coalesce(sites.c.gone, False).label("gone"),
            waits.c.cause,
            func.count().label("count"),
            func.min(planned).label("since_at"),
        )
        .select_from(targets)
        .join(waits, waits.c.target_id == targets.c.id, isouter=True)
        .join(sites, sites.c.name == targets.c.site, isouter=True)
        .where(targets.c.state.in_((TargetState.ACTIVE, TargetState.PAUSED)), planned <= now)
        .group_by(targets.c.site, targets.c.state, sites.c.gone, waits.c.cause)
        .order_by(targets.c.site)
    )
    return [
        Owed(
            site=row.site,
            cause=cause_of(row.state, gone=bool(row.gone), wait=row.cause),
            targets=row[4],
            since_at=row.since_at,
        )
        for row in db.execute(found)
    ]


def overdue(
    db: Connection, *, now: datetime, url: str | None = None, site: str | None = None
) -> list[Target]:
    """Return the watched targets whose planned visit is not made, paused ones included."""
    planned = func.coalesce(waits.c.due_at, targets.c.due_at)
    statement = (
        select(*COLUMNS)
        .join(waits, waits.c.target_id == targets.c.id, isouter=True)
        .where(targets.c.state.in_((TargetState.ACTIVE, TargetState.PAUSED)), planned <= now)
        .order_by(targets.c.id)
    )
    if site is not None:
        statement = statement.where(targets.c.site == site)
    if url is not None:
        statement = statement.where(targets.c.url == url)
    return [from_row(row) for row in db.execute(statement).mappings()]


def cause_of(state: TargetState, *, gone: bool, wait: Cause | None) -> Cause | None:
    """Return why a target is not visited as far as its own rows say; None when they do not."""
    if state is TargetState.PAUSED:
        return Cause.PAUSED
    if gone:
        return Cause.SITE_GONE
    return None if wait is Cause.PAUSED else wait


def _listed(
    db: Connection, *conditions: ColumnElement[bool], limit: int | None = None
) -> list[Gap]:
    columns = [column for column in gaps.columns if column.name != "id"]
    statement = (
        select(*columns, targets.c.url)
        .join(targets, targets.c.id == gaps.c.target_id)
        .where(*conditions)
        .order_by(gaps.c.id.desc())
        .limit(limit)
    )
    return [Gap(**dict(row)) for row in db.execute(statement).mappings()][::-1]
