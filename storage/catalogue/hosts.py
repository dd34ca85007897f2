"""Keep the queue of each host: which targets wait in it, and when its first one is due."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import (
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
from storage.catalogue.dialects import insert_new, portions
from storage.catalogue.tables import hosts, sites, targets
from storage.model import TargetState

# Made once, not with each visit: putting a statement together costs more than running it.
_GONE = select(sites.c.name).where(sites.c.name == targets.c.site, sites.c.gone == true())
# No IN list, which cannot be part of a statement that is run for many rows at once.
_WATCHED = or_(targets.c.state == TargetState.ACTIVE, targets.c.state == TargetState.ONCE)
_WAITS = and_(_WATCHED, ~_GONE.exists())
_HEAD = select(func.min(targets.c.queue_at)).where(targets.c.host == hosts.c.host).scalar_subquery()
_SETTLE = update(hosts).where(hosts.c.host.in_(bindparam("names", expanding=True)))
_SETTLE = _SETTLE.values(head_due_at=_HEAD)


def queued(due_at: ColumnElement[datetime | None] | datetime | None) -> ColumnElement[datetime]:
    """Say, for an UPDATE of targets, when each waits in its queue, given when it is due.

    Paused and removed targets and those of a site that is gone wait in none.
    """
    moment = due_at if isinstance(due_at, ColumnElement) else literal(due_at, Moment)
    return case((_WAITS, moment), else_=None)


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
