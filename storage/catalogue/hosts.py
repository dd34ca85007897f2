"""Keep the queue of each host: which targets wait in it, and when its first one is due."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from storage.catalogue.columns import Moment
from storage.catalogue.dialects import insert_new, portions, shares_writing
from storage.catalogue.tables import hosts, sites, targets
from storage.model import TargetState

_LONGEST_SLEEP = timedelta(hours=1)

# Made once, not with each visit: putting a statement together costs more than running it.
_NAMES: BindParameter[str] = bindparam("names", expanding=True)
_GONE = select(sites.c.name).where(sites.c.name == targets.c.site, sites.c.gone == true())
# No IN list, which cannot be part of a statement that is run for many rows at once.
_WATCHED = or_(targets.c.state == TargetState.ACTIVE, targets.c.state == TargetState.ONCE)
_WAITS = and_(_WATCHED, ~_GONE.exists())
_HEAD = select(func.min(targets.c.queue_at)).where(targets.c.host == hosts.c.host).scalar_subquery()
_SETTLE = update(hosts).where(hosts.c.host.in_(_NAMES))
_SETTLE = _SETTLE.values(head_due_at=_HEAD)
_KNOWN = select(hosts.c.host).where(hosts.c.host.in_(_NAMES))
_HOLD = _KNOWN.order_by(hosts.c.host).with_for_update()


def queued(due_at: ColumnElement[datetime | None] | datetime | None) -> ColumnElement[datetime]:
    """Say, for an UPDATE of targets, when each waits in its queue, given when it is due.

    Paused and removed targets and those of a site that is gone wait in none.
    """
    moment = due_at if isinstance(due_at, ColumnElement) else literal(due_at, Moment)
    return case((_WAITS, moment), else_=None)


def hold(db: Connection, names: Iterable[str]) -> None:
    """Lock these hosts before anything of them is changed; new hosts are made.

    Where several write at once, the lock of a host guards its targets and its queue. Whoever
    changes some takes all hosts of the transaction first, in the order of their names, and other
    rows after them: then no two writers wait for each other crosswise, and a head is never settled
    from targets that another is changing.
    """
    if not shares_writing(db):
        return
    wanted = sorted(set(names))
    known = {
        one for part in portions(wanted) for one in db.execute(_KNOWN, {"names": part}).scalars()
    }
    if new := [{"host": name, "fence": 0} for name in wanted if name not in known]:
        db.execute(insert_new(db, hosts), new)
    for part in portions(wanted):
        db.execute(_HOLD, {"names": part})


def hold_of(db: Connection, target_ids: Sequence[int]) -> None:
    """Lock the hosts of these targets, as ``hold`` does."""
    if not shares_writing(db):
        return
    names: set[str] = set()
    for part in portions(target_ids):
        names.update(db.execute(select(targets.c.host).where(targets.c.id.in_(part))).scalars())
    hold(db, names)


def wake(db: Connection, *, now: datetime) -> None:
    """Let no host that is not lent sleep longer than an hour from now."""
    latest = now + _LONGEST_SLEEP
    free = hosts.c.lease_worker.is_(None)
    long = or_(hosts.c.next_ok_at > latest, hosts.c.asleep_until > latest)
    times = {"next_ok_at": latest, "asleep_until": latest}
    db.execute(update(hosts).where(free, long).values(times))


def settle(db: Connection, names: Iterable[str]) -> None:
    """Bring the heads of these hosts up to date after their targets changed; new hosts are made."""
    wanted = sorted(set(names))
    if not wanted:
        return
    for part in portions(wanted):
        changed = db.execute(_SETTLE, {"names": part})
        if changed.rowcount < len(part):
            # In the order of their names, so that two writers never wait for each other crosswise.
            db.execute(insert_new(db, hosts), [{"host": name, "fence": 0} for name in part])
            db.execute(_SETTLE, {"names": part})
