"""Keep the queue of each host: which targets wait in it, and when its first one is due."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, select, true, update

from storage.catalogue.columns import Moment
from storage.catalogue.dialects import insert_new, portions
from storage.catalogue.tables import hosts, sites, targets
from storage.model import TargetState

# Made once, not with each visit: putting a statement together costs more than running it.
_GONE = select(sites.c.name).where(sites.c.name == targets.c.site, sites.c.gone == true())
_WAITS = and_(targets.c.state.in_((TargetState.ACTIVE, TargetState.ONCE)), ~_GONE.exists())
_HEAD = select(func.min(targets.c.queue_at)).where(targets.c.host == hosts.c.host).scalar_subquery()


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
        changed = db.execute(update(hosts).where(hosts.c.host.in_(part)).values(head_due_at=_HEAD))
        if changed.rowcount < len(part):
            # In the order of their names, so that two writers never wait for each other crosswise.
            db.execute(insert_new(db, hosts), [{"host": name, "fence": 0} for name in part])
            db.execute(update(hosts).where(hosts.c.host.in_(part)).values(head_due_at=_HEAD))
