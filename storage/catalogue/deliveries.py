"""Keep what is to be told through which channel, until it is sent or given up."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Connection, RowMapping, Select, func, insert, select, true, update

from storage.catalogue import events
from storage.catalogue.dialects import insert_new, portions
from storage.catalogue.tables import deliveries, delivery_events, targets
from storage.catalogue.tables import events as event_rows
from storage.model import Delivery, DeliveryState, Event


def enqueue(
    db: Connection,
    event: Event,
    *,
    alerts: Sequence[str],
    at: datetime,
    gather: bool,
    now: datetime | None = None,
) -> None:
    """Have the event told through these channels from `at` on; one of a muted target is not.

    With `gather` it joins the channel's open digest, or opens one that is sent at `at`. A digest is
    open until it is due: from then on it may be on its way. Once is enough, twice is harmless.
    """
    if _is_muted(db, event.target_id):
        return
    now = datetime.now(UTC) if now is None else now
    for alert in dict.fromkeys(alerts):
        if _is_enqueued(db, event.id, alert):
            continue
        delivery_id = _open_digest(db, alert, now=now) if gather else None
        if delivery_id is None:
            delivery_id = _open(db, alert, at=at, gathers=gather)
        _append(db, delivery_id, alert, event.id)


def hasten(db: Connection, *, latest: datetime) -> None:
    """Let no delivery wait for its next try longer than until this time."""
    late = (deliveries.c.state == DeliveryState.PENDING, deliveries.c.next_try_at > latest)
    db.execute(update(deliveries).where(*late).values(next_try_at=latest))


def due(db: Connection, *, now: datetime, limit: int) -> list[Delivery]:
    """Return what should be sent by now, longest waiting first.

    What held up the others comes before them, and until its next try nothing of its alert is due.
    """
    held_up = select(deliveries.c.alert).where(
        deliveries.c.state == DeliveryState.PENDING,
        deliveries.c.holds_up == true(),
        deliveries.c.next_try_at > now,
    )
    statement = (
        select(deliveries)
        .where(
            deliveries.c.state == DeliveryState.PENDING,
            deliveries.c.next_try_at <= now,
            deliveries.c.alert.not_in(held_up),
        )
        .order_by(deliveries.c.holds_up.desc(), deliveries.c.next_try_at, deliveries.c.id)
        .limit(limit)
    )
    return _deliveries(db, statement)


def sent(db: Connection, delivery_id: str, *, at: datetime) -> None:
    """Say that the channel took the delivery."""
    db.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id)
        .values(
            state=DeliveryState.SENT,
            attempts=deliveries.c.attempts + 1,
            sent_at=at,
            last_error="",
        )
    )


def put_sent(
    db: Connection,
    delivery_id: str,
    *,
    alert: str,
    told: Sequence[str],
    attempts: int,
    at: datetime,
) -> None:
    """Keep a delivery that was sent before this catalogue was made; the events are there."""
    row = {
        "id": delivery_id,
        "alert": alert,
        "state": DeliveryState.SENT,
        "gathers": False,
        "attempts": attempts,
        "next_try_at": at,
        "holds_up": False,
        "last_error": "",
        "sent_at": at,
    }
    if not db.execute(insert_new(db, deliveries), [row]).rowcount:
        return
    for event_id in told:
        if not _is_enqueued(db, event_id, alert):
            _append(db, delivery_id, alert, event_id)


def failed(
    db: Connection,
    delivery_id: str,
    *,
    error: str,
    next_try_at: datetime | None,
    holds_up: bool = False,
) -> None:
    """Say why the channel did not take the delivery, and when to try again; None gives it up.

    With `holds_up` the channel is not well, and those after it wait for its next try.
    """
    values: dict[str, object] = {
        "attempts": deliveries.c.attempts + 1,
        "last_error": error,
        "holds_up": holds_up,
    }
    if next_try_at is None:
        values["state"] = DeliveryState.GIVEN_UP
    else:
        values["next_try_at"] = next_try_at
    db.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(values))


def listing(
    db: Connection, *, alert: str | None = None, limit: int | None = None
) -> list[Delivery]:
    """Return deliveries of every state, the one with the latest try first."""
    order = (deliveries.c.next_try_at.desc(), deliveries.c.id)
    statement = select(deliveries).order_by(*order).limit(limit)
    if alert is not None:
        statement = statement.where(deliveries.c.alert == alert)
    return _deliveries(db, statement)


def _is_muted(db: Connection, target_id: int) -> bool:
    return bool(db.execute(select(targets.c.muted).where(targets.c.id == target_id)).scalar())


def _is_enqueued(db: Connection, event_id: str, alert: str) -> bool:
    statement = select(delivery_events.c.event_id).where(
        delivery_events.c.alert == alert, delivery_events.c.event_id == event_id
    )
    return db.execute(statement).first() is not None


def _open_digest(db: Connection, alert: str, *, now: datetime) -> str | None:
    statement = (
        select(deliveries.c.id)
        .where(
            deliveries.c.alert == alert,
            deliveries.c.state == DeliveryState.PENDING,
            deliveries.c.gathers == true(),
            # One that was tried may have arrived all the same: a second try must be the same.
            deliveries.c.attempts == 0,
            deliveries.c.next_try_at > now,
        )
        .order_by(deliveries.c.next_try_at)
        .limit(1)
        .with_for_update()
    )
    return db.execute(statement).scalar()


def _open(db: Connection, alert: str, *, at: datetime, gathers: bool) -> str:
    delivery_id = uuid4().hex
    row = {
        "id": delivery_id,
        "alert": alert,
        "state": DeliveryState.PENDING,
        "gathers": gathers,
        "attempts": 0,
        "next_try_at": at,
        "holds_up": False,
        "last_error": "",
    }
    db.execute(insert(deliveries), row)
    return delivery_id


def _append(db: Connection, delivery_id: str, alert: str, event_id: str) -> None:
    last = select(func.coalesce(func.max(delivery_events.c.place), 0))
    place = db.execute(last.where(delivery_events.c.delivery_id == delivery_id)).scalar_one() + 1
    row = {"delivery_id": delivery_id, "place": place, "alert": alert, "event_id": event_id}
    db.execute(insert(delivery_events), row)


def _deliveries(db: Connection, statement: Select[*tuple[object, ...]]) -> list[Delivery]:
    rows = db.execute(statement).mappings().all()
    told = _told(db, [row["id"] for row in rows])
    return [_from_row(row, tuple(told.get(row["id"], ()))) for row in rows]


def _told(db: Connection, delivery_ids: Sequence[str]) -> dict[str, list[Event]]:
    told: dict[str, list[Event]] = {}
    for part in portions(delivery_ids):
        statement = (
            select(delivery_events.c.delivery_id, *events.COLUMNS)
            .join(event_rows, event_rows.c.id == delivery_events.c.event_id)
            .where(delivery_events.c.delivery_id.in_(part))
            .order_by(delivery_events.c.delivery_id, delivery_events.c.place)
        )
        for row in db.execute(statement).mappings():
            told.setdefault(row["delivery_id"], []).append(events.from_row(row))
    return told


def _from_row(row: RowMapping, told: tuple[Event, ...]) -> Delivery:
    return Delivery(
        id=row["id"],
        alert=row["alert"],
        state=row["state"],
        events=told,
        attempts=row["attempts"],
        next_try_at=row["next_try_at"],
        last_error=row["last_error"],
        sent_at=row["sent_at"],
    )
