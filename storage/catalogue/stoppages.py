"""Keep the times in which nothing was visited: no service, a full disk, a host that is left alone.

One row says it of every visit that was planned meanwhile, however many these were.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, literal, or_, select, update

from storage.catalogue.columns import Moment
from storage.catalogue.dialects import insert_or_replace
from storage.catalogue.tables import beats, sites, stoppages, targets
from storage.model import Cause

_SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stoppage:
    """A time in which nothing was visited: of one host or site where it is named, else at all."""

    cause: Cause
    site: str | None = None
    host: str | None = None
    began_at: datetime
    ended_at: datetime | None = None
    """None while it lasts."""


def beat(db: Connection, *, at: datetime) -> None:
    """Say that the service runs; what is planned from here on is known to be looked after."""
    db.execute(insert_or_replace(db, beats), [{"name": _SERVICE, "at": at}])


def last_beat(db: Connection) -> datetime | None:
    """Return when the service is known to have run last; None when it never did."""
    return db.execute(select(beats.c.at).where(beats.c.name == _SERVICE)).scalar()


def first_promise(db: Connection) -> datetime | None:
    """Return when the first target was watched; None when none ever was."""
    return db.execute(select(func.min(targets.c.found_at))).scalar()


def begin(
    db: Connection,
    cause: Cause,
    *,
    at: datetime,
    site: str | None = None,
    host: str | None = None,
) -> bool:
    """Begin a stoppage, unless one of the same cause lasts already; return whether it began."""
    going_on = select(stoppages.c.id).where(*_of(cause, site, host), stoppages.c.ended_at.is_(None))
    if db.execute(going_on.limit(1)).first() is not None:
        return False
    put(db, Stoppage(cause=cause, site=site, host=host, began_at=at))
    return True


def end(
    db: Connection,
    cause: Cause,
    *,
    at: datetime,
    site: str | None = None,
    host: str | None = None,
) -> bool:
    """End what lasts of this cause; return whether anything did."""
    lasting = update(stoppages).where(*_of(cause, site, host), stoppages.c.ended_at.is_(None))
    # A clock that was set back must not end it before it began.
    ended = func.max if db.dialect.name == "sqlite" else func.greatest
    moment = ended(literal(at, Moment), stoppages.c.began_at, type_=Moment)
    return db.execute(lasting.values(ended_at=moment)).rowcount > 0


def put(db: Connection, one: Stoppage) -> None:
    """Keep a stoppage whose end is known, or that lasts."""
    values = {"cause": one.cause, "site": one.site, "host": one.host}
    times = {"began_at": one.began_at, "ended_at": one.ended_at}
    db.execute(insert(stoppages).values(**values, **times))


def prolong(db: Connection, one: Stoppage) -> None:
    """Keep a stoppage; one of the same kind that reaches to its beginning is made longer."""
    touching = stoppages.c.ended_at >= one.began_at
    longer = update(stoppages).where(*_of(one.cause, one.site, one.host), touching)
    if db.execute(longer.values(ended_at=one.ended_at)).rowcount == 0:
        put(db, one)


def between(db: Connection, since: datetime, until: datetime) -> list[Stoppage]:
    """Return the stoppages that lasted at any time between two, by their beginning."""
    lasted = or_(stoppages.c.ended_at.is_(None), stoppages.c.ended_at > since)
    return _found(db, lasted, stoppages.c.began_at < until)


def lasting(db: Connection) -> list[Stoppage]:
    """Return the stoppages that last, by their beginning."""
    return _found(db, stoppages.c.ended_at.is_(None))


def lost_sites(db: Connection) -> set[str]:
    """Return the sites that ``holdfast.toml`` names no longer."""
    return set(db.execute(select(sites.c.name).where(sites.c.gone)).scalars())


def _found(db: Connection, *conditions: ColumnElement[bool]) -> list[Stoppage]:
    columns = [one for one in stoppages.columns if one.name != "id"]
    statement = select(*columns).where(*conditions).order_by(stoppages.c.began_at, stoppages.c.id)
    return [Stoppage(**dict(row)) for row in db.execute(statement).mappings()]


def _of(cause: Cause, site: str | None, host: str | None) -> Sequence[ColumnElement[bool]]:
    return (
        stoppages.c.cause == cause,
        stoppages.c.site.is_(None) if site is None else stoppages.c.site == site,
        stoppages.c.host.is_(None) if host is None else stoppages.c.host == host,
    )
