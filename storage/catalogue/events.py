"""Keep events, for ever."""

from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, func, or_, select, update

from storage.catalogue.dialects import insert_new
from storage.catalogue.tables import events
from storage.model import Alert, Axis, Event, Severity

_FIELDS = tuple(field.name for field in fields(Event))

COLUMNS = tuple(events.c[name] for name in _FIELDS)
"""What an Event is made of."""

URGENT = and_(
    events.c.alert == Alert.NOW,
    or_(events.c.severity == Severity.HIGH, events.c.axis != Axis.CONTENT),
)
"""Event.urgent, asked of rows; pinned by test_what_is_urgent_is_the_same_in_rows."""


def from_row(row: RowMapping) -> Event:
    """Make the noun of a row of COLUMNS."""
    values = {name: row[name] for name in _FIELDS}
    return Event(**values | {"target_id": row["target_id"] or 0})


def put(db: Connection, event: Event) -> bool:
    """Keep the event; False when one of its id is kept already, and then nothing changes."""
    row = {name: getattr(event, name) for name in _FIELDS}
    row |= {
        "target_id": event.target_id or None,
        "told_at": event.confirmed_at or event.captured_at,
    }
    statement = insert_new(db, events).returning(events.c.id)
    return db.execute(statement, row).first() is not None


def one(db: Connection, event_id: str) -> Event | None:
    """Return the event of this id."""
    row = db.execute(select(*COLUMNS).where(events.c.id == event_id)).mappings().first()
    return None if row is None else from_row(row)


def listing(
    db: Connection,
    *,
    since: datetime | None = None,
    url: str | None = None,
    site: str | None = None,
    limit: int | None = None,
    newest_first: bool = False,
) -> list[Event]:
    """Return events in the order they could be told: when confirmed, else when captured.

    `since` means that time too, so that a takedown whose first bad look lies before it is listed.
    """
    statement = select(*COLUMNS).order_by(events.c.told_at, events.c.id).limit(limit)
    if newest_first:
        statement = statement.order_by(None).order_by(events.c.told_at.desc(), events.c.id.desc())
    if since is not None:
        statement = statement.where(events.c.told_at >= since)
    if url is not None:
        statement = statement.where(events.c.url == url)
    if site is not None:
        statement = statement.where(events.c.site == site)
    return [from_row(row) for row in db.execute(statement).mappings()]


def newest_told(db: Connection, *, site: str | None = None, limit: int) -> list[Event]:
    """Return the newest events that are told to people, newest first."""
    statement = select(*COLUMNS).where(events.c.alert != Alert.NONE)
    if site is not None:
        statement = statement.where(events.c.site == site)
    statement = statement.order_by(events.c.told_at.desc(), events.c.id.desc()).limit(limit)
    return [from_row(row) for row in db.execute(statement).mappings()]


def acknowledged(db: Connection) -> list[Event]:
    """Return the events that a person has seen, in the order they could be told."""
    statement = select(*COLUMNS).where(events.c.acknowledged_at.is_not(None))
    rows = db.execute(statement.order_by(events.c.told_at, events.c.id)).mappings()
    return [from_row(row) for row in rows]


def acknowledge(db: Connection, event_id: str, *, at: datetime) -> bool:
    """Say that a person has seen the event; the first time counts. False when there is none."""
    seen_at = func.coalesce(events.c.acknowledged_at, at, type_=events.c.acknowledged_at.type)
    statement = update(events).where(events.c.id == event_id).values(acknowledged_at=seen_at)
    return db.execute(statement).rowcount == 1
