"""Keep what came of each visit, in one step with the captures it made and the next due time."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from operator import attrgetter

from sqlalchemy import Connection, RowMapping, Select, bindparam, func, insert, select, update

from storage.catalogue import captures, claims, hosts, payloads
from storage.catalogue.columns import Moment, Words
from storage.catalogue.dialects import insert_or_replace, portions, reserve
from storage.catalogue.pace import pace_of
from storage.catalogue.tables import captures as capture_rows
from storage.catalogue.tables import tallies, targets, visits
from storage.errors import CatalogueError, FenceError
from storage.host import host_of
from storage.model import ANSWERED, NOT_ASKED, Capture, Claim, Outcome, TargetState, Visit

_NESTED = ("captures", "found", "read_as")
_PLAIN = tuple(field.name for field in fields(Visit) if field.name not in _NESTED)
_NEWEST = 500
"""Visits looked through for what other hosts said; by id, so that the look costs no index."""
_COLUMNS = tuple(visits.c[name] for name in _PLAIN)
_plain_facts = attrgetter(*_PLAIN)

# Made once, not with each visit: putting a statement together costs more than running it.
_VISITED = select(targets.c.id, targets.c.host, targets.c.state)
_VISITED = _VISITED.where(targets.c.id.in_(bindparam("ids", expanding=True)))
_SETTLE = (
    update(targets)
    .where(targets.c.id == bindparam("visited"))
    .values(
        due_at=bindparam("planned", type_=Moment),
        queue_at=hosts.queued(bindparam("planned", type_=Moment)),
        pace=bindparam("new_pace"),
        read_as=func.coalesce(bindparam("read", type_=Words), targets.c.read_as),
        last_visit_at=bindparam("at", type_=Moment),
        last_outcome=bindparam("ended", type_=targets.c.last_outcome.type),
        last_status=bindparam("said", type_=targets.c.last_status.type),
    )
)
_INSERT = insert(visits)
_INSERT_CAPTURES = insert(capture_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A visit whose bytes are safe, the claim it was made for, and when the next is due."""

    visit: Visit
    claim: Claim | None
    next_due_at: datetime | None


def finish(
    db: Connection, visit: Visit, *, claim: Claim | None, next_due_at: datetime | None
) -> Visit:
    """Keep one visit as ``finish_all`` keeps many; FenceError when its claim is lost."""
    (kept,) = finish_all(db, [Finished(visit=visit, claim=claim, next_due_at=next_due_at)])
    if isinstance(kept, CatalogueError):
        raise kept
    return kept


def finish_all(db: Connection, finished: Sequence[Finished]) -> list[Visit | CatalogueError]:
    """Keep visits with their captures and plan the next ones; return each with its ids.

    A visit whose claim is lost has a FenceError in its place, one whose target is not known or not
    on the host of its claim a CatalogueError: nothing of it was written, and the others are kept.
    A target that was to be captured once is never planned again. What the visits found is the
    caller's to add: the hosts of it are held from here on (see ``hosts.hold``).
    """
    hosts.hold(db, _hosts(finished))
    lost = claims.lost(db, (one.claim for one in finished if one.claim is not None))
    known = _visited(db, [one.visit.target_id for one in finished])
    faults = [_fault(one, lost=lost, known=known) for one in finished]
    sound = [one for one, fault in zip(finished, faults, strict=True) if fault is None]
    kept = iter(_keep(db, sound, known))
    return [next(kept) if fault is None else fault for fault in faults]


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


def backlog(db: Connection) -> tuple[int, datetime | None]:
    """Return how many visits are not yet compared, and when the oldest of them ended."""
    waiting = select(func.count(), func.min(visits.c.id)).where(visits.c.read_at.is_(None))
    count, oldest = db.execute(waiting).one()
    ended = select(visits.c.finished_at).where(visits.c.id == oldest)
    return count, db.execute(ended).scalar() if count else None


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


def outcomes_since(
    db: Connection, target_id: int, *, since: datetime
) -> list[tuple[datetime, Outcome]]:
    """Return when the visits to a target were made since a time and how each ended, in order."""
    statement = select(visits.c.started_at, visits.c.outcome).where(
        visits.c.target_id == target_id, visits.c.started_at >= since
    )
    return [(row[0], row[1]) for row in db.execute(statement.order_by(visits.c.id))]


def newest_asked(db: Connection) -> list[tuple[str, Outcome]]:
    """Return host and outcome of the newest visits that asked for something, newest first."""
    newest = select(visits.c.host, visits.c.outcome).order_by(visits.c.id.desc()).limit(_NEWEST)
    return [(row[0], row[1]) for row in db.execute(newest) if row[1] not in NOT_ASKED]


def add_captures(db: Connection, visit: Visit, made: Sequence[Capture]) -> None:
    """Keep captures that were made for a visit after it was finished: what its page needs."""
    (kept,) = _add_captures(db, [replace(visit, captures=tuple(made))])
    _count(db, [(kept, 0)])


def count_between(db: Connection, *, site: str, since: datetime, until: datetime) -> int:
    """Count the visits to a site that ended between two times, and were really made."""
    made = visits.c.outcome.not_in(sorted(NOT_ASKED))
    statement = select(func.count()).select_from(visits)
    ended = visits.c.finished_at.between(since, until)
    return db.execute(statement.where(visits.c.site == site, ended, made)).scalar_one()


def of_hosts_between(
    db: Connection, hosts: Collection[str], *, since: datetime, until: datetime
) -> dict[str, int]:
    """Count as ``count_between`` does the visits to hosts, for whichever sites they were made."""
    made = visits.c.outcome.not_in(sorted(NOT_ASKED))
    ended = visits.c.finished_at.between(since, until)
    counted = select(visits.c.host, func.count()).where(ended, made).group_by(visits.c.host)
    return {
        row[0]: row[1]
        for part in portions(sorted(set(hosts)))
        for row in db.execute(counted.where(visits.c.host.in_(part)))
    }


def hosts_between(db: Connection, *, site: str, since: datetime, until: datetime) -> list[str]:
    """Return the hosts on which visits to a site ended between two times."""
    ended = visits.c.finished_at.between(since, until)
    asked = select(visits.c.host).where(visits.c.site == site, ended).distinct()
    return list(db.execute(asked.order_by(visits.c.host)).scalars())


def kept_between(db: Connection, *, site: str, since: datetime, until: datetime) -> tuple[int, int]:
    """Return the visits to a site that ended between two times, and the bytes their records take.

    Revisits take what their small records take; what pages need to be shown is counted with them.
    """
    ended = visits.c.finished_at.between(since, until)
    made = select(func.count()).select_from(visits).where(visits.c.site == site, ended)
    taken = select(func.sum(capture_rows.c.record_length + capture_rows.c.request_length))
    captured = capture_rows.c.captured_at.between(since, until)
    taken = taken.where(capture_rows.c.site == site, captured)
    return db.execute(made).scalar_one(), int(db.execute(taken).scalar() or 0)


def last_id(db: Connection) -> int:
    """Return the number of the visit that was written last, 0 where there is none."""
    return db.execute(select(func.max(visits.c.id))).scalar() or 0


def compared(db: Connection, *, after_id: int, until_id: int) -> list[Visit]:
    """Return the visits between two numbers that are compared, in their order."""
    of_these = (visits.c.id > after_id, visits.c.id <= until_id, visits.c.read_at.is_not(None))
    return _visits(db, select(*_COLUMNS).where(*of_these).order_by(visits.c.id))


def begun_at(db: Connection, target_id: int, started_at: datetime) -> Visit | None:
    """Return the visit to a target that began at a time, with its captures."""
    this = (visits.c.target_id == target_id, visits.c.started_at == started_at)
    return next(iter(_visits(db, select(*_COLUMNS).where(*this).limit(1))), None)


def last_at(db: Connection) -> datetime | None:
    """Return when the visit that was written last ended."""
    newest = select(visits.c.finished_at).order_by(visits.c.id.desc()).limit(1)
    return db.execute(newest).scalar()


def last_by(db: Connection, workers: str) -> datetime | None:
    """Return when the visit ended that was written last by a worker of such a name."""
    by = visits.c.worker.startswith(workers, autoescape=True)
    newest = select(visits.c.finished_at).where(by).order_by(visits.c.id.desc()).limit(1)
    return db.execute(newest).scalar()


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


def outcomes_of(db: Connection, target_id: int) -> dict[Outcome, int]:
    """Return how often the visits to a target ended in which way."""
    ended = select(visits.c.outcome, func.count()).where(visits.c.target_id == target_id)
    return {row[0]: int(row[1]) for row in db.execute(ended.group_by(visits.c.outcome))}


def recent_of_host(
    db: Connection, host: str, *, since: datetime, until: datetime, except_target: int
) -> list[Visit]:
    """Return the latest visit between two times of each other target of the host, newest first.

    Without their captures: it is asked about with every look that brought something else.
    """
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
    return [_from_row(row) for row in db.execute(statement).mappings()]


def _hosts(finished: Sequence[Finished]) -> Iterator[str]:
    """Yield the hosts that a transaction with these visits changes, what they found included."""
    for one in finished:
        yield host_of(one.visit.url)
        if one.claim is not None:
            yield one.claim.host
        for found in one.visit.found:
            yield host_of(found.url)


def _visited(db: Connection, ids: Sequence[int]) -> dict[int, tuple[str, TargetState]]:
    return {
        row.id: (row.host, row.state)
        for part in portions(sorted(set(ids)))
        for row in db.execute(_VISITED, {"ids": part})
    }


def _fault(
    one: Finished,
    *,
    lost: Mapping[claims.Key, FenceError],
    known: Mapping[int, tuple[str, TargetState]],
) -> CatalogueError | None:
    visit, claim = one.visit, one.claim
    if claim is not None and (fault := lost.get(claims.key(claim))) is not None:
        return fault
    if visit.target_id not in known:
        return CatalogueError(f"{visit.url}: the visited target {visit.target_id} is not known")
    host, _ = known[visit.target_id]
    if claim is not None and host != claim.host:
        return CatalogueError(f"{visit.url} is on {host}, but the claim is for {claim.host}")
    return None


def _keep(
    db: Connection, finished: Sequence[Finished], known: Mapping[int, tuple[str, TargetState]]
) -> list[Visit]:
    if not finished:
        return []
    db.execute(_SETTLE, [_plan(one, known) for one in finished])
    hosts.settle(db, (known[one.visit.target_id][0] for one in finished))
    ids = reserve(db, visits, len(finished))
    kept = [replace(one.visit, id=new) for one, new in zip(finished, ids, strict=True)]
    rows = [_as_row(one) | {"host": known[one.target_id][0]} for one in kept]
    db.execute(_INSERT, rows)
    kept = _add_captures(db, kept)
    _count(db, ((one, 1) for one in kept))
    return kept


def _plan(one: Finished, known: Mapping[int, tuple[str, TargetState]]) -> dict[str, object]:
    visit = one.visit
    _, state = known[visit.target_id]
    planned = None if state == TargetState.ONCE else one.next_due_at
    return {
        "visited": visit.target_id,
        "planned": planned,
        "new_pace": pace_of(planned - visit.finished_at) if planned is not None else 0,
        "read": visit.read_as,
        "at": visit.finished_at,
        "ended": visit.outcome,
        "said": visit.status,
    }


def _add_captures(db: Connection, kept: Sequence[Visit]) -> list[Visit]:
    """Keep the captures of visits that are kept; return the visits with the ids of all."""
    ids = iter(reserve(db, capture_rows, sum(len(visit.captures) for visit in kept)))
    done = [replace(visit, captures=_owned(visit, ids)) for visit in kept]
    made = [one for visit in done for one in visit.captures]
    if made:
        db.execute(_INSERT_CAPTURES, [captures.as_row(one) for one in made])
        payloads.note(db, made)
    return done


def _owned(visit: Visit, ids: Iterator[int]) -> tuple[Capture, ...]:
    return tuple(
        replace(one, id=next(ids), visit_id=visit.id, target_id=visit.target_id, site=visit.site)
        for one in visit.captures
    )


def _count(db: Connection, made: Iterable[tuple[Visit, int]]) -> None:
    """Add visits and their captures to the tallies; a visit counts as often as it says."""
    sums: dict[tuple[str, Outcome], tuple[int, int, datetime]] = {}
    for visit, times in made:
        of = (visit.site, visit.outcome)
        captured = sum(one.outcome in ANSWERED for one in visit.captures)
        before = sums.get(of, (0, 0, visit.finished_at))
        sums[of] = (before[0] + times, before[1] + captured, max(before[2], visit.finished_at))
    # In order, so that two writers never wait for each other crosswise.
    rows = [
        {"site": site, "outcome": outcome, "visits": n, "captures": m, "last_visit_at": at}
        for (site, outcome), (n, m, at) in sorted(sums.items())
    ]
    if rows:
        db.execute(insert_or_replace(db, tallies, added=("visits", "captures")), rows)


def _as_row(visit: Visit) -> dict[str, object]:
    return dict(zip(_PLAIN, _plain_facts(visit), strict=True))


def _visits(db: Connection, statement: Select[*tuple[object, ...]]) -> list[Visit]:
    found = [_from_row(row) for row in db.execute(statement).mappings()]
    made = captures.of_visits(db, [visit.id for visit in found])
    return [replace(visit, captures=made.get(visit.id, ())) for visit in found]


def _from_row(row: RowMapping) -> Visit:
    return Visit(**{name: row[name] for name in _PLAIN})
