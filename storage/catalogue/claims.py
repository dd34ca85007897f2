"""Lend a host with its due targets to one worker at a time.

A claim is a lease with a fence: a number that grows with every claim of the host. Whoever writes
for a claim names it, and is refused once the host was lent to somebody else.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    True_,
    Update,
    bindparam,
    case,
    func,
    select,
    true,
    union_all,
    update,
)

from storage.catalogue import targets
from storage.catalogue.columns import Moment
from storage.catalogue.dialects import portions
from storage.catalogue.pace import PACES, lateness
from storage.catalogue.tables import hosts
from storage.catalogue.tables import targets as target_rows
from storage.errors import FenceError
from storage.model import Claim

Key = tuple[str, int, str]
"""Host, fence and worker."""

# Made once, not with each claim: putting a statement together costs more than running it.
_NOW: BindParameter[datetime] = bindparam("now", type_=Moment)
_SLEPT = select(hosts.c.host).where(hosts.c.asleep_until <= _NOW).with_for_update(skip_locked=True)
_WAKE = update(hosts).where(hosts.c.host.in_(_SLEPT)).values(asleep_until=None)
_LONGEST_WAITING = (
    select(hosts.c.host, hosts.c.fence)
    .where(hosts.c.asleep_until.is_(None), hosts.c.head_due_at <= _NOW)
    .order_by(hosts.c.head_due_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_WAITS = (target_rows.c.host == bindparam("of_host"), target_rows.c.queue_at <= _NOW)
_DUE = (
    select(*targets.COLUMNS)
    .where(*_WAITS)
    .order_by(target_rows.c.queue_at, target_rows.c.id)
    .limit(bindparam("most"))
)
_FIRST_OF_EACH = union_all(
    *(
        select(
            select(*targets.COLUMNS)
            .where(*_WAITS, target_rows.c.pace == pace)
            .order_by(target_rows.c.queue_at)
            .limit(bindparam("most"))
            .subquery()
        )
        for pace in PACES
    )
)
_LEND = (
    update(hosts)
    .where(hosts.c.host == bindparam("of_host"))
    .values(
        fence=bindparam("new_fence"),
        lease_worker=bindparam("to_worker"),
        lease_until=bindparam("until", type_=Moment),
        asleep_until=bindparam("until", type_=Moment),
    )
)
_OURS = (
    hosts.c.host == bindparam("of_host"),
    hosts.c.fence == bindparam("of_fence"),
    hosts.c.lease_worker == bindparam("of_worker"),
)
_RENEW = (
    update(hosts)
    .where(*_OURS)
    .values(
        lease_until=bindparam("until", type_=Moment),
        asleep_until=bindparam("until", type_=Moment),
    )
)
_RELEASE = (
    update(hosts)
    .where(*_OURS)
    .values(
        lease_worker=None,
        lease_until=None,
        next_ok_at=bindparam("until", type_=Moment),
        asleep_until=bindparam("until", type_=Moment),
    )
)
# FOR UPDATE locks the rows on PostgreSQL, in the order of their names, so that two writers never
# wait for each other crosswise; on SQLite the transaction is the only one that writes.
_FENCES = (
    select(hosts.c.host, hosts.c.fence, hosts.c.lease_worker)
    .where(hosts.c.host.in_(bindparam("names", expanding=True)))
    .order_by(hosts.c.host)
    .with_for_update()
)
_AWAKE = select(func.min(hosts.c.head_due_at)).where(hosts.c.asleep_until.is_(None))
_WAKES_AT = case(
    (hosts.c.asleep_until > hosts.c.head_due_at, hosts.c.asleep_until),
    else_=hosts.c.head_due_at,
)
_ASLEEP = select(func.min(_WAKES_AT)).where(hosts.c.asleep_until.is_not(None))


def claim(
    db: Connection,
    *,
    worker: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    only: Collection[int] | None = None,
) -> Claim | None:
    """Claim the host that has waited longest, with its due targets; None when nothing is due.

    Where more are due than ``limit``, they are those that are latest for how often they are to be
    visited: a page of every half hour does not wait behind a month's worth of pages of every month.
    Hosts that are lent or may not be asked yet cost nothing here, however many they are. With
    ``only`` (the ids of a one-off run) other targets are left alone; its cost grows with their
    number.
    """
    # Each claim and release puts one host to sleep and so pays for one waking: O(log n) a piece.
    db.execute(_WAKE, {"now": now})
    chosen = [true()] if only is None else map(target_rows.c.id.in_, portions(sorted(only)))
    for condition in chosen:
        host = db.execute(_longest_waiting(condition), {"now": now}).first()
        if host is not None:
            break
    else:
        return None
    until = now + lease
    lent = {"of_host": host.host, "new_fence": host.fence + 1, "to_worker": worker, "until": until}
    db.execute(_LEND, lent)
    due = _FIRST_OF_EACH if isinstance(condition, True_) else _DUE.where(condition)
    found = db.execute(due, {"of_host": host.host, "now": now, "most": limit}).mappings()
    latest = sorted(map(targets.from_row, found), key=lambda one: (-lateness(one, now), one.id))
    return Claim(
        host=host.host,
        worker=worker,
        fence=host.fence + 1,
        until=until,
        targets=tuple(latest[:limit]),
    )


def renew(db: Connection, claim: Claim, *, until: datetime) -> Claim:
    """Keep the claim longer; FenceError when it is lost. Past its end it is kept if nobody came."""
    _write(db, _RENEW, claim, until=until)
    return replace(claim, until=until)


def release(db: Connection, claim: Claim, *, next_ok_at: datetime) -> None:
    """Give the host back; nobody gets it before `next_ok_at`. FenceError when the claim is lost."""
    _write(db, _RELEASE, claim, until=next_ok_at)


def free_all(db: Connection, *, worker: str | None = None) -> int:
    """End every claim and return how many there were; for the holder of the archive's lock.

    With ``worker`` only those of one, for the process that takes the place of a dead one. The
    fences grow, so that a worker that outlived its service can no longer write.
    """
    held = hosts.c.lease_worker.is_not(None) if worker is None else hosts.c.lease_worker == worker
    freed = db.execute(
        update(hosts)
        .where(held)
        .values(
            fence=hosts.c.fence + 1,
            lease_worker=None,
            lease_until=None,
            asleep_until=hosts.c.next_ok_at,
        )
    )
    return freed.rowcount


def key(claim: Claim) -> Key:
    """Return what tells a claim from every other, also from a later one of the same host."""
    return (claim.host, claim.fence, claim.worker)


def lost(db: Connection, asked: Iterable[Claim]) -> dict[Key, FenceError]:
    """Return the faults of those claims that are lost; the others are ours for this transaction."""
    of_key = {key(claim): claim for claim in asked}
    names = sorted({claim.host for claim in of_key.values()})
    held = {
        (row.host, row.fence, row.lease_worker)
        for part in portions(names)
        for row in db.execute(_FENCES, {"names": part})
    }
    return {one: _lost(claim) for one, claim in of_key.items() if one not in held}


def next_at(db: Connection) -> datetime | None:
    """Return the earliest time a host may be claimed; None when nothing is due at any time.

    A worker without work asks this, which disturbs no writer, rather than to claim again and again.
    """
    times = (db.execute(_AWAKE).scalar(), db.execute(_ASLEEP).scalar())
    return min((time for time in times if time is not None), default=None)


def _longest_waiting(condition: ColumnElement[bool]) -> Select[str, int]:
    if isinstance(condition, True_):
        return _LONGEST_WAITING
    due = select(target_rows.c.host).where(target_rows.c.queue_at <= _NOW, condition)
    return _LONGEST_WAITING.where(hosts.c.host.in_(due))


def _write(db: Connection, statement: Update, claim: Claim, *, until: datetime) -> None:
    ours = {"of_host": claim.host, "of_fence": claim.fence, "of_worker": claim.worker}
    if db.execute(statement, ours | {"until": until}).rowcount != 1:
        raise _lost(claim)


def _lost(claim: Claim) -> FenceError:
    return FenceError(
        f"{claim.host}: worker {claim.worker} lost its claim {claim.fence}; nothing was kept"
        " for it, and its targets are visited again"
    )
