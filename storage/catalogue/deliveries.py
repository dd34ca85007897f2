"""Keep what is to be told through which channel, until it is sent or given up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
    true,
    update,
)

from storage.catalogue import captures, events
from storage.catalogue.dialects import insert_new, portions
from storage.catalogue.tables import deliveries, delivery_events, targets
from storage.catalogue.tables import events as event_rows
from storage.model import Delivery, DeliveryState, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A delivery that is due and still open: it may be sent together with others of its alert."""

    id: str
    alert: str
    due_at: datetime
    urgent: bool


def enqueue(
    db: Connection,
    event: Event,
    *,
    alerts: Sequence[str],
    at: datetime,
    gather: bool,
    joins_after: datetime | None = None,
) -> None:
    """Have the event told through these channels from `at` on; one of a muted target is not.

    With `gather` it joins the channel's open digest that is due at `at`, or before it but later
    than `joins_after` (now, if not given); else it opens one. What is open may be bundled with
    others once it is due; without `gather` it is sent by itself. Once is enough, twice is harmless.
    """
    if _is_muted(db, event.target_id):
        return
    joins_after = datetime.now(UTC) if joins_after is None else joins_after
    told = _told_by(db, event.id, alerts)
    opened, listed = [], []
    for alert in dict.fromkeys(alerts):
        if alert in told:
            continue
        joins = gather and joins_after < at
        delivery_id = _open_digest(db, alert, after=joins_after, until=at) if joins else None
        place = 1 if delivery_id is None else _last_place(db, delivery_id) + 1
        if delivery_id is None:
            opened.append(_opened(alert, at=at, gathers=gather))
            delivery_id = str(opened[-1]["id"])
        row = {"delivery_id": delivery_id, "place": place, "alert": alert, "event_id": event.id}
        listed.append(row)
    if opened:
        db.execute(insert(deliveries), opened)
    if listed:
        db.execute(insert(delivery_events), listed)


def hasten(db: Connection, *, latest: datetime) -> None:
    """Let no delivery wait for its next try longer than until this time."""
    late = (deliveries.c.state == DeliveryState.PENDING, deliveries.c.next_try_at > latest)
    db.execute(update(deliveries).where(*late).values(next_try_at=latest))


def waiting(db: Connection, *, now: datetime) -> list[Waiting]:
    """Return what is due and still open, of alerts that nothing holds up."""
    told = delivery_events.join(event_rows, event_rows.c.id == delivery_events.c.event_id)
    urgent = (
        select(delivery_events.c.place)
        .select_from(told)
        .where(delivery_events.c.delivery_id == deliveries.c.id, events.URGENT)
        .exists()
    )
    statement = (
        select(deliveries.c.id, deliveries.c.alert, deliveries.c.next_try_at, urgent)
        .where(*_due(now), deliveries.c.gathers == true())
        .order_by(deliveries.c.next_try_at, deliveries.c.id)
    )
    return [
        Waiting(id=number, alert=alert, due_at=at, urgent=bool(is_urgent))
        for number, alert, at, is_urgent in db.execute(statement)
    ]


def count_sent(db: Connection, *, since: datetime) -> dict[str, int]:
    """Return how many deliveries each alert took since then."""
    statement = (
        select(deliveries.c.alert, func.count())
        .where(deliveries.c.state == DeliveryState.SENT, deliveries.c.sent_at >= since)
        .group_by(deliveries.c.alert)
    )
    return {row[0]: row[1] for row in db.execute(statement)}


def bundle(db: Connection, ids: Sequence[str]) -> None:
    """Make one delivery of open ones of an alert, in the order of these ids, and close it.

    A closed delivery takes nothing more: whatever becomes of its first try, the second sends the
    same events under the same id. It keeps the id of the first.
    """
    first, *others = ids
    place = _last_place(db, first)
    moved = []
    for part in portions(others):
        listed = select(delivery_events.c.delivery_id, delivery_events.c.place).where(
            delivery_events.c.delivery_id.in_(part)
        )
        found: dict[str, list[int]] = {}
        for old_id, old_place in db.execute(listed.order_by(delivery_events.c.place)):
            found.setdefault(old_id, []).append(old_place)
        for old_id in part:
            for old_place in found.get(old_id, ()):
                place += 1
                moved.append({"old_id": old_id, "old_place": old_place, "new_place": place})
    if moved:
        db.execute(
            update(delivery_events)
            .where(
                delivery_events.c.delivery_id == bindparam("old_id"),
                delivery_events.c.place == bindparam("old_place"),
            )
            .values(delivery_id=first, place=bindparam("new_place")),
            moved,
        )
    for part in portions(others):
        db.execute(delete(deliveries).where(deliveries.c.id.in_(part)))
    db.execute(update(deliveries).where(deliveries.c.id == first).values(gathers=False))


def due(db: Connection, *, now: datetime, limit: int) -> list[Delivery]:
    """Return what should be sent by now, longest waiting first; what is still open is not.

    What held up the others comes before them, and until its next try nothing of its alert is due.
    """
    statement = (
        select(deliveries)
        .where(*_due(now), deliveries.c.gathers != true())
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
    new = (one for one in dict.fromkeys(told) if not _told_by(db, one, [alert]))
    rows = [
        {"delivery_id": delivery_id, "place": place, "alert": alert, "event_id": event_id}
        for place, event_id in enumerate(new, start=1)
    ]
    if rows:
        db.execute(insert(delivery_events), rows)


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


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    held_up = select(deliveries.c.alert).where(
        deliveries.c.state == DeliveryState.PENDING,
        deliveries.c.holds_up == true(),
        deliveries.c.next_try_at > now,
    )
    return (
        deliveries.c.state == DeliveryState.PENDING,
        deliveries.c.next_try_at <= now,
        deliveries.c.alert.not_in(held_up),
    )


def _is_muted(db: Connection, target_id: int) -> bool:
    return bool(db.execute(select(targets.c.muted).where(targets.c.id == target_id)).scalar())


def _told_by(db: Connection, event_id: str, alerts: Sequence[str]) -> set[str]:
    """Return those of the alerts that tell of an event already."""
    statement = select(delivery_events.c.alert).where(
        delivery_events.c.alert.in_(alerts), delivery_events.c.event_id == event_id
    )
    return set(db.execute(statement).scalars())


def _open_digest(db: Connection, alert: str, *, after: datetime, until: datetime) -> str | None:
    statement = (
        select(deliveries.c.id)
        .where(
            deliveries.c.alert == alert,
            deliveries.c.state == DeliveryState.PENDING,
            deliveries.c.gathers == true(),
            deliveries.c.next_try_at > after,
            deliveries.c.next_try_at <= until,
        )
        .order_by(deliveries.c.next_try_at)
        .limit(1)
        .with_for_update()
    )
    return db.execute(statement).scalar()


def _opened(alert: str, *, at: datetime, gathers: bool) -> dict[str, object]:
    return {
        "id": uuid4().hex,
        "alert": alert,
        "state": DeliveryState.PENDING,
        "gathers": gathers,
        "attempts": 0,
        "next_try_at": at,
        "holds_up": False,
        "last_error": "",
    }


def _last_place(db: Connection, delivery_id: str) -> int:
    last = select(func.coalesce(func.max(delivery_events.c.place), 0))
    place: int = db.execute(last.where(delivery_events.c.delivery_id == delivery_id)).scalar_one()
    return place


def _deliveries(db: Connection, statement: Select[*tuple[object, ...]]) -> list[Delivery]:
    rows = db.execute(statement).mappings().all()
    told = _told(db, [row["id"] for row in rows])
    made = [_from_row(row, tuple(told.get(row["id"], ()))) for row in rows]
    proofs = captures.by_ids(db, [number for one in made for number in _captures_of(one)])
    return [
        replace(one, captures={n: proofs[n] for n in _captures_of(one) if n in proofs})
        for one in made
    ]


def _captures_of(delivery: Delivery) -> list[int]:
    numbers = [n for one in delivery.events for n in (one.capture_id, one.before_capture_id)]
    return list(dict.fromkeys(number for number in numbers if number is not None))


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
