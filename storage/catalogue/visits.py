"""Keep what came of each visit, in one step with the captures it made and the next due time."""

from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from datetime import datetime

from sqlalchemy import Connection, RowMapping, Select, func, insert, select, update

from storage.catalogue import captures, claims, hosts
from storage.catalogue.dialects import insert_or_replace, portions
from storage.catalogue.tables import captures as capture_rows
from storage.catalogue.tables import tallies, targets, visits
from storage.errors import CatalogueError
from storage.model import ANSWERED, NOT_ASKED, Capture, Claim, Outcome, TargetState, Visit

_NESTED = ("captures", "found")
_PLAIN = tuple(field.name for field in fields(Visit) if field.name not in _NESTED)
_NEWEST = 500
"""Visits looked through for what other hosts said; by id, so that the look costs no index."""
_COLUMNS = tuple(visits.c[name] for name in _PLAIN)


def finish(
    db: Connection, visit: Visit, *, claim: Claim | None, next_due_at: datetime | None
) -> Visit:
    """Keep the visit and its captures and plan the next one; return it with its ids.

    A claim that is lost raises FenceError before anything is written. A target that was to be
    captured once is never planned again. What the visit found is the caller's to add.
    """
    if claim is not None:
        claims.check(db, claim)
    host = _settled_target(db, visit, claim=claim, next_due_at=next_due_at)
    row = {name: getattr(visit, name) for name in _PLAIN if name != "id"}
    visit_id = db.execute(insert(visits).returning(visits.c.id), row | {"host": host}).scalar_one()
    kept = replace(visit, id=visit_id)
    made = _insert(db, kept, visit.captures)
    _count(db, kept, visits_made=1, captures_made=made)
    return replace(kept, captures=made)


def unread(db: Connection, *, limit: int, except_targets: Collection[int] = ()) -> list[Visit]:
    """Return visits not yet compared, with their captures: of each site the oldest first.

    The sites take turns, so that a site with a long backlog does not keep the others waiting.
    """
    turn = func.row_number().over(partition_by=visits.c.site, order_by=visits.c.id)
    resting = visits.c.target_id.in_(sorted(except_targets))
    chosen = select(visits.c.id, turn.label("turn")).where(visits.c.read_at.is_(None), ~resting)
    waiting = chosen.subquery()
    statement = (
        select(*_COLUMNS)
        .join(waiting, waiting.c.id == visits.c.id)
        .order_by(waiting.c.turn, visits.c.id)
        .limit(limit)
    )
    return _visits(db, statement)


def count_unread_of(db: Connection, target_ids: Collection[int]) -> int:
    """Count the visits to these targets that are not yet compared."""
    waiting = select(func.count()).select_from(visits).where(visits.c.read_at.is_(None))
    return sum(
        db.execute(waiting.where(visits.c.target_id.in_(part))).scalar_one()
        for part in portions(sorted(target_ids))
    )


def outcomes_elsewhere(
    db: Connection, host: str, *, since: datetime, until: datetime
) -> list[Outcome]:
    """Return how the newest visits to other hosts between two times ended."""
    newest = select(visits.c.host, visits.c.finished_at, visits.c.outcome)
    newest_visits = newest.order_by(visits.c.id.desc()).limit(_NEWEST).subquery()
    statement = select(newest_visits.c.outcome).where(
        newest_visits.c.host != host, newest_visits.c.finished_at.between(since, until)
    )
    return list(db.execute(statement).scalars())


def add_captures(db: Connection, visit: Visit, made: Sequence[Capture]) -> None:
    """Keep captures that were made for a visit after it was finished: what its page needs."""
    _count(db, visit, visits_made=0, captures_made=_insert(db, visit, made))


def count_since(db: Connection, *, site: str, since: datetime) -> int:
    """Count the visits to a site that ended at this time or later, and were really made."""
    made = visits.c.outcome.not_in(sorted(NOT_ASKED))
    statement = select(func.count()).select_from(visits)
    statement = statement.where(visits.c.site == site, visits.c.finished_at >= since, made)
    return db.execute(statement).scalar_one()


def mark_read(db: Connection, visit_id: int, *, at: datetime) -> None:
    """Say that the visit is compared, so that it is not taken again."""
    db.execute(update(visits).where(visits.c.id == visit_id).values(read_at=at))


def listing(
    db: Connection,
    *,
    site: str | None = None,
    url: str | None = None,
    since: datetime | None = None,
    limit: int | None = None,
) -> list[Visit]:
    """Return visits with their captures, newest first."""
    statement = select(*_COLUMNS).order_by(visits.c.id.desc())
    if site is not None:
        statement = statement.where(visits.c.site == site)
    if url is not None:
        of_url = select(targets.c.id).where(targets.c.url == url).scalar_subquery()
        statement = statement.where(visits.c.target_id == of_url)
    if since is not None:
        statement = statement.where(visits.c.finished_at >= since)
    return _visits(db, statement.limit(limit))


def recent_of_host(
    db: Connection, host: str, *, since: datetime, until: datetime, except_target: int
) -> list[Visit]:
    """Return the latest visit between two times of each other target of the host, newest first."""
    latest = (
        select(func.max(visits.c.id))
        .where(
            visits.c.host == host,
            visits.c.finished_at.between(since, until),
            visits.c.target_id != except_target,
        )
        .group_by(visits.c.target_id)
    )
    statement = select(*_COLUMNS).where(visits.c.id.in_(latest)).order_by(visits.c.id.desc())
    return _visits(db, statement)


def _settled_target(
    db: Connection, visit: Visit, *, claim: Claim | None, next_due_at: datetime | None
) -> str:
    ours = select(targets.c.host, targets.c.state).where(targets.c.id == visit.target_id)
    target = db.execute(ours).first()
    if target is None:
        raise CatalogueError(f"{visit.url}: the visited target {visit.target_id} is not known")
    if claim is not None and target.host != claim.host:
        raise CatalogueError(f"{visit.url} is on {target.host}, but the claim is for {claim.host}")
    due_at = None if target.state == TargetState.ONCE else next_due_at
    db.execute(
        update(targets)
        .where(targets.c.id == visit.target_id)
        .values(
            due_at=due_at,
            queue_at=hosts.queued(due_at),
            last_visit_at=visit.finished_at,
            last_outcome=visit.outcome,
            last_status=visit.status,
        )
    )
    hosts.settle(db, [target.host])
    return str(target.host)


def _insert(db: Connection, visit: Visit, made: Sequence[Capture]) -> tuple[Capture, ...]:
    if not made:
        return ()
    owned = [
        replace(one, visit_id=visit.id, target_id=visit.target_id, site=visit.site) for one in made
    ]
    statement = insert(capture_rows).returning(capture_rows.c.id, sort_by_parameter_order=True)
    ids = db.execute(statement, [captures.as_row(one) for one in owned]).scalars()
    return tuple(replace(one, id=new) for one, new in zip(owned, ids, strict=True))


def _count(
    db: Connection, visit: Visit, *, visits_made: int, captures_made: Sequence[Capture]
) -> None:
    row = {
        "site": visit.site,
        "outcome": visit.outcome,
        "visits": visits_made,
        "captures": sum(one.outcome in ANSWERED for one in captures_made),
        "last_visit_at": visit.finished_at,
    }
    db.execute(insert_or_replace(db, tallies, added=("visits", "captures")), row)


def _visits(db: Connection, statement: Select[*tuple[object, ...]]) -> list[Visit]:
    found = [_from_row(row) for row in db.execute(statement).mappings()]
    made = captures.of_visits(db, [visit.id for visit in found])
    return [replace(visit, captures=made.get(visit.id, ())) for visit in found]


def _from_row(row: RowMapping) -> Visit:
    return Visit(**{name: row[name] for name in _PLAIN})
