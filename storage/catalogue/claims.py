"""Lend a host with its due targets to one worker at a time.

A claim is a lease with a fence: a number that grows with every claim of the host. Whoever writes
for a claim names it, and is refused once the host was lent to somebody else.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, True_, case, func, select, true, update

from storage.catalogue import targets
from storage.catalogue.dialects import portions
from storage.catalogue.tables import hosts
from storage.catalogue.tables import targets as target_rows
from storage.errors import FenceError
from storage.model import Claim


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

    Hosts that are lent or may not be asked yet cost nothing here, however many they are. With
    ``only`` (the ids of a one-off run) other targets are left alone; its cost grows with their
    number.
    """
    _wake(db, now)
    chosen = [true()] if only is None else map(target_rows.c.id.in_, portions(sorted(only)))
    for condition in chosen:
        host = db.execute(_longest_waiting(now, condition)).first()
        if host is not None:
            break
    else:
        return None
    until = now + lease
    db.execute(
        update(hosts)
        .where(hosts.c.host == host.host)
        .values(fence=host.fence + 1, lease_worker=worker, lease_until=until, asleep_until=until)
    )
    due = (
        select(*targets.COLUMNS)
        .where(target_rows.c.host == host.host, target_rows.c.queue_at <= now, condition)
        .order_by(target_rows.c.queue_at, target_rows.c.id)
        .limit(limit)
    )
    return Claim(
        host=host.host,
        worker=worker,
        fence=host.fence + 1,
        until=until,
        targets=tuple(targets.from_row(row) for row in db.execute(due).mappings()),
    )


def renew(db: Connection, claim: Claim, *, until: datetime) -> Claim:
    """Keep the claim longer; FenceError when it is lost. Past its end it is kept if nobody came."""
    _write(db, claim, lease_until=until, asleep_until=until)
    return replace(claim, until=until)


def release(db: Connection, claim: Claim, *, next_ok_at: datetime) -> None:
    """Give the host back; nobody gets it before `next_ok_at`. FenceError when the claim is lost."""
    _write(
        db,
        claim,
        lease_worker=None,
        lease_until=None,
        next_ok_at=next_ok_at,
        asleep_until=next_ok_at,
    )


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


def check(db: Connection, claim: Claim) -> None:
    """Make sure that the claim is ours until the transaction ends; FenceError when it is lost."""
    # FOR UPDATE locks the row on PostgreSQL; on SQLite the transaction is the only one that writes.
    held = select(hosts.c.host).where(*_is(claim)).with_for_update()
    if db.execute(held).first() is None:
        raise _lost(claim)


def next_at(db: Connection) -> datetime | None:
    """Return the earliest time a host may be claimed; None when nothing is due at any time.

    A worker without work asks this, which disturbs no writer, rather than to claim again and again.
    """
    awake = select(func.min(hosts.c.head_due_at)).where(hosts.c.asleep_until.is_(None))
    wakes_at = case(
        (hosts.c.asleep_until > hosts.c.head_due_at, hosts.c.asleep_until),
        else_=hosts.c.head_due_at,
    )
    asleep = select(func.min(wakes_at)).where(hosts.c.asleep_until.is_not(None))
    times = (db.execute(awake).scalar(), db.execute(asleep).scalar())
    return min((time for time in times if time is not None), default=None)


def _longest_waiting(now: datetime, condition: ColumnElement[bool]) -> Select[tuple[str, int]]:
    statement = (
        select(hosts.c.host, hosts.c.fence)
        .where(hosts.c.asleep_until.is_(None), hosts.c.head_due_at <= now)
        .order_by(hosts.c.head_due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if isinstance(condition, True_):
        return statement
    due = select(target_rows.c.host).where(target_rows.c.queue_at <= now, condition)
    return statement.where(hosts.c.host.in_(due))


def _wake(db: Connection, now: datetime) -> None:
    # Each claim and release puts one host to sleep and so pays for one waking: O(log n) a piece.
    slept = (
        select(hosts.c.host).where(hosts.c.asleep_until <= now).with_for_update(skip_locked=True)
    )
    db.execute(update(hosts).where(hosts.c.host.in_(slept)).values(asleep_until=None))


def _write(db: Connection, claim: Claim, **values: object) -> None:
    if db.execute(update(hosts).where(*_is(claim)).values(values)).rowcount != 1:
        raise _lost(claim)


def _is(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        hosts.c.host == claim.host,
        hosts.c.fence == claim.fence,
        hosts.c.lease_worker == claim.worker,
    )


def _lost(claim: Claim) -> FenceError:
    return FenceError(
        f"{claim.host}: worker {claim.worker} lost its claim {claim.fence}; nothing was kept"
        " for it, and its targets are visited again"
    )
