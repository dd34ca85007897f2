"""Keep the URLs we promised to watch, and when each is due."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    update,
)

from storage.catalogue import hosts
from storage.catalogue.columns import Moment
from storage.catalogue.dialects import insert_new, portions
from storage.catalogue.pace import paced
from storage.catalogue.tables import standings, targets
from storage.host import host_of
from storage.model import Found, FoundBy, Outcome, Phase, Robots, Target, TargetState

_REPLAN = (
    update(targets)
    .where(targets.c.id == bindparam("of_id"))
    .values(due_at=bindparam("planned", type_=Moment))
)

COLUMNS = tuple(one for one in targets.columns if one.name not in ("queue_at", "pace"))
"""What a Target is made of."""

_PLACED = (
    *("site", "url", "host", "state", "found_by", "found_on", "found_at"),
    *("every", "robots", "muted", "due_at"),
)
"""What may be said of a target; the rest is what its visits made of it."""
_PLACE = update(targets).where(targets.c.url == bindparam("new_url"))
_PLACE = _PLACE.values({name: bindparam(f"new_{name}") for name in _PLACED if name != "url"})


def from_row(row: RowMapping) -> Target:
    """Make the noun of a row of COLUMNS."""
    return Target(**{str(name): value for name, value in row.items()})


def add(
    db: Connection,
    found: Sequence[Found],
    *,
    site: str,
    now: datetime,
    due_at: datetime | None,
    state: TargetState = TargetState.ACTIVE,
) -> list[Target]:
    """Add what was found and is not known yet, and return it; what is known stays as it is.

    What was captured once counts as new when it is now to be watched. A removed one stays away,
    whoever finds it: only a person brings it back, with ``put``.
    """
    wanted = {one.url: one for one in reversed(found)}
    known = _states(db, list(wanted))
    facts = {"site": site, "state": state, "found_at": now, "due_at": due_at}
    facts |= {"every": None, "robots": None}
    new: list[dict[str, object]] = []
    revived: list[dict[str, object]] = []
    for one in reversed(wanted.values()):
        row = facts | {"url": one.url, "found_by": one.found_by, "found_on": one.found_on}
        if one.url not in known:
            new.append(row | {"host": host_of(one.url), "muted": False})
        elif known[one.url] is TargetState.ONCE and state is TargetState.ACTIVE:
            revived.append(row)
    hosts.hold(db, (host_of(str(row["url"])) for row in (*new, *revived)))
    return _some(db, _insert(db, new) + _revive(db, revived))


def one(db: Connection, target_id: int) -> Target | None:
    """Return the target of this id."""
    return _first(db, targets.c.id == target_id)


def by_url(db: Connection, url: str) -> Target | None:
    """Return the target of exactly this URL."""
    return _first(db, targets.c.url == url)


def by_urls(db: Connection, urls: Sequence[str]) -> dict[str, Target]:
    """Return the targets of these URLs, each under its own."""
    found: dict[str, Target] = {}
    for part in portions(urls):
        rows = db.execute(select(*COLUMNS).where(targets.c.url.in_(part))).mappings()
        found |= {row["url"]: from_row(row) for row in rows}
    return found


def by_ids(db: Connection, ids: Sequence[int]) -> dict[int, Target]:
    """Return the targets of these ids, each under its own."""
    found: dict[int, Target] = {}
    for part in portions(ids):
        rows = db.execute(select(*COLUMNS).where(targets.c.id.in_(part))).mappings()
        found |= {row["id"]: from_row(row) for row in rows}
    return found


def spoken_of(db: Connection) -> list[Target]:
    """Return the targets that people may have said something of, in the order they were added.

    Not what a spider found, nor what was captured once, unless it was then paused, removed, muted
    or given a schedule; but the start pages of ``holdfast.toml`` as well.
    """
    said = or_(
        and_(
            targets.c.found_by.in_((FoundBy.USER, FoundBy.START)),
            targets.c.state != TargetState.ONCE,
        ),
        targets.c.state.in_((TargetState.PAUSED, TargetState.REMOVED)),
        targets.c.muted,
        targets.c.every.is_not(None),
        targets.c.robots.is_not(None),
    )
    rows = db.execute(select(*COLUMNS).where(said).order_by(targets.c.id)).mappings()
    return [from_row(row) for row in rows]


def listing(
    db: Connection,
    *,
    site: str | None = None,
    state: TargetState | None = None,
    url: str | None = None,
    after_id: int = 0,
    limit: int | None = None,
) -> list[Target]:
    """Return targets in the order they were added; go on after the last id for the next page."""
    statement = select(*COLUMNS).where(targets.c.id > after_id).order_by(targets.c.id)
    if site is not None:
        statement = statement.where(targets.c.site == site)
    if state is not None:
        statement = statement.where(targets.c.state == state)
    if url is not None:
        statement = statement.where(targets.c.url == url)
    return [from_row(row) for row in db.execute(statement.limit(limit)).mappings()]


def well_on_host(db: Connection, host: str, *, except_target: int) -> Target | None:
    """Return another watched target of a host that stands well and has carried an article."""
    statement = (
        select(*COLUMNS)
        .join(standings, standings.c.target_id == targets.c.id)
        .where(
            targets.c.host == host,
            targets.c.id != except_target,
            targets.c.queue_at.is_not(None),
            targets.c.state == TargetState.ACTIVE,
            standings.c.phase == Phase.OK,
            standings.c.good_capture_id.is_not(None),
        )
        .order_by(targets.c.queue_at, targets.c.id)
        .limit(1)
    )
    row = db.execute(statement).mappings().first()
    return None if row is None else from_row(row)


def probe_of(db: Connection, host: str, *, since: datetime) -> Target | None:
    """Return the address that nobody knows which a host was last to be asked for, since a time."""
    statement = (
        select(*COLUMNS)
        .where(
            targets.c.host == host,
            targets.c.found_by == FoundBy.PROBE,
            targets.c.found_at >= since,
        )
        .order_by(targets.c.id.desc())
        .limit(1)
    )
    row = db.execute(statement).mappings().first()
    return None if row is None else from_row(row)


def led_to(db: Connection, url: str) -> bool:
    """Say whether a page led to other targets."""
    found = select(targets.c.id).where(targets.c.found_on == url).limit(1)
    return db.execute(found).first() is not None


class Heard(Protocol):
    """What is known of a page that somebody named or found."""

    @property
    def url(self) -> str:
        """Return its address."""
        ...

    @property
    def site(self) -> str:
        """Return the name of its site."""
        ...

    @property
    def state(self) -> TargetState:
        """Return whether it is watched."""
        ...

    @property
    def found_by(self) -> FoundBy:
        """Return how it was found."""
        ...

    @property
    def found_on(self) -> str | None:
        """Return the address that named it, if any did."""
        ...

    @property
    def found_at(self) -> datetime:
        """Return when it was first heard of."""
        ...


def never_visited(
    heard: Heard, *, every: str | None = None, robots: Robots | None = None
) -> Target:
    """Return the target of a page before its first visit, due since it was found."""
    return Target(
        id=0,
        site=heard.site,
        url=heard.url,
        host=host_of(heard.url),
        state=heard.state,
        found_by=heard.found_by,
        found_on=heard.found_on,
        found_at=heard.found_at,
        every=every,
        robots=robots,
        due_at=heard.found_at,
        last_visit_at=None,
        last_outcome=None,
        last_status=None,
    )


def put(db: Connection, wanted: Sequence[Target]) -> None:
    """Keep these targets as they are to be watched, each in place of the one of its URL.

    Their ids do not count, nor do their visits where they are new.
    """
    known = _states(db, [one.url for one in wanted])
    rows = [{name: getattr(one, name) for name in _PLACED} for one in wanted]
    hosts.hold(db, (one.host for one in wanted))
    _insert(db, [row for row in rows if row["url"] not in known])
    there = [{f"new_{name}": value for name, value in row.items()} for row in rows]
    there = [row for row in there if row["new_url"] in known]
    if there:
        db.execute(_PLACE, there)
        _requeue(
            db, [one.id for one in by_urls(db, [str(row["new_url"]) for row in there]).values()]
        )


def plan(db: Connection, target_id: int, due_at: datetime | None) -> None:
    """Set when the target is to be visited next; None plans no visit."""
    _change(db, [target_id], due_at=due_at)


def replan(db: Connection, plans: Mapping[int, datetime]) -> None:
    """Set when each of these targets is to be visited next."""
    if not plans:
        return
    ids = sorted(plans)
    hosts.hold_of(db, ids)
    db.execute(_REPLAN, [{"of_id": one, "planned": plans[one]} for one in ids])
    _requeue(db, ids)


def make_due(db: Connection, ids: Sequence[int], *, at: datetime) -> None:
    """Make these due at this time or earlier; one that is due before keeps its place."""
    later = or_(targets.c.due_at.is_(None), targets.c.due_at > at)
    _change(db, ids, due_at=case((later, literal(at, Moment)), else_=targets.c.due_at))


def retry(db: Connection, outcome: Outcome, *, at: datetime) -> None:
    """Make due now every watched target whose last visit ended like this."""
    ended = targets.c.last_outcome == outcome
    waiting = select(targets.c.id).where(ended, targets.c.state == TargetState.ACTIVE)
    make_due(db, list(db.execute(waiting).scalars()), at=at)


def set_state(db: Connection, ids: Sequence[int], state: TargetState) -> None:
    """Pause, resume or remove targets; a paused one keeps its due time and holds nobody back."""
    _change(db, ids, state=state)


def requeue_site(db: Connection, site: str) -> None:
    """Put the targets of a site into their queues or out of them, after the site came or went."""
    of_site = targets.c.site == site
    names = db.execute(select(targets.c.host).where(of_site).distinct()).scalars().all()
    hosts.hold(db, names)
    queued = {"queue_at": hosts.queued(targets.c.due_at), "pace": paced(targets.c.due_at)}
    db.execute(update(targets).where(of_site).values(queued))
    hosts.settle(db, names)


def next_due(db: Connection, *, limit: int) -> list[Target]:
    """Return the targets that will be visited next, the most overdue first."""
    statement = select(*COLUMNS).where(targets.c.queue_at.is_not(None))
    statement = statement.order_by(targets.c.queue_at, targets.c.id).limit(limit)
    return [from_row(row) for row in db.execute(statement).mappings()]


def count_due(db: Connection, *, now: datetime) -> int:
    """Count the targets that should have been visited by now."""
    statement = select(func.count()).select_from(targets).where(targets.c.queue_at <= now)
    return db.execute(statement).scalar_one()


def _first(db: Connection, condition: ColumnElement[bool]) -> Target | None:
    row = db.execute(select(*COLUMNS).where(condition)).mappings().first()
    return None if row is None else from_row(row)


def _some(db: Connection, ids: Sequence[int]) -> list[Target]:
    found = by_ids(db, ids)
    return [found[one] for one in ids]


def _states(db: Connection, urls: Sequence[str]) -> dict[str, TargetState]:
    states: dict[str, TargetState] = {}
    for part in portions(urls):
        rows = db.execute(select(targets.c.url, targets.c.state).where(targets.c.url.in_(part)))
        states |= {row.url: row.state for row in rows}
    return states


def _insert(db: Connection, rows: Sequence[dict[str, object]]) -> list[int]:
    if not rows:
        return []
    # On PostgreSQL another writer may have added the same URL meanwhile: then it is not new here.
    statement = insert_new(db, targets).returning(targets.c.id)
    ids = list(db.execute(statement, rows).scalars())
    _requeue(db, ids)
    return sorted(ids)


def _revive(db: Connection, rows: Sequence[dict[str, object]]) -> list[int]:
    ids: list[int] = []
    for row in rows:
        statement = update(targets).where(targets.c.url == row["url"]).values(row)
        ids += db.execute(statement.returning(targets.c.id)).scalars()
    _requeue(db, ids)
    return ids


def _change(db: Connection, ids: Sequence[int], **values: object) -> None:
    hosts.hold_of(db, ids)
    for part in portions(ids):
        db.execute(update(targets).where(targets.c.id.in_(part)).values(values))
    _requeue(db, ids)


def _requeue(db: Connection, ids: Sequence[int]) -> None:
    for part in portions(ids):
        statement = update(targets).where(targets.c.id.in_(part))
        due_at = targets.c.due_at
        statement = statement.values(queue_at=hosts.queued(due_at), pace=paced(due_at))
        hosts.settle(db, db.execute(statement.returning(targets.c.host)).scalars())
